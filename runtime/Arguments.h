//===- Arguments.h - From the arguments of a call to its slots --*- C++ -*-===//

#ifndef ATTN_RUNTIME_ARGUMENTS_H
#define ATTN_RUNTIME_ARGUMENTS_H

#include "runtime/Kernel.h"

#include <span>
#include <string>
#include <vector>

namespace attn::runtime {

/// Which arguments a call has to give.
enum class Outputs { Required, Ignored };

/// Checks arguments against the parameters of a kernel and fills the slots that
/// they decide: extents, strides, addresses, scalars; then runs the kernel's
/// own plan function, which fills the rest.
class ArgumentBinder {
public:
  ArgumentBinder(const KernelImage &kernel, std::span<int64_t> slots)
      : kernel(kernel), slots(slots), owners(kernel.dims().size()) {}

  attn_status_t bind(std::span<const attn_arg_t> args, Outputs outputs);
  /// The device where the tensors are.
  int32_t deviceId() const { return device; }

private:
  attn_status_t match(std::span<const attn_arg_t> args, Outputs outputs);
  attn_status_t bindScalar(const attn_param_desc &param, const attn_arg_t &arg);
  attn_status_t bindTensor(const attn_param_desc &param, const attn_arg_t &arg);
  attn_status_t bindDevice(const attn_param_desc &param,
                           const DLTensor &tensor);
  attn_status_t bindExtents(const attn_param_desc &param,
                            const DLTensor &tensor);
  attn_status_t bindStrides(const attn_param_desc &param,
                            const DLTensor &tensor);
  attn_status_t checkApart(const attn_param_desc &param,
                           const DLTensor &tensor);
  attn_status_t runPlan();
  std::string values() const;

  const KernelImage &kernel;
  std::span<int64_t> slots;
  /// For each dimension, the tensor that its extent was read from.
  std::vector<const attn_param_desc *> owners;
  int32_t device = 0;
  const attn_param_desc *deviceOwner = nullptr;
  /// For each parameter, its argument or null.
  std::vector<const attn_arg_t *> given;
};

/// The parameter called \p arg.name, or a failure.
attn_status_t findParam(const KernelImage &kernel, const attn_arg_t &arg,
                        size_t &index);

/// Checks that \p tensor is in memory of the kind that the kernel works on.
attn_status_t checkDevice(const KernelImage &kernel,
                          const attn_param_desc &param, const DLTensor &tensor);

/// Checks what does not depend on other arguments: that \p arg is a tensor with
/// the type and rank of \p param, and may be written to if it is an output.
attn_status_t checkTensor(const KernelImage &kernel,
                          const attn_param_desc &param, const attn_arg_t &arg);

/// Checks where the data is, for tensors that have any.
attn_status_t checkData(const attn_param_desc &param, const DLTensor &tensor);

/// The address of the first element.
inline int64_t dataAddress(const DLTensor &tensor) {
  return int64_t(reinterpret_cast<uintptr_t>(tensor.data) +
                 uintptr_t(tensor.byte_offset));
}

/// The stride of \p axis in elements, as the kernel sees it: where the axis has
/// at most one element its stride means nothing and is taken as 1 for the
/// innermost. Empty tensors are never indexed.
int64_t strideOf(const DLTensor &tensor, int32_t axis);

} // namespace attn::runtime

#endif // ATTN_RUNTIME_ARGUMENTS_H
