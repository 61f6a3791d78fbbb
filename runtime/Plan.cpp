//===- Plan.cpp - Decides everything about a call -------------------------===//

#include "runtime/Plan.h"
#include "runtime/Arguments.h"
#include "runtime/Describe.h"
#include "runtime/Slices.h"
#include "runtime/Status.h"
#include "runtime/Workspace.h"

#include <algorithm>

using namespace attn::runtime;

bool attn_plan_t::sizeOf(const attn_buffer_desc &buffer, size_t &bytes) const {
  int64_t all = slots[buffer.slot + 1];
  if (slices > 1 && buffer.is_sliced)
    all = all / slots[kernel->desc->slices_slot] * unitsOfSlice;
  return alignUp(all, bytes);
}

static attn_status_t overflow(const attn_plan_t &plan, std::string_view what,
                              std::string_view name, int64_t value) {
  return fail(ATTN_STATUS_SIZE_OVERFLOW, "spec '", plan.kernel->desc->name,
              "' at these sizes: ", what, name, " is ", value);
}

/// Adds up what the stages need, by what the slots say of them.
static attn_status_t measureStages(attn_plan_t &plan) {
  for (const attn_stage_desc &stage : plan.kernel->stages()) {
    int64_t items = plan.slots[stage.items_slot];
    auto tooMany = [&] {
      return overflow(plan, "the number of work items of stage ", stage.name,
                      items);
    };
    if (items < 0)
      return tooMany();
    size_t aligned;
    int64_t bytes;
    if (stage.is_uneven) {
      if (__builtin_mul_overflow(items, int64_t(sizeof(ItemWork)), &bytes) ||
          !alignUp(bytes, aligned))
        return tooMany();
      plan.orderBytes = std::max(plan.orderBytes, aligned);
    }
    bytes = plan.slots[stage.items_slot + 1];
    if (!alignUp(bytes, aligned))
      return overflow(plan, "the scratch of stage ", stage.name, bytes);
    plan.scratchBytes = std::max(plan.scratchBytes, aligned);
  }
  return ATTN_STATUS_OK;
}

/// Sums up what the kernel's plan function asks for.
static attn_status_t measureWorkspace(attn_plan_t &plan) {
  alignUp(int64_t(plan.slots.size() * sizeof(int64_t)), plan.slotBytes);
  chooseSlices(plan);
  int64_t total = 0;
  for (const attn_buffer_desc &buffer : plan.kernel->buffers()) {
    size_t aligned;
    if (!plan.sizeOf(buffer, aligned) ||
        __builtin_add_overflow(total, int64_t(aligned), &total))
      return overflow(plan, "the size of a buffer", "",
                      plan.slots[buffer.slot + 1]);
  }
  plan.bufferBytes = size_t(total);
  // With fewer lanes, tiles may be smaller, and more.
  if (plan.hasStrips) {
    enterLastStrips(plan);
    ATTN_RETURN_IF_FAILED(measureStages(plan));
    enterFirstStrips(plan);
  }
  return measureStages(plan);
}

static attn_status_t checkList(const void *args, int32_t numArgs) {
  if (numArgs < 0 || (numArgs > 0 && !args))
    return fail(ATTN_STATUS_INVALID_ARGUMENT,
                "the list of arguments is null, or its length is negative");
  return ATTN_STATUS_OK;
}

attn_status_t attn_plan_create(const attn_kernel_t *kernel,
                               const attn_arg_t *args, int32_t numArgs,
                               attn_plan_t **plan) {
  return guard([&] {
    if (!kernel || !plan)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_plan_create: the kernel or the place for the plan is "
                  "null");
    *plan = nullptr;
    ATTN_RETURN_IF_FAILED(checkList(args, numArgs));
    auto result = std::make_unique<attn_plan_t>();
    result->kernel = kernel->image;
    result->slots.resize(kernel->image->desc->num_slots);
    startSmall(*result);
    ArgumentBinder binder(*kernel->image, result->slots);
    ATTN_RETURN_IF_FAILED(
        binder.bind({args, size_t(numArgs)}, Outputs::Required));
    if (kernel->image->isForGpu())
      ATTN_RETURN_IF_FAILED(cuda::planLaunches(*kernel->image, result->slots,
                                               binder.deviceId(),
                                               result->gpu.emplace()));
    else
      ATTN_RETURN_IF_FAILED(measureWorkspace(*result));
    *plan = result.release();
    return ATTN_STATUS_OK;
  });
}

void attn_plan_free(attn_plan_t *plan) { delete plan; }

attn_status_t attn_kernel_shape(const attn_kernel_t *kernel,
                                const attn_arg_t *args, int32_t numArgs,
                                int32_t param, int64_t *shape) {
  return guard([&] {
    if (!kernel)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_kernel_shape: the kernel is null");
    if (param < 0 || param >= kernel->image->desc->num_params)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_kernel_shape: no parameter ", param);
    const attn_param_desc &desc = kernel->image->params()[param];
    if (desc.rank > 0 && !shape)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_kernel_shape: no place for the extents");
    ATTN_RETURN_IF_FAILED(checkList(args, numArgs));
    std::vector<int64_t> slots(kernel->image->desc->num_slots);
    ArgumentBinder binder(*kernel->image, slots);
    ATTN_RETURN_IF_FAILED(
        binder.bind({args, size_t(numArgs)}, Outputs::Ignored));
    for (int32_t axis = 0; axis < desc.rank; ++axis)
      shape[axis] = slots[kernel->image->desc->dims[desc.dims[axis]].slot];
    return ATTN_STATUS_OK;
  });
}

/// A plan of a GPU is bound to other tensors of the same GPU.
static attn_status_t checkSameDevice(const attn_plan_t &plan, const char *name,
                                     const DLTensor &tensor) {
  if (!plan.gpu || tensor.device.device_id == plan.gpu->gpu->ordinal)
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_DEVICE_MISMATCH, "argument '", name, "' is on GPU ",
              tensor.device.device_id, ", but the plan was made for GPU ",
              plan.gpu->gpu->ordinal);
}

/// Checks that \p arg differs in nothing but its data from what was planned.
static attn_status_t checkSame(const attn_plan_t &plan, const attn_arg_t &arg,
                               size_t &index) {
  const KernelImage &kernel = *plan.kernel;
  ATTN_RETURN_IF_FAILED(findParam(kernel, arg, index));
  const attn_param_desc &param = kernel.params()[index];
  if (!isTensor(param))
    return fail(ATTN_STATUS_KIND_MISMATCH, "argument '", param.name,
                "': a plan is bound to other tensors, not to other scalars; "
                "make another plan");
  ATTN_RETURN_IF_FAILED(checkTensor(kernel, param, arg));
  const DLTensor &tensor = *arg.tensor;
  ATTN_RETURN_IF_FAILED(checkDevice(kernel, param, tensor));
  ATTN_RETURN_IF_FAILED(checkSameDevice(plan, param.name, tensor));
  for (int32_t axis = 0; axis < param.rank; ++axis) {
    const attn_dim_desc &dim = kernel.desc->dims[param.dims[axis]];
    if (tensor.shape[axis] != plan.slots[dim.slot])
      return fail(ATTN_STATUS_SIZE_MISMATCH, "dimension ", dim.name, " has ",
                  tensor.shape[axis], " elements in '", param.name,
                  "', but the plan was made for ", plan.slots[dim.slot]);
  }
  for (int32_t axis = 0; axis < param.rank; ++axis) {
    int64_t stride = strideOf(tensor, axis);
    if (stride != plan.slots[param.slot + 1 + axis])
      return fail(ATTN_STATUS_BAD_STRIDE, "argument '", param.name,
                  "': the stride of dimension ",
                  kernel.desc->dims[param.dims[axis]].name, " is ", stride,
                  ", but the plan was made for ",
                  plan.slots[param.slot + 1 + axis]);
  }
  return checkData(param, tensor);
}

attn_status_t attn_plan_bind(attn_plan_t *plan, const attn_arg_t *args,
                             int32_t numArgs) {
  return guard([&] {
    if (!plan)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_plan_bind: the plan is null");
    ATTN_RETURN_IF_FAILED(checkList(args, numArgs));
    size_t index;
    for (int32_t i = 0; i < numArgs; ++i)
      ATTN_RETURN_IF_FAILED(checkSame(*plan, args[i], index));
    std::vector<int64_t> slots = plan->slots;
    for (int32_t i = 0; i < numArgs; ++i) {
      ATTN_RETURN_IF_FAILED(findParam(*plan->kernel, args[i], index));
      slots[plan->kernel->params()[index].slot] = dataAddress(*args[i].tensor);
    }
    // Tensor maps hold addresses, and other addresses may be aligned otherwise.
    if (plan->gpu) {
      cuda::GpuPlan gpu;
      gpu.wishes = plan->gpu->wishes;
      ATTN_RETURN_IF_FAILED(cuda::planLaunches(*plan->kernel, slots,
                                               plan->gpu->gpu->ordinal, gpu));
      plan->gpu = std::move(gpu);
    }
    plan->slots = std::move(slots);
    return ATTN_STATUS_OK;
  });
}
