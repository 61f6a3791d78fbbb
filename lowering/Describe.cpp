//===- Describe.cpp - Descriptions of specs in an LLVM module -------------===//
//
// Each struct below is built field by field in the order of attn/kernel_abi.h;
// LLVM lays an unpacked struct out as C does.
//
//===----------------------------------------------------------------------===//

#include "lowering/Describe.h"

#include "attn/kernel_abi.h"

#include "llvm/IR/Constants.h"

using namespace llvm;
using attn::TargetRecord;
using attn::cpu::SpecDescription;
using namespace attn::gpu;

namespace {

class Describer {
public:
  Describer(Module &module, const TargetRecord &target,
            const DeviceCode *device)
      : module(module), context(module.getContext()), target(target),
        device(device), image(device ? describeImage() : null()) {}

  GlobalVariable *spec(const SpecDescription &spec) {
    Constant *fields = structure({
        i32(ATTN_KERNEL_ABI_VERSION),
        i32(spec.numSlots),
        text(spec.name),
        text(target.name),
        text(target.requirements),
        i32(int(spec.dims.size())),
        i32(int(spec.params.size())),
        i32(int(spec.buffers.size())),
        i32(int(spec.stages.size())),
        i32(int(spec.checks.size())),
        array(map(spec.dims,
                  [&](auto &dim) {
                    return structure({text(dim.name), i32(dim.kind),
                                      i32(dim.slot), i64(dim.extent)});
                  })),
        array(map(spec.params, [&](auto &entry) { return param(entry); })),
        array(map(spec.buffers,
                  [&](auto &buffer) {
                    return structure({i32(buffer.slot), i32(buffer.isSliced),
                                      i32(buffer.stripSlot),
                                      i32(buffer.skippedSlot)});
                  })),
        array(
            map(spec.stages, [&](auto &entry) { return stage(spec, entry); })),
        array(map(spec.checks, [&](auto &message) { return text(message); })),
        function(spec.plan),
        image,
        i32(spec.slicesSlot),
        i32(int(spec.passes.size())),
        array(map(spec.passes,
                  [&](auto &pass) {
                    return structure(
                        {i32(pass.isSliced), i32(pass.stripSlot),
                         i32(int(pass.stages.size())),
                         array(map(pass.stages, [&](unsigned stage) {
                           return i32(stage);
                         }))});
                  })),
    });
    return global(fields, "attn_spec_" + spec.name,
                  GlobalValue::ExternalLinkage);
  }

  void table(ArrayRef<Constant *> specs) {
    Constant *fields = structure({i64(int64_t(specs.size())), array(specs)});
    global(fields, ATTN_MODULE_SYMBOL, GlobalValue::WeakAnyLinkage);
  }

private:
  Constant *param(const SpecDescription::Param &param) {
    return structure({text(param.name), i32(param.kind), i32(param.slot),
                      i32(param.typeCode), i32(param.typeBits),
                      i32(int(param.dims.size())), i32(param.hasDefault),
                      array(map(param.dims, [&](int dim) { return i32(dim); })),
                      i64(param.defaultBits)});
  }
  Constant *stage(const SpecDescription &spec,
                  const SpecDescription::Stage &stage) {
    return structure(
        {text(stage.name), function(stage.run), function(stage.count),
         i32(stage.itemsSlot), i32(int(stage.launches.size())),
         array(map(stage.launches,
                   [&](auto &entry) { return launch(spec, entry); })),
         i32(stage.isUneven), i32(stage.chunk), i32(stage.stripSlot),
         i32(stage.isForCounts)});
  }
  Constant *launch(const SpecDescription &spec,
                   const SpecDescription::Launch &launch) {
    const GpuStage &kernel = launch.kernel;
    Constant *merge = null();
    if (kernel.merge)
      merge = global(this->launch(spec, {*kernel.merge, kernel.mergeSlot}), "",
                     GlobalValue::PrivateLinkage);
    return structure(
        {text(kernel.symbol), i32(launch.itemsSlot), i32(kernel.threads),
         i32(kernel.sharedBytes), i32(kernel.blocksPerSM),
         i32(int(kernel.maps.size())),
         array(map(kernel.maps,
                   [&](auto &entry) { return tensorMap(spec, entry); })),
         i32(kernel.tileCycles), merge, i32(kernel.drawsItems),
         i32(kernel.waitsItself), i32(device->codes.lookup(kernel.symbol))});
  }
  Constant *tensorMap(const SpecDescription &spec, const TensorMap &tensorMap) {
    SpecDescription::Param type;
    type.setType(tensorMap.tensor.element);
    return structure({i32(tensorMap.tensor.slot), i32(type.typeCode),
                      i32(type.typeBits), i32(int(tensorMap.dims.size())),
                      i32(int(tensorMap.swizzle)),
                      array(map(tensorMap.dims, [&](auto &dim) {
                        return mapDim(spec, tensorMap.tensor, dim);
                      }))});
  }
  Constant *mapDim(const SpecDescription &spec,
                   const attn::cpu::Storage &tensor, const TensorMapDim &dim) {
    int extentSlot = -1, strideSlot = -1;
    if (dim.position) {
      StringRef name = tensor.layout[*dim.position].getValue();
      for (const SpecDescription::Dim &entry : spec.dims)
        if (entry.name == name)
          extentSlot = entry.slot;
      strideSlot = tensor.slot + 1 + int(*dim.position);
    }
    return structure({i32(extentSlot), i32(strideSlot), i64(dim.extent),
                      i64(dim.stride), i32(dim.boxSlot.value_or(-1)),
                      i32(dim.isFolded ? 0 : dim.box), i32(dim.step),
                      i32(dim.stepSlot.value_or(-1)), i32(dim.isLonger)});
  }
  Constant *code(StringRef data) {
    // PTX ends with a zero; the driver reads a cubin as 64-bit words.
    auto *bytes = ConstantDataArray::getString(context, data, device->isPtx());
    GlobalVariable *place = global(bytes, "", GlobalValue::PrivateLinkage);
    place->setAlignment(Align(64));
    return structure({place, i64(int64_t(data.size()))});
  }
  Constant *describeImage() {
    ArrayRef<std::string> codes = device->cubins;
    if (device->isPtx())
      codes = device->ptx;
    const attn::GpuRecord &gpu = *target.gpu;
    return global(
        structure({i32(int(codes.size())), i32(device->isPtx()),
                   array(map(codes, [&](auto &entry) { return code(entry); })),
                   i32(gpu.capability), i32(gpu.isExact), i32(gpu.ptxVersion)}),
        "", GlobalValue::PrivateLinkage);
  }

  template <typename Range, typename Function>
  SmallVector<Constant *> map(const Range &range, Function function) {
    SmallVector<Constant *> constants;
    for (const auto &entry : range)
      constants.push_back(function(entry));
    return constants;
  }
  Constant *i32(int64_t value) {
    return ConstantInt::get(Type::getInt32Ty(context), uint32_t(value));
  }
  Constant *i64(int64_t value) {
    return ConstantInt::get(Type::getInt64Ty(context), uint64_t(value));
  }
  Constant *structure(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(context, fields);
  }
  Constant *function(StringRef name) {
    return name.empty() ? null() : module.getFunction(name);
  }
  Constant *text(StringRef text) {
    return global(ConstantDataArray::getString(context, text), "",
                  GlobalValue::PrivateLinkage);
  }
  Constant *null() {
    return ConstantPointerNull::get(PointerType::get(context, 0));
  }
  Constant *array(ArrayRef<Constant *> elements) {
    if (elements.empty())
      return null();
    auto *type = ArrayType::get(elements.front()->getType(), elements.size());
    return global(ConstantArray::get(type, elements), "",
                  GlobalValue::PrivateLinkage);
  }
  GlobalVariable *global(Constant *value, const Twine &name,
                         GlobalValue::LinkageTypes linkage) {
    return new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                              linkage, value, name);
  }

  Module &module;
  LLVMContext &context;
  const TargetRecord &target;
  const DeviceCode *device; // null on a CPU
  Constant *image;
};

} // namespace

void attn::addDescriptions(Module &module, ArrayRef<SpecDescription> specs,
                           const TargetRecord &target,
                           const DeviceCode *device) {
  Describer describer(module, target, device);
  SmallVector<Constant *> table;
  for (const SpecDescription &spec : specs)
    table.push_back(describer.spec(spec));
  describer.table(table);
}
