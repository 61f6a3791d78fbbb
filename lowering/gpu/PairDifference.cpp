//===- PairDifference.cpp - What two indices' difference decides ----------===//

#include "lowering/gpu/PairDifference.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"

#include <optional>

using namespace mlir;
using namespace attn;

namespace {

class Shifts {
public:
  Shifts(StringAttr row, StringAttr column) : row(row), column(column) {}

  bool varies(Value value) {
    return quantity(value).hasDim(row) || quantity(value).hasDim(column);
  }
  bool variesByBoth(Value value) {
    return quantity(value).hasDim(row) && quantity(value).hasDim(column);
  }

  /// What is added to \p value where both indices grow by one, if always the
  /// same.
  std::optional<int64_t> of(Value value) {
    if (!varies(value))
      return 0;
    auto [it, isNew] = known.try_emplace(value, std::nullopt);
    if (!isNew)
      return it->second;
    std::optional<int64_t> shift = compute(value);
    known[value] = shift;
    return shift;
  }

private:
  std::optional<int64_t> compute(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<IndexOp>(op))
      return 1;
    if (auto read = dyn_cast_or_null<ReadOp>(op)) {
      for (auto name : {row, column})
        if (quantity(read.getSource()).hasDim(name) &&
            !llvm::is_contained(read.getDims(), Attribute(name)))
          return std::nullopt;
      return allStay(read.getIndices());
    }
    if (!isa_and_nonnull<UnaryOp, BinaryOp, CompareOp, SelectOp, CastOp,
                         UniformOp>(op))
      return std::nullopt;
    if (auto stays = allStay(op->getOperands()))
      return stays;
    // Of 64 bits, no sum of indices wraps around.
    bool isWide = quantity(value).getElementType().isInteger(64);
    if (isa<CastOp>(op) && isWide)
      return of(op->getOperand(0));
    if (auto compare = dyn_cast<CompareOp>(op)) {
      std::optional<int64_t> a = of(compare.getLhs()), b = of(compare.getRhs());
      return a && a == b ? std::optional<int64_t>(0) : std::nullopt;
    }
    if (auto select = dyn_cast<SelectOp>(op)) {
      std::optional<int64_t> a = of(select.getThen());
      bool isSame =
          of(select.getCondition()) == 0 && a == of(select.getOtherwise());
      return isSame ? a : std::nullopt;
    }
    auto binary = dyn_cast<BinaryOp>(op);
    if (!binary || !isWide)
      return std::nullopt;
    return combine(binary);
  }

  std::optional<int64_t> combine(BinaryOp op) {
    std::optional<int64_t> a = of(op.getLhs()), b = of(op.getRhs());
    if (!a || !b)
      return std::nullopt;
    switch (op.getKind()) {
    case BinaryKind::Add:
      return *a + *b;
    case BinaryKind::Sub:
      return *a - *b;
    case BinaryKind::Min:
    case BinaryKind::Max:
      return a == b ? a : std::nullopt;
    default:
      return std::nullopt;
    }
  }

  std::optional<int64_t> allStay(ValueRange operands) {
    for (Value operand : operands)
      if (of(operand) != 0)
        return std::nullopt;
    return 0;
  }

  StringAttr row, column;
  llvm::DenseMap<Value, std::optional<int64_t>> known;
};

/// Says whether \p value takes memory or the special function unit.
bool isCostly(Value value) {
  return isMadeOf(value, [](Value part) {
    Operation *op = part.getDefiningOp();
    if (auto unary = dyn_cast_or_null<UnaryOp>(op))
      return !llvm::is_contained(
          {UnaryKind::Neg, UnaryKind::Abs, UnaryKind::Not}, unary.getKind());
    if (auto binary = dyn_cast_or_null<BinaryOp>(op))
      return llvm::is_contained({BinaryKind::FloorDiv, BinaryKind::Mod,
                                 BinaryKind::Div, BinaryKind::Ratio},
                                binary.getKind());
    return isa_and_nonnull<ReadOp, UniformOp>(op);
  });
}

/// Terms and factors are left to whoever sums and multiplies: a scale may be of
/// the row.
bool isTermOrFactor(Operation *op) {
  if (auto unary = dyn_cast<UnaryOp>(op))
    return unary.getKind() == UnaryKind::Neg;
  auto binary = dyn_cast<BinaryOp>(op);
  return binary && llvm::is_contained({BinaryKind::Add, BinaryKind::Sub,
                                       BinaryKind::Mul, BinaryKind::Div},
                                      binary.getKind());
}

} // namespace

void attn::gpu::collectDifferences(Value value, StringAttr row,
                                   StringAttr column,
                                   const llvm::SmallPtrSetImpl<Value> &given,
                                   llvm::SmallVectorImpl<Value> &found) {
  Shifts shifts(row, column);
  llvm::SmallPtrSet<Value, 16> seen(llvm::from_range, given);
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || !shifts.varies(next) || !seen.insert(next).second ||
        isa<SweepOp, KernelOp, AccumulateOp, ReduceOp>(op))
      continue;
    if (quantity(next).getElementType().isF32() && shifts.variesByBoth(next) &&
        !isTermOrFactor(op) && shifts.of(next) == 0 && isCostly(next)) {
      if (!llvm::is_contained(found, next))
        found.push_back(next);
      continue;
    }
    llvm::append_range(open, op->getOperands());
  }
}
