//===- ReferenceCell.cpp - Boxes of elements of a quantity ----------------===//

#include "dialect/ReferenceCell.h"

using namespace attn;
using namespace attn::reference;

llvm::SmallVector<int64_t> Cell::stridesIn(const Space &loops) const {
  llvm::SmallVector<int64_t> strides(loops.dims.size(), 0);
  int64_t stride = 1;
  for (size_t axis = space.dims.size(); axis-- > 0;) {
    const auto *loop = llvm::find(loops.dims, space.dims[axis]);
    if (loop != loops.dims.end())
      strides[loop - loops.dims.begin()] = stride;
    stride *= space.lengths[axis];
  }
  return strides;
}

/// Enough for the strip of cells that a row of a softmax over some ten thousand
/// keys reads again.
static constexpr size_t maxCacheBytes = size_t(512) << 20;

static size_t bytesOf(const Cell &cell) {
  return sizeof(Cell) + cell.elements.size() * sizeof(Number);
}

CellPtr CellCache::find(const Key &key) {
  auto entry = entries.find(key);
  if (entry == entries.end())
    return nullptr;
  uses.splice(uses.begin(), uses, entry->second.use);
  return entry->second.cell;
}

CellPtr CellCache::insert(const Key &key, CellPtr cell) {
  auto [entry, isNew] = entries.try_emplace(key);
  if (!isNew)
    return entry->second.cell;
  uses.push_front(&entry->first);
  entry->second = {cell, uses.begin()};
  bytes += bytesOf(*cell);
  while (bytes > maxCacheBytes && uses.size() > 1) {
    auto oldest = entries.find(*uses.back());
    bytes -= bytesOf(*oldest->second.cell);
    uses.pop_back();
    entries.erase(oldest);
  }
  return cell;
}

void CellCache::clear() {
  entries.clear();
  uses.clear();
  bytes = 0;
}
