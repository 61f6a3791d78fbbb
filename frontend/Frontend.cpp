//===- Frontend.cpp - Spec text to checked formulas -----------------------===//

#include "frontend/Frontend.h"

#include "frontend/Checker.h"
#include "frontend/Parser.h"
#include "frontend/SpecFile.h"

using namespace attn;

SpecFile::SpecFile(std::unique_ptr<Contents> contents)
    : contents(std::move(contents)) {}

SpecFile::~SpecFile() = default;

std::vector<std::string> SpecFile::specNames() const {
  std::vector<std::string> names;
  for (const auto &formula : contents->formulas)
    names.push_back(formula->name);
  return names;
}

void SpecFile::printAST(llvm::raw_ostream &os) const {
  print(contents->file, os);
}

std::unique_ptr<SpecFile> attn::parseSpecFile(llvm::StringRef text,
                                              llvm::StringRef fileName,
                                              llvm::raw_ostream &errors) {
  auto contents = std::make_unique<SpecFile::Contents>(text, fileName);
  Diagnostics &diagnostics = contents->diagnostics;
  contents->file = parse(diagnostics);
  FunctionTable functions(contents->file, diagnostics);
  for (const AttentionDecl &attention : contents->file.attentions)
    contents->formulas.push_back(
        Checker(functions, attention, diagnostics).run());
  if (!diagnostics.hasErrors() && contents->formulas.empty())
    diagnostics.error(Place(diagnostics.text().take_front(0)),
                      "this file defines no attention");
  diagnostics.print(errors);
  if (diagnostics.hasErrors())
    return nullptr;
  return std::make_unique<SpecFile>(std::move(contents));
}
