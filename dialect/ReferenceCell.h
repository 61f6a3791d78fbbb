//===- ReferenceCell.h - Boxes of elements of a quantity --------*- C++ -*-===//
//
// The reference evaluates a quantity one box of indices at a time: a cell. The
// index space is cut into blocks of equal length along each dimension, so the
// numbers of the blocks (the place) name a cell of any quantity.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_REFERENCECELL_H
#define ATTN_DIALECT_REFERENCECELL_H

#include "dialect/ReferenceMath.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <list>
#include <map>
#include <memory>
#include <vector>

namespace attn::reference {

/// Some dimensions, by their positions in the spec, and a length of each.
struct Space {
  llvm::SmallVector<unsigned> dims;
  llvm::SmallVector<int64_t> lengths;

  int64_t size() const {
    int64_t product = 1;
    for (int64_t length : lengths)
      product *= length;
    return product;
  }
};

/// The elements of a box, row-major.
struct Cell {
  Space space;
  std::vector<Number> elements;

  explicit Cell(Space box, Number fill = wholeNumber(0))
      : space(std::move(box)), elements(space.size(), fill) {}

  /// The distance in `elements` between neighbours along each dimension of
  /// \p loops; 0 for a dimension that the cell lacks (it broadcasts).
  llvm::SmallVector<int64_t> stridesIn(const Space &loops) const;
};

using CellPtr = std::shared_ptr<const Cell>;

/// The number of a block along each dimension of the spec.
using Place = llvm::SmallVector<int64_t, 8>;

/// Calls run(offsets, count, steps) for each innermost row of \p loops, where
/// the row takes `count` elements of operand i from offsets[i] by steps[i].
template <typename Fn>
void forEachRow(const Space &loops,
                llvm::ArrayRef<llvm::SmallVector<int64_t>> strides, Fn run) {
  if (loops.size() == 0)
    return;
  size_t rank = loops.dims.size(), count = strides.size();
  llvm::SmallVector<int64_t> offsets(count, 0), steps(count, 0);
  if (rank == 0)
    return run(offsets, int64_t(1), steps);
  for (size_t i = 0; i < count; ++i)
    steps[i] = strides[i].back();
  llvm::SmallVector<int64_t> index(rank - 1, 0);
  while (true) {
    run(offsets, loops.lengths.back(), steps);
    size_t axis = rank - 1;
    while (axis-- > 0) {
      bool carry = ++index[axis] == loops.lengths[axis];
      int64_t moved = carry ? 1 - loops.lengths[axis] : 1;
      for (size_t i = 0; i < count; ++i)
        offsets[i] += moved * strides[i][axis];
      if (!carry)
        break;
      index[axis] = 0;
    }
    if (axis == size_t(-1))
      return;
  }
}

/// Keeps the cells used last, up to a number of bytes.
class CellCache {
public:
  /// A cell is known by what it holds (a value, or a part of its evaluation)
  /// and its place.
  using Key = std::pair<std::pair<const void *, unsigned>, Place>;

  CellPtr find(const Key &key);
  CellPtr insert(const Key &key, CellPtr cell);
  void clear();

private:
  struct Entry {
    CellPtr cell;
    std::list<const Key *>::iterator use;
  };
  std::map<Key, Entry> entries;
  std::list<const Key *> uses; // the last used first
  size_t bytes = 0;
};

} // namespace attn::reference

#endif // ATTN_DIALECT_REFERENCECELL_H
