//===- LinearForm.h - Sums of indices, sizes and scalars --------*- C++ -*-===//

#ifndef ATTN_DIALECT_LINEARFORM_H
#define ATTN_DIALECT_LINEARFORM_H

#include "dialect/AttnOps.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DynamicAPInt.h"

#include <map>
#include <string>

namespace attn {

/// constant + sum of coefficient * symbol, where a symbol is the index of a
/// dimension, its extent, or a scalar parameter. Numbers are exact.
class LinearForm {
public:
  /// The form of \p value, an i64 quantity; none where it is not linear, or has
  /// numbers so large that the arithmetic of a call might overflow.
  static std::optional<LinearForm> of(mlir::Value value);
  /// The extent of \p dim: a number where it is fixed at compile time.
  static LinearForm extent(mlir::StringAttr dim, SpecOp spec);

  LinearForm operator+(const LinearForm &other) const;
  LinearForm operator-(const LinearForm &other) const;
  LinearForm times(const llvm::DynamicAPInt &factor) const;
  LinearForm plus(int64_t number) const;
  bool operator==(const LinearForm &other) const = default;

  /// Says whether the index of \p dim is one of the symbols.
  bool hasIndex(llvm::StringRef dim) const {
    return terms.contains({Symbol::Index, dim.str()});
  }
  /// Says whether an index of \p other is none of the symbols.
  bool lacksIndexOf(const LinearForm &other) const;
  /// Says whether it is a number, and that at least 0.
  bool isNeverNegative() const { return terms.empty() && constant >= 0; }
  /// The number of indices among the symbols.
  unsigned numIndices() const;
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

  using Forms = llvm::DenseMap<mlir::Value, std::optional<LinearForm>>;
  /// `of`, with the forms of the parts that are known so far.
  static std::optional<LinearForm> of(mlir::Value value, Forms &known);
  static std::optional<LinearForm> compute(mlir::Value value, Forms &known);
  bool isSmall() const;

  llvm::DynamicAPInt constant = llvm::DynamicAPInt(0);
  std::map<Symbol, llvm::DynamicAPInt> terms;
};

} // namespace attn

#endif // ATTN_DIALECT_LINEARFORM_H
