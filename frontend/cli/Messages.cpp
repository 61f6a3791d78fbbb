//===- Messages.cpp - What attnc says on standard error -------------------===//

#include "frontend/cli/Messages.h"

#include "llvm/ADT/StringSet.h"

#include "mlir/IR/Location.h"

using namespace attn::cli;

llvm::raw_ostream &attn::cli::printError() {
  llvm::outs().flush();
  return llvm::errs() << "attnc: error: ";
}

std::string attn::cli::suggestName(llvm::StringRef name,
                                   llvm::ArrayRef<std::string> names) {
  const std::string *best = nullptr;
  unsigned bestDistance = std::max<unsigned>(1, name.size() / 3) + 1;
  for (const std::string &candidate : names) {
    unsigned distance = name.edit_distance_insensitive(candidate);
    if (distance < bestDistance && distance < name.size()) {
      bestDistance = distance;
      best = &candidate;
    }
  }
  return best ? "; did you mean '" + *best + "'?" : "";
}

/// The place of \p loc in a file, if it has one: fused and named locations are
/// looked into.
static mlir::FileLineColLoc filePlace(mlir::Location loc) {
  mlir::FileLineColLoc found;
  loc->walk([&](mlir::Location inner) {
    found = llvm::dyn_cast<mlir::FileLineColLoc>(inner);
    return found ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  return found;
}

static void print(const mlir::Diagnostic &diagnostic) {
  llvm::raw_ostream &out = llvm::errs();
  if (mlir::FileLineColLoc place = filePlace(diagnostic.getLocation()))
    out << place.getFilename().getValue() << ':' << place.getLine() << ':'
        << place.getColumn() << ": ";
  switch (diagnostic.getSeverity()) {
  case mlir::DiagnosticSeverity::Note:
    out << "note: ";
    break;
  case mlir::DiagnosticSeverity::Warning:
    out << "warning: ";
    break;
  case mlir::DiagnosticSeverity::Error:
    out << "error: ";
    break;
  case mlir::DiagnosticSeverity::Remark:
    out << "remark: ";
    break;
  }
  out << diagnostic << '\n';
}

DiagnosticPrinter::DiagnosticPrinter(mlir::MLIRContext &context)
    : handler(&context, [seen = std::make_shared<llvm::StringSet<>>()](
                            mlir::Diagnostic &diagnostic) {
        // A spec that is compiled in two forms makes each remark twice.
        if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error &&
            !seen->insert(diagnostic.str()).second)
          return;
        llvm::outs().flush();
        print(diagnostic);
        for (const mlir::Diagnostic &note : diagnostic.getNotes())
          print(note);
      }) {
  // The user knows formulas, not ops; --emit shows those.
  context.printOpOnDiagnostic(false);
}
