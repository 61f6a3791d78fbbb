//===- Fragments.h - Quantities on the fragments of a product ---*- C++ -*-===//
//
// Evaluates the graph of quantities for the elements of an accumulator of a
// warpgroup's product. A thread has two rows of it (8 apart) and, in each group
// of eight columns, two: the one fragment-to-index map of the compiler.
//
// An element's index is a register and a constant, so index arithmetic costs an
// element nothing or one instruction; what does not vary along the rows or the
// columns is computed once for them, where the scope that it is asked in
// stands. f32 functions are those of the special function unit (WarpCode.h).
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_FRAGMENTS_H
#define ATTN_LOWERING_GPU_FRAGMENTS_H

#include "dialect/Products.h"
#include "lowering/cpu/Evaluate.h"
#include "lowering/gpu/WarpCode.h"

namespace attn::gpu {

/// An element of a thread's fragment: one of its two rows, and the number of
/// its column less the thread's first. -1 where a value does not vary.
struct Place {
  int row = -1, column = -1;
};

/// Number of a thread's elements in a fragment of \p columns columns, and where
/// each lies: elements 4j, 4j + 1 in columns 8j, 8j + 1 of the first row,
/// 4j + 2, 4j + 3 in the second.
inline unsigned fragmentSize(unsigned columns) { return columns / 2; }
inline Place placeOf(unsigned element) {
  return {int(element / 2 % 2), int(element / 4 * 8 + element % 2)};
}

/// The element that lies at \p place.
inline unsigned elementOf(Place place) {
  return unsigned(place.column / 8 * 4 + place.row * 2 + place.column % 8);
}

/// One of the dimensions whose indices number the rows or the columns of a
/// tile, row-major: a box of positions, neighbours `step` indices apart.
struct FragmentDim {
  mlir::StringAttr dim;
  unsigned box = 0; // of the outermost, not looked at
  mlir::Value step; // i32; null: 1
};
using FragmentDims = llvm::SmallVector<FragmentDim, 3>;

/// An integer as register + constant; no register: the constant alone.
struct Integer {
  mlir::Value base;
  int64_t constant = 0;
};

/// element * factor, where the factor varies along the rows at most; null: 1.
struct Scaled {
  mlir::Value element, factor;
};

/// What has been computed in a block of code, for which elements, and what is
/// visible from around it.
struct FragmentScope {
  FragmentScope() = default;
  explicit FragmentScope(const FragmentScope *outer) : outer(outer) {
    if (outer)
      uniform.outers.push_back(&outer->uniform);
  }

  const FragmentScope *outer = nullptr;
  /// For what varies along neither rows nor columns.
  cpu::Scope uniform;
  /// The indices of the thread's two rows in each row dimension (i32), of rows
  /// that exist.
  llvm::SmallVector<std::array<mlir::Value, 2>, 3> rows;
  /// Those of its first column in each column dimension (i32); with last ones,
  /// later ones count as those.
  llvm::SmallVector<mlir::Value, 3> firstColumns, lastColumns;
  /// Columns are counted from here: what is visible around it of a column is of
  /// another.
  bool countsColumns = false;

  /// A value, a row and a column. What is made of a value (its inverse, say)
  /// has a row or a column below -1, but never a row in place of a column: the
  /// column says whether a scope that counts columns sees it.
  using Key = std::tuple<mlir::Value, int, int>;
  llvm::DenseMap<Key, mlir::Value> values;
  llvm::DenseMap<Key, Integer> integers;
  llvm::DenseMap<Key, Scaled> products;
  llvm::DenseMap<std::pair<mlir::Value, mlir::Value>, mlir::Value> differences;
  llvm::DenseMap<std::pair<mlir::Value, mlir::Value>, mlir::Value> sums;
  llvm::DenseMap<mlir::Value, mlir::Value> reals;

  mlir::Value row(unsigned position, unsigned number) const;
  mlir::Value first(unsigned position) const;
  mlir::Value last(unsigned position) const;
  /// Says whether columns are counted from the thread's first of the tile.
  bool countsFromTile() const;
  /// What is visible under \p key; null: nothing.
  mlir::Value valueOf(const Key &key) const;
  const Scaled *productOf(const Key &key) const;
};

class FragmentEvaluator {
public:
  /// Boxes of columns are multiples of 8 in the innermost dimension, so that
  /// where an element lies in one is a constant.
  FragmentEvaluator(WarpCode &warps, cpu::Evaluator &uniform, FragmentDims rows,
                    FragmentDims columns)
      : warps(warps), code(warps.code), uniform(uniform), rows(std::move(rows)),
        columns(std::move(columns)) {}
  /// Of one dimension each.
  FragmentEvaluator(WarpCode &warps, cpu::Evaluator &uniform,
                    mlir::StringAttr row, mlir::StringAttr column)
      : FragmentEvaluator(warps, uniform, FragmentDims{{row, 0, mlir::Value()}},
                          FragmentDims{{column, 0, mlir::Value()}}) {}

  /// Says whether \p value can be evaluated.
  bool canEvaluate(mlir::Value value);

  /// \p value at \p place: f32, i1, or an integer of 32 or 64 bits.
  mlir::Value evaluate(mlir::Value value, Place place, FragmentScope &scope);
  Integer evaluateInteger(mlir::Value value, Place place, FragmentScope &scope);
  mlir::Value toReal(Integer integer, FragmentScope &scope);

  /// The product of \p factors through \p divisors at \p place.
  mlir::Value weight(llvm::ArrayRef<mlir::Value> factors,
                     llvm::ArrayRef<Product::Divisor> divisors, Place place,
                     FragmentScope &scope);

  /// exp(x - shift) / normalizer with a shift and a normaliser of the column
  /// alone, which is exp2(x * log2(e) - exponent): an fma and an exp2 an
  /// element, with the exponent computed once a column.
  struct ColumnWeight {
    mlir::Value exp, x, shift;
    Product::Divisor normalizer;
  };
  std::optional<ColumnWeight> asColumnWeight(mlir::Value factor,
                                             Product::Divisor divisor);
  /// shift * log2(e) + log2(normalizer).
  mlir::Value columnExponent(const ColumnWeight &weight, int column,
                             FragmentScope &scope);

  /// \p value times \p by.
  mlir::Value multiple(mlir::Value value, double by, Place place,
                       FragmentScope &scope);
  mlir::Value power(mlir::Value x, mlir::Value y, bool isNeverNegative);

  /// Computes what \p value is made of and does not vary along the columns.
  void hoist(mlir::Value value, FragmentScope &scope);

  /// The hyperbolic tangent: one instruction of 2^-11, or some that are exact
  /// to a few units.
  mlir::Value tanh(mlir::Value x);
  /// Functions need the precision of f32.
  bool isPrecise = false;

  /// Values are weights of pairs: what is divided by a normaliser of 0 is 0.
  bool isOfPairs = false;

  /// Says whether an element of \p value is read from memory.
  bool readsColumns(mlir::Value value);

  /// Values of pairs that the surrounding kernel makes.
  llvm::SmallPtrSet<mlir::Value, 4> given;
  /// Sums that are 0 only where what is divided by them is 0.
  llvm::SmallPtrSet<mlir::Value, 4> zeroOverZero;
  /// Tried first for every value: what the surrounding kernel gives, of columns
  /// that are counted from the thread's first of the tile.
  std::function<mlir::Value(mlir::Value value, Place place, FragmentScope &)>
      provide;

  /// Tried first for the exponent of a weight.
  std::function<mlir::Value(const ColumnWeight &weight, int column)>
      provideExponent;

  /// A comparison of integers as one of `left - right` (i32; null: 0), in which
  /// elements of a row may agree, with a constant.
  struct Comparison {
    mlir::arith::CmpIPredicate predicate;
    mlir::Value left, right;
    int64_t constant = 0;
  };
  /// None, where 32 bits do not say.
  std::optional<Comparison> comparisonOf(CompareOp op, Place place,
                                         FragmentScope &scope);

  bool onRows(mlir::Value value) { return hasAny(value, rows); }
  bool onColumns(mlir::Value value) { return hasAny(value, columns); }
  /// How many positions column \p column is beyond the thread's first in column
  /// dimension \p position.
  int offsetOf(unsigned position, int column) const;
  /// Counts the columns of \p scope from the thread's column \p distance (i32,
  /// a multiple of 8) of what is around it.
  void shiftColumns(mlir::Value distance, FragmentScope &scope);
  /// \p place without the coordinates along which \p value does not vary.
  Place reduce(mlir::Value value, Place place);
  /// Address of the element of \p storage, which holds \p value, at \p place.
  mlir::Value address(const cpu::Storage &storage, mlir::Value value,
                      Place place, FragmentScope &scope);

  WarpCode &warps;
  cpu::Code &code;
  cpu::Evaluator &uniform;
  FragmentDims rows, columns;

private:
  /// Weights whose exponents are looked up, as exponential and normaliser.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> columnWeights;
  /// Where a read looks, and whether there are elements (null: there are).
  struct Elsewhere {
    llvm::DenseMap<mlir::StringAttr, Integer> indices;
    mlir::Value hasElements;
  };
  static bool hasAny(mlir::Value value, llvm::ArrayRef<FragmentDim> dims);
  static std::optional<unsigned> find(llvm::ArrayRef<FragmentDim> dims,
                                      mlir::StringAttr dim);
  mlir::Value compute(mlir::Value value, Place place, FragmentScope &scope);
  mlir::Value atHand(mlir::Value value, Place place, FragmentScope &scope);
  mlir::Value provided(mlir::Value value, Place place, FragmentScope &scope);
  Scaled scaled(mlir::Value value, Place place, FragmentScope &scope);
  Scaled takenApart(mlir::Value value, Place place, FragmentScope &scope);
  Scaled product(llvm::ArrayRef<mlir::Value> factors,
                 llvm::ArrayRef<Product::Divisor> divisors, Place place,
                 FragmentScope &scope);
  mlir::Value evaluate(const ColumnWeight &weight, Place place,
                       FragmentScope &scope);
  Scaled times(Scaled a, Scaled b);
  Scaled divided(Scaled a, mlir::Value by, BinaryKind kind, Place place,
                 FragmentScope &scope);
  mlir::Value whole(Scaled value);
  mlir::Value inverse(mlir::Value of, BinaryKind kind, Place place,
                      FragmentScope &scope);
  mlir::Value sum(BinaryOp op, double by, Place place, FragmentScope &scope);
  Scaled softplus(mlir::Value operand, Place place, FragmentScope &scope);
  mlir::Value binary(BinaryOp op, Place place, FragmentScope &scope);
  mlir::Value unary(UnaryOp op, Place place, FragmentScope &scope);
  mlir::Value compare(CompareOp op, Place place, FragmentScope &scope);
  Integer computeInteger(mlir::Value value, Place place, FragmentScope &scope);
  mlir::Value divided(BinaryOp op, Integer a, Integer b);
  Integer indexOf(mlir::StringAttr dim, Place place, FragmentScope &scope);
  Integer clamped(mlir::Value value, Place place, FragmentScope &scope);
  /// The term of a comparison that varies along the columns; the others are on
  /// its side too, and an operand on the right counts as subtracted.
  struct ColumnTerm {
    mlir::Value value;
    bool isNegative = false;
    llvm::SmallVector<std::pair<mlir::Value, bool>> others;
  };
  bool isShort(CompareOp op);
  std::optional<ColumnTerm> columnTermOf(CompareOp op);
  Integer limitOf(CompareOp op, const ColumnTerm &column, Place place,
                  FragmentScope &scope);
  mlir::Value clampTo31(mlir::Value number);
  mlir::Value materialize(Integer integer, mlir::Type type);
  mlir::Value difference(mlir::Value a, mlir::Value b, FragmentScope &scope);
  mlir::Type integerType(mlir::Value value);
  mlir::Value converted(mlir::Value x, mlir::Type to);
  mlir::Value load(mlir::Value source, Place place, FragmentScope &scope,
                   const Elsewhere &read);
  mlir::Value loadAt(const cpu::Storage &storage, Place place,
                     FragmentScope &scope, const Elsewhere &read,
                     mlir::Value key);
};

/// The greatest of 0 and of those of \p elements, of a fragment, that are of
/// \p row; NaN where one is, unless its sign is set. As integers, whose order
/// is that of floats above 0: Hopper takes the maximum of three of them in an
/// instruction (VIMNMX3), of floats that of two.
mlir::Value greatestAboveZero(WarpCode &warps, mlir::ValueRange elements,
                              int row);

/// \p value in the element type \p type of where it goes.
mlir::Value convertTo(cpu::Code &code, mlir::Type type, mlir::Value value);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_FRAGMENTS_H
