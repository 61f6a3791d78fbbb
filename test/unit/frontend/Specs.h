//===- Specs.h - Spec texts in tests of the frontend ------------*- C++ -*-===//

#ifndef ATTN_TEST_UNIT_FRONTEND_SPECS_H
#define ATTN_TEST_UNIT_FRONTEND_SPECS_H

#include "frontend/Frontend.h"
#include "frontend/Parser.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

namespace attn {

/// Everything that the frontend says about \p text.
inline std::string reportsOn(llvm::StringRef text) {
  std::string reports;
  llvm::raw_string_ostream os(reports);
  parseSpecFile(text, "spec.attn", os);
  return reports;
}

/// \p text parsed and printed.
inline std::string printed(llvm::StringRef text) {
  Diagnostics diagnostics(text, "spec.attn");
  File file = parse(diagnostics);
  EXPECT_FALSE(diagnostics.hasErrors()) << text.str();
  std::string result;
  llvm::raw_string_ostream os(result);
  print(file, os);
  return result;
}

/// The first attention of \p text in the attn dialect, without locations; the
/// reports when there is an error.
inline std::string emitted(llvm::StringRef text,
                           const EmitOptions &options = {}) {
  std::string result, reports;
  llvm::raw_string_ostream os(result), reportStream(reports);
  std::unique_ptr<SpecFile> file =
      parseSpecFile(text, "spec.attn", reportStream);
  if (!file)
    return reports;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module =
      emitSpec(*file, file->specNames().front(), options, context, os);
  if (module)
    module->print(os);
  return result;
}

} // namespace attn

#endif // ATTN_TEST_UNIT_FRONTEND_SPECS_H
