//===- MmaCopies.cpp - Tiles in shared memory -----------------------------===//
//
// Rows of an operand come to shared memory by asynchronous copies where it is a
// tensor, 16 or 4 bytes at a time as its address and strides allow, and through
// registers where it is computed or aligned to its elements alone. Rows that do
// not exist are zeros, and so is the padding of a row.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/MmaKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

unsigned MmaKernelEmitter::leftOffset(unsigned number) const {
  unsigned offset = 0;
  for (const MmaOperand &left : ArrayRef(shape.lefts).take_front(number))
    offset += tile.rows() * left.rowBytes();
  return offset;
}

unsigned MmaKernelEmitter::operandOffset(const MmaSweep &sweep,
                                         unsigned number) const {
  unsigned offset = 0;
  for (const MmaOperand &operand : ArrayRef(sweep.operands).take_front(number))
    offset += sweep.width * operand.rowBytes();
  return offset;
}

Value MmaKernelEmitter::stageAddress(Value stageNumber) {
  return shared(code.add(code.mul(stageNumber, warps.i32(shape.stageBytes())),
                         warps.i32(shape.leftBytes())));
}

/// The padding of rows is zeros from here on: copies leave it alone.
void MmaKernelEmitter::clearShared() {
  warps.clearShared(sharedBase, code.mul(thread, warps.i32(matrixRow)),
                    shape.sharedBytes(), tile.threads());
}

/// The low bits of the address and the strides of \p storage, in bytes: those
/// that are 0 say how it is aligned.
Value MmaKernelEmitter::alignmentOf(const cpu::Storage &storage) {
  Value bits = evaluator->slot(storage.slot, code.i64());
  int64_t bytes = storage.element.getIntOrFloatBitWidth() / 8;
  for (unsigned position = 0; position + 1 < storage.layout.size(); ++position)
    bits = code.lor(bits, code.mul(evaluator->stride(storage, position),
                                   code.index(bytes)));
  return code.land(warps.toI32(bits), warps.i32(matrixRow - 1));
}

/// Calls \p body for the rows and units of a tile that are this thread's: it
/// has the same units of every row that it has.
void MmaKernelEmitter::forEachUnit(
    unsigned rows, unsigned units,
    llvm::function_ref<void(Value row, Value unit)> body) {
  unsigned across = std::min(units, tile.threads());
  unsigned rowsAtOnce = tile.threads() / across;
  Value perRow = warps.i32(across);
  Value firstRow = arith::DivUIOp::create(builder, code.loc, thread, perRow);
  Value firstUnit = code.sub(thread, code.mul(firstRow, perRow));
  // Threads that are left over have no row.
  Value isUsed = code.lessThan(firstRow, warps.i32(rowsAtOnce));
  Value begin = code.select(isUsed, firstRow, warps.i32(rows));
  auto loop = scf::ForOp::create(builder, code.loc, begin, warps.i32(rows),
                                 warps.i32(rowsAtOnce));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  Value row = loop.getInductionVar();
  if (units <= across)
    return body(row, firstUnit);
  auto inner = scf::ForOp::create(builder, code.loc, firstUnit,
                                  warps.i32(units), warps.i32(across));
  builder.setInsertionPoint(inner.getBody()->getTerminator());
  body(row, inner.getInductionVar());
}

/// By copies of \p bytes, each row by itself.
void MmaKernelEmitter::copyRows(Item &item, const MmaOperand &operand, Value to,
                                const OperandRows &rows, unsigned bytes) {
  unsigned elements = bytes / operand.elementBytes();
  unsigned units = unsigned(operand.columns) / elements;
  forEachUnit(rows.number, units, [&](Value row, Value unit) {
    TileIndices::Spot spot = indices->spotOf(rows.dims, rows.corner, row);
    cpu::Scope scope(&item.scope.uniform);
    for (auto [entry, index] : llvm::zip_equal(rows.dims, spot.indices))
      scope.indices[entry.dim].uniform = warps.widen(index);
    scope.indices[operand.columnDim].uniform =
        warps.widen(code.mul(unit, warps.i32(elements)));
    Value place = code.add(code.mul(row, warps.i32(operand.rowBytes())),
                           code.mul(unit, warps.i32(bytes)));
    matrices.startCopy(warps.sharedAddress(to, place),
                       evaluator->address(*operand.storage, scope), bytes,
                       spot.exists);
  });
}

/// The same for rows of one dimension. A thread has the same place of every so
/// many rows: what differs from one to the next is a pointer's step.
void MmaKernelEmitter::copyRun(Item &item, const MmaOperand &operand, Value to,
                               const OperandRows &rows, unsigned bytes) {
  unsigned elements = bytes / operand.elementBytes();
  unsigned units = unsigned(operand.columns) / elements;
  unsigned rowsAtOnce = tile.threads() / units;
  Value perRow = warps.i32(units);
  Value row = arith::DivUIOp::create(builder, code.loc, thread, perRow);
  Value unit = code.sub(thread, code.mul(row, perRow));
  const TileDim &entry = rows.dims.front();
  Value first = rows.corner.positions.front();
  Value residue = rows.corner.residues.front();
  // Rows from here on do not exist; threads that are left over have none.
  Value end = code.sub(indices->positionsOf(entry, residue), first);
  bool isEven = tile.threads() % units == 0 && rows.number % rowsAtOnce == 0;
  Value isUsed = code.lessThan(row, warps.i32(rowsAtOnce));

  cpu::Scope scope(&item.scope.uniform);
  scope.indices[entry.dim].uniform =
      warps.widen(indices->indexAt(entry, code.add(first, row), residue));
  scope.indices[operand.columnDim].uniform =
      warps.widen(code.mul(unit, warps.i32(elements)));
  Value from = evaluator->address(*operand.storage, scope);
  Value step;
  for (auto [position, dim] : llvm::enumerate(operand.storage->layout))
    if (dim == entry.dim)
      step = code.mul(evaluator->stride(*operand.storage, position),
                      code.index(rowsAtOnce));
  if (Value apart = indices->stepOf(entry); step && apart)
    step = code.mul(step, warps.widen(apart));
  Value place = code.add(code.mul(row, warps.i32(operand.rowBytes())),
                         code.mul(unit, warps.i32(bytes)));
  to = warps.sharedAddress(to, place);
  auto copyRow = [&](Value i, Value pointer) {
    Value at = code.add(row, i);
    auto copy = [&] {
      matrices.startCopy(
          warps.sharedAddress(to, code.mul(i, warps.i32(operand.rowBytes()))),
          pointer, bytes, code.lessThan(at, end));
    };
    if (isEven)
      copy();
    else
      code.ifThen(code.land(isUsed, code.lessThan(at, warps.i32(rows.number))),
                  copy);
    return step ? code.address(pointer, operand.element, step) : pointer;
  };
  constexpr unsigned mostUnrolled = 8;
  if (rows.number <= mostUnrolled * rowsAtOnce) {
    for (unsigned i = 0; i < rows.number; i += rowsAtOnce)
      from = copyRow(warps.i32(i), from);
    return;
  }
  auto loop = scf::ForOp::create(builder, code.loc, warps.i32(0),
                                 warps.i32(rows.number), warps.i32(rowsAtOnce),
                                 ValueRange(from));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(loop.getBody());
  Value next = copyRow(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(builder, code.loc, ValueRange(next));
}

/// Element by element, through registers; a few at a time, so that reads wait
/// for each other no more than they have to.
void MmaKernelEmitter::convertRows(Item &item, const MmaOperand &operand,
                                   Value to, const OperandRows &rows) {
  constexpr unsigned most = 4;
  unsigned atOnce = operand.columns % most ? 1 : most;
  unsigned bytes = operand.elementBytes();
  forEachUnit(
      rows.number, unsigned(operand.columns) / atOnce,
      [&](Value row, Value unit) {
        TileIndices::Spot spot = indices->spotOf(rows.dims, rows.corner, row);
        Value column = code.mul(unit, warps.i32(atOnce));
        Values elements;
        for (unsigned i = 0; i != atOnce; ++i) {
          cpu::Scope scope(&item.scope.uniform);
          for (auto [entry, index] : llvm::zip_equal(rows.dims, spot.indices))
            scope.indices[entry.dim].uniform = warps.widen(index);
          scope.indices[operand.columnDim].uniform =
              warps.widen(code.add(column, warps.i32(i)));
          Value product;
          if (operand.storage)
            product = code.load(operand.element,
                                evaluator->address(*operand.storage, scope));
          else
            for (Value factor : operand.factors) {
              Value x = evaluator->evaluate(factor, scope);
              product = product ? code.mul(product, x) : x;
            }
          if (product.getType() != operand.element)
            product = arith::TruncFOp::create(builder, code.loc,
                                              operand.element, product);
          elements.push_back(code.select(spot.exists, product,
                                         code.constantOf(operand.element, 0)));
        }
        Value place = code.add(code.mul(row, warps.i32(operand.rowBytes())),
                               code.mul(column, warps.i32(bytes)));
        for (auto [i, element] : llvm::enumerate(elements))
          LLVM::StoreOp::create(
              builder, code.loc, element,
              warps.sharedAddress(to, code.add(place, warps.i32(i * bytes))),
              bytes);
      });
}

/// Calls \p body for code that seldom runs.
void MmaKernelEmitter::asRare(llvm::function_ref<void()> body) {
  Value kept = thread;
  thread = matrices.threadHere();
  body();
  thread = kept;
}

/// Brings \p rows of \p operand to \p to. They are there for this thread after
/// waitCopies, for others after a barrier.
void MmaKernelEmitter::fill(Item &item, const MmaOperand &operand, Value to,
                            const OperandRows &rows) {
  if (!operand.storage)
    return convertRows(item, operand, to, rows);
  unsigned rowBytes = unsigned(operand.columns) * operand.elementBytes();
  Value alignment = alignments.lookup(operand.storage->slot);
  auto isAligned = [&](unsigned bytes) {
    return code.equals(code.land(alignment, warps.i32(bytes - 1)),
                       warps.i32(0));
  };
  auto convert = [&] { asRare([&] { convertRows(item, operand, to, rows); }); };
  auto copy = [&](unsigned bytes) {
    // A run has a thread for each unit of a row, at least.
    bool isRun = rows.dims.size() == 1 && rowBytes / bytes <= tile.threads();
    (this->*(isRun ? &MmaKernelEmitter::copyRun : &MmaKernelEmitter::copyRows))(
        item, operand, to, rows, bytes);
  };
  auto copyWords = [&] { asRare([&] { copy(4); }); };
  auto narrow = [&] {
    if (rowBytes % 4 || rowBytes / 4 > tile.threads())
      return convert();
    if (operand.element.isF32())
      return copyWords();
    code.ifElse(isAligned(4), copyWords, convert);
  };
  // As much at once as divides a row.
  unsigned wide = rowBytes % matrixRow ? matrixRow / 2 : matrixRow;
  if (rowBytes % wide)
    return narrow();
  code.ifElse(isAligned(wide), [&] { copy(wide); }, narrow);
}

void MmaKernelEmitter::fillTile(Item &item, Sweep &sweep, Value number,
                                Value stageNumber) {
  Value base = stageAddress(stageNumber);
  OperandRows rows{sweep.shape.columns, sweep.visits.cornerOf(number),
                   sweep.shape.width};
  for (auto [i, operand] : llvm::enumerate(sweep.shape.operands))
    fill(item, operand,
         warps.sharedAddress(
             base, warps.i32(operandOffset(sweep.shape, unsigned(i)))),
         rows);
}
