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
#include "lowering/cpu/Rows.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

namespace {

/// How a term comes to the sums before it.
enum class Join { First, Addition, Fma };

using Term =
    llvm::function_ref<SmallVector<Value>(Value index, ValueRange sums, Join)>;

} // namespace

/// The sums of the terms from 0 to \p end, four in a step of the loop: the
/// count and the branch cost as much as a sixth of a register tile. With
/// \p addsAside the first step stands before the loop and begins with products,
/// where the second terms are products and additions: on such a machine each
/// store of a vector takes a slot or two of fma, which needs the operand that
/// the store does, and none of a product. The stores of the register tile
/// before fall among these.
static SmallVector<Value> sumTerms(Code &code, Value end, ValueRange zeros,
                                   bool addsAside, Term term) {
  constexpr int64_t steps = 4;
  auto addSteps = [&](Value i, ValueRange sums, ArrayRef<Join> joins) {
    SmallVector<Value> next(sums);
    for (auto [step, join] : llvm::enumerate(joins))
      next = term(code.add(i, code.index(int64_t(step))), next, join);
    return next;
  };
  Value whole = code.land(end, code.index(-steps));
  Value from = code.index(0);
  SmallVector<Value> sums(zeros);
  if (addsAside) {
    sums = code.choose(
        code.lessThan(from, whole), zeros.getTypes(),
        [&] {
          return addSteps(from, {},
                          {Join::First, Join::Addition, Join::Fma, Join::Fma});
        },
        [&] { return SmallVector<Value>(zeros); });
    from = code.index(steps);
  }
  sums = code.forEach(from, whole, steps, sums, [&](Value i, ValueRange inner) {
    return addSteps(i, inner, {Join::Fma, Join::Fma, Join::Fma, Join::Fma});
  });
  return code.forEach(whole, end, 1, sums, [&](Value i, ValueRange inner) {
    return term(i, inner, Join::Fma);
  });
}

/// The product of a vector of lanes with \p other, joined to sum \p number.
static Value joinProduct(Code &code, bool isDot, Value lanes, Value other,
                         ValueRange sums, unsigned number, Join join) {
  if (isDot) { // There is none without a sum.
    assert(join == Join::Fma && "sums of dot products begin with zeros");
    return dotPairs(code, sums[number], lanes, other);
  }
  switch (join) {
  case Join::First:
    return code.mul(lanes, other);
  case Join::Addition:
    return code.add(code.mul(lanes, other), sums[number]);
  case Join::Fma:
    return code.fma(lanes, other, sums[number]);
  }
  llvm_unreachable("all ways to join are listed");
}

KernelEmitter::Vectors KernelEmitter::multiplyKeys(const SweepShape &sweep,
                                                   unsigned number,
                                                   Group &group,
                                                   const Keys &keys, Value row,
                                                   unsigned rows) {
  const InnerProduct &product = sweep.products[number];
  SweepArrays &numbers = arraysOf(sweep);
  Value length = evaluator->volume(product.dims);
  if (rows == shape.rows)
    prefetchBlock(sweep, number, code.add(keys.offset, row), rows);
  if (rows == shape.rows && asksAhead("always"))
    askAhead(sweep, number, keys, row);
  if (isWorthCode(rows) && asksAhead("once"))
    code.ifThen(code.equals(group.first, code.index(0)),
                [&] { askAhead(sweep, number, keys, row); });
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
  Vectors zeros(rows * group.vectors(), zero);

  // One term of the sums: row `flat` of the lanes by a number of each key.
  auto addTerm = [&](Value flat, ValueRange sums, Join join,
                     llvm::function_ref<Value(const Row &)> loadKey) {
    Vectors queries, next;
    Type unit = product.isDot ? Type(builder.getI32Type()) : code.f32();
    Value start = array(numbers.laneOperands[number], unit,
                        lanePlace(product.dims, flat, group.first));
    for (unsigned j = 0; j != group.vectors(); ++j)
      queries.push_back(
          code.load(code.vectorOf(unit),
                    code.address(start, unit, code.index(j * shape.width))));
    for (unsigned r = 0; r != rows; ++r) {
      Value key = code.splat(loadKey(keyRows[r]));
      for (unsigned j = 0; j != group.vectors(); ++j)
        next.push_back(joinProduct(code, product.isDot, queries[j], key, sums,
                                   next.size(), join));
    }
    return next;
  };
  if (product.isDot) {
    Value whole =
        arith::DivUIOp::create(builder, code.loc, length, code.index(2));
    Type pair = builder.getI32Type(), half = builder.getI16Type();
    Vectors sums =
        sumTerms(code, whole, zeros, /*addsAside=*/false,
                 [&](Value i, ValueRange carried, Join join) {
                   return addTerm(i, carried, join, [&](const Row &row) {
                     return code.load(pair, code.address(row.base, pair, i),
                                      /*alignment=*/2);
                   });
                 });
    // An odd number of terms: the last one with a zero beside it.
    sums = code.forEach(
        code.mul(whole, code.index(2)), length, 1, sums,
        [&](Value last, ValueRange carried) {
          auto loadHalf = [&](const Row &row) -> Value {
            Value bits = code.load(half, code.address(row.base, half, last));
            return arith::ExtUIOp::create(builder, code.loc, pair, bits);
          };
          return addTerm(whole, carried, Join::Fma, loadHalf);
        });
    for (unsigned i = 0; i != sums.size(); ++i)
      if (Value factor = laneFactors[number][i % group.vectors()])
        sums[i] = code.mul(sums[i], factor);
    return sums;
  }
  auto multiply = [&](Value flat, ArrayRef<Value> at, ValueRange sums,
                      Join join) {
    return addTerm(flat, sums, join, [&](const Row &row) {
      Value offset;
      for (auto [index, stride] : llvm::zip_equal(at, row.strides)) {
        Value term = code.mul(index, stride);
        offset = offset ? code.add(offset, term) : term;
      }
      return code.load(code.f32(), code.address(row.base, code.f32(), offset));
    });
  };
  std::function<Vectors(unsigned, Value, SmallVector<Value>)> sum =
      [&](unsigned depth, Value flat, SmallVector<Value> at) -> Vectors {
    Value extent = evaluator->extent(product.dims[depth]);
    Value start = code.mul(flat, extent);
    at.push_back(Value());
    if (depth + 1 == product.dims.size())
      // In one way for every register tile: a score that is computed again,
      // for a comparison with the largest, has the same bits.
      return sumTerms(code, extent, zeros, addsAside(),
                      [&](Value i, ValueRange sums, Join join) {
                        at.back() = i;
                        return multiply(code.add(start, i), at, sums, join);
                      });
    return code.forEach(
        code.index(0), extent, 1, zeros, [&](Value i, ValueRange carried) {
          at.back() = i;
          Vectors next = sum(depth + 1, code.add(start, i), at);
          for (auto [sum, more] : llvm::zip_equal(next, carried))
            sum = code.add(sum, more);
          return next;
        });
  };
  return sum(0, code.index(0), {});
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
    Value length = evaluator->volume(dims);
    Value base = array(arraysOf(sweep).values[accumulator.index], code.f32(),
                       code.mul(keys.offset, length));
    sums = row(base, code.mul(keys.count, length), sums);
  } else {
    // Rows of values are read as vectors, so they have to be rows in memory.
    if (!lieTogether(*accumulator.keySide.inPlace, dims.back()))
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
    for (unsigned j = 0; j != group.vectors(); ++j)
      scales.push_back(loadScale(sweep, base, j));
  Value length = evaluator->volume(accumulator.carried);
  // Rows of the weights, and values beside them: of a key, or of two.
  Type unit = accumulator.isDot ? Type(builder.getI32Type()) : code.f32();
  Value rowsOfWeights = keys.count;
  if (accumulator.isDot)
    rowsOfWeights = code.ceilDiv(keys.count, 2);
  Vectors zeros(rows * group.vectors(),
                code.constantOf(code.vectorOf(code.f32()), 0));
  bool beginsWithProducts =
      isWorthCode(rows) && addsAside() && !accumulator.isDot;
  Vectors sums = sumTerms(
      code, rowsOfWeights, zeros, beginsWithProducts,
      [&](Value key, ValueRange before, Join join) {
        Vectors next, weights;
        Value start = code.mul(key, code.index(groupStride()));
        for (unsigned j = 0; j != group.vectors(); ++j)
          weights.push_back(
              code.load(code.vectorOf(unit),
                        array(numbers.pairs[number], unit,
                              code.add(start, code.index(j * shape.width)))));
        // A value counts for the lanes that have the pair and is 0 for the
        // others, whatever it is: 0 * NaN is NaN.
        Type bits = code.vectorOf(builder.getI32Type());
        Vectors existence;
        if (clears)
          for (unsigned j = 0; j != group.vectors(); ++j)
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
        } else if (tileValues.contains(number)) {
          const RowsOfTile &rows = tileValues[number];
          Value place = code.mul(code.add(keys.offset, key), rows.stride);
          first = code.address(rows.base, code.f32(), code.add(place, column));
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
          for (unsigned j = 0; j != group.vectors(); ++j)
            next.push_back(joinProduct(code, accumulator.isDot, weights[j],
                                       valueFor(value, j), before, next.size(),
                                       join));
        }
        return next;
      });
  for (unsigned r = 0; r != rows; ++r)
    for (unsigned j = 0; j != group.vectors(); ++j) {
      Value place =
          stateAddress(sweep, accumulator, code.add(flat, code.index(r)),
                       code.add(group.first, code.index(j * shape.width)));
      Value before = code.load(code.vectorOf(code.f32()), place);
      Value sum = sums[r * group.vectors() + j];
      code.store(scales.empty() ? code.add(before, sum)
                                : code.fma(before, scales[j], sum),
                 place);
    }
}
