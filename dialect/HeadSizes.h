//===- HeadSizes.h - Dimensions worth fixing at compile time ----*- C++ -*-===//

#ifndef ATTN_DIALECT_HEADSIZES_H
#define ATTN_DIALECT_HEADSIZES_H

#include "dialect/AttnOps.h"

namespace attn {

/// The dimensions of \p spec (formula form) that play the part of a head size:
/// innermost in every tensor that has them, or in several inputs whose products
/// are summed over them, and never in one quantity with a dimension that no
/// tensor has beside them (which makes both sequences). Fixing their extents is
/// what makes a kernel fast; no result depends on it.
DimList headSizes(SpecOp spec);

/// The dimensions of \p spec (formula form) whose extent is fixed, and that
/// need not have one work item for each index: those of no tensor, and those
/// that play the part of a head size in some layout. A batch, a head or a
/// sequence stays one whatever fixes its extent.
DimList fixedSizes(SpecOp spec);

} // namespace attn

#endif // ATTN_DIALECT_HEADSIZES_H
