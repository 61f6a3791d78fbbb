//===- LinearForm.cpp - Sums of indices, sizes and scalars ----------------===//

#include "dialect/LinearForm.h"
#include "dialect/QuantityBuilder.h"

using namespace mlir;
using namespace attn;
using llvm::DynamicAPInt;

/// A form with coefficients beyond these counts as not linear: with extents
/// and scalars below 2^31, and some hundred symbols, a call can evaluate what
/// is made of two forms without overflow.
static constexpr int64_t largestCoefficient = int64_t(1) << 24;
static constexpr int64_t largestConstant = int64_t(1) << 56;

std::optional<LinearForm> LinearForm::of(Value value) {
  Forms known;
  return of(value, known);
}

std::optional<LinearForm> LinearForm::of(Value value, Forms &known) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  std::optional<LinearForm> form = compute(value, known);
  if (form && !form->isSmall())
    form = std::nullopt;
  known[value] = form;
  return form;
}

bool LinearForm::isSmall() const {
  return abs(constant) < largestConstant &&
         llvm::all_of(
             terms,
             [](const auto &term) {
               return abs(term.second) < largestCoefficient;
             });
}

std::optional<LinearForm> LinearForm::compute(Value value, Forms &known) {
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
    return form;
  }
  if (auto index = dyn_cast<IndexOp>(op)) {
    form.terms[{Symbol::Index, index.getDim().str()}] = 1;
    return form;
  }
  if (auto extentOp = dyn_cast<ExtentOp>(op))
    return extent(extentOp.getDimAttr(), op->getParentOfType<SpecOp>());
  if (auto unary = dyn_cast<UnaryOp>(op)) {
    std::optional<LinearForm> operand = of(unary.getOperand(), known);
    if (!operand || unary.getKind() != UnaryKind::Neg)
      return std::nullopt;
    return operand->times(DynamicAPInt(-1));
  }
  auto binary = dyn_cast<BinaryOp>(op);
  if (!binary)
    return std::nullopt;
  std::optional<LinearForm> a = of(binary.getLhs(), known);
  std::optional<LinearForm> b = of(binary.getRhs(), known);
  if (!a || !b)
    return std::nullopt;
  if (binary.getKind() == BinaryKind::Add)
    return *a + *b;
  if (binary.getKind() == BinaryKind::Sub)
    return *a - *b;
  if (binary.getKind() != BinaryKind::Mul)
    return std::nullopt;
  if (!b->terms.empty())
    std::swap(a, b);
  return b->terms.empty() ? std::optional(a->times(b->constant)) : std::nullopt;
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
  return *this + other.times(DynamicAPInt(-1));
}

LinearForm LinearForm::times(const DynamicAPInt &factor) const {
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

bool LinearForm::lacksIndexOf(const LinearForm &other) const {
  return llvm::any_of(other.terms, [&](const auto &term) {
    return term.first.kind == Symbol::Index && !terms.contains(term.first);
  });
}

unsigned LinearForm::numIndices() const {
  return llvm::count_if(
      terms, [](const auto &term) { return term.first.kind == Symbol::Index; });
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

/// \p number as an i64; one that is beyond them only has to keep its sign.
static int64_t clamped(const DynamicAPInt &number) {
  constexpr int64_t far = int64_t(1) << 60;
  if (abs(number) < far)
    return int64_t(number);
  return number < 0 ? -far : far;
}

Value LinearForm::build(OpBuilder &builder, Location loc, SpecOp spec) const {
  QuantityBuilder quantities(builder, spec);
  Value sum = quantities.constant(loc, clamped(constant));
  // In the order of declaration: names of dimensions carry no meaning.
  auto positionOf = [&](const Symbol &symbol) {
    return symbol.kind == Symbol::Scalar
               ? symbol.argument
               : spec.getDimPosition(builder.getStringAttr(symbol.name));
  };
  std::vector<std::pair<Symbol, DynamicAPInt>> ordered(terms.begin(),
                                                       terms.end());
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
    Value term =
        quantities.binary(loc, BinaryKind::Mul, value,
                          quantities.constant(loc, clamped(coefficient)));
    sum = quantities.binary(loc, BinaryKind::Add, sum, term);
  }
  return sum;
}
