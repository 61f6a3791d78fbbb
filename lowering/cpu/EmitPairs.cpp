//===- EmitPairs.cpp - Operands of dot products of bf16 pairs -------------===//
//
// What the register tiles of EmitProducts.cpp read with a dot product:
//   scores:  lanes [d / 2][lane], once a tile of lanes; keys as they are
//   values:  values [key / 2][e], once a tile of keys; weights [key / 2][lane],
//            two rows at a time where the weights are made
// An odd last number has a zero beside it.
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"
#include "lowering/cpu/Pairs.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// As fillLaneOperand. What the product does not sum over would be rounded with
/// the numbers of a pair: it multiplies the sums (laneFactor).
void KernelEmitter::fillLanePairs(const SweepShape &sweep,
                                  const InnerProduct &product) {
  unsigned operand =
      arraysOf(sweep).laneOperands[&product - sweep.products.data()];
  SmallVector<Value> factors = product.narrowFactors();
  Type pairType = builder.getI32Type();
  StringAttr dim = product.dims.front();
  Value extent = evaluator->extent(dim);
  Value two = code.index(2);
  Value whole = arith::DivUIOp::create(builder, code.loc, extent, two);
  forEachVectors(1, lanesOfGroups(), [&](Group &group) {
    for (Value factor : factors)
      for (auto &lane : group.lanes)
        evaluator->hoist(factor, product.dims, *lane);
    auto fill = [&](Value row, bool isWhole) {
      Value first = code.mul(row, two);
      for (auto &lane : group.lanes) {
        Value place =
            lanePlace(product.dims, row, lane->lookupIndex(laneKey)->uniform);
        place = array(operand, pairType, place);
        if (isWhole && product.laneSide.inPlace) {
          // A pair as it lies in memory: half the reads, and no conversion.
          Scope scope(lane.get());
          scope.indices[dim].uniform = first;
          Value pairs =
              evaluator->load(*product.laneSide.inPlace, scope, pairType);
          code.store(code.splat(pairs), place);
          continue;
        }
        auto number = [&](Value index) {
          Scope scope(lane.get());
          scope.indices[dim].uniform = index;
          return code.splat(multiplyFactors(factors, scope));
        };
        Value low = number(first);
        Value high = isWhole ? number(code.add(first, code.index(1))) : Value();
        code.store(packPairs(code, low, high), place);
      }
    };
    code.forEach(code.index(0), whole, 1,
                 [&](Value row) { fill(row, /*isWhole=*/true); });
    code.ifThen(code.lessThan(code.mul(whole, two), extent),
                [&] { fill(whole, /*isWhole=*/false); });
  });
}

/// The pairs of values of keys 2 \p pair and 2 \p pair + 1 of the tile, from
/// \p column on.
Value KernelEmitter::valuePairs(const SweepShape &sweep,
                                const Accumulator &accumulator, Value pair,
                                Value column) {
  Value length = code.add(evaluator->extent(accumulator.carried.front()),
                          code.index(valuePadding));
  return array(arraysOf(sweep).values[accumulator.index], builder.getI32Type(),
               code.add(code.mul(pair, length), column));
}

void KernelEmitter::fillValuePairs(const SweepShape &sweep,
                                   const Accumulator &accumulator, Value tile,
                                   Value count) {
  StringAttr dim = accumulator.carried.front();
  ArrayRef<Value> factors = accumulator.keySide.factors;
  Keys keys{tile, tile, code.index(0), count};
  Value two = code.index(2);
  Value whole = arith::DivUIOp::create(builder, code.loc, count, two);
  constexpr int64_t ahead = 8;
  auto fill = [&](Value pair, bool isWhole) {
    SmallVector<std::unique_ptr<Scope>> rows;
    for (int64_t i = 0; i != (isWhole ? 2 : 1); ++i) {
      Value key = code.add(code.mul(pair, two), code.index(i));
      // Rows that are far apart are not foreseen by the machine.
      if (!sweep.isContiguous) {
        Scope later(&itemScope);
        bindKeys(sweep, keys, code.add(key, code.index(ahead)), later);
        prefetchRow(accumulator.keySide, accumulator.carried, later);
      }
      rows.push_back(std::make_unique<Scope>(&itemScope));
      bindKeys(sweep, keys, key, *rows.back());
    }
    forEachVector(dim, [&](Value first, const IndexValue &at) {
      Vectors numbers;
      for (auto &row : rows) {
        Scope scope(row.get());
        scope.indices[dim] = at;
        numbers.push_back(code.splat(multiplyFactors(factors, scope)));
      }
      code.store(packPairs(code, numbers[0], isWhole ? numbers[1] : Value()),
                 valuePairs(sweep, accumulator, pair, first));
    });
  };
  code.forEach(code.index(0), whole, 1,
               [&](Value pair) { fill(pair, /*isWhole=*/true); });
  code.ifThen(code.lessThan(code.mul(whole, two), count),
              [&] { fill(whole, /*isWhole=*/false); });
}

/// Takes the weights of a vector of lanes, on their way to the tile of weights,
/// where rows of two keys lie together. The sum of the weights is of those that
/// are not rounded: it needs no conversion back, and errors of rounding that
/// cancel in the values do not meet those of a rounded sum.
void KernelEmitter::addWeight(const Accumulator &accumulator, Group &group,
                              Value row, Value weight, Value exists) {
  auto &[even, odd] = waiting[accumulator.index];
  WaitingRow &to = even.weights.size() == group.vectors() ? odd : even;
  to.row = row;
  if (exists)
    weight = code.select(exists, weight, code.realLike(weight, 0.0));
  to.weights.push_back(weight);
  if (exists)
    to.existence.push_back(arith::ExtSIOp::create(
        builder, code.loc, code.vectorOf(builder.getI16Type()), exists));
}

/// Writes the rows of weights that wait.
void KernelEmitter::storeWeights(const SweepShape &sweep) {
  SweepArrays &numbers = arraysOf(sweep);
  Type pairType = builder.getI32Type();
  for (auto &[index, rows] : waiting) {
    auto &[even, odd] = rows;
    for (unsigned j = 0; j != even.weights.size(); ++j) {
      // A row of pairs for two of numbers.
      Value place = code.add(code.mul(even.row, code.index(groupStride() / 2)),
                             code.index(j * shape.width));
      code.store(
          packPairs(code, even.weights[j], odd.row ? odd.weights[j] : Value()),
          array(numbers.pairs[index], pairType, place));
      if (even.existence.empty())
        continue;
      Value none = code.constantOf(even.existence[j].getType(), 0);
      Value both =
          vector::InterleaveOp::create(builder, code.loc, even.existence[j],
                                       odd.row ? odd.existence[j] : none);
      code.store(Value(vector::BitCastOp::create(
                     builder, code.loc, code.vectorOf(pairType), both)),
                 array(numbers.existence[index], pairType, place));
    }
  }
  waiting.clear();
}

/// As valuesAreFinite, for the values in pairs: the largest exponent is below
/// that of infinity.
Value KernelEmitter::pairsAreFinite(const SweepShape &sweep,
                                    const Accumulator &accumulator,
                                    const Keys &keys) {
  Type pairType = builder.getI32Type();
  auto halves =
      VectorType::get({2 * int64_t(shape.width)}, builder.getI16Type());
  auto all = [&](int16_t bits) -> Value {
    return arith::ConstantOp::create(builder, code.loc,
                                     DenseElementsAttr::get(halves, bits));
  };
  constexpr int16_t magnitude = 0x7FFF, infinity = 0x7F80;
  Value extent = evaluator->extent(accumulator.carried.front());
  Value whole = code.land(extent, code.index(-int64_t(shape.width)));
  Value from =
      arith::DivUIOp::create(builder, code.loc, keys.offset, code.index(2));
  Value start = all(0);
  Vectors most = code.forEach(
      code.index(0), code.ceilDiv(keys.count, 2), 1, start,
      [&](Value pair, ValueRange before) -> Vectors {
        Value row =
            valuePairs(sweep, accumulator, code.add(from, pair), code.index(0));
        auto scan = [&](Value lower, Value upper, unsigned step, Type type,
                        ValueRange init) {
          return code.forEach(
              lower, upper, step, init,
              [&](Value i, ValueRange carried) -> Vectors {
                Value pairs =
                    code.splat(code.load(type, code.address(row, pairType, i)));
                Value bits =
                    vector::BitCastOp::create(builder, code.loc, halves, pairs);
                return {arith::MaxSIOp::create(builder, code.loc,
                                               code.land(bits, all(magnitude)),
                                               carried.front())};
              });
        };
        Vectors inner = scan(code.index(0), whole, shape.width,
                             code.vectorOf(pairType), before);
        return scan(whole, extent, 1, pairType, inner);
      });
  Value finite =
      code.compare(arith::CmpIPredicate::slt, most.front(), all(infinity));
  return vector::ReductionOp::create(builder, code.loc,
                                     vector::CombiningKind::AND, finite);
}
