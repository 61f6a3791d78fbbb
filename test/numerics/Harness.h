//===- Harness.h - Compiles, runs and compares one spec ---------*- C++ -*-===//
//
// Calls a compiled spec through kernel_abi.h itself, without the runtime, on
// memory that shows mistakes: everything that a kernel must not read holds NaN,
// everything that it must not write is checked afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_NUMERICS_HARNESS_H
#define ATTN_TEST_NUMERICS_HARNESS_H

#include "dialect/Reference.h"
#include "dialect/Tolerance.h"
#include "lowering/Compile.h"

#include "attn/kernel_abi.h"

#include "llvm/ADT/StringMap.h"

#include <memory>
#include <random>
#include <string>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace attn::numerics {

/// How the tensors of a call lie in memory.
enum class Memory {
  Contiguous,
  /// Dimensions but the innermost in another order, rows with gaps between
  /// them or pages apart, addresses that are multiples of the element size.
  Strided,
};

/// A spec as machine code in this process.
class CompiledSpec {
public:
  /// Lowers \p module, which holds the one spec \p name; it is consumed.
  static llvm::Expected<std::unique_ptr<CompiledSpec>>
  compile(mlir::ModuleOp module, llvm::StringRef name,
          const CompileOptions &options);
  ~CompiledSpec();

  const attn_spec_desc &describe() const { return *desc; }

  /// Runs it once; \p seconds receives the time of the fastest of \p repeats
  /// runs. Errors name a check that failed, or memory that was written outside
  /// of the outputs.
  llvm::Expected<std::vector<HostTensor>>
  run(const ReferenceInputs &inputs, Memory memory, std::mt19937_64 &random,
      unsigned repeats = 1, double *seconds = nullptr) const;

  /// Bytes of the buffers and of one worker's scratch in a call of \p sizes.
  llvm::Expected<int64_t>
  workspaceBytes(const llvm::StringMap<int64_t> &sizes,
                 const llvm::StringMap<double> &scalars) const;

private:
  CompiledSpec();
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const attn_spec_desc *desc = nullptr;
};

/// What one call computes: sizes, scalars, and how its tensors are made.
struct CallSpec {
  llvm::StringMap<int64_t> sizes;
  llvm::StringMap<double> scalars;
  /// By the name of the tensor; see fillTensor.
  llvm::StringMap<std::string> generators;
};

/// Makes the tensors of a call of \p spec, rounded to their element types.
llvm::Expected<ReferenceInputs> makeInputs(SpecOp spec, const CallSpec &call,
                                           std::mt19937_64 &random);

} // namespace attn::numerics

#endif // ATTN_TEST_NUMERICS_HARNESS_H
