//===- Examples.h - The specs under examples/ and their cases ---*- C++ -*-===//
//
// cases.json says for each spec of examples/ at which sizes and with which
// inputs it is tested.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_NUMERICS_EXAMPLES_H
#define ATTN_TEST_NUMERICS_EXAMPLES_H

#include "frontend/Frontend.h"
#include "test/numerics/Harness.h"

#include <string>
#include <vector>

namespace attn::numerics {

struct Example {
  std::string file; // under examples/
  std::string spec;
  /// One for each set of sizes; scalars and generators are the same in all.
  std::vector<CallSpec> calls;
  /// The size of the largest exponent or angle, for errorBound.
  double score = 16;
  /// Whether scores around 1e4 make sense; cases.json says why not.
  bool hasHuge = true;
};

/// The examples in cases.json, from the root of the repository.
const std::vector<Example> &allExamples();
const Example &findExample(llvm::StringRef spec);

/// The text of a file under examples/.
std::string exampleText(llvm::StringRef file);

/// A context with every dialect that a spec passes through.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// The formula of \p spec in \p text, with \p sizes fixed. Fails the test and
/// returns null where there is an error.
mlir::OwningOpRef<mlir::ModuleOp>
emit(llvm::StringRef text, llvm::StringRef spec, llvm::StringRef dtype,
     const llvm::StringMap<int64_t> &sizes, mlir::MLIRContext &context);

/// Compiles \p spec of \p text for this machine, with \p fixed sizes, and
/// expects of one call what the reference computes. \p score as in Example.
void expectReferenceValues(llvm::StringRef text, llvm::StringRef spec,
                           llvm::StringRef dtype,
                           const llvm::StringMap<int64_t> &fixed,
                           const CallSpec &call, double score,
                           std::mt19937_64 &random, mlir::MLIRContext &context);

/// The spec of a module that holds one.
SpecOp specOf(mlir::ModuleOp module);

/// A fresh number for each run of the program, or ATTN_TEST_SEED. Printed once.
uint64_t testSeed();

} // namespace attn::numerics

#endif // ATTN_TEST_NUMERICS_EXAMPLES_H
