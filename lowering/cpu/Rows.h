//===- Rows.h - Rows of operands in memory ----------------------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_ROWS_H
#define ATTN_LOWERING_CPU_ROWS_H

#include "lowering/cpu/Evaluate.h"
#include "lowering/cpu/KernelShape.h"

namespace attn::cpu {

/// Where one row of an operand begins, and how far apart its elements stand.
struct Row {
  mlir::Value base;
  llvm::SmallVector<mlir::Value> strides; // one for each dimension of it
};

/// Says whether elements of \p storage along \p dim lie beside each other.
inline bool lieTogether(const Storage &storage, mlir::StringAttr dim) {
  return !storage.layout.empty() && storage.layout.back() == dim;
}

/// How far apart the elements of a row of \p operand, read in place, stand.
llvm::SmallVector<mlir::Value> stridesOf(Evaluator &evaluator,
                                         const Operand &operand,
                                         llvm::ArrayRef<mlir::StringAttr> dims);

/// The row of \p operand at the indices of \p scope, with \p dims at 0.
Row rowOf(Evaluator &evaluator, const Operand &operand,
          llvm::ArrayRef<mlir::StringAttr> dims, Scope &scope);

/// The row of an operand in scratch, dense in \p dims.
Row denseRow(Evaluator &evaluator, mlir::Value base,
             llvm::ArrayRef<mlir::StringAttr> dims);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_ROWS_H
