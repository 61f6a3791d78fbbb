//===- Call.cpp - The arguments of one call -------------------------------===//

#include "frontend/cli/Call.h"
#include "frontend/cli/Elements.h"
#include "frontend/cli/Extents.h"
#include "frontend/cli/Npy.h"
#include "frontend/cli/RandomTensor.h"

#include "dialect/HeadSizes.h"
#include "runtime/LargePages.h"

#include "llvm/ADT/StringExtras.h"

#include <unistd.h>

using namespace attn;
using namespace attn::cli;

llvm::Error attn::cli::runtimeError() { return userError(attn_last_error()); }

//===----------------------------------------------------------------------===//
// CallTensor
//===----------------------------------------------------------------------===//

/// Allocating more than this would not fail but bring the machine to its knees.
static int64_t physicalMemory() {
  static const int64_t bytes =
      int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGESIZE));
  return bytes;
}

llvm::Expected<CallTensor> CallTensor::create(std::string name, DLDataType type,
                                              std::vector<int64_t> shape) {
  CallTensor tensor;
  int64_t bytes = byteSize(type);
  bool overflows = false;
  for (int64_t extent : shape) {
    overflows |= __builtin_mul_overflow(bytes, extent, &bytes);
    tensor.numElements = bytes / byteSize(type);
  }
  if (overflows || bytes > physicalMemory())
    return userError("tensor '", name, "' of extents [",
                     llvm::join(llvm::map_range(shape,
                                                [](int64_t extent) {
                                                  return std::to_string(extent);
                                                }),
                                ", "),
                     "] needs more memory than this machine has");
  // Aligned and in large pages as NumPy and others do it; never null, so that
  // empty tensors have a place.
  int64_t alignment =
      bytes >= 2 * int64_t(runtime::largePage) ? runtime::largePage : 64;
  tensor.data.reset(static_cast<char *>(std::aligned_alloc(
      alignment, llvm::alignTo(std::max<int64_t>(bytes, 1), alignment))));
  if (!tensor.data)
    return userError("no memory for tensor '", name, "' of ", bytes, " bytes");
  runtime::askForLargePages(tensor.data.get(), bytes);
  tensor.name = std::move(name);
  tensor.type = type;
  tensor.shape = std::move(shape);
  return tensor;
}

DLTensor CallTensor::view() {
  DLTensor view = {};
  view.data = data.get();
  view.device = {kDLCPU, 0};
  view.ndim = int(shape.size());
  view.dtype = type;
  view.shape = shape.data();
  return view;
}

void CallTensor::poison() { std::memset(data.get(), 0xff, bytes().size()); }

HostTensor CallTensor::toHost() const {
  HostTensor host;
  host.shape = shape;
  host.data.resize(numElements);
  for (int64_t i = 0; i < numElements; ++i)
    host.data[i] = loadElement(type, data.get(), i);
  return host;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// The type in memory of a tensor parameter.
static DLDataType storageType(mlir::Type element) {
  if (element.isBF16())
    return {kDLBfloat, 16, 1};
  auto bits = uint8_t(element.getIntOrFloatBitWidth());
  return {uint8_t(llvm::isa<mlir::FloatType>(element) ? kDLFloat : kDLInt),
          bits, 1};
}

/// "[B, H, N]".
static std::string describeLayout(llvm::ArrayRef<mlir::StringAttr> layout) {
  return "[" +
         llvm::join(llvm::map_range(
                        layout, [](mlir::StringAttr dim) { return dim.str(); }),
                    ", ") +
         "]";
}

/// A file's tensor in the type of parameter \p index.
static llvm::Expected<CallTensor> convert(const NpyArray &array,
                                          llvm::StringRef path, SpecOp spec,
                                          unsigned index) {
  std::string name = spec.getArgName(index).str();
  auto layout = spec.getArgLayout(index);
  DLDataType type =
      storageType(llvm::cast<QuantityType>(spec.getArgumentTypes()[index])
                      .getElementType());
  if (array.shape.size() != layout.size())
    return userError("'", path, "' has ", array.shape.size(),
                     " dimensions, but ", name, " has ", layout.size(), ": ",
                     describeLayout(layout));
  if (isFloat(array.type) != isFloat(type))
    return userError("'", path, "' holds ", typeName(array.type), ", but ",
                     name, " is ", typeName(type), ": expected a file of ",
                     isFloat(type) ? "floats" : "integers");
  auto tensor = CallTensor::create(name, type, array.shape);
  if (!tensor)
    return tensor.takeError();
  for (int64_t i = 0; i < tensor->size(); ++i) {
    double value = loadElement(array.type, array.data, i);
    if (!isExactInDouble(array.type, array.data, i))
      return userError("'", path, "': element ", i, " is near ", value,
                       ", but attnc holds integers as doubles, which beyond "
                       "2^53 are not exact");
    if (!storeElement(type, tensor->data.get(), i, value))
      return userError("'", path, "': element ", i, " is ", value, ", but ",
                       name, " is ", typeName(type));
  }
  return tensor;
}

llvm::Error Call::readInputs(const Spec &spec, const Options &options) {
  std::vector<std::string> tensors;
  for (unsigned i = 0; i < spec.op().getArgumentTypes().size(); ++i)
    if (!isScalarArgument(spec.op(), i))
      tensors.push_back(spec.op().getArgName(i).str());
  for (const auto &[name, path] : options.inputs) {
    std::optional<unsigned> index = findArgument(spec.op(), name);
    if (!index || isScalarArgument(spec.op(), *index))
      return userError("--in: '", spec.name, "' has no tensor called '", name,
                       "'",
                       index ? "; it is a scalar: use --set " + name + "=VALUE"
                             : suggestName(name, tensors));
    if (llvm::any_of(inputs, [&](const CallTensor &tensor) {
          return tensor.name == name;
        }))
      return userError("--in: ", name, " is given twice");
    auto array = readNpy(path);
    if (!array)
      return array.takeError();
    auto tensor = convert(*array, path, spec.op(), *index);
    if (!tensor)
      return tensor.takeError();
    inputs.push_back(std::move(*tensor));
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Random values
//===----------------------------------------------------------------------===//

/// Extents from --set, --size and files, in this order; they must agree.
llvm::Error Call::collectSizes(const Spec &spec, const Options &options) {
  std::vector<std::string> dims;
  for (mlir::Attribute dim : spec.op().getDims())
    dims.push_back(llvm::cast<mlir::StringAttr>(dim).str());
  llvm::StringMap<std::string> origins;
  auto add = [&](llvm::StringRef dim, int64_t extent,
                 std::string origin) -> llvm::Error {
    auto [it, isNew] = extents.try_emplace(dim, extent);
    if (isNew)
      origins[dim] = std::move(origin);
    else if (it->second != extent)
      return userError("dimension ", dim, " has ", it->second, " elements in ",
                       origins[dim], " but ", extent, " in ", origin);
    return llvm::Error::success();
  };
  for (const auto &entry : spec.fixedSizes)
    if (llvm::Error error = add(entry.first(), entry.second, "--set"))
      return error;
  for (const auto &entry : options.sizes) {
    if (!llvm::is_contained(dims, entry.first()))
      return userError("--size: '", spec.name, "' has no dimension called '",
                       entry.first(), "'", suggestName(entry.first(), dims),
                       dims.empty()
                           ? std::string(" (it has none)")
                           : " (it has: " + llvm::join(dims, ", ") + ")");
    if (llvm::Error error = add(entry.first(), entry.second, "--size"))
      return error;
  }
  for (const CallTensor &tensor : inputs) {
    auto layout = spec.op().getArgLayout(*findArgument(spec.op(), tensor.name));
    for (auto [dim, extent] : llvm::zip(layout, tensor.shape))
      if (llvm::Error error =
              add(dim.getValue(), extent, "'" + tensor.name + "'"))
        return error;
  }
  return llvm::Error::success();
}

int64_t Call::largestExtent() const {
  int64_t largest = 1;
  for (const auto &entry : extents)
    largest = std::max(largest, entry.second);
  return largest;
}

llvm::Error Call::fillOthers(SpecOp spec, const Options &options) {
  for (unsigned i = 0; i < spec.getArgumentTypes().size(); ++i) {
    std::string name = spec.getArgName(i).str();
    if (isScalarArgument(spec, i) ||
        llvm::any_of(inputs, [&](const CallTensor &tensor) {
          return tensor.name == name;
        }))
      continue;
    std::vector<int64_t> shape;
    for (mlir::StringAttr dim : spec.getArgLayout(i)) {
      auto it = extents.find(dim.getValue());
      if (it == extents.end())
        return userError("tensor '", name, "' ",
                         describeLayout(spec.getArgLayout(i)),
                         " is not given: use --in ", name,
                         "=FILE.npy, or --size with ", dim.getValue(), "=...");
      shape.push_back(it->second);
    }
    // Who gives files and no sizes has forgotten one: no numbers are made up.
    if (!options.inputs.empty() && options.sizes.empty())
      return userError("tensor '", name, "' ",
                       describeLayout(spec.getArgLayout(i)),
                       " is not given: use --in ", name,
                       "=FILE.npy (with --size, tensors without a file are "
                       "filled with random values)");
    auto type = llvm::cast<QuantityType>(spec.getArgumentTypes()[i]);
    auto tensor =
        CallTensor::create(name, storageType(type.getElementType()), shape);
    if (!tensor)
      return tensor.takeError();
    // Each tensor its own numbers, whatever others are read from files.
    fillRandom(*tensor, options.seed * 1000003 + i, largestExtent());
    inputs.push_back(std::move(*tensor));
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Call
//===----------------------------------------------------------------------===//

void Call::addTensorArguments(llvm::MutableArrayRef<CallTensor> tensors) {
  for (CallTensor &tensor : tensors) {
    views.push_back(tensor.view());
    arguments.push_back(
        {tensor.name.c_str(), ATTN_ARG_TENSOR, 0, &views.back(), 0, 0});
  }
}

llvm::Error Call::addScalars(const Spec &spec) {
  SpecOp op = spec.op();
  for (unsigned i = 0; i < op.getArgumentTypes().size(); ++i) {
    if (!isScalarArgument(op, i))
      continue;
    llvm::StringRef name = op.getArgName(i);
    auto given = spec.scalars.find(name);
    if (given == spec.scalars.end()) {
      if (!op.getArgAttr(i, "attn.default"))
        return userError("scalar '", name, "' has no default: use --set ", name,
                         "=VALUE");
      continue;
    }
    bool isFloatScalar = llvm::isa<mlir::FloatType>(
        llvm::cast<QuantityType>(op.getArgumentTypes()[i]).getElementType());
    double value = given->second;
    if (!isFloatScalar &&
        (value != std::floor(value) || std::abs(value) >= 0x1p53))
      return userError("--set: scalar ", name,
                       " is an integer between -2^53 "
                       "and 2^53, found ",
                       value);
    scalars[name] = value;
    names.push_back(name.str());
    arguments.push_back({names.back().c_str(),
                         isFloatScalar ? ATTN_ARG_FLOAT : ATTN_ARG_INT, 0,
                         nullptr, isFloatScalar ? 0 : int64_t(value), value});
  }
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<Call>> Call::create(const Spec &spec,
                                                   const Options &options) {
  auto call = std::make_unique<Call>();
  if (llvm::Error error = call->readInputs(spec, options))
    return error;
  if (llvm::Error error = call->addScalars(spec))
    return error;
  if (llvm::Error error = call->collectSizes(spec, options))
    return error;
  if (llvm::Error error =
          defineExtents(spec.op(), call->scalars, call->extents))
    return error;
  if (llvm::Error error = call->fillOthers(spec.op(), options))
    return error;
  call->addTensorArguments(call->inputs);
  call->numInputArgs = call->arguments.size();
  return call;
}

llvm::Error Call::addOutputs(const attn_kernel_t *kernel) {
  for (int32_t i = 0; i < attn_kernel_num_params(kernel); ++i) {
    attn_param_info_t info;
    if (attn_kernel_param(kernel, i, &info))
      return runtimeError();
    if (!info.is_output)
      continue;
    std::vector<int64_t> shape(info.rank);
    if (attn_kernel_shape(kernel, arguments.data(), int32_t(arguments.size()),
                          i, shape.data()))
      return runtimeError();
    auto tensor = CallTensor::create(info.name, info.dtype, shape);
    if (!tensor)
      return tensor.takeError();
    tensor->poison();
    results.push_back(std::move(*tensor));
  }
  addTensorArguments(results);
  return llvm::Error::success();
}

ReferenceInputs Call::reference() const {
  ReferenceInputs reference;
  for (const CallTensor &tensor : inputs)
    reference.tensors[tensor.name] = tensor.toHost();
  reference.scalars = scalars;
  return reference;
}

void Call::fixHeadSizes(SpecOp spec) const {
  mlir::Builder builder(spec.getContext());
  mlir::NamedAttrList fixed(spec.getSizes());
  for (mlir::StringAttr dim : headSizes(spec))
    if (!fixed.get(dim))
      fixed.set(dim, builder.getI64IntegerAttr(extents.lookup(dim.getValue())));
  spec.setSizesAttr(fixed.getDictionary(spec.getContext()));
}

int64_t Call::inputBytes() const {
  int64_t bytes = 0;
  for (const CallTensor &tensor : inputs)
    bytes += int64_t(tensor.bytes().size());
  return bytes;
}
