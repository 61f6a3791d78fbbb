//===- EmitProducts.cpp - Matrix products in register tiles ---------------===//
//
// Both products have lanes (queries) along vectors and broadcast the other
// side, so nothing of f32 is packed or transposed:
//   scores:  tile[key, lane]    = sum over d of K[key, d] * Q[d, lane]
//   values:  state[e, lane]    += sum over keys of V[key, e] * P[key, lane]
// With dot products of bf16 pairs, two terms of a sum are one: numbers d and
// d + 1 of a key, as they lie in memory, or keys n and n + 1 (EmitPairs.cpp).
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"
#include "lowering/cpu/Pairs.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

namespace {

/// Where one row of an operand begins, and how far apart its elements stand.
struct Row {
  Value base;
  SmallVector<Value> strides; // one for each dimension of the product
};

} // namespace

/// How far apart the elements of a row of \p operand, read in place, stand.
static SmallVector<Value> stridesOf(Evaluator &evaluator,
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

/// The row of \p operand at the indices of \p scope, with \p dims at 0.
static Row rowOf(Evaluator &evaluator, const Operand &operand,
                 ArrayRef<StringAttr> dims, Scope &scope) {
  Scope start(&scope);
  for (StringAttr dim : dims)
    start.indices[dim].uniform = evaluator.code.index(0);
  return {evaluator.address(*operand.inPlace, start),
          stridesOf(evaluator, operand, dims)};
}

/// The row of an operand in scratch, dense in \p dims.
static Row denseRow(Evaluator &evaluator, Value base,
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
    if (!table || operand.inPlace->layout.back() != dims.back())
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
        operand.inPlace->layout.back() != dims.front())
      return;
    int64_t size = operand.inPlace->element.getIntOrFloatBitWidth() / 8;
    Value bytes = code.mul(evaluator->extent(dims.front()), code.index(size));
    for (unsigned r = 0; r != shape.rows; ++r) {
      Scope scope(&itemScope);
      bindKeys(sweep, keys, code.add(from, code.index(r)), scope);
      prefetchLines(rowOf(*evaluator, operand, dims, scope).base, bytes, level);
    }
  };
  SweepArrays &numbers = arraysOf(sweep);
  const InnerProduct &inner = sweep.products[product];
  ask(inner.keySide, inner.dims, numbers.productRows[product],
      code.add(row, code.index(shape.rows)), CacheLevel::First);
  for (const Accumulator &accumulator : sweep.accumulators)
    ask(accumulator.keySide, accumulator.carried,
        numbers.valueRows[accumulator.index], row, CacheLevel::Second);
}

/// A loop from 0 to \p end that takes four steps at a time while it can: the
/// count and the branch cost as much as a sixth of a register tile.
static SmallVector<Value> forEachUnrolled(Code &code, Value end,
                                          ValueRange carried,
                                          Code::CarriedBody body) {
  constexpr int64_t steps = 4;
  Value whole = code.land(end, code.index(-steps));
  SmallVector<Value> state = code.forEach(
      code.index(0), whole, steps, carried, [&](Value i, ValueRange inner) {
        SmallVector<Value> next(inner);
        for (int64_t step = 0; step != steps; ++step)
          next = body(code.add(i, code.index(step)), next);
        return next;
      });
  return code.forEach(whole, end, 1, state, body);
}

KernelEmitter::Vectors KernelEmitter::multiplyKeys(const SweepShape &sweep,
                                                   unsigned number,
                                                   Group &group,
                                                   const Keys &keys, Value row,
                                                   unsigned rows) {
  const InnerProduct &product = sweep.products[number];
  SweepArrays &numbers = arraysOf(sweep);
  Value length = code.index(1);
  for (StringAttr dim : product.dims)
    length = code.mul(length, evaluator->extent(dim));
  if (rows == shape.rows)
    prefetchBlock(sweep, number, code.add(keys.offset, row), rows);
  if (rows == shape.rows && asksAhead())
    askAhead(sweep, number, keys, row);
  SmallVector<Row> keyRows;
  for (unsigned r = 0; r != rows; ++r) {
    Value key = code.add(row, code.index(r));
    if (unsigned table = numbers.productRows[number]) {
      Value base = code.load(
          code.ptr(), array(table, code.ptr(), code.add(keys.offset, key)));
      keyRows.push_back(
          {base, stridesOf(*evaluator, product.keySide, product.dims)});
      continue;
    }
    if (product.keySide.inPlace) {
      Scope scope(&itemScope);
      bindKeys(sweep, keys, key, scope);
      keyRows.push_back(
          rowOf(*evaluator, product.keySide, product.dims, scope));
      continue;
    }
    Value start = code.mul(code.add(keys.offset, key), length);
    Type element = product.isDot ? shape.dotType : code.f32();
    keyRows.push_back(
        denseRow(*evaluator, array(numbers.keyOperands[number], element, start),
                 product.dims));
  }
  Value zero = code.constantOf(code.vectorOf(code.f32()), 0);
  Vectors accumulators(rows * shape.vectors, zero);

  // One term of the sums: row `flat` of the lanes by a number of each key.
  auto addTerm = [&](Value flat, ValueRange carried,
                     llvm::function_ref<Value(const Row &)> loadKey) {
    Vectors queries, next(carried);
    Type unit = product.isDot ? Type(builder.getI32Type()) : code.f32();
    Value start = array(numbers.laneOperands[number], unit,
                        lanePlace(product.dims, flat, group.first));
    for (unsigned j = 0; j != shape.vectors; ++j)
      queries.push_back(
          code.load(code.vectorOf(unit),
                    code.address(start, unit, code.index(j * shape.width))));
    for (unsigned r = 0; r != rows; ++r) {
      Value key = code.splat(loadKey(keyRows[r]));
      for (unsigned j = 0; j != shape.vectors; ++j) {
        Value &sum = next[r * shape.vectors + j];
        sum = product.isDot ? dotPairs(code, sum, queries[j], key)
                            : code.fma(queries[j], key, sum);
      }
    }
    return next;
  };
  if (product.isDot) {
    Value whole =
        arith::DivUIOp::create(builder, code.loc, length, code.index(2));
    Type pair = builder.getI32Type(), half = builder.getI16Type();
    Vectors sums = forEachUnrolled(
        code, whole, accumulators, [&](Value i, ValueRange carried) {
          return addTerm(i, carried, [&](const Row &row) {
            return code.load(pair, code.address(row.base, pair, i),
                             /*alignment=*/2);
          });
        });
    // An odd number of terms: the last one with a zero beside it.
    sums = code.forEach(
        code.mul(whole, code.index(2)), length, 1, sums,
        [&](Value last, ValueRange carried) {
          return addTerm(whole, carried, [&](const Row &row) -> Value {
            Value bits = code.load(half, code.address(row.base, half, last));
            return arith::ExtUIOp::create(builder, code.loc, pair, bits);
          });
        });
    for (unsigned i = 0; i != sums.size(); ++i)
      if (Value factor = laneFactors[number][i % shape.vectors])
        sums[i] = code.mul(sums[i], factor);
    return sums;
  }
  auto multiply = [&](Value flat, ArrayRef<Value> at, ValueRange carried) {
    return addTerm(flat, carried, [&](const Row &row) {
      Value offset;
      for (auto [index, stride] : llvm::zip_equal(at, row.strides)) {
        Value term = code.mul(index, stride);
        offset = offset ? code.add(offset, term) : term;
      }
      return code.load(code.f32(), code.address(row.base, code.f32(), offset));
    });
  };
  std::function<Vectors(unsigned, Value, SmallVector<Value>, ValueRange)> loop =
      [&](unsigned depth, Value flat, SmallVector<Value> at,
          ValueRange carried) -> Vectors {
    Value extent = evaluator->extent(product.dims[depth]);
    Value start = code.mul(flat, extent);
    at.push_back(Value());
    auto body = [&](Value i, ValueRange inner) {
      at.back() = i;
      Value next = code.add(start, i);
      return depth + 1 == product.dims.size()
                 ? multiply(next, at, inner)
                 : loop(depth + 1, next, at, inner);
    };
    if (depth + 1 != product.dims.size())
      return code.forEach(code.index(0), extent, 1, carried, body);
    return forEachUnrolled(code, extent, carried, body);
  };
  return loop(0, code.index(0), {}, accumulators);
}

/// Whether no value of \p keys is NaN or infinite, as i1: 0 * x is 0 then.
Value KernelEmitter::valuesAreFinite(const SweepShape &sweep,
                                     const Accumulator &accumulator,
                                     const Keys &keys) {
  if (accumulator.isDot)
    return pairsAreFinite(sweep, accumulator, keys);
  ArrayRef<StringAttr> dims = accumulator.carried;
  Type vector = code.vectorOf(code.f32());
  Value zero = code.constantOf(vector, 0);
  // The sum of 0 * value: 0, or NaN from the first that is not finite on. A few
  // sums, since each waits for itself.
  constexpr int64_t chains = 4;
  int64_t chunk = chains * shape.width;
  auto row = [&](Value base, Value length, ValueRange before) {
    Value whole = code.land(length, code.index(-chunk));
    Vectors sums = code.forEach(
        code.index(0), whole, chunk, before, [&](Value i, ValueRange carried) {
          Vectors next;
          for (auto [chain, sum] : llvm::enumerate(carried)) {
            Value place = code.add(i, code.index(chain * shape.width));
            Value at = code.address(base, code.f32(), place);
            next.push_back(code.fma(code.load(vector, at), zero, sum));
          }
          return next;
        });
    sums.front() =
        code.forEach(whole, length, 1, sums.front(),
                     [&](Value i, ValueRange carried) -> Vectors {
                       Value at = code.address(base, code.f32(), i);
                       Value value = code.splat(code.load(code.f32(), at));
                       return {code.fma(value, zero, carried.front())};
                     })
            .front();
    return sums;
  };
  Vectors sums(chains, zero);
  if (!accumulator.keySide.inPlace) {
    Value length = code.index(1);
    for (StringAttr dim : dims)
      length = code.mul(length, evaluator->extent(dim));
    Value base = array(arraysOf(sweep).values[accumulator.index], code.f32(),
                       code.mul(keys.offset, length));
    sums = row(base, code.mul(keys.count, length), sums);
  } else {
    // Rows of values are read as vectors, so they have to be rows in memory.
    if (accumulator.keySide.inPlace->layout.back() != dims.back())
      return code.boolean(false);
    std::function<Vectors(unsigned, ValueRange, Scope &)> loop =
        [&](unsigned depth, ValueRange before, Scope &outer) -> Vectors {
      Value extent = evaluator->extent(dims[depth]);
      Scope inner(&outer);
      if (depth + 1 == dims.size()) {
        Row start =
            rowOf(*evaluator, accumulator.keySide, {dims[depth]}, outer);
        return row(start.base, extent, before);
      }
      return code.forEach(code.index(0), extent, 1, before,
                          [&](Value i, ValueRange carried) {
                            inner.indices[dims[depth]].uniform = i;
                            return loop(depth + 1, carried, inner);
                          });
    };
    sums = code.forEach(code.index(0), keys.count, 1, sums,
                        [&](Value key, ValueRange carried) {
                          Scope scope(&itemScope);
                          bindKeys(sweep, keys, key, scope);
                          return loop(0, carried, scope);
                        });
  }
  Value sum = sums.front();
  for (Value other : ArrayRef(sums).drop_front())
    sum = code.add(sum, other);
  Value finite = code.compare(arith::CmpFPredicate::OEQ, sum, zero);
  return vector::ReductionOp::create(builder, code.loc,
                                     vector::CombiningKind::AND, finite);
}

void KernelEmitter::accumulateProduct(const SweepShape &sweep, unsigned number,
                                      Group &group, const Keys &keys,
                                      bool clears) {
  const Accumulator &accumulator = sweep.accumulators[number];
  ArrayRef<StringAttr> dims = accumulator.carried;
  std::function<void(unsigned, Value, Scope &)> loop = [&](unsigned depth,
                                                           Value flat,
                                                           Scope &outer) {
    Value extent = evaluator->extent(dims[depth]);
    Value start = code.mul(flat, extent);
    if (depth + 1 < dims.size()) {
      code.forEach(code.index(0), extent, 1, [&](Value i) {
        Scope inner(&outer);
        inner.indices[dims[depth]].uniform = i;
        loop(depth + 1, code.add(start, i), inner);
      });
      return;
    }
    Value blocks = code.mul(arith::DivUIOp::create(builder, code.loc, extent,
                                                   code.index(shape.rows)),
                            code.index(shape.rows));
    code.forEach(code.index(0), blocks, shape.rows, [&](Value column) {
      accumulateColumns(sweep, number, group, keys, clears, outer, column,
                        code.add(start, column), shape.rows);
    });
    code.forEach(blocks, extent, 1, [&](Value column) {
      accumulateColumns(sweep, number, group, keys, clears, outer, column,
                        code.add(start, column), 1);
    });
  };
  Scope top(&itemScope);
  loop(0, code.index(0), top);
}

/// One register tile of the values product: \p rows columns from \p column of
/// the last carried dimension; \p flat counts them over all carried dimensions.
void KernelEmitter::accumulateColumns(const SweepShape &sweep, unsigned number,
                                      Group &group, const Keys &keys,
                                      bool clears, Scope &outer, Value column,
                                      Value flat, unsigned rows) {
  const Accumulator &accumulator = sweep.accumulators[number];
  SweepArrays &numbers = arraysOf(sweep);
  StringAttr last = accumulator.carried.back();
  AccumulateOp op = accumulator.op;
  Vectors scales;
  if (Value base = op.getRelativeTo())
    for (unsigned j = 0; j != shape.vectors; ++j)
      scales.push_back(loadScale(sweep, base, j));
  SmallVector<Value> places;
  Vectors sums;
  for (unsigned r = 0; r != rows; ++r)
    for (unsigned j = 0; j != shape.vectors; ++j) {
      Value place =
          stateAddress(sweep, accumulator, code.add(flat, code.index(r)),
                       code.add(group.first, code.index(j * shape.width)));
      places.push_back(place);
      Value sum = code.load(code.vectorOf(code.f32()), place);
      sums.push_back(scales.empty() ? sum : code.mul(sum, scales[j]));
    }
  Value length = code.index(1);
  for (StringAttr dim : accumulator.carried)
    length = code.mul(length, evaluator->extent(dim));
  // Rows of the weights, and values beside them: of a key, or of two.
  Type unit = accumulator.isDot ? Type(builder.getI32Type()) : code.f32();
  Value rowsOfWeights = keys.count;
  if (accumulator.isDot)
    rowsOfWeights = code.ceilDiv(keys.count, 2);
  sums = forEachUnrolled(
      code, rowsOfWeights, sums, [&](Value key, ValueRange carried) {
        Vectors next(carried), weights;
        Value start = code.mul(key, code.index(groupStride()));
        for (unsigned j = 0; j != shape.vectors; ++j)
          weights.push_back(
              code.load(code.vectorOf(unit),
                        array(numbers.pairs[number], unit,
                              code.add(start, code.index(j * shape.width)))));
        // A value counts for the lanes that have the pair and is 0 for the
        // others, whatever it is: 0 * NaN is NaN.
        Type bits = code.vectorOf(builder.getI32Type());
        Vectors existence;
        if (clears)
          for (unsigned j = 0; j != shape.vectors; ++j)
            existence.push_back(code.load(
                bits, array(numbers.existence[number], builder.getI32Type(),
                            code.add(start, code.index(j * shape.width)))));
        auto valueFor = [&](Value value, unsigned j) -> Value {
          if (existence.empty())
            return value;
          if (accumulator.isDot)
            return code.land(value, existence[j]);
          Value kept = code.land(
              arith::BitcastOp::create(builder, code.loc, bits, value),
              existence[j]);
          return arith::BitcastOp::create(builder, code.loc, value.getType(),
                                          kept);
        };
        Value first, stride = code.index(1);
        if (accumulator.isDot) {
          Value pair = arith::DivUIOp::create(builder, code.loc, keys.offset,
                                              code.index(2));
          first = valuePairs(sweep, accumulator, code.add(pair, key), flat);
        } else if (unsigned table = numbers.valueRows[number]) {
          Value base = code.load(
              code.ptr(), array(table, code.ptr(), code.add(keys.offset, key)));
          stride = stridesOf(*evaluator, accumulator.keySide, {last}).front();
          first = code.address(base, code.f32(), code.mul(column, stride));
        } else if (accumulator.keySide.inPlace) {
          Scope scope(&outer);
          bindKeys(sweep, keys, key, scope);
          Row row = rowOf(*evaluator, accumulator.keySide, {last}, scope);
          stride = row.strides.front();
          first = code.address(row.base, code.f32(), code.mul(column, stride));
        } else {
          first = array(
              numbers.values[number], code.f32(),
              code.add(code.mul(code.add(keys.offset, key), length), flat));
        }
        for (unsigned r = 0; r != rows; ++r) {
          Value value = code.splat(
              code.load(unit, code.address(first, unit,
                                           code.mul(code.index(r), stride))));
          for (unsigned j = 0; j != shape.vectors; ++j) {
            Value &sum = next[r * shape.vectors + j];
            sum = accumulator.isDot
                      ? dotPairs(code, sum, weights[j], valueFor(value, j))
                      : code.fma(weights[j], valueFor(value, j), sum);
          }
        }
        return next;
      });
  for (auto [place, sum] : llvm::zip_equal(places, sums))
    code.store(sum, place);
}
