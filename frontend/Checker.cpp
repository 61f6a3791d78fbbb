//===- Checker.cpp - Names and statements of one attention ----------------===//

#include "frontend/Checker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

Report &Checker::error(Place place, const Twine &message) {
  // The calls nearest to the error say most.
  constexpr unsigned maxNotes = 4;
  Report &report = diagnostics.error(place, message);
  unsigned count = 0;
  for (const Frame *f = frame; f && count < maxNotes; f = f->caller, ++count)
    report.note(f->call, "in this call of '" + f->function.name.text + "'");
  return report;
}

std::string Checker::describe(DimSet dims) const {
  std::vector<StringRef> list;
  for (unsigned dim : dims.list())
    list.push_back(formula->dims[dim].name);
  return llvm::join(list, ", ");
}

std::string Checker::describeShape(const Quantity &quantity) const {
  if (quantity.dims.empty())
    return "no dimension";
  return "[" + describe(quantity.dims) + "]";
}

/// The text of \p expr with each stretch of blanks as one.
static std::string textOnOneLine(const Expr &expr) {
  std::string text;
  for (char c : expr.place.text()) {
    bool isBlank = llvm::isSpace(c);
    if (isBlank && !text.empty() && text.back() == ' ')
      continue;
    text += isBlank ? ' ' : c;
  }
  return text;
}

std::string attn::quote(const Expr &expr) {
  std::string text = textOnOneLine(expr);
  if (text.size() > 40 || text.find('#') != std::string::npos)
    return "this formula";
  return "'" + text + "'";
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// Says whether \p name can be given to something new of this \p kind.
bool Checker::isFree(Name name, Binding::Kind kind) {
  using Kind = Binding::Kind;
  auto word = [](Kind kind) -> StringRef {
    switch (kind) {
    case Kind::Tensor:
      return "a tensor";
    case Kind::Scalar:
      return "a scalar";
    default:
      return "a step";
    }
  };
  if (name.text == "mask" && kind != Kind::Mask) {
    error(name.place(), "'mask' is the condition that a step 'mask = ...' "
                        "gives; choose another name, such as 'keep', and "
                        "write 'mask = keep'");
    return false;
  }
  StringRef meaning = meaningOf(name.text);
  if (!meaning.empty()) {
    error(name.place(), "'" + name.text + "' is " + meaning +
                            " of the language; choose another name");
    return false;
  }
  if (const FunctionDecl *function = functions.find(name.text)) {
    error(name.place(), "'" + name.text + "' names " + word(kind) +
                            " and also a function; choose another name")
        .note(function->name.place(), "the function is defined here");
    return false;
  }
  auto found = names.find(name.text);
  if (found == names.end() || found->second.kind == Kind::Later)
    return true;
  const Binding &other = found->second;
  if (other.kind == Kind::Index || other.kind == Kind::Extent) {
    StringRef dim = formula->dims[other.dim].name;
    error(name.place(),
          "'" + name.text + "' names " + word(kind) + " and also " +
              (other.kind == Kind::Index ? "the index of " : "the size of ") +
              "dimension " + dim +
              "; rename one of them, for example the dimension to " +
              freeDimName())
        .note(other.place, "dimension " + dim + " is named here");
  } else if (kind == Kind::Mask) {
    error(name.place(), "a spec has one mask; join the conditions with 'and'")
        .note(other.place, "the first mask is here");
  } else if (word(kind) == word(other.kind)) {
    error(name.place(), "'" + name.text + "' already names " + word(kind) +
                            "; choose another name")
        .note(other.place, "the first '" + name.text + "' is here");
  } else {
    error(name.place(), "'" + name.text + "' names " + word(kind) +
                            " and also " + word(other.kind) +
                            "; choose another name")
        .note(other.place,
              word(other.kind).drop_front(2) + " '" + name.text + "' is here");
  }
  return false;
}

bool Checker::declare(Name name, Binding binding) {
  if (!isFree(name, binding.kind))
    return false;
  names[name.text] = std::move(binding);
  return true;
}

/// A customary name for a dimension that the spec does not use in any way.
std::string Checker::freeDimName() const {
  for (StringRef name : {"E", "L", "P", "S", "T", "U", "W", "X", "Y", "Z"})
    if (!names.contains(name) && !names.contains(name.lower()))
      return name.str();
  return "another letter";
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

/// Notes the names that statements will define, to tell a use before the
/// definition from an unknown name.
void Checker::expectStatements() {
  auto expect = [&](StringRef name, Place place) {
    names.try_emplace(name, Binding{Binding::Kind::Later, place, {}});
  };
  for (const Statement &statement : attention.statements) {
    if (statement.kind == Statement::Kind::Require)
      continue;
    expect(statement.name.text, statement.name.place());
    if (statement.kind == Statement::Kind::Dim)
      expect(statement.name.text.lower(), statement.name.place());
  }
}

void Checker::checkStatement(const Statement &statement) {
  switch (statement.kind) {
  case Statement::Kind::Dim:
    return checkDim(statement);
  case Statement::Kind::Require:
    return checkRequire(statement);
  case Statement::Kind::Assign:
    return statement.name.text == "mask" ? checkMask(statement)
                                         : checkStep(statement);
  }
}

void Checker::checkStep(const Statement &statement) {
  Checked value = check(statement.value.get());
  declare(statement.name,
          {Binding::Kind::Step, statement.name.place(), std::move(value)});
}

void Checker::checkMask(const Statement &statement) {
  Checked value = check(statement.value.get());
  if (value && value.quantity->element != Element::Bool) {
    error(statement.value->place, "the mask must be a condition, but " +
                                      quote(*statement.value) + " is " +
                                      toString(value.quantity->element) +
                                      "; compare it, as in '... != 0'");
    value = {};
  }
  if (value && value.quantity->dims.empty()) {
    error(statement.value->place,
          "the mask has no dimension, so it restricts nothing; say with "
          "indices which elements take part, as in 'n <= m'");
    value = {};
  }
  // A mask over what does not exist everywhere holds only where that exists.
  if (value) {
    Conditions conditions = value.exists;
    conditions.add({value.quantity});
    value = {conjunction(conditions, value.quantity->place), {}};
  }
  if (declare(statement.name,
              {Binding::Kind::Mask, statement.name.place(), value})) {
    if (value)
      addCondition(maskParts, value.quantity);
    mask = value;
  }
}

void Checker::checkDim(const Statement &statement) {
  Name name = statement.name;
  auto known = names.find(name.text);
  if (known != names.end() && known->second.kind == Binding::Kind::Extent) {
    error(name.place(), "dimension " + name.text +
                            " has its extent already; to demand one, write "
                            "'require " +
                            name.text + " == ...'")
        .note(known->second.place, "dimension " + name.text + " is named here");
    return;
  }
  for (std::string taken : {name.text.str(), name.text.lower()}) {
    auto other = names.find(taken);
    if (other == names.end() || other->second.kind == Binding::Kind::Later ||
        other->second.kind == Binding::Kind::Index)
      continue;
    error(name.place(), "dimension " + name.text + " and its index '" +
                            name.text.lower() +
                            "' need names of their own, "
                            "but '" +
                            taken + "' has a meaning already")
        .note(other->second.place, "'" + taken + "' is defined here");
    return;
  }
  Checked extent = check(statement.value.get());
  if (extent && extent.quantity->element != Element::Int) {
    bool isFloat = extent.quantity->element == Element::Float;
    error(statement.value->place,
          "the extent of " + name.text + " must be an int, but " +
              quote(*statement.value) + " is " +
              toString(extent.quantity->element) +
              (isFloat ? "; '/' is real division: write 'a // b' or "
                         "'ceil(a / b)'"
                       : ""));
    extent = {};
  }
  if (extent && !extent.quantity->isPlanned) {
    error(statement.value->place,
          "the extent of " + name.text +
              " must be known before the tensors are read: it can use sizes "
              "and scalars alone");
    extent = {};
  }
  if (extent) {
    auto value = extent.quantity->constantInt();
    if (value && *value < 0)
      error(statement.value->place,
            "the extent of " + name.text + " is below 0");
  }
  if (std::optional<unsigned> dim = declareDim(name))
    formula->dims[*dim].extent = extent.quantity;
}

void Checker::checkRequire(const Statement &statement) {
  Checked condition = check(statement.value.get());
  if (!condition || !expectCondition(*statement.value, condition.quantity))
    return;
  if (!condition.quantity->isPlanned) {
    error(statement.value->place,
          "a requirement must be known before the tensors are read: it can use "
          "sizes and scalars alone");
    return;
  }
  formula->requirements.push_back({condition.quantity,
                                   statement.message
                                       ? statement.message->str()
                                       : textOnOneLine(*statement.value),
                                   statement.value->place});
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

void Checker::warnOfUnused() {
  for (const auto &[param, result] :
       llvm::zip_equal(attention.params, formula->params)) {
    // A tensor may serve to give a dimension its extent.
    bool givesDim = llvm::any_of(result.layout, [&](unsigned dim) {
      return llvm::any_of(*param.type.dims, [&](Name name) {
        return name.text.begin() == formula->dims[dim].place.begin;
      });
    });
    if (!givesDim && !names[param.name.text].isUsed)
      diagnostics.warning(param.name.place(),
                          "'" + param.name.text + "' is never used");
  }
  for (const Statement &statement : attention.statements)
    if (statement.kind == Statement::Kind::Assign &&
        !names[statement.name.text].isUsed)
      diagnostics.warning(
          statement.name.place(),
          statement.name.text == "mask"
              ? Twine("the mask restricts nothing: no reduction over its "
                      "dimensions comes after it")
              : "step '" + statement.name.text +
                    "' is never used, nor is it an output");
}

std::unique_ptr<Formula> Checker::run() {
  formula->name = attention.name.text;
  formula->place = attention.name.place();
  bool hadErrors = diagnostics.hasErrors();
  for (const ParamDecl &param : attention.params)
    declareDims(param);
  for (const ParamDecl &param : attention.params)
    declareParam(param);
  expectStatements();
  for (const Statement &statement : attention.statements)
    checkStatement(statement);
  checkOutputs();
  if (!hadErrors && !diagnostics.hasErrors())
    warnOfUnused();
  return std::move(formula);
}
