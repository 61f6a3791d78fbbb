//===- Gpu.cpp - A GPU, and the code that is loaded on it -----------------===//

#include "runtime/cuda/Gpu.h"
#include "runtime/Status.h"

using namespace attn::runtime;
using namespace attn::runtime::cuda;

//===----------------------------------------------------------------------===//
// GPUs
//===----------------------------------------------------------------------===//

static attn_status_t openGpu(const Driver &driver, int ordinal, Gpu &gpu) {
  int count = 0, major = 0, minor = 0;
  driver.cuDeviceGetCount(&count);
  if (ordinal < 0 || ordinal >= count)
    return fail(ATTN_STATUS_DEVICE_MISMATCH, "there is no GPU ", ordinal,
                "; this machine has ", count);
  Device device;
  gpu.driver = &driver;
  gpu.ordinal = ordinal;
  Result result = driver.cuDeviceGet(&device, ordinal);
  if (result == success)
    result = driver.cuDeviceGetName(gpu.name, sizeof gpu.name, device);
  auto ask = [&](int attribute, int &value) {
    if (result == success)
      result = driver.cuDeviceGetAttribute(&value, attribute, device);
  };
  ask(multiprocessorCount, gpu.multiprocessors);
  ask(capabilityMajor, major);
  ask(capabilityMinor, minor);
  gpu.capability = 10 * major + minor;
  // Held for the life of the process: frameworks do the same.
  if (result == success)
    result = driver.cuDevicePrimaryCtxRetain(&gpu.context, device);
  if (result != success)
    return fail(result == outOfMemory ? ATTN_STATUS_OUT_OF_MEMORY
                                      : ATTN_STATUS_DEVICE_ERROR,
                "GPU ", ordinal, " cannot be used: ", driver.text(result));
  return ATTN_STATUS_OK;
}

attn_status_t attn::runtime::cuda::findGpu(int ordinal, const Gpu **gpu) {
  static std::mutex mutex;
  static auto &gpus = *new std::map<int, Gpu>;
  const Driver *driver;
  ATTN_RETURN_IF_FAILED(findDriver(&driver));
  std::lock_guard lock(mutex);
  auto known = gpus.find(ordinal);
  if (known == gpus.end()) {
    Gpu opened;
    ATTN_RETURN_IF_FAILED(openGpu(*driver, ordinal, opened));
    known = gpus.emplace(ordinal, opened).first;
  }
  *gpu = &known->second;
  return ATTN_STATUS_OK;
}

//===----------------------------------------------------------------------===//
// Images
//===----------------------------------------------------------------------===//

LoadedImage::~LoadedImage() {
  if (modules.empty())
    return;
  CurrentContext current(*gpu);
  for (Module module : modules)
    gpu->driver->cuModuleUnload(module);
}

/// "9.0" of 90.
static std::string dotted(int version) {
  return concat(version / 10, ".", version % 10);
}

/// Whether code for one capability runs on a GPU of another: code of sm_90a on
/// no other, machine code within a major number, PTX on everything later.
static attn_status_t checkCapability(const attn_spec_desc &desc,
                                     const Gpu &gpu) {
  const attn_image_desc &image = *desc.image;
  bool fits = gpu.capability >= image.capability;
  if (image.is_exact)
    fits = gpu.capability == image.capability;
  else if (!image.is_ptx)
    fits &= gpu.capability / 10 == image.capability / 10;
  if (fits)
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_UNSUPPORTED_GPU, "spec '", desc.name,
              "' was compiled for target '", desc.target,
              "', which needs compute capability ", dotted(image.capability),
              ", but GPU ", gpu.ordinal, " has ", dotted(gpu.capability));
}

static attn_status_t loadFailed(const attn_spec_desc &desc, const Gpu &gpu,
                                Result result) {
  const Driver &driver = *gpu.driver;
  if (result == unsupportedPtxVersion)
    return fail(ATTN_STATUS_DRIVER_TOO_OLD, "spec '", desc.name,
                "' is PTX of version ", dotted(desc.image->ptx_version),
                ", which the driver (CUDA ", driver.version / 1000, ".",
                driver.version % 1000 / 10,
                ") does not know: update the driver, or build the kernel where "
                "attnc finds ptxas");
  if (result == outOfMemory)
    return fail(ATTN_STATUS_OUT_OF_MEMORY, "spec '", desc.name,
                "': no memory on GPU ", gpu.ordinal, " for its code");
  return fail(ATTN_STATUS_LOAD_FAILED, "spec '", desc.name, "': GPU ",
              gpu.ordinal, " does not take its code: ", driver.text(result));
}

static attn_status_t findFunction(const attn_spec_desc &desc, const Gpu &gpu,
                                  const LoadedImage &image,
                                  const attn_launch_desc &launch,
                                  Function &function) {
  const Driver &driver = *gpu.driver;
  Result result = driver.cuModuleGetFunction(
      &function, image.modules[launch.code], launch.symbol);
  if (result == success && launch.shared_bytes > 0)
    result = driver.cuFuncSetAttribute(function, maxDynamicSharedBytes,
                                       launch.shared_bytes);
  if (result == success)
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_LOAD_FAILED, "spec '", desc.name, "': its kernel ",
              launch.symbol, " cannot be used: ", driver.text(result));
}

static attn_status_t load(const attn_spec_desc &desc, const Gpu &gpu,
                          LoadedImage &image) {
  ATTN_RETURN_IF_FAILED(checkCapability(desc, gpu));
  const Driver &driver = *gpu.driver;
  CurrentContext current(gpu);
  image.gpu = &gpu;
  for (int32_t i = 0; i < desc.image->num_codes; ++i) {
    Module module;
    Result result = driver.cuModuleLoadData(&module, desc.image->codes[i].data);
    if (result != success)
      return loadFailed(desc, gpu, result);
    image.modules.push_back(module);
  }
  for (int32_t i = 0; i < desc.num_stages; ++i) {
    const attn_stage_desc &stage = desc.stages[i];
    auto &functions = image.functions.emplace_back();
    for (int32_t j = 0; j < stage.num_launches; ++j) {
      const attn_launch_desc &launch = stage.launches[j];
      LoadedImage::Functions &found = functions.emplace_back();
      ATTN_RETURN_IF_FAILED(
          findFunction(desc, gpu, image, launch, found.kernel));
      if (launch.merge)
        ATTN_RETURN_IF_FAILED(
            findFunction(desc, gpu, image, *launch.merge, found.merge));
    }
  }
  return ATTN_STATUS_OK;
}

attn_status_t LoadedImages::get(const attn_spec_desc &desc, const Gpu &gpu,
                                const LoadedImage **image) {
  std::lock_guard lock(mutex);
  std::unique_ptr<LoadedImage> &entry = images[gpu.ordinal];
  if (!entry) {
    auto fresh = std::make_unique<LoadedImage>();
    ATTN_RETURN_IF_FAILED(load(desc, gpu, *fresh));
    entry = std::move(fresh);
  }
  *image = entry.get();
  return ATTN_STATUS_OK;
}
