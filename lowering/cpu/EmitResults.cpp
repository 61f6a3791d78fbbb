//===- EmitResults.cpp - What a kernel keeps ------------------------------===//

#include "lowering/cpu/EmitKernel.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

void KernelEmitter::emitResults() {
  auto yield = cast<YieldOp>(shape.kernel.getBody().front().getTerminator());
  for (auto [result, value] :
       llvm::zip_equal(shape.kernel.getResults(), yield.getValues()))
    if (!isCollected(value))
      emitResult(result, value);
}

/// Says whether \p value was written pair by pair in its sweep.
bool KernelEmitter::isCollected(Value value) {
  if (!value.getDefiningOp<SweepOp>())
    return false;
  const SweepShape &sweep = shape.sweepOf(value);
  unsigned index = cast<OpResult>(value).getResultNumber();
  return AccumulateOp(sweep.accumulators[index].op).getKind() ==
         AccumulateKind::Collect;
}

/// Loops over \p dims, outermost first.
void KernelEmitter::forEachExtra(ArrayRef<StringAttr> dims, Scope &scope,
                                 llvm::function_ref<void(Scope &)> body) {
  if (dims.empty())
    return body(scope);
  code.forEach(code.index(0), evaluator->extent(dims.front()), 1, [&](Value i) {
    Scope inner(&scope);
    inner.indices[dims.front()].uniform = i;
    forEachExtra(dims.drop_front(), inner, body);
  });
}

void KernelEmitter::emitResult(Value result, Value value) {
  DimList extra;
  for (StringAttr dim : quantity(result).getDims())
    if (!llvm::is_contained(shape.batch, dim) &&
        !llvm::is_contained(shape.lanes, dim))
      extra.push_back(dim);
  // A vector at a time: the columns of a group would not fit in registers, and
  // turning them is long.
  forEachVectors(1, validLanes, [&](Group &group) {
    for (auto [number, to] : llvm::enumerate(layout.destinationsOf(result)))
      fillPlaces(number, to, group, extra);
    for (auto &lane : group.lanes)
      evaluator->hoist(value, extra, *lane);
    auto vectorsAt = [&](Scope &at) {
      return llvm::map_to_vector(group.lanes, [&](auto &lane) {
        Scope element(&at, lane.get());
        Value x = evaluator->evaluateLanes(value, element);
        Type type = quantity(result).getElementType();
        if (isa<IntegerType>(type))
          return code.toInt(x, type.getIntOrFloatBitWidth());
        // From a block to the next, LLVM 22 would take bf16 for f32 and call a
        // function to round it once more.
        if (type.isBF16() && Code::isVector(x))
          return Value(arith::BitcastOp::create(
              builder, code.loc, code.likeWith(x, builder.getI16Type()), x));
        return x;
      });
    };
    auto writeAt = [&](Scope &at) {
      Vectors vectors = vectorsAt(at);
      for (auto [number, to] : llvm::enumerate(layout.destinationsOf(result)))
        writeLanes(number, to, group, vectors, at, extra);
    };
    Scope top(&group.scope);
    if (!areRows(result, extra))
      return forEachExtra(extra, top, writeAt);
    // As many elements of a row as a vector has lanes, then the others.
    StringAttr last = extra.back();
    Value extent = evaluator->extent(last);
    Value whole = code.land(extent, code.index(-int64_t(shape.width)));
    forEachExtra(ArrayRef(extra).drop_back(), top, [&](Scope &outer) {
      code.forEach(code.index(0), whole, shape.width, [&](Value first) {
        std::vector<Vectors> columns;
        for (unsigned i = 0; i != shape.width; ++i) {
          Scope at(&outer);
          at.indices[last].uniform = code.add(first, code.index(i));
          columns.push_back(vectorsAt(at));
        }
        Scope start(&outer);
        start.indices[last].uniform = first;
        for (auto [number, to] : llvm::enumerate(layout.destinationsOf(result)))
          writeRows(number, to, group, columns, start, extra);
      });
      code.forEach(whole, extent, 1, [&](Value i) {
        Scope at(&outer);
        at.indices[last].uniform = i;
        writeAt(at);
      });
    });
  });
}

/// Whether each lane has a row of \p result that lies together, in the last of
/// \p extra.
bool KernelEmitter::areRows(Value result, ArrayRef<StringAttr> extra) const {
  return code.machine == Machine::Cpu && !extra.empty() &&
         llvm::all_of(layout.destinationsOf(result), [&](const Storage &to) {
           return to.layout.back() == extra.back();
         });
}

/// Writes, for each lane of the group, the elements of its row from the one of
/// \p scope on: \p columns has the vectors of lanes for each of them.
void KernelEmitter::writeRows(unsigned number, const Storage &to, Group &group,
                              ArrayRef<Vectors> columns, Scope &scope,
                              ArrayRef<StringAttr> extra) {
  for (unsigned j = 0; j != group.vectors(); ++j) {
    Vectors ofVector = llvm::map_to_vector(
        columns, [&](const Vectors &vectors) { return vectors[j]; });
    for (auto [lane, row] : llvm::enumerate(code.transpose(ofVector)))
      code.store(row, array(rowArray, to.element,
                            code.index((j * shape.width + lane) *
                                       int64_t(shape.width))));
  }
  forEachPlace(number, to, group, scope, extra, [&](Value i, Value place) {
    Value row =
        array(rowArray, to.element, code.mul(i, code.index(shape.width)));
    code.store(code.load(code.vectorOf(to.element), row), place);
  });
}

/// Calls \p body for the lanes of the group that exist, with the place of the
/// element of \p scope.
void KernelEmitter::forEachPlace(unsigned number, const Storage &to,
                                 Group &group, Scope &scope,
                                 ArrayRef<StringAttr> extra,
                                 llvm::function_ref<void(Value, Value)> body) {
  Value offset = code.index(0);
  for (auto [position, dim] : llvm::enumerate(to.layout))
    if (llvm::is_contained(extra, dim))
      offset = code.add(offset, code.mul(scope.lookupIndex(dim)->uniform,
                                         evaluator->stride(to, position)));
  code.forEach(code.index(0), groupCount(group), 1, [&](Value i) {
    auto write = [&] {
      Value place =
          code.load(code.ptr(), array(placeTables[number], code.ptr(), i));
      body(i, code.address(place, to.element, offset));
    };
    if (!shape.isScattered())
      return write();
    Value exists =
        code.load(builder.getI32Type(), array(existsTable, builder.getI32Type(),
                                              code.add(group.first, i)));
    code.ifThen(code.lnot(code.equals(exists, code.intLike(exists, 0))), write);
  });
}

/// Whether the lanes of a group are neighbours in \p to.
bool KernelEmitter::areNeighbours(const Storage &to) const {
  return shape.lanes.size() == 1 && !shape.isScattered() &&
         !to.layout.empty() && to.layout.back() == shape.lanes.front();
}

/// Where each lane of the group is in \p to, with the dimensions \p extra at 0.
void KernelEmitter::fillPlaces(unsigned number, const Storage &to, Group &group,
                               ArrayRef<StringAttr> extra) {
  // On a GPU, each thread works out the place of its own lane.
  if (areNeighbours(to) || code.machine == Machine::Gpu)
    return;
  code.forEach(code.index(0), groupCount(group), 1, [&](Value i) {
    Scope element(&group.scope);
    for (StringAttr dim : extra)
      element.indices[dim].uniform = code.index(0);
    bindLane(code.add(group.first, i), element);
    Value place = evaluator->address(to, element);
    code.store(place, array(placeTables[number], code.ptr(), i));
    // Rows that are written a few columns of each at a time.
    if (asksAhead("always") && extra.size() == 1 &&
        to.layout.back() == extra.back()) {
      int64_t size = to.element.getIntOrFloatBitWidth() / 8;
      prefetchLines(place,
                    code.mul(evaluator->extent(extra.back()), code.index(size)),
                    CacheLevel::First, /*isWritten=*/true);
    }
  });
}

/// The lanes of the group, without the tail of the tile.
Value KernelEmitter::groupCount(Group &group) {
  if (shape.lanes.empty())
    return code.index(1);
  return code.min(code.index(group.vectors() * shape.width),
                  code.sub(validLanes, group.first));
}

/// Writes one vector of the group after the other. Where the lanes are not
/// neighbours in memory they pass through a row of scratch, one by one.
void KernelEmitter::writeLanes(unsigned number, const Storage &to, Group &group,
                               ValueRange vectors, Scope &scope,
                               ArrayRef<StringAttr> extra) {
  if (areNeighbours(to)) {
    for (auto [lane, vector] : llvm::zip_equal(group.lanes, vectors)) {
      Scope element(&scope, lane.get());
      const IndexValue *at = element.lookupIndex(shape.lanes.front());
      Value place =
          code.address(evaluator->address(to, element), to.element, at->first);
      code.maskedStore(vector, place, at->exists);
    }
    return;
  }
  if (code.machine == Machine::Gpu)
    return writeLaneOfThread(to, group, vectors, scope);
  for (auto [j, vector] : llvm::enumerate(vectors))
    code.store(vector,
               array(rowArray, to.element, code.index(j * shape.width)));
  forEachPlace(number, to, group, scope, extra, [&](Value i, Value place) {
    code.store(code.load(to.element, array(rowArray, to.element, i)), place);
  });
}

/// The pairs themselves, from within their sweep; 0 outside the domain.
void KernelEmitter::collect(const Accumulator &accumulator, unsigned vector,
                            Group &group, Scope &pair) {
  AccumulateOp op = accumulator.op;
  Value x = evaluator->evaluateLanes(op.getOperand(), pair);
  if (op.getDomain())
    x = code.select(evaluator->evaluate(op.getDomain(), pair), x,
                    code.constantOf(x.getType(), 0));
  Type type = quantity(op).getElementType();
  if (isa<IntegerType>(type))
    x = code.toInt(x, type.getIntOrFloatBitWidth());
  auto yield = cast<YieldOp>(shape.kernel.getBody().front().getTerminator());
  auto sweep = cast<SweepOp>(op->getParentOp());
  for (auto [result, value] :
       llvm::zip_equal(shape.kernel.getResults(), yield.getValues())) {
    if (value != sweep.getResult(accumulator.index))
      continue;
    // One vector of the group: the others are written by their own calls.
    for (const Storage &to : layout.destinationsOf(result)) {
      const IndexValue *at = pair.lookupIndex(shape.lanes.front());
      assert(shape.lanes.size() == 1 &&
             to.layout.back() == shape.lanes.front() &&
             "pairs are collected along the innermost dimension");
      code.maskedStore(
          x, code.address(evaluator->address(to, pair), to.element, at->first),
          at->exists);
    }
  }
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

Value KernelEmitter::flatIndex(ArrayRef<StringAttr> dims, Scope &scope) {
  Value flat = code.index(0);
  for (StringAttr dim : dims)
    flat = code.add(code.mul(flat, evaluator->extent(dim)),
                    scope.lookupIndex(dim)->uniform);
  return flat;
}

Value KernelEmitter::stateAddress(const SweepShape &sweep,
                                  const Accumulator &accumulator, Value flat,
                                  Value lane) {
  return array(arraysOf(sweep).states[accumulator.index],
               quantity(accumulator.op).getElementType(),
               lanePlace(accumulator.carried, flat, lane));
}

/// Where, in an array with a row of lanes for each index of \p dims, row
/// \p flat has \p lane. The rows of a group follow each other, so that they
/// share no set of the first-level cache before it is full.
Value KernelEmitter::lanePlace(ArrayRef<StringAttr> dims, Value flat,
                               Value lane) {
  Value lanes = code.index(shape.groupLanes());
  if (shape.groups == 1)
    return code.add(code.mul(flat, lanes), lane);
  Value rows = evaluator->volume(dims);
  Value group = arith::DivUIOp::create(builder, code.loc, lane, lanes);
  Value row = code.add(code.mul(group, rows), code.sub(flat, group));
  return code.add(code.mul(row, lanes), lane);
}

Value KernelEmitter::loadState(Value result, Scope &scope) {
  const SweepShape &sweep = shape.sweepOf(result);
  const Accumulator &accumulator =
      sweep.accumulators[cast<OpResult>(result).getResultNumber()];
  // What bounds a sweep has no lane: it is one number, the same in each.
  const auto *lane = scope.lookupIndex(laneKey);
  Type element = quantity(result).getElementType();
  return code.load(lane ? Type(code.vectorOf(element)) : element,
                   stateAddress(sweep, accumulator,
                                flatIndex(accumulator.carried, scope),
                                lane ? lane->uniform : code.index(0)));
}
