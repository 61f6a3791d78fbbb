//===- Tolerance.h - How far a kernel may be from the reference -*- C++ -*-===//
//
// One table for the tests, `attnc run --check` and the benchmarks.
//
// The reference takes the inputs as the kernel gets them, already rounded to
// their storage type, and computes in double precision. What remains is the
// kernel's own rounding, measured against the largest element of the output:
//
// - f32 arithmetic has unit roundoff u = 2^-24. A sum of n terms is off by
//   about sqrt(n) u of its size (n u in the worst case, which rounding errors
//   of either sign do not reach), and a score of size s by s u; exp turns that
//   absolute error of the score into a relative error of the weight. Hence
//   (sqrt(n) + s) u, and a factor for the few operations between.
// - With f16 or bf16, the operands of a contraction may be rounded to that type
//   (u = 2^-11, 2^-8): both operands of the scores and of the output, and the
//   output itself where it is stored in that type. That does not grow with n.
// - Storing costs up to half the smallest number of the output's own type,
//   however small the output is: 2^-25 in f16, whose numbers below 2^-14 are
//   that far from the next. This is no share of anything, and is taken off
//   each error before it is measured.
// - Integers that are made of integers alone are exact.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_TOLERANCE_H
#define ATTN_DIALECT_TOLERANCE_H

#include "dialect/Reference.h"

namespace attn {

/// The largest error allowed, as a share of the largest element of the output.
/// \p storage is the coarsest element type among the spec's parameters and
/// results, \p length the number of terms of its longest reduction, \p score
/// the size of the largest exponent.
double errorBound(mlir::Type storage, int64_t length, double score = 16);

/// The coarsest element type that \p spec has a parameter or result of: f32,
/// f16 or bf16.
mlir::Type coarsestElement(SpecOp spec);

/// How a tensor differs from the reference.
struct Comparison {
  /// The largest |got - want|, less what storing may cost, over the largest
  /// finite |want| (or 1, if all are 0 in f32); infinite where one is NaN or
  /// infinite and the other is not the same. A number beyond those of the
  /// result's type is infinite in it.
  double worst = 0;
  /// Where that is, in the layout of the tensor.
  std::vector<int64_t> position;
  double got = 0, want = 0;
};

/// Compares \p got with \p want, which have one shape. Neither was stored in
/// anything but doubles.
Comparison compareTensors(const HostTensor &got, const HostTensor &want);

/// The same of elements of result \p index of \p spec, of which \p got, or
/// both, were stored in the type of that result.
Comparison compareResult(SpecOp spec, unsigned index, const HostTensor &got,
                         const HostTensor &want, bool bothStored = false);

} // namespace attn

#endif // ATTN_DIALECT_TOLERANCE_H
