/*===- linked.c - A program that links a compiled kernel ---------------------*\
|*                                                                            *|
|*   attnc build causal.attn -o causal.o --set D=64,E=64                      *|
|*   attnc build causal.attn -o causal.h --set D=64,E=64                      *|
|*   cc linked.c causal.o -I ROOT/runtime/include -L ROOT/build/lib           *|
|*      -lattn_runtime -ltbb -lstdc++ -lm                                     *|
|*                                                                            *|
|* with ROOT the folder of attnc; run it where the loader finds               *|
|* libattn_runtime.so, or link libattn_runtime.a by its path.                 *|
|*                                                                            *|
|* Sizes but the head sizes are those of the tensors, whatever they are.      *|
\*===----------------------------------------------------------------------===*/

#include "causal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { B = 1, H = 4, N = 100, D = 64, Size = B * H * N * D };

static DLTensor tensor(float *data, int64_t *shape) {
  DLTensor result = {0};
  result.data = data;
  result.device.device_type = kDLCPU;
  result.ndim = 4;
  result.dtype.code = kDLFloat;
  result.dtype.bits = 32;
  result.dtype.lanes = 1;
  result.shape = shape;
  return result;
}

static attn_arg_t argument(const char *name, const DLTensor *value) {
  attn_arg_t result = {0};
  result.name = name;
  result.kind = ATTN_ARG_TENSOR;
  result.tensor = value;
  return result;
}

int main(void) {
  int64_t shape[4] = {B, H, N, D};
  const char *names[4] = {"q", "k", "v", "out"};
  float *data[4];
  DLTensor tensors[4];
  attn_arg_t args[4];
  for (int i = 0; i < 4; ++i) {
    data[i] = malloc(Size * sizeof(float));
    for (int j = 0; j < Size; ++j)
      data[i][j] = (float)(rand() % 2001 - 1000) / 1000;
    tensors[i] = tensor(data[i], shape);
    args[i] = argument(names[i], &tensors[i]);
  }

  attn_kernel_t *kernel = NULL;
  attn_plan_t *plan = NULL;
  int failed = attn_kernel_from_desc(&attn_spec_causal, &kernel) ||
               attn_plan_create(kernel, args, 4, &plan) ||
               attn_plan_run(plan, NULL);
  if (failed)
    fprintf(stderr, "error: %s\n", attn_last_error());

  /* The first position of a head sees itself alone. */
  for (int h = 0; h < H && !failed; ++h)
    for (int d = 0; d < D; ++d) {
      int first = h * N * D + d;
      failed |= fabsf(data[3][first] - data[2][first]) > 1e-6f;
    }
  printf("causal attention of %d heads and %d positions: %s\n", H, N,
         failed ? "WRONG" : "ok");

  attn_plan_free(plan);
  attn_kernel_free(kernel);
  for (int i = 0; i < 4; ++i)
    free(data[i]);
  return failed;
}
