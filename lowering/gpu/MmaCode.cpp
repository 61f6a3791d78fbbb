//===- MmaCode.cpp - Words for kernels on mma.sync ------------------------===//

#include "lowering/gpu/MmaCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = MmaCode::Values;

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void MmaCode::startCopy(Value to, Value from, unsigned bytes, Value exists) {
  MLIRContext *context = code.builder.getContext();
  constexpr unsigned space = unsigned(NVVM::NVVMMemorySpace::Global);
  Value source = LLVM::AddrSpaceCastOp::create(
      code.builder, code.loc, LLVM::LLVMPointerType::get(context, space), from);
  // Whole lines bypass the first cache: the tile in shared memory is one.
  auto kind = bytes == 16 ? NVVM::LoadCacheModifierKind::CG
                          : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(code.builder, code.loc, to, source,
                          code.builder.getI32IntegerAttr(int32_t(bytes)),
                          NVVM::LoadCacheModifierKindAttr::get(context, kind),
                          code.select(exists, warps.i32(bytes), warps.i32(0)));
}
void MmaCode::commitCopies() {
  NVVM::CpAsyncCommitGroupOp::create(code.builder, code.loc);
}
void MmaCode::waitCopies(unsigned pending) {
  NVVM::CpAsyncWaitGroupOp::create(
      code.builder, code.loc, code.builder.getI32IntegerAttr(int32_t(pending)));
}

Value MmaCode::threadHere() {
  auto op = LLVM::InlineAsmOp::create(
      code.builder, code.loc, TypeRange(warps.i32Type()), ValueRange(),
      "mov.u32 $0, %tid.x;", "=r", /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(code.builder.getContext(),
                                LLVM::AsmDialect::AD_ATT),
      /*operand_attrs=*/ArrayAttr());
  return op.getResult(0);
}

//===----------------------------------------------------------------------===//
// Fragments
//===----------------------------------------------------------------------===//

Values MmaCode::loadMatrices(Value address, bool transposed) {
  OpBuilder &b = code.builder;
  SmallVector<Type> words(4, warps.i32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), words);
  Value all = NVVM::LdMatrixOp::create(
      b, code.loc, type, address, 4,
      transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
      NVVM::LdStMatrixEltType::B16);
  Values result;
  for (int64_t i = 0; i != 4; ++i)
    result.push_back(LLVM::ExtractValueOp::create(b, code.loc, all, i));
  return result;
}

Value MmaCode::loadWord(Value address) {
  return LLVM::LoadOp::create(code.builder, code.loc, warps.i32Type(), address,
                              /*alignment=*/4);
}

MmaCode::Operand MmaCode::operandOf(Type element, ValueRange words) {
  Operand operand;
  if (!element.isF32()) {
    llvm::append_range(operand.high, words);
    return operand;
  }
  // TF32 has 13 bits less. The high part is rounded to nearest, so that the low
  // one is small and of either sign; the unit drops the low one's last bits.
  constexpr int64_t half = 0x1000, mask = ~int64_t(0x1fff);
  auto toReal = [&](Value word) -> Value {
    return LLVM::BitcastOp::create(code.builder, code.loc, code.f32(), word);
  };
  for (Value word : words) {
    if (word.getType().isF32())
      word = LLVM::BitcastOp::create(code.builder, code.loc, warps.i32Type(),
                                     word);
    Value high = code.land(code.add(word, warps.i32(half)), warps.i32(mask));
    Value low = code.sub(toReal(word), toReal(high));
    operand.high.push_back(high);
    operand.low.push_back(
        LLVM::BitcastOp::create(code.builder, code.loc, warps.i32Type(), low));
  }
  return operand;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Values MmaCode::multiply(Type element, const Operand &a, const Operand &b,
                         ValueRange c) {
  if (!element.isF32())
    return multiplyWords(element, a.high, b.high, c);
  Values sum = multiplyWords(element, a.low, b.high, c);
  sum = multiplyWords(element, a.high, b.low, sum);
  return multiplyWords(element, a.high, b.high, sum);
}

Values MmaCode::multiply(Type element, ArrayRef<Operand> a, ArrayRef<Operand> b,
                         ValueRange c) {
  bool isReal = element.isF32();
  Values sum = isReal ? Values(4, code.real(0)) : Values(c);
  for (auto [left, right] : llvm::zip_equal(a, b))
    sum = multiply(element, left, right, sum);
  // The unit drops what lies below the last place of its sum, and over a few
  // thousand terms that adds up: it sums a few steps, additions sum those.
  if (isReal)
    for (auto [total, before] : llvm::zip_equal(sum, c))
      total = code.add(before, total);
  return sum;
}

Values MmaCode::multiplyWords(Type element, ValueRange a, ValueRange b,
                              ValueRange c) {
  OpBuilder &builder = code.builder;
  auto operands = [&](ValueRange words) {
    if (!element.isF16())
      return Values(words);
    Type pair = VectorType::get({2}, builder.getF16Type());
    Values pairs;
    for (Value word : words)
      pairs.push_back(
          LLVM::BitcastOp::create(builder, code.loc, pair, word).getResult());
    return pairs;
  };
  NVVM::MMATypes kind = element.isF32()   ? NVVM::MMATypes::tf32
                        : element.isF16() ? NVVM::MMATypes::f16
                                          : NVVM::MMATypes::bf16;
  int64_t depth = element.isF32() ? 8 : 16;
  SmallVector<Type> numbers(4, code.f32());
  auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(), numbers);
  Value product = NVVM::MmaOp::create(
      builder, code.loc, type, operands(a), operands(b), c,
      ArrayRef<int64_t>{16, 8, depth}, std::nullopt, std::nullopt,
      std::array<NVVM::MMATypes, 2>{kind, kind},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                     NVVM::MMALayout::col});
  Values result;
  for (int64_t i = 0; i != 4; ++i)
    result.push_back(
        LLVM::ExtractValueOp::create(builder, code.loc, product, i));
  return result;
}
