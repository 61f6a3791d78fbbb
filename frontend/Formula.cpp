//===- Formula.cpp - A checked spec ---------------------------------------===//

#include "frontend/Formula.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;
using llvm::ArrayRef;
using llvm::StringRef;

StringRef attn::toString(Element element) {
  switch (element) {
  case Element::Bool:
    return "bool";
  case Element::Int:
    return "int";
  case Element::Float:
    return "float";
  }
  llvm_unreachable("unknown element type");
}

Element attn::elementOf(Storage storage) {
  switch (storage) {
  case Storage::Default:
  case Storage::F32:
  case Storage::F16:
  case Storage::BF16:
    return Element::Float;
  case Storage::I32:
  case Storage::I64:
  case Storage::I8:
  case Storage::U8:
    return Element::Int;
  case Storage::Bool:
    return Element::Bool;
  }
  llvm_unreachable("unknown storage type");
}

llvm::SmallVector<unsigned> DimSet::list() const {
  llvm::SmallVector<unsigned> dims;
  for (uint64_t rest = bits; rest; rest &= rest - 1)
    dims.push_back(llvm::countr_zero(rest));
  return dims;
}

std::optional<int64_t> Quantity::constantInt() const {
  if (kind == Kind::Constant && element == Element::Int)
    return llvm::bit_cast<int64_t>(bits);
  return std::nullopt;
}

std::optional<double> Quantity::constantNumber() const {
  if (kind != Kind::Constant || element == Element::Bool)
    return std::nullopt;
  return element == Element::Int ? double(llvm::bit_cast<int64_t>(bits))
                                 : llvm::bit_cast<double>(bits);
}

void Quantity::Profile(llvm::FoldingSetNodeID &id) const {
  id.AddInteger(unsigned(kind));
  id.AddInteger(unsigned(element));
  id.AddString(function);
  id.AddInteger(bits);
  id.AddInteger(over.size());
  for (unsigned dim : over)
    id.AddInteger(dim);
  for (const Quantity *operand : operands)
    id.AddInteger(operand->id);
}

const Quantity *QuantityTable::unique(Quantity candidate) {
  llvm::FoldingSetNodeID profile;
  candidate.Profile(profile);
  void *position;
  if (Quantity *known = uniquer.FindNodeOrInsertPos(profile, position))
    return known;
  candidate.id = quantities.size();
  Quantity &added = quantities.emplace_back(std::move(candidate));
  uniquer.InsertNode(&added, position);
  return &added;
}

namespace {

Quantity leaf(Quantity::Kind kind, Element element, Place place) {
  Quantity quantity;
  quantity.kind = kind;
  quantity.element = element;
  quantity.place = place;
  quantity.isPlanned = true;
  return quantity;
}

} // namespace

const Quantity *QuantityTable::param(unsigned index, Element element,
                                     DimSet dims, Place place) {
  Quantity quantity = leaf(Quantity::Kind::Param, element, place);
  quantity.bits = index;
  quantity.dims = dims;
  quantity.isPlanned = dims.empty();
  return unique(std::move(quantity));
}

const Quantity *QuantityTable::constant(int64_t value, Place place) {
  Quantity quantity = leaf(Quantity::Kind::Constant, Element::Int, place);
  quantity.bits = llvm::bit_cast<uint64_t>(value);
  return unique(std::move(quantity));
}

const Quantity *QuantityTable::constant(double value, Place place) {
  Quantity quantity = leaf(Quantity::Kind::Constant, Element::Float, place);
  quantity.bits = llvm::bit_cast<uint64_t>(value);
  return unique(std::move(quantity));
}

const Quantity *QuantityTable::constant(bool value, Place place) {
  Quantity quantity = leaf(Quantity::Kind::Constant, Element::Bool, place);
  quantity.bits = value;
  return unique(std::move(quantity));
}

const Quantity *QuantityTable::index(unsigned dim, Place place) {
  Quantity quantity = leaf(Quantity::Kind::Index, Element::Int, place);
  quantity.over = {dim};
  quantity.dims = DimSet::of(dim);
  quantity.isPlanned = false;
  return unique(std::move(quantity));
}

const Quantity *QuantityTable::extent(unsigned dim, Place place) {
  Quantity quantity = leaf(Quantity::Kind::Extent, Element::Int, place);
  quantity.over = {dim};
  return unique(std::move(quantity));
}

Quantity QuantityTable::pointwise(Quantity::Kind kind, StringRef function,
                                  Element element,
                                  ArrayRef<const Quantity *> operands,
                                  Place place) {
  Quantity quantity = leaf(kind, element, place);
  quantity.function = function;
  quantity.operands.append(operands.begin(), operands.end());
  for (const Quantity *operand : operands) {
    quantity.dims |= operand->dims;
    quantity.isPlanned &= operand->isPlanned;
  }
  return quantity;
}

const Quantity *QuantityTable::unary(StringRef function, const Quantity *x,
                                     Place place) {
  if (function == "neg") {
    // A negative literal is one number, whatever the syntax says.
    if (auto value = x->constantInt(); value && *value != INT64_MIN)
      return constant(-*value, place);
    if (auto value = x->constantNumber(); value && x->element == Element::Float)
      return constant(-*value, place);
  }
  return unique(
      pointwise(Quantity::Kind::Unary, function, x->element, {x}, place));
}

const Quantity *QuantityTable::binary(StringRef function, const Quantity *a,
                                      const Quantity *b, Place place) {
  return unique(
      pointwise(Quantity::Kind::Binary, function, a->element, {a, b}, place));
}

const Quantity *QuantityTable::compare(StringRef predicate, const Quantity *a,
                                       const Quantity *b, Place place) {
  return unique(pointwise(Quantity::Kind::Compare, predicate, Element::Bool,
                          {a, b}, place));
}

const Quantity *QuantityTable::select(const Quantity *condition,
                                      const Quantity *then,
                                      const Quantity *otherwise, Place place) {
  return unique(pointwise(Quantity::Kind::Select, "", then->element,
                          {condition, then, otherwise}, place));
}

const Quantity *QuantityTable::cast(const Quantity *x, Element element,
                                    Place place) {
  if (x->element == element)
    return x;
  if (auto value = x->constantInt(); value && element == Element::Float)
    return constant(double(*value), place);
  return unique(pointwise(Quantity::Kind::Cast, "", element, {x}, place));
}

const Quantity *QuantityTable::read(const Quantity *source,
                                    ArrayRef<unsigned> over,
                                    ArrayRef<const Quantity *> indices,
                                    Place place) {
  Quantity quantity =
      pointwise(Quantity::Kind::Read, "", source->element, indices, place);
  DimSet kept = source->dims;
  for (unsigned dim : over)
    kept = kept - DimSet::of(dim);
  quantity.dims |= kept;
  quantity.isPlanned = false;
  quantity.operands.insert(quantity.operands.begin(), source);
  quantity.over.append(over.begin(), over.end());
  return unique(std::move(quantity));
}

const Quantity *QuantityTable::uniform(ArrayRef<const Quantity *> operands,
                                       Place place) {
  Quantity quantity =
      pointwise(Quantity::Kind::Uniform, "", Element::Float, operands, place);
  quantity.isPlanned = false;
  return unique(std::move(quantity));
}

Quantity QuantityTable::reduction(Quantity::Kind kind, StringRef function,
                                  const Quantity *x, ArrayRef<unsigned> over,
                                  const Quantity *domain, Place place) {
  Quantity quantity = pointwise(kind, function, x->element, {x}, place);
  if (domain) {
    quantity.operands.push_back(domain);
    quantity.dims |= domain->dims;
  }
  quantity.isPlanned = false;
  quantity.over.append(over.begin(), over.end());
  return quantity;
}

const Quantity *QuantityTable::reduce(StringRef function, const Quantity *x,
                                      ArrayRef<unsigned> over,
                                      const Quantity *domain, Place place) {
  Quantity quantity =
      reduction(Quantity::Kind::Reduce, function, x, over, domain, place);
  for (unsigned dim : over)
    quantity.dims = quantity.dims - DimSet::of(dim);
  return unique(std::move(quantity));
}

const Quantity *QuantityTable::normalize(StringRef function, const Quantity *x,
                                         ArrayRef<unsigned> over,
                                         const Quantity *domain, Place place) {
  Quantity quantity =
      reduction(Quantity::Kind::Normalize, function, x, over, domain, place);
  for (unsigned dim : over)
    quantity.dims |= DimSet::of(dim);
  return unique(std::move(quantity));
}
