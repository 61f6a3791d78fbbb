//===- VisitedTiles.cpp - The tiles that a CPU kernel visits --------------===//

#include "frontend/cli/VisitedTiles.h"
#include "frontend/cli/Messages.h"

#include "lowering/Compile.h"
#include "lowering/cpu/KernelShape.h"

using namespace attn;
using namespace attn::cli;

llvm::Expected<std::unique_ptr<VisitedTiles>>
VisitedTiles::create(const Spec &spec, const Call &call, const Options &options,
                     size_t number) {
  std::unique_ptr<VisitedTiles> result(new VisitedTiles);
  result->module = spec.clone();
  CompileOptions compile;
  compile.target = options.target;
  SpecOp scheduled = *(*result->module).getOps<SpecOp>().begin();
  call.fixHeadSizes(scheduled);
  if (llvm::failed(lowerTo(Stage::Tiles, *result->module, compile)))
    return userError("cannot compile '", spec.name, "'");
  scheduled = *(*result->module).getOps<SpecOp>().begin();
  result->inputs = call.reference();
  result->evaluator =
      std::make_unique<VisitEvaluator>(scheduled, result->inputs);

  cpu::CallLayout layout(scheduled);
  cpu::KernelShape shape(layout.kernels()[number], layout);
  const cpu::SweepShape &sweep = shape.sweeps.front();
  result->sweep = sweep.op;
  result->lanes = shape.lanes;
  result->over = sweep.over;
  result->box = shape.box;
  result->tileKeys = shape.keys;
  if (sweep.isContiguous && sweep.over.size() == 1)
    result->alignment = shape.sub;
  for (mlir::StringAttr dim : toDims(shape.kernel.getFree())) {
    result->firstIndices.indices[dim] = 0;
    result->isEmpty |= result->evaluator->extent(dim) == 0;
  }
  result->places.emplace(shape, *result->evaluator);
  return result;
}

LanePlaces::LanePlaces(const cpu::KernelShape &shape,
                       VisitEvaluator &evaluator) {
  int64_t positions = 1, batches = 1;
  VisitEvaluator::Tile anywhere;
  for (mlir::StringAttr dim : shape.lanes) {
    mlir::Value by = shape.strides.lookup(dim);
    int64_t stride = by ? evaluator.evaluate(by, anywhere) : 1;
    strides.push_back(std::max<int64_t>(stride, 1));
    extents.push_back(evaluator.extent(dim));
    positions *= llvm::divideCeil(extents.back(), strides.back());
  }
  for (mlir::StringAttr dim : shape.batch)
    batches *= evaluator.extent(dim);
  tileLanes = shape.tileLanes(positions, batches);
}

/// The ranges along dimensions of extents \p counts of the flattened positions
/// \p low to \p high: one outer position has a range inside, several have all.
static llvm::SmallVector<VisitedTiles::Range>
spread(llvm::ArrayRef<int64_t> counts, int64_t low, int64_t high) {
  llvm::SmallVector<VisitedTiles::Range> ends;
  for (size_t i = 0; i < counts.size(); ++i) {
    int64_t inner = 1;
    for (int64_t count : counts.drop_front(i + 1))
      inner *= std::max<int64_t>(count, 1);
    ends.push_back({low / inner, high / inner});
    bool same = low / inner == high / inner;
    low = same ? low % inner : 0;
    high = same ? high % inner : inner - 1;
  }
  return ends;
}

static int64_t flatten(llvm::ArrayRef<int64_t> at,
                       llvm::ArrayRef<int64_t> counts) {
  int64_t flat = 0;
  for (auto [index, count] : llvm::zip_equal(at, counts))
    flat = flat * count + index;
  return flat;
}

VisitedTiles::LaneTile &VisitedTiles::laneTile(llvm::ArrayRef<int64_t> lane) {
  const auto &[extents, strides, tileLanes] = *places;
  llvm::SmallVector<int64_t> counts, at, residues;
  int64_t total = 1;
  for (size_t i = 0; i < lanes.size(); ++i) {
    counts.push_back((extents[i] + strides[i] - 1) / strides[i]);
    residues.push_back(lane[i] % strides[i]);
    at.push_back(lane[i] / strides[i]);
    total *= counts.back();
  }
  std::vector<int64_t> key(residues.begin(), residues.end());
  llvm::SmallVector<Range> ends;
  if (box.empty()) {
    int64_t first = flatten(at, counts) / tileLanes * tileLanes;
    key.push_back(first);
    ends = spread(counts, first, std::min(first + tileLanes, total) - 1);
  } else {
    for (size_t i = 0; i < lanes.size(); ++i) {
      int64_t first = at[i] / box[i] * box[i];
      key.push_back(first);
      ends.push_back({first, std::min(first + box[i], counts[i]) - 1});
    }
  }
  auto [entry, isNew] = tiles.try_emplace(std::move(key));
  LaneTile &result = entry->second;
  if (!isNew)
    return result;
  result.tile = firstIndices;
  for (size_t i = 0; i < lanes.size(); ++i) {
    // The last place of a residue may be beyond the extent.
    int64_t last = (extents[i] - 1 - residues[i]) / strides[i];
    auto index = [&](int64_t place) {
      return residues[i] + std::min(place, last) * strides[i];
    };
    result.ends.push_back({index(ends[i].first), index(ends[i].second)});
    result.tile.bounds[lanes[i]] = result.ends.back();
  }
  findKeys(result);
  return result;
}

void VisitedTiles::findKeys(LaneTile &result) {
  VisitOp visit = sweep.getVisit();
  size_t rank = over.size();
  auto number = [&](mlir::Value value) {
    return evaluator->evaluate(value, result.tile);
  };
  if (visit && !isEmpty)
    for (size_t start = 0; start < visit.getFrom().size(); start += rank) {
      llvm::SmallVector<Range> ends;
      for (size_t i = 0; i < rank; ++i)
        ends.push_back({number(visit.getFrom()[start + i]),
                        number(visit.getTo()[start + i])});
      if (llvm::all_of(ends, [](Range r) { return r.first <= r.second; }))
        result.boxes.push_back(ends);
    }
  else if (!visit)
    result.boxes.push_back(llvm::map_to_vector(over, [&](mlir::StringAttr dim) {
      return Range{0, evaluator->extent(dim) - 1};
    }));
  for (size_t i = 0; i < rank; ++i) {
    int64_t step = visit && !isEmpty ? number(visit.getStep()[i]) : 1;
    int64_t origin = 0, last = -1;
    for (const auto &ends : result.boxes) {
      origin = &ends == &result.boxes.front() ? ends[i].first
                                              : std::min(origin, ends[i].first);
      last = std::max(last, ends[i].second);
    }
    origin = origin / alignment * alignment;
    result.origins.push_back(origin);
    result.steps.push_back(step);
    result.counts.push_back(last < origin ? 0 : (last - origin) / step + 1);
  }
}

/// What the kernel asks of a tile of keys before it computes it.
bool VisitedTiles::mayHavePair(LaneTile &tile, int64_t first, int64_t last) {
  VisitOp visit = sweep.getVisit();
  if (!visit)
    return true;
  VisitEvaluator::Tile at = tile.tile;
  at.known.clear();
  llvm::SmallVector<Range> ends = spread(tile.counts, first, last);
  for (size_t i = 0; i < over.size(); ++i) {
    ends[i] = {tile.origins[i] + ends[i].first * tile.steps[i],
               tile.origins[i] + ends[i].second * tile.steps[i]};
    at.bounds[over[i]] = ends[i];
  }
  bool inside = llvm::any_of(tile.boxes, [&](const auto &box) {
    return box.front().first <= ends.front().second &&
           ends.front().first <= box.front().second;
  });
  return inside && evaluator->evaluate(visit.getMay(), at);
}

bool VisitedTiles::visits(llvm::ArrayRef<int64_t> lane,
                          llvm::ArrayRef<int64_t> key) {
  LaneTile &tile = laneTile(lane);
  llvm::SmallVector<int64_t> places;
  int64_t total = 1;
  for (size_t i = 0; i < over.size(); ++i) {
    int64_t offset = key[i] - tile.origins[i];
    if (offset < 0 || offset % tile.steps[i] != 0 ||
        offset / tile.steps[i] >= tile.counts[i])
      return false;
    places.push_back(offset / tile.steps[i]);
    total *= tile.counts[i];
  }
  int64_t first = flatten(places, tile.counts) / tileKeys * tileKeys;
  auto [entry, isNew] = tile.visited.try_emplace(first);
  if (isNew)
    entry->second =
        mayHavePair(tile, first, std::min(first + tileKeys, total) - 1);
  return entry->second;
}

llvm::SmallVector<VisitedTiles::Run>
VisitedTiles::tileOf(llvm::ArrayRef<int64_t> lane) {
  llvm::SmallVector<Run> runs;
  for (auto [ends, stride] :
       llvm::zip_equal(laneTile(lane).ends, places->strides))
    runs.push_back({ends.first, ends.second, stride});
  return runs;
}
