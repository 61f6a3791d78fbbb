//===- PairDifference.h - What two indices' difference decides --*- C++ -*-===//
//
// A relative-position bias, however it is computed, has one value for each
// difference of a row's and a column's index: a tile of R x C pairs has R + C -
// 1 values. This finds such expressions.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_PAIRDIFFERENCE_H
#define ATTN_LOWERING_GPU_PAIRDIFFERENCE_H

#include "dialect/AttnOps.h"

namespace attn::gpu {

/// Adds to \p found the f32 values that \p value is made of, varying along
/// \p row and \p column, that stay what they are where both indices grow by
/// one, and that cost more than an instruction or two. Those of \p given are
/// not looked into.
void collectDifferences(mlir::Value value, mlir::StringAttr row,
                        mlir::StringAttr column,
                        const llvm::SmallPtrSetImpl<mlir::Value> &given,
                        llvm::SmallVectorImpl<mlir::Value> &found);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_PAIRDIFFERENCE_H
