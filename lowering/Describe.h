//===- Describe.h - Descriptions of specs in an LLVM module -----*- C++ -*-===//

#ifndef ATTN_LOWERING_DESCRIBE_H
#define ATTN_LOWERING_DESCRIBE_H

#include "lowering/Targets.h"
#include "lowering/cpu/EmitSpec.h"
#include "lowering/gpu/DeviceCode.h"

#include "llvm/IR/Module.h"

namespace attn {

/// Adds the constants of attn/kernel_abi.h for \p specs to \p module, which has
/// their functions: attn_spec_<name> for each, and attn_module, weakly. The
/// code of a GPU becomes a constant of the module.
void addDescriptions(llvm::Module &module,
                     llvm::ArrayRef<cpu::SpecDescription> specs,
                     const TargetRecord &target,
                     const gpu::DeviceCode *device = nullptr);

} // namespace attn

#endif // ATTN_LOWERING_DESCRIBE_H
