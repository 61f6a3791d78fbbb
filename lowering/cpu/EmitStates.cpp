//===- EmitStates.cpp - What a sweep carries ------------------------------===//
//
// Accumulators start as the identity of what they do. What is relative to a
// maximum shrinks when that rises, and is corrected when the sweep ends
// (RelativeExp.h).
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static constexpr double infinity = std::numeric_limits<double>::infinity();

void KernelEmitter::initState(const SweepShape &sweep) {
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (accumulator.op.getKind() == AccumulateKind::Collect ||
        matricesOf(sweep).accumulators[accumulator.index])
      continue;
    Type element = quantity(accumulator.op).getElementType();
    Value identity = identityOf(code, reduceKind(accumulator.op.getKind()),
                                code.vectorOf(element));
    Value rows = evaluator->volume(accumulator.carried);
    Value end = code.mul(rows, lanesOfGroups());
    unsigned number = arraysOf(sweep).states[accumulator.index];
    code.forEach(code.index(0), end, shape.width, [&](Value i) {
      code.store(identity, array(number, element, i));
    });
  }
}

/// Takes the maxima of this step into the running ones and works out by how
/// much everything that is relative to them shrinks.
void KernelEmitter::updateBases(const SweepShape &sweep, Group &group,
                                ValueRange maxima) {
  SweepArrays &numbers = arraysOf(sweep);
  unsigned next = 0;
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (!accumulator.isBase)
      continue;
    for (unsigned j = 0; j != group.vectors(); ++j) {
      Scope &lane = *group.lanes[j];
      Value place = stateAddress(sweep, accumulator, code.index(0),
                                 lane.indices[laneKey].uniform);
      Value before = code.load(code.vectorOf(code.f32()), place);
      Value step = maxima[next++];
      Value after = accumulator.keepsNaN ? code.max(step, before)
                                         : code.maxIgnoringNaN(step, before);
      code.store(after, place);
      ExpBase base = expBase(code, after);
      Value scale = rescaling(code, expBase(code, before), base);
      // Nothing was summed before the first finite score.
      Value fresh = code.compare(arith::CmpFPredicate::OEQ, before,
                                 code.realLike(before, -infinity));
      scale = code.select(fresh, code.realLike(scale, 0.0), scale);
      code.store(scale, array(numbers.scales[accumulator.index], code.f32(),
                              code.index(j * shape.width)));
      lane.bases[accumulator.op] = base;
      lane.values[accumulator.op] = after;
    }
  }
}

KernelEmitter::Vectors KernelEmitter::loadStates(const SweepShape &sweep,
                                                 Group &group) {
  Vectors states;
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (!inRegisters(accumulator))
      continue;
    AccumulateOp op = accumulator.op;
    Type type = code.vectorOf(quantity(op).getElementType());
    for (unsigned j = 0; j != group.vectors(); ++j) {
      Value state = code.load(
          type, stateAddress(sweep, accumulator, code.index(0),
                             group.lanes[j]->indices[laneKey].uniform));
      if (Value base = op.getRelativeTo())
        state = code.mul(state, loadScale(sweep, base, j));
      states.push_back(state);
    }
  }
  return states;
}

Value KernelEmitter::loadScale(const SweepShape &sweep, Value base,
                               unsigned vector) {
  for (const Accumulator &accumulator : sweep.accumulators)
    if (accumulator.op.getResult() == base)
      return code.load(code.vectorOf(code.f32()),
                       array(arraysOf(sweep).scales[accumulator.index],
                             code.f32(), code.index(vector * shape.width)));
  llvm_unreachable("base is not of this sweep");
}

void KernelEmitter::storeStates(const SweepShape &sweep, Group &group,
                                ValueRange states) {
  unsigned next = 0;
  for (const Accumulator &accumulator : sweep.accumulators)
    if (inRegisters(accumulator))
      for (unsigned j = 0; j != group.vectors(); ++j)
        code.store(states[next++],
                   stateAddress(sweep, accumulator, code.index(0),
                                group.lanes[j]->indices[laneKey].uniform));
}

/// Rescales states that neither stay in registers nor are matrix products.
void KernelEmitter::rescaleStates(const SweepShape &sweep, Group &group) {
  for (const Accumulator &accumulator : sweep.accumulators) {
    Value base = accumulator.op.getRelativeTo();
    if (!base || accumulator.isProduct || inRegisters(accumulator))
      continue;
    Scope scope(&group.scope);
    forEachExtra(accumulator.carried, scope, [&](Scope &at) {
      for (unsigned j = 0; j != group.vectors(); ++j) {
        Value place =
            stateAddress(sweep, accumulator, flatIndex(accumulator.carried, at),
                         group.lanes[j]->indices[laneKey].uniform);
        Value state = code.load(code.vectorOf(code.f32()), place);
        code.store(code.mul(state, loadScale(sweep, base, j)), place);
      }
    });
  }
}

/// Makes what is relative to bases relative to the maxima themselves.
void KernelEmitter::correctStates(const SweepShape &sweep) {
  if (code.machine == Machine::Gpu)
    return;
  Type type = code.vectorOf(code.f32());
  for (const Accumulator &base : sweep.accumulators) {
    if (!base.isBase)
      continue;
    code.forEach(code.index(0), validLanes, shape.width, [&](Value lane) {
      Value maximum =
          code.load(type, stateAddress(sweep, base, code.index(0), lane));
      Value weight = weightOfMaximum(code, maximum, evaluator->roundsWeights);
      Value inverse = code.div(code.realLike(weight, 1.0), weight);
      for (const Accumulator &accumulator : sweep.accumulators) {
        if (accumulator.op.getRelativeTo() != base.op)
          continue;
        Scope scope(&itemScope);
        forEachExtra(accumulator.carried, scope, [&](Scope &at) {
          Value place = stateAddress(sweep, accumulator,
                                     flatIndex(accumulator.carried, at), lane);
          // A sum of weights is at least 1, which a product would not keep;
          // sums of values are many.
          Value state = code.load(type, place);
          code.store(accumulator.isProduct ? code.mul(state, inverse)
                                           : code.div(state, weight),
                     place);
        });
      }
    });
  }
}
