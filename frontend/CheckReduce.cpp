//===- CheckReduce.cpp - Reductions, their domains, and reads -------------===//

#include "frontend/Checker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

/// The dimension whose index is \p name. Inside a function it is one of the
/// attention that calls it.
std::optional<unsigned> Checker::resolveIndex(Name name) {
  auto found = names.find(name.text);
  if (found != names.end()) {
    const Binding &binding = found->second;
    if (binding.kind == Binding::Kind::Index)
      return binding.dim;
    if (binding.kind == Binding::Kind::Extent) {
      const Dimension &dim = formula->dims[binding.dim];
      error(name.place(), "'" + name.text +
                              "' is a dimension; write its index "
                              "'" +
                              dim.index + "'");
      return std::nullopt;
    }
    if (binding.kind == Binding::Kind::Later) {
      error(name.place(), "'" + name.text + "' is used before its definition")
          .note(binding.place, "'" + name.text + "' is defined here");
      return std::nullopt;
    }
  }
  std::vector<StringRef> known;
  for (const Dimension &dim : formula->dims)
    known.push_back(dim.index);
  std::string hint = didYouMean(name.text, known);
  if (hint.empty() && !known.empty())
    hint = "; the indices are " + llvm::join(known, ", ");
  error(name.place(),
        "'" + name.text + "' is not the index of a dimension" + hint);
  return std::nullopt;
}

std::optional<llvm::SmallVector<unsigned>>
Checker::resolveIndices(const ReduceExpr &expr) {
  llvm::SmallVector<unsigned> dims;
  bool isComplete = true;
  for (Name name : expr.indices) {
    std::optional<unsigned> dim = resolveIndex(name);
    isComplete &= dim.has_value();
    if (!dim)
      continue;
    if (llvm::is_contained(dims, *dim)) {
      error(name.place(), "'" + name.text + "' is named twice");
      isComplete = false;
    }
    dims.push_back(*dim);
  }
  if (!isComplete)
    return std::nullopt;
  // The order says nothing, so one order is kept.
  llvm::sort(dims);
  return dims;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Under a mask over M and N, the mean over n of something without m could mean
/// one number for each m, or one over all n.
bool Checker::checkAmbiguity(const ReduceExpr &expr, DimSet reduced,
                             DimSet available) {
  DimSet lacking = mask.quantity->dims - reduced - available;
  if (lacking.empty())
    return true;
  const Expr &operand = *expr.operands.front();
  std::string text = quote(operand);
  text = text.front() == '\'' ? text.substr(1, text.size() - 2) : "...";
  const char *begin = expr.callee.text.begin();
  StringRef callee =
      StringRef(begin, expr.place.end - begin).take_until([](char c) {
        return c == '(';
      });
  auto written = [&](StringRef where) {
    return ("'" + callee + "(" + text + " where " + where + ")'").str();
  };
  std::string indices =
      llvm::join(llvm::map_to_vector(
                     lacking.list(),
                     [&](unsigned dim) { return formula->dims[dim].index; }),
                 " and ");
  bool hasWhere = expr.where != nullptr;
  error(expr.place,
        "the mask depends on " + describe(lacking) + ", but " + quote(operand) +
            " does not: which elements exist is ambiguous; " +
            (hasWhere
                 ? "add 'mask and' after 'where' for one result for each "
                 : "write " + written("mask") + " for one result for each ") +
            indices +
            (hasWhere ? "" : ", or " + written("all") + " for all elements"))
      .note(names["mask"].place,
            "the mask over [" + describe(mask.quantity->dims) + "] is here");
  return false;
}

bool Checker::checkReducedDims(const ReduceExpr &expr, const Quantity &operand,
                               DimSet reduced, DimSet available) {
  DimSet lacking = reduced - available;
  if (lacking.empty())
    return true;
  error(expr.place,
        "'" + expr.callee.text + "' runs over " + describe(lacking) + ", but " +
            quote(*expr.operands.front()) + " has " + describeShape(operand));
  return false;
}

Checked Checker::checkReduce(const ReduceExpr &expr) {
  const Reduction *reduction = functions.resolve(
      expr, [&](Place place, const Twine &message) -> Report & {
        return error(place, message);
      });
  if (!reduction)
    return {};
  auto over = resolveIndices(expr);
  const Expr &operandExpr = *expr.operands.front();
  Checked operand = check(&operandExpr);
  Checked where = check(expr.where.get());
  if (!over || !operand || (expr.where && !where))
    return {};
  bool isValid = expectNumber(operandExpr, operand.quantity);
  if (where)
    isValid &= expectCondition(*expr.where, where.quantity);
  if (!isValid)
    return {};

  DimSet reduced;
  for (unsigned dim : *over)
    reduced |= DimSet::of(dim);
  DimSet available = operand.quantity->dims;
  if (where)
    available |= where.quantity->dims;
  bool isMasked =
      mask && !expr.whereAll && mask.quantity->dims.intersects(reduced);
  if (isMasked && !checkAmbiguity(expr, reduced, available))
    return {};
  if (isMasked) {
    available |= mask.quantity->dims;
    names["mask"].isUsed = true;
  }
  if (!checkReducedDims(expr, *operand.quantity, reduced, available))
    return {};

  // The elements that take part: those that exist, of the operand and under
  // the mask, and that `where` leaves. A condition that does not mention what
  // is reduced stays a condition of the result.
  Conditions domain, kept, ofOperand;
  for (Condition condition : operand.exists)
    (condition.dims().intersects(reduced) ? ofOperand : kept).add(condition);
  const Quantity *x = operand.quantity;
  if (expr.whereAll)
    x = zeroWhereNot(ofOperand, x, expr.place);
  else
    domain.add(ofOperand);
  if (isMasked)
    domain.add({mask.quantity});
  if (where) {
    domain.add(where.exists);
    domain.add({where.quantity});
  }
  const Quantity *condition = conjunction(domain, expr.place);

  if (!reduction->keepsIntegers)
    x = toFloat(x, operandExpr.place);
  if (reduction->form == Reduction::Form::Reduce)
    return {table.reduce(reduction->name, x, *over, condition, expr.place),
            kept};
  kept.add(domain);
  return {table.normalize(reduction->name, x, *over, condition, expr.place),
          kept};
}

//===----------------------------------------------------------------------===//
// Reads
//===----------------------------------------------------------------------===//

const Quantity *Checker::checkPosition(const ReadExpr::Index &index,
                                       Checked value) {
  const Expr &expr = *index.value;
  if (value.quantity->element != Element::Int) {
    bool isFloat = value.quantity->element == Element::Float;
    error(expr.place, "the position for '" + index.name.text +
                          "' must be an int, but " + quote(expr) + " is " +
                          toString(value.quantity->element) +
                          (isFloat ? "; write 'int(...)', or '//' for a "
                                     "division"
                                   : ""));
    return nullptr;
  }
  auto constant = value.quantity->constantInt();
  if (constant && *constant < 0) {
    error(expr.place, "position " + Twine(*constant) +
                          " is below 0; the last element is at " +
                          index.name.text.upper() + " - 1");
    return nullptr;
  }
  return value.quantity;
}

Checked Checker::checkRead(const ReadExpr &expr) {
  Checked source = check(expr.source.get());
  bool isValid = bool(source);
  DimSet replaced;
  llvm::SmallVector<std::pair<unsigned, const Quantity *>> positions;
  Checked result;
  for (const ReadExpr::Index &index : expr.indices) {
    std::optional<unsigned> dim = resolveIndex(index.name);
    Checked value = check(index.value.get());
    const Quantity *position = value ? checkPosition(index, value) : nullptr;
    if (!dim || !position || !source) {
      isValid = false;
      continue;
    }
    if (!source.quantity->dims.contains(*dim)) {
      error(index.name.place(), quote(*expr.source) + " has no dimension " +
                                    formula->dims[*dim].name +
                                    " to read at; it has " +
                                    describeShape(*source.quantity))
          .note(source.quantity->place, "it is defined here");
      isValid = false;
      continue;
    }
    if (replaced.contains(*dim)) {
      error(index.name.place(), "'" + index.name.text + "' is named twice");
      isValid = false;
    }
    replaced |= DimSet::of(*dim);
    result.exists.add(value.exists);
    positions.push_back({*dim, position});
  }
  if (!isValid)
    return {};

  // Elements that do not exist at the position read as 0.
  Conditions atPosition;
  for (Condition condition : source.exists)
    (condition.dims().intersects(replaced) ? atPosition : result.exists)
        .add(condition);
  const Quantity *from = zeroWhereNot(atPosition, source.quantity, expr.place);
  llvm::sort(positions);
  llvm::SmallVector<unsigned> over;
  llvm::SmallVector<const Quantity *> indices;
  for (auto [dim, position] : positions) {
    over.push_back(dim);
    indices.push_back(position);
  }
  result.quantity = table.read(from, over, indices, expr.place);
  return result;
}
