//===- Code.h - Scalar and vector code of one function ----------*- C++ -*-===//
//
// A thin layer over OpBuilder for code that works on numbers and on vectors of
// lanes alike: where one operand is a vector, the other is broadcast.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_CODE_H
#define ATTN_LOWERING_CPU_CODE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace attn::cpu {

/// What runs the code: some functions have an instruction on a GPU.
enum class Machine { Cpu, Gpu };

/// Emits code at the insertion point of a builder.
class Code {
public:
  Code(mlir::OpBuilder &builder, mlir::Location loc, unsigned width,
       Machine machine = Machine::Cpu)
      : builder(builder), loc(loc), width(width), machine(machine) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;
  /// Number of f32 lanes of a vector.
  const unsigned width;
  const Machine machine;

  // Constants. The typed forms give a splat for a vector type.
  mlir::Value index(int64_t value); // i64
  mlir::Value real(double value);   // f32
  mlir::Value boolean(bool value);
  mlir::Value realLike(mlir::Value like, double value);
  mlir::Value intLike(mlir::Value like, int64_t value);
  mlir::Value constantOf(mlir::Type type, double value);

  // Types.
  mlir::Type f32() { return builder.getF32Type(); }
  mlir::Type i64() { return builder.getI64Type(); }
  mlir::Type ptr();
  mlir::VectorType vectorOf(mlir::Type element);
  static bool isVector(mlir::Value value);
  static mlir::Type elementOf(mlir::Value value);
  mlir::Type likeWith(mlir::Value like, mlir::Type element);

  /// \p value as a vector of lanes.
  mlir::Value splat(mlir::Value value);
  /// Makes both scalars or both vectors.
  void unify(mlir::Value &a, mlir::Value &b);

  // Arithmetic, by element type.
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b); // f32
  /// a / b, and 0 for 0 / 0.
  mlir::Value ratio(mlir::Value a, mlir::Value b);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value neg(mlir::Value a);
  mlir::Value min(mlir::Value a, mlir::Value b); // NaN of either operand wins
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// a > b ? a : b: one instruction, b where either is NaN.
  mlir::Value maxIgnoringNaN(mlir::Value a, mlir::Value b);
  mlir::Value floorDiv(mlir::Value a, mlir::Value b); // divisor 0 counts as 1
  mlir::Value floorMod(mlir::Value a, mlir::Value b);
  /// The same for a scalar \p a of 31 bits at most, by a division of 32 bits.
  mlir::Value shortFloorDiv(mlir::Value a, mlir::Value b);
  mlir::Value shortFloorMod(mlir::Value a, mlir::Value b);
  /// The floor of a / b, 0 where b is 0, by a division of f64: that is exact
  /// for an a of 31 bits, whose quotient is further from the next integer than
  /// the division rounds. \p b has 32 bits where it is a vector.
  mlir::Value realFloorDiv(mlir::Value a, mlir::Value b);
  /// By less than 0 or by all bits or more: shifts everything out.
  mlir::Value shiftLeft(mlir::Value a, mlir::Value b);
  mlir::Value shiftRight(mlir::Value a, mlir::Value b);
  mlir::Value ceilDiv(mlir::Value a, int64_t b);     // a >= 0
  mlir::Value ceilDiv(mlir::Value a, mlir::Value b); // scalars, b > 0
  mlir::Value land(mlir::Value a, mlir::Value b);
  mlir::Value lor(mlir::Value a, mlir::Value b);
  mlir::Value lxor(mlir::Value a, mlir::Value b);
  mlir::Value lnot(mlir::Value a); // i1
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a,
                      mlir::Value b);
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value a,
                      mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value lessThan(mlir::Value a, mlir::Value b); // integers
  mlir::Value equals(mlir::Value a, mlir::Value b);   // integers
  /// Converts integers between widths, sign-extending.
  mlir::Value toInt(mlir::Value a, unsigned bits);
  /// Truncates towards 0 to the nearest i64 (NaN: 0), then to \p bits.
  mlir::Value realToInt(mlir::Value a, unsigned bits);
  /// A polynomial in \p x by Horner's rule, from the highest power down.
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  /// What the intrinsic \p name of LLVM returns.
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type type,
                        mlir::ValueRange operands);

  /// The columns of \p rows, as many vectors as each has lanes.
  llvm::SmallVector<mlir::Value> transpose(mlir::ValueRange rows);

  // Memory. Offsets count elements of \p element. Addresses are as aligned as
  // the element of the type, or to \p alignment bytes.
  mlir::Value address(mlir::Value base, mlir::Type element, mlir::Value offset);
  mlir::Value load(mlir::Type type, mlir::Value address,
                   unsigned alignment = 0);
  void store(mlir::Value value, mlir::Value address);
  mlir::Value maskedLoad(mlir::Type element, mlir::Value address,
                         mlir::Value mask);
  void maskedStore(mlir::Value value, mlir::Value address, mlir::Value mask);
  /// With \p as, reads that type from where the elements begin.
  mlir::Value gather(mlir::Type element, mlir::Value base, mlir::Value offsets,
                     mlir::Type as = {});

  // Control flow.
  using Body = llvm::function_ref<void(mlir::Value index)>;
  using CarriedBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value index, mlir::ValueRange carried)>;
  void forEach(mlir::Value lower, mlir::Value upper, int64_t step, Body body);
  llvm::SmallVector<mlir::Value> forEach(mlir::Value lower, mlir::Value upper,
                                         int64_t step, mlir::ValueRange init,
                                         CarriedBody body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  void ifElse(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise);
  llvm::SmallVector<mlir::Value>
  choose(mlir::Value condition, mlir::TypeRange types,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);
};

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_CODE_H
