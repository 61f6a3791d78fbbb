//===- FrontendFuzzer.cpp - Any text goes through the frontend ------------===//
//
// Built with libFuzzer it makes texts of its own; built with Replay.cpp it
// runs the files it is given. What must hold for any text: the frontend
// returns, with messages or with a spec that verifies; and a tree that it
// prints reads as the same tree.
//
//===----------------------------------------------------------------------===//

#include "dialect/AttnOps.h"
#include "frontend/Frontend.h"
#include "frontend/Parser.h"

#include "llvm/Support/raw_ostream.h"

using namespace attn;

namespace {

[[noreturn]] void fail(llvm::StringRef what, llvm::StringRef details) {
  llvm::errs() << what << "\n" << details << "\n";
  std::abort();
}

std::string print(const File &file) {
  std::string text;
  llvm::raw_string_ostream os(text);
  attn::print(file, os);
  return text;
}

void checkPrinting(llvm::StringRef text) {
  Diagnostics diagnostics(text, "spec.attn");
  File file = parse(diagnostics);
  if (diagnostics.hasErrors())
    return;
  std::string once = print(file);
  Diagnostics again(once, "printed.attn");
  File reread = parse(again);
  // Parentheses do not count towards the depth, so only depth may be refused.
  if (!again.hasErrors() && print(reread) != once)
    fail("reads as another tree:", once);
}

/// A context takes longer to make than a spec to check, so it serves several
/// times; it keeps every name that it has seen, so not for ever.
mlir::MLIRContext &sharedContext() {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned uses = 0;
  if (uses++ % 512 == 0) {
    context.reset();
    context = std::make_unique<mlir::MLIRContext>(
        mlir::MLIRContext::Threading::DISABLED);
  }
  return *context;
}

void checkEmission(llvm::StringRef text) {
  std::string messages;
  llvm::raw_string_ostream os(messages);
  std::unique_ptr<SpecFile> file = parseSpecFile(text, "spec.attn", os);
  if (!file) {
    if (messages.empty())
      fail("refused without a message:", text);
    return;
  }
  for (const std::string &name : file->specNames())
    if (!emitSpec(*file, name, {"bf16", {}}, sharedContext(), os))
      fail("does not verify:", messages);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  checkPrinting(text);
  checkEmission(text);
  return 0;
}
