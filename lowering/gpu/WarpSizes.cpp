//===- WarpSizes.cpp - What the plan of a call works out ------------------===//
//
// Items, tiles and boxes of a kernel of specialised warps, as code of the host.
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

static Value divideUp(cpu::Code &code, Value a, Value b) {
  Value last = code.sub(code.add(a, b), code.index(1));
  return arith::DivUIOp::create(code.builder, code.loc, last, b);
}

/// How many rows of each dimension a tile has: of packed ones as many of the
/// last as there are, then of the one before it, until the tile is full.
Values attn::gpu::boxesOf(const WarpShape &shape, cpu::Evaluator &host) {
  cpu::Code &code = host.code;
  Value left = code.index(shape.tile.rows());
  Values boxes;
  for (const TileDim &entry : shape.rows)
    boxes.push_back(code.index(entry.box));
  if (!shape.isPacked)
    return boxes;
  for (unsigned i = boxes.size(); i-- != 0;) {
    Value extent = host.extent(shape.rows[i].dim);
    boxes[i] = code.max(code.min(extent, left), code.index(1));
    left = code.floorDiv(left, boxes[i]);
  }
  return boxes;
}

Value attn::gpu::itemsOf(const WarpShape &shape, cpu::Evaluator &host) {
  cpu::Code &code = host.code;
  Value items = host.volume(shape.batch);
  Values steps = stepsOfCall(shape.steps, host);
  for (auto [entry, box] : llvm::zip_equal(shape.rows, boxesOf(shape, host)))
    items = code.mul(items, tilesOfCall(host, entry, box, steps, true));
  return items;
}

/// The tiles of an item where no mask leaves any out.
static Value tilesOfItem(const WarpShape &shape, cpu::Evaluator &host) {
  cpu::Code &code = host.code;
  Values steps = stepsOfCall(shape.steps, host);
  Value tiles = code.index(1);
  for (const TileDim &entry : shape.columns)
    tiles = code.mul(
        tiles, tilesOfCall(host, entry, code.index(entry.box), steps, false));
  return tiles;
}

/// Says whether the plan can work out \p value: it is made of sizes, scalars
/// and the ends of tiles, and of nothing that lies in the GPU's memory.
static bool isOfCall(Value value, const cpu::CallLayout &layout) {
  return !isMadeOf(value, [&](Value part) {
    return layout.isStored(part) || part.getDefiningOp<ReadOp>() ||
           part.getDefiningOp<BoxReduceOp>();
  });
}

namespace {

/// The tiles that an item visits, in the plan: those of the hull of its boxes,
/// as a kernel finds them (WarpVisits.cpp).
class VisitedTiles {
public:
  VisitedTiles(const WarpShape &shape, VisitOp visit, cpu::Evaluator &host)
      : shape(shape), visit(visit), host(host), code(host.code),
        steps(stepsOfCall(shape.steps, host)), boxes(boxesOf(shape, host)) {}

  /// Of the tile of rows that lies at \p part / \p parts of the way from the
  /// first to the last of each dimension, in the middle of the batch.
  Value at(Value part, Value parts) {
    cpu::Scope scope;
    for (StringAttr dim : shape.batch) {
      Value middle = code.floorDiv(host.extent(dim), code.index(2));
      scope.indices[dim].uniform = middle;
      scope.bounds[dim] = {middle, middle};
    }
    for (auto [entry, box] : llvm::zip_equal(shape.rows, boxes)) {
      Value tiles = tilesOfCall(host, entry, box, steps, false);
      Value last = code.max(code.sub(tiles, code.index(1)), code.index(0));
      Value half = code.floorDiv(parts, code.index(2));
      Value number = code.floorDiv(code.add(code.mul(last, part), half), parts);
      Value position = code.mul(number, box);
      Value final = code.sub(code.add(position, box), code.index(1));
      Value end = code.sub(host.extent(entry.dim), code.index(1));
      scope.bounds[entry.dim] = {code.min(indexAt(entry, position), end),
                                 code.min(indexAt(entry, final), end)};
    }
    Value tiles = code.index(1);
    for (unsigned i = 0; i != shape.columns.size(); ++i)
      tiles = code.mul(tiles, along(i, scope));
    return tiles;
  }

private:
  Value indexAt(const TileDim &entry, Value position) {
    return entry.step ? code.mul(position, steps[*entry.step]) : position;
  }

  /// Tiles along column dimension \p position for the rows of \p scope.
  Value along(unsigned position, cpu::Scope &scope) {
    const TileDim &entry = shape.columns[position];
    Value zero = code.index(0), extent = host.extent(entry.dim);
    Value from = extent, end = zero;
    for (unsigned i = position; i < visit.getFrom().size();
         i += shape.columns.size()) {
      Value first = host.evaluate(visit.getFrom()[i], scope);
      Value last = host.evaluate(visit.getTo()[i], scope);
      Value isEmpty = code.lessThan(last, first);
      from = code.min(from, code.select(isEmpty, extent, first));
      end = code.max(end,
                     code.select(isEmpty, zero, code.add(last, code.index(1))));
    }
    Value length = code.sub(code.min(end, extent), code.max(from, zero));
    length = code.max(length, zero);
    if (entry.step)
      length = divideUp(code, length, steps[*entry.step]);
    return divideUp(code, length, code.index(entry.box));
  }

  const WarpShape &shape;
  VisitOp visit;
  cpu::Evaluator &host;
  cpu::Code &code;
  Values steps, boxes;
};

} // namespace

/// The most tiles that an item visits, and those of all items together. Under a
/// mask estimates, from eight tiles of rows; where the mask's bounds lie in the
/// GPU's memory, as if it left out none.
static std::pair<Value, Value> countTiles(const WarpShape &shape, VisitOp visit,
                                          cpu::Evaluator &host) {
  constexpr int64_t samples = 8;
  cpu::Code &code = host.code;
  Value items = itemsOf(shape, host);
  auto isKnown = [&](Value value) { return isOfCall(value, host.layout); };
  if (!visit || !llvm::all_of(visit.getFrom(), isKnown) ||
      !llvm::all_of(visit.getTo(), isKnown)) {
    Value tiles = tilesOfItem(shape, host);
    return {tiles, code.mul(items, tiles)};
  }
  VisitedTiles tiles(shape, visit, host);
  Value zero = code.index(0);
  auto loop = scf::ForOp::create(
      code.builder, code.loc, zero, code.index(samples), code.index(1),
      ValueRange({zero, zero}),
      [&](OpBuilder &, Location, Value sample, ValueRange carried) {
        Value visited = tiles.at(sample, code.index(samples - 1));
        scf::YieldOp::create(code.builder, code.loc,
                             ValueRange({code.max(carried[0], visited),
                                         code.add(carried[1], visited)}));
      });
  code.builder.setInsertionPointAfter(loop);
  Value all = code.mul(items, loop.getResult(1));
  return {loop.getResult(0), code.floorDiv(all, code.index(samples))};
}

/// What the plan works out for a call.
void WarpKernelEmitter::describeSizes() {
  WarpShape kept = shape;
  stage.items = [kept](cpu::Evaluator &host) { return itemsOf(kept, host); };
  stage.tiles = [kept, visit = shape.sweep->visit](cpu::Evaluator &host) {
    return countTiles(kept, visit, host);
  };
  if (!shape.steps.empty())
    stage.steps = [kept](cpu::Evaluator &host) {
      return stepsOfCall(kept.steps, host);
    };
  if (!shape.isPacked)
    return;
  stage.boxes = [kept](cpu::Evaluator &host) { return boxesOf(kept, host); };
  int64_t bytesOfRow = 4 * wordsOfRow();
  stage.scratchBytes = [kept, bytesOfRow](cpu::Evaluator &host) {
    Value bytes = host.code.index(bytesOfRow);
    for (Value box : boxesOf(kept, host))
      bytes = host.code.mul(bytes, box);
    return bytes;
  };
}
