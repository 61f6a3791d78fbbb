/*===- runtime.h - Load, plan and run compiled attention ----------*- C -*-===*\
|*                                                                            *|
|* The C interface of programs that call kernels built by attnc. It needs no  *|
|* compiler: link libattn_runtime and the kernel, or load the kernel.         *|
|*                                                                            *|
|*   attn_kernel_t *kernel;                                                   *|
|*   attn_plan_t *plan;                                                       *|
|*   if (attn_kernel_load("alibi.so", "alibi", &kernel) ||                    *|
|*       attn_plan_create(kernel, args, num_args, &plan) ||                   *|
|*       attn_plan_run(plan, NULL))                                           *|
|*     fprintf(stderr, "%s\n", attn_last_error());                            *|
|*                                                                            *|
|* Every function that can fail returns a status; none aborts or throws. Its  *|
|* comment names the statuses; where it allocates, ATTN_STATUS_OUT_OF_MEMORY  *|
|* is one more. A function that fails leaves kernels and plans as they were.  *|
|*                                                                            *|
|* Threads: a kernel may be used by any number of threads. A plan may be run  *|
|* by several threads at once if each has a workspace of its own (or none);   *|
|* attn_plan_bind must not overlap a run of the same plan.                    *|
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_RUNTIME_H
#define ATTN_RUNTIME_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ATTN_API __attribute__((visibility("default")))
#else
#define ATTN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*===----------------------------------------------------------------------===*\
|* Status                                                                     *|
\*===----------------------------------------------------------------------===*/

typedef enum attn_status_t {
  ATTN_STATUS_OK = 0,
  ATTN_STATUS_INVALID_ARGUMENT = 1, /* a null handle, an unknown flag, ... */
  /* The kernel. */
  ATTN_STATUS_NOT_FOUND = 2,       /* no such file, or no such spec in it */
  ATTN_STATUS_LOAD_FAILED = 3,     /* a file or code that is no kernel */
  ATTN_STATUS_ABI_MISMATCH = 4,    /* built by another version of attnc */
  ATTN_STATUS_UNSUPPORTED_CPU = 5, /* instructions that this CPU lacks */
  /* The arguments of a call. */
  ATTN_STATUS_MISSING_ARGUMENT = 6,
  ATTN_STATUS_UNKNOWN_ARGUMENT = 7,
  ATTN_STATUS_DUPLICATE_ARGUMENT = 8,
  ATTN_STATUS_KIND_MISMATCH = 9,  /* a tensor for a scalar, ... */
  ATTN_STATUS_TYPE_MISMATCH = 10, /* the element type */
  ATTN_STATUS_RANK_MISMATCH = 11, /* the number of dimensions */
  ATTN_STATUS_SIZE_MISMATCH = 12, /* extents that disagree */
  ATTN_STATUS_SIZE_OVERFLOW = 13, /* negative, or more than memory holds */
  ATTN_STATUS_BAD_STRIDE = 14,    /* innermost not 1, overlapping output */
  ATTN_STATUS_BAD_ALIGNMENT = 15, /* data not aligned to its elements */
  ATTN_STATUS_NULL_DATA = 16,
  ATTN_STATUS_READ_ONLY = 17,          /* an output that may not be written */
  ATTN_STATUS_UNSUPPORTED_DEVICE = 18, /* a tensor in memory of another kind */
  ATTN_STATUS_REQUIREMENT = 19,        /* a condition of the spec on sizes */
  /* The run. */
  ATTN_STATUS_WORKSPACE_TOO_SMALL = 20,
  ATTN_STATUS_OUT_OF_MEMORY = 21,
  /* Compiling in process (attn.hpp). */
  ATTN_STATUS_INVALID_SPEC = 22,       /* the text of the spec is wrong */
  ATTN_STATUS_UNSUPPORTED_TARGET = 23, /* no such target */
  ATTN_STATUS_INTERNAL = 24,           /* a bug of attnc */
  /* GPUs. */
  ATTN_STATUS_NO_DRIVER = 25,       /* no CUDA driver, or no GPU */
  ATTN_STATUS_UNSUPPORTED_GPU = 26, /* code for another kind of GPU */
  ATTN_STATUS_DRIVER_TOO_OLD = 27,  /* for the PTX of the kernel */
  ATTN_STATUS_DEVICE_MISMATCH = 28, /* tensors or a stream of another GPU */
  ATTN_STATUS_DEVICE_ERROR = 29     /* the driver refused or failed */
} attn_status_t;

/* The name of a status, "ATTN_STATUS_OK"; never null. */
ATTN_API const char *attn_status_name(attn_status_t status);

/* What went wrong in the last call of this thread that failed: what, where,
   what was expected and what was found. Never null; valid until the next
   failure of this thread. */
ATTN_API const char *attn_last_error(void);

/*===----------------------------------------------------------------------===*\
|* Kernels                                                                    *|
\*===----------------------------------------------------------------------===*/

typedef struct attn_kernel_t attn_kernel_t;
struct attn_spec_desc;

/* Loads the spec `name` of a shared library built by attnc. A null name means
   the only spec that the library holds. Fails with INVALID_ARGUMENT (a null
   path or place), NOT_FOUND (no such file or spec, or several specs and no
   name), LOAD_FAILED, ABI_MISMATCH or UNSUPPORTED_CPU. */
ATTN_API attn_status_t attn_kernel_load(const char *path, const char *name,
                                        attn_kernel_t **kernel);

/* Takes a spec that is linked into the program or compiled in process:
   &attn_spec_<name>. The descriptor must outlive the kernel and its plans.
   Fails with INVALID_ARGUMENT, LOAD_FAILED (a descriptor that is malformed),
   ABI_MISMATCH or UNSUPPORTED_CPU. */
ATTN_API attn_status_t attn_kernel_from_desc(const struct attn_spec_desc *desc,
                                             attn_kernel_t **kernel);

/* Null is allowed. Plans keep what they need of the kernel alive. On a GPU, one
   of them has to be kept until the last run is done: its code goes with it. */
ATTN_API void attn_kernel_free(attn_kernel_t *kernel);

/* What a kernel is. Strings and arrays live as long as the kernel, or a plan of
   it. */

typedef enum attn_arg_kind_t {
  ATTN_ARG_TENSOR = 0,
  ATTN_ARG_INT = 1, /* also a bool: 0 or 1 */
  ATTN_ARG_FLOAT = 2
} attn_arg_kind_t;

typedef struct attn_dim_info_t {
  const char *name;
  int64_t extent;     /* fixed when the kernel was compiled, else -1 */
  int32_t is_defined; /* computed from other extents and scalars */
} attn_dim_info_t;

typedef struct attn_param_info_t {
  const char *name;
  attn_arg_kind_t kind;
  int32_t is_output;
  DLDataType dtype; /* of the elements, or of the scalar */
  int32_t rank;
  const int32_t *dims; /* numbers of dimensions, outermost first */
  int32_t has_default;
  int64_t default_int;
  double default_float;
} attn_param_info_t;

/* Of a null kernel: an empty string, and 0. */
ATTN_API const char *attn_kernel_name(const attn_kernel_t *kernel);
ATTN_API const char *attn_kernel_target(const attn_kernel_t *kernel);
ATTN_API int32_t attn_kernel_num_dims(const attn_kernel_t *kernel);
ATTN_API int32_t attn_kernel_num_params(const attn_kernel_t *kernel);
/* Fails with INVALID_ARGUMENT: a null pointer, or an index that is not in
   [0, attn_kernel_num_dims). */
ATTN_API attn_status_t attn_kernel_dim(const attn_kernel_t *kernel,
                                       int32_t index, attn_dim_info_t *info);
/* Inputs and scalars in the order of declaration, then outputs. Fails as
   attn_kernel_dim does. */
ATTN_API attn_status_t attn_kernel_param(const attn_kernel_t *kernel,
                                         int32_t index,
                                         attn_param_info_t *info);

/*===----------------------------------------------------------------------===*\
|* Plans                                                                      *|
\*===----------------------------------------------------------------------===*/

/* A tensor that the kernel must not write to, as memory mapped for reading. No
   other bit of `flags` may be set. */
#define ATTN_ARG_READ_ONLY 1u

/* One argument, by name. Extents, data and strides are those of the DLTensor
   (null strides: row-major without gaps). The innermost stride is 1, the
   others are free. 8-bit integers may be int8, uint8 or bool. */
typedef struct attn_arg_t {
  const char *name;
  attn_arg_kind_t kind;
  uint32_t flags;
  const DLTensor *tensor;
  int64_t int_value;
  double float_value;
} attn_arg_t;

typedef struct attn_plan_t attn_plan_t;

/* Checks a call and decides everything about it: names, kinds, types, extents
   that agree between tensors, strides, and what the spec requires. Scalars
   with a default may be left out; an integer is accepted for a float scalar.
   Extents of 0 are valid. A kernel for a GPU takes tensors of one GPU
   (kDLCUDA), and loads its code there.

   The plan has copies of all but the data: arguments, names, DLTensors, shapes
   and strides may be freed when this returns. The data is looked at by runs
   alone, and has to be there until the last one is done; on a GPU, until the
   stream is done with it. An output may not overlap an input or another output,
   nor be one: that is not looked for, and the result is anything then.

   Fails with INVALID_ARGUMENT, a status of "the arguments of a call" above, or
   INTERNAL; for a GPU also with LOAD_FAILED or a status of "GPUs". */
ATTN_API attn_status_t attn_plan_create(const attn_kernel_t *kernel,
                                        const attn_arg_t *args,
                                        int32_t num_args, attn_plan_t **plan);

/* Null is allowed. */
ATTN_API void attn_plan_free(attn_plan_t *plan);

/* Replaces the data of the tensors named in `args`, which must have the types,
   extents and strides that were planned, and are on the same GPU; the others
   stay. Fails as attn_plan_create does. */
ATTN_API attn_status_t attn_plan_bind(attn_plan_t *plan, const attn_arg_t *args,
                                      int32_t num_args);

/* The extents of parameter `param` of a call with these inputs, before its
   outputs exist: shape[0 .. rank). Outputs in `args` are not looked at, nor is
   the device. Fails as attn_plan_create does for a CPU. */
ATTN_API attn_status_t attn_kernel_shape(const attn_kernel_t *kernel,
                                         const attn_arg_t *args,
                                         int32_t num_args, int32_t param,
                                         int64_t *shape);

/*===----------------------------------------------------------------------===*\
|* Launches                                                                   *|
\*===----------------------------------------------------------------------===*/

/* A kernel for a GPU may have several launches for a stage, and may cut the
   items of some into parts. A plan takes what a cost model finds cheapest. A
   program that has measured may say otherwise, as `attnc tune` does; nothing
   else, and no variable of the environment, has a say. */
typedef struct attn_choice_t {
  int32_t launch; /* in [0, attn_plan_num_launches) */
  int64_t parts;  /* of each item; to choose: 0 for as many as cost least */
} attn_choice_t;

typedef struct attn_launch_info_t {
  const char *name;   /* lives as long as the kernel */
  int64_t most_parts; /* of an item, at the sizes of the plan */
} attn_launch_info_t;

/* Of a stage in [0, attn_plan_num_stages); 0 for a CPU, and where there is no
   such stage. */
ATTN_API int32_t attn_plan_num_launches(const attn_plan_t *plan, int32_t stage);
/* Fails with INVALID_ARGUMENT (a null pointer, no such stage or launch) or
   UNSUPPORTED_DEVICE (a CPU); so do the next two. */
ATTN_API attn_status_t attn_plan_launch(const attn_plan_t *plan, int32_t stage,
                                        int32_t launch,
                                        attn_launch_info_t *info);
/* What a run will do. */
ATTN_API attn_status_t attn_plan_choice(const attn_plan_t *plan, int32_t stage,
                                        attn_choice_t *choice);
/* Has a run do this; null: what the plan finds cheapest. Changes the size of
   the workspace. Fails with BAD_ALIGNMENT where the launch does not take the
   tensors, with SIZE_OVERFLOW where so many parts take too much memory.
   attn_plan_bind keeps the choice as long as the new tensors allow it. */
ATTN_API attn_status_t attn_plan_choose(attn_plan_t *plan, int32_t stage,
                                        const attn_choice_t *choice);

/*===----------------------------------------------------------------------===*\
|* Running                                                                    *|
\*===----------------------------------------------------------------------===*/

/* Where the work of a kernel is done. A host lends its threads by filling this
   in; attn_executor_create makes one of oneTBB. */
typedef struct attn_executor_t {
  void *context;
  int32_t num_workers; /* at least 1 */
  /* Calls body(body_context, worker, item) once for each item of
     [0, num_items) and returns when all have returned. Items are started in
     order, because those with the most work come first. `worker` is in
     [0, num_workers), and no two calls with the same worker run at the same
     time. */
  void (*parallel_for)(void *context, int64_t num_items,
                       void (*body)(void *body_context, int32_t worker,
                                    int64_t item),
                       void *body_context);
} attn_executor_t;

/* An executor of up to `num_threads` threads, the calling one included; 0 means
   as many as the machine has. Fails with INVALID_ARGUMENT: a null place, or a
   number that is negative or above 65536. */
ATTN_API attn_status_t attn_executor_create(int32_t num_threads,
                                            attn_executor_t **executor);
/* Null is allowed. */
ATTN_API void attn_executor_free(attn_executor_t *executor);

/* How a plan is run. All zero means: all threads of the machine, and a
   workspace that is allocated for the run. On a GPU, a run queues its work on
   the stream (null: the default stream) and returns; the workspace is memory of
   that GPU, and there is no executor. Executor and workspace have to be there
   until the run is done; on a GPU, until the stream is. */
typedef struct attn_exec_context_t {
  const attn_executor_t *executor; /* null: one of all threads */
  void *workspace;                 /* null: allocated and freed by run */
  size_t workspace_size;
  void *stream; /* a CUstream or cudaStream_t; null on a CPU */
} attn_exec_context_t;

/* Bytes that a run with this executor (null: the default) needs, at any
   alignment. Fails with INVALID_ARGUMENT (a null pointer, an executor without
   parallel_for or with a number of workers that is not in [1, 65536]) or
   SIZE_OVERFLOW. */
ATTN_API attn_status_t attn_plan_workspace_size(const attn_plan_t *plan,
                                                const attn_executor_t *executor,
                                                size_t *size);

/* Runs the plan; a null context is all zero. With a workspace, nothing is
   allocated on a CPU and nothing is checked but its size. Fails as
   attn_plan_workspace_size does, or with WORKSPACE_TOO_SMALL; on a GPU also
   with DEVICE_MISMATCH (a stream of another context) or DEVICE_ERROR. What goes
   wrong on a GPU later is for whoever waits for the stream to see. */
ATTN_API attn_status_t attn_plan_run(const attn_plan_t *plan,
                                     const attn_exec_context_t *context);

/*===----------------------------------------------------------------------===*\
|* What a run does                                                            *|
\*===----------------------------------------------------------------------===*/

/* Tiles of pairs by what the mask leaves of them, and pairs that are computed
   (those of full and mixed tiles). */
typedef struct attn_tile_counts_t {
  int64_t empty;
  int64_t full;
  int64_t mixed;
  int64_t pairs_visited;
} attn_tile_counts_t;

/* 0 of a null plan. */
ATTN_API int32_t attn_plan_num_stages(const attn_plan_t *plan);
/* Null where there is no such stage. */
ATTN_API const char *attn_plan_stage_name(const attn_plan_t *plan,
                                          int32_t stage);
/* Counts for each stage, in counts[0 .. attn_plan_num_stages). Stages are run
   only as far as later ones depend on what they leave in the workspace. Fails
   as attn_plan_run does, or with UNSUPPORTED_DEVICE: a GPU does not count. */
ATTN_API attn_status_t attn_plan_count_tiles(const attn_plan_t *plan,
                                             const attn_exec_context_t *context,
                                             attn_tile_counts_t *counts);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_RUNTIME_H */
