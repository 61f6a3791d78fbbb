//===- SampledDomain.h - A condition at chosen indices ----------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_SAMPLEDDOMAIN_H
#define ATTN_FRONTEND_CLI_SAMPLEDDOMAIN_H

#include "dialect/AttnOps.h"
#include "dialect/Reference.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace attn::cli {

/// One side of a grid of samples: flattened dimensions, and the flat indices
/// that are looked at.
struct SampledAxis {
  DimList dims;
  std::vector<int64_t> extents; // of `dims`
  std::vector<int64_t> samples;
};

/// Evaluates \p domain, a value of \p spec, by the reference evaluator at every
/// pair of a sample of \p rows and one of \p columns, all other dimensions at
/// their first index: 1 where it holds, row-major. It costs as much as there
/// are samples, however long the dimensions are: their indices are replaced by
/// tensors of the chosen ones.
llvm::Expected<std::vector<double>>
sampleDomain(SpecOp spec, mlir::Value domain, const SampledAxis &rows,
             const SampledAxis &columns, ReferenceInputs inputs);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_SAMPLEDDOMAIN_H
