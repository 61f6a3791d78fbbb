//===- EmitLanes.cpp - Where the lanes of a tile stand --------------------===//
//
// The lanes of a kernel are numbered by positions: in a dimension with a
// stride s, position i of residue r is the index r + s i. A tile is a run of
// the flattened positions, or a box of them; where it sticks out, lanes repeat
// an index of the tile and do not exist.
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static Value productOf(Code &code, ArrayRef<Value> numbers) {
  Value product = code.index(1);
  for (Value number : numbers)
    product = code.mul(product, number);
  return product;
}

/// How far apart the lanes of a tile are in \p dim; null where they are
/// neighbours. A stride beyond the extent is as good as the extent.
Value KernelEmitter::laneStride(Evaluator &evaluator, StringAttr dim) {
  Value by = shape.strides.lookup(dim);
  if (!by)
    return {};
  Code &at = evaluator.code;
  Scope scope;
  return at.max(evaluator.evaluate(by, scope), at.index(1));
}

/// Positions in each lane dimension.
KernelEmitter::Vectors KernelEmitter::laneCounts(Evaluator &evaluator) {
  Code &at = evaluator.code;
  return llvm::map_to_vector(shape.lanes, [&](StringAttr dim) {
    Value extent = evaluator.countIn(strip, dim);
    Value stride = laneStride(evaluator, dim);
    if (!stride)
      return extent;
    return at.ceilDiv(extent, stride);
  });
}

/// How many lanes a tile has that covers some of \p positions.
Value KernelEmitter::lanesOfTile(Evaluator &evaluator, Value positions) {
  Code &at = evaluator.code;
  Value lanes = at.index(shape.tileLanes());
  for (const KernelShape::SmallerTile &smaller : shape.smallerTiles()) {
    Value items =
        at.mul(at.ceilDiv(positions, smaller.than), batchExtent(evaluator));
    lanes = at.select(at.lessThan(items, at.index(smaller.below)),
                      at.index(smaller.lanes), lanes);
  }
  return lanes;
}

/// The lanes of the groups that the tile has.
Value KernelEmitter::lanesOfGroups() {
  if (shape.groups == 1)
    return code.index(shape.groupLanes());
  Value groups = code.ceilDiv(validLanes, shape.groupLanes());
  return code.mul(groups, code.index(shape.groupLanes()));
}

/// How many tiles of lanes cover the positions \p counts of one residue: of
/// their run, or in each dimension of a box.
KernelEmitter::Vectors KernelEmitter::tilesOfResidue(Evaluator &evaluator,
                                                     ArrayRef<Value> counts) {
  Code &at = evaluator.code;
  Value positions = productOf(at, counts);
  if (shape.box.empty())
    return {at.ceilDiv(positions, lanesOfTile(evaluator, positions))};
  Vectors tiles;
  for (auto [count, extent] : llvm::zip_equal(counts, shape.box))
    tiles.push_back(at.ceilDiv(count, extent));
  return tiles;
}

/// How many tiles of lanes there are, in all residues.
Value KernelEmitter::laneTiles(Evaluator &evaluator) {
  Code &at = evaluator.code;
  Value tiles = productOf(at, tilesOfResidue(evaluator, laneCounts(evaluator)));
  for (auto &[dim, by] : shape.strides)
    tiles = at.mul(tiles,
                   at.min(laneStride(evaluator, dim), evaluator.extent(dim)));
  return tiles;
}

/// Takes apart the number of a tile: its place runs faster than its residues,
/// so that tiles which need the same keys follow each other.
void KernelEmitter::placeTile(Value tile) {
  Value one = code.index(1);
  strides = llvm::map_to_vector(
      shape.lanes, [&](StringAttr dim) { return laneStride(*evaluator, dim); });
  Vectors counts = laneCounts(*evaluator);
  Vectors tiles = tilesOfResidue(*evaluator, counts);
  Value inResidue = code.max(productOf(code, tiles), one);
  Value residue = arith::DivUIOp::create(builder, code.loc, tile, inResidue);
  Value place = code.sub(tile, code.mul(residue, inResidue));

  residues.assign(shape.lanes.size(), Value());
  for (unsigned i = 0; i != shape.lanes.size(); ++i) {
    if (!strides[i])
      continue;
    Value classes =
        code.max(code.min(strides[i], evaluator->extent(shape.lanes[i])), one);
    Value outer = arith::DivUIOp::create(builder, code.loc, residue, classes);
    residues[i] = code.sub(residue, code.mul(outer, classes));
    residue = outer;
  }
  if (shape.box.empty()) {
    Value positions = productOf(code, counts);
    Value lanes = lanesOfTile(*evaluator, positions);
    firstLane = code.mul(place, lanes);
    validLanes = code.min(lanes, code.sub(positions, firstLane));
    return;
  }
  for (Value &number : tiles)
    number = code.max(number, one);
  boxOrigin.assign(counts.size(), Value());
  decode(place, tiles, [&](unsigned position, Value number) {
    boxOrigin[position] = code.mul(number, code.index(shape.box[position]));
  });
  firstLane = code.index(0);
  validLanes = code.index(shape.tileLanes());
}

/// The index at position \p at of lane dimension \p position, or the last of
/// its residue.
Value KernelEmitter::laneIndex(unsigned position, Value at) {
  if (!strides[position])
    return indexAt(shape.lanes[position], at);
  Value index = code.add(residues[position], code.mul(at, strides[position]));
  Value last =
      code.sub(evaluator->extent(shape.lanes[position]), code.index(1));
  Value beyond = code.sub(last, residues[position]);
  Value whole =
      arith::DivUIOp::create(builder, code.loc, beyond, strides[position]);
  return code.min(
      index, code.add(residues[position], code.mul(whole, strides[position])));
}

/// Writes the index of every lane of the tile, in each lane dimension. Lanes
/// that do not exist repeat an index, so that reads stay inside the tensors.
void KernelEmitter::fillLaneTables() {
  if (shape.lanes.empty())
    return;
  Vectors counts = laneCounts(*evaluator);
  Value one = code.index(1), total = productOf(code, counts);
  Value last = code.sub(total, one);
  Vectors boxExtents;
  for (int64_t extent : shape.box)
    boxExtents.push_back(code.index(extent));
  // On a GPU, each thread has the indices of its own lanes.
  bool onGpu = code.machine == Machine::Gpu;
  Value end = lanesOfGroups();
  code.forEach(code.index(0), end, onGpu ? shape.width : 1, [&](Value first) {
    Value i = onGpu ? code.add(first, thread) : first;
    Value exists = code.boolean(true);
    auto place = [&](unsigned position, Value at) {
      Value index = laneIndex(position, at);
      if (strides[position]) {
        Value exact =
            code.add(residues[position], code.mul(at, strides[position]));
        exists = code.land(exists, code.equals(exact, index));
      }
      code.store(code.toInt(index, 32),
                 array(laneTables[position], builder.getI32Type(), first));
    };
    if (shape.box.empty()) {
      Value flat = code.add(firstLane, i);
      exists = code.land(exists, code.lessThan(flat, total));
      decode(code.min(flat, last), counts, place);
    } else {
      decode(i, boxExtents, [&](unsigned position, Value inBox) {
        Value at = code.add(boxOrigin[position], inBox);
        exists = code.land(exists, code.lessThan(at, counts[position]));
        place(position, code.min(at, code.sub(counts[position], one)));
      });
    }
    if (shape.isScattered())
      code.store(arith::ExtSIOp::create(builder, code.loc, builder.getI32Type(),
                                        exists),
                 array(existsTable, builder.getI32Type(), first));
  });
}

/// Binds the indices of the single lane \p lane of the tile.
void KernelEmitter::bindLane(Value lane, Scope &scope) {
  for (auto [position, dim] : llvm::enumerate(shape.lanes)) {
    Value at = array(laneTables[position], builder.getI32Type(), lane);
    scope.indices[dim].uniform =
        code.toInt(code.load(builder.getI32Type(), at), 64);
  }
}

/// The lanes of a box inside the extents.
Value KernelEmitter::lanesOfBox() {
  Value lanes = code.index(1);
  for (auto [position, count] : llvm::enumerate(laneCounts(*evaluator)))
    lanes = code.mul(lanes, code.min(code.index(shape.box[position]),
                                     code.sub(count, boxOrigin[position])));
  return lanes;
}

/// Binds the range of each of \p dims for the flattened positions \p low to
/// \p high: within one outer position the rest is a range, across several it is
/// anything.
void KernelEmitter::bindSpread(ArrayRef<StringAttr> dims,
                               ArrayRef<Value> counts, Value low, Value high,
                               llvm::function_ref<Value(unsigned, Value)> index,
                               Scope &scope) {
  for (unsigned i = 0; i != dims.size(); ++i) {
    Value first = low, last = high;
    if (i + 1 != dims.size()) {
      // A count of 0 leaves nothing to visit; the division must not trap.
      Value inner =
          code.max(productOf(code, counts.drop_front(i + 1)), code.index(1));
      first = arith::DivSIOp::create(builder, code.loc, low, inner);
      last = arith::DivSIOp::create(builder, code.loc, high, inner);
      Value same = code.equals(first, last);
      Value restLow = code.sub(low, code.mul(first, inner));
      Value restHigh = code.sub(high, code.mul(last, inner));
      low = code.select(same, restLow, code.index(0));
      high = code.select(same, restHigh, code.sub(inner, code.index(1)));
    }
    scope.bounds[dims[i]] = {index(i, first), index(i, last)};
  }
}

/// Binds the ranges of the lane indices for lanes \p first to \p last of the
/// tile.
void KernelEmitter::bindLaneBounds(Value first, Value last, Scope &scope) {
  Vectors counts = laneCounts(*evaluator);
  auto index = [&](unsigned position, Value at) {
    return laneIndex(position, at);
  };
  if (shape.box.empty())
    return bindSpread(shape.lanes, counts, code.add(firstLane, first),
                      code.add(firstLane, last), index, scope);
  // A box is one group.
  for (auto [position, dim] : llvm::enumerate(shape.lanes)) {
    Value end = code.sub(
        code.min(code.add(boxOrigin[position], code.index(shape.box[position])),
                 counts[position]),
        code.index(1));
    scope.bounds[dim] = {index(position, boxOrigin[position]),
                         index(position, end)};
  }
}

/// As bindLaneBounds, for the lanes of \p group that exist.
void KernelEmitter::bindGroupBounds(Group &group, Scope &scope) {
  Value end = code.add(group.first, groupCount(group));
  bindLaneBounds(group.first, code.sub(end, code.index(1)), scope);
}
