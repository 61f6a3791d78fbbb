//===- MaskBits.h - A mask of long formulas, a bit an element ---*- C++ -*-===//
//
// A condition that divides by a size known in the call alone is some fifty
// instructions; repeated for each of a thread's 64 elements it is most of a
// kernel, and what the assembler takes longest for. So it is looked at in a
// loop, which leaves a bit for each element.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_MASKBITS_H
#define ATTN_LOWERING_GPU_MASKBITS_H

#include "lowering/gpu/Fragments.h"

namespace attn::gpu {

class MaskBits {
public:
  /// Says whether \p domain is worth a loop: it divides by what is no constant,
  /// element by element, and is made of nothing that \p pairs is given.
  static bool isLong(FragmentEvaluator &pairs, mlir::Value domain);

  /// Looks at \p domain for the elements of \p columns columns, the first of
  /// which \p scope has.
  MaskBits(FragmentEvaluator &pairs, mlir::Value domain, unsigned columns,
           const FragmentScope &scope);

  /// What \p domain is at element \p element.
  mlir::Value holds(unsigned element);

private:
  mlir::Value word(mlir::Value domain, unsigned firstColumn, unsigned groups,
                   const FragmentScope &scope);

  FragmentEvaluator &pairs;
  /// Bits of 64 elements each.
  llvm::SmallVector<mlir::Value> words;
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_MASKBITS_H
