//===- EmitPtx.h - From LLVM IR to PTX --------------------------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_EMITPTX_H
#define ATTN_LOWERING_GPU_EMITPTX_H

#include "lowering/Targets.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace attn::gpu {

/// A kernel, or all that share code, which have no name here.
struct PtxPart {
  std::string kernel, text;
};

/// PTX of each kernel of \p module, in its order, that of all where they share
/// code; made in a thread each where there are threads. \p optimizes as in
/// CompileOptions. \p module is used up.
llvm::Expected<std::vector<PtxPart>>
emitPtx(llvm::Module &module, const TargetRecord &target, bool optimizes);

/// \p parts as one text: the lines before each kernel once.
std::string joinPtx(llvm::ArrayRef<PtxPart> parts);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_EMITPTX_H
