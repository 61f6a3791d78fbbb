//===- AttnFolds.cpp - Folding of the attn ops ----------------------------===//
//
// Only what is exact on every input: no identity that holds for finite numbers
// alone (x * 0 is not folded). Products in place of powers round less.
//
//===----------------------------------------------------------------------===//

#include "dialect/AttnOps.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;

namespace {

std::optional<int64_t> intOf(Attribute attr) {
  if (auto value = dyn_cast_or_null<IntegerAttr>(attr))
    return value.getType().isInteger(1)
               ? int64_t(value.getValue().getBoolValue())
               : value.getInt();
  return std::nullopt;
}

std::optional<double> floatOf(Attribute attr) {
  if (auto value = dyn_cast_or_null<FloatAttr>(attr))
    return value.getValueAsDouble();
  return std::nullopt;
}

bool isNumber(Attribute attr, double number) {
  if (auto value = floatOf(attr))
    return *value == number;
  auto value = intOf(attr);
  return value && double(*value) == number;
}

/// x - (-0) is x + 0, and that is 0 where x is -0.
bool isNegativeZero(Attribute attr) {
  auto value = dyn_cast_or_null<FloatAttr>(attr);
  return value && value.getValue().isNegZero();
}

std::optional<int64_t> foldInt(BinaryKind kind, int64_t a, int64_t b) {
  int64_t result;
  switch (kind) {
  case BinaryKind::Add:
    return llvm::AddOverflow(a, b, result) ? std::nullopt
                                           : std::optional(result);
  case BinaryKind::Sub:
    return llvm::SubOverflow(a, b, result) ? std::nullopt
                                           : std::optional(result);
  case BinaryKind::Mul:
    return llvm::MulOverflow(a, b, result) ? std::nullopt
                                           : std::optional(result);
  case BinaryKind::FloorDiv:
    if (b == 0 || b == -1)
      return std::nullopt;
    return llvm::divideFloorSigned(a, b);
  case BinaryKind::Mod:
    if (b == 0 || b == -1)
      return std::nullopt;
    return a - llvm::divideFloorSigned(a, b) * b;
  case BinaryKind::Min:
    return std::min(a, b);
  case BinaryKind::Max:
    return std::max(a, b);
  case BinaryKind::And:
    return a & b;
  case BinaryKind::Or:
    return a | b;
  case BinaryKind::Xor:
    return a ^ b;
  default:
    return std::nullopt;
  }
}

bool compare(Predicate predicate, auto a, auto b) {
  switch (predicate) {
  case Predicate::LT:
    return a < b;
  case Predicate::LE:
    return a <= b;
  case Predicate::GT:
    return a > b;
  case Predicate::GE:
    return a >= b;
  case Predicate::EQ:
    return a == b;
  case Predicate::NE:
    return a != b;
  }
  llvm_unreachable("unknown predicate");
}

} // namespace

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

OpFoldResult ExtentOp::fold(FoldAdaptor) {
  auto spec = (*this)->getParentOfType<SpecOp>();
  if (!spec)
    return {};
  if (auto size = spec.getStaticSize(getDimAttr()))
    return IntegerAttr::get(IntegerType::get(getContext(), 64), *size);
  return {};
}

OpFoldResult UnaryOp::fold(FoldAdaptor adaptor) {
  if (getKind() == UnaryKind::Not) {
    if (auto value = intOf(adaptor.getOperand()))
      return BoolAttr::get(getContext(), !*value);
    if (auto inner = getOperand().getDefiningOp<UnaryOp>();
        inner && inner.getKind() == UnaryKind::Not)
      return inner.getOperand();
  }
  if (getKind() == UnaryKind::Neg) {
    if (auto value = dyn_cast_or_null<FloatAttr>(adaptor.getOperand()))
      return FloatAttr::get(value.getType(), -value.getValue());
    if (auto value = dyn_cast_or_null<IntegerAttr>(adaptor.getOperand()))
      return IntegerAttr::get(value.getType(), -value.getValue());
  }
  return {};
}

OpFoldResult BinaryOp::fold(FoldAdaptor adaptor) {
  Attribute lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
  Type element = quantity(getResult()).getElementType();
  if (auto a = intOf(lhs), b = intOf(rhs); a && b)
    if (auto value = foldInt(getKind(), *a, *b))
      return element.isInteger(1)
                 ? Attribute(BoolAttr::get(getContext(), *value != 0))
                 : IntegerAttr::get(element, *value);
  bool keepsLhs = getLhs().getType() == getResult().getType();
  bool keepsRhs = getRhs().getType() == getResult().getType();
  bool isInteger = element.isInteger(64);
  switch (getKind()) {
  case BinaryKind::Add:
    // x + 0 is x for integers; for f32, -0 + 0 is 0, so only x - 0 is exact.
    if (isInteger && keepsLhs && isNumber(rhs, 0))
      return getLhs();
    if (isInteger && keepsRhs && isNumber(lhs, 0))
      return getRhs();
    break;
  case BinaryKind::Sub:
    if (keepsLhs && isNumber(rhs, 0) && !isNegativeZero(rhs))
      return getLhs();
    break;
  case BinaryKind::Mul:
    if (keepsLhs && isNumber(rhs, 1))
      return getLhs();
    if (keepsRhs && isNumber(lhs, 1))
      return getRhs();
    break;
  case BinaryKind::Div:
    if (keepsLhs && isNumber(rhs, 1))
      return getLhs();
    break;
  case BinaryKind::FloorDiv:
    if (isInteger && keepsLhs && (isNumber(rhs, 1) || isNumber(lhs, 0)))
      return getLhs();
    break;
  case BinaryKind::Mod:
    if (isInteger && keepsLhs && isNumber(lhs, 0))
      return getLhs();
    break;
  case BinaryKind::Min:
  case BinaryKind::Max:
    if (getLhs() == getRhs())
      return getLhs();
    break;
  case BinaryKind::And:
    if (element.isInteger(1)) {
      if (keepsLhs && isNumber(rhs, 1))
        return getLhs();
      if (keepsRhs && isNumber(lhs, 1))
        return getRhs();
      if (keepsRhs && isNumber(rhs, 0))
        return getRhs();
      if (keepsLhs && isNumber(lhs, 0))
        return getLhs();
    }
    if (getLhs() == getRhs())
      return getLhs();
    break;
  case BinaryKind::Or:
    if (element.isInteger(1)) {
      if (keepsLhs && isNumber(rhs, 0))
        return getLhs();
      if (keepsRhs && isNumber(lhs, 0))
        return getRhs();
      if (keepsRhs && isNumber(rhs, 1))
        return getRhs();
      if (keepsLhs && isNumber(lhs, 1))
        return getLhs();
    }
    if (getLhs() == getRhs())
      return getLhs();
    break;
  default:
    break;
  }
  return {};
}

OpFoldResult CompareOp::fold(FoldAdaptor adaptor) {
  if (auto a = intOf(adaptor.getLhs()), b = intOf(adaptor.getRhs()); a && b)
    return BoolAttr::get(getContext(), compare(getPredicate(), *a, *b));
  if (auto a = floatOf(adaptor.getLhs()), b = floatOf(adaptor.getRhs()); a && b)
    return BoolAttr::get(getContext(), compare(getPredicate(), *a, *b));
  return {};
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  if (auto condition = intOf(adaptor.getCondition())) {
    Value chosen = *condition ? getThen() : getOtherwise();
    if (chosen.getType() == getResult().getType())
      return chosen;
  }
  return {};
}

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getType() == getResult().getType())
    return getOperand();
  Type element = quantity(getResult()).getElementType();
  if (auto value = intOf(adaptor.getOperand()); value && element.isF32()) {
    // Rounded once, as the cast itself does: not by way of double.
    llvm::APFloat number(llvm::APFloat::IEEEsingle());
    number.convertFromAPInt(llvm::APInt(64, *value, /*isSigned=*/true),
                            /*IsSigned=*/true,
                            llvm::APFloat::rmNearestTiesToEven);
    return FloatAttr::get(element, number);
  }
  return {};
}

namespace {

/// A constant stands on the right of a commutative op, so that patterns look in
/// one place.
struct ConstantToTheRight : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BinaryOp op,
                                PatternRewriter &rewriter) const override {
    switch (op.getKind()) {
    case BinaryKind::Add:
    case BinaryKind::Mul:
    case BinaryKind::Min:
    case BinaryKind::Max:
    case BinaryKind::And:
    case BinaryKind::Or:
    case BinaryKind::Xor:
      break;
    default:
      return failure();
    }
    if (!op.getLhs().getDefiningOp<ConstantOp>() ||
        op.getRhs().getDefiningOp<ConstantOp>())
      return failure();
    rewriter.replaceOpWithNewOp<BinaryOp>(op, op.getType(), op.getKind(),
                                          op.getRhs(), op.getLhs());
    return success();
  }
};

/// x ** n is a product for a small n: a machine has no instruction for a power,
/// and what it computes one of rounds more than a product does. Signs,
/// infinities and NaN come out the same.
struct PowerToProduct : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BinaryOp op,
                                PatternRewriter &rewriter) const override {
    auto constant = op.getRhs().getDefiningOp<ConstantOp>();
    if (op.getKind() != BinaryKind::Pow || !constant ||
        op.getLhs().getType() != op.getType())
      return failure();
    constexpr int64_t most = 8;
    int64_t left = 1;
    while (left <= most && !isNumber(constant.getValue(), double(left)))
      ++left;
    if (left > most)
      return failure();
    auto multiply = [&](Value a, Value b) -> Value {
      return BinaryOp::create(rewriter, op.getLoc(), op.getType(),
                              BinaryKind::Mul, a, b);
    };
    Value product, square = op.getLhs();
    for (; left != 0; left /= 2) {
      if (left % 2)
        product = product ? multiply(product, square) : square;
      if (left > 1)
        square = multiply(square, square);
    }
    rewriter.replaceOp(op, product);
    return success();
  }
};

} // namespace

void BinaryOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<ConstantToTheRight, PowerToProduct>(context);
}
