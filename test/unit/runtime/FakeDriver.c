/*===- FakeDriver.c - A CUDA driver without a GPU -----------------*- C -*-===*/

#include "FakeDriver.h"

#include <stdlib.h>
#include <string.h>

static FakeState state = {.capability = 90};
static int contexts[2];
static void *current[8]; /* a stack */
static int numCurrent;

FakeState *fakeDriver(void) { return &state; }

static int fromEnvironment(const char *name, int otherwise) {
  const char *value = getenv(name);
  return value ? atoi(value) : otherwise;
}

int cuInit(unsigned flags) {
  (void)flags;
  return fromEnvironment("FAKE_DRIVER_INIT", 0);
}
int cuDriverGetVersion(int *version) {
  *version = 12040;
  return 0;
}
int cuGetErrorString(int error, const char **text) {
  *text = error == 2 ? "out of memory" : "a fault of the test";
  return 0;
}
int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return 0;
}
int cuDeviceGetCount(int *count) {
  *count = fromEnvironment("FAKE_DRIVER_GPUS", 2);
  return 0;
}
int cuDeviceGetName(char *name, int length, int device) {
  strncpy(name, device ? "Another GPU" : "A GPU", (size_t)length);
  return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  (void)device;
  *value = attribute == 16   ? 10
           : attribute == 75 ? state.capability / 10
                             : state.capability % 10;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = &contexts[device];
  return state.retainResult;
}
int cuCtxPushCurrent_v2(void *context) {
  current[numCurrent++] = context;
  return 0;
}
int cuCtxPopCurrent_v2(void **context) {
  *context = current[--numCurrent];
  return 0;
}
int cuStreamGetCtx(void *stream, void **context) {
  *context = stream == &state.stream ? &contexts[0] : &contexts[1];
  return 0;
}
int cuModuleLoadData(void **module, const void *image) {
  *module = (void *)image;
  ++state.numLoads;
  return state.loadResult;
}
int cuModuleUnload(void *module) {
  (void)module;
  return 0;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  *function = (void *)name;
  /* Text has the names of its kernels; a cubin is not looked into. */
  if (memcmp(module, "\177ELF", 4) && !strstr(module, name))
    return 500; /* CUDA_ERROR_NOT_FOUND */
  return state.functionResult;
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  (void)function;
  (void)attribute;
  (void)value;
  return 0;
}
int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY,
                   unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned sharedBytes, void *stream,
                   void **parameters, void **extra) {
  (void)gridY, (void)gridZ, (void)blockY, (void)blockZ, (void)extra;
  if (state.launchResult)
    return state.launchResult;
  FakeLaunch *launch = &state.launches[state.numLaunches++ % FakeMaxLaunches];
  strncpy(launch->symbol, function, sizeof launch->symbol - 1);
  launch->blocks = gridX;
  launch->threads = blockX;
  launch->sharedBytes = sharedBytes;
  launch->stream = stream;
  launch->overlaps = 0;
  /* The kernels of the tests have 26 slots. */
  memcpy(launch->slots, parameters[0], 26 * sizeof(int64_t));
  return 0;
}
/* As CUlaunchConfig begins. */
typedef struct launch_config {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  void *stream;
} launch_config;
int cuLaunchKernelEx(const launch_config *config, void *function,
                     void **parameters, void **extra) {
  int result =
      cuLaunchKernel(function, config->gridX, config->gridY, config->gridZ,
                     config->blockX, config->blockY, config->blockZ,
                     config->sharedBytes, config->stream, parameters, extra);
  if (!result)
    state.launches[(state.numLaunches - 1) % FakeMaxLaunches].overlaps = 1;
  return result;
}
int cuMemAllocAsync(uint64_t *address, size_t bytes, void *stream) {
  (void)stream;
  if (state.allocResult)
    return state.allocResult;
  ++state.numAllocations;
  state.allocatedBytes = bytes;
  *address = (uint64_t)(uintptr_t)malloc(bytes);
  return 0;
}
int cuMemFreeAsync(uint64_t address, void *stream) {
  (void)stream;
  ++state.numFrees;
  free((void *)(uintptr_t)address);
  return 0;
}
int cuMemsetD32Async(uint64_t address, unsigned value, size_t count,
                     void *stream) {
  (void)stream;
  if (state.memsetResult)
    return state.memsetResult;
  for (size_t i = 0; i != count; ++i)
    memcpy((char *)(uintptr_t)address + i * sizeof value, &value, sizeof value);
  return 0;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes,
                         void *stream) {
  (void)stream;
  memcpy((void *)(uintptr_t)to, from, bytes);
  return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
  (void)stream;
  memcpy(to, (void *)(uintptr_t)from, bytes);
  return 0;
}
int cuStreamSynchronize(void *stream) {
  (void)stream;
  return 0;
}
int cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *address,
                           const uint64_t *extents, const uint64_t *strides,
                           const uint32_t *box, const uint32_t *steps,
                           int interleave, int swizzle, int promotion,
                           int fill) {
  (void)map, (void)type, (void)address, (void)steps, (void)interleave,
      (void)swizzle, (void)promotion, (void)fill;
  ++state.numEncodes;
  if (!numCurrent)
    return 201; /* CUDA_ERROR_INVALID_CONTEXT */
  memcpy(state.extents, extents, rank * sizeof *extents);
  memcpy(state.boxes, box, rank * sizeof *box);
  memcpy(state.strides, strides, (rank - 1) * sizeof *strides);
  return state.encodeResult;
}
