//===- CheckParams.cpp - Dimensions and parameters ------------------------===//

#include "frontend/Checker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn;
using llvm::StringRef;
using llvm::Twine;

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
