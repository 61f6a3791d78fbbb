//===- Messages.h - What attnc says on standard error -----------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_MESSAGES_H
#define ATTN_FRONTEND_CLI_MESSAGES_H

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include "mlir/IR/Diagnostics.h"

#include <charconv>
#include <concepts>
#include <iterator>
#include <string>

namespace attn::cli {

/// Begins a line of the form "attnc: error: ...".
llvm::raw_ostream &printError();

/// The fewest digits that read as \p number again: "3.5", where a stream of
/// LLVM writes 3.500000e+00.
template <std::floating_point Float> std::string numberText(Float number) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, std::end(buffer), number).ptr};
}

namespace detail {
template <typename Part> const Part &textOf(const Part &part) { return part; }
inline std::string textOf(double part) { return numberText(part); }
} // namespace detail

/// A failure that the user can mend, in one sentence.
template <typename... Parts> llvm::Error userError(const Parts &...parts) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  (stream << ... << detail::textOf(parts));
  return llvm::createStringError(text);
}

/// "; did you mean 'slope'?" when one of \p names is nearly \p name, else "".
std::string suggestName(llvm::StringRef name,
                        llvm::ArrayRef<std::string> names);

/// Prints the diagnostics of a context as long as it lives: performance remarks
/// as "remark: ...", errors with their place in the spec.
class DiagnosticPrinter {
public:
  explicit DiagnosticPrinter(mlir::MLIRContext &context);

private:
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_MESSAGES_H
