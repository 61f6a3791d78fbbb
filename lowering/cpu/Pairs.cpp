//===- Pairs.cpp - Products of pairs of bf16 ------------------------------===//

#include "lowering/cpu/Pairs.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// The bf16 numbers that \p x was widened from; null for other numbers.
static Value numbersBeforeWidening(Value x) {
  auto wide = x.getDefiningOp<arith::ExtFOp>();
  bool was = wide && Code::elementOf(wide.getIn()).isBF16();
  return was ? wide.getIn() : Value();
}

Value attn::cpu::narrow(Code &code, Value x) {
  if (Value narrow = numbersBeforeWidening(x))
    return narrow;
  OpBuilder &builder = code.builder;
  VectorType type = code.vectorOf(builder.getBF16Type());
  return x86vector::CvtPackedF32ToBF16Op::create(builder, code.loc, type, x);
}

/// The pairs of two vectors of f32 that have to be rounded: one instruction
/// rounds both, to one after the other, which takes Zen 4 half the time of two.
static Value roundPairs(Code &code, Value first, Value second) {
  OpBuilder &builder = code.builder;
  Location loc = code.loc;
  int64_t width = code.width;
  std::string intrinsic = (roundBothIntrinsic + llvm::Twine(32 * width)).str();
  Value both = code.intrinsic(
      intrinsic, VectorType::get({2 * width}, builder.getBF16Type()),
      {second, first});
  // Shuffles of bf16 would be made element by element.
  both = vector::BitCastOp::create(
      builder, loc, VectorType::get({2 * width}, builder.getI16Type()), both);
  SmallVector<int64_t> turns;
  for (int64_t lane = 0; lane != width; ++lane)
    turns.append({lane, width + lane});
  both = vector::ShuffleOp::create(builder, loc, both, both, turns);
  return vector::BitCastOp::create(builder, loc,
                                   code.vectorOf(builder.getI32Type()), both);
}

Value attn::cpu::packPairs(Code &code, Value first, Value second) {
  OpBuilder &builder = code.builder;
  Location loc = code.loc;
  if (second && !numbersBeforeWidening(first) && !numbersBeforeWidening(second))
    return roundPairs(code, first, second);
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
