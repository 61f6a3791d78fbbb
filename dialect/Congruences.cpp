//===- Congruences.cpp - Residues that a mask ties together ---------------===//

#include "dialect/Congruences.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"

using namespace mlir;
using namespace attn;

/// What \p kind joins to \p predicate.
static SmallVector<Value> joinedBy(BinaryKind kind, Value predicate) {
  SmallVector<Value> joined;
  walkFormula(predicate, [&](Value value) {
    auto binary = value.getDefiningOp<BinaryOp>();
    bool joins = binary && binary.getKind() == kind;
    if (!joins)
      joined.push_back(value);
    return joins;
  });
  return joined;
}

SmallVector<Value> attn::conjunctsOf(Value predicate) {
  return joinedBy(BinaryKind::And, predicate);
}

SmallVector<Value> attn::disjunctsOf(Value predicate) {
  return joinedBy(BinaryKind::Or, predicate);
}

bool attn::areDisjoint(Value a, Value b) {
  auto excludes = [](ArrayRef<Value> conjuncts, ArrayRef<Value> others) {
    return llvm::any_of(conjuncts, [&](Value conjunct) {
      auto unary = conjunct.getDefiningOp<UnaryOp>();
      return unary && unary.getKind() == UnaryKind::Not &&
             llvm::all_of(conjunctsOf(unary.getOperand()), [&](Value needed) {
               return llvm::is_contained(others, needed);
             });
    });
  };
  SmallVector<Value> ofA = conjunctsOf(a), ofB = conjunctsOf(b);
  return excludes(ofA, ofB) || excludes(ofB, ofA);
}

namespace {

class CongruenceReader {
public:
  CongruenceReader(ArrayRef<StringAttr> lanes, ArrayRef<StringAttr> over)
      : lanes(lanes), over(over) {}

  std::optional<Congruence> read(Value condition) {
    auto compare = condition.getDefiningOp<CompareOp>();
    if (!compare || compare.getPredicate() != Predicate::EQ ||
        !quantity(compare.getLhs()).getElementType().isInteger(64))
      return std::nullopt;
    result.condition = condition;
    BinaryOp a = asRemainder(compare.getLhs());
    BinaryOp b = asRemainder(compare.getRhs());
    if (a && b && a.getRhs() == b.getRhs()) {
      if (!add(a.getLhs(), 1) || !add(b.getLhs(), -1))
        return std::nullopt;
    } else {
      Value number = a ? compare.getRhs() : compare.getLhs();
      if (!a)
        a = b;
      if (!a || varies(number) || !add(a.getLhs(), 1))
        return std::nullopt;
      result.rest.push_back({-1, number});
      result.remainder = number;
    }
    result.by = a.getRhs();
    if (!result.key)
      return std::nullopt;
    return result;
  }

private:
  bool varies(Value value) {
    return hasAnyDim(value, lanes) || hasAnyDim(value, over);
  }

  /// x % s with s the same for everything that the kernel computes.
  BinaryOp asRemainder(Value value) {
    auto mod = value.getDefiningOp<BinaryOp>();
    return mod && mod.getKind() == BinaryKind::Mod &&
                   quantity(mod.getRhs()).isScalar()
               ? mod
               : BinaryOp();
  }

  /// Takes in \p sign * \p value; fails where it is no such sum.
  bool add(Value value, int sign) {
    if (!varies(value)) {
      result.rest.push_back({sign, value});
      return true;
    }
    Operation *op = value.getDefiningOp();
    if (auto index = dyn_cast_or_null<IndexOp>(op)) {
      bool isKey = llvm::is_contained(over, index.getDimAttr());
      StringAttr &dim = isKey ? result.key : result.lane;
      if (dim)
        return false;
      dim = index.getDimAttr();
      (isKey ? result.keySign : result.laneSign) = sign;
      return true;
    }
    if (auto unary = dyn_cast_or_null<UnaryOp>(op))
      return unary.getKind() == UnaryKind::Neg &&
             add(unary.getOperand(), -sign);
    auto binary = dyn_cast_or_null<BinaryOp>(op);
    if (!binary)
      return false;
    if (binary.getKind() == BinaryKind::Add)
      return add(binary.getLhs(), sign) && add(binary.getRhs(), sign);
    if (binary.getKind() == BinaryKind::Sub)
      return add(binary.getLhs(), sign) && add(binary.getRhs(), -sign);
    return false;
  }

  ArrayRef<StringAttr> lanes, over;
  Congruence result;
};

} // namespace

std::optional<Congruence> attn::asCongruence(Value condition,
                                             ArrayRef<StringAttr> lanes,
                                             ArrayRef<StringAttr> over) {
  return CongruenceReader(lanes, over).read(condition);
}
