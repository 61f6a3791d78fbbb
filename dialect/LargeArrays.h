//===- LargeArrays.h - Arrays that no tensor accounts for -------*- C++ -*-===//
//
// A mean over heads of query by key, which each head looks at, is larger than
// what the caller brings. A lowering need not have all of it in memory: where
// its readers go through it in one way, it can be made strip by strip.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_LARGEARRAYS_H
#define ATTN_DIALECT_LARGEARRAYS_H

#include "dialect/PlanSweeps.h"

namespace attn {

/// Says whether no tensor of \p spec has all dimensions of \p value that have
/// no fixed size and are not among \p given.
bool isLarge(SpecOp spec, mlir::Value value,
             llvm::ArrayRef<mlir::StringAttr> given = {});

/// Takes kept reductions of \p plan that go through several dimensions of a
/// large array in one sweep apart: over one of them, and over the others of
/// what that leaves. Returns whether there was any; the plan is then one of
/// ops that are gone.
bool splitReductions(SpecOp spec, const SweepPlan &plan);

/// Has kernels that sweep a large array along different dimensions read an
/// array each: what makes it is in \p plan once for each.
void separateReaders(SpecOp spec, SweepPlan &plan);

} // namespace attn

#endif // ATTN_DIALECT_LARGEARRAYS_H
