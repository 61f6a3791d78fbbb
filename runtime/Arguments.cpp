//===- Arguments.cpp - From the arguments of a call to its slots ----------===//

#include "runtime/Arguments.h"
#include "runtime/Describe.h"
#include "runtime/Status.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <numeric>

using namespace attn::runtime;

attn_status_t attn::runtime::findParam(const KernelImage &kernel,
                                       const attn_arg_t &arg, size_t &index) {
  if (!arg.name)
    return fail(ATTN_STATUS_INVALID_ARGUMENT, "an argument has no name");
  std::string_view name = arg.name;
  // A later runtime may give them a meaning.
  if (arg.flags & ~ATTN_ARG_READ_ONLY)
    return fail(ATTN_STATUS_INVALID_ARGUMENT, "argument '", name,
                "': its flags, ", arg.flags,
                ", have a bit other than ATTN_ARG_READ_ONLY, ",
                ATTN_ARG_READ_ONLY);
  for (index = 0; index < kernel.params().size(); ++index)
    if (kernel.params()[index].name == name)
      return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_UNKNOWN_ARGUMENT, "spec '", kernel.desc->name,
              "' has no parameter '", name, "'", suggestion(kernel, name));
}

attn_status_t ArgumentBinder::match(std::span<const attn_arg_t> args,
                                    Outputs outputs) {
  given.assign(kernel.params().size(), nullptr);
  for (const attn_arg_t &arg : args) {
    size_t index;
    ATTN_RETURN_IF_FAILED(findParam(kernel, arg, index));
    if (given[index])
      return fail(ATTN_STATUS_DUPLICATE_ARGUMENT, "argument '", arg.name,
                  "' is given twice");
    given[index] = &arg;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    const attn_param_desc &param = kernel.params()[i];
    bool isOptional = isOutput(param) ? outputs == Outputs::Ignored
                                      : !isTensor(param) && param.has_default;
    if (!given[i] && !isOptional)
      return fail(ATTN_STATUS_MISSING_ARGUMENT, "spec '", kernel.desc->name,
                  "': ", isOutput(param) ? "output '" : "argument '",
                  param.name, "' (", describe(kernel, param), ") is missing");
  }
  return ATTN_STATUS_OK;
}

attn_status_t ArgumentBinder::bindScalar(const attn_param_desc &param,
                                         const attn_arg_t &arg) {
  bool wantsFloat = param.dtype_code == kDLFloat;
  if (arg.kind != ATTN_ARG_TENSOR && arg.kind != ATTN_ARG_INT &&
      arg.kind != ATTN_ARG_FLOAT)
    return fail(ATTN_STATUS_KIND_MISMATCH, "argument '", param.name,
                "': its kind, ", int(arg.kind), ", is none of attn_arg_kind_t");
  if (arg.kind == ATTN_ARG_TENSOR ||
      (arg.kind == ATTN_ARG_FLOAT && !wantsFloat))
    return fail(ATTN_STATUS_KIND_MISMATCH, "argument '", param.name,
                "': expected ", describe(kernel, param), ", found ",
                arg.kind == ATTN_ARG_TENSOR ? "a tensor" : "a float");
  if (param.dtype_bits == 1 && arg.int_value != 0 && arg.int_value != 1)
    return fail(ATTN_STATUS_KIND_MISMATCH, "argument '", param.name,
                "': expected a bool, 0 or 1, found ", arg.int_value);
  int64_t &slot = slots[param.slot];
  if (!wantsFloat)
    slot = arg.int_value;
  else
    slot = std::bit_cast<int64_t>(
        arg.kind == ATTN_ARG_INT ? double(arg.int_value) : arg.float_value);
  return ATTN_STATUS_OK;
}

attn_status_t ArgumentBinder::bindExtents(const attn_param_desc &param,
                                          const DLTensor &tensor) {
  for (int32_t axis = 0; axis < param.rank; ++axis) {
    const attn_dim_desc &dim = kernel.desc->dims[param.dims[axis]];
    const attn_param_desc *&owner = owners[param.dims[axis]];
    int64_t extent = tensor.shape[axis];
    if (extent < 0)
      return fail(ATTN_STATUS_SIZE_OVERFLOW, "argument '", param.name,
                  "': dimension ", dim.name, " has ", extent, " elements");
    if (dim.kind == ATTN_EXTENT_STATIC && extent != dim.extent)
      return fail(ATTN_STATUS_SIZE_MISMATCH, "dimension ", dim.name, " has ",
                  extent, " elements in '", param.name,
                  "', but the kernel was compiled for ", dim.name, " = ",
                  dim.extent);
    if (owner && slots[dim.slot] != extent)
      return fail(ATTN_STATUS_SIZE_MISMATCH, "dimension ", dim.name, " has ",
                  slots[dim.slot], " elements in '", owner->name, "' but ",
                  extent, " in '", param.name, "'");
    if (!owner) {
      owner = &param;
      slots[dim.slot] = extent;
    }
  }
  return ATTN_STATUS_OK;
}

attn_status_t ArgumentBinder::bindStrides(const attn_param_desc &param,
                                          const DLTensor &tensor) {
  // The number of elements first: row-major strides follow from it. Zeros are
  // left out, so that no product of other extents can overflow either.
  auto overflow = [&] {
    return fail(ATTN_STATUS_SIZE_OVERFLOW, "argument '", param.name,
                "': its size in bytes is more than an address can hold");
  };
  int64_t bytes = (param.dtype_bits + 7) / 8, size = bytes;
  bool isEmpty = false;
  for (int32_t axis = 0; axis < param.rank; ++axis) {
    int64_t extent = tensor.shape[axis];
    isEmpty |= extent == 0;
    if (__builtin_mul_overflow(size, std::max<int64_t>(extent, 1), &size))
      return overflow();
  }

  int64_t reach = bytes;
  for (int32_t axis = 0; axis < param.rank; ++axis) {
    const char *dim = kernel.desc->dims[param.dims[axis]].name;
    int64_t stride = strideOf(tensor, axis);
    if (axis == param.rank - 1 && stride != 1 && !isEmpty)
      return fail(ATTN_STATUS_BAD_STRIDE, "argument '", param.name,
                  "': the stride of its innermost dimension ", dim,
                  " must be 1, found ", stride);
    if (isOutput(param) && !isEmpty && stride == 0 && tensor.shape[axis] > 1)
      return fail(ATTN_STATUS_BAD_STRIDE, "output '", param.name,
                  "': its elements along dimension ", dim,
                  " lie on each other (stride 0)");
    slots[param.slot + 1 + axis] = stride;
    // The distance from the first element to the last must fit as well.
    int64_t distance;
    if (!isEmpty && (stride == INT64_MIN ||
                     __builtin_mul_overflow(
                         std::abs(stride), tensor.shape[axis] - 1, &distance) ||
                     __builtin_mul_overflow(distance, bytes, &distance) ||
                     __builtin_add_overflow(reach, distance, &reach)))
      return overflow();
  }
  return isOutput(param) && !isEmpty ? checkApart(param, tensor)
                                     : ATTN_STATUS_OK;
}

/// Whether a whole number of steps along one dimension leads to the same
/// address as some along another.
static bool meet(int64_t strideA, int64_t extentA, int64_t strideB,
                 int64_t extentB) {
  if (extentA < 2 || extentB < 2)
    return false;
  int64_t common = std::gcd(strideA, strideB);
  return std::abs(strideB / common) < extentA &&
         std::abs(strideA / common) < extentB;
}

/// No two elements of an output have one address, as far as two dimensions can
/// tell.
attn_status_t ArgumentBinder::checkApart(const attn_param_desc &param,
                                         const DLTensor &tensor) {
  for (int32_t axis = 0; axis < param.rank; ++axis)
    for (int32_t other = axis + 1; other < param.rank; ++other)
      if (meet(strideOf(tensor, axis), tensor.shape[axis],
               strideOf(tensor, other), tensor.shape[other]))
        return fail(ATTN_STATUS_BAD_STRIDE, "output '", param.name,
                    "': its elements along dimensions ",
                    kernel.desc->dims[param.dims[axis]].name, " and ",
                    kernel.desc->dims[param.dims[other]].name,
                    " lie on each other (strides ", strideOf(tensor, axis),
                    " and ", strideOf(tensor, other), ")");
  return ATTN_STATUS_OK;
}

/// All tensors are on one device.
attn_status_t ArgumentBinder::bindDevice(const attn_param_desc &param,
                                         const DLTensor &tensor) {
  ATTN_RETURN_IF_FAILED(checkDevice(kernel, param, tensor));
  int32_t found = tensor.device.device_id;
  if (kernel.isForGpu() && deviceOwner && found != device)
    return fail(ATTN_STATUS_DEVICE_MISMATCH, "argument '", param.name,
                "' is on GPU ", found, ", but '", deviceOwner->name,
                "' is on GPU ", device);
  device = found;
  deviceOwner = &param;
  return ATTN_STATUS_OK;
}

attn_status_t ArgumentBinder::bindTensor(const attn_param_desc &param,
                                         const attn_arg_t &arg) {
  ATTN_RETURN_IF_FAILED(checkTensor(kernel, param, arg));
  ATTN_RETURN_IF_FAILED(bindExtents(param, *arg.tensor));
  ATTN_RETURN_IF_FAILED(bindStrides(param, *arg.tensor));
  ATTN_RETURN_IF_FAILED(checkData(param, *arg.tensor));
  slots[param.slot] = dataAddress(*arg.tensor);
  return ATTN_STATUS_OK;
}

/// Sizes of tensors and scalars of the call: " (B = 1, M = 7, window = 0)".
std::string ArgumentBinder::values() const {
  std::string text;
  auto add = [&](const char *name, auto value) {
    text += concat(text.empty() ? " (" : ", ", name, " = ", value);
  };
  // Other dimensions follow from these, and may be the compiler's.
  for (size_t i = 0; i < owners.size(); ++i)
    if (owners[i])
      add(kernel.dims()[i].name, slots[kernel.dims()[i].slot]);
  for (const attn_param_desc &param : kernel.params()) {
    if (isTensor(param))
      continue;
    if (param.dtype_code == kDLFloat)
      add(param.name, std::bit_cast<double>(slots[param.slot]));
    else
      add(param.name, slots[param.slot]);
  }
  return text.empty() ? text : text + ")";
}

attn_status_t ArgumentBinder::runPlan() {
  for (const attn_dim_desc &dim : kernel.dims())
    if (dim.kind == ATTN_EXTENT_STATIC)
      slots[dim.slot] = dim.extent;
  // What tensors of a defined dimension say is compared with what plan says.
  std::vector<int64_t> found;
  for (const attn_dim_desc &dim : kernel.dims())
    found.push_back(slots[dim.slot]);

  int64_t violated = kernel.desc->plan(slots.data());
  if (violated >= 0)
    return fail(
        ATTN_STATUS_REQUIREMENT, "spec '", kernel.desc->name, "' requires: ",
        violated < kernel.desc->num_checks ? kernel.desc->checks[violated]
                                           : "a condition without a text",
        values());
  for (size_t i = 0; i < found.size(); ++i) {
    const attn_dim_desc &dim = kernel.dims()[i];
    if (dim.kind != ATTN_EXTENT_DEFINED)
      continue;
    int64_t extent = slots[dim.slot];
    if (extent < 0)
      return fail(ATTN_STATUS_SIZE_OVERFLOW, "dimension ", dim.name,
                  " is defined as ", extent, values());
    if (owners[i] && found[i] != extent)
      return fail(ATTN_STATUS_SIZE_MISMATCH, "dimension ", dim.name, " has ",
                  found[i], " elements in '", owners[i]->name,
                  "', but its definition gives ", extent);
  }
  return ATTN_STATUS_OK;
}

attn_status_t ArgumentBinder::bind(std::span<const attn_arg_t> args,
                                   Outputs outputs) {
  ATTN_RETURN_IF_FAILED(match(args, outputs));
  for (size_t i = 0; i < given.size(); ++i) {
    const attn_param_desc &param = kernel.params()[i];
    if (outputs == Outputs::Ignored && isOutput(param))
      continue;
    // Only the extents are wanted where the outputs are not: any memory will
    // do.
    if (isTensor(param)) {
      ATTN_RETURN_IF_FAILED(bindTensor(param, *given[i]));
      if (outputs == Outputs::Required)
        ATTN_RETURN_IF_FAILED(bindDevice(param, *given[i]->tensor));
    } else if (given[i]) {
      ATTN_RETURN_IF_FAILED(bindScalar(param, *given[i]));
    } else {
      slots[param.slot] = param.default_bits;
    }
  }
  for (size_t i = 0; i < owners.size(); ++i)
    if (!owners[i] && kernel.dims()[i].kind == ATTN_EXTENT_BOUND)
      return fail(ATTN_STATUS_INTERNAL, "no tensor of spec '",
                  kernel.desc->name, "' has dimension ", kernel.dims()[i].name);
  return runPlan();
}
