//===- EmitRows.cpp - Rows of operands that are read in place -------------===//
//
// Where the rows of a tile of keys are, which of them the machine is asked for
// before they are read, and which are brought together first.
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"
#include "lowering/cpu/Rows.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

SmallVector<Value> attn::cpu::stridesOf(Evaluator &evaluator,
                                        const Operand &operand,
                                        ArrayRef<StringAttr> dims) {
  SmallVector<Value> strides;
  for (StringAttr dim : dims) {
    const DimList &layout = operand.inPlace->layout;
    unsigned position = llvm::find(layout, dim) - layout.begin();
    strides.push_back(position == layout.size()
                          ? evaluator.code.index(0)
                          : evaluator.stride(*operand.inPlace, position));
  }
  return strides;
}

Row attn::cpu::rowOf(Evaluator &evaluator, const Operand &operand,
                     ArrayRef<StringAttr> dims, Scope &scope) {
  Scope start(&scope);
  for (StringAttr dim : dims)
    start.indices[dim].uniform = evaluator.code.index(0);
  return {evaluator.address(*operand.inPlace, start),
          stridesOf(evaluator, operand, dims)};
}

Row attn::cpu::denseRow(Evaluator &evaluator, Value base,
                        ArrayRef<StringAttr> dims) {
  Code &code = evaluator.code;
  Row row{base, SmallVector<Value>(dims.size())};
  Value stride = code.index(1);
  for (size_t i = dims.size(); i-- > 0;) {
    row.strides[i] = stride;
    stride = code.mul(stride, evaluator.extent(dims[i]));
  }
  return row;
}

/// With several swept dimensions, writes where the row of each key of the tile
/// begins, for operands that are read in place: register tiles then follow one
/// pointer a key.
void KernelEmitter::fillKeyRows(const SweepShape &sweep, Value count) {
  SweepArrays &numbers = arraysOf(sweep);
  Keys keys;
  keys.offset = code.index(0);
  code.forEach(code.index(0), count, 1, [&](Value key) {
    Scope scope(&itemScope);
    bindKeys(sweep, keys, key, scope);
    auto write = [&](const Operand &operand, ArrayRef<StringAttr> dims,
                     unsigned number) {
      if (number)
        code.store(rowOf(*evaluator, operand, dims, scope).base,
                   array(number, code.ptr(), key));
    };
    for (auto [i, product] : llvm::enumerate(sweep.products))
      write(product.keySide, product.dims, numbers.productRows[i]);
    for (auto [i, accumulator] : llvm::enumerate(sweep.accumulators))
      write(accumulator.keySide, accumulator.carried, numbers.valueRows[i]);
  });
}

/// Asks for the rows of a block of keys that the tables of fillKeyRows name:
/// those of the next block for the product at hand, and those of this block
/// for the products with values, which come after the step. Blocks of a box
/// begin at places that the machine does not foresee. What the table has beyond
/// the tile is asked for in vain.
void KernelEmitter::prefetchBlock(const SweepShape &sweep, unsigned product,
                                  Value key, unsigned rows) {
  SweepArrays &numbers = arraysOf(sweep);
  auto prefetch = [&](const Operand &operand, ArrayRef<StringAttr> dims,
                      unsigned table, Value from) {
    if (!table || !lieTogether(*operand.inPlace, dims.back()))
      return;
    int64_t size = operand.inPlace->element.getIntOrFloatBitWidth() / 8;
    Value bytes = code.mul(evaluator->extent(dims.back()), code.index(size));
    for (unsigned r = 0; r != rows; ++r) {
      Value at = array(table, code.ptr(), code.add(from, code.index(r)));
      prefetchLines(code.load(code.ptr(), at), bytes);
    }
  };
  const InnerProduct &inner = sweep.products[product];
  if (inner.dims.size() == 1)
    prefetch(inner.keySide, inner.dims, numbers.productRows[product],
             code.add(key, code.index(rows)));
  for (auto [i, accumulator] : llvm::enumerate(sweep.accumulators))
    prefetch(accumulator.keySide, accumulator.carried, numbers.valueRows[i],
             key);
}

/// Asks for what rows far apart would make a register tile wait for: the next
/// rows of keys for the product at hand, which come while this one computes,
/// and the values of this one, into the second-level cache, since the tiles
/// that take them read a few columns of many rows. Beyond the last key, in
/// vain.
void KernelEmitter::askAhead(const SweepShape &sweep, unsigned product,
                             const Keys &keys, Value row) {
  auto ask = [&](const Operand &operand, ArrayRef<StringAttr> dims,
                 unsigned table, Value from, CacheLevel level) {
    if (!operand.inPlace || table || dims.size() != 1 ||
        !lieTogether(*operand.inPlace, dims.front()))
      return;
    int64_t size = operand.inPlace->element.getIntOrFloatBitWidth() / 8;
    Value bytes = code.mul(evaluator->extent(dims.front()), code.index(size));
    Value end = code.add(from, code.index(shape.rows));
    code.forEach(from, end, 1, [&](Value key) {
      Scope scope(&itemScope);
      bindKeys(sweep, keys, key, scope);
      prefetchLines(rowOf(*evaluator, operand, dims, scope).base, bytes, level);
    });
  };
  SweepArrays &numbers = arraysOf(sweep);
  const InnerProduct &inner = sweep.products[product];
  ask(inner.keySide, inner.dims, numbers.productRows[product],
      code.add(row, code.index(shape.rows)), CacheLevel::First);
  for (const Accumulator &accumulator : sweep.accumulators)
    ask(accumulator.keySide, accumulator.carried,
        numbers.valueRows[accumulator.index], row, CacheLevel::Second);
}

/// Says whether rows of values of \p accumulator may lie so far apart that they
/// are brought together: rows of a tensor that are read in place.
bool KernelEmitter::bringsTogether(const SweepShape &sweep,
                                   const Accumulator &accumulator) const {
  const Storage *storage = accumulator.keySide.inPlace;
  if (code.machine == Machine::Gpu || !accumulator.isProduct || !storage ||
      accumulator.carried.size() != 1 || sweep.over.size() != 1 ||
      !sweep.isContiguous)
    return false;
  return lieTogether(*storage, accumulator.carried.front()) &&
         llvm::is_contained(storage->layout, sweep.over.front());
}

/// Finds the rows of values of the tile of keys. Those a multiple of 4 KiB
/// apart, as [B, M, H, D] has them with 16 heads of 64 numbers, are copied into
/// scratch: they fall into the same sets of the first-level cache, which eight
/// of them fill, and a register tile reads a few columns of all rows. Keys are
/// read a row at a time, and stay where they are.
void KernelEmitter::bringTogether(const SweepShape &sweep,
                                  const Accumulator &accumulator, Value tile,
                                  Value count) {
  constexpr int64_t period = 4096 / sizeof(float);
  ArrayRef<StringAttr> dims = accumulator.carried;
  unsigned number = arraysOf(sweep).values[accumulator.index];
  Value stride = stridesOf(*evaluator, accumulator.keySide, sweep.over).front();
  Value zero = code.index(0);
  Value isAligned =
      code.equals(code.land(stride, code.index(period - 1)), zero);
  Value isFar = code.land(isAligned, code.lnot(code.equals(stride, zero)));
  Value together =
      code.add(evaluator->extent(dims.front()), code.index(farRowPadding));
  code.ifThen(isFar, [&] {
    fillKeyOperand(sweep, accumulator.keySide, dims, number,
                   /*isDot=*/false, tile, count, together);
  });
  Scope scope(&itemScope);
  bindKeys(sweep, {tile, tile, zero, count}, zero, scope);
  Value inPlace = rowOf(*evaluator, accumulator.keySide, dims, scope).base;
  tileValues[accumulator.index] = {
      code.select(isFar, array(number, code.f32(), zero), inPlace),
      code.select(isFar, together, stride)};
}

/// Asks for the row that \p operand has at the indices of \p scope, where it
/// is a tensor and its row lies together. The row need not exist.
void KernelEmitter::prefetchRow(const Operand &operand,
                                ArrayRef<StringAttr> dims, Scope &scope) {
  if (operand.factors.size() != 1 || dims.size() != 1)
    return;
  Value tensor = operand.factors.front();
  if (auto cast = tensor.getDefiningOp<CastOp>())
    tensor = cast.getOperand();
  if (!layout.isStored(tensor))
    return;
  const Storage &storage = layout.storageOf(tensor);
  if (!lieTogether(storage, dims.front()))
    return;
  Scope start(&scope);
  start.indices[dims.front()].uniform = code.index(0);
  int64_t bytes = storage.element.getIntOrFloatBitWidth() / 8;
  prefetchLines(evaluator->address(storage, start),
                code.mul(evaluator->extent(dims.front()), code.index(bytes)));
}

void KernelEmitter::prefetchLines(Value address, Value bytes, CacheLevel level,
                                  bool isWritten) {
  constexpr int64_t line = 64;
  // As llvm.prefetch counts: 3 is the nearest cache.
  int32_t hint = level == CacheLevel::First ? 3 : 2;
  code.forEach(code.index(0), bytes, line, [&](Value at) {
    LLVM::Prefetch::create(builder, code.loc,
                           code.address(address, builder.getI8Type(), at),
                           /*rw=*/isWritten, hint, /*cache=*/1);
  });
}
