//===- WarpColumns.cpp - What a tile reads of a column --------------------===//
//
// What a mask or an element reads of a column alone (the label of a document,
// whether a key is there, the normaliser of a column) every row of the tile
// asks for. The threads of a consumer bring it into shared memory, a column
// each, while the tile's scores are being multiplied, for masks those of masked
// tiles alone; two columns next to each other are one load at a constant
// offset.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

/// What \p wanted is in the first column of \p scope, as a word.
Value WarpKernelEmitter::wordOfColumn(const ColumnValue &wanted,
                                      FragmentScope &scope) {
  if (wanted.weight)
    return pairs->columnExponent(*wanted.weight, 0, scope);
  Value number = pairs->evaluate(wanted.value, {-1, 0}, scope);
  if (number.getType().isInteger(1))
    return code.select(number, warps.i32(1), warps.i32(0));
  return number.getType().isInteger() ? warps.toI32(number) : number;
}

/// Brings what is read of the columns of tile \p number; where masks alone
/// read, not if it is \p full.
void WarpKernelEmitter::bringColumns(Item &item, Value number, Value full) {
  if (shape.columnValues.empty())
    return;
  FragmentScope tileScope(&item.scope);
  TileCorner corner = cornerOf(item, number);
  for (auto [i, entry] : llvm::enumerate(shape.columns))
    tileScope.firstColumns.push_back(
        indexAt(entry, corner.positions[i], corner.residues[i]));
  Value ofGroup = code.land(warps.thread(), warps.i32(threadsOfGroup - 1));
  auto bring = [&] {
    // All threads have read those of the last such tile.
    syncConsumer();
    for (unsigned done = 0; done < tile.columns; done += threadsOfGroup) {
      Value column = code.add(ofGroup, warps.i32(done));
      if (done + threadsOfGroup > tile.columns)
        column = code.min(column, warps.i32(tile.columns - 1));
      FragmentScope scope(&tileScope);
      pairs->shiftColumns(column, scope);
      scope.lastColumns = lastColumns();
      for (auto [i, value] : llvm::enumerate(shape.columnValues))
        LLVM::StoreOp::create(builder, code.loc, wordOfColumn(value, scope),
                              addressOfColumn(i, column), 4);
    }
    syncConsumer();
  };
  if (llvm::any_of(shape.columnValues,
                   [](const ColumnValue &value) { return value.isOfElements; }))
    bring();
  else
    code.ifThen(code.lnot(full), bring);
}

/// Where that of column \p column of the tile lies.
Value WarpKernelEmitter::addressOfColumn(unsigned which, Value column) {
  Value first = code.mul(
      consumer, warps.i32(int64_t(shape.columnValues.size()) * tile.columns));
  Value at = code.add(first, code.add(column, warps.i32(which * tile.columns)));
  return warps.sharedAddress(sharedBase, code.add(code.mul(at, warps.i32(4)),
                                                  warps.i32(plan.columns)));
}

/// \p value, or the exponent of the weight \p value / \p normalizer, of column
/// \p column from the thread's first on, if it is one of those; else null. What
/// masks read is there within a mask alone.
Value WarpKernelEmitter::columnElement(Value value, int column,
                                       Value normalizer) {
  auto found = llvm::find_if(shape.columnValues, [&](const ColumnValue &known) {
    return known.value == value && known.normalizer() == normalizer;
  });
  if (found == shape.columnValues.end() ||
      !(readsBroughtColumns || (readsBroughtElements && found->isOfElements)))
    return {};
  Value own = code.mul(code.land(lane, warps.i32(3)), warps.i32(2));
  // The constant part of the address is left to the instruction.
  Value address = warps.sharedAddress(
      addressOfColumn(found - shape.columnValues.begin(), own),
      warps.i32(4 * column));
  bool isReal = found->weight || quantity(value).getElementType().isF32();
  Value word = LLVM::LoadOp::create(
      builder, code.loc, isReal ? code.f32() : warps.i32Type(), address,
      /*alignment=*/column % 2 ? 4 : 8);
  if (quantity(value).getElementType().isInteger(1))
    return code.compare(arith::CmpIPredicate::ne, word, warps.i32(0));
  return word;
}
