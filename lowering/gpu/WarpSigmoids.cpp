//===- WarpSigmoids.cpp - Weights that are logistic functions -----------===//
//
// The special function unit takes four lanes a cycle, of each scheduler: two of
// its instructions an element, 2^t and 1 / (1 + 2^-t), are all that a tile
// waits for. So four elements of a row share a reciprocal. With p = 2^t,
//
//   sigmoid = p / (1 + p),    n0 = p0 (1 + p1), n1 = p1 (1 + p0),
//   d = (1 + p0) (1 + p1),    sigmoid0 = n0 / d, sigmoid1 = n1 / d
//
// and 1 / d, 1 / e of two pairs are e * (1 / de), d * (1 / de). Nothing
// cancels, and small weights keep their relative error. Beyond t = 30 the
// weight is 1 in f32 already, so t stops there, and four factors 1 + p stay
// finite.
//
// Most weights are small: as many as there are columns add up to about 1, the
// published use of them. A warp whose elements all are takes
//
//   p / (1 + p) = p - p^2 + p^3 - ...
//
// as far as it is more than rounding to the type of the matrix product loses;
// so only for what is rounded to it.
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "lowering/gpu/WarpKernel.h"

#include "llvm/ADT/MapVector.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

/// Looks for sigmoids among the factors of weights and sums. One with several
/// domains is left to the evaluator of pairs.
void WarpKernelEmitter::findSigmoids() {
  llvm::MapVector<Value, Value> domains;
  llvm::SmallPtrSet<Value, 2> ambiguous;
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
    Value domain = AccumulateOp(accumulator.op).getDomain();
    for (Value value : accumulator.pairValues()) {
      auto unary = value.getDefiningOp<UnaryOp>();
      // Elements are masked: no two pairs share one.
      if (unary && unary.getKind() == UnaryKind::Sigmoid &&
          pairs->onRows(value) && hasAll(value, shape.columns) &&
          !llvm::is_contained(shape.differences, value) &&
          domains.insert({value, domain}).first->second != domain)
        ambiguous.insert(value);
    }
  }
  // Masked ones are of no other domain, wherever they are asked for.
  for (auto [value, domain] : domains)
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
      for (Value user : accumulator.pairValues())
        if (AccumulateOp(accumulator.op).getDomain() != domain &&
            isMadeOf(user,
                     [&, value = value](Value part) { return part == value; }))
          ambiguous.insert(value);
  for (auto [value, domain] : domains)
    if (!ambiguous.contains(value)) {
      Value operand = value.getDefiningOp<UnaryOp>().getOperand();
      sigmoids.push_back(
          {value, domain, {*pairs, operand, shape.score}, {}, {}});
    }
}

WarpKernelEmitter::Sigmoid *WarpKernelEmitter::findSigmoid(Value value) {
  for (Sigmoid &sigmoid : sigmoids)
    if (sigmoid.value == value)
      return &sigmoid;
  return nullptr;
}

/// Says whether what is added up is a sigmoid, which is 0 by itself outside of
/// the domain.
bool WarpKernelEmitter::isMaskedSigmoid(const cpu::Accumulator &accumulator) {
  SmallVector<Value> values = accumulator.pairValues();
  return AccumulateOp(accumulator.op).getKind() == AccumulateKind::Sum &&
         values.size() == 1 && findSigmoid(values.front());
}

namespace {
/// Two fractions with one denominator.
struct Fractions {
  Value above[2], below;
};
} // namespace

/// p0 / (1 + p0) and p1 / (1 + p1).
static Fractions fractionsOf(cpu::Code &code, Value p0, Value p1) {
  Value other = code.add(p1, code.real(1));
  Value first = code.mul(p0, other);
  return {{first, code.fma(p0, p1, p1)}, code.add(first, other)};
}

/// p / (1 + p) of elements that are of one row: i, i + 1, i + 4 and i + 5.
static Values logisticOf(WarpCode &warps, ValueRange powers) {
  cpu::Code &code = warps.code;
  Values weights(powers.size());
  auto give = [&](unsigned i, const Fractions &pair, Value inverse) {
    for (unsigned k : {0, 1})
      weights[i + k] = code.mul(pair.above[k], inverse);
  };
  for (unsigned i = 0; i != powers.size(); i += 2) {
    if (weights[i])
      continue;
    Fractions pair = fractionsOf(code, powers[i], powers[i + 1]);
    if (i + 4 >= powers.size()) {
      give(i, pair, warps.reciprocal(pair.below));
      continue;
    }
    Fractions next = fractionsOf(code, powers[i + 4], powers[i + 5]);
    Value both = warps.reciprocal(code.mul(pair.below, next.below));
    give(i, pair, code.mul(both, next.below));
    give(i + 4, next, code.mul(both, pair.below));
  }
  return weights;
}

/// Says whether all that \p sigmoid is for is rounded to the type of the matrix
/// product.
bool WarpKernelEmitter::isRounded(Value sigmoid) {
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
    for (Value value : accumulator.pairValues())
      if (!(value == sigmoid && accumulator.isProduct) &&
          isMadeOf(value, [&](Value part) { return part == sigmoid; }))
        return false;
  return true;
}

/// Says whether \p weight is a sigmoid that nothing but the product takes: it
/// is packed where it is made, among the exponentials.
bool WarpKernelEmitter::packsEarly(Value weight) {
  return tile.pingPong && weight && findSigmoid(weight) && isRounded(weight);
}

namespace {
/// What turns an element y of a sigmoid's operand into the exponent
/// t = y factor + shift of its row.
struct ExponentForm {
  Value factor, shifts[2]; // null: none

  Value of(cpu::Code &code, Value y, unsigned row) const {
    Value shift = shifts[row];
    return shift ? code.fma(y, factor, shift) : code.mul(y, factor);
  }
};
} // namespace

/// Whether no lane of the warp has an exponent above \p bound, as i1: of the
/// greatest elements and 0, so that two elements have one instruction for it
/// and their exponents are made beside 2^t. Where the factor is negative, it is
/// not known.
static Value areWithin(WarpCode &warps, ValueRange y, const ExponentForm &form,
                       double bound) {
  cpu::Code &code = warps.code;
  Value isAbove =
      code.compare(arith::CmpFPredicate::OLT, form.factor, code.real(0));
  for (unsigned row : {0, 1}) {
    Value greatest = greatestAboveZero(warps, y, int(row));
    isAbove = code.lor(isAbove, code.compare(arith::CmpFPredicate::UGT,
                                             form.of(code, greatest, row),
                                             code.real(bound)));
  }
  return warps.noLane(isAbove);
}

/// p - p^2 of p = 2^t, or p - p^2 + p^3.
static Value smallLogisticOf(WarpCode &warps, Value exponent, bool toCube) {
  cpu::Code &code = warps.code;
  Value p = warps.exp2(exponent), less = code.neg(p);
  Value square = code.fma(less, p, p);
  return toCube ? code.fma(square, less, p) : square;
}

/// Makes the elements of each sigmoid. Masked ones are -inf before, or what is
/// behind a mask would reach those with which it shares a reciprocal.
void WarpKernelEmitter::computeSigmoids(
    FragmentScope &scope, Value full, Item &item,
    llvm::function_ref<void()> beforePacking) {
  constexpr double log2OfE = std::numbers::log2e, most = 30,
                   infinity = std::numeric_limits<double>::infinity();
  for (Sigmoid &sigmoid : sigmoids) {
    Values y;
    for (unsigned i = 0; i != scoreElements.size(); ++i)
      y.push_back(sigmoid.form.element(placeOf(i), scope));
    y = mask(y, sigmoid.domain, -infinity, full, item, scope);
    ExponentForm form;
    Value factor = sigmoid.form.factor();
    form.factor =
        factor ? code.mul(factor, code.real(log2OfE)) : code.real(log2OfE);
    for (unsigned row : {0, 1})
      if (Value shift = sigmoid.form.shift(row, scope))
        form.shifts[row] = code.mul(shift, code.real(log2OfE));
    auto exponent = [&](unsigned i) {
      return form.of(code, y[i], placeOf(i).row);
    };
    // What is behind the mask stays so beside a row's shift that is infinite or
    // no number, which is not within any bound.
    auto masked = [&](unsigned i) {
      if (!form.shifts[placeOf(i).row])
        return exponent(i);
      return code.select(
          code.compare(arith::CmpFPredicate::OEQ, y[i], code.real(-infinity)),
          y[i], exponent(i));
    };
    auto any = [&] {
      Values powers;
      for (unsigned i = 0; i != y.size(); ++i)
        powers.push_back(warps.exp2(code.min(masked(i), code.real(most))));
      return logisticOf(warps, powers);
    };
    if (!isRounded(sigmoid.value)) {
      sigmoid.elements = any();
      continue;
    }
    // What is left out is less than half of what rounding may lose.
    constexpr double small = -5;
    bool toCube = !shape.values->storage->element.isBF16();
    auto allSmall = [&] {
      Values weights;
      for (unsigned i = 0; i != y.size(); ++i)
        weights.push_back(smallLogisticOf(warps, exponent(i), toCube));
      return weights;
    };
    Value within = areWithin(warps, y, form, small);
    if (!packsEarly(sigmoid.value)) {
      SmallVector<Type> types(y.size(), code.f32());
      sigmoid.elements = code.choose(within, types, allSmall, any);
      continue;
    }
    beforePacking();
    SmallVector<Type> types(y.size() / 2, warps.i32Type());
    sigmoid.packed = code.choose(
        within, types, [&] { return pack(allSmall()); },
        [&] { return pack(any()); });
  }
}
