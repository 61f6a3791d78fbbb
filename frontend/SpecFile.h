//===- SpecFile.h - What a parsed file holds --------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_SPECFILE_H
#define ATTN_FRONTEND_SPECFILE_H

#include "frontend/AST.h"
#include "frontend/Formula.h"
#include "frontend/Frontend.h"

namespace attn {

struct SpecFile::Contents {
  Contents(llvm::StringRef text, llvm::StringRef fileName)
      : diagnostics(text, fileName) {}

  Diagnostics diagnostics; // owns the text that the rest points into
  File file;
  std::vector<std::unique_ptr<Formula>> formulas;
};

} // namespace attn

#endif // ATTN_FRONTEND_SPECFILE_H
