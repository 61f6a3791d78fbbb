//===- DeviceMath.cpp - Elementary functions of a GPU ---------------------===//

#include "lowering/gpu/DeviceMath.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using attn::cpu::Code;

/// Applies an intrinsic on numbers; a vector has one lane here.
static Value callIntrinsic(Code &code, StringRef name, Value x) {
  OpBuilder &b = code.builder;
  bool isVector = Code::isVector(x);
  if (isVector)
    x = vector::ExtractOp::create(b, code.loc, x, ArrayRef<int64_t>{0});
  Value result = code.intrinsic(name, x.getType(), x);
  return isVector ? code.splat(result) : result;
}

Value attn::gpu::exp2(Code &code, Value x) {
  return callIntrinsic(code, "llvm.nvvm.ex2.approx.ftz.f", x);
}

/// sin(x + quarter pi/2): the nearest multiple of pi/2 leaves |r| <= pi/4, for
/// which sin and cos are Taylor polynomials (below half a unit of f32).
static Value sineOf(Code &code, Value x, int64_t quarter) {
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  Type wide = code.likeWith(x, b.getF64Type());
  auto number = [&](double value) { return code.constantOf(wide, value); };
  Value angle = arith::ExtFOp::create(b, loc, wide, x);
  // Adding 1.5 * 2^52 rounds to an integer, which the low bits then hold.
  Value magic = number(6755399441055744.0);
  Value shifted =
      code.add(code.mul(angle, number(0x1.45f306dc9c883p-1)), magic);
  Value n = code.sub(shifted, magic);
  Value r = code.fma(n, number(-0x1.921fb54442d18p+0), angle);
  r = code.fma(n, number(-0x1.1a62633145c07p-54), r);
  r = arith::TruncFOp::create(b, loc, x.getType(), r);
  Type bits = code.likeWith(x, code.i64());
  Value quadrant = arith::BitcastOp::create(b, loc, bits, shifted);
  quadrant = code.add(quadrant, code.intLike(quadrant, quarter));

  Value square = code.mul(r, r);
  Value sine = code.polynomial(square, {-1.0 / 39916800, 1.0 / 362880,
                                        -1.0 / 5040, 1.0 / 120, -1.0 / 6});
  sine = code.fma(code.mul(square, r), sine, r);
  Value cosine = code.polynomial(
      square, {-1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0});
  auto bitSet = [&](int64_t bit) {
    Value masked = code.land(quadrant, code.intLike(quadrant, bit));
    return code.compare(arith::CmpIPredicate::ne, masked,
                        code.intLike(quadrant, 0));
  };
  Value result = code.select(bitSet(1), cosine, sine);
  return code.select(bitSet(2), code.neg(result), result);
}

Value attn::gpu::sin(Code &code, Value x) { return sineOf(code, x, 0); }
Value attn::gpu::cos(Code &code, Value x) { return sineOf(code, x, 1); }
