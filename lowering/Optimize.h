//===- Optimize.h - LLVM's optimizer, as kernels want it --------*- C++ -*-===//

#ifndef ATTN_LOWERING_OPTIMIZE_H
#define ATTN_LOWERING_OPTIMIZE_H

#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace attn {

/// Runs LLVM's default pipeline of \p level (0 to 3) without the loop
/// transforms that undo register tiles.
void optimize(llvm::Module &module, llvm::TargetMachine &machine,
              unsigned level);

} // namespace attn

#endif // ATTN_LOWERING_OPTIMIZE_H
