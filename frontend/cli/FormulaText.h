//===- FormulaText.h - Quantities in the notation of specs ------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_FORMULATEXT_H
#define ATTN_FRONTEND_CLI_FORMULATEXT_H

#include "dialect/AttnOps.h"

#include <string>

namespace attn::cli {

/// \p value as a formula over the parameters of its spec: "n <= m",
/// "sum[d](q * k)". Equal formulas have equal texts.
std::string formulaText(mlir::Value value);

/// "[B, H, M]".
std::string dimsText(llvm::ArrayRef<mlir::StringAttr> dims);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_FORMULATEXT_H
