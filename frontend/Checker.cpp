//===- Checker.cpp - Declarations of one attention ------------------------===//

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
// Parameters
//===----------------------------------------------------------------------===//

/// The dimension that \p name names, declared now if it is new.
std::optional<unsigned> Checker::declareDim(Name name) {
  std::string index = name.text.lower();
  auto known = names.find(name.text);
  if (known != names.end() && known->second.kind == Binding::Kind::Extent)
    return known->second.dim;
  if (!llvm::isUpper(name.text.front())) {
    error(name.place(), "a dimension begins with a capital letter, and its "
                        "index is the name in lower case; write '" +
                            name.text.take_front(1).upper() +
                            name.text.drop_front() + "'");
    return std::nullopt;
  }
  StringRef meaning = meaningOf(index);
  if (index == "mask" || isKeyword(index))
    meaning = "a word";
  if (!meaning.empty()) {
    error(name.place(), "the index of dimension " + name.text + " would be '" +
                            index + "', which is " + meaning +
                            " of the language; choose another name");
    return std::nullopt;
  }
  auto other = names.find(index);
  if (other != names.end() && other->second.kind == Binding::Kind::Index) {
    StringRef dim = formula->dims[other->second.dim].name;
    error(name.place(), "dimensions " + dim + " and " + name.text +
                            " would both have the index '" + index +
                            "'; choose another name")
        .note(other->second.place, "dimension " + dim + " is named here");
    return std::nullopt;
  }
  if (formula->dims.size() == DimSet::maxDims) {
    error(name.place(),
          "a spec has at most " + Twine(DimSet::maxDims) + " dimensions");
    return std::nullopt;
  }
  unsigned dim = formula->dims.size();
  formula->dims.push_back({name.text.str(), index, name.place()});
  names[name.text] = {Binding::Kind::Extent, name.place(), {}, dim};
  names[index] = {Binding::Kind::Index, name.place(), {}, dim};
  return dim;
}

void Checker::declareDims(const ParamDecl &param) {
  FormulaParam &result = formula->params.emplace_back();
  result.name = param.name.text;
  result.place = param.name.place();
  result.isScalar = !param.type.dims;
  if (result.isScalar)
    return;
  if (param.type.dims->empty())
    error(param.name.place(), "a tensor has at least one dimension; a scalar "
                              "is written '" +
                                  param.name.text + ": float'");
  DimSet seen;
  for (Name name : *param.type.dims) {
    std::optional<unsigned> dim = declareDim(name);
    if (!dim)
      continue;
    if (seen.contains(*dim))
      error(name.place(), "dimension " + name.text + " occurs twice in '" +
                              param.name.text +
                              "'; give it another name here, and 'require' "
                              "that the two are equal");
    seen |= DimSet::of(*dim);
    result.layout.push_back(*dim);
  }
}

std::optional<Storage> Checker::storageOf(const TypeDecl &type, bool isScalar) {
  struct Type {
    StringRef name;
    Storage storage;
    std::optional<Storage> ofScalar;
  };
  static constexpr Type types[] = {{"float", Storage::F32, Storage::F32},
                                   {"int", Storage::I32, Storage::I64},
                                   {"bool", Storage::Bool, Storage::Bool},
                                   {"f32", Storage::F32, Storage::F32},
                                   {"int64", Storage::I64, Storage::I64},
                                   {"f16", Storage::F16, std::nullopt},
                                   {"bf16", Storage::BF16, std::nullopt},
                                   {"int8", Storage::I8, std::nullopt},
                                   {"uint8", Storage::U8, std::nullopt}};
  if (!type.element)
    return Storage::Default;
  StringRef name = type.element->text;
  std::vector<StringRef> known;
  for (const Type &entry : types) {
    known.push_back(entry.name);
    if (entry.name != name)
      continue;
    if (!isScalar)
      return entry.storage;
    if (!entry.ofScalar)
      error(type.element->place(),
            "a scalar is int, float or bool, not " + name);
    return entry.ofScalar;
  }
  error(type.element->place(),
        "unknown type '" + name + "'" + didYouMean(name, known));
  return std::nullopt;
}

void Checker::declareParam(const ParamDecl &param) {
  unsigned position = &param - attention.params.data();
  FormulaParam &result = formula->params[position];
  std::optional<Storage> storage = storageOf(param.type, result.isScalar);
  Checked value;
  DimSet dims;
  for (unsigned dim : result.layout)
    dims |= DimSet::of(dim);
  bool isComplete = result.isScalar || dims.size() == param.type.dims->size();
  if (storage && isComplete) {
    result.storage = *storage;
    value.quantity = result.quantity =
        table.param(position, elementOf(*storage), dims, param.name.place());
  }
  if (param.defaultValue && storage)
    result.defaultValue = checkDefault(param, elementOf(*storage));
  declare(param.name,
          {result.isScalar ? Binding::Kind::Scalar : Binding::Kind::Tensor,
           param.name.place(), std::move(value)});
}

const Quantity *Checker::checkDefault(const ParamDecl &param, Element element) {
  const Expr &expr = *param.defaultValue;
  if (param.type.dims) {
    error(expr.place, "a tensor has no default; only scalars do");
    return nullptr;
  }
  Checked value = check(&expr);
  if (!value)
    return nullptr;
  if (value.quantity->kind != Quantity::Kind::Constant) {
    error(expr.place, "the default of '" + param.name.text +
                          "' must be a number, not a formula");
    return nullptr;
  }
  if (element == Element::Float && value.quantity->element == Element::Int)
    return toFloat(value.quantity, expr.place);
  if (value.quantity->element == element)
    return value.quantity;
  error(expr.place, "the default of '" + param.name.text + "' is " +
                        toString(value.quantity->element) +
                        ", but its type is " + toString(element))
      .note(param.type.element->place(), "the type is given here");
  return nullptr;
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
// Outputs
//===----------------------------------------------------------------------===//

void Checker::checkOutputs() {
  llvm::StringMap<Place> seen;
  for (const OutputDecl &output : attention.outputs) {
    auto [earlier, isNew] =
        seen.try_emplace(output.name.text, output.name.place());
    if (isNew)
      checkOutput(output);
    else
      error(output.name.place(),
            "'" + output.name.text + "' is an output already")
          .note(earlier->second, "the first is here");
  }
  if (!attention.outputs.empty())
    return;
  // Without an arrow the output is `out`.
  auto found = names.find("out");
  if (found != names.end() && found->second.kind == Binding::Kind::Step) {
    OutputDecl output;
    output.name.text = found->second.place.text();
    return checkOutput(output);
  }
  error(attention.name.place(),
        "'" + attention.name.text +
            "' has no step 'out', which is the output when no arrow names "
            "others, as in '-> lse'");
}

void Checker::checkOutput(const OutputDecl &output) {
  StringRef name = output.name.text;
  auto found = names.find(name);
  bool isComputed =
      found != names.end() && (found->second.kind == Binding::Kind::Step ||
                               found->second.kind == Binding::Kind::Mask);
  if (!isComputed) {
    std::vector<StringRef> steps;
    for (const Statement &statement : attention.statements)
      if (statement.kind == Statement::Kind::Assign)
        steps.push_back(statement.name.text);
    // A step that has this name and is not known has been reported.
    if (llvm::is_contained(steps, name))
      return;
    bool isOther = found != names.end();
    error(output.name.place(),
          "no step computes the output '" + name + "'" +
              (isOther ? "; an output needs a step and a name of its own"
                       : didYouMean(name, steps)));
    return;
  }
  found->second.isUsed = true;
  const Checked &value = found->second.value;
  std::optional<Storage> storage = storageOf(output.type, /*isScalar=*/false);
  if (!value || !storage)
    return;
  const Quantity *quantity = value.quantity;
  if (!output.type.element && quantity->element != Element::Float)
    storage = quantity->element == Element::Int ? Storage::I32 : Storage::Bool;
  Place place = found->second.place;
  std::optional<std::vector<unsigned>> layout =
      layoutOf(output, *quantity, place);
  if (!layout)
    return;

  // What does not exist is 0; so is what an existing mask leaves out.
  Conditions exists = value.exists;
  if (mask && mask.quantity != quantity &&
      quantity->dims.contains(mask.quantity->dims)) {
    exists.add({mask.quantity});
    names["mask"].isUsed = true;
  }
  quantity = zeroWhereNot(exists, quantity, place);
  Element element = elementOf(*storage);
  if (quantity->element == Element::Int && element == Element::Float)
    quantity = toFloat(quantity, place);
  if (quantity->element != element) {
    error(output.type.element->place(),
          "output '" + name + "' is " + toString(quantity->element) + ", not " +
              output.type.element->text + "; convert it in its step with '" +
              toString(element) + "(...)'")
        .note(place, "'" + name + "' is computed here");
    return;
  }
  formula->outputs.push_back(
      {name.str(), output.name.place(), *storage, *layout, quantity});
}

/// The order of the dimensions of an output in memory.
std::optional<std::vector<unsigned>> Checker::layoutOf(const OutputDecl &output,
                                                       const Quantity &quantity,
                                                       Place step) {
  llvm::SmallVector<unsigned> declared = quantity.dims.list();
  if (!output.type.dims)
    return std::vector<unsigned>(declared.begin(), declared.end());
  std::vector<unsigned> layout;
  DimSet seen;
  for (Name name : *output.type.dims) {
    auto found = names.find(name.text);
    if (found == names.end() || found->second.kind != Binding::Kind::Extent) {
      std::vector<StringRef> known;
      for (const Dimension &dim : formula->dims)
        known.push_back(dim.name);
      error(name.place(), "unknown dimension '" + name.text + "'" +
                              didYouMean(name.text, known));
      return std::nullopt;
    }
    unsigned dim = found->second.dim;
    if (seen.contains(dim)) {
      error(name.place(), "dimension " + name.text + " occurs twice in '" +
                              output.name.text + "'");
      return std::nullopt;
    }
    seen |= DimSet::of(dim);
    layout.push_back(dim);
  }
  if (seen == quantity.dims)
    return layout;
  DimSet missing = quantity.dims - seen, extra = seen - quantity.dims;
  error(output.name.place(),
        "output '" + output.name.text + "' has " + describeShape(quantity) +
            (missing.empty() ? ", without " : ", but the arrow leaves out ") +
            describe(missing.empty() ? extra : missing))
      .note(step, "it is computed here");
  return std::nullopt;
}

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
