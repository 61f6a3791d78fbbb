//===- FormulaWalk.h - What a value is made of ------------------*- C++ -*-===//
//
// Formulas share parts, and a recursion over operands takes time exponential in
// their depth: x1 = x0 * tanh(x0), x2 = x1 * tanh(x1), ... Every question about
// what a value is made of goes through these, which look at each part once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_FORMULAWALK_H
#define ATTN_DIALECT_FORMULAWALK_H

#include "dialect/AttnOps.h"

namespace attn {

/// Calls \p visit for each value that \p roots are made of, themselves first,
/// in the order in which a recursion over operands meets them. Where it returns
/// false, what that value is made of is left out.
void walkFormula(mlir::ValueRange roots,
                 llvm::function_ref<bool(mlir::Value)> visit);

/// The same, with the dimensions that reads on the way replace by an index: the
/// value is looked at elsewhere along those. A value is visited once for each
/// set of them that it is reached through.
void walkFormulaThroughReads(
    mlir::ValueRange roots,
    llvm::function_ref<bool(mlir::Value, llvm::ArrayRef<mlir::StringAttr>)>
        visit);

/// Says whether \p value or something that it is made of meets \p condition.
bool isMadeOf(mlir::Value value,
              llvm::function_ref<bool(mlir::Value)> condition);

/// Says whether \p value is made of a running value of a sweep.
bool isOfState(mlir::Value value);

/// The number that \p value is, where it is made of constants alone.
std::optional<double> constantReal(mlir::Value value);

} // namespace attn

#endif // ATTN_DIALECT_FORMULAWALK_H
