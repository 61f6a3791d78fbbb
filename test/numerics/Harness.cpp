//===- Harness.cpp - Compiles, runs and compares one spec -----------------===//

#include "test/numerics/Harness.h"

#include "dialect/ReferenceMath.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/TargetSelect.h"

#include <chrono>
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

template <typename... Ts>
static llvm::Error error(const char *format, const Ts &...values) {
  return llvm::createStringError(
      llvm::Twine(llvm::formatv(format, values...).str()));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

namespace {

/// DLPack's codes of element types, as the descriptor holds them.
enum DTypeCode { Int = 0, UInt = 1, Float = 2, BFloat = 4 };

/// Every byte that is not an element. As a number of any floating-point type
/// it is NaN, as an integer it is far out of range.
constexpr unsigned char poison = 0xFF;
/// Poison before and after the elements; a multiple of the alignment.
constexpr size_t guardBytes = 256;

const llvm::fltSemantics &semanticsOf(const attn_param_desc &param) {
  if (param.dtype_code == BFloat)
    return llvm::APFloat::BFloat();
  return param.dtype_bits == 16   ? llvm::APFloat::IEEEhalf()
         : param.dtype_bits == 32 ? llvm::APFloat::IEEEsingle()
                                  : llvm::APFloat::IEEEdouble();
}

bool isInteger(const attn_param_desc &param) {
  return param.dtype_code == Int || param.dtype_code == UInt;
}

void storeElement(const attn_param_desc &param, double value, void *to) {
  uint64_t bits;
  if (isInteger(param)) {
    bits = uint64_t(int64_t(value));
  } else {
    llvm::APFloat number(value);
    bool losesInfo;
    number.convert(semanticsOf(param), llvm::APFloat::rmNearestTiesToEven,
                   &losesInfo);
    bits = number.bitcastToAPInt().getZExtValue();
  }
  std::memcpy(to, &bits, param.dtype_bits / 8);
}

double loadElement(const attn_param_desc &param, const void *from) {
  uint64_t bits = 0;
  std::memcpy(&bits, from, param.dtype_bits / 8);
  if (param.dtype_code == Int)
    return double(llvm::SignExtend64(bits, param.dtype_bits));
  if (param.dtype_code == UInt)
    return double(bits);
  llvm::APFloat number(semanticsOf(param), llvm::APInt(param.dtype_bits, bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

/// The memory of one tensor of a call.
class TensorMemory {
public:
  TensorMemory(const attn_param_desc &param, std::vector<int64_t> shape,
               Memory memory, std::mt19937_64 &random);

  void store(ArrayRef<double> elements);
  HostTensor load() const;
  /// Says whether a byte that is no element has changed.
  bool isPoisonIntact() const;
  void *base() { return &bytes[offset]; }
  ArrayRef<int64_t> getStrides() const { return strides; }

private:
  /// Calls visit(number of the element, offset of its first byte).
  void forEachElement(llvm::function_ref<void(size_t, size_t)> visit) const;
  size_t elementBytes() const { return param.dtype_bits / 8; }

  const attn_param_desc &param;
  std::vector<int64_t> shape;
  SmallVector<int64_t> strides;
  struct Free {
    void operator()(unsigned char *p) const { std::free(p); }
  };
  std::unique_ptr<unsigned char[], Free> bytes;
  size_t size, offset;
};

} // namespace

TensorMemory::TensorMemory(const attn_param_desc &param,
                           std::vector<int64_t> extents, Memory memory,
                           std::mt19937_64 &random)
    : param(param), shape(std::move(extents)), strides(shape.size(), 1) {
  bool isStrided = memory == Memory::Strided;
  // The order of the dimensions in memory, outermost first.
  SmallVector<size_t> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  if (isStrided && order.size() > 2)
    std::shuffle(order.begin(), order.end() - 1, random);
  int64_t elements = 1, rows = 1;
  for (int64_t extent : ArrayRef(shape).drop_back(shape.empty() ? 0 : 1))
    rows *= std::max<int64_t>(extent, 1);
  // Kernels bring rows together that are pages apart.
  constexpr int64_t page = 4096, mostRows = 1024;
  bool hasPages = isStrided && rows <= mostRows && random() % 2 == 0;
  for (size_t axis : llvm::reverse(order)) {
    strides[axis] = elements;
    elements *= std::max<int64_t>(shape[axis], 1);
    // The gap of a row shows tails that run over into the next one.
    if (isStrided && axis + 1 == shape.size())
      elements = hasPages ? llvm::alignTo(elements + 1, page / elementBytes())
                          : elements + 3;
  }
  size = 2 * guardBytes + elements * elementBytes();
  size = (size + 63) / 64 * 64;
  offset = guardBytes + (isStrided ? elementBytes() : 0);
  size += 64;
  bytes.reset(static_cast<unsigned char *>(std::aligned_alloc(64, size)));
  std::memset(bytes.get(), poison, size);
}

void TensorMemory::forEachElement(
    llvm::function_ref<void(size_t, size_t)> visit) const {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> index(shape.size(), 0);
  size_t count = std::accumulate(shape.begin(), shape.end(), size_t(1),
                                 std::multiplies<>());
  for (size_t i = 0; i < count; ++i) {
    int64_t at = 0;
    for (auto [p, stride] : llvm::zip_equal(index, strides))
      at += p * stride;
    visit(i, offset + at * elementBytes());
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
  }
}

void TensorMemory::store(ArrayRef<double> elements) {
  forEachElement([&](size_t i, size_t at) {
    storeElement(param, elements[i], &bytes[at]);
  });
}

HostTensor TensorMemory::load() const {
  HostTensor tensor;
  tensor.shape = shape;
  forEachElement([&](size_t, size_t at) {
    tensor.data.push_back(loadElement(param, &bytes[at]));
  });
  return tensor;
}

bool TensorMemory::isPoisonIntact() const {
  std::vector<bool> isElement(size, false);
  forEachElement([&](size_t, size_t at) {
    for (size_t i = 0; i < elementBytes(); ++i)
      isElement[at + i] = true;
  });
  for (size_t i = 0; i < size; ++i)
    if (!isElement[i] && bytes[i] != poison)
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// CompiledSpec
//===----------------------------------------------------------------------===//

CompiledSpec::CompiledSpec() = default;
CompiledSpec::~CompiledSpec() = default;

llvm::Expected<std::unique_ptr<CompiledSpec>>
CompiledSpec::compile(ModuleOp module, StringRef name,
                      const CompileOptions &options) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto context = std::make_unique<llvm::LLVMContext>();
  auto code = compileToLLVM(module, *context, options);
  if (!code)
    return code.takeError();
  auto machine = createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  llvm::orc::JITTargetMachineBuilder builder((*machine)->getTargetTriple());
  builder.setCPU((*machine)->getTargetCPU().str());
  builder.getFeatures() =
      llvm::SubtargetFeatures((*machine)->getTargetFeatureString());
  builder.setOptions((*machine)->Options);
  builder.setCodeGenOptLevel((*machine)->getOptLevel());
  std::unique_ptr<CompiledSpec> compiled(new CompiledSpec);
  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(std::move(builder))
                 .create();
  if (!jit)
    return jit.takeError();
  compiled->jit = std::move(*jit);
  if (llvm::Error failure = compiled->jit->addIRModule(
          {std::move(code->module), std::move(context)}))
    return failure;
  auto symbol = compiled->jit->lookup(("attn_spec_" + name).str());
  if (!symbol)
    return symbol.takeError();
  compiled->desc = symbol->toPtr<const attn_spec_desc *>();
  return compiled;
}

namespace {

/// Memory that a kernel may write, aligned as the ABI says and full of NaN.
struct Scratch {
  explicit Scratch(int64_t size)
      : size(std::max<int64_t>(size, 1)),
        bytes(static_cast<unsigned char *>(
            std::aligned_alloc(64, (this->size + 63) / 64 * 64))) {
    fill();
  }
  void fill() { std::memset(bytes.get(), poison, size); }
  struct Free {
    void operator()(unsigned char *p) const { std::free(p); }
  };
  int64_t size;
  std::unique_ptr<unsigned char[], Free> bytes;
};

/// One call: the slots and the memory behind them.
class Call {
public:
  Call(const attn_spec_desc &desc, const ReferenceInputs &inputs)
      : desc(desc), inputs(inputs), slots(desc.num_slots, 0),
        extents(desc.num_dims, -1) {}

  llvm::Error plan(Memory memory, std::mt19937_64 &random);
  /// Plans for \p sizes without tensors; gives the bytes of the workspace.
  llvm::Expected<int64_t> plan(const llvm::StringMap<int64_t> &sizes);
  void execute();
  llvm::Expected<std::vector<HostTensor>> finish();

private:
  ArrayRef<attn_param_desc> params() const {
    return {desc.params, size_t(desc.num_params)};
  }
  llvm::Error bindInput(const attn_param_desc &param);
  llvm::Error bindScalar(const attn_param_desc &param);
  std::vector<int64_t> shapeOf(const attn_param_desc &param) const;
  TensorMemory &addMemory(const attn_param_desc &param, Memory memory,
                          std::mt19937_64 &random);
  void setStrips(llvm::function_ref<int64_t()> most);
  void enterStrip(const attn_pass_desc &pass, int64_t first);
  void executePass(const attn_pass_desc &pass);
  void executeStage(int32_t stage);

  const attn_spec_desc &desc;
  const ReferenceInputs &inputs;
  std::vector<int64_t> slots;
  std::vector<int64_t> extents;
  std::vector<std::unique_ptr<TensorMemory>> memories; // one a parameter
  std::vector<Scratch> buffers, scratches;
  bool hasStrips = false;
};

} // namespace

llvm::Error Call::bindInput(const attn_param_desc &param) {
  auto found = inputs.tensors.find(param.name);
  if (found == inputs.tensors.end())
    return error("no tensor is given for '{0}'", param.name);
  ArrayRef<int64_t> shape = found->second.shape;
  if (shape.size() != size_t(param.rank))
    return error("'{0}' has {1} dimensions, the kernel expects {2}", param.name,
                 shape.size(), param.rank);
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    int64_t &known = extents[param.dims[axis]];
    if (known >= 0 && known != extent)
      return error("dimension {0} has {1} elements in '{2}', not {3}",
                   desc.dims[param.dims[axis]].name, extent, param.name, known);
    known = extent;
  }
  return llvm::Error::success();
}

llvm::Error Call::bindScalar(const attn_param_desc &param) {
  auto found = inputs.scalars.find(param.name);
  if (found == inputs.scalars.end()) {
    if (!param.has_default)
      return error("no value is given for '{0}'", param.name);
    slots[param.slot] = param.default_bits;
  } else if (isInteger(param)) {
    slots[param.slot] = int64_t(found->second);
  } else {
    std::memcpy(&slots[param.slot], &found->second, sizeof(double));
  }
  return llvm::Error::success();
}

std::vector<int64_t> Call::shapeOf(const attn_param_desc &param) const {
  std::vector<int64_t> shape;
  for (int32_t axis = 0; axis < param.rank; ++axis)
    shape.push_back(slots[desc.dims[param.dims[axis]].slot]);
  return shape;
}

TensorMemory &Call::addMemory(const attn_param_desc &param, Memory memory,
                              std::mt19937_64 &random) {
  memories.push_back(
      std::make_unique<TensorMemory>(param, shapeOf(param), memory, random));
  TensorMemory &added = *memories.back();
  // Nothing may be read or written where there are no elements.
  slots[param.slot] = llvm::is_contained(shapeOf(param), 0)
                          ? 0
                          : reinterpret_cast<int64_t>(added.base());
  llvm::copy(added.getStrides(), &slots[param.slot + 1]);
  return added;
}

llvm::Error Call::plan(Memory memory, std::mt19937_64 &random) {
  for (auto [extent, dim] :
       llvm::zip_equal(extents, ArrayRef(desc.dims, desc.num_dims)))
    if (dim.kind == ATTN_EXTENT_STATIC)
      extent = dim.extent;
  for (const attn_param_desc &param : params()) {
    if (param.kind == ATTN_PARAM_OUTPUT)
      continue;
    if (llvm::Error failure = param.kind == ATTN_PARAM_INPUT
                                  ? bindInput(param)
                                  : bindScalar(param))
      return failure;
  }
  for (auto [extent, dim] :
       llvm::zip_equal(extents, ArrayRef(desc.dims, desc.num_dims)))
    if (dim.kind != ATTN_EXTENT_DEFINED)
      slots[dim.slot] = extent;
  for (const attn_param_desc &param : params())
    if (param.kind == ATTN_PARAM_INPUT)
      addMemory(param, memory, random)
          .store(inputs.tensors.find(param.name)->second.data);
  // Whole arrays, or parts that have nothing to do with tiles.
  setStrips([&] { return random() % 4 ? int64_t(1 + random() % 40) : 0; });
  int64_t failed = desc.plan(slots.data());
  if (failed >= 0)
    return error("refused: {0}", desc.checks[failed]);
  // The extents of outputs may be computed by the plan.
  for (const attn_param_desc &param : params())
    if (param.kind == ATTN_PARAM_OUTPUT)
      addMemory(param, memory, random);
  for (const attn_buffer_desc &buffer :
       ArrayRef(desc.buffers, desc.num_buffers)) {
    buffers.emplace_back(slots[buffer.slot + 1]);
    slots[buffer.slot] = reinterpret_cast<int64_t>(buffers.back().bytes.get());
  }
  for (const attn_stage_desc &stage : ArrayRef(desc.stages, desc.num_stages))
    scratches.emplace_back(slots[stage.items_slot + 1]);
  return llvm::Error::success();
}

llvm::Expected<int64_t> Call::plan(const llvm::StringMap<int64_t> &sizes) {
  for (const attn_dim_desc &dim : ArrayRef(desc.dims, desc.num_dims))
    if (dim.kind != ATTN_EXTENT_DEFINED)
      slots[dim.slot] =
          dim.kind == ATTN_EXTENT_STATIC ? dim.extent : sizes.lookup(dim.name);
  for (const attn_param_desc &param : params())
    if (param.kind == ATTN_PARAM_SCALAR)
      if (llvm::Error failure = bindScalar(param))
        return failure;
  setStrips([] { return 64; });
  int64_t failed = desc.plan(slots.data());
  if (failed >= 0)
    return error("refused: {0}", desc.checks[failed]);
  int64_t bytes = 0, scratch = 0;
  for (const attn_buffer_desc &buffer :
       ArrayRef(desc.buffers, desc.num_buffers))
    bytes += slots[buffer.slot + 1];
  for (const attn_stage_desc &stage : ArrayRef(desc.stages, desc.num_stages))
    scratch = std::max(scratch, slots[stage.items_slot + 1]);
  return bytes + scratch;
}

/// Decides how many indices each strip has.
void Call::setStrips(llvm::function_ref<int64_t()> most) {
  llvm::SmallDenseMap<int32_t, int64_t> strips;
  for (const attn_buffer_desc &buffer :
       ArrayRef(desc.buffers, desc.num_buffers))
    if (buffer.strip_slot >= 0 &&
        strips.try_emplace(buffer.strip_slot).second) {
      slots[buffer.strip_slot + ATTN_STRIP_MOST] = most();
      hasStrips |= slots[buffer.strip_slot + ATTN_STRIP_MOST] != 0;
    }
}

/// Nothing of another strip is left where this one is.
void Call::enterStrip(const attn_pass_desc &pass, int64_t first) {
  slots[pass.strip_slot + ATTN_STRIP_FIRST] = first;
  desc.plan(slots.data());
  for (auto [buffer, memory] :
       llvm::zip_equal(ArrayRef(desc.buffers, desc.num_buffers), buffers)) {
    if (buffer.strip_slot != pass.strip_slot)
      continue;
    memory.fill();
    slots[buffer.slot] =
        int64_t(reinterpret_cast<uintptr_t>(memory.bytes.get())) -
        slots[buffer.skipped_slot];
  }
}

void Call::executeStage(int32_t stage) {
  // Any order is allowed; the last first is the one that nobody assumes.
  for (int64_t item = slots[desc.stages[stage].items_slot]; item-- > 0;)
    desc.stages[stage].run(slots.data(), scratches[stage].bytes.get(), item);
}

void Call::executePass(const attn_pass_desc &pass) {
  int64_t first = 0;
  do {
    if (pass.strip_slot >= 0)
      enterStrip(pass, first);
    for (int32_t stage : ArrayRef(pass.stages, pass.num_stages))
      if (first == 0 || desc.stages[stage].strip_slot == pass.strip_slot)
        executeStage(stage);
    if (pass.strip_slot < 0 || slots[pass.strip_slot + ATTN_STRIP_MOST] == 0)
      return;
    first += slots[pass.strip_slot + ATTN_STRIP_MOST];
  } while (first < slots[pass.strip_slot + ATTN_STRIP_EXTENT]);
}

void Call::execute() {
  if (!hasStrips)
    for (int32_t stage = 0; stage != desc.num_stages; ++stage)
      executeStage(stage);
  else
    for (const attn_pass_desc &pass : ArrayRef(desc.passes, desc.num_passes))
      executePass(pass);
}

llvm::Expected<std::vector<HostTensor>> Call::finish() {
  std::vector<HostTensor> outputs;
  size_t next = 0;
  for (const attn_param_desc &param : params()) {
    if (param.kind == ATTN_PARAM_SCALAR)
      continue;
    // Memories were added inputs first, outputs last, as the parameters are.
    const TensorMemory &memory = *memories[next++];
    if (!memory.isPoisonIntact())
      return error("the kernel wrote outside of '{0}'", param.name);
    if (param.kind == ATTN_PARAM_OUTPUT)
      outputs.push_back(memory.load());
  }
  return outputs;
}

llvm::Expected<std::vector<HostTensor>>
CompiledSpec::run(const ReferenceInputs &inputs, Memory memory,
                  std::mt19937_64 &random, unsigned repeats,
                  double *seconds) const {
  Call call(*desc, inputs);
  if (llvm::Error failure = call.plan(memory, random))
    return failure;
  double fastest = std::numeric_limits<double>::infinity();
  for (unsigned i = 0; i < repeats; ++i) {
    auto start = std::chrono::steady_clock::now();
    call.execute();
    std::chrono::duration<double> taken =
        std::chrono::steady_clock::now() - start;
    fastest = std::min(fastest, taken.count());
  }
  if (seconds)
    *seconds = fastest;
  return call.finish();
}

llvm::Expected<int64_t>
CompiledSpec::workspaceBytes(const llvm::StringMap<int64_t> &sizes,
                             const llvm::StringMap<double> &scalars) const {
  ReferenceInputs inputs;
  inputs.scalars = scalars;
  return Call(*desc, inputs).plan(sizes);
}
