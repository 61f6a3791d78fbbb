//===- LinearForm.cpp - Sums of indices, sizes and scalars ----------------===//

#include "dialect/LinearForm.h"
#include "dialect/QuantityBuilder.h"

using namespace mlir;
using namespace attn;

/// Coefficients and constants stay below this, so that sums of them are exact;
/// a form beyond it counts as not linear.
static constexpr int64_t largest = int64_t(1) << 40;

std::optional<LinearForm> LinearForm::of(Value value) {
  LinearForm form;
  if (!quantity(value).getElementType().isInteger(64))
    return std::nullopt;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (!quantity(value).isScalar())
      return std::nullopt;
    form.terms[{Symbol::Scalar, "", argument.getArgNumber()}] = 1;
    return form;
  }
  Operation *op = value.getDefiningOp();
  if (std::optional<int64_t> number = constantInteger(value)) {
    form.constant = *number;
    return std::abs(form.constant) < largest ? std::optional(form)
                                             : std::nullopt;
  }
  if (auto index = dyn_cast<IndexOp>(op)) {
    form.terms[{Symbol::Index, index.getDim().str()}] = 1;
    return form;
  }
  if (auto extentOp = dyn_cast<ExtentOp>(op))
    return extent(extentOp.getDimAttr(), op->getParentOfType<SpecOp>());
  if (auto unary = dyn_cast<UnaryOp>(op)) {
    std::optional<LinearForm> operand = of(unary.getOperand());
    if (!operand || unary.getKind() != UnaryKind::Neg)
      return std::nullopt;
    return operand->times(-1);
  }
  auto binary = dyn_cast<BinaryOp>(op);
  if (!binary)
    return std::nullopt;
  std::optional<LinearForm> a = of(binary.getLhs()), b = of(binary.getRhs());
  if (!a || !b)
    return std::nullopt;
  if (binary.getKind() == BinaryKind::Add)
    return *a + *b;
  if (binary.getKind() == BinaryKind::Sub)
    return *a - *b;
  if (binary.getKind() != BinaryKind::Mul)
    return std::nullopt;
  std::optional<int64_t> factor = b->asConstant();
  if (!factor) {
    std::swap(a, b);
    factor = b->asConstant();
  }
  if (!factor || std::abs(*factor) >= (int64_t(1) << 20))
    return std::nullopt;
  return a->times(*factor);
}

LinearForm LinearForm::extent(StringAttr dim, SpecOp spec) {
  LinearForm form;
  if (std::optional<int64_t> size = spec.getStaticSize(dim))
    form.constant = *size;
  else
    form.terms[{Symbol::Extent, dim.str()}] = 1;
  return form;
}

LinearForm LinearForm::operator+(const LinearForm &other) const {
  LinearForm sum = *this;
  sum.constant += other.constant;
  for (const auto &[symbol, coefficient] : other.terms)
    if ((sum.terms[symbol] += coefficient) == 0)
      sum.terms.erase(symbol);
  return sum;
}

LinearForm LinearForm::operator-(const LinearForm &other) const {
  return *this + other.times(-1);
}

LinearForm LinearForm::times(int64_t factor) const {
  LinearForm product;
  if (factor == 0)
    return product;
  product.constant = constant * factor;
  for (const auto &[symbol, coefficient] : terms)
    product.terms[symbol] = coefficient * factor;
  return product;
}

LinearForm LinearForm::plus(int64_t number) const {
  LinearForm sum = *this;
  sum.constant += number;
  return sum;
}

std::optional<int64_t> LinearForm::asConstant() const {
  return terms.empty() ? std::optional(constant) : std::nullopt;
}

LinearForm LinearForm::minimum(SpecOp spec) const {
  LinearForm least;
  least.constant = constant;
  for (const auto &[symbol, coefficient] : terms) {
    LinearForm term;
    if (symbol.kind != Symbol::Index)
      term.terms[symbol] = coefficient;
    else if (coefficient < 0) // At its last index; at 0 it adds nothing.
      term = extent(StringAttr::get(spec.getContext(), symbol.name), spec)
                 .plus(-1)
                 .times(coefficient);
    least = least + term;
  }
  return least;
}

Value LinearForm::build(OpBuilder &builder, Location loc, SpecOp spec) const {
  QuantityBuilder quantities(builder, spec);
  Value sum = quantities.constant(loc, constant);
  // In the order of declaration: names of dimensions carry no meaning.
  auto positionOf = [&](const Symbol &symbol) {
    return symbol.kind == Symbol::Scalar
               ? symbol.argument
               : spec.getDimPosition(builder.getStringAttr(symbol.name));
  };
  std::vector<std::pair<Symbol, int64_t>> ordered(terms.begin(), terms.end());
  llvm::stable_sort(ordered, [&](const auto &a, const auto &b) {
    return std::pair(a.first.kind, positionOf(a.first)) <
           std::pair(b.first.kind, positionOf(b.first));
  });
  for (const auto &[symbol, coefficient] : ordered) {
    assert(symbol.kind != Symbol::Index && "the form has an index left");
    Value value =
        symbol.kind == Symbol::Scalar
            ? Value(spec.getBody().getArgument(symbol.argument))
            : quantities.extent(loc, builder.getStringAttr(symbol.name));
    Value term = quantities.binary(loc, BinaryKind::Mul, value,
                                   quantities.constant(loc, coefficient));
    sum = quantities.binary(loc, BinaryKind::Add, sum, term);
  }
  return sum;
}
