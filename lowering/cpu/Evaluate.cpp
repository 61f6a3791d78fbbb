//===- Evaluate.cpp - Code for one element, or one vector of lanes --------===//

#include "lowering/cpu/Evaluate.h"
#include "dialect/FormulaWalk.h"
#include "lowering/cpu/VectorMath.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

//===----------------------------------------------------------------------===//
// Scope
//===----------------------------------------------------------------------===//

bool Scope::setsIndexOf(Value value) const {
  return !indices.empty() &&
         llvm::any_of(quantity(value).getDims(),
                      [&](StringAttr dim) { return indices.contains(dim); });
}

Value Scope::lookup(Value value) const {
  if (Value found = values.lookup(value))
    return found;
  if (setsIndexOf(value))
    return {};
  for (const Scope *outer : outers)
    if (Value found = outer->lookup(value))
      return found;
  return {};
}

Value Scope::lookupShift(Value maximum) const {
  if (Value found = shifts.lookup(maximum))
    return found;
  for (const Scope *outer : outers)
    if (Value found = outer->lookupShift(maximum))
      return found;
  return {};
}

Value Scope::lookupHasElements() const {
  if (hasElements)
    return hasElements;
  for (const Scope *outer : outers)
    if (Value found = outer->lookupHasElements())
      return found;
  return {};
}

const IndexValue *Scope::lookupIndex(StringAttr dim) const {
  auto it = indices.find(dim);
  if (it != indices.end())
    return &it->second;
  for (const Scope *outer : outers)
    if (const IndexValue *found = outer->lookupIndex(dim))
      return found;
  return nullptr;
}

const std::pair<Value, Value> *Scope::lookupBounds(StringAttr dim) const {
  auto it = bounds.find(dim);
  if (it != bounds.end())
    return &it->second;
  for (const Scope *outer : outers)
    if (const auto *found = outer->lookupBounds(dim))
      return found;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

Evaluator::Evaluator(Code &code, const CallLayout &layout, Value slots,
                     Block *entry)
    : code(code), layout(layout), slots(slots), entry(entry) {}

Value Evaluator::slotAddress(int number) {
  return code.address(slots, code.i64(), code.index(number));
}

Value Evaluator::slot(int number, Type type) {
  if (!entry)
    return code.load(type, slotAddress(number));
  Value &loaded = loadedSlots[{number, type}];
  if (!loaded) {
    OpBuilder::InsertionGuard guard(code.builder);
    code.builder.setInsertionPointToStart(entry);
    loaded = code.load(type, slotAddress(number));
  }
  return loaded;
}

Value Evaluator::extent(StringAttr dim) {
  if (auto size = layout.getSpec().getStaticSize(dim))
    return code.index(*size);
  return slot(layout.dimSlot(dim), code.i64());
}

Value Evaluator::stride(const Storage &storage, unsigned position) {
  if (position + 1 == storage.layout.size())
    return code.index(1);
  if (!storage.isBuffer)
    return slot(storage.slot + 1 + int(position), code.i64());
  Value product;
  for (StringAttr dim : ArrayRef(storage.layout).drop_front(position + 1))
    product = product ? code.mul(product, extent(dim)) : extent(dim);
  return product;
}

Value Evaluator::areNotEmpty(ArrayRef<StringAttr> dims) {
  Value all;
  for (StringAttr dim : dims) {
    if (layout.getSpec().getStaticSize(dim).value_or(0) > 0)
      continue;
    Value one =
        code.compare(arith::CmpIPredicate::ne, extent(dim), code.index(0));
    all = all ? code.land(all, one) : one;
  }
  return all;
}

/// Zeros that stand for what is not there: a vector of lanes, or a row of the
/// largest tile, of the largest element.
static constexpr unsigned zeroBytes = 2048;

Value Evaluator::zeros() {
  constexpr llvm::StringLiteral symbol = "attn_zeros";
  OpBuilder &builder = code.builder;
  // What holds the code at hand may not be part of the function yet.
  Operation *module =
      SymbolTable::getNearestSymbolTable(slots.getParentBlock()->getParentOp());
  // The module of a device has them in the address space of tensors.
  unsigned space = isa<ModuleOp>(module) ? 0 : 1;
  if (!SymbolTable::lookupSymbolIn(module, symbol)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&module->getRegion(0).front());
    Type byte = builder.getI8Type();
    LLVM::GlobalOp::create(
        builder, code.loc, LLVM::LLVMArrayType::get(byte, zeroBytes),
        /*isConstant=*/true, LLVM::Linkage::Internal, symbol,
        builder.getZeroAttr(RankedTensorType::get({int64_t(zeroBytes)}, byte)),
        /*alignment=*/64, space);
  }
  Value start = LLVM::AddressOfOp::create(
      builder, code.loc,
      LLVM::LLVMPointerType::get(builder.getContext(), space), symbol);
  return space ? LLVM::AddrSpaceCastOp::create(builder, code.loc, code.ptr(),
                                               start)
               : start;
}

Value Evaluator::orZeros(Value hasElements, Value address) {
  return hasElements ? code.select(hasElements, address, zeros()) : address;
}

/// What the index \p at, of the dimension at \p position, adds to an address;
/// without elements, what stays within the zeros. What is chosen for that is
/// mostly a stride: not each of the addresses that a loop goes through.
static Value offsetOf(Evaluator &evaluator, const Storage &storage,
                      unsigned position, Value at, Value hasElements) {
  Code &code = evaluator.code;
  if (position + 1 != storage.layout.size()) {
    Value by = evaluator.stride(storage, position);
    return code.mul(
        at, hasElements ? code.select(hasElements, by, code.index(0)) : by);
  }
  constexpr int64_t fewEnough = zeroBytes / 2 / sizeof(int64_t);
  SpecOp spec = evaluator.layout.getSpec();
  auto size = spec.getStaticSize(storage.layout.back());
  if (!hasElements || size.value_or(fewEnough + 1) <= fewEnough)
    return at;
  return code.select(hasElements, at, code.intLike(at, 0));
}

Value Evaluator::address(const Storage &storage, Scope &scope) {
  Value hasElements = scope.lookupHasElements();
  Value offset;
  for (auto [position, dim] : llvm::enumerate(storage.layout)) {
    const IndexValue *at = scope.lookupIndex(dim);
    assert(at && "index without a value");
    if (!at->uniform)
      continue;
    Value term = offsetOf(*this, storage, position, at->uniform, hasElements);
    offset = offset ? code.add(offset, term) : term;
  }
  Value base = orZeros(hasElements, slot(storage.slot, code.ptr()));
  return offset ? code.address(base, storage.element, offset) : base;
}

Value Evaluator::load(const Storage &storage, Scope &scope, Type as) {
  Type type = as ? as : storage.element;
  Value base = address(storage, scope);
  Value offsets;
  const IndexValue *only = nullptr;
  unsigned varying = 0;
  for (auto [position, dim] : llvm::enumerate(storage.layout)) {
    const IndexValue *at = scope.lookupIndex(dim);
    if (at->uniform)
      continue;
    ++varying;
    if (position + 1 == storage.layout.size())
      only = at;
  }
  Value hasElements = scope.lookupHasElements();
  if (varying == 0)
    return code.load(type, base,
                     as ? storage.element.getIntOrFloatBitWidth() / 8 : 0);
  if (varying == 1 && only && only->first && !as) {
    Value first =
        code.address(base, storage.element,
                     offsetOf(*this, storage, storage.layout.size() - 1,
                              only->first, hasElements));
    return only->exists ? code.maskedLoad(storage.element, first, only->exists)
                        : code.load(code.vectorOf(storage.element), first);
  }
  for (auto [position, dim] : llvm::enumerate(storage.layout)) {
    const IndexValue *at = scope.lookupIndex(dim);
    if (at->uniform)
      continue;
    Value term = offsetOf(*this, storage, position, code.toInt(at->lanes, 64),
                          hasElements);
    offsets = offsets ? code.add(offsets, term) : term;
  }
  return code.gather(storage.element, base, offsets, as);
}

//===----------------------------------------------------------------------===//
// Integer ranges
//===----------------------------------------------------------------------===//

bool IntRange::fits31() const {
  constexpr int64_t limit = int64_t(1) << 30;
  return low >= -limit && high < limit;
}

bool IntRange::fits32() const {
  return low >= std::numeric_limits<int32_t>::min() &&
         high <= std::numeric_limits<int32_t>::max();
}

namespace {

constexpr IntRange fullRange{std::numeric_limits<int64_t>::min(),
                             std::numeric_limits<int64_t>::max()};

IntRange clampRange(__int128 low, __int128 high) {
  if (low < fullRange.low || high > fullRange.high)
    return fullRange;
  return {int64_t(low), int64_t(high)};
}

IntRange rangeOfElement(Type type) {
  unsigned bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
  if (isa<FloatType>(type) || bits == 64)
    return fullRange;
  if (bits == 1)
    return {0, 1};
  return {-(int64_t(1) << (bits - 1)), (int64_t(1) << (bits - 1)) - 1};
}

IntRange rangeOfBinary(BinaryKind kind, IntRange a, IntRange b) {
  __int128 al = a.low, ah = a.high, bl = b.low, bh = b.high;
  switch (kind) {
  case BinaryKind::Add:
    return clampRange(al + bl, ah + bh);
  case BinaryKind::Sub:
    return clampRange(al - bh, ah - bl);
  case BinaryKind::Mul: {
    if (a.low == fullRange.low || b.low == fullRange.low)
      return fullRange;
    __int128 products[] = {al * bl, al * bh, ah * bl, ah * bh};
    return clampRange(*std::min_element(products, products + 4),
                      *std::max_element(products, products + 4));
  }
  case BinaryKind::FloorDiv:
    return b.low > 0 ? clampRange(std::min<__int128>(al, 0) - (al < 0),
                                  std::max<__int128>(ah, 0))
                     : fullRange;
  case BinaryKind::Mod:
    return b.low > 0 ? IntRange{0, b.high - 1} : fullRange;
  case BinaryKind::Min:
    return {std::min(a.low, b.low), std::min(a.high, b.high)};
  case BinaryKind::Max:
    return {std::max(a.low, b.low), std::max(a.high, b.high)};
  default:
    return fullRange;
  }
}

} // namespace

IntRange Evaluator::rangeOf(Value value) {
  auto known = ranges.find(value);
  if (known != ranges.end())
    return known->second;
  IntRange range = rangeOfElement(quantity(value).getElementType());
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
    if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
      range = {number.getValue().getSExtValue(),
               number.getValue().getSExtValue()};
  } else if (auto index = dyn_cast_or_null<IndexOp>(op)) {
    SpecOp spec = layout.getSpec();
    range = {0, spec.getStaticSize(index.getDimAttr()).value_or(maxExtent) - 1};
  } else if (isa_and_nonnull<ExtentOp, TileBoundOp>(op)) {
    range = {0, maxExtent};
  } else if (auto cast = dyn_cast_or_null<CastOp>(op)) {
    range = rangeOfElement(quantity(cast.getOperand()).getElementType());
  } else if (auto read = dyn_cast_or_null<ReadOp>(op)) {
    range = rangeOf(read.getSource());
  } else if (auto select = dyn_cast_or_null<SelectOp>(op)) {
    IntRange a = rangeOf(select.getThen()), b = rangeOf(select.getOtherwise());
    range = {std::min(a.low, b.low), std::max(a.high, b.high)};
  } else if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    IntRange a = rangeOf(unary.getOperand());
    if (a.low != fullRange.low) {
      int64_t bound = std::max(std::abs(a.low), std::abs(a.high));
      range = {-bound, bound};
    }
  } else if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    range = rangeOfBinary(binary.getKind(), rangeOf(binary.getLhs()),
                          rangeOf(binary.getRhs()));
  }
  ranges[value] = range;
  return range;
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

bool Evaluator::varies(Value value, Scope &scope) {
  return llvm::any_of(quantity(value).getDims(), [&](StringAttr dim) {
    const IndexValue *at = scope.lookupIndex(dim);
    return at && !at->uniform;
  });
}

/// Says whether \p value is made of a running value, of which each vector of
/// lanes has its own even where it varies along no lane.
bool Evaluator::isOfState(Value value) {
  auto [known, isNew] = ofState.try_emplace(value, false);
  if (isNew)
    known->second = isMadeOf(value, [](Value part) {
      return bool(part.getDefiningOp<AccumulateOp>());
    });
  return known->second;
}

Value Evaluator::evaluate(Value value, Scope &scope) {
  if (Value found = scope.lookup(value))
    return found;
  Scope *home = &scope;
  if (scope.uniformScope && !varies(value, scope) && !isOfState(value))
    home = scope.uniformScope;
  Value result = compute(value, *home);
  home->values[value] = result;
  return result;
}

Value Evaluator::compute(Value value, Scope &scope) {
  if (layout.isStored(value))
    return load(layout.storageOf(value), scope);
  if (isa<BlockArgument>(value)) {
    Type element = quantity(value).getElementType();
    int number = layout.scalarSlot(value);
    if (element.isF32())
      return arith::TruncFOp::create(code.builder, code.loc, code.f32(),
                                     slot(number, code.builder.getF64Type()));
    Value integer = slot(number, code.i64());
    return element.isInteger(1)
               ? code.compare(arith::CmpIPredicate::ne, integer, code.index(0))
               : integer;
  }
  Operation *op = value.getDefiningOp();
  if (isa<SweepOp>(op))
    return loadState(value, scope);
  if (auto constant = dyn_cast<ConstantOp>(op))
    return arith::ConstantOp::create(code.builder, code.loc,
                                     constant.getValue());
  if (auto indexOp = dyn_cast<IndexOp>(op))
    return index(indexOp.getDimAttr(), scope);
  if (auto extentOp = dyn_cast<ExtentOp>(op))
    return extent(extentOp.getDimAttr());
  if (auto unaryOp = dyn_cast<UnaryOp>(op))
    return unaryOp.getKind() == UnaryKind::Exp
               ? exponential(unaryOp, scope)
               : unary(code, unaryOp.getKind(),
                       evaluate(unaryOp.getOperand(), scope));
  if (auto binaryOp = dyn_cast<BinaryOp>(op))
    return binary(binaryOp, scope);
  if (auto compareOp = dyn_cast<CompareOp>(op))
    return compare(compareOp, scope);
  if (auto castOp = dyn_cast<CastOp>(op))
    return cast(castOp, scope);
  if (auto readOp = dyn_cast<ReadOp>(op))
    return read(readOp, scope);
  if (auto bound = dyn_cast<TileBoundOp>(op)) {
    const std::pair<Value, Value> *range =
        scope.lookupBounds(bound.getDimAttr());
    assert(range && "no tile at hand");
    return bound.getKind() == BoundKind::Least ? range->first : range->second;
  }
  if (auto boxOp = dyn_cast<BoxReduceOp>(op))
    return reduceBox(boxOp, scope);
  if (auto reduceOp = dyn_cast<ReduceOp>(op)) {
    Type type = quantity(value).getElementType();
    if (varies(value, scope))
      type = code.vectorOf(type);
    return reduceOver(reduceOp, toDims(reduceOp.getDims()),
                      identityOf(code, reduceOp.getKind(), type), scope);
  }
  if (auto uniformOp = dyn_cast<UniformOp>(op)) {
    SmallVector<Value> indices;
    for (Value operand : uniformOp.getIndices())
      indices.push_back(evaluate(operand, scope));
    return uniform(code, evaluate(uniformOp.getSeed(), scope), indices);
  }
  auto select = cast<SelectOp>(op);
  Value condition = evaluate(select.getCondition(), scope);
  Value a = evaluate(select.getThen(), scope);
  Value b = evaluate(select.getOtherwise(), scope);
  if (Code::elementOf(a) != Code::elementOf(b)) {
    a = code.toInt(a, 64);
    b = code.toInt(b, 64);
  }
  return code.select(condition, a, b);
}

Value Evaluator::index(StringAttr dim, Scope &scope) {
  const IndexValue *at = scope.lookupIndex(dim);
  assert(at && "index without a value");
  return at->uniform ? at->uniform : at->lanes;
}

/// exp(x - f(M)) with M a running maximum: the difference first, since it is
/// exact near the maximum however large that is. (x log2 e - f(M) log2 e, in
/// one fma, is off by half a unit in the last place of f(M) log2 e.)
Value Evaluator::exponential(UnaryOp op, Scope &scope) {
  auto sub = op.getOperand().getDefiningOp<BinaryOp>();
  if (sub && sub.getKind() == BinaryKind::Sub)
    if (auto guard = sub.getRhs().getDefiningOp<UnaryOp>();
        guard && guard.getKind() == UnaryKind::NegInfToZero)
      if (Value shift = scope.lookupShift(guard.getOperand())) {
        Value x = evaluate(sub.getLhs(), scope);
        code.unify(x, shift);
        return expRelative(code, code.sub(x, shift), roundsWeights);
      }
  return unary(code, UnaryKind::Exp, evaluate(op.getOperand(), scope));
}

/// Says whether a quantity over \p part has an element for several of one over
/// \p whole.
static bool isSharedAmong(ArrayRef<StringAttr> part,
                          ArrayRef<StringAttr> whole) {
  return llvm::any_of(
      whole, [&](StringAttr dim) { return !llvm::is_contained(part, dim); });
}

Value Evaluator::binary(BinaryOp op, Scope &scope) {
  Value a = evaluate(op.getLhs(), scope), b = evaluate(op.getRhs(), scope);
  Type element = quantity(op.getResult()).getElementType();
  if (element.isInteger(64) && (Code::isVector(a) || Code::isVector(b))) {
    bool narrow = rangeOf(op.getLhs()).fits32() &&
                  rangeOf(op.getRhs()).fits32() &&
                  rangeOf(op.getResult()).fits32();
    a = code.toInt(a, narrow ? 32 : 64);
    b = code.toInt(b, narrow ? 32 : 64);
  }
  // Many elements have the same divisor: its inverse is computed once, since
  // loops do not change it. (One so small that this overflows counts as 0.)
  if (op.getKind() == BinaryKind::Div &&
      isSharedAmong(quantity(op.getRhs()).getDims(),
                    quantity(op.getResult()).getDims())) {
    Value inverse = code.div(code.realLike(b, 1.0), b);
    code.unify(a, inverse);
    return code.mul(a, inverse);
  }
  code.unify(a, b);
  // A GPU divides 64 bits in a branch of its own, of dozens of instructions.
  bool isShort = code.machine == Machine::Gpu && element.isInteger(64) &&
                 !Code::isVector(a) &&
                 !op.getRhs().getDefiningOp<ConstantOp>() &&
                 rangeOf(op.getLhs()).fits31();
  switch (op.getKind()) {
  case BinaryKind::Add:
    return code.add(a, b);
  case BinaryKind::Sub:
    return code.sub(a, b);
  case BinaryKind::Mul:
    return code.mul(a, b);
  case BinaryKind::Div:
    return code.div(a, b);
  case BinaryKind::Ratio:
    return code.ratio(a, b);
  case BinaryKind::FloorDiv:
    return isShort ? code.shortFloorDiv(a, b) : code.floorDiv(a, b);
  case BinaryKind::Mod:
    return isShort ? code.shortFloorMod(a, b) : code.floorMod(a, b);
  case BinaryKind::Min:
    return code.min(a, b);
  case BinaryKind::Max:
    return code.max(a, b);
  case BinaryKind::Pow:
    return attn::cpu::pow(code, a, b);
  case BinaryKind::And:
    return code.land(a, b);
  case BinaryKind::Or:
    return code.lor(a, b);
  case BinaryKind::Xor:
    return code.lxor(a, b);
  case BinaryKind::Shl:
    return code.shiftLeft(code.toInt(a, 64), code.toInt(b, 64));
  case BinaryKind::Shr:
    return code.shiftRight(code.toInt(a, 64), code.toInt(b, 64));
  }
  llvm_unreachable("unknown function");
}

arith::CmpIPredicate attn::cpu::intPredicate(Predicate predicate) {
  switch (predicate) {
  case Predicate::LT:
    return arith::CmpIPredicate::slt;
  case Predicate::LE:
    return arith::CmpIPredicate::sle;
  case Predicate::GT:
    return arith::CmpIPredicate::sgt;
  case Predicate::GE:
    return arith::CmpIPredicate::sge;
  case Predicate::EQ:
    return arith::CmpIPredicate::eq;
  case Predicate::NE:
    return arith::CmpIPredicate::ne;
  }
  llvm_unreachable("unknown predicate");
}

arith::CmpFPredicate attn::cpu::realPredicate(Predicate predicate) {
  switch (predicate) {
  case Predicate::LT:
    return arith::CmpFPredicate::OLT;
  case Predicate::LE:
    return arith::CmpFPredicate::OLE;
  case Predicate::GT:
    return arith::CmpFPredicate::OGT;
  case Predicate::GE:
    return arith::CmpFPredicate::OGE;
  case Predicate::EQ:
    return arith::CmpFPredicate::OEQ;
  case Predicate::NE:
    return arith::CmpFPredicate::UNE;
  }
  llvm_unreachable("unknown predicate");
}

Value Evaluator::compare(CompareOp op, Scope &scope) {
  Value a = evaluate(op.getLhs(), scope), b = evaluate(op.getRhs(), scope);
  Type element = quantity(op.getLhs()).getElementType();
  if (element.isF32())
    return code.compare(realPredicate(op.getPredicate()), a, b);
  if (element.isInteger(64) && (Code::isVector(a) || Code::isVector(b))) {
    IntRange ra = rangeOf(op.getLhs()), rb = rangeOf(op.getRhs());
    // A number that all lanes compare with may be clamped to 32 bits when the
    // lanes stay clear of the ends.
    auto clamp = [&](Value &number, IntRange &range, const IntRange &lanes) {
      constexpr int64_t low = std::numeric_limits<int32_t>::min();
      constexpr int64_t high = std::numeric_limits<int32_t>::max();
      if (Code::isVector(number) || range.fits32() || lanes.low <= low ||
          lanes.high >= high)
        return;
      number = code.min(code.max(number, code.index(low)), code.index(high));
      range = {low, high};
    };
    clamp(a, ra, rb);
    clamp(b, rb, ra);
    unsigned bits = ra.fits32() && rb.fits32() ? 32 : 64;
    a = code.toInt(a, bits);
    b = code.toInt(b, bits);
  }
  return code.compare(intPredicate(op.getPredicate()), a, b);
}

Value Evaluator::cast(CastOp op, Scope &scope) {
  Value x = evaluate(op.getOperand(), scope);
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  Type from = Code::elementOf(x);
  Type to = quantity(op.getResult()).getElementType();
  Type type = code.likeWith(x, to);
  if (isa<FloatType>(from) && isa<FloatType>(to)) {
    if (from == to)
      return x;
    if (to.isBF16())
      return roundToBFloat(code, x);
    return from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth()
               ? Value(arith::ExtFOp::create(b, loc, type, x))
               : Value(arith::TruncFOp::create(b, loc, type, x));
  }
  if (to.isInteger(1)) {
    if (isa<FloatType>(from))
      return code.compare(arith::CmpFPredicate::UNE, x, code.realLike(x, 0.0));
    return from.isInteger(1)
               ? x
               : code.compare(arith::CmpIPredicate::ne, x, code.intLike(x, 0));
  }
  if (isa<FloatType>(to)) {
    if (from.isInteger(1))
      x = code.toInt(x, 32);
    Value real =
        arith::SIToFPOp::create(b, loc, code.likeWith(x, code.f32()), x);
    if (to.isBF16())
      return roundToBFloat(code, real);
    return to.isF32() ? real
                      : Value(arith::TruncFOp::create(b, loc, type, real));
  }
  if (isa<FloatType>(from))
    return code.realToInt(x, to.getIntOrFloatBitWidth());
  // Lanes of small integers stay 32 bits wide; ops widen them where they must.
  if (to.isInteger(64) && Code::isVector(x) &&
      from.getIntOrFloatBitWidth() <= 32)
    return code.toInt(x, 32);
  return code.toInt(x, to.getIntOrFloatBitWidth());
}

static void collectIndices(const Scope &scope,
                           llvm::DenseMap<StringAttr, IndexValue> &indices) {
  for (const auto &[dim, at] : scope.indices)
    indices.try_emplace(dim, at);
  for (const Scope *outer : scope.outers)
    collectIndices(*outer, indices);
}

/// Evaluates the source where the read stands. What the enclosing scopes know
/// about values is for other indices, so only their indices carry over.
/// Of an empty dimension, 0 is read.
Value Evaluator::read(ReadOp op, Scope &scope) {
  Scope inner;
  Value outer = scope.lookupHasElements();
  Value own = areNotEmpty(toDims(op.getDims()));
  inner.hasElements = own && outer ? code.land(own, outer) : own ? own : outer;
  for (auto [dim, indexValue] : llvm::zip_equal(
           op.getDims().getAsRange<StringAttr>(), op.getIndices())) {
    Value at = evaluate(indexValue, scope);
    Value last = code.sub(extent(dim), code.index(1));
    IndexValue place;
    if (Code::isVector(at)) {
      at = code.toInt(at, 64);
      at = code.max(code.min(at, last), code.intLike(at, 0));
      place.lanes = code.toInt(at, 32);
    } else {
      place.uniform = code.max(code.min(at, last), code.index(0));
    }
    inner.indices[dim] = place;
  }
  collectIndices(scope, inner.indices);
  Value result = evaluate(op.getSource(), inner);
  if (!own || layout.isStored(op.getSource()))
    return result;
  return code.select(own, result, code.constantOf(result.getType(), 0));
}

Value Evaluator::reduceBox(BoxReduceOp op, Scope &scope) {
  const Storage &storage = layout.storageOf(op.getSource());
  Value identity = identityOf(code, op.getKind(), code.i64());
  DimList dims = toDims(op.getDims());
  // All bounds before the first loop: what is computed in one is known there
  // alone.
  Value zero = code.index(0), one = code.index(1);
  SmallVector<std::pair<Value, Value>> ends;
  for (auto [dim, from, to] : llvm::zip_equal(dims, op.getFrom(), op.getTo()))
    ends.push_back(
        {code.max(evaluate(from, scope), zero),
         code.add(code.min(evaluate(to, scope), code.sub(extent(dim), one)),
                  one)});
  std::function<Value(unsigned, Value, Scope &)> loop =
      [&](unsigned depth, Value result, Scope &outer) -> Value {
    if (depth == dims.size()) {
      Value element = code.load(storage.element, address(storage, outer));
      return combine(code, op.getKind(), result, code.toInt(element, 64));
    }
    return code
        .forEach(ends[depth].first, ends[depth].second, 1, result,
                 [&](Value i, ValueRange carried) -> SmallVector<Value> {
                   Scope inner(&outer);
                   inner.indices[dims[depth]].uniform = i;
                   return {loop(depth + 1, carried.front(), inner)};
                 })
        .front();
  };
  return loop(0, identity, scope);
}

Value Evaluator::reduceOver(ReduceOp op, ArrayRef<StringAttr> dims,
                            Value accumulator, Scope &scope) {
  if (dims.empty()) {
    Value element = evaluate(op.getOperand(), scope);
    if (Code::isVector(accumulator))
      element = code.splat(element);
    if (accumulator.getType() != element.getType())
      element = code.toInt(element, 64);
    if (op.getDomain()) {
      Value identity = identityOf(code, op.getKind(), element.getType());
      element = code.select(evaluate(op.getDomain(), scope), element, identity);
    }
    return combine(code, op.getKind(), accumulator, element);
  }
  return code
      .forEach(code.index(0), extent(dims.front()), 1, accumulator,
               [&](Value i, ValueRange carried) -> SmallVector<Value> {
                 Scope inner(&scope);
                 inner.indices[dims.front()].uniform = i;
                 return {
                     reduceOver(op, dims.drop_front(), carried.front(), inner)};
               })
      .front();
}

ReduceKind attn::cpu::reduceKind(AccumulateKind kind) {
  assert(kind != AccumulateKind::Collect && "collects nothing into one number");
  return kind == AccumulateKind::Max   ? ReduceKind::Max
         : kind == AccumulateKind::Min ? ReduceKind::Min
                                       : ReduceKind::Sum;
}

Value attn::cpu::identityOf(Code &code, ReduceKind kind, Type type) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  bool real = isa<FloatType>(getElementTypeOrSelf(type));
  if (kind == ReduceKind::Sum)
    return code.constantOf(type, 0);
  if (real)
    return code.constantOf(type, kind == ReduceKind::Max ? -inf : inf);
  Attribute bound = code.builder.getI64IntegerAttr(
      kind == ReduceKind::Max ? fullRange.low : fullRange.high);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(code.builder, code.loc,
                                     DenseElementsAttr::get(vector, bound));
  return arith::ConstantOp::create(code.builder, code.loc,
                                   cast<TypedAttr>(bound));
}

Value attn::cpu::combine(Code &code, ReduceKind kind, Value a, Value b) {
  switch (kind) {
  case ReduceKind::Sum:
    return code.add(a, b);
  case ReduceKind::Max:
    return code.max(a, b);
  default:
    return code.min(a, b);
  }
}

//===----------------------------------------------------------------------===//
// Hoisting
//===----------------------------------------------------------------------===//

/// Says whether everything that \p value needs can be computed now: it is made
/// of nothing that a loop has yet to provide.
bool Evaluator::isAvailable(Value value, Scope &scope) {
  bool available = true;
  walkFormula(value, [&](Value part) {
    if (scope.lookup(part))
      return false;
    available &=
        !provided.contains(part) && !part.getDefiningOp<AccumulateOp>();
    return available && !layout.isStored(part);
  });
  return available;
}

void Evaluator::hoist(Value value, DimList inner, Scope &scope) {
  HoistedWithin done;
  hoist(value, inner, scope, done);
}

void Evaluator::hoist(Value value, DimList inner, Scope &scope,
                      HoistedWithin &done) {
  SmallVector<DimList> &before = done[value];
  if (scope.lookup(value) || provided.contains(value) ||
      llvm::is_contained(before, inner))
    return;
  before.push_back(inner);
  bool fixed = llvm::none_of(
      inner, [&](StringAttr dim) { return quantity(value).hasDim(dim); });
  if (fixed && isAvailable(value, scope)) {
    evaluate(value, scope);
    return;
  }
  if (isa<BlockArgument>(value) || layout.isStored(value))
    return;
  Operation *op = value.getDefiningOp();
  if (auto read = dyn_cast<ReadOp>(op)) {
    // The source is evaluated at other indices than those of this scope.
    for (Value index : read.getIndices())
      hoist(index, inner, scope, done);
    return;
  }
  if (isa<AccumulateOp, SweepOp>(op))
    return;
  if (auto reduce = dyn_cast<ReduceOp>(op))
    llvm::append_range(inner, toDims(reduce.getDims()));
  for (Value operand : op->getOperands())
    hoist(operand, inner, scope, done);
}
