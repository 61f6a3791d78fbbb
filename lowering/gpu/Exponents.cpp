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

Exponents attn::gpu::exponentsOf(WarpCode &warps, ValueRange y,
                                 const RowMaximum (&rows)[2]) {
  // Up to here the rounded exponent is off by no more than 2^-11.
  constexpr double large = 4096;
  cpu::Code &code = warps.code;
  auto isLarge = [&](Value x) {
    return code.compare(arith::CmpFPredicate::OGT,
                        LLVM::FAbsOp::create(code.builder, code.loc, x),
                        code.real(large));
  };
  Value exponents[2], anyLarge;
  for (unsigned row : {0, 1}) {
    const RowMaximum &of = rows[row];
    Value origin =
        orZero(code, of.after, code.mul(of.after, code.real(-log2OfE)));
    exponents[row] =
        of.shift ? code.fma(of.shift, code.real(log2OfE), origin) : origin;
    Value isRowLarge = isLarge(origin);
    if (of.shift)
      isRowLarge = code.lor(isRowLarge, isLarge(exponents[row]));
    anyLarge = anyLarge ? code.lor(anyLarge, isRowLarge) : isRowLarge;
  }
  Value none = code.equals(warps.ballot(anyLarge), warps.i32(0));
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
