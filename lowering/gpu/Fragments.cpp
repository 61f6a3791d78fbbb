//===- Fragments.cpp - Quantities on the fragments of a product -----------===//

#include "lowering/gpu/Fragments.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Signs.h"
#include "lowering/cpu/VectorMath.h"
#include "lowering/gpu/IntegerRanges.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

static constexpr double log2OfE = std::numbers::log2e;

//===----------------------------------------------------------------------===//
// Scopes and places
//===----------------------------------------------------------------------===//

Value FragmentScope::row(unsigned position, unsigned number) const {
  if (!rows.empty())
    return rows[position][number];
  return outer ? outer->row(position, number) : Value();
}
Value FragmentScope::first(unsigned position) const {
  if (!firstColumns.empty())
    return firstColumns[position];
  return outer ? outer->first(position) : Value();
}
Value FragmentScope::last(unsigned position) const {
  if (!lastColumns.empty())
    return lastColumns[position];
  return outer ? outer->last(position) : Value();
}

/// The scope around \p scope in which \p key is what it is here.
static const FragmentScope *around(const FragmentScope *scope,
                                   const FragmentScope::Key &key) {
  bool isElsewhere = scope->countsColumns && std::get<2>(key) >= 0;
  return isElsewhere ? nullptr : scope->outer;
}
template <typename Key>
static const FragmentScope *around(const FragmentScope *scope, const Key &) {
  return scope->outer;
}

const Scaled *FragmentScope::productOf(const Key &key) const {
  auto found = products.find(key);
  if (found != products.end())
    return &found->second;
  const FragmentScope *next = around(this, key);
  return next ? next->productOf(key) : nullptr;
}

Value FragmentScope::valueOf(const Key &key) const {
  auto found = values.find(key);
  if (found != values.end())
    return found->second;
  const FragmentScope *next = around(this, key);
  return next ? next->valueOf(key) : Value();
}

bool FragmentEvaluator::hasAny(Value value, ArrayRef<FragmentDim> dims) {
  return llvm::any_of(dims, [&](const FragmentDim &entry) {
    return quantity(value).hasDim(entry.dim);
  });
}

std::optional<unsigned> FragmentEvaluator::find(ArrayRef<FragmentDim> dims,
                                                StringAttr dim) {
  for (auto [position, entry] : llvm::enumerate(dims))
    if (entry.dim == dim)
      return unsigned(position);
  return std::nullopt;
}

int FragmentEvaluator::offsetOf(unsigned position, int column) const {
  for (unsigned i = columns.size() - 1; i != position; --i)
    column /= int(columns[i].box);
  return position == 0 ? column : column % int(columns[position].box);
}

void FragmentEvaluator::shiftColumns(Value distance, FragmentScope &scope) {
  scope.countsColumns = true;
  unsigned inner = 1;
  for (unsigned i = columns.size(); i-- != 0; inner *= columns[i].box) {
    Value offset = distance;
    if (inner != 1)
      offset = arith::DivUIOp::create(code.builder, code.loc, offset,
                                      warps.i32(inner));
    if (i != 0)
      offset = arith::RemUIOp::create(code.builder, code.loc, offset,
                                      warps.i32(columns[i].box));
    if (Value step = columns[i].step)
      offset = code.mul(offset, step);
    scope.firstColumns.push_back(code.add(scope.outer->first(i), offset));
  }
  std::reverse(scope.firstColumns.begin(), scope.firstColumns.end());
}

Place FragmentEvaluator::reduce(Value value, Place place) {
  if (!onRows(value))
    place.row = -1;
  if (!onColumns(value))
    place.column = -1;
  if (place.column <= 0 || columns.size() == 1)
    return place;
  // Columns that differ in other dimensions alone share an element.
  int kept = 0, inner = 1;
  for (unsigned i = columns.size(); i-- != 0; inner *= int(columns[i].box))
    if (quantity(value).hasDim(columns[i].dim))
      kept += offsetOf(i, place.column) * inner;
  place.column = kept;
  return place;
}

static bool isInteger(Value value) {
  Type element = quantity(value).getElementType();
  return element.isInteger() && !element.isInteger(1);
}

//===----------------------------------------------------------------------===//
// What can be evaluated
//===----------------------------------------------------------------------===//

/// The tensor that \p value is, under conversions.
static Value storedUnderCasts(Value value, const cpu::CallLayout &layout) {
  while (!layout.isStored(value)) {
    auto cast = value.getDefiningOp<CastOp>();
    if (!cast)
      return {};
    value = cast.getOperand();
  }
  return value;
}

bool FragmentEvaluator::canEvaluate(Value value) {
  bool can = true;
  walkFormula(value, [&](Value part) {
    if (given.contains(part) || uniform.layout.isStored(part) ||
        isa<BlockArgument>(part))
      return false;
    Operation *op = part.getDefiningOp();
    if (auto read = dyn_cast<ReadOp>(op))
      can &= bool(storedUnderCasts(read.getSource(), uniform.layout));
    else
      can &= isa<ConstantOp, IndexOp, ExtentOp, UnaryOp, BinaryOp, CompareOp,
                 SelectOp, CastOp, UniformOp>(op);
    return can;
  });
  return can;
}

std::optional<double> attn::gpu::constantReal(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
      return real.getValueAsDouble();
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue());
        integer && !integer.getType().isInteger(1))
      return double(integer.getValue().getSExtValue());
    return std::nullopt;
  }
  if (auto cast = dyn_cast_or_null<CastOp>(op);
      cast && quantity(cast.getResult()).getElementType().isF32())
    return constantReal(cast.getOperand());
  if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    std::optional<double> x = constantReal(unary.getOperand());
    if (!x)
      return std::nullopt;
    switch (unary.getKind()) {
    case UnaryKind::Neg:
      return -*x;
    case UnaryKind::Sqrt:
      return std::sqrt(*x);
    case UnaryKind::Rsqrt:
      return 1 / std::sqrt(*x);
    case UnaryKind::Log:
      return std::log(*x);
    case UnaryKind::Exp:
      return std::exp(*x);
    default:
      return std::nullopt;
    }
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

template <typename Map, typename Key>
static auto *lookup(const FragmentScope *scope, Map FragmentScope::*map,
                    const Key &key) {
  for (; scope; scope = around(scope, key)) {
    auto found = (scope->*map).find(key);
    if (found != (scope->*map).end())
      return &found->second;
  }
  return static_cast<decltype(&(scope->*map).find(key)->second)>(nullptr);
}

Value FragmentEvaluator::evaluate(Value value, Place place,
                                  FragmentScope &scope) {
  if (isInteger(value))
    return materialize(evaluateInteger(value, place, scope),
                       integerType(value));
  place = reduce(value, place);
  if (Value known = atHand(value, place, scope))
    return known;
  Value result = compute(value, place, scope);
  return scope.values[{value, place.row, place.column}] = result;
}

/// What is known of \p value already, or given from outside.
Value FragmentEvaluator::atHand(Value value, Place place,
                                FragmentScope &scope) {
  FragmentScope::Key key{value, place.row, place.column};
  if (Value known = scope.valueOf(key))
    return known;
  Value given = provide ? provide(value, place, scope) : Value();
  if (given)
    scope.values[key] = given;
  return given;
}

Value FragmentEvaluator::compute(Value value, Place place,
                                 FragmentScope &scope) {
  if (std::optional<double> number = constantReal(value))
    if (quantity(value).getElementType().isF32())
      return code.real(*number);
  if (uniform.layout.isStored(value))
    return load(value, place, scope, Elsewhere());
  if (isa<BlockArgument>(value))
    return uniform.evaluate(value, scope.uniform);
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<ConstantOp>(op))
    return arith::ConstantOp::create(code.builder, code.loc,
                                     constant.getValue());
  if (auto unaryOp = dyn_cast<UnaryOp>(op))
    return unary(unaryOp, place, scope);
  if (auto binaryOp = dyn_cast<BinaryOp>(op))
    return binary(binaryOp, place, scope);
  if (auto compareOp = dyn_cast<CompareOp>(op))
    return compare(compareOp, place, scope);
  if (auto select = dyn_cast<SelectOp>(op)) {
    Value condition = evaluate(select.getCondition(), place, scope);
    Value a = evaluate(select.getThen(), place, scope);
    Value b = evaluate(select.getOtherwise(), place, scope);
    return code.select(condition, a, b);
  }
  if (auto cast = dyn_cast<CastOp>(op)) {
    Value operand = cast.getOperand();
    Type to = quantity(value).getElementType();
    if (isInteger(operand)) {
      Integer integer = evaluateInteger(operand, place, scope);
      if (to.isInteger(1)) {
        Value number = materialize(integer, integerType(operand));
        return code.compare(arith::CmpIPredicate::ne, number,
                            code.intLike(number, 0));
      }
      return toReal(integer, scope);
    }
    Value x = evaluate(operand, place, scope);
    Type from = x.getType();
    if (from.isInteger(1))
      return code.select(x, code.real(1), code.real(0));
    if (to.isInteger(1))
      return code.compare(arith::CmpFPredicate::UNE, x, code.real(0));
    if (from == to)
      return x;
    if (from.isF32())
      return arith::TruncFOp::create(code.builder, code.loc, to, x);
    return arith::ExtFOp::create(code.builder, code.loc, to, x);
  }
  if (auto read = dyn_cast<ReadOp>(op)) {
    // Of an empty dimension, 0 is read.
    Elsewhere elsewhere;
    Value hasElements = uniform.areNotEmpty(toDims(read.getDims()));
    elsewhere.hasElements = hasElements;
    for (auto [dim, index] : llvm::zip_equal(
             read.getDims().getAsRange<StringAttr>(), read.getIndices())) {
      Integer at = evaluateInteger(index, place, scope);
      // It may depend on data, and pairs outside of the mask, of which the
      // check of the spec's reads says nothing, are looked at as well.
      Value number = warps.toI32(materialize(at, integerType(index)));
      Value last = code.sub(warps.toI32(uniform.extent(dim)), warps.i32(1));
      if (hasElements)
        last = code.select(hasElements, last, warps.i32(0));
      elsewhere.indices[dim] = {code.max(code.min(number, last), warps.i32(0)),
                                0};
    }
    return load(read.getSource(), place, scope, elsewhere);
  }
  auto random = cast<UniformOp>(op);
  SmallVector<Value> indices;
  for (Value operand : random.getIndices())
    indices.push_back(evaluate(operand, place, scope));
  return cpu::uniform(code, evaluate(random.getSeed(), place, scope), indices);
}

Value FragmentEvaluator::unary(UnaryOp op, Place place, FragmentScope &scope) {
  Value operand = op.getOperand();
  switch (op.getKind()) {
  case UnaryKind::Exp:
    return warps.exp2(multiple(operand, log2OfE, place, scope));
  case UnaryKind::Sigmoid: {
    Value power = warps.exp2(multiple(operand, -log2OfE, place, scope));
    return warps.reciprocal(code.add(power, code.real(1)));
  }
  case UnaryKind::Log:
  case UnaryKind::Softplus:
    return whole(takenApart(op, place, scope));
  default:
    break;
  }
  Value x = evaluate(operand, place, scope);
  switch (op.getKind()) {
  case UnaryKind::Neg:
    return code.neg(x);
  case UnaryKind::Abs:
    return LLVM::FAbsOp::create(code.builder, code.loc, x);
  case UnaryKind::Exp2:
    return warps.exp2(x);
  case UnaryKind::Log2:
    return warps.log2(x);
  case UnaryKind::Sqrt:
    return warps.sqrt(x);
  case UnaryKind::Rsqrt:
    return warps.rsqrt(x);
  case UnaryKind::Tanh:
    return tanh(x);
  case UnaryKind::Floor:
    return LLVM::FFloorOp::create(code.builder, code.loc, x);
  case UnaryKind::Ceil:
    return LLVM::FCeilOp::create(code.builder, code.loc, x);
  case UnaryKind::Not:
    return code.lnot(x);
  case UnaryKind::NegInfToZero: {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return code.select(
        code.compare(arith::CmpFPredicate::OEQ, x, code.real(-infinity)),
        code.real(0), x);
  }
  default:
    return cpu::unary(code, op.getKind(), x);
  }
}

Value FragmentEvaluator::tanh(Value x) {
  return isPrecise ? cpu::unary(code, UnaryKind::Tanh, x) : warps.tanh(x);
}

Value FragmentEvaluator::binary(BinaryOp op, Place place,
                                FragmentScope &scope) {
  BinaryKind kind = op.getKind();
  Value left = op.getLhs(), right = op.getRhs();
  if (onColumns(op.getResult())) {
    if (kind == BinaryKind::Mul || kind == BinaryKind::Div)
      return whole(takenApart(op, place, scope));
    if (kind == BinaryKind::Add || kind == BinaryKind::Sub)
      return sum(op, 1, place, scope);
  }
  if (kind == BinaryKind::Ratio)
    return whole(takenApart(op, place, scope));
  Value a = evaluate(left, place, scope), b = evaluate(right, place, scope);
  switch (kind) {
  case BinaryKind::Add:
    return code.add(a, b);
  case BinaryKind::Sub:
    return code.sub(a, b);
  case BinaryKind::Mul:
    return code.mul(a, b);
  case BinaryKind::Div:
    return code.div(a, b);
  case BinaryKind::FloorDiv:
    return code.floorDiv(a, b);
  case BinaryKind::Mod:
    return code.floorMod(a, b);
  case BinaryKind::Min:
    return code.min(a, b);
  case BinaryKind::Max:
    return code.max(a, b);
  case BinaryKind::And:
    return code.land(a, b);
  case BinaryKind::Or:
    return code.lor(a, b);
  case BinaryKind::Xor:
    return code.lxor(a, b);
  case BinaryKind::Pow:
    return power(a, b, isNeverNegative(left));
  default:
    llvm_unreachable("not a function of numbers");
  }
}

/// \p value, which is of the row at most, within 31 bits.
Integer FragmentEvaluator::clamped(Value value, Place place,
                                   FragmentScope &scope) {
  FragmentScope::Key key{value, place.row, -2};
  if (auto *known = lookup(&scope, &FragmentScope::integers, key))
    return *known;
  Value number = warps.toI64(evaluate(value, place, scope));
  return scope.integers[key] = {clampTo31(number), 0};
}

namespace {

/// Terms of a sum of integers, and whether each is subtracted.
struct SignedTerm {
  Value value;
  bool isNegative;
};

} // namespace

/// Adds the terms of \p value, down to those that vary along the columns of
/// \p evaluator by themselves.
static void collectTerms(FragmentEvaluator &evaluator, Value value,
                         bool isNegative, SmallVectorImpl<SignedTerm> &terms) {
  auto binary = value.getDefiningOp<BinaryOp>();
  bool isSum = binary &&
               llvm::is_contained({BinaryKind::Add, BinaryKind::Sub},
                                  binary.getKind()) &&
               quantity(value).getElementType().isInteger(64);
  if (!isSum || !evaluator.onColumns(value)) {
    terms.push_back({value, isNegative});
    return;
  }
  collectTerms(evaluator, binary.getLhs(), isNegative, terms);
  bool isSub = binary.getKind() == BinaryKind::Sub;
  collectTerms(evaluator, binary.getRhs(), isNegative != isSub, terms);
}

/// Of a comparison in which one term varies along the columns, and is of few
/// bits, that term.
std::optional<FragmentEvaluator::ColumnTerm>
FragmentEvaluator::columnTermOf(CompareOp op) {
  SmallVector<SignedTerm> terms;
  collectTerms(*this, op.getLhs(), false, terms);
  collectTerms(*this, op.getRhs(), true, terms);
  ColumnTerm result;
  for (const SignedTerm &term : terms)
    if (!onColumns(term.value))
      result.others.push_back({term.value, term.isNegative});
    else if (result.value)
      return std::nullopt;
    else
      std::tie(result.value, result.isNegative) =
          std::pair(term.value, term.isNegative);
  SpecOp spec = uniform.layout.getSpec();
  if (!result.value || bitsOf(result.value, spec) > 31)
    return std::nullopt;
  return result;
}

/// What the term is compared with, of the row, clamped to what compares alike.
Integer FragmentEvaluator::limitOf(CompareOp op, const ColumnTerm &column,
                                   Place place, FragmentScope &scope) {
  Place row{onRows(op.getResult()) ? place.row : -1, -1};
  FragmentScope::Key key{op.getResult(), row.row, -2};
  if (auto *known = lookup(&scope, &FragmentScope::integers, key))
    return *known;
  Value sum = code.index(0);
  for (auto [value, isNegative] : column.others) {
    Value number = warps.toI64(evaluate(value, row, scope));
    if (isNegative == column.isNegative)
      sum = LLVM::SSubSat::create(code.builder, code.loc, sum, number);
    else
      sum = LLVM::SAddSat::create(code.builder, code.loc, sum, number);
  }
  return scope.integers[key] = {clampTo31(sum), 0};
}

/// \p number, an i64, within 31 bits.
Value FragmentEvaluator::clampTo31(Value number) {
  constexpr int64_t limit = (int64_t(1) << 30) - 1;
  number = code.min(code.max(number, code.index(-limit)), code.index(limit));
  return warps.toI32(number);
}

/// Says whether the two sides have one bit less than a register each, so that
/// their difference fits it. A wider number that the columns share is clamped
/// to what compares alike.
bool FragmentEvaluator::isShort(CompareOp op) {
  SpecOp spec = uniform.layout.getSpec();
  bool isSmallA = bitsOf(op.getLhs(), spec) <= 31;
  bool isSmallB = bitsOf(op.getRhs(), spec) <= 31;
  return (isSmallA || !onColumns(op.getLhs())) &&
         (isSmallB || !onColumns(op.getRhs())) && (isSmallA || isSmallB);
}

/// a + i < b + j is a - b < j - i: the registers' difference is of the tile,
/// and an element compares it with a constant.
std::optional<FragmentEvaluator::Comparison>
FragmentEvaluator::comparisonOf(CompareOp op, Place place,
                                FragmentScope &scope) {
  if (!isInteger(op.getLhs()))
    return std::nullopt;
  arith::CmpIPredicate predicate = cpu::intPredicate(op.getPredicate());
  if (!isShort(op)) {
    std::optional<ColumnTerm> column = columnTermOf(op);
    if (!column)
      return std::nullopt;
    Integer limit = limitOf(op, *column, place, scope);
    Integer own = evaluateInteger(column->value, place, scope);
    if (column->isNegative)
      return Comparison{predicate, limit.base, own.base, own.constant};
    return Comparison{predicate, own.base, limit.base, -own.constant};
  }
  auto side = [&](Value value) {
    bool isSmall = bitsOf(value, uniform.layout.getSpec()) <= 31;
    return isSmall ? evaluateInteger(value, place, scope)
                   : clamped(value, place, scope);
  };
  Integer a = side(op.getLhs()), b = side(op.getRhs());
  return Comparison{predicate, a.base, b.base, b.constant - a.constant};
}

Value FragmentEvaluator::compare(CompareOp op, Place place,
                                 FragmentScope &scope) {
  if (std::optional<Comparison> ofRow = comparisonOf(op, place, scope)) {
    Value bases = difference(ofRow->left, ofRow->right, scope);
    return code.compare(ofRow->predicate, bases ? bases : warps.i32(0),
                        warps.i32(ofRow->constant));
  }
  if (isInteger(op.getLhs())) {
    auto side = [&](Value value) {
      return warps.toI64(materialize(evaluateInteger(value, place, scope),
                                     integerType(value)));
    };
    Value a = side(op.getLhs()), b = side(op.getRhs());
    return code.compare(cpu::intPredicate(op.getPredicate()), a, b);
  }
  Value a = evaluate(op.getLhs(), place, scope);
  Value b = evaluate(op.getRhs(), place, scope);
  if (a.getType().isInteger(1))
    return code.compare(cpu::intPredicate(op.getPredicate()), a, b);
  return code.compare(cpu::realPredicate(op.getPredicate()), a, b);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Type FragmentEvaluator::integerType(Value value) {
  return bitsOf(value, uniform.layout.getSpec()) <= 32 ? warps.i32Type()
                                                       : code.i64();
}

Value FragmentEvaluator::materialize(Integer integer, Type type) {
  if (!integer.base)
    return arith::ConstantOp::create(
        code.builder, code.loc,
        code.builder.getIntegerAttr(type, integer.constant));
  Value base = code.toInt(integer.base, type.getIntOrFloatBitWidth());
  return integer.constant ? code.add(base, code.intLike(base, integer.constant))
                          : base;
}

Value FragmentEvaluator::difference(Value a, Value b, FragmentScope &scope) {
  if (!b)
    return a;
  std::pair<Value, Value> key{a, b};
  if (auto *known = lookup(&scope, &FragmentScope::differences, key))
    return *known;
  Value result = a ? code.sub(a, b) : code.neg(b);
  return scope.differences[key] = result;
}

/// Converts the register once; f32 holds sums below 2^24 exactly.
Value FragmentEvaluator::toReal(Integer integer, FragmentScope &scope) {
  if (!integer.base)
    return code.real(double(integer.constant));
  Value base;
  if (auto *known = lookup(&scope, &FragmentScope::reals, integer.base))
    base = *known;
  else
    base = arith::SIToFPOp::create(code.builder, code.loc, code.f32(),
                                   integer.base);
  scope.reals[integer.base] = base;
  return integer.constant ? code.add(base, code.real(double(integer.constant)))
                          : base;
}

Integer FragmentEvaluator::indexOf(StringAttr dim, Place place,
                                   FragmentScope &scope) {
  if (auto position = find(rows, dim))
    return {scope.row(*position, place.row), 0};
  if (auto position = find(columns, dim)) {
    Value first = scope.first(*position), last = scope.last(*position);
    int offset = offsetOf(*position, place.column);
    Value step = columns[*position].step;
    if (!last && (!step || offset == 0))
      return {first, offset};
    Value distance = warps.i32(offset);
    Value index = code.add(first, step ? code.mul(step, distance) : distance);
    return {last ? code.min(index, last) : index, 0};
  }
  return {warps.toI32(scope.uniform.lookupIndex(dim)->uniform), 0};
}

Integer FragmentEvaluator::evaluateInteger(Value value, Place place,
                                           FragmentScope &scope) {
  place = reduce(value, place);
  FragmentScope::Key key{value, place.row, place.column};
  if (auto *known = lookup(&scope, &FragmentScope::integers, key))
    return *known;
  Value given = provide ? provide(value, place, scope) : Value();
  Integer result =
      given ? Integer{given, 0} : computeInteger(value, place, scope);
  return scope.integers[key] = result;
}

Integer FragmentEvaluator::computeInteger(Value value, Place place,
                                          FragmentScope &scope) {
  Type type = integerType(value);
  auto whole = [&](Value number) {
    return Integer{code.toInt(number, type.getIntOrFloatBitWidth()), 0};
  };
  if (uniform.layout.isStored(value))
    return whole(load(value, place, scope, Elsewhere()));
  if (isa<BlockArgument>(value))
    return whole(uniform.evaluate(value, scope.uniform));
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<ConstantOp>(op))
    return {Value(),
            cast<IntegerAttr>(constant.getValue()).getValue().getSExtValue()};
  if (auto index = dyn_cast<IndexOp>(op))
    return indexOf(index.getDimAttr(), place, scope);
  if (auto extent = dyn_cast<ExtentOp>(op)) {
    if (auto size = uniform.layout.getSpec().getStaticSize(extent.getDimAttr()))
      return {Value(), *size};
    return whole(uniform.extent(extent.getDimAttr()));
  }
  if (auto cast = dyn_cast<CastOp>(op)) {
    Value operand = cast.getOperand();
    if (isInteger(operand)) {
      Integer integer = evaluateInteger(operand, place, scope);
      return whole(materialize(integer, integerType(operand)));
    }
    Value x = evaluate(operand, place, scope);
    if (x.getType().isInteger(1))
      return whole(x);
    return {code.realToInt(x, type.getIntOrFloatBitWidth()), 0};
  }
  if (auto read = dyn_cast<ReadOp>(op))
    return whole(compute(value, place, scope));
  if (auto unaryOp = dyn_cast<UnaryOp>(op)) {
    Value x = code.toInt(evaluate(unaryOp.getOperand(), place, scope),
                         type.getIntOrFloatBitWidth());
    Value negated = code.neg(x);
    return {unaryOp.getKind() == UnaryKind::Neg ? negated
                                                : code.max(x, negated),
            0};
  }
  if (auto select = dyn_cast<SelectOp>(op)) {
    Value condition = evaluate(select.getCondition(), place, scope);
    Value a = code.toInt(evaluate(select.getThen(), place, scope),
                         type.getIntOrFloatBitWidth());
    Value b = code.toInt(evaluate(select.getOtherwise(), place, scope),
                         type.getIntOrFloatBitWidth());
    return {code.select(condition, a, b), 0};
  }
  auto binaryOp = cast<BinaryOp>(op);
  Integer a = evaluateInteger(binaryOp.getLhs(), place, scope);
  Integer b = evaluateInteger(binaryOp.getRhs(), place, scope);
  unsigned bits = type.getIntOrFloatBitWidth();
  auto widen = [&](Value base) { return base ? code.toInt(base, bits) : base; };
  BinaryKind kind = binaryOp.getKind();
  if (kind == BinaryKind::Add) {
    // One register of the two stays as it is: a tile adds the bases once.
    if (!a.base || !b.base)
      return {widen(a.base ? a.base : b.base), a.constant + b.constant};
    std::pair<Value, Value> key{a.base, b.base};
    Value sum;
    if (auto *known = lookup(&scope, &FragmentScope::sums, key))
      sum = *known;
    else
      sum = scope.sums[key] = code.add(widen(a.base), widen(b.base));
    return {sum, a.constant + b.constant};
  }
  if (kind == BinaryKind::Sub)
    return {difference(widen(a.base), widen(b.base), scope),
            a.constant - b.constant};
  if (kind == BinaryKind::Mul && (!a.base || !b.base)) {
    if (a.base)
      std::swap(a, b);
    Value scaled = b.base ? code.mul(widen(b.base),
                                     code.intLike(widen(b.base), a.constant))
                          : Value();
    return {scaled, a.constant * b.constant};
  }
  if (kind == BinaryKind::FloorDiv || kind == BinaryKind::Mod)
    return whole(divided(binaryOp, a, b));
  Value x = code.toInt(materialize(a, integerType(binaryOp.getLhs())), bits);
  Value y = code.toInt(materialize(b, integerType(binaryOp.getRhs())), bits);
  switch (kind) {
  case BinaryKind::Mul:
    return {code.mul(x, y), 0};
  case BinaryKind::Min:
    return {code.min(x, y), 0};
  case BinaryKind::Max:
    return {code.max(x, y), 0};
  case BinaryKind::And:
    return {code.land(x, y), 0};
  case BinaryKind::Or:
    return {code.lor(x, y), 0};
  case BinaryKind::Xor:
    return {code.lxor(x, y), 0};
  case BinaryKind::Shl:
    return {code.shiftLeft(x, y), 0};
  case BinaryKind::Shr:
    return {code.shiftRight(x, y), 0};
  default:
    llvm_unreachable("not a function of integers");
  }
}

/// The quotient or the rest of \p a and \p b, of which \p op is.
Value FragmentEvaluator::divided(BinaryOp op, Integer a, Integer b) {
  Value x = materialize(a, integerType(op.getLhs()));
  Value y = materialize(b, integerType(op.getRhs()));
  bool isQuotient = op.getKind() == BinaryKind::FloorDiv;
  bool isShort = !op.getRhs().getDefiningOp<ConstantOp>() &&
                 bitsOf(op.getLhs(), uniform.layout.getSpec()) <= 31;
  if (isShort && isQuotient)
    return code.shortFloorDiv(x, y);
  // Neither side may be cut to the bits of the rest.
  if (x.getType() != y.getType()) {
    x = warps.toI64(x);
    y = warps.toI64(y);
  }
  if (isQuotient)
    return code.floorDiv(x, y);
  return isShort ? code.shortFloorMod(x, y) : code.floorMod(x, y);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// The element of \p source, a tensor under conversions, with the indices of
/// \p read in place of the element's own.
Value FragmentEvaluator::load(Value source, Place place, FragmentScope &scope,
                              const Elsewhere &read) {
  Value stored = storedUnderCasts(source, uniform.layout);
  const cpu::Storage &storage = uniform.layout.storageOf(stored);
  Value element = code.load(storage.element,
                            loadAt(storage, place, scope, read,
                                   read.indices.empty() ? stored : Value()));
  Type to = quantity(source).getElementType();
  if (to.isF32() && isa<FloatType>(storage.element) && element.getType() != to)
    return arith::ExtFOp::create(code.builder, code.loc, to, element);
  if (to.isF32() && isa<IntegerType>(storage.element))
    return arith::SIToFPOp::create(code.builder, code.loc, to, element);
  if (to.isInteger(1) && !element.getType().isInteger(1))
    return code.compare(arith::CmpIPredicate::ne, element,
                        code.intLike(element, 0));
  return element;
}

Value FragmentEvaluator::address(const cpu::Storage &storage, Value value,
                                 Place place, FragmentScope &scope) {
  return loadAt(storage, place, scope, Elsewhere(), value);
}

/// Address of an element. The pointer to its row is made once a row where
/// \p key names what is asked for again; the constant part of an index is left
/// to the instruction.
Value FragmentEvaluator::loadAt(const cpu::Storage &storage, Place place,
                                FragmentScope &scope, const Elsewhere &read,
                                Value key) {
  int64_t constant = 0;
  // Of the row, of what is read elsewhere, of the column.
  Value offset, readOffset, columnOffset;
  auto addTerm = [&](Value &offset, Value term) {
    offset = offset ? code.add(offset, term) : term;
  };
  bool isCached = bool(key);
  FragmentScope::Key rowKey{key, place.row, -8};
  Value pointer;
  if (isCached)
    if (auto *known = lookup(&scope, &FragmentScope::values, rowKey))
      pointer = *known;
  bool needsPointer = !pointer;
  for (auto [position, dim] : llvm::enumerate(storage.layout)) {
    bool isLast = position + 1 == storage.layout.size();
    auto found = read.indices.find(dim);
    bool isRead = found != read.indices.end();
    bool isColumn = !isRead && find(columns, dim).has_value();
    if (!needsPointer && !isColumn)
      continue;
    Integer at = isRead ? found->second : indexOf(dim, place, scope);
    Value &part = isRead ? readOffset : isColumn ? columnOffset : offset;
    if (isLast) {
      constant += at.constant;
      if (!at.base)
        continue;
      addTerm(part, warps.toI64(at.base));
      continue;
    }
    addTerm(part, code.mul(warps.toI64(materialize(at, warps.i32Type())),
                           uniform.stride(storage, position)));
  }
  if (needsPointer) {
    pointer = uniform.orZeros(read.hasElements,
                              uniform.slot(storage.slot, code.ptr()));
    if (offset && read.hasElements)
      offset = code.select(read.hasElements, offset, code.index(0));
    if (readOffset) // 0 where there is no element
      addTerm(offset, readOffset);
    if (offset)
      pointer = code.address(pointer, storage.element, offset);
    if (isCached)
      scope.values[rowKey] = pointer;
  }
  if (columnOffset && read.hasElements)
    columnOffset = code.select(read.hasElements, columnOffset, code.index(0));
  if (columnOffset)
    pointer = code.address(pointer, storage.element, columnOffset);
  return constant ? code.address(pointer, storage.element, code.index(constant))
                  : pointer;
}

Value attn::gpu::convertTo(cpu::Code &code, Type type, Value value) {
  if (value.getType() == type)
    return value;
  if (isa<FloatType>(type))
    return arith::TruncFOp::create(code.builder, code.loc, type, value);
  return code.toInt(value, type.getIntOrFloatBitWidth());
}

//===----------------------------------------------------------------------===//
// Hoisting
//===----------------------------------------------------------------------===//

bool attn::gpu::isOfState(Value value) {
  return isMadeOf(value, [](Value part) {
    return bool(part.getDefiningOp<AccumulateOp>());
  });
}

bool FragmentEvaluator::readsColumns(Value value) {
  bool reads = false;
  walkFormula(value, [&](Value part) {
    if (given.contains(part) || !onColumns(part))
      return false;
    reads |= uniform.layout.isStored(part) || part.getDefiningOp<ReadOp>();
    return !reads;
  });
  return reads;
}

void FragmentEvaluator::hoist(Value value, FragmentScope &scope) {
  llvm::SmallPtrSet<Value, 16> seen;
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Value part = pending.pop_back_val();
    if (given.contains(part) || !seen.insert(part).second)
      continue;
    if (!onColumns(part)) {
      if (isOfState(part))
        continue;
      for (int row : {0, 1})
        if (isInteger(part))
          evaluateInteger(part, {row, -1}, scope);
        else
          evaluate(part, {row, -1}, scope);
      continue;
    }
    if (uniform.layout.isStored(part) || isa<BlockArgument>(part))
      continue;
    Operation *op = part.getDefiningOp();
    if (auto compare = dyn_cast<CompareOp>(op);
        compare && isInteger(compare.getLhs()) && !isShort(compare))
      if (std::optional<ColumnTerm> column = columnTermOf(compare))
        for (int row : {0, 1})
          limitOf(compare, *column, {row, -1}, scope);
    // What is read stays where it is: only its indices are of this place.
    auto read = dyn_cast<ReadOp>(op);
    llvm::append_range(pending,
                       llvm::reverse(read ? OperandRange(read.getIndices())
                                          : op->getOperands()));
  }
}
