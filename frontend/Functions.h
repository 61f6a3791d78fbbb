//===- Functions.h - What can be called in a file ---------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_FUNCTIONS_H
#define ATTN_FRONTEND_FUNCTIONS_H

#include "frontend/AST.h"
#include "frontend/Builtins.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace attn {

/// How whoever looks something up reports that it is not there; a caller adds
/// notes about where it stands.
using ReportError =
    llvm::function_ref<Report &(Place place, const llvm::Twine &message)>;

/// The functions and attentions of a file, and the lookup of what is called.
class FunctionTable {
public:
  /// Reports names that are taken, and checks the names in every function, be
  /// it called or not.
  FunctionTable(const File &file, Diagnostics &diagnostics);

  const FunctionDecl *find(llvm::StringRef name) const {
    return functions.lookup(name);
  }

  struct Callee {
    const Builtin *builtin = nullptr;
    const FunctionDecl *function = nullptr;
  };
  /// What \p call calls; nothing after an error.
  Callee resolve(const CallExpr &call, ReportError report) const;
  const Reduction *resolve(const ReduceExpr &reduce, ReportError report) const;

  /// Whether expanding \p function would come to an end.
  bool isRecursive(const FunctionDecl &function) const {
    return recursive.contains(function.name.text);
  }

private:
  void declare(const File &file);
  void findRecursion(const File &file);

  Diagnostics &diagnostics;
  llvm::StringMap<const FunctionDecl *> functions;
  llvm::StringMap<Place> attentions;
  llvm::StringSet<> recursive;
};

/// A function sees its parameters alone.
std::string notAParameter(Name name, const FunctionDecl &function);

/// Calls \p visit for each part of \p expr that is there.
void forEachPart(const Expr &expr,
                 llvm::function_ref<void(const Expr &)> visit);

} // namespace attn

#endif // ATTN_FRONTEND_FUNCTIONS_H
