//===- EmitSpec.cpp - A scheduled spec as functions -----------------------===//

#include "lowering/cpu/EmitSpec.h"
#include "dialect/FormulaWalk.h"
#include "lowering/Targets.h"
#include "lowering/cpu/EmitKernel.h"
#include "lowering/gpu/EmitMmaKernel.h"
#include "lowering/gpu/EmitWarpKernel.h"
#include "lowering/gpu/PlainStage.h"

#include "attn/kernel_abi.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

void SpecDescription::Param::setType(Type type) {
  enum { Int = 0, UInt = 1, Float = 2, BFloat = 4 };
  typeBits = int(type.getIntOrFloatBitWidth());
  typeCode = type.isBF16() ? BFloat : isa<FloatType>(type) ? Float : Int;
}

namespace {

class SpecEmitter {
public:
  SpecEmitter(SpecOp spec, const DeviceTarget *device)
      : spec(spec), layout(spec), builder(spec), device(device) {
    description.name = spec.getSymName().str();
  }

  SpecDescription emit() {
    describeDims();
    describeParams();
    if (!device)
      describeSlices();
    for (Value buffer : layout.buffers())
      describeBuffer(buffer);
    if (device)
      emitLaunches();
    else
      emitStages();
    description.numSlots = layout.numSlots();
    emitPlan();
    return std::move(description);
  }

private:
  std::string symbol(const Twine &part) {
    return (description.name + "." + part).str();
  }

  void describeDims() {
    for (auto dim : spec.getDims().getAsRange<StringAttr>()) {
      SpecDescription::Dim entry{dim.str(), ATTN_EXTENT_BOUND,
                                 layout.dimSlot(dim), -1};
      if (auto size = spec.getStaticSize(dim)) {
        entry.kind = ATTN_EXTENT_STATIC;
        entry.extent = *size;
      }
      for (auto define : spec.getBody().front().getOps<DefineDimOp>())
        if (define.getDimAttr() == dim)
          entry.kind = ATTN_EXTENT_DEFINED;
      description.dims.push_back(std::move(entry));
    }
  }

  void describeTensor(SpecDescription::Param &param,
                      ArrayRef<StringAttr> dims) {
    for (StringAttr dim : dims)
      param.dims.push_back(layout.dimSlot(dim));
  }

  void describeParams() {
    unsigned inputs = spec.getArgumentTypes().size();
    for (auto [index, slot] : llvm::enumerate(layout.paramSlots())) {
      SpecDescription::Param param;
      param.slot = slot;
      if (index >= inputs) {
        unsigned result = index - inputs;
        param.kind = ATTN_PARAM_OUTPUT;
        param.name = spec.getResultName(result).str();
        param.setType(
            cast<QuantityType>(spec.getResultTypes()[result]).getElementType());
        describeTensor(param, spec.getResultLayout(result));
        if (auto dtype =
                spec.getResultAttrOfType<StringAttr>(result, "attn.type"))
          setUnsigned(param, dtype);
      } else {
        param.name = spec.getArgName(index).str();
        param.setType(cast<QuantityType>(spec.getArgumentTypes()[index])
                          .getElementType());
        bool isTensor = bool(spec.getArgAttr(index, "attn.layout"));
        param.kind = isTensor ? ATTN_PARAM_INPUT : ATTN_PARAM_SCALAR;
        if (isTensor)
          describeTensor(param, spec.getArgLayout(index));
        if (auto dtype = spec.getArgAttrOfType<StringAttr>(index, "attn.type"))
          setUnsigned(param, dtype);
        describeDefault(param, spec.getArgAttr(index, "attn.default"));
      }
      description.params.push_back(std::move(param));
    }
  }

  /// A bool is a byte that is 0 or 1.
  static void setUnsigned(SpecDescription::Param &param, StringAttr dtype) {
    if (dtype.getValue() == "uint8" || dtype.getValue() == "bool")
      param.typeCode = 1;
  }

  void describeSlices() {
    slices = findSlices(layout);
    if (slices.passes.empty())
      return;
    description.slicesSlot = layout.reserve(1);
    auto stripOf = [&](StringAttr dim) -> Strip {
      if (!dim)
        return {};
      auto *found = llvm::find_if(
          strips, [&](const Strip &strip) { return strip.dim == dim; });
      if (found == strips.end()) {
        strips.push_back({dim, layout.reserve(ATTN_STRIP_SLOTS)});
        return strips.back();
      }
      return *found;
    };
    for (const SlicedBuffer &buffer : slices.buffers)
      layout.setStrip(buffer.value, stripOf(buffer.strip));
    for (auto [kernel, dim] : llvm::zip_equal(layout.kernels(), slices.strips))
      layout.setStrip(kernel, stripOf(dim));
    for (const StagePass &pass : slices.passes)
      description.passes.push_back(
          {pass.isSliced, stripOf(pass.strip).slot, pass.stages});
  }

  void describeBuffer(Value buffer) {
    const Storage &storage = layout.storageOf(buffer);
    bool isSliced =
        llvm::any_of(slices.buffers, [&](const SlicedBuffer &sliced) {
          return sliced.value == buffer;
        });
    SpecDescription::Buffer entry{storage.slot, isSliced};
    if (storage.strip) {
      entry.stripSlot = storage.strip.slot;
      entry.skippedSlot = layout.reserve(1);
    }
    description.buffers.push_back(entry);
  }

  static void describeDefault(SpecDescription::Param &param, Attribute value) {
    if (!value)
      return;
    param.hasDefault = true;
    if (auto real = dyn_cast<FloatAttr>(value)) {
      double number = real.getValueAsDouble();
      static_assert(sizeof number == sizeof param.defaultBits);
      std::memcpy(&param.defaultBits, &number, sizeof number);
    } else if (auto flag = dyn_cast<BoolAttr>(value)) {
      param.defaultBits = flag.getValue();
    } else {
      param.defaultBits = cast<IntegerAttr>(value).getInt();
    }
  }

  /// The stages that make what others visit, and what they need for it.
  llvm::SmallSetVector<KernelOp, 4> findStagesForCounts() {
    llvm::SmallSetVector<KernelOp, 4> needed;
    auto add = [&](Value part) {
      if (auto maker = part.getDefiningOp<KernelOp>())
        needed.insert(maker);
      return true;
    };
    for (const auto &shape : shapes)
      if (!shape->sweeps.empty() && shape->sweeps.front().visit)
        walkFormula(shape->sweeps.front().visit->getOperands(), add);
    for (size_t i = 0; i != needed.size(); ++i)
      KernelOp(needed[i]).walk(
          [&](Operation *op) { llvm::for_each(op->getOperands(), add); });
    return needed;
  }

  void emitStages() {
    for (auto [index, kernel] : llvm::enumerate(layout.kernels()))
      shapes.push_back(std::make_unique<KernelShape>(kernel, layout));
    auto forCounts = findStagesForCounts();
    for (auto [index, shape] : llvm::enumerate(shapes)) {
      emitters.push_back(
          std::make_unique<KernelEmitter>(builder, layout, *shape));
      std::string stage = ("stage" + Twine(index)).str();
      SpecDescription::Stage entry{stage,
                                   symbol(stage),
                                   symbol(stage + ".count"),
                                   layout.itemsSlot(index),
                                   {}};
      emitters.back()->emitRun(entry.run);
      emitters.back()->emitCount(entry.count);
      entry.chunk = int(shape->chunk);
      entry.stripSlot = layout.stripOf(shape->kernel).slot;
      entry.isForCounts = forCounts.contains(shape->kernel);
      // What is counted is the first sweep.
      entry.isUneven = !shape->sweeps.empty() && shape->sweeps.front().visit;
      description.stages.push_back(entry);
    }
  }

  /// Every stage as launches, best first. Kernels take all slots, so all are
  /// numbered before the first is emitted.
  void emitLaunches() {
    constexpr int slotsOfLaunch = attn::gpu::NumLaunchSlots;
    enum { Plain, Mma, Wide, Short, Packed, Merge, MostLaunches };
    SmallVector<int> slots;
    // Those that need no wgmma come first.
    bool hasFast = device->record.gpu->hasWgmma;
    for (size_t i = 0; i != layout.kernels().size(); ++i)
      slots.push_back(
          layout.reserve(slotsOfLaunch * (hasFast ? MostLaunches : Wide)));
    for (auto [index, kernel] : llvm::enumerate(layout.kernels())) {
      std::string stage = ("stage" + Twine(index)).str();
      std::string symbol = description.name + "_" + stage;
      SpecDescription::Stage entry{stage, "", "", slots[index], {}};
      auto slotOf = [&](int launch) {
        return slots[index] + launch * slotsOfLaunch;
      };
      auto request = [&](StringRef kind, int launch) {
        return attn::gpu::GpuStageRequest{
            device->builder,           layout,        kernel, device->record,
            symbol + "_" + kind.str(), slotOf(launch)};
      };
      std::string why = "the target has none";
      if (hasFast) {
        if (auto packed =
                attn::gpu::emitPackedKernel(request("packed", Packed)))
          entry.launches.push_back({*packed, slotOf(Packed)});
        auto wide = attn::gpu::emitWarpKernel(request("warps", Wide), why);
        auto narrow =
            attn::gpu::emitShortWarpKernel(request("warps_short", Short));
        if (wide && narrow)
          wide->smaller = narrow->symbol;
        if (wide)
          entry.launches.push_back({*wide, slotOf(Wide)});
        if (narrow)
          entry.launches.push_back({*narrow, slotOf(Short)});
      }
      if (entry.launches.empty())
        KernelOp(kernel).emitRemark("performance: no warp-specialised kernel: ")
            << why;
      // One that takes any alignment: nothing has to follow it.
      if (auto tiles = attn::gpu::emitMmaKernel(request("mma", Mma), why)) {
        entry.launches.push_back({*tiles, slotOf(Mma)});
      } else {
        KernelOp(kernel).emitRemark("performance: no kernel of matrix tiles: ")
            << why;
        entry.launches.push_back(
            {attn::gpu::emitPlainStage(request("plain", Plain)),
             slotOf(Plain)});
      }
      description.stages.push_back(std::move(entry));
    }
  }

  //===--------------------------------------------------------------------===//
  // The plan
  //===--------------------------------------------------------------------===//

  void emitPlan() {
    description.plan = symbol("plan");
    OpBuilder::InsertionGuard guard(builder);
    Code code(builder, spec.getLoc(), /*width=*/1);
    auto type = LLVM::LLVMFunctionType::get(code.i64(), {code.ptr()});
    auto function = LLVM::LLVMFuncOp::create(
        builder, code.loc, description.plan, type, LLVM::Linkage::Internal);
    builder.setInsertionPointToEnd(function.addEntryBlock(builder));
    Evaluator evaluator(code, layout, function.getArgument(0), nullptr);
    Value verdict = code.index(-1);
    auto check = [&](Value holds, const Twine &message) {
      Value number = code.index(int64_t(description.checks.size()));
      Value fresh =
          code.compare(arith::CmpIPredicate::eq, verdict, code.index(-1));
      verdict =
          code.select(code.land(fresh, code.lnot(holds)), number, verdict);
      description.checks.push_back(message.str());
    };
    auto checkExtent = [&](StringAttr dim) {
      Value extent = evaluator.extent(dim);
      Value holds = code.land(
          code.compare(arith::CmpIPredicate::sge, extent, code.index(0)),
          code.compare(arith::CmpIPredicate::sle, extent,
                       code.index(maxExtent)));
      check(holds, "dimension " + dim.getValue() + " must have from 0 to " +
                       Twine(maxExtent) + " elements");
    };
    for (const auto &[entry, dim] : llvm::zip_equal(
             description.dims, spec.getDims().getAsRange<StringAttr>()))
      if (entry.kind == ATTN_EXTENT_BOUND)
        checkExtent(dim);
    Scope scope;
    for (Operation &op : spec.getBody().front()) {
      if (auto define = dyn_cast<DefineDimOp>(op)) {
        Value extent = evaluator.evaluate(define.getExtent(), scope);
        code.store(extent,
                   evaluator.slotAddress(layout.dimSlot(define.getDimAttr())));
        if (!spec.getStaticSize(define.getDimAttr()))
          checkExtent(define.getDimAttr());
      } else if (auto require = dyn_cast<RequireOp>(op)) {
        check(evaluator.evaluate(require.getCondition(), scope),
              require.getMessage());
      }
    }
    for (const Strip &strip : strips)
      emitStrip(code, evaluator, strip);
    for (auto [buffer, entry] :
         llvm::zip_equal(layout.buffers(), description.buffers))
      emitBufferSize(code, evaluator, layout.storageOf(buffer),
                     entry.skippedSlot);
    for (auto [index, emitter] : llvm::enumerate(emitters)) {
      int slot = layout.itemsSlot(index);
      code.store(emitter->emitItems(evaluator), evaluator.slotAddress(slot));
      code.store(emitter->emitScratchBytes(evaluator),
                 evaluator.slotAddress(slot + 1));
      code.store(code.index(0), evaluator.slotAddress(slot + 2));
      code.store(emitter->emitBatches(evaluator),
                 evaluator.slotAddress(slot + 3));
    }
    if (description.slicesSlot >= 0) {
      Value count = code.index(1);
      for (StringAttr dim : slices.dims)
        count = code.mul(count, evaluator.extent(dim));
      code.store(count, evaluator.slotAddress(description.slicesSlot));
    }
    // A mask may divide by what a check refuses.
    Value isAccepted =
        code.compare(arith::CmpIPredicate::eq, verdict, code.index(-1));
    if (device)
      code.ifThen(isAccepted, [&] { emitLaunchSizes(code, evaluator); });
    LLVM::ReturnOp::create(builder, code.loc, ValueRange(verdict));
  }

  void emitLaunchSizes(Code &code, Evaluator &evaluator) {
    for (const SpecDescription::Stage &stage : description.stages)
      for (const SpecDescription::Launch &launch : stage.launches) {
        emitSizes(code, evaluator, launch.kernel, launch.itemsSlot);
        if (launch.kernel.merge)
          emitSizes(code, evaluator, *launch.kernel.merge,
                    launch.kernel.mergeSlot);
      }
  }

  void emitSizes(Code &code, Evaluator &evaluator,
                 const attn::gpu::GpuStage &kernel, int slot) {
    auto store = [&](Value value, int which) {
      code.store(value, evaluator.slotAddress(slot + which));
    };
    store(kernel.items(evaluator), attn::gpu::ItemsSlot);
    store(kernel.scratchBytes ? kernel.scratchBytes(evaluator) : code.index(0),
          attn::gpu::ScratchBytesSlot);
    if (kernel.tiles) {
      auto [most, all] = kernel.tiles(evaluator);
      store(most, attn::gpu::TilesSlot);
      store(all, attn::gpu::VisitedSlot);
    }
    if (kernel.boxes)
      for (auto [i, box] : llvm::enumerate(kernel.boxes(evaluator)))
        store(box, attn::gpu::BoxesSlot + int(i));
    if (kernel.steps)
      for (auto [i, step] : llvm::enumerate(kernel.steps(evaluator)))
        store(step, attn::gpu::StepsSlot + int(i));
  }

  void emitStrip(Code &code, Evaluator &evaluator, const Strip &strip) {
    auto field = [&](int which) {
      return code.load(code.i64(), evaluator.slotAddress(strip.slot + which));
    };
    Value extent = evaluator.extent(strip.dim), most = field(ATTN_STRIP_MOST);
    Value left =
        code.max(code.sub(extent, field(ATTN_STRIP_FIRST)), code.index(0));
    Value count = code.select(code.equals(most, code.index(0)), left,
                              code.min(left, most));
    code.store(count, evaluator.slotAddress(strip.slot + ATTN_STRIP_COUNT));
    code.store(extent, evaluator.slotAddress(strip.slot + ATTN_STRIP_EXTENT));
    code.store(leastOf(code, evaluator, strip),
               evaluator.slotAddress(strip.slot + ATTN_STRIP_LEAST));
  }

  /// How many indices of \p strip a stage needs so that its lanes, which may be
  /// of other dimensions too, are not idle.
  Value leastOf(Code &code, Evaluator &evaluator, const Strip &strip) {
    constexpr int64_t lanesOfTile = 64;
    Value least = code.index(1);
    for (const auto &shape : shapes) {
      if (layout.stripOf(shape->kernel).dim != strip.dim ||
          !llvm::is_contained(shape->lanes, strip.dim))
        continue;
      DimList others(shape->lanes);
      llvm::erase(others, strip.dim);
      Value ofIndex = code.max(evaluator.volume(others), code.index(1));
      least = code.max(least, code.ceilDiv(code.index(lanesOfTile), ofIndex));
    }
    return least;
  }

  void emitBufferSize(Code &code, Evaluator &evaluator, const Storage &buffer,
                      int skippedSlot) {
    unsigned bits = buffer.element.getIntOrFloatBitWidth();
    Value element = code.index(std::max(bits, 8u) / 8);
    Value count = evaluator.volume(buffer.layout, buffer.strip);
    code.store(code.mul(element, count),
               evaluator.slotAddress(buffer.slot + 1));
    if (!buffer.strip)
      return;
    unsigned position =
        llvm::find(buffer.layout, buffer.strip.dim) - buffer.layout.begin();
    Value first =
        evaluator.slot(buffer.strip.slot + ATTN_STRIP_FIRST, code.i64());
    Value skipped = code.mul(first, evaluator.stride(buffer, position));
    code.store(code.mul(element, skipped), evaluator.slotAddress(skippedSlot));
  }

  SpecOp spec;
  CallLayout layout;
  Slices slices;
  SmallVector<Strip> strips;
  OpBuilder builder;
  const DeviceTarget *device;
  SpecDescription description;
  std::vector<std::unique_ptr<KernelShape>> shapes;
  std::vector<std::unique_ptr<KernelEmitter>> emitters;
};

} // namespace

SpecDescription attn::cpu::emitSpec(SpecOp spec, const DeviceTarget *device) {
  SpecDescription description = SpecEmitter(spec, device).emit();
  spec.erase();
  return description;
}
