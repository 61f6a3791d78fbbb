//===- RelativeExp.h - Exponentials relative to a maximum -------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_RELATIVEEXP_H
#define ATTN_LOWERING_CPU_RELATIVEEXP_H

#include "lowering/cpu/Code.h"

namespace attn::cpu {

/// What the exponentials of a lane are relative to, by its running maximum M.
/// With f(M) the maximum, 0 for -inf, exp(x - f(M)) is made as
///
///   2^((x factor - shift) / parts)     shift: f(M) factor, rounded
///
/// in one fma. All that is relative to one base is off by the same power of 2,
/// which the maximum itself shows (\ref weightOfMaximum): by about M 2^-25
/// where that is rounded, 1 + 3e-4 at 1e4, up to 2^32 next to 2^29. There, and
/// only there, products with values beyond 2^95 may overflow that need not. On
/// a GPU there is no factor, and the shift is f(M) itself.
struct ExpBase {
  mlir::Value factor, shift;
};

ExpBase expBase(Code &code, mlir::Value maximum);

/// exp(x - f(M)), where \p x is at most M or little more: no test for overflow.
/// The exponent is rounded once, and 2^x is below 2 ulp from there. Below
/// 2^-126 the digits are lost or it is 0. If the result \p isRounded to bf16,
/// by 2^-9 of it, an error of 2.9e-6 is allowed.
mlir::Value expRelative(Code &code, mlir::Value x, const ExpBase &base,
                        bool isRounded = false);

/// By how much what is relative to \p from has to shrink to be relative to
/// \p to, the base of a maximum as large or larger.
mlir::Value rescaling(Code &code, const ExpBase &from, const ExpBase &to);

/// exp(f(M) - f(M)) as it is made: nearly 1, and exactly what the maximum adds
/// to a sum. Sums divided by it are sums of exp(x - f(M)), never less than one
/// of their terms: of a single key they are 1.
mlir::Value weightOfMaximum(Code &code, mlir::Value maximum, bool isRounded);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_RELATIVEEXP_H
