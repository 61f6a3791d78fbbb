//===- TileFunctions.h - Functions that elements share ----------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_TILEFUNCTIONS_H
#define ATTN_LOWERING_GPU_TILEFUNCTIONS_H

#include "lowering/cpu/KernelShape.h"
#include "lowering/gpu/Fragments.h"

#include <map>
#include <tuple>

namespace attn::gpu {

/// The numbers of a thread's elements, with \p identity where a pair is outside
/// of \p domain.
using MaskElements = llvm::function_ref<WarpCode::Values(
    WarpCode::Values elements, mlir::Value domain, double identity)>;

/// What a tile of \p elements elements a thread adds to \p accumulator, of each
/// of the thread's rows; nothing where it is no sum of softplus.
WarpCode::Values softplusTotals(FragmentEvaluator &pairs,
                                const cpu::Accumulator &accumulator,
                                unsigned elements, MaskElements mask,
                                FragmentScope &scope);

/// Powers by the op that they are, for a thread's elements.
using TilePowers = llvm::DenseMap<mlir::Value, WarpCode::Values>;

/// The state of an accumulator over nothing.
double identityOf(AccumulateKind kind);

/// The elements that accumulators take, where pairs outside of their domain
/// have the identity: by what the elements are, the domain and the identity.
class TileArrays {
public:
  WarpCode::Values &of(const cpu::Accumulator &accumulator, double identity) {
    AccumulateOp op = accumulator.op;
    mlir::Value value = accumulator.pairValue();
    if (!value)
      value = op.getResult();
    mlir::Value domain = op.getDomain();
    return arrays[{value.getAsOpaquePointer(), domain.getAsOpaquePointer(),
                   identity}];
  }

private:
  std::map<std::tuple<void *, void *, double>, WarpCode::Values> arrays;
};

/// Computes the powers that the weights and sums of \p accumulators are made
/// of, and whose exponent the tile has one of.
void computePowers(FragmentEvaluator &pairs,
                   llvm::ArrayRef<cpu::Accumulator> accumulators,
                   unsigned elements, FragmentScope &scope, TilePowers &powers);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_TILEFUNCTIONS_H
