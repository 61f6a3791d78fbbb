//===- Spec.h - The spec that a command is about ----------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_SPEC_H
#define ATTN_FRONTEND_CLI_SPEC_H

#include "dialect/AttnOps.h"
#include "frontend/Frontend.h"
#include "frontend/cli/Messages.h"
#include "frontend/cli/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"

namespace attn::cli {

/// A spec in formula form. The context outlives the module.
class Spec {
public:
  /// Reads and checks the file of \p options and emits the chosen spec with the
  /// extents that --set fixes. Errors in the spec go to standard error; nothing
  /// is returned then.
  static std::unique_ptr<Spec> load(const Options &options);

  mlir::MLIRContext &context() { return mlirContext; }
  SpecOp op() const { return *(*module).getOps<SpecOp>().begin(); }
  /// A module of its own, to be lowered.
  mlir::OwningOpRef<mlir::ModuleOp> clone() const;

  /// The text of the file, as the compiler in process takes it.
  llvm::StringRef text() const { return source->getBuffer(); }
  std::string fileName, name;
  /// Extents and scalars that --set gives, told apart.
  llvm::StringMap<int64_t> fixedSizes;
  llvm::StringMap<double> scalars;

  const SpecFile &file() const { return *parsed; }

private:
  explicit Spec(const mlir::DialectRegistry &registry);
  llvm::Error chooseName(llvm::StringRef wanted);
  llvm::Error readSettings(llvm::ArrayRef<NameValue> settings);

  mlir::MLIRContext mlirContext;
  DiagnosticPrinter diagnostics;
  std::unique_ptr<llvm::MemoryBuffer> source;
  std::unique_ptr<SpecFile> parsed;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// The argument of \p spec called \p name, if there is one.
std::optional<unsigned> findArgument(SpecOp spec, llvm::StringRef name);

/// Whether argument \p index of \p spec is a scalar.
bool isScalarArgument(SpecOp spec, unsigned index);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_SPEC_H
