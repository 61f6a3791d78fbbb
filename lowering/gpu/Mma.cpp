//===- Mma.cpp - Matrix products of a warp --------------------------------===//

#include "lowering/gpu/Mma.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn::gpu;

/// Thread t gives ldmatrix the address of row t % 8 of the matrix t / 8.
WarpMatrices::WarpMatrices(cpu::Code &code, Value thread, Type element)
    : code(code), element(element) {
  auto bits = [&](int64_t mask, int64_t shift) -> Value {
    return arith::ShRUIOp::create(code.builder, code.loc,
                                  code.land(thread, code.index(mask)),
                                  code.index(shift));
  };
  low = bits(7, 0);
  byEight = code.mul(bits(8, 3), code.index(8));
  bySixteen = code.mul(bits(16, 4), code.index(8));
  rowOfC = bits(31, 2);
  columnOfC = code.mul(bits(3, 0), code.index(2));
}

Fragment WarpMatrices::load(Matrix from, Value row, Value column,
                            Value rowInTile, Value columnInTile,
                            bool transposed) {
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  Value offset =
      code.add(code.mul(code.add(row, rowInTile), code.index(from.stride)),
               code.add(column, columnInTile));
  Value generic = code.address(from.base, b.getI16Type(), offset);
  constexpr unsigned space = unsigned(NVVM::NVVMMemorySpace::Shared);
  Value address = LLVM::AddrSpaceCastOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext(), space), generic);
  SmallVector<Type> words(4, b.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), words);
  auto shape = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
  Value loaded = NVVM::LdMatrixOp::create(b, loc, type, address, 4,
                                          transposed ? NVVM::MMALayout::col
                                                     : NVVM::MMALayout::row,
                                          shape, NVVM::LdStMatrixEltType::B16);
  Fragment fragment;
  for (int64_t i = 0; i != 4; ++i)
    fragment.push_back(LLVM::ExtractValueOp::create(b, loc, loaded, i));
  return fragment;
}

// Matrices of A in the order of its registers: (0, 0), (8, 0), (0, 8), (8, 8).
Fragment WarpMatrices::loadA(Matrix from, Value row, Value column) {
  return load(from, row, column, code.add(low, byEight), bySixteen, false);
}

Fragment WarpMatrices::loadTransposedA(Matrix from, Value row, Value column) {
  return load(from, row, column, code.add(low, bySixteen), byEight, true);
}

// Rows are contiguous along B's columns, so B is loaded transposed.
std::pair<Fragment, Fragment> WarpMatrices::loadB(Matrix from, Value row,
                                                  Value column) {
  Fragment both =
      load(from, row, column, code.add(low, byEight), bySixteen, true);
  return {{both[0], both[1]}, {both[2], both[3]}};
}

Fragment WarpMatrices::multiply(const Fragment &a, const Fragment &b,
                                const Fragment &c) {
  OpBuilder &builder = code.builder;
  Location loc = code.loc;
  bool isHalf = element.isF16();
  auto operands = [&](const Fragment &fragment) {
    if (!isHalf)
      return SmallVector<Value>(fragment.begin(), fragment.end());
    Type pair = VectorType::get({2}, builder.getF16Type());
    return llvm::map_to_vector(fragment, [&](Value word) -> Value {
      return LLVM::BitcastOp::create(builder, loc, pair, word);
    });
  };
  SmallVector<Type> numbers(4, builder.getF32Type());
  auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(), numbers);
  NVVM::MMATypes kind = isHalf ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  SmallVector<Value> operandsA(operands(a)), operandsB(operands(b));
  Value product = NVVM::MmaOp::create(
      builder, loc, type, ValueRange(operandsA), ValueRange(operandsB),
      ValueRange(c), ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
      std::array<NVVM::MMATypes, 2>{kind, kind},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                     NVVM::MMALayout::col});
  Fragment result;
  for (int64_t i = 0; i != 4; ++i)
    result.push_back(LLVM::ExtractValueOp::create(builder, loc, product, i));
  return result;
}
