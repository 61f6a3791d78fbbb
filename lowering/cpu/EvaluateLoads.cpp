//===- EvaluateLoads.cpp - What is read from memory -----------------------===//
//
// The slots of a call (addresses, extents, strides), and elements of tensors:
// at the indices of a scope, or where a read looks. Of an empty dimension
// there is no element; zeros stand for it.
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/Evaluate.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include "attn/kernel_abi.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

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

Value Evaluator::countIn(Strip strip, StringAttr dim) {
  return strip.dim == dim ? slot(strip.slot + ATTN_STRIP_COUNT, code.i64())
                          : extent(dim);
}

Value Evaluator::volume(ArrayRef<StringAttr> dims, Strip strip) {
  Value product = code.index(1);
  for (StringAttr dim : dims)
    product = code.mul(product, countIn(strip, dim));
  return product;
}

Value Evaluator::stride(const Storage &storage, unsigned position) {
  if (position + 1 == storage.layout.size())
    return code.index(1);
  if (!storage.isBuffer)
    return slot(storage.slot + 1 + int(position), code.i64());
  return volume(ArrayRef(storage.layout).drop_front(position + 1),
                storage.strip);
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

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

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
// Reads
//===----------------------------------------------------------------------===//

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
