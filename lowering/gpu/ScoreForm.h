//===- ScoreForm.h - What an element of a maximum costs ---------*- C++ -*-===//
//
// Splits the operand x of a running maximum as
//
//   x[row, column] = factor * y[row, column] + shift[row]
//
// with factor > 0, so that the maximum is taken of y, and exp(x - max) is one
// fma with the exponent's base folded in. Index terms go into the shift up to
// the column's number within the tile, a constant: slope * (n - m) costs an
// element one fma with a constant operand, and a scale alone costs nothing.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_SCOREFORM_H
#define ATTN_LOWERING_GPU_SCOREFORM_H

#include "lowering/gpu/Fragments.h"

namespace attn::gpu {

class ScoreForm {
public:
  /// Splits \p value, in which \p score is the product of tiles.
  ScoreForm(FragmentEvaluator &evaluator, mlir::Value value, mlir::Value score);

  /// Says whether x has a term that is linear in the column's index.
  bool isTilted() const {
    return llvm::any_of(indices,
                        [](const Term &term) { return term.perColumn != 0; });
  }

  /// Computes what a work item needs once.
  void prepare(FragmentScope &item);
  /// `factor`; null: 1. Of the scope that was prepared.
  mlir::Value factor() const { return factorValue; }
  /// `shift` of a row in a tile; null: 0.
  mlir::Value shift(unsigned row, FragmentScope &tile);
  mlir::Value element(Place place, FragmentScope &tile);

private:
  /// factor, made of factors that vary along the rows at most.
  struct Coefficient {
    double number = 1;
    llvm::SmallVector<mlir::Value> factors, divisors;
  };
  /// coefficient * value; an integer value is linear in the column's index.
  struct Term {
    Coefficient coefficient;
    mlir::Value value;
    int64_t perColumn = 0;
  };

  /// An odd function of factors * argument, tanh.
  struct OddFunction {
    mlir::Value argument;
    Coefficient factors;
  };

  bool collect(mlir::Value value, Coefficient coefficient);
  void findOddFunction();
  bool splitProduct(mlir::Value value, mlir::Value &varying, Coefficient &rest);
  mlir::Value evaluate(const Coefficient &coefficient, Place place,
                       FragmentScope &scope);
  bool isUniform(const Coefficient &coefficient);
  static bool isPositive(const Coefficient &coefficient);
  mlir::Value scaled(const Coefficient &coefficient, mlir::Value x, Place place,
                     FragmentScope &scope);

  FragmentEvaluator &evaluator;
  cpu::Code &code;
  mlir::Value score;
  std::optional<Coefficient> scale; // of the score
  llvm::SmallVector<Term> indices, rows, elements;
  /// What the only element is, if it is one.
  std::optional<OddFunction> odd;
  bool factored = false; // the scale is the factor
  mlir::Value factorValue, scaleValue;
  mlir::Value slopes[2]; // of the column's number, in units of y
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_SCOREFORM_H
