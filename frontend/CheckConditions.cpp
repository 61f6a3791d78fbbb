//===- CheckConditions.cpp - Where elements exist -------------------------===//

#include "frontend/Checker.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;

void Conditions::add(Condition condition) {
  if (contains(condition) || contains({condition.holds}))
    return;
  // What holds everywhere also holds where a guard does.
  if (!condition.guard)
    llvm::erase_if(
        list, [&](Condition other) { return other.holds == condition.holds; });
  auto *position = llvm::upper_bound(
      list, condition, [](const Condition &a, const Condition &b) {
        unsigned guardA = a.guard ? a.guard->id + 1 : 0;
        unsigned guardB = b.guard ? b.guard->id + 1 : 0;
        return std::pair(a.holds->id, guardA) < std::pair(b.holds->id, guardB);
      });
  list.insert(position, condition);
}

/// Adds \p condition, split at its `and`s so that what two conditions share is
/// there once. The mask stays whole.
void Checker::addCondition(Conditions &conditions,
                           const Quantity *condition) const {
  llvm::SmallVector<const Quantity *> open{condition};
  while (!open.empty()) {
    const Quantity *part = open.pop_back_val();
    bool isAnd = part != mask.quantity &&
                 part->kind == Quantity::Kind::Binary &&
                 part->function == "and";
    if (isAnd)
      open.append(part->operands.begin(), part->operands.end());
    else
      conditions.add({part});
  }
}

/// Whether \p condition is a part of the mask, and \p by has the whole of it.
bool Checker::isImplied(Condition condition, const Conditions &by) const {
  return mask && by.contains({mask.quantity}) &&
         condition.holds != mask.quantity &&
         maskParts.contains({condition.holds});
}

/// One condition that says all of \p conditions; null when there is none. They
/// are split here and not before: what a later reduction is over, and what it
/// keeps, is decided for a `where` as a whole, as for the mask.
const Quantity *Checker::conjunction(const Conditions &conditions,
                                     Place place) {
  Conditions parts;
  for (Condition condition : conditions) {
    if (condition.guard)
      parts.add(condition);
    else
      addCondition(parts, condition.holds);
  }
  const Quantity *all = nullptr;
  for (Condition condition : parts) {
    if (isImplied(condition, parts))
      continue;
    const Quantity *holds = condition.holds;
    if (condition.guard)
      holds = table.binary("or", table.unary("not", condition.guard, place),
                           holds, place);
    all = all ? table.binary("and", all, holds, place) : holds;
  }
  return all;
}

const Quantity *Checker::zeroWhereNot(const Conditions &conditions,
                                      const Quantity *quantity, Place place) {
  const Quantity *exists = conjunction(conditions, place);
  if (!exists)
    return quantity;
  switch (quantity->element) {
  case Element::Bool:
    return table.binary("and", exists, quantity, place);
  case Element::Int:
    return table.select(exists, quantity, table.constant(int64_t(0), place),
                        place);
  case Element::Float:
    return table.select(exists, quantity, table.constant(0.0, place), place);
  }
  llvm_unreachable("unknown element type");
}

Conditions Checker::both(const Checked &a, const Checked &b) {
  Conditions exists = a.exists;
  exists.add(b.exists);
  return exists;
}
