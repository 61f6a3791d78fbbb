//===- TileKernels.cpp - Tiles of every kernel for a target ---------------===//

#include "dialect/TileDependence.h"
#include "lowering/Passes.h"
#include "lowering/Targets.h"
#include "lowering/cpu/KernelShape.h"
#include "lowering/cpu/Slices.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILEKERNELS
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct TileKernelsPass : attn::impl::TileKernelsBase<TileKernelsPass> {
  using TileKernelsBase::TileKernelsBase;

  void runOnOperation() override {
    llvm::Expected<TargetRecord> record = lookupTarget(target);
    if (!record) {
      getOperation().emitError(llvm::toString(record.takeError()));
      return signalPassFailure();
    }
    SmallVector<KernelOp> kernels(
        getOperation().getBody().front().getOps<KernelOp>());
    for (KernelOp kernel : kernels)
      kernel.setTileAttr(tileOf(kernel, *record));
    cpu::CallLayout layout(getOperation());
    for (KernelOp kernel : kernels)
      remark(cpu::KernelShape(kernel, layout));
    llvm::for_each(record->gpu ? cpu::findLargeBuffers(layout)
                               : cpu::findSlices(layout).large,
                   remarkOnSize);
  }

  DictionaryAttr tileOf(KernelOp kernel, const TargetRecord &record) {
    Builder builder(&getContext());
    bool sweeps = !kernel.getBody().front().getOps<SweepOp>().empty();
    auto field = [&](StringRef name, unsigned value) {
      return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
    };
    SmallVector<int64_t> box = boxOf(kernel, record.width * record.vectors);
    // Without a sweep an item is a few elements: it takes many batch indices,
    // so that handing it out does not cost more than computing it. The blocks
    // of a GPU are many, but a head size alone would leave threads without
    // work.
    unsigned chunk = sweeps || (record.gpu && !hasShortLanes(kernel)) ? 1 : 64;
    SmallVector<NamedAttribute> fields(
        {field("width", record.width), field("rows", record.rows),
         field("vectors", sweeps ? record.vectors : 1),
         field("groups", !box.empty()     ? 1
                         : !sweeps        ? 8
                         : copies(kernel) ? 4 * record.groups
                         : bounds(kernel) ? record.groups
                                          : record.wholeGroups),
         field("keys", record.keys), field("sub", record.sub),
         field("chunk", chunk)});
    if (hasSmallTiles && sweeps && box.empty() && !record.gpu &&
        !copies(kernel) && kernel.getBody().front().getOps<StrideOp>().empty())
      fields.push_back(field("fewest_groups", 1));
    if (record.asksAhead != AskAhead::Never)
      fields.push_back(builder.getNamedAttr(
          "asks_ahead", builder.getStringAttr(record.asksAhead == AskAhead::Once
                                                  ? "once"
                                                  : "always")));
    if (record.addsAside)
      fields.push_back(
          builder.getNamedAttr("adds_aside", builder.getUnitAttr()));
    if (record.bf16Dot != Bf16Dot::None)
      fields.push_back(
          builder.getNamedAttr("dot", TypeAttr::get(builder.getBF16Type())));
    if (!box.empty())
      fields.push_back(
          builder.getNamedAttr("box", builder.getDenseI64ArrayAttr(box)));
    return builder.getDictionaryAttr(fields);
  }

  static bool hasShortLanes(KernelOp kernel) {
    auto spec = kernel->getParentOfType<SpecOp>();
    ArrayAttr lanes = kernel.getLanesAttr();
    return lanes && llvm::all_of(toDims(lanes), [&](StringAttr dim) {
             return spec.getStaticSize(dim).has_value();
           });
  }

  /// Says whether a sweep leaves out tiles: the fewer lanes these have, the
  /// more are left out.
  static bool bounds(KernelOp kernel) {
    return llvm::any_of(kernel.getBody().front().getOps<SweepOp>(),
                        [](SweepOp sweep) { return bool(sweep.getVisit()); });
  }

  /// Says whether the keys of a sweep are some indices apart, so that each tile
  /// of them is brought together first: more lanes then share the work.
  static bool copies(KernelOp kernel) {
    return llvm::any_of(
        kernel.getBody().front().getOps<SweepOp>(), [](SweepOp sweep) {
          VisitOp visit = sweep.getVisit();
          return visit && llvm::any_of(visit.getStep(), [](Value step) {
                   return constantInteger(step) != 1;
                 });
        });
  }

  /// Where the keys of a tile are bounded by the lanes in several dimensions, a
  /// box of lanes needs fewer keys than a row of them: the extents in each lane
  /// dimension, of about the same size, \p lanes in all. Empty elsewhere.
  SmallVector<int64_t> boxOf(KernelOp kernel, unsigned lanes) {
    ArrayAttr names = kernel.getLanesAttr();
    if (!names || names.size() < 2)
      return {};
    TileDependence dependence;
    TileDependence::Dims bounded;
    for (auto sweep : kernel.getBody().front().getOps<SweepOp>())
      if (VisitOp visit = sweep.getVisit())
        for (ValueRange ends :
             {ValueRange(visit.getFrom()), ValueRange(visit.getTo())})
          for (Value end : ends)
            bounded.insert_range(dependence.dimsOf(end));
    SmallVector<int64_t> box(names.size(), 1);
    SmallVector<size_t> positions;
    for (auto [position, name] : llvm::enumerate(toDims(names)))
      if (bounded.contains(name))
        positions.push_back(position);
    if (positions.size() < 2)
      return {};
    for (unsigned prime : {7u, 5u, 3u, 2u})
      for (; lanes % prime == 0; lanes /= prime) {
        // The innermost of the least, so that rows are not the short side.
        size_t least = positions.back();
        for (size_t position : llvm::reverse(positions))
          if (box[position] < box[least])
            least = position;
        box[least] *= prime;
      }
    return box;
  }

  static std::string namesOf(ArrayRef<StringAttr> dims) {
    return llvm::join(
        llvm::map_range(dims, [](StringAttr dim) { return dim.getValue(); }),
        ", ");
  }

  /// Says that an array is kept which no tensor accounts for.
  static void remarkOnSize(const cpu::LargeBuffer &buffer) {
    auto kernel = buffer.value.getDefiningOp<KernelOp>();
    unsigned number = cast<OpResult>(buffer.value).getResultNumber();
    Value made = kernel.getBody().front().getTerminator()->getOperand(number);
    if (auto sweep = made.getDefiningOp<SweepOp>())
      made = sweep.getBody().front().getTerminator()->getOperand(
          cast<OpResult>(made).getResultNumber());
    mlir::emitRemark(made.getLoc())
        << "performance: an array [" << namesOf(buffer.dims)
        << "] is kept in memory, larger than any tensor of the call";
  }

  void remark(const cpu::KernelShape &shape) {
    for (const cpu::SweepShape &sweep : shape.sweeps) {
      SweepOp op = sweep.op;
      if (sweep.hasDomain && !sweep.isDecidable)
        op.emitRemark("performance: the mask depends on data of each pair: no "
                      "tile is skipped, and every element is tested");
      for (auto reduce : op.getBody().front().getOps<ReduceOp>()) {
        bool isProduct = llvm::any_of(sweep.products, [&](const auto &product) {
          Operation *made = product.result.getDefiningOp();
          return made == reduce || llvm::is_contained(reduce->getUsers(), made);
        });
        if (!isProduct)
          reduce.emitRemark(
              "performance: in a sweep over " + namesOf(sweep.over) +
              " this sum is no product of a query side and a key side: it is "
              "computed element by element");
      }
    }
  }
};

} // namespace
