//===- EmitSweep.cpp - One pass over the keys -----------------------------===//
//
// For each key tile that the lane tile needs (EmitVisits.cpp): operands that
// are not read in place, and values that are pages apart, are brought into
// scratch, then each group of lanes takes the keys in steps.
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"
#include "lowering/cpu/Pairs.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

void KernelEmitter::emitSweep(const SweepShape &sweep) {
  warpBarrier(sweep);
  for (auto [i, product] : llvm::enumerate(sweep.products))
    if (matricesOf(sweep).products[i])
      fillLaneMatrix(sweep, unsigned(i));
    else if (hasLaneRows(product))
      fillLaneRows(sweep, product);
    else if (product.isDot)
      fillLanePairs(sweep, product);
    else
      fillLaneOperand(sweep, product);
  loadLaneMatrices(sweep);
  tileValues.clear();
  initState(sweep);
  initMatrixStates(sweep);
  findVisited(sweep);
  forEachKeyTile(sweep, [&](Value tile, Value count) {
    barrier();
    fillKeyTables(sweep, tile, count);
    fillKeyOperands(sweep, tile, count);
    forEachGroup([&](Group &group) {
      forEachStep(sweep, group, tile, count,
                  [&](Group &some, Keys keys, bool masked) {
                    emitStep(sweep, some, keys, masked);
                  });
    });
  });
  storeMatrixStates(sweep);
  correctStates(sweep);
}

/// Computes the lane side of \p product for the whole lane tile, a row for each
/// index that the product sums over: what the register tiles read as vectors.
void KernelEmitter::fillLaneOperand(const SweepShape &sweep,
                                    const InnerProduct &product) {
  unsigned number =
      arraysOf(sweep).laneOperands[&product - sweep.products.data()];
  forEachVectors(1, lanesOfGroups(), [&](Group &group) {
    for (Value factor : product.laneSide.factors)
      for (auto &lane : group.lanes)
        evaluator->hoist(factor, product.dims, *lane);
    std::function<void(unsigned, Value, Scope &)> loop =
        [&](unsigned depth, Value flat, Scope &outer) {
          if (depth == product.dims.size()) {
            for (auto &lane : group.lanes) {
              Scope at(&outer, lane.get());
              Value value = multiplyFactors(product.laneSide.factors, at);
              Value place =
                  lanePlace(product.dims, flat, lane->indices[laneKey].uniform);
              code.store(code.splat(value), array(number, code.f32(), place));
            }
            return;
          }
          StringAttr dim = product.dims[depth];
          Value extent = evaluator->extent(dim);
          code.forEach(code.index(0), extent, 1, [&](Value i) {
            Scope inner(&outer);
            inner.indices[dim].uniform = i;
            loop(depth + 1, code.add(code.mul(flat, extent), i), inner);
          });
        };
    Scope top(&group.scope);
    loop(0, code.index(0), top);
  });
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

/// With several swept dimensions, their indices for each key of the tile.
void KernelEmitter::fillKeyTables(const SweepShape &sweep, Value tile,
                                  Value count) {
  if (sweep.over.size() == 1)
    return;
  if (code.machine == Machine::Gpu)
    return fillKeyTablesInBlock(sweep, tile, count);
  // Divided once; then counted, as an odometer does.
  Vectors start(sweep.over.size());
  decode(tile, visited.counts,
         [&](unsigned position, Value at) { start[position] = at; });
  code.forEach(code.index(0), count, 1, start, [&](Value i, ValueRange at) {
    for (auto [position, number] : llvm::enumerate(at))
      code.store(code.add(visited.origins[position],
                          code.mul(number, visited.steps[position])),
                 array(arraysOf(sweep).keyIndices[position], code.i64(), i));
    Vectors next(at);
    Value carry = code.boolean(true);
    for (unsigned position = at.size(); position-- > 0;) {
      Value more = code.add(at[position], code.toInt(carry, 64));
      carry = code.equals(more, visited.counts[position]);
      next[position] = code.select(carry, code.index(0), more);
    }
    return next;
  });
  fillKeyRows(sweep, count);
}

void KernelEmitter::bindKeys(const SweepShape &sweep, const Keys &keys,
                             Value row, Scope &scope) {
  if (sweep.over.size() == 1) {
    Value position = code.add(keys.first, row);
    scope.indices[sweep.over.front()].uniform =
        sweep.visit ? code.add(visited.origins.front(),
                               code.mul(position, visited.steps.front()))
                    : position;
    return;
  }
  Value offset = code.add(keys.offset, row);
  for (auto [position, dim] : llvm::enumerate(sweep.over))
    scope.indices[dim].uniform =
        code.load(code.i64(), array(arraysOf(sweep).keyIndices[position],
                                    code.i64(), offset));
}

Value KernelEmitter::multiplyFactors(ArrayRef<Value> factors, Scope &scope) {
  Value value;
  for (Value factor : factors) {
    Value x = evaluator->evaluate(factor, scope);
    value = value ? code.mul(value, x) : x;
  }
  return value;
}

/// Runs along \p dim a vector at a time, where the lanes of the last one that
/// are past the end do not exist.
void KernelEmitter::forEachVector(
    StringAttr dim,
    llvm::function_ref<void(Value first, const IndexValue &at)> body) {
  Value extent = evaluator->extent(dim);
  Value width = code.index(shape.width);
  Value whole =
      code.mul(arith::DivUIOp::create(builder, code.loc, extent, width), width);
  SmallVector<int32_t> counts;
  for (unsigned i = 0; i != shape.width; ++i)
    counts.push_back(int32_t(i));
  auto iota = [&]() -> Value {
    return arith::ConstantOp::create(builder, code.loc,
                                     builder.getI32VectorAttr(counts));
  };
  auto run = [&](Value first, Value exists) {
    IndexValue at;
    at.first = first;
    at.exists = exists;
    at.lanes = code.add(iota(), code.toInt(first, 32));
    if (exists) // Lanes past the end repeat the last index.
      at.lanes =
          code.min(at.lanes, code.toInt(code.sub(extent, code.index(1)), 32));
    body(first, at);
  };
  code.forEach(code.index(0), whole, shape.width,
               [&](Value first) { run(first, Value()); });
  Value rest = code.sub(extent, whole);
  code.ifThen(code.lessThan(code.index(0), rest),
              [&] { run(whole, code.lessThan(iota(), code.toInt(rest, 32))); });
}

/// Computes an operand of a matrix product for the keys of the tile, as f32 in
/// [key, dims...], or as bf16 for dot products: conversions and small products
/// happen once a tile here, not once a register tile. With \p rowStride, rows
/// of the only one of \p dims begin so many numbers apart.
void KernelEmitter::fillKeyOperand(const SweepShape &sweep,
                                   const Operand &operand,
                                   ArrayRef<StringAttr> dims, unsigned number,
                                   bool isDot, Value tile, Value count,
                                   Value rowStride) {
  if (code.machine == Machine::Gpu)
    return fillKeyOperandInBlock(sweep, operand, dims, number, tile, count);
  Keys keys{tile, tile, code.index(0), count};
  StringAttr last = dims.back();
  bool isFar = bool(rowStride);
  if (!isFar)
    rowStride = evaluator->extent(last);
  auto row = [&](Value flat, Scope &outer) {
    forEachVector(last, [&](Value first, const IndexValue &at) {
      Scope scope(&outer);
      scope.indices[last] = at;
      Value value = code.splat(multiplyFactors(operand.factors, scope));
      if (isDot)
        value = narrow(code, value);
      code.store(value,
                 array(number, Code::elementOf(value), code.add(flat, first)));
    });
  };
  std::function<void(unsigned, Value, Scope &)> loop =
      [&](unsigned depth, Value flat, Scope &outer) {
        if (depth + 1 == dims.size())
          return row(code.mul(flat, rowStride), outer);
        code.forEach(
            code.index(0), evaluator->extent(dims[depth]), 1, [&](Value i) {
              Scope inner(&outer);
              inner.indices[dims[depth]].uniform = i;
              loop(depth + 1,
                   code.add(code.mul(flat, evaluator->extent(dims[depth])), i),
                   inner);
            });
      };
  // Rows that are far apart are not foreseen by the machine. Those that are
  // brought together share sets of the cache, of which so many take half.
  int64_t ahead = isFar ? 4 : 8;
  code.forEach(code.index(0), count, 1, [&](Value key) {
    if (isFar || !sweep.isContiguous) {
      Scope later(&itemScope);
      bindKeys(sweep, keys, code.add(key, code.index(ahead)), later);
      prefetchRow(operand, dims, later);
    }
    Scope scope(&itemScope);
    bindKeys(sweep, keys, key, scope);
    loop(0, key, scope);
  });
}

void KernelEmitter::fillKeyOperands(const SweepShape &sweep, Value tile,
                                    Value count) {
  SweepArrays &numbers = arraysOf(sweep);
  const SweepMatrices &matrices = matricesOf(sweep);
  for (auto [i, product] : llvm::enumerate(sweep.products))
    if (matrices.products[i])
      fillKeyMatrix(sweep, product.keySide, product.dims, *matrices.products[i],
                    numbers.keyOperands[i], tile, count);
    else if (!product.keySide.inPlace)
      fillKeyOperand(sweep, product.keySide, product.dims,
                     numbers.keyOperands[i], product.isDot, tile, count);
  Value notFinite;
  for (auto [i, accumulator] : llvm::enumerate(sweep.accumulators)) {
    if (const auto &matrix = matrices.accumulators[i]) {
      Value found =
          fillKeyMatrix(sweep, accumulator.keySide, accumulator.carried,
                        *matrix, numbers.values[i], tile, count);
      notFinite = notFinite ? code.lor(notFinite, found) : found;
    } else if (accumulator.isDot) {
      fillValuePairs(sweep, accumulator, tile, count);
    } else if (accumulator.isProduct && !accumulator.keySide.inPlace) {
      fillKeyOperand(sweep, accumulator.keySide, accumulator.carried,
                     numbers.values[i], /*isDot=*/false, tile, count);
    } else if (bringsTogether(sweep, accumulator)) {
      bringTogether(sweep, accumulator, tile, count);
    }
  }
  if (notFinite)
    tileIsFinite = code.lnot(barrierWithAny(notFinite));
  else
    barrier();
}
