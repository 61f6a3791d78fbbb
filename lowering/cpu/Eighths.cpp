//===- Eighths.cpp - Powers of 2 by a table in a register -----------------===//

#include "lowering/cpu/Eighths.h"

#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

bool attn::cpu::hasEighths(const Code &code, Value x) {
  return code.machine == Machine::Cpu && code.width == 8 && Code::isVector(x);
}

/// 2^(i/8 + octaves) for i from 0 to 7, such that a sum of its bits with those
/// of i, 20 places further left, adds to the exponent only what i has beyond 7.
static Value tableOfEighths(Code &code, int octaves) {
  SmallVector<float> entries;
  for (uint32_t i = 0; i != 8; ++i) {
    auto power = float(std::exp2(i / 8.0 + octaves));
    uint32_t bits = llvm::bit_cast<uint32_t>(power) - (i << 20);
    entries.push_back(llvm::bit_cast<float>(bits));
  }
  return arith::ConstantOp::create(
      code.builder, code.loc,
      DenseElementsAttr::get(code.vectorOf(code.f32()), ArrayRef(entries)));
}

Eighths attn::cpu::eighthsOf(Code &code, Value x, int octaves) {
  OpBuilder &builder = code.builder;
  // To the nearest integer, no exception.
  constexpr int32_t nearestQuietly = 8;
  Value how = arith::ConstantOp::create(
      builder, code.loc, builder.getI32IntegerAttr(nearestQuietly));
  Value nearest =
      code.intrinsic("llvm.x86.avx.round.ps.256", x.getType(), {x, how});
  Type bits = code.likeWith(x, builder.getI32Type());
  Value n = code.intrinsic("llvm.x86.avx.cvt.ps2dq.256", bits, x);
  Value eighth = code.intrinsic("llvm.x86.avx2.permps", x.getType(),
                                {tableOfEighths(code, octaves), n});
  Value power = code.add(
      arith::BitcastOp::create(builder, code.loc, bits, eighth),
      arith::ShLIOp::create(builder, code.loc, n, code.intLike(n, 20)));
  return {nearest,
          arith::BitcastOp::create(builder, code.loc, x.getType(), power)};
}

Value attn::cpu::eighthPower(Code &code, Value f) {
  return code.polynomial(
      f, {0.00010839105824934858, 0.0037540254682327375, 0.08664340178256769});
}
