//===- CheckOutputs.cpp - Outputs of an attention -------------------------===//

#include "frontend/Checker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn;
using llvm::StringRef;

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
