/*===- FakeDriver.h - A CUDA driver without a GPU -----------------*- C -*-===*\
|*                                                                            *|
|* A library with the entries that the runtime looks up in libcuda. "GPU"     *|
|* memory is memory of the host, and a launch is written down instead of run. *|
|* Tests reach its state through fakeDriver(), other programs by variables of *|
|* the environment: FAKE_DRIVER_INIT is what cuInit returns, FAKE_DRIVER_GPUS *|
|* the number of GPUs.                                                        *|
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_TEST_UNIT_RUNTIME_FAKEDRIVER_H
#define ATTN_TEST_UNIT_RUNTIME_FAKEDRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FakeMaxLaunches = 8, FakeMaxSlots = 64 };

typedef struct FakeLaunch {
  char symbol[64];
  unsigned blocks, threads, sharedBytes;
  void *stream;
  int overlaps; /* with the end of the launch before it */
  int64_t slots[FakeMaxSlots];
} FakeLaunch;

typedef struct FakeState {
  /* What the driver answers. */
  int capability, retainResult, loadResult, functionResult, allocResult,
      memsetResult, launchResult, encodeResult;
  /* What it was asked. */
  int numLaunches, numLoads, numAllocations, numFrees, numEncodes;
  size_t allocatedBytes;
  FakeLaunch launches[FakeMaxLaunches];
  uint64_t strides[4], extents[5];
  uint32_t boxes[5];
  /* Stream handles: of GPU 0's primary context, and of another. */
  int stream, otherStream;
} FakeState;

FakeState *fakeDriver(void);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_TEST_UNIT_RUNTIME_FAKEDRIVER_H */
