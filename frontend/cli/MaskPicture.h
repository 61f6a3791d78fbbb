//===- MaskPicture.h - What a mask looks like -------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_MASKPICTURE_H
#define ATTN_FRONTEND_CLI_MASKPICTURE_H

#include "frontend/cli/VisitedTiles.h"
#include "frontend/cli/Work.h"

namespace attn::cli {

/// The share of the pairs that exist in each cell of a grid, and the cells that
/// the kernel visits.
struct MaskPicture {
  std::string formula;
  /// What the rows and columns are.
  std::string caption;
  unsigned rows = 0, columns = 0;
  struct Cell {
    float share = 0;
    bool isVisited = false;
    bool operator==(const Cell &) const = default;
  };
  std::vector<Cell> cells; // row-major

  const Cell &at(unsigned row, unsigned column) const {
    return cells[size_t(row) * columns + column];
  }

  /// '#' where all pairs exist, '+' where some do; where none does, 'o' if they
  /// are visited nevertheless, else '.'.
  void print(llvm::raw_ostream &out) const;
  std::string svg() const;
};

/// Draws \p domain with at most \p maxCells cells a side, and over it the tiles
/// of \p tiles: queries by keys; of two query and two key dimensions, the plane
/// of keys for the tile of queries in the middle. Cells of many pairs are
/// judged by a few of them.
llvm::Expected<MaskPicture> drawMask(const Domains &domains,
                                     const Domain &domain, VisitedTiles &tiles,
                                     const Call &call, unsigned maxCells);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_MASKPICTURE_H
