//===- Code.cpp - Scalar and vector code of one function ------------------===//

#include "lowering/cpu/Code.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace attn::cpu;

//===----------------------------------------------------------------------===//
// Constants and types
//===----------------------------------------------------------------------===//

Value Code::constantOf(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr scalar;
  if (isa<FloatType>(element))
    scalar = builder.getFloatAttr(element, value);
  else
    scalar = builder.getIntegerAttr(element, int64_t(value));
  if (auto vector = dyn_cast<VectorType>(type))
    scalar = DenseElementsAttr::get(vector, Attribute(scalar));
  return arith::ConstantOp::create(builder, loc, scalar);
}

Value Code::index(int64_t value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getI64IntegerAttr(value));
}
Value Code::real(double value) { return constantOf(f32(), value); }
Value Code::boolean(bool value) {
  return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(value));
}
Value Code::realLike(Value like, double value) {
  return constantOf(likeWith(like, f32()), value);
}
Value Code::intLike(Value like, int64_t value) {
  auto scalar = builder.getIntegerAttr(elementOf(like), value);
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(vector, Attribute(scalar)));
  return arith::ConstantOp::create(builder, loc, scalar);
}

Type Code::ptr() { return LLVM::LLVMPointerType::get(builder.getContext()); }
VectorType Code::vectorOf(Type element) {
  return VectorType::get({int64_t(width)}, element);
}
bool Code::isVector(Value value) { return isa<VectorType>(value.getType()); }
Type Code::elementOf(Value value) {
  return getElementTypeOrSelf(value.getType());
}
Type Code::likeWith(Value like, Type element) {
  return isVector(like) ? Type(vectorOf(element)) : element;
}

Value Code::splat(Value value) {
  if (isVector(value))
    return value;
  return vector::BroadcastOp::create(builder, loc, vectorOf(value.getType()),
                                     value);
}

void Code::unify(Value &a, Value &b) {
  if (isVector(a) && !isVector(b))
    b = splat(b);
  else if (isVector(b) && !isVector(a))
    a = splat(a);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static bool isReal(Value value) {
  return isa<FloatType>(Code::elementOf(value));
}

Value Code::add(Value a, Value b) {
  unify(a, b);
  return isReal(a) ? Value(arith::AddFOp::create(builder, loc, a, b))
                   : Value(arith::AddIOp::create(builder, loc, a, b));
}
Value Code::sub(Value a, Value b) {
  unify(a, b);
  return isReal(a) ? Value(arith::SubFOp::create(builder, loc, a, b))
                   : Value(arith::SubIOp::create(builder, loc, a, b));
}
Value Code::mul(Value a, Value b) {
  unify(a, b);
  return isReal(a) ? Value(arith::MulFOp::create(builder, loc, a, b))
                   : Value(arith::MulIOp::create(builder, loc, a, b));
}
Value Code::div(Value a, Value b) {
  unify(a, b);
  return arith::DivFOp::create(builder, loc, a, b);
}
Value Code::ratio(Value a, Value b) {
  unify(a, b);
  Value zero = realLike(a, 0.0);
  Value both = land(compare(arith::CmpFPredicate::OEQ, a, zero),
                    compare(arith::CmpFPredicate::OEQ, b, zero));
  return select(both, zero, div(a, b));
}
Value Code::fma(Value a, Value b, Value c) {
  unify(a, b);
  unify(a, c);
  unify(b, c);
  return LLVM::FMAOp::create(builder, loc, a, b, c);
}
Value Code::neg(Value a) {
  return isReal(a) ? Value(arith::NegFOp::create(builder, loc, a))
                   : sub(intLike(a, 0), a);
}
Value Code::min(Value a, Value b) {
  unify(a, b);
  return isReal(a) ? Value(arith::MinimumFOp::create(builder, loc, a, b))
                   : Value(arith::MinSIOp::create(builder, loc, a, b));
}
Value Code::max(Value a, Value b) {
  unify(a, b);
  return isReal(a) ? Value(arith::MaximumFOp::create(builder, loc, a, b))
                   : Value(arith::MaxSIOp::create(builder, loc, a, b));
}
Value Code::maxIgnoringNaN(Value a, Value b) {
  unify(a, b);
  return select(compare(arith::CmpFPredicate::OGT, a, b), a, b);
}

Value Code::floorDiv(Value a, Value b) {
  unify(a, b);
  if (isReal(a))
    return LLVM::FFloorOp::create(builder, loc, div(a, b));
  // x // 0 is 0, and the least integer // -1 wraps around: nothing traps.
  Value isZero = compare(arith::CmpIPredicate::eq, b, intLike(b, 0));
  Value isMinusOne = compare(arith::CmpIPredicate::eq, b, intLike(b, -1));
  a = select(isMinusOne, neg(a), a);
  b = select(lor(isZero, isMinusOne), intLike(b, 1), b);
  Value quotient = arith::DivSIOp::create(builder, loc, a, b);
  Value rest = sub(a, mul(quotient, b));
  Value zero = intLike(a, 0);
  Value inexact = compare(arith::CmpIPredicate::ne, rest, zero);
  Value opposite = compare(arith::CmpIPredicate::slt, lxor(rest, b), zero);
  quotient =
      select(land(inexact, opposite), sub(quotient, intLike(a, 1)), quotient);
  return select(isZero, zero, quotient);
}
Value Code::floorMod(Value a, Value b) {
  unify(a, b);
  if (!isReal(a))
    return sub(a, mul(floorDiv(a, b), b));
  // In f64 the fma is exact up to quotients of 2^53, but for one that was
  // rounded to the next integer; beyond, what it leaves is kept in range.
  Type single = a.getType(), real = likeWith(a, builder.getF64Type());
  Value x = arith::ExtFOp::create(builder, loc, real, a);
  Value y = arith::ExtFOp::create(builder, loc, real, b);
  Value rest = fma(neg(floorDiv(x, y)), y, x);
  Value zero = constantOf(real, 0);
  auto less = arith::CmpFPredicate::OLT;
  Value isNegative = compare(less, y, zero);
  auto isBelow = [&](Value one, Value other) { // as seen from the side of y
    return select(isNegative, compare(less, other, one),
                  compare(less, one, other));
  };
  rest = select(isBelow(rest, zero), add(rest, y), rest);
  rest = select(isBelow(y, rest), sub(rest, y), rest);
  rest =
      select(isBelow(rest, zero), zero, select(isBelow(y, rest), zero, rest));
  rest = select(compare(arith::CmpFPredicate::OEQ, rest, y), zero, rest);
  // An infinite divisor leaves a finite number as it is, on its own side.
  Value infinity = realLike(b, std::numeric_limits<double>::infinity());
  auto sizeOf = [&](Value number) { return max(number, neg(number)); };
  Value isInfinite =
      land(compare(arith::CmpFPredicate::OEQ, sizeOf(b), infinity),
           compare(less, sizeOf(a), infinity));
  rest = select(isInfinite, select(isBelow(x, zero), y, x), rest);
  return arith::TruncFOp::create(builder, loc, single, rest);
}
Value Code::shortFloorDiv(Value a, Value b) {
  if (b.getType().isInteger(64)) {
    // Beyond a, a divisor's size makes no difference.
    constexpr int64_t limit = std::numeric_limits<int32_t>::max();
    b = toInt(min(max(b, index(-limit)), index(limit)), 32);
  }
  Value quotient = floorDiv(toInt(a, 32), toInt(b, 32));
  return toInt(quotient, a.getType().getIntOrFloatBitWidth());
}
Value Code::shortFloorMod(Value a, Value b) {
  Value quotient = shortFloorDiv(a, b);
  return sub(a, mul(quotient, b));
}
Value Code::realFloorDiv(Value a, Value b) {
  Type real = builder.getF64Type();
  auto toReal = [&](Value x) -> Value {
    return arith::SIToFPOp::create(builder, loc, likeWith(x, real), x);
  };
  Type type = elementOf(a);
  Value x = toReal(toInt(a, 32)), y = toReal(b);
  Value quotient = LLVM::FFloorOp::create(builder, loc, div(x, y));
  Value isZero =
      compare(arith::CmpFPredicate::OEQ, y, constantOf(y.getType(), 0));
  quotient = select(isZero, constantOf(quotient.getType(), 0), quotient);
  Value whole = arith::FPToSIOp::create(
      builder, loc, likeWith(quotient, builder.getI32Type()), quotient);
  return toInt(whole, type.getIntOrFloatBitWidth());
}
Value Code::shiftLeft(Value a, Value b) {
  unify(a, b);
  Value width = intLike(b, elementOf(b).getIntOrFloatBitWidth());
  Value fits = compare(arith::CmpIPredicate::ult, b, width);
  Value zero = intLike(b, 0);
  b = select(fits, b, zero);
  return select(fits, arith::ShLIOp::create(builder, loc, a, b), zero);
}
Value Code::shiftRight(Value a, Value b) {
  unify(a, b);
  Value most = intLike(b, elementOf(b).getIntOrFloatBitWidth() - 1);
  b = select(compare(arith::CmpIPredicate::ult, b, most), b, most);
  return arith::ShRSIOp::create(builder, loc, a, b);
}
Value Code::ceilDiv(Value a, int64_t b) {
  Value rounded = add(a, index(b - 1));
  return arith::DivUIOp::create(builder, loc, rounded, index(b));
}
Value Code::ceilDiv(Value a, Value b) {
  Value rounded = sub(add(a, b), index(1));
  return arith::DivUIOp::create(builder, loc, rounded, b);
}
Value Code::land(Value a, Value b) {
  unify(a, b);
  return arith::AndIOp::create(builder, loc, a, b);
}
Value Code::lor(Value a, Value b) {
  unify(a, b);
  return arith::OrIOp::create(builder, loc, a, b);
}
Value Code::lxor(Value a, Value b) {
  unify(a, b);
  return arith::XOrIOp::create(builder, loc, a, b);
}
Value Code::lnot(Value a) {
  return lxor(a, isVector(a) ? splat(boolean(true)) : boolean(true));
}
Value Code::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  unify(a, b);
  return arith::CmpIOp::create(builder, loc, predicate, a, b);
}
Value Code::compare(arith::CmpFPredicate predicate, Value a, Value b) {
  unify(a, b);
  return arith::CmpFOp::create(builder, loc, predicate, a, b);
}
Value Code::lessThan(Value a, Value b) {
  return compare(arith::CmpIPredicate::slt, a, b);
}
Value Code::equals(Value a, Value b) {
  return compare(arith::CmpIPredicate::eq, a, b);
}
Value Code::select(Value condition, Value a, Value b) {
  if (isVector(condition)) {
    a = splat(a);
    b = splat(b);
  }
  unify(a, b);
  return arith::SelectOp::create(builder, loc, condition, a, b);
}
Value Code::toInt(Value a, unsigned bits) {
  Type type = likeWith(a, builder.getIntegerType(bits));
  unsigned from = elementOf(a).getIntOrFloatBitWidth();
  if (from == bits)
    return a;
  if (from == 1)
    return arith::ExtUIOp::create(builder, loc, type, a);
  return from < bits ? Value(arith::ExtSIOp::create(builder, loc, type, a))
                     : Value(arith::TruncIOp::create(builder, loc, type, a));
}

Value Code::realToInt(Value a, unsigned bits) {
  Type type = likeWith(a, builder.getI64Type());
  return toInt(intrinsic("llvm.fptosi.sat", type, a), bits);
}

Value Code::polynomial(Value x, ArrayRef<double> coefficients) {
  Value sum = realLike(x, coefficients.front());
  for (double coefficient : coefficients.drop_front())
    sum = fma(sum, x, realLike(x, coefficient));
  return sum;
}

Value Code::intrinsic(StringRef name, Type type, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(builder, loc, type,
                                       builder.getStringAttr(name), operands)
      .getResult(0);
}

SmallVector<Value> Code::transpose(ValueRange rows) {
  // In each round, vectors half of them apart are interleaved.
  int64_t width = rows.size();
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i != width / 2; ++i) {
    low.append({i, width + i});
    high.append({width / 2 + i, width + width / 2 + i});
  }
  SmallVector<Value> now(rows);
  for (int64_t round = 1; round < width; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i != width / 2; ++i)
      for (ArrayRef<int64_t> mask : {ArrayRef(low), ArrayRef(high)})
        next.push_back(vector::ShuffleOp::create(builder, loc, now[i],
                                                 now[i + width / 2], mask));
    now = next;
  }
  return now;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Code::address(Value base, Type element, Value offset) {
  return LLVM::GEPOp::create(builder, loc, ptr(), element, base,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(offset)});
}

static unsigned alignmentOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIntOrFloat() ? (element.getIntOrFloatBitWidth() + 7) / 8 : 8;
}

/// 16-bit floats travel through memory as integers: LLVM would split a masked
/// or gathered access to them into elements of a type that it has no registers
/// for, and convert each with a call.
static Type memoryType(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (!element.isF16() && !element.isBF16())
    return type;
  Type bits = IntegerType::get(type.getContext(), 16);
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(VectorType::get(vector.getShape(), bits)) : bits;
}

static Value bitcastTo(Code &code, Type type, Value value) {
  return type == value.getType() ? value
                                 : Value(arith::BitcastOp::create(
                                       code.builder, code.loc, type, value));
}

Value Code::load(Type type, Value address, unsigned alignment) {
  return bitcastTo(
      *this, type,
      LLVM::LoadOp::create(builder, loc, memoryType(type), address,
                           alignment ? alignment : alignmentOf(type)));
}
void Code::store(Value value, Value address) {
  Type type = value.getType();
  LLVM::StoreOp::create(builder, loc, bitcastTo(*this, memoryType(type), value),
                        address, alignmentOf(type));
}
Value Code::maskedLoad(Type element, Value address, Value mask) {
  VectorType type = vectorOf(element);
  Type memory = memoryType(type);
  Value loaded =
      LLVM::MaskedLoadOp::create(builder, loc, memory, address, mask,
                                 constantOf(memory, 0), alignmentOf(type));
  return bitcastTo(*this, type, loaded);
}
void Code::maskedStore(Value value, Value address, Value mask) {
  Type type = value.getType();
  LLVM::MaskedStoreOp::create(builder, loc,
                              bitcastTo(*this, memoryType(type), value),
                              address, mask, alignmentOf(type));
}
Value Code::gather(Type element, Value base, Value offsets, Type as) {
  VectorType type = vectorOf(as ? as : element);
  Type memory = memoryType(type);
  Value addresses = LLVM::GEPOp::create(
      builder, loc, VectorType::get({int64_t(width)}, ptr()), element, base,
      ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(offsets)});
  Value all = splat(boolean(true));
  Value loaded = LLVM::masked_gather::create(
      builder, loc, memory, addresses, all, ValueRange{constantOf(memory, 0)},
      alignmentOf(element));
  return bitcastTo(*this, type, loaded);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void Code::forEach(Value lower, Value upper, int64_t step, Body body) {
  forEach(lower, upper, step, {}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

SmallVector<Value> Code::forEach(Value lower, Value upper, int64_t step,
                                 ValueRange init, CarriedBody body) {
  auto loop = scf::ForOp::create(builder, loc, lower, upper, index(step), init);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = loop.getBody();
  if (init.empty()) {
    builder.setInsertionPoint(block->getTerminator());
    body(loop.getInductionVar(), {});
  } else {
    builder.setInsertionPointToEnd(block);
    scf::YieldOp::create(
        builder, loc, body(loop.getInductionVar(), loop.getRegionIterArgs()));
  }
  return SmallVector<Value>(loop.getResults());
}

void Code::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto op =
      scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op.thenBlock()->getTerminator());
  body();
}

void Code::ifElse(Value condition, llvm::function_ref<void()> then,
                  llvm::function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op.thenBlock()->getTerminator());
  then();
  builder.setInsertionPoint(op.elseBlock()->getTerminator());
  otherwise();
}

SmallVector<Value>
Code::choose(Value condition, TypeRange types,
             llvm::function_ref<SmallVector<Value>()> then,
             llvm::function_ref<SmallVector<Value>()> otherwise) {
  auto op = scf::IfOp::create(builder, loc, types, condition,
                              /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(op.thenBlock());
  scf::YieldOp::create(builder, loc, then());
  builder.setInsertionPointToEnd(op.elseBlock());
  scf::YieldOp::create(builder, loc, otherwise());
  return SmallVector<Value>(op.getResults());
}
