//===- IndexFacts.cpp - What comparisons say about indices ----------------===//

#include "dialect/IndexFacts.h"
#include "dialect/Congruences.h"

using namespace mlir;
using namespace attn;

/// As many sums bound one number, at most: minima of minima have many.
static constexpr size_t mostBounds = 4;

IndexFacts::IndexFacts(SpecOp spec) : spec(spec) {
  for (auto require : spec.getBody().front().getOps<RequireOp>())
    collect(require.getCondition(), required);
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

/// Takes in the comparisons that \p condition, a conjunction, consists of.
void IndexFacts::collect(Value condition, Facts &facts) {
  for (Value conjunct : conjunctsOf(condition)) {
    auto compare = conjunct.getDefiningOp<CompareOp>();
    if (!compare || !quantity(compare.getLhs()).getElementType().isInteger(64))
      continue;
    Value a = compare.getLhs(), b = compare.getRhs();
    switch (compare.getPredicate()) {
    case Predicate::LT:
      addAtMost(a, b, 1, facts);
      break;
    case Predicate::LE:
      addAtMost(a, b, 0, facts);
      break;
    case Predicate::GT:
      addAtMost(b, a, 1, facts);
      break;
    case Predicate::GE:
      addAtMost(b, a, 0, facts);
      break;
    case Predicate::EQ:
      addAtMost(a, b, 0, facts);
      addAtMost(b, a, 0, facts);
      break;
    case Predicate::NE:
      break;
    }
  }
}

/// Takes in \p lesser + \p margin <= \p greater.
void IndexFacts::addAtMost(Value lesser, Value greater, int64_t margin,
                           Facts &facts) {
  for (const LinearForm &high : bounds(greater, /*above=*/true))
    for (const LinearForm &low : bounds(lesser, /*above=*/false)) {
      LinearForm fact = (high - low).plus(-margin);
      if (!llvm::is_contained(facts, fact))
        facts.push_back(fact);
    }
}

//===----------------------------------------------------------------------===//
// Bounds of what is not linear
//===----------------------------------------------------------------------===//

/// Sums that \p value, an integer, is nowhere above, or nowhere below.
IndexFacts::Facts IndexFacts::bounds(Value value, bool above) {
  auto found = knownBounds[above].find(value);
  if (found != knownBounds[above].end())
    return found->second;
  Facts facts;
  if (std::optional<LinearForm> form = LinearForm::of(value))
    facts = {*form};
  else
    facts = computeBounds(value, above);
  if (facts.size() > mostBounds)
    facts.resize(mostBounds);
  return knownBounds[above][value] = facts;
}

IndexFacts::Facts IndexFacts::computeBounds(Value value, bool above) {
  Facts result;
  Operation *op = value.getDefiningOp();
  auto negated = [&](Value operand) {
    Facts forms = bounds(operand, !above);
    for (LinearForm &form : forms)
      form = LinearForm() - form;
    return forms;
  };
  if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    if (unary.getKind() == UnaryKind::Neg)
      return negated(unary.getOperand());
    if (unary.getKind() == UnaryKind::Abs && !above) {
      result = bounds(unary.getOperand(), above);
      llvm::append_range(result, negated(unary.getOperand()));
    }
    return result;
  }
  auto binary = dyn_cast_or_null<BinaryOp>(op);
  if (!binary)
    return result;
  Value a = binary.getLhs(), b = binary.getRhs();
  switch (binary.getKind()) {
  case BinaryKind::Add:
  case BinaryKind::Sub:
    for (const LinearForm &x : bounds(a, above))
      for (const LinearForm &y :
           binary.getKind() == BinaryKind::Add ? bounds(b, above) : negated(b))
        result.push_back(x + y);
    return result;
  case BinaryKind::Min:
  case BinaryKind::Max:
    if ((binary.getKind() == BinaryKind::Min) == above) {
      result = bounds(a, above);
      llvm::append_range(result, bounds(b, above));
    }
    return result;
  case BinaryKind::Mul: {
    // x // s * s is above x - s, and no more than x.
    for (auto [quotient, by] : {std::pair(a, b), std::pair(b, a)}) {
      auto division = quotient.getDefiningOp<BinaryOp>();
      std::optional<LinearForm> size = LinearForm::of(by);
      if (!division || division.getKind() != BinaryKind::FloorDiv ||
          division.getRhs() != by || !size || !isPositive(*size))
        continue;
      for (const LinearForm &x : bounds(division.getLhs(), above))
        result.push_back(above ? x : (x - *size).plus(1));
      return result;
    }
    return result;
  }
  case BinaryKind::Mod: {
    std::optional<LinearForm> size = LinearForm::of(b);
    if (size && isPositive(*size))
      result.push_back(above ? size->plus(-1) : LinearForm());
    return result;
  }
  default:
    return result;
  }
}

bool IndexFacts::isPositive(const LinearForm &form) {
  return form.numIndices() == 0 && isNeverNegative(form.plus(-1));
}

//===----------------------------------------------------------------------===//
// Domains
//===----------------------------------------------------------------------===//

const IndexFacts::Facts &IndexFacts::around(Value value) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  Facts facts = compute(value);
  return known[value] = std::move(facts);
}

/// What holds for all uses of \p value.
IndexFacts::Facts IndexFacts::compute(Value value) {
  std::optional<Facts> common;
  for (OpOperand &use : value.getUses()) {
    Facts facts = ofUse(use);
    if (!common)
      common = facts;
    else
      llvm::erase_if(*common, [&](const LinearForm &fact) {
        return !llvm::is_contained(facts, fact);
      });
  }
  return common.value_or(Facts());
}

/// What holds where \p use looks at its value.
IndexFacts::Facts IndexFacts::ofUse(OpOperand &use) {
  Operation *user = use.getOwner();
  Facts facts;
  // Indices that stand for others below the user than above it.
  DimList renewed;
  if (auto reduce = dyn_cast<ReduceOp>(user)) {
    renewed = toDims(reduce.getDims());
    if (reduce.getDomain() && use.getOperandNumber() == 0)
      collect(reduce.getDomain(), facts);
  } else if (auto normalize = dyn_cast<NormalizeOp>(user)) {
    renewed = toDims(normalize.getDims());
    if (normalize.getDomain() && use.getOperandNumber() == 0)
      collect(normalize.getDomain(), facts);
  } else if (auto select = dyn_cast<SelectOp>(user)) {
    if (use.getOperandNumber() == 1)
      collect(select.getCondition(), facts);
  } else if (auto read = dyn_cast<ReadOp>(user)) {
    if (use.getOperandNumber() == 0)
      renewed = toDims(read.getDims());
  }
  if (user->getNumResults() != 1)
    return facts;
  for (const LinearForm &fact : around(user->getResult(0)))
    if (!llvm::is_contained(facts, fact) &&
        llvm::none_of(renewed, [&](StringAttr dim) {
          return fact.hasIndex(dim.getValue());
        }))
      facts.push_back(fact);
  return facts;
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

IndexFacts::Facts IndexFacts::lowerBounds(const LinearForm &form,
                                          const Facts &facts) {
  Facts leasts{form.minimum(spec)};
  for (const LinearForm &fact : facts) {
    LinearForm rest = form - fact;
    // Of no use is one that says nothing about the indices of the form. It may
    // bound one by another (n + 2 <= m).
    if (rest.lacksIndexOf(form) || rest.isNeverNegative())
      leasts.push_back(rest.minimum(spec));
  }
  return leasts;
}

IndexFacts::Facts IndexFacts::exclusions(const Facts &facts) {
  Facts result;
  auto add = [&](const LinearForm &fact) {
    LinearForm below = (LinearForm() - fact).plus(-1).minimum(spec);
    if (!llvm::is_contained(result, below))
      result.push_back(below);
  };
  for (const LinearForm &fact : facts)
    add(fact);
  // Both ends of a window leave nothing between them.
  for (size_t i = 0; i != facts.size(); ++i)
    for (size_t j = 0; j != i; ++j)
      if (LinearForm sum = facts[i] + facts[j];
          sum.numIndices() <
          std::min(facts[i].numIndices(), facts[j].numIndices()))
        add(sum);
  return result;
}

bool IndexFacts::isNeverNegative(const LinearForm &form) {
  auto holds = [&](const LinearForm &rest) {
    return rest.minimum(spec).isNeverNegative();
  };
  auto holdsWithOne = [&](const LinearForm &rest) {
    return holds(rest) || llvm::any_of(required, [&](const LinearForm &fact) {
             return holds(rest - fact);
           });
  };
  return holdsWithOne(form) ||
         llvm::any_of(required, [&](const LinearForm &fact) {
           return holdsWithOne(form - fact);
         });
}
