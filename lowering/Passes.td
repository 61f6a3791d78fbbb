//===- Passes.td - Passes that know a machine ----------------*- tablegen -*-===//

#ifndef ATTN_LOWERING_PASSES_TD
#define ATTN_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def TileKernels : Pass<"attn-tile-kernels", "::attn::SpecOp"> {
  let summary = "Choose the tiles of every kernel for a target";
  let description = [{
    Writes the tile of each attn.kernel, from the record of the target: the
    vector width, the register tile (`rows` broadcast operands by `vectors`
    vectors of lanes), how many such groups of lanes a work item has, and how
    many at least where there are few items, the keys of a tile, the keys of a
    step where a mask cuts through a tile, and how many batch indices a work item
    takes. Later code obeys these numbers and knows no target. Says as a
    performance remark what will be slow, and why.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"x86-64-v3\"",
           "Target whose record to use">,
    Option<"hasSmallTiles", "small-tiles", "bool", /*default=*/"true",
           "Whether tiles have fewer lanes where there are few of them">];
}

def MergeSums : Pass<"attn-merge-sums", "::attn::SpecOp"> {
  let summary = "Write sums of sums inside a tile as one sum";
  let description = [{
    In an attn.sweep, a sum of factors times a sum that nothing else looks at
    becomes a sum over the dimensions of both, where each factor varies along
    lanes or along what is swept, not both: a product of a query side and a key
    side. One factor of the lanes has all the dimensions, so that the query side
    of a tile is no larger than rows of it. A factor is then multiplied to terms
    instead of to their sum; so it has to be a tensor, as what is computed may be
    infinite on purpose.
  }];
}

def SeparateComparisons : Pass<"attn-separate-comparisons", "::attn::SpecOp"> {
  let summary = "Put keys on one side of comparisons, lanes on the other";
  let description = [{
    A comparison of sums of integers in an attn.sweep becomes one of what has
    the swept dimensions with the rest, where no term has both. The rest is
    clamped to 32 bits, which keys stay inside of; it is computed before the
    keys are visited. Terms beyond 2^61 count as 2^61.
  }];
}

def SimplifyLeaves : Pass<"attn-simplify-leaves"> {
  let summary = "Canonicalise the ops that hold no other op";
  let description = [{
    The canonicaliser looks at every loop around an op again, and at all that
    this loop holds, whenever it changes the op: quadratic in the body of a
    loop. This pass applies the same patterns and folds to the ops without
    regions only, in linear time; the canonicaliser after it finds little left
    to do.
  }];
}

def LowerToVectors : Pass<"attn-lower-to-vectors", "::mlir::ModuleOp"> {
  let summary = "Turn tiled kernels into functions over vectors";
  let description = [{
    Each attn.kernel becomes a function that computes one work item and one that
    counts its tiles, and each attn.spec a plan function that checks sizes and
    computes buffer sizes. Loops are scf, numbers arith and vector, memory
    llvm.load and llvm.store through the slots of attn/kernel_abi.h.
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::mlir::x86vector::X86VectorDialect"];
}

def ExpandDots : Pass<"attn-expand-dots", "::mlir::ModuleOp"> {
  let summary = "Make dot products of bf16 pairs from shifts and fma";
  let description = [{
    Replaces x86vector.avx512.dot, x86vector.avx512.cvt.packed.f32_to_bf16 and
    the intrinsic that converts two vectors, llvm.x86.avx512bf16.cvtne2ps2bf16,
    for machines that lack AVX512_BF16. The dot product rounds each step to f32
    and keeps subnormal numbers, which the instruction flushes to zero.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def WidenBFloats : Pass<"attn-widen-bfloats", "::mlir::ModuleOp"> {
  let summary = "Make f32 of bf16 by shifts";
  let description = [{
    Replaces arith.extf of bf16 by a shift of its bits. LLVM would move
    functions that keep a bf16 a bf16 (the absolute value, rounding) before
    the conversion, where x86 has neither the function nor the way back, but for
    a call of the compiler's run-time library.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def WarpSpecialize : Pass<"attn-warp-specialize", "::mlir::ModuleOp"> {
  let summary = "Turn tiled kernels into kernels of specialised warps";
  let description = [{
    Each attn.kernel that has the form (gpu/WarpShape.h) becomes one GPU kernel
    for sm_90a, a function of llvm, nvvm, scf and arith ops: a producer copies
    tiles into shared memory, consumers multiply them and evaluate the spec's
    expressions on the fragments. A remark says why another one does not. The
    specs are gone afterwards; the plan and the other kernels are made by
    attn-lower-to-vectors or by the plain GPU path.
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let options = [
    Option<"columns", "columns", "unsigned", /*default=*/"0",
           "Columns of a tile, to take it in place of the one chosen">,
    Option<"consumers", "consumers", "unsigned", /*default=*/"2",
           "Warpgroups that compute, 64 rows each">,
    Option<"stages", "stages", "unsigned", /*default=*/"2",
           "Tiles on their way at a time">,
    Option<"turns", "turns", "bool", /*default=*/"true",
           "Consumers issue their products in turns">];
}

#endif // ATTN_LOWERING_PASSES_TD
