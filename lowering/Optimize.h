//===- Optimize.h - LLVM's optimizer, as kernels want it --------*- C++ -*-===//

#ifndef ATTN_LOWERING_OPTIMIZE_H
#define ATTN_LOWERING_OPTIMIZE_H

#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace attn {

/// Runs those of LLVM's passes that kernels want, each once.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

/// Masked stores of a single lane become stores of an element. LLVM 22 has
/// AVX-512 write 32 bits for a lane of 16 whose vector was truncated: the two
/// bytes behind it belong to another row, or to nobody.
void storeSingleLanes(llvm::Module &module);

} // namespace attn

#endif // ATTN_LOWERING_OPTIMIZE_H
