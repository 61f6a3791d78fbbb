//===- EmitPtx.h - From LLVM IR to PTX --------------------------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_EMITPTX_H
#define ATTN_LOWERING_GPU_EMITPTX_H

#include "lowering/Targets.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace attn::gpu {

/// PTX of the kernels of \p module, in its order, made in a thread each where
/// there are threads; \p optimizes as in CompileOptions. \p module is used up.
llvm::Expected<std::string> emitPtx(llvm::Module &module,
                                    const TargetRecord &target, bool optimizes);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_EMITPTX_H
