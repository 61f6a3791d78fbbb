//===- TileFunctions.cpp - Functions that elements share ------------------===//
//
// The special function unit takes four lanes a cycle of each scheduler, so that
// two of its instructions an element take as long as the products of a head of
// 128. A tile has some of them once for many elements:
//
//   sum of softplus(x) = ln 2 * (log2 of the product of (1 + 2^-|t|)
//                                + sum of max(t, 0)),  t = log2(e) x
//   x^y, y the same for all: a product of x, where y is 2, 3 or 4
//
// A factor 1 + 2^-|t| is between 1 and 2, and a thread has at most 40 elements
// of a row: the product is finite.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/TileFunctions.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Signs.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

double attn::gpu::identityOf(AccumulateKind kind) {
  return kind == AccumulateKind::Max ? -std::numeric_limits<double>::infinity()
         : kind == AccumulateKind::Min ? std::numeric_limits<double>::infinity()
                                       : 0.0;
}

//===----------------------------------------------------------------------===//
// Sums of softplus
//===----------------------------------------------------------------------===//

/// The operand of the softplus that \p accumulator adds up; null: it adds up
/// something else.
static Value softplusSummedBy(const cpu::Accumulator &accumulator) {
  AccumulateOp op = accumulator.op;
  auto unary = op.getOperand().getDefiningOp<UnaryOp>();
  bool isSum = op.getKind() == AccumulateKind::Sum && !op.getRelativeTo() &&
               !accumulator.isProduct;
  if (!isSum || !unary || unary.getKind() != UnaryKind::Softplus)
    return {};
  return unary.getOperand();
}

Values attn::gpu::softplusTotals(FragmentEvaluator &pairs,
                                 const cpu::Accumulator &accumulator,
                                 unsigned elements, MaskElements mask,
                                 FragmentScope &scope) {
  Value operand = softplusSummedBy(accumulator);
  if (!operand || !pairs.onColumns(operand))
    return {};
  WarpCode &warps = pairs.warps;
  cpu::Code &code = warps.code;
  AccumulateOp op = accumulator.op;
  Values t;
  for (unsigned i = 0; i != elements; ++i)
    t.push_back(
        pairs.multiple(operand, std::numbers::log2e, placeOf(i), scope));
  // Of -inf, the factor is 1 and the maximum 0.
  t = mask(t, op.getDomain(), -std::numeric_limits<double>::infinity());
  Values totals;
  for (int row : {0, 1}) {
    // Two chains each, so that an instruction waits for that before the last.
    Value products[2], sums[2];
    unsigned next = 0;
    for (auto [i, element] : llvm::enumerate(t)) {
      if (placeOf(unsigned(i)).row != row)
        continue;
      Value size = LLVM::FAbsOp::create(code.builder, code.loc, element);
      Value power = warps.exp2(code.neg(size));
      Value top = code.max(element, code.real(0));
      Value &product = products[next], &sum = sums[next];
      product = product ? code.fma(product, power, product)
                        : code.add(power, code.real(1));
      sum = sum ? code.add(sum, top) : top;
      next = 1 - next;
    }
    Value total = code.add(warps.log2(code.mul(products[0], products[1])),
                           code.add(sums[0], sums[1]));
    totals.push_back(code.mul(total, code.real(std::numbers::ln2)));
  }
  return totals;
}

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

void attn::gpu::computePowers(FragmentEvaluator &pairs,
                              ArrayRef<cpu::Accumulator> accumulators,
                              unsigned elements, FragmentScope &scope,
                              TilePowers &powers) {
  cpu::Code &code = pairs.code;
  SmallVector<BinaryOp> found;
  auto find = [&](Value part) {
    if (pairs.given.contains(part) || !pairs.onColumns(part))
      return false;
    auto op = part.getDefiningOp<BinaryOp>();
    if (op && op.getKind() == BinaryKind::Pow && pairs.onRows(part) &&
        !pairs.onRows(op.getRhs()) && !pairs.onColumns(op.getRhs()))
      found.push_back(op);
    return true;
  };
  for (const cpu::Accumulator &accumulator : accumulators)
    if (!accumulator.isBase)
      walkFormula(accumulator.pairValues(), find);
  SmallVector<Type> types(elements, code.f32());
  // What a power is made of comes before it.
  for (BinaryOp op : llvm::reverse(found)) {
    Values x;
    for (unsigned i = 0; i != elements; ++i)
      x.push_back(pairs.evaluate(op.getLhs(), placeOf(i), scope));
    Value y = pairs.evaluate(op.getRhs(), {}, scope);
    auto product = [&](unsigned count) {
      Values result = x;
      for (unsigned i = 0; i != x.size(); ++i) {
        Value square = code.mul(x[i], x[i]);
        result[i] =
            count == 2 ? square : code.mul(square, count == 3 ? x[i] : square);
      }
      return result;
    };
    auto choose = [&](unsigned count, llvm::function_ref<Values()> otherwise) {
      Value is =
          code.compare(arith::CmpFPredicate::OEQ, y, code.real(double(count)));
      return code.choose(is, types, [&] { return product(count); }, otherwise);
    };
    auto any = [&] {
      Values result;
      for (Value element : x)
        result.push_back(pairs.power(element, y, isNeverNegative(op.getLhs())));
      return result;
    };
    powers[op.getResult()] =
        choose(2, [&] { return choose(3, [&] { return choose(4, any); }); });
  }
}
