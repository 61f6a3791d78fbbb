//===- Pairs.cpp - Products of pairs of bf16 ------------------------------===//

#include "lowering/cpu/Pairs.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

Value attn::cpu::narrow(Code &code, Value x) {
  OpBuilder &builder = code.builder;
  VectorType type = code.vectorOf(builder.getBF16Type());
  // What was widened is narrow already.
  if (auto wide = x.getDefiningOp<arith::ExtFOp>();
      wide && wide.getIn().getType() == type)
    return wide.getIn();
  return x86vector::CvtPackedF32ToBF16Op::create(builder, code.loc, type, x);
}

Value attn::cpu::packPairs(Code &code, Value first, Value second) {
  OpBuilder &builder = code.builder;
  Location loc = code.loc;
  auto halves = [&](Value x) -> Value {
    Type type = code.vectorOf(builder.getI16Type());
    return x ? Value(arith::BitcastOp::create(builder, loc, type,
                                              narrow(code, x)))
             : code.constantOf(type, 0);
  };
  Value both =
      vector::InterleaveOp::create(builder, loc, halves(first), halves(second));
  return vector::BitCastOp::create(builder, loc,
                                   code.vectorOf(builder.getI32Type()), both);
}

Value attn::cpu::dotPairs(Code &code, Value sum, Value a, Value b) {
  OpBuilder &builder = code.builder;
  auto type = VectorType::get({2 * int64_t(code.width)}, builder.getBF16Type());
  auto numbers = [&](Value pairs) -> Value {
    return vector::BitCastOp::create(builder, code.loc, type, pairs);
  };
  return x86vector::DotBF16Op::create(builder, code.loc, sum.getType(), sum,
                                      numbers(a), numbers(b));
}
