//===- Reference.h - What a spec means, in double precision -----*- C++ -*-===//
//
// Evaluates a spec in formula form straight from the definition of each op in
// AttnOps.td, independent of every lowering: the tests, `--check` and the
// benchmarks compare with it. Memory grows with the inputs and outputs, never
// with a pair-level quantity that is not one of them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_REFERENCE_H
#define ATTN_DIALECT_REFERENCE_H

#include "dialect/AttnOps.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace attn {

/// A dense tensor, row-major in the layout of its parameter or result.
/// Integers and booleans are held as doubles.
struct HostTensor {
  std::vector<int64_t> shape;
  std::vector<double> data;
};

/// What a call gives, by the names of the parameters. Values are taken as they
/// are: a caller who compares with a bf16 kernel rounds the tensors first.
struct ReferenceInputs {
  llvm::StringMap<HostTensor> tensors;
  llvm::StringMap<double> scalars;
};

/// The number of floating-point type \p element nearest to \p value; for an
/// integer type, \p value itself.
double roundToElement(mlir::Type element, double value);

/// Evaluates every result of \p spec. Fails where a call would be refused: an
/// input that is missing, extents that disagree, a requirement not met.
llvm::Expected<std::vector<HostTensor>>
evaluateReference(SpecOp spec, const ReferenceInputs &inputs);

/// The same, element by element on demand, for sizes at which only a sample of
/// the outputs can be afforded. The spec and the inputs must outlive it.
class ReferenceEvaluator {
public:
  static llvm::Expected<ReferenceEvaluator>
  create(SpecOp spec, const ReferenceInputs &inputs);
  ReferenceEvaluator(ReferenceEvaluator &&);
  ~ReferenceEvaluator();

  /// The extents of result \p index, in its layout.
  std::vector<int64_t> resultShape(unsigned index) const;
  /// In how many boxes result \p index is computed: an element costs as much as
  /// all of its box.
  int64_t numBoxes(unsigned index) const;
  /// One element of result \p index, at \p position in its layout.
  double resultAt(unsigned index, llvm::ArrayRef<int64_t> position);
  HostTensor result(unsigned index);
  /// The number of terms of the longest reduction.
  int64_t longestReduction() const;

private:
  class Impl;
  explicit ReferenceEvaluator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace attn

#endif // ATTN_DIALECT_REFERENCE_H
