//===- Launches.cpp - What a plan launches, and other choices -------------===//

#include "runtime/Plan.h"
#include "runtime/Status.h"

using namespace attn::runtime;

int32_t attn_plan_num_launches(const attn_plan_t *plan, int32_t stage) {
  if (stage < 0 || stage >= attn_plan_num_stages(plan) || !plan->gpu)
    return 0;
  return plan->kernel->stages()[stage].num_launches;
}

static attn_status_t checkStage(const attn_plan_t *plan, int32_t stage,
                                const void *place) {
  if (!plan || !place)
    return fail(ATTN_STATUS_INVALID_ARGUMENT,
                "launches: the plan, or the place for the answer, is null");
  if (!plan->gpu)
    return fail(ATTN_STATUS_UNSUPPORTED_DEVICE, "spec '",
                plan->kernel->desc->name,
                "' was compiled for a CPU, which has no launches");
  if (stage >= 0 && stage < attn_plan_num_stages(plan))
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_INVALID_ARGUMENT, "spec '", plan->kernel->desc->name,
              "' has no stage ", stage);
}

attn_status_t attn_plan_launch(const attn_plan_t *plan, int32_t stage,
                               int32_t launch, attn_launch_info_t *info) {
  return guard([&] {
    ATTN_RETURN_IF_FAILED(checkStage(plan, stage, info));
    if (launch < 0 || launch >= attn_plan_num_launches(plan, stage))
      return fail(ATTN_STATUS_INVALID_ARGUMENT, "stage ", stage, " of spec '",
                  plan->kernel->desc->name, "' has no launch ", launch);
    const attn_launch_desc &desc =
        plan->kernel->stages()[stage].launches[launch];
    *info = {desc.symbol, cuda::mostParts(desc, plan->slots)};
    return ATTN_STATUS_OK;
  });
}

static attn_choice_t choiceOf(const KernelImage &kernel,
                              const cuda::GpuPlan &plan, int32_t stage) {
  const cuda::Launch &launch = plan.launches[stage];
  return {int32_t(launch.desc - kernel.stages()[stage].launches), launch.parts};
}

attn_status_t attn_plan_choice(const attn_plan_t *plan, int32_t stage,
                               attn_choice_t *choice) {
  return guard([&] {
    ATTN_RETURN_IF_FAILED(checkStage(plan, stage, choice));
    *choice = choiceOf(*plan->kernel, *plan->gpu, stage);
    return ATTN_STATUS_OK;
  });
}

attn_status_t attn_plan_choose(attn_plan_t *plan, int32_t stage,
                               const attn_choice_t *choice) {
  return guard([&] {
    ATTN_RETURN_IF_FAILED(checkStage(plan, stage, plan));
    // As a whole, since the launches share the workspace.
    cuda::GpuPlan changed = *plan->gpu;
    changed.wishes[stage].reset();
    if (choice) {
      attn_launch_info_t info;
      ATTN_RETURN_IF_FAILED(
          attn_plan_launch(plan, stage, choice->launch, &info));
      if (choice->parts < 0 || choice->parts > info.most_parts)
        return fail(ATTN_STATUS_INVALID_ARGUMENT, info.name,
                    " can have its items in 1 to ", info.most_parts,
                    " parts, not in ", choice->parts);
      changed.wishes[stage] = *choice;
    }
    ATTN_RETURN_IF_FAILED(cuda::planLaunches(*plan->kernel, plan->slots,
                                             plan->gpu->gpu->ordinal, changed));
    if (choice &&
        choiceOf(*plan->kernel, changed, stage).launch != choice->launch)
      return fail(ATTN_STATUS_BAD_ALIGNMENT, "spec '", plan->kernel->desc->name,
                  "': launch ", choice->launch, " of stage ", stage,
                  " needs tensors whose data and strides are multiples of 16 "
                  "bytes");
    plan->gpu = std::move(changed);
    return ATTN_STATUS_OK;
  });
}
