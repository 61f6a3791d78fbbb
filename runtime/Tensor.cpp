//===- Tensor.cpp - Checks of one tensor ----------------------------------===//

#include "runtime/Arguments.h"
#include "runtime/Describe.h"
#include "runtime/Status.h"

using namespace attn::runtime;

/// Whether memory of type \p found can be read as \p expected. An 8-bit integer
/// is stored the same way whatever a host calls it.
static bool isCompatible(DLDataType expected, DLDataType found) {
  constexpr unsigned boolCode = 6;
  auto isByte = [](DLDataType type) {
    return type.bits == 8 && (type.code == kDLInt || type.code == kDLUInt ||
                              unsigned(type.code) == boolCode);
  };
  return found.lanes == 1 &&
         ((expected.code == found.code && expected.bits == found.bits) ||
          (isByte(expected) && isByte(found)));
}

attn_status_t attn::runtime::checkDevice(const KernelImage &kernel,
                                         const attn_param_desc &param,
                                         const DLTensor &tensor) {
  DLDeviceType expected = kernel.isForGpu() ? kDLCUDA : kDLCPU;
  if (tensor.device.device_type != expected)
    return fail(ATTN_STATUS_UNSUPPORTED_DEVICE, "argument '", param.name,
                "': expected memory of ",
                kernel.isForGpu() ? "a CUDA GPU" : "the CPU",
                ", found DLPack device type ", int(tensor.device.device_type));
  return ATTN_STATUS_OK;
}

attn_status_t attn::runtime::checkTensor(const KernelImage &kernel,
                                         const attn_param_desc &param,
                                         const attn_arg_t &arg) {
  if (arg.kind != ATTN_ARG_TENSOR || !arg.tensor)
    return fail(ATTN_STATUS_KIND_MISMATCH, "argument '", param.name,
                "': expected ", describe(kernel, param), ", found ",
                arg.kind == ATTN_ARG_TENSOR ? "a null tensor" : "a scalar");
  const DLTensor &tensor = *arg.tensor;
  if (!isCompatible(elementType(param), tensor.dtype))
    return fail(ATTN_STATUS_TYPE_MISMATCH, "argument '", param.name,
                "': expected ", describe(kernel, param), ", found elements of ",
                describe(tensor.dtype));
  if (tensor.ndim != param.rank)
    return fail(ATTN_STATUS_RANK_MISMATCH, "argument '", param.name,
                "': expected ", describe(kernel, param), " of rank ",
                param.rank, ", found rank ", tensor.ndim);
  if (tensor.ndim > 0 && !tensor.shape)
    return fail(ATTN_STATUS_INVALID_ARGUMENT, "argument '", param.name,
                "': its shape is null");
  if (isOutput(param) && (arg.flags & ATTN_ARG_READ_ONLY))
    return fail(ATTN_STATUS_READ_ONLY, "output '", param.name,
                "': its memory is read-only");
  return ATTN_STATUS_OK;
}

attn_status_t attn::runtime::checkData(const attn_param_desc &param,
                                       const DLTensor &tensor) {
  for (int32_t axis = 0; axis < tensor.ndim; ++axis)
    if (tensor.shape[axis] == 0)
      return ATTN_STATUS_OK;
  if (!tensor.data)
    return fail(ATTN_STATUS_NULL_DATA, "argument '", param.name,
                "': its data is null");
  int64_t bytes = (param.dtype_bits + 7) / 8;
  if (dataAddress(tensor) % bytes != 0)
    return fail(ATTN_STATUS_BAD_ALIGNMENT, "argument '", param.name,
                "': its data is not aligned to its elements of ", bytes,
                " bytes");
  return ATTN_STATUS_OK;
}

int64_t attn::runtime::strideOf(const DLTensor &tensor, int32_t axis) {
  if (axis == tensor.ndim - 1 && tensor.shape[axis] <= 1)
    return 1;
  if (tensor.strides)
    return tensor.strides[axis];
  int64_t stride = 1;
  for (int32_t inner = axis + 1; inner < tensor.ndim; ++inner)
    stride *= tensor.shape[inner];
  return stride;
}
