//===- Compile.h - From attn ops to machine code ----------------*- C++ -*-===//

#ifndef ATTN_LOWERING_COMPILE_H
#define ATTN_LOWERING_COMPILE_H

#include "lowering/cpu/EmitSpec.h"
#include "lowering/gpu/DeviceCode.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>
#include <vector>

namespace attn {

struct CompileOptions {
  /// A name of lowering/Targets.h.
  std::string target = "native";
  /// Whether LLVM's optimizer runs; kernels are slower without.
  bool optimizes = true;
  /// Whether it has run over what compileToLLVM returns; else who asks for the
  /// module is to call finish.
  bool optimizesHost = true;
  /// Whether tiles of a CPU have fewer lanes where there are few of them; else
  /// small calls are one tile, which tests want.
  bool hasSmallTiles = true;
  /// Whether the kernels of a GPU are assembled together, for who takes one
  /// cubin; slower than each alone.
  bool hasOneCubin = false;
};

/// Where the pipeline can be stopped, in running order.
enum class Stage {
  Attn,        // the formula form, as emitted by the frontend
  Simplified,  // sums, maxima and minima, factored
  Sweeps,      // kernels and sweeps
  Domains,     // with the pairs that each sweep visits
  Tiles,       // with the tiles of the target
  Vector,      // functions of scf, arith and vector
  LLVMDialect, // the same in the llvm dialect
};

/// Brings the specs of \p module, in formula form, to \p stage. Diagnostics go
/// to the context.
mlir::LogicalResult lowerTo(Stage stage, mlir::ModuleOp module,
                            const CompileOptions &options);

/// What a compilation makes: the module of the host and, for a GPU, the code
/// that lies in it, with what is known about its kernels.
struct CompiledModule {
  std::unique_ptr<llvm::Module> module;
  std::optional<gpu::DeviceCode> device;
  std::vector<cpu::SpecDescription> specs;
};

/// Runs the whole pipeline and LLVM's optimizer. The module exports
/// attn_spec_<name> for each spec and attn_module (attn/kernel_abi.h).
llvm::Expected<CompiledModule> compileToLLVM(mlir::ModuleOp module,
                                             llvm::LLVMContext &context,
                                             const CompileOptions &options);

/// What compileToLLVM ends with: LLVM's optimizer, and what its code generator
/// must not meet.
void finish(llvm::Module &module, llvm::TargetMachine &machine,
            const CompileOptions &options);

/// The machine of \p options; an error names an unknown target.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const CompileOptions &options);

/// Every dialect, interface and translation that the functions above use.
void registerAllDialects(mlir::DialectRegistry &registry);

std::vector<std::string> targetNames();

} // namespace attn

#endif // ATTN_LOWERING_COMPILE_H
