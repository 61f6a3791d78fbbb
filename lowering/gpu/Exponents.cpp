//===- Exponents.cpp - exp(x - maximum) of a tile -------------------------===//

#include "lowering/gpu/Exponents.h"
#include "lowering/gpu/Fragments.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

static constexpr double log2OfE = std::numbers::log2e;

/// 0 where \p x is the maximum of nothing.
static Value orZero(cpu::Code &code, Value x, Value otherwise) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Value isNothing =
      code.compare(arith::CmpFPredicate::OEQ, x, code.real(-infinity));
  return code.select(isNothing, code.real(0), otherwise);
}

Value attn::gpu::operandOf(WarpCode &warps, Value y, Value factor,
                           Value shift) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  cpu::Code &code = warps.code;
  if (!shift)
    return factor ? code.mul(y, factor) : y;
  return code.select(
      code.compare(arith::CmpFPredicate::OEQ, y, code.real(-infinity)), y,
      factor ? code.fma(y, factor, shift) : code.add(y, shift));
}

Value attn::gpu::shrinkage(WarpCode &warps, Value before, Value after) {
  cpu::Code &code = warps.code;
  Value difference = code.sub(before, orZero(code, after, after));
  return warps.exp2(code.mul(difference, code.real(log2OfE)));
}

/// Whether this thread sees that the maximum of a row may be large. One above
/// zero is where one of what it is of is. One below zero is so only if all are:
/// up to the first tile the thread's own number stands for it, later what the
/// maximum was.
static Value mayBeLarge(WarpCode &warps, const RowMaximum &row) {
  // 2^12 as an exponent of 2. Up to here, with a shift of as much again, the
  // rounded exponent is off by no more than 2^-11.
  constexpr double large = 4096 * std::numbers::ln2;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  using Predicate = arith::CmpFPredicate;
  cpu::Code &code = warps.code;
  Value isFirst =
      code.compare(Predicate::OEQ, row.before, code.real(-infinity));
  Value known = code.select(isFirst, row.x, row.before);
  Value any = code.compare(Predicate::OGT, warps.maxNumber(row.x, row.before),
                           code.real(large));
  any = code.lor(
      any,
      code.land(code.compare(Predicate::OLT, known, code.real(-large)),
                code.compare(Predicate::OGT, known, code.real(-infinity))));
  if (!row.shift)
    return any;
  return code.lor(
      any, code.compare(Predicate::UGT, // also where it is NaN
                        LLVM::FAbsOp::create(code.builder, code.loc, row.shift),
                        code.real(large)));
}

Value attn::gpu::noneIsLarge(WarpCode &warps, const RowMaximum (&rows)[2]) {
  return warps.noLane(
      warps.code.lor(mayBeLarge(warps, rows[0]), mayBeLarge(warps, rows[1])));
}

Value attn::gpu::maximaSuffice(WarpCode &warps, const RowMaximum (&rows)[2]) {
  constexpr double reserve = 8 * std::numbers::ln2;
  cpu::Code &code = warps.code;
  Value any;
  for (const RowMaximum &row : rows) {
    // Also where one is NaN.
    Value isBeyond = code.compare(arith::CmpFPredicate::UGT, row.x,
                                  code.add(row.before, code.real(reserve)));
    Value found = code.lor(isBeyond, mayBeLarge(warps, row));
    any = any ? code.lor(any, found) : found;
  }
  return warps.noLane(any);
}

Exponents attn::gpu::exponentsOf(WarpCode &warps, ValueRange y,
                                 const RowMaximum (&rows)[2], Value none,
                                 bool inBranch) {
  cpu::Code &code = warps.code;
  Value exponents[2];
  for (unsigned row : {0, 1}) {
    const RowMaximum &of = rows[row];
    Value origin =
        orZero(code, of.after, code.mul(of.after, code.real(-log2OfE)));
    exponents[row] =
        of.shift ? code.fma(of.shift, code.real(log2OfE), origin) : origin;
  }
  SmallVector<Type> types(y.size() + 2, code.f32());
  auto asTheyAre = [&] {
    WarpCode::Values values(y);
    values.append({exponents[0], exponents[1]});
    return values;
  };
  // Where `none` is null, or does not hold.
  auto differences = [&](Value none) {
    auto unless = [&](Value otherwise, Value value) {
      return none ? code.select(none, otherwise, value) : value;
    };
    WarpCode::Values values;
    Value tops[2];
    for (unsigned row : {0, 1})
      tops[row] = unless(code.real(0), orZero(code, rows[row].y, rows[row].y));
    for (auto [i, element] : llvm::enumerate(y))
      values.push_back(code.sub(element, tops[placeOf(unsigned(i)).row]));
    for (unsigned row : {0, 1}) {
      const RowMaximum &of = rows[row];
      Value difference = code.sub(of.x, orZero(code, of.after, of.after));
      values.push_back(
          unless(exponents[row],
                 orZero(code, of.y, code.mul(difference, code.real(log2OfE)))));
    }
    return values;
  };
  WarpCode::Values values =
      !none      ? asTheyAre()
      : inBranch ? code.choose(none, types, asTheyAre,
                               [&] { return differences(Value()); })
                 : differences(none);
  Exponents result;
  result.elements.assign(values.begin(), values.end() - 2);
  result.rows[0] = values[y.size()];
  result.rows[1] = values[y.size() + 1];
  return result;
}
