//===- LabelSummaries.h - Extremes of labels, block by block ----*- C++ -*-===//
//
// A mask that compares labels (documents, segments, regions) asks for the least
// and greatest label of each tile of keys, for every tile of lanes. The labels
// are read once, ahead of the kernel, and a tile reads a few blocks.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_LABELSUMMARIES_H
#define ATTN_DIALECT_LABELSUMMARIES_H

#include "dialect/ScalarMath.h"

#include <map>

namespace attn {

/// The extremes of one tensor over blocks of one of its dimensions.
struct LabelSummary {
  mlir::Value least, greatest;
  /// The dimension of the blocks, in place of the tensor's.
  mlir::StringAttr blocks;
};

class LabelSummaries {
public:
  /// Elements of a block.
  static constexpr int64_t blockSize = 64;

  explicit LabelSummaries(SpecOp spec) : spec(spec) {}

  /// The summary of \p source, an argument or result of a kernel, along \p dim:
  /// made by a kernel of its own, once.
  LabelSummary of(mlir::Value source, mlir::StringAttr dim);

private:
  mlir::StringAttr addDim(const llvm::Twine &name,
                          std::optional<int64_t> extent);
  LabelSummary build(mlir::Value source, mlir::StringAttr dim);

  SpecOp spec;
  std::map<std::pair<void *, void *>, LabelSummary> made;
};

} // namespace attn

#endif // ATTN_DIALECT_LABELSUMMARIES_H
