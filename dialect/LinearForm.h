//===- LinearForm.h - Sums of indices, sizes and scalars --------*- C++ -*-===//

#ifndef ATTN_DIALECT_LINEARFORM_H
#define ATTN_DIALECT_LINEARFORM_H

#include "dialect/AttnOps.h"

#include <map>
#include <string>

namespace attn {

/// constant + sum of coefficient * symbol, where a symbol is the index of a
/// dimension, its extent, or a scalar parameter.
class LinearForm {
public:
  /// The form of \p value, an i64 quantity; none where it is not linear.
  static std::optional<LinearForm> of(mlir::Value value);
  /// The extent of \p dim: a number where it is fixed at compile time.
  static LinearForm extent(mlir::StringAttr dim, SpecOp spec);

  LinearForm operator+(const LinearForm &other) const;
  LinearForm operator-(const LinearForm &other) const;
  LinearForm times(int64_t factor) const;
  LinearForm plus(int64_t number) const;
  bool operator==(const LinearForm &other) const = default;

  /// Says whether the index of \p dim is one of the symbols.
  bool hasIndex(llvm::StringRef dim) const {
    return terms.contains({Symbol::Index, dim.str()});
  }
  /// The number that the form is, if it has no symbols.
  std::optional<int64_t> asConstant() const;
  /// The form at the indices that make it least: no index is left.
  LinearForm minimum(SpecOp spec) const;
  /// Emits the form, which has no index.
  mlir::Value build(mlir::OpBuilder &builder, mlir::Location loc,
                    SpecOp spec) const;

private:
  struct Symbol {
    enum Kind { Index, Extent, Scalar } kind;
    /// Name of a dimension, or number of a parameter.
    std::string name;
    unsigned argument = 0;
    auto operator<=>(const Symbol &) const = default;
  };

  int64_t constant = 0;
  std::map<Symbol, int64_t> terms;
};

} // namespace attn

#endif // ATTN_DIALECT_LINEARFORM_H
