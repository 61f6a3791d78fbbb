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

Value attn::gpu::shrinkage(WarpCode &warps, Value before, Value after) {
  cpu::Code &code = warps.code;
  Value difference = code.sub(before, orZero(code, after, after));
  return warps.exp2(code.mul(difference, code.real(log2OfE)));
}

/// A maximum above zero is large where one of what it is of is. One below zero
/// is so only if all are: up to the first tile the thread's own number stands
/// for it, later what the maximum was.
Value attn::gpu::noneIsLarge(WarpCode &warps, const RowMaximum (&rows)[2]) {
  // 2^12 as an exponent of 2. Up to here, with a shift of as much again, the
  // rounded exponent is off by no more than 2^-11.
  constexpr double large = 4096 * std::numbers::ln2;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  using Predicate = arith::CmpFPredicate;
  cpu::Code &code = warps.code;
  Value any;
  auto add = [&](Value condition) {
    any = any ? code.lor(any, condition) : condition;
  };
  for (const RowMaximum &row : rows) {
    Value isFirst =
        code.compare(Predicate::OEQ, row.before, code.real(-infinity));
    Value known = code.select(isFirst, row.x, row.before);
    add(code.compare(Predicate::OGT, warps.maxNumber(row.x, row.before),
                     code.real(large)));
    add(code.land(code.compare(Predicate::OLT, known, code.real(-large)),
                  code.compare(Predicate::OGT, known, code.real(-infinity))));
    if (row.shift)
      add(code.compare(Predicate::OGT,
                       LLVM::FAbsOp::create(code.builder, code.loc, row.shift),
                       code.real(large)));
  }
  return code.equals(warps.ballot(any), warps.i32(0));
}

Exponents attn::gpu::exponentsOf(WarpCode &warps, ValueRange y,
                                 const RowMaximum (&rows)[2], Value none) {
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
  auto differences = [&] {
    WarpCode::Values values;
    for (auto [i, element] : llvm::enumerate(y)) {
      Value top = rows[placeOf(unsigned(i)).row].y;
      values.push_back(code.sub(element, orZero(code, top, top)));
    }
    for (const RowMaximum &row : rows) {
      Value difference = code.sub(row.x, orZero(code, row.after, row.after));
      values.push_back(
          orZero(code, row.y, code.mul(difference, code.real(log2OfE))));
    }
    return values;
  };
  WarpCode::Values values = code.choose(none, types, asTheyAre, differences);
  Exponents result;
  result.elements.assign(values.begin(), values.end() - 2);
  result.rows[0] = values[y.size()];
  result.rows[1] = values[y.size() + 1];
  return result;
}
