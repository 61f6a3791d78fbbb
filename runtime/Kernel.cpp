//===- Kernel.cpp - Loads kernels and says what they are ------------------===//

#include "runtime/Kernel.h"
#include "runtime/Describe.h"
#include "runtime/Status.h"
#include "runtime/cpu/CpuFeatures.h"

#include <bit>
#include <dlfcn.h>
#include <unistd.h>

using namespace attn::runtime;

KernelImage::~KernelImage() {
  if (library)
    dlclose(library);
}

static bool isLaunch(const attn_spec_desc &desc,
                     const attn_launch_desc &launch) {
  auto isSlot = [&](int32_t slot, int32_t lowest) {
    return slot >= lowest && slot < desc.num_slots;
  };
  bool hasTiles = launch.tile_cycles != 0 || launch.merge;
  int32_t lastSlot = launch.draws_items ? 6 : hasTiles ? 5 : 2;
  if (!launch.symbol || !isSlot(launch.items_slot, 0) ||
      !isSlot(launch.items_slot + lastSlot, 0) || launch.threads < 1 ||
      launch.shared_bytes < 0 || launch.blocks_per_sm < 0 ||
      launch.num_maps < 0 || launch.tile_cycles < 0 || launch.code < 0 ||
      launch.code >= desc.image->num_codes)
    return false;
  for (int32_t j = 0; j < launch.num_maps; ++j) {
    const attn_map_desc &map = launch.maps[j];
    if (!isSlot(map.slot, 0) || !map.dims)
      return false;
    for (int32_t k = 0; k < map.rank; ++k)
      if (!isSlot(map.dims[k].extent_slot, -1) ||
          !isSlot(map.dims[k].stride_slot, -1) ||
          !isSlot(map.dims[k].box_slot, -1) ||
          !isSlot(map.dims[k].step_slot, -1))
        return false;
  }
  // What merges is not cut itself, and reads no tensor through maps.
  return !launch.merge || (!launch.merge->merge && !launch.merge->num_maps &&
                           isLaunch(desc, *launch.merge));
}

/// The same of the launches of a stage.
static bool hasLaunches(const attn_spec_desc &desc,
                        const attn_stage_desc &stage) {
  if (stage.num_launches < 1 || !stage.launches)
    return false;
  for (int32_t i = 0; i < stage.num_launches; ++i)
    if (!isLaunch(desc, stage.launches[i]))
      return false;
  return true;
}

static bool isImage(const attn_image_desc &image) {
  if (image.num_codes < 1 || !image.codes)
    return false;
  for (int32_t i = 0; i < image.num_codes; ++i)
    if (!image.codes[i].data || image.codes[i].size < 1)
      return false;
  return true;
}

/// Whether every slot and index of \p desc lies where it says it does, so that
/// a file that is not ours is refused instead of being believed.
static bool isWellFormed(const attn_spec_desc &desc) {
  if (!desc.name || !desc.target || !desc.features || !desc.plan ||
      desc.num_slots < 0 || desc.num_dims < 0 || desc.num_params < 0 ||
      desc.num_buffers < 0 || desc.num_stages < 0 || desc.num_checks < 0)
    return false;
  if (desc.image && !isImage(*desc.image))
    return false;
  auto hasSlots = [&](int64_t first, int64_t count) {
    return first >= 0 && first + count <= desc.num_slots;
  };
  for (int32_t i = 0; i < desc.num_dims; ++i)
    if (!desc.dims[i].name || !hasSlots(desc.dims[i].slot, 1))
      return false;
  for (int32_t i = 0; i < desc.num_params; ++i) {
    const attn_param_desc &param = desc.params[i];
    if (!param.name || param.rank < 0 ||
        !hasSlots(param.slot, 1 + int64_t(param.rank)))
      return false;
    for (int32_t axis = 0; axis < param.rank; ++axis)
      if (param.dims[axis] < 0 || param.dims[axis] >= desc.num_dims)
        return false;
  }
  auto hasStrip = [&](int32_t slot) {
    return slot == -1 || hasSlots(slot, ATTN_STRIP_SLOTS);
  };
  for (int32_t i = 0; i < desc.num_buffers; ++i) {
    const attn_buffer_desc &buffer = desc.buffers[i];
    if (!hasSlots(buffer.slot, 2) || !hasStrip(buffer.strip_slot) ||
        (buffer.strip_slot >= 0 && !hasSlots(buffer.skipped_slot, 1)))
      return false;
  }
  if (desc.slices_slot != -1 && !hasSlots(desc.slices_slot, 1))
    return false;
  for (int32_t i = 0; i < desc.num_passes; ++i) {
    const attn_pass_desc &pass = desc.passes[i];
    if (!hasStrip(pass.strip_slot))
      return false;
    for (int32_t j = 0; j < pass.num_stages; ++j) {
      int32_t stage = pass.stages[j];
      if (stage < 0 || stage >= desc.num_stages)
        return false;
      int32_t strip = desc.stages[stage].strip_slot;
      if (strip != -1 && strip != pass.strip_slot)
        return false;
    }
  }
  for (int32_t i = 0; i < desc.num_stages; ++i)
    if (desc.image
            ? !hasLaunches(desc, desc.stages[i])
            : !desc.stages[i].run || !hasSlots(desc.stages[i].items_slot, 4) ||
                  !hasStrip(desc.stages[i].strip_slot))
      return false;
  return true;
}

static attn_status_t checkDescriptor(const attn_spec_desc *desc) {
  if (!desc)
    return fail(ATTN_STATUS_INVALID_ARGUMENT, "the spec descriptor is null");
  if (desc->abi_version != ATTN_KERNEL_ABI_VERSION)
    return fail(ATTN_STATUS_ABI_MISMATCH,
                "the kernel was built for ABI version ", desc->abi_version,
                ", but this runtime has version ", ATTN_KERNEL_ABI_VERSION,
                ": build the kernel again with the attnc of this runtime");
  if (!isWellFormed(*desc))
    return fail(ATTN_STATUS_LOAD_FAILED,
                "the descriptor of the kernel is malformed");
  std::string missing = missingCpuFeatures(desc->features);
  if (!missing.empty())
    return fail(ATTN_STATUS_UNSUPPORTED_CPU, "spec '", desc->name,
                "' was compiled for target '", desc->target,
                "', but this CPU lacks: ", missing);
  return ATTN_STATUS_OK;
}

static attn_status_t makeKernel(std::shared_ptr<KernelImage> image,
                                attn_kernel_t **kernel) {
  ATTN_RETURN_IF_FAILED(checkDescriptor(image->desc));
  *kernel = new attn_kernel_t{std::move(image)};
  return ATTN_STATUS_OK;
}

/// The only spec of a library, or the one called \p name.
static attn_status_t findSpec(void *library, std::string_view path,
                              const char *name, const attn_spec_desc **desc) {
  if (name) {
    std::string symbol = concat("attn_spec_", name);
    if ((*desc = static_cast<const attn_spec_desc *>(
             dlsym(library, symbol.c_str()))))
      return ATTN_STATUS_OK;
  }
  auto *module =
      static_cast<const attn_module_desc *>(dlsym(library, ATTN_MODULE_SYMBOL));
  if (!module)
    return fail(ATTN_STATUS_LOAD_FAILED, "'", path,
                "' is a shared library, but not one built by attnc: it has no "
                "symbol " ATTN_MODULE_SYMBOL);
  if (!name && module->num_specs == 1) {
    *desc = module->specs[0];
    return ATTN_STATUS_OK;
  }
  std::string names;
  for (int64_t i = 0; i < module->num_specs; ++i)
    names += concat(i ? ", " : "", module->specs[i]->name);
  if (!name)
    return fail(ATTN_STATUS_NOT_FOUND, "'", path, "' holds ", module->num_specs,
                " specs, name one: ", names);
  return fail(ATTN_STATUS_NOT_FOUND, "'", path, "' holds no spec '", name,
              "'; it holds: ", names);
}

attn_status_t attn_kernel_load(const char *path, const char *name,
                               attn_kernel_t **kernel) {
  return guard([&] {
    if (!path || !kernel)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_kernel_load: the path or the place for the kernel is "
                  "null");
    *kernel = nullptr;
    // A plain name would be looked for on the search path of the linker.
    std::string file = path;
    if (file.find('/') == std::string::npos)
      file.insert(0, "./");
    auto image = std::make_shared<KernelImage>();
    image->library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!image->library) {
      const char *reason = dlerror();
      return fail(access(file.c_str(), F_OK) ? ATTN_STATUS_NOT_FOUND
                                             : ATTN_STATUS_LOAD_FAILED,
                  "cannot load '", path,
                  "': ", reason ? reason : "unknown reason");
    }
    ATTN_RETURN_IF_FAILED(findSpec(image->library, path, name, &image->desc));
    return makeKernel(std::move(image), kernel);
  });
}

attn_status_t attn_kernel_from_desc(const attn_spec_desc *desc,
                                    attn_kernel_t **kernel) {
  return guard([&] {
    if (!kernel)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_kernel_from_desc: no place for the kernel");
    *kernel = nullptr;
    auto image = std::make_shared<KernelImage>();
    image->desc = desc;
    return makeKernel(std::move(image), kernel);
  });
}

void attn_kernel_free(attn_kernel_t *kernel) { delete kernel; }

const char *attn_kernel_name(const attn_kernel_t *kernel) {
  return kernel ? kernel->image->desc->name : "";
}

const char *attn_kernel_target(const attn_kernel_t *kernel) {
  return kernel ? kernel->image->desc->target : "";
}

int32_t attn_kernel_num_dims(const attn_kernel_t *kernel) {
  return kernel ? kernel->image->desc->num_dims : 0;
}

int32_t attn_kernel_num_params(const attn_kernel_t *kernel) {
  return kernel ? kernel->image->desc->num_params : 0;
}

attn_status_t attn_kernel_dim(const attn_kernel_t *kernel, int32_t index,
                              attn_dim_info_t *info) {
  return guard([&] {
    if (!kernel || !info)
      return fail(
          ATTN_STATUS_INVALID_ARGUMENT,
          "attn_kernel_dim: the kernel or the place for the answer is null");
    if (index < 0 || index >= attn_kernel_num_dims(kernel))
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_kernel_dim: no dimension ", index);
    const attn_dim_desc &dim = kernel->image->desc->dims[index];
    bool isStatic = dim.kind == ATTN_EXTENT_STATIC;
    *info = {dim.name, isStatic ? dim.extent : -1,
             dim.kind == ATTN_EXTENT_DEFINED};
    return ATTN_STATUS_OK;
  });
}

attn_status_t attn_kernel_param(const attn_kernel_t *kernel, int32_t index,
                                attn_param_info_t *info) {
  return guard([&] {
    if (!kernel || !info)
      return fail(
          ATTN_STATUS_INVALID_ARGUMENT,
          "attn_kernel_param: the kernel or the place for the answer is null");
    if (index < 0 || index >= attn_kernel_num_params(kernel))
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_kernel_param: no parameter ", index);
    const attn_param_desc &param = kernel->image->desc->params[index];
    bool isFloat = param.dtype_code == kDLFloat;
    *info = {};
    info->name = param.name;
    info->kind = isTensor(param) ? ATTN_ARG_TENSOR
                 : isFloat       ? ATTN_ARG_FLOAT
                                 : ATTN_ARG_INT;
    info->is_output = isOutput(param);
    info->dtype = elementType(param);
    info->rank = param.rank;
    info->dims = param.dims;
    info->has_default = param.has_default;
    if (param.has_default && isFloat)
      info->default_float = std::bit_cast<double>(param.default_bits);
    else if (param.has_default)
      info->default_int = param.default_bits;
    return ATTN_STATUS_OK;
  });
}
