/*===- kernel_abi.h - What a compiled spec says about itself ------*- C -*-===*\
|*                                                                            *|
|* The compiler writes one attn_spec_desc for each spec into the object that  *|
|* it emits; the runtime reads it to check, plan and run a call. Programs use *|
|* attn/runtime.h and never this header.                                      *|
|*                                                                            *|
|* A call is an array of 64-bit slots. Every description below says which     *|
|* slot it fills:                                                             *|
|*   dimension   its extent                                                   *|
|*   tensor      the address of its first element at `slot`, then one stride  *|
|*               in elements a dimension, outermost first, at slot + 1 ...    *|
|*   scalar      an int64_t, or a double for floating-point scalars           *|
|*   buffer      its address at `slot`, its size in bytes at slot + 1         *|
|*   stage       the number of its work items at items_slot, the scratch that *|
|*               a worker needs, in bytes, at items_slot + 1, the first of    *|
|*               its batch indices, 0, at items_slot + 2, and their number,   *|
|*               the index after the last, at items_slot + 3                  *|
|*   launch      its work items at items_slot, the scratch that a block     *|
|*               needs, in bytes, at items_slot + 1, the address of the       *|
|*               scratch of block 0 at items_slot + 2, the others follow; the *|
|*               most tiles of an item at items_slot + 3, the parts in which  *|
|*               each is cut at items_slot + 4, the tiles that all items      *|
|*               visit together, an estimate, at items_slot + 5, and the      *|
|*               address of the number of items drawn, an int32_t, at         *|
|*               items_slot + 6                                               *|
|*                                                                            *|
|* Order: fill dimensions, strides and scalars; call plan; allocate buffers;  *|
|* fill addresses; for each stage in order, call run for each item, in any    *|
|* order and on any thread, with scratch (64-byte aligned) of its own. A spec *|
|* with an image runs on a GPU: plan is called on the host all the same, and  *|
|* each stage is one launch, of the cheapest entry of `launches` whose tensor *|
|* maps the hardware takes; where its items are cut into parts, a second one  *|
|* puts them together.                                                        *|
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_KERNEL_ABI_H
#define ATTN_KERNEL_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTN_KERNEL_ABI_VERSION 10

/* How the extent of a dimension is known. */
enum attn_extent_kind {
  ATTN_EXTENT_BOUND = 0,   /* read off the shapes of the tensors */
  ATTN_EXTENT_STATIC = 1,  /* fixed when the kernel was compiled */
  ATTN_EXTENT_DEFINED = 2, /* computed by plan */
};

enum attn_param_kind {
  ATTN_PARAM_INPUT = 0,
  ATTN_PARAM_SCALAR = 1,
  ATTN_PARAM_OUTPUT = 2,
};

typedef struct attn_dim_desc {
  const char *name;
  int32_t kind; /* attn_extent_kind */
  int32_t slot;
  int64_t extent; /* of a static dimension, else -1 */
} attn_dim_desc;

typedef struct attn_param_desc {
  const char *name;
  int32_t kind; /* attn_param_kind */
  int32_t slot;
  int32_t dtype_code; /* DLDataTypeCode: 0 int, 1 uint, 2 float, 4 bfloat */
  int32_t dtype_bits;
  int32_t rank;
  int32_t has_default;
  const int32_t *dims;  /* indices into dims, outermost first */
  int64_t default_bits; /* an int64_t, or the bits of a double */
} attn_param_desc;

/* With `is_sliced`, it has memory for a slice alone, and with a strip_slot for
   a strip of it (attn_spec_desc). A slot of -1: there is none. */
typedef struct attn_buffer_desc {
  int32_t slot;
  int32_t is_sliced;
  int32_t strip_slot;
  int32_t skipped_slot; /* the bytes that it would have before the strip */
} attn_buffer_desc;

/* One dimension of a tensor map. Where a slot is -1, the number beside it
   stands; strides are in elements of the tensor. With a step slot, the map
   walks elements that many apart (the number is from 1 to the extent); of
   extent N in steps s, N % s residues have one element more, and `is_longer`
   says which the map is of. The residue, times the stride, is part of the first
   coordinate. */
typedef struct attn_map_dim_desc {
  int32_t extent_slot;
  int32_t stride_slot;
  int64_t extent;
  int64_t stride;
  int32_t box_slot;
  int32_t box;  /* how many of its elements a copy brings; 0: it is part of the
                   first coordinate, by its stride */
  int32_t step; /* of every so many elements one; 1 for all */
  int32_t step_slot;
  int32_t is_longer;
} attn_map_dim_desc;

/* A CUtensorMap. Elements outside of the tensor read as zeros. */
typedef struct attn_map_desc {
  int32_t slot; /* of the address */
  int32_t dtype_code;
  int32_t dtype_bits;
  int32_t rank;    /* 1 to 5, and those with a box of 0 */
  int32_t swizzle; /* of rows of 0, 32, 64 or 128 bytes */
  /* Innermost first; the innermost has stride 1. */
  const attn_map_dim_desc *dims;
} attn_map_desc;

/* A kernel of the image. Its parameters, by value: an array of num_slots
   int64_t, then an array of num_maps CUtensorMaps (absent when there is none).
   Block b takes the items b, b + blocks, b + 2 blocks, ... With `draws_items`,
   each takes the next item that none has taken, and counts it at items_slot +
   6, where there is 0 when the launch begins. With `waits_itself`, it waits for
   the launch before it where it needs that, and may begin under its end. With
   `merge`, an item may be cut into parts, and parts are then what blocks take:
   those of an item follow each other. Each leaves what the scratch bytes of the
   launch say in the scratch memory, one after the other, and the items of
   `merge` make results of them. */
typedef struct attn_launch_desc {
  const char *symbol;
  int32_t items_slot;
  int32_t threads;       /* of a block */
  int32_t shared_bytes;  /* dynamic shared memory of a block */
  int32_t blocks_per_sm; /* at most so many blocks; 0: as many as items */
  int32_t num_maps;
  const attn_map_desc *maps;
  /* What a tile takes, in clock cycles, where all multiprocessors are busy;
     0: not known, taken where no other launch fits. */
  int32_t tile_cycles;
  const struct attn_launch_desc *merge; /* null: items stay whole */
  int32_t draws_items;
  int32_t waits_itself;
  int32_t code; /* which of the codes of the image has it */
} attn_launch_desc;

/* counts[0..3]: tiles empty, full, mixed, and pairs visited; added to. Where
   items visit different numbers of pairs, is_uneven is 1, and they are run with
   the most first. `chunk` batch indices that follow each other are in as many
   items as a tile of one of them. On a GPU, run is null. */
typedef struct attn_stage_desc {
  const char *name;
  void (*run)(const int64_t *slots, void *scratch, int64_t item);
  void (*count)(const int64_t *slots, int64_t item, int64_t *counts);
  int32_t items_slot;
  int32_t num_launches;
  const attn_launch_desc *launches;
  int32_t is_uneven;
  int32_t chunk;
  int32_t strip_slot;    /* of what it runs over at a time; -1: all */
  int32_t is_for_counts; /* a later count reads what it makes */
} attn_stage_desc;

typedef struct attn_pass_desc {
  int32_t is_sliced;
  int32_t strip_slot; /* -1: none */
  int32_t num_stages;
  const int32_t *stages;
} attn_pass_desc;

/* Code for a GPU, as the driver loads it: a cubin, or PTX with its final
   zero. */
typedef struct attn_code_desc {
  const void *data;
  int64_t size;
} attn_code_desc;

/* All code of a spec for a GPU. None of it refers to another. */
typedef struct attn_image_desc {
  int32_t num_codes;
  int32_t is_ptx;
  const attn_code_desc *codes;
  int32_t capability; /* 90 for sm_90: what the GPU must have at least */
  /* Whether the GPU must have just this capability (sm_90a; any cubin needs
     the same major number). */
  int32_t is_exact;
  int32_t ptx_version; /* 86 for PTX 8.6: what the driver must know */
} attn_image_desc;

/* The slots of a strip (attn_spec_desc), from its strip_slot on. */
enum {
  ATTN_STRIP_FIRST,
  ATTN_STRIP_MOST,
  ATTN_STRIP_COUNT,
  ATTN_STRIP_EXTENT,
  ATTN_STRIP_LEAST,
  ATTN_STRIP_SLOTS
};

typedef struct attn_spec_desc {
  int32_t abi_version;
  int32_t num_slots;
  const char *name;
  const char *target;   /* the name given to --target */
  const char *features; /* what the CPU must have: "avx2,fma" */
  int32_t num_dims;
  int32_t num_params; /* inputs and scalars as declared, then outputs */
  int32_t num_buffers;
  int32_t num_stages;
  int32_t num_checks;
  const attn_dim_desc *dims;
  const attn_param_desc *params;
  const attn_buffer_desc *buffers;
  const attn_stage_desc *stages;
  const char *const *checks; /* messages */
  /* Computes defined extents, buffer sizes and work items. Returns -1, or the
     index in checks of the first condition that does not hold. */
  int64_t (*plan)(int64_t *slots);
  const attn_image_desc *image; /* null on a CPU */
  /* Instead of all stages in order, all passes may run. Those of a sliced pass
     run with their batch indices cut to a range (items_slot + 2 and + 3), and
     again for the next range. slices_slot has the number of the smallest
     slices, which have equal shares of the indices of each sliced stage and of
     the bytes of each sliced buffer; a buffer's address is that of the whole.
     -1: there are no passes.

     A strip is a range of the indices of a dimension. It has five slots: its
     first index, and how many indices it has at most (0: all), both written by
     the runtime before plan; how many it has, the extent, and how many it
     should have so that no lanes are idle, written by plan, which then counts
     items and bytes of this strip alone. A pass with a strip runs for one strip
     after the other; of its stages, those that have none run for the first one.
     Here too, a buffer's address is that of the whole. */
  int32_t slices_slot;
  int32_t num_passes;
  const attn_pass_desc *passes;
} attn_spec_desc;

/* Exported by a compiled object, one for each spec: attn_spec_<name>. Also
   exported, weakly: the table of all specs of the object. */
typedef struct attn_module_desc {
  int64_t num_specs;
  const attn_spec_desc *const *specs;
} attn_module_desc;

#define ATTN_MODULE_SYMBOL "attn_module"

#ifdef __cplusplus
}
#endif

#endif /* ATTN_KERNEL_ABI_H */
