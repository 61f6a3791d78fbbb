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
// What can be evaluated
//===----------------------------------------------------------------------===//

/// The tensor that \p value is, under \p casts, the last of them first.
static Value storedUnderCasts(Value value, const cpu::CallLayout &layout,
                              SmallVectorImpl<CastOp> &casts) {
  while (!layout.isStored(value)) {
    auto cast = value.getDefiningOp<CastOp>();
    if (!cast)
      return {};
    casts.push_back(cast);
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
    SmallVector<CastOp> casts;
    if (auto read = dyn_cast<ReadOp>(op))
      can &= bool(storedUnderCasts(read.getSource(), uniform.layout, casts));
    else
      can &= isa<ConstantOp, IndexOp, ExtentOp, UnaryOp, BinaryOp, CompareOp,
                 SelectOp, CastOp, UniformOp>(op);
    return can;
  });
  return can;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

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
  Value given = provided(value, place, scope);
  if (given)
    scope.values[key] = given;
  return given;
}

/// What the surrounding kernel gives for \p value. A loop that counts columns
/// by itself asks for others than the tile's of that number.
Value FragmentEvaluator::provided(Value value, Place place,
                                  FragmentScope &scope) {
  bool knowsPlace = place.column < 0 || scope.countsFromTile();
  return provide && knowsPlace ? provide(value, place, scope) : Value();
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
    Value x = isInteger(operand) && isa<FloatType>(to)
                  ? toReal(evaluateInteger(operand, place, scope), scope)
                  : evaluate(operand, place, scope);
    return converted(x, to);
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
      // check of the spec's reads says nothing, are looked at as well. Clamped
      // in its own width: of a wide one the low bits say nothing.
      Value number = materialize(at, integerType(index));
      Value last = code.sub(warps.toI32(uniform.extent(dim)), warps.i32(1));
      if (hasElements)
        last = code.select(hasElements, last, warps.i32(0));
      unsigned bits = number.getType().getIntOrFloatBitWidth();
      Value clamped = code.max(code.min(number, code.toInt(last, bits)),
                               code.intLike(number, 0));
      elsewhere.indices[dim] = {warps.toI32(clamped), 0};
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
    if (kind == BinaryKind::Mul ||
        (kind == BinaryKind::Div && !cpu::feedsStep(op)))
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
// Memory
//===----------------------------------------------------------------------===//

/// \p x, an element of any type, as attn.cast makes it one of \p to. An integer
/// that fits is left as narrow as it is.
Value FragmentEvaluator::converted(Value x, Type to) {
  Type from = x.getType();
  if (from == to)
    return x;
  bool isReal = isa<FloatType>(from), isTruth = from.isInteger(1);
  if (isReal && !from.isF32())
    x = arith::ExtFOp::create(code.builder, code.loc, code.f32(), x);
  if (to.isInteger(1))
    return isReal
               ? code.compare(arith::CmpFPredicate::UNE, x, code.real(0))
               : code.compare(arith::CmpIPredicate::ne, x, code.intLike(x, 0));
  if (isa<IntegerType>(to)) {
    unsigned bits = to.getIntOrFloatBitWidth();
    if (isReal)
      return code.realToInt(x, bits);
    return code.toInt(
        x, isTruth ? 32 : std::min(bits, from.getIntOrFloatBitWidth()));
  }
  if (isTruth)
    x = code.select(x, code.real(1), code.real(0));
  else if (!isReal)
    x = arith::SIToFPOp::create(code.builder, code.loc, code.f32(), x);
  return convertTo(code, to, x);
}

/// The element of \p source, a tensor under conversions, with the indices of
/// \p read in place of the element's own.
Value FragmentEvaluator::load(Value source, Place place, FragmentScope &scope,
                              const Elsewhere &read) {
  SmallVector<CastOp> casts;
  Value stored = storedUnderCasts(source, uniform.layout, casts);
  const cpu::Storage &storage = uniform.layout.storageOf(stored);
  Value element = code.load(storage.element,
                            loadAt(storage, place, scope, read,
                                   read.indices.empty() ? stored : Value()));
  for (CastOp cast : llvm::reverse(casts))
    element = converted(element, quantity(cast.getResult()).getElementType());
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
  FragmentScope::Key rowKey{key, place.row, -8 - storage.slot};
  Value pointer;
  if (isCached)
    pointer = scope.valueOf(rowKey);
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

Value attn::gpu::greatestAboveZero(WarpCode &warps, ValueRange elements,
                                   int row) {
  OpBuilder &b = warps.code.builder;
  Location loc = warps.code.loc;
  Value top = warps.i32(0);
  for (auto [i, element] : llvm::enumerate(elements))
    if (placeOf(unsigned(i)).row == row)
      top = arith::MaxSIOp::create(
          b, loc, top,
          arith::BitcastOp::create(b, loc, warps.i32Type(), element));
  return arith::BitcastOp::create(b, loc, warps.code.f32(), top);
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
