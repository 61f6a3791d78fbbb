//===- MaskPicture.h - What a mask looks like -------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_MASKPICTURE_H
#define ATTN_FRONTEND_CLI_MASKPICTURE_H

#include "frontend/cli/Work.h"

namespace attn::cli {

/// The share of the pairs that exist in each cell of a grid over queries (rows)
/// and keys (columns).
struct MaskPicture {
  std::string formula;
  DimList rowDims, columnDims;
  /// Dimensions of the mask that are held at their first index.
  DimList fixedDims;
  int64_t rowExtent = 0, columnExtent = 0;
  unsigned rows = 0, columns = 0;
  std::vector<float> share; // row-major

  float at(unsigned row, unsigned column) const {
    return share[size_t(row) * columns + column];
  }

  /// '#' where all pairs exist, '.' where none does, '+' where some do.
  void print(llvm::raw_ostream &out) const;
  std::string svg() const;
};

/// Draws \p domain with at most \p maxCells cells a side. Cells of many pairs
/// are judged by a few of them. \p lanes are the query dimensions.
llvm::Expected<MaskPicture> drawMask(const Domains &domains,
                                     const Domain &domain,
                                     llvm::ArrayRef<mlir::StringAttr> lanes,
                                     const Call &call, unsigned maxCells);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_MASKPICTURE_H
