//===- Frontend.h - Spec text to the attn dialect ---------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_FRONTEND_H
#define ATTN_FRONTEND_FRONTEND_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace attn {

struct EmitOptions {
  /// Element type of the tensors that do not choose one: f32, f16 or bf16.
  std::string dtype = "f32";
  /// Extents fixed at compile time, by the name of the dimension.
  llvm::StringMap<int64_t> sizes;
};

/// A spec file that was parsed and checked; owns its text.
class SpecFile {
public:
  /// What the file holds; see Diagnostics.h, AST.h and Formula.h.
  struct Contents;

  explicit SpecFile(std::unique_ptr<Contents> contents);
  ~SpecFile();

  /// The attentions, in the order of the file.
  std::vector<std::string> specNames() const;
  /// Prints what was parsed, in the notation of specs, fully parenthesised.
  void printAST(llvm::raw_ostream &os) const;

  const Contents &getContents() const { return *contents; }

private:
  std::unique_ptr<Contents> contents;
};

/// Parses and checks \p text. Errors and warnings go, formatted, to \p errors;
/// null when there is any error.
std::unique_ptr<SpecFile> parseSpecFile(llvm::StringRef text,
                                        llvm::StringRef fileName,
                                        llvm::raw_ostream &errors);

/// Emits the attention \p specName as one attn.spec in a new module; null, and
/// a message in \p errors, when the name or an option does not fit the file.
mlir::OwningOpRef<mlir::ModuleOp> emitSpec(const SpecFile &file,
                                           llvm::StringRef specName,
                                           const EmitOptions &options,
                                           mlir::MLIRContext &context,
                                           llvm::raw_ostream &errors);

} // namespace attn

#endif // ATTN_FRONTEND_FRONTEND_H
