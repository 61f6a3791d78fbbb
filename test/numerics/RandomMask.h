//===- RandomMask.h - Masks drawn from the grammar --------------*- C++ -*-===//

#ifndef ATTN_TEST_NUMERICS_RANDOMMASK_H
#define ATTN_TEST_NUMERICS_RANDOMMASK_H

#include "test/numerics/Harness.h"

namespace attn::numerics {

/// A spec whose reductions are all under one condition.
struct RandomMask {
  /// The condition, over the indices of `rows` and `keys`.
  std::string condition;
  std::string rows, keys; // "M" or "Y, X"; "N" or "U, W"
  /// The family whose tiles are visited only where they hold a pair; empty for
  /// a mask of no such family.
  std::string exactFamily;
  /// The spec `masked`, with the condition in every reduction, and the spec
  /// `pairs`, whose output is 1 where the condition holds.
  std::string text;

  /// Sizes, scalars and tensors for one call.
  CallSpec drawCall(std::mt19937_64 &random) const;
};

/// Any mask: comparisons of sums, remainders, quotients, bits, labels and
/// tables, joined by and, or, not and if.
RandomMask drawMask(std::mt19937_64 &random);
/// A mask of one of the families for which tiles are exact.
RandomMask drawExactMask(std::mt19937_64 &random);

} // namespace attn::numerics

#endif // ATTN_TEST_NUMERICS_RANDOMMASK_H
