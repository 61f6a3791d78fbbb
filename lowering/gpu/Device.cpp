//===- Device.cpp - The module of GPU kernels -----------------------------===//

#include "lowering/gpu/Device.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;

static constexpr llvm::StringLiteral deviceModule = "attn_device";
static constexpr llvm::StringLiteral sharedSymbol = "attn_shared";

mlir::gpu::GPUModuleOp attn::gpu::createDeviceModule(ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  return mlir::gpu::GPUModuleOp::create(builder, module.getLoc(), deviceModule);
}

mlir::gpu::GPUModuleOp attn::gpu::findDeviceModule(ModuleOp module) {
  return module.lookupSymbol<mlir::gpu::GPUModuleOp>(deviceModule);
}

LLVM::LLVMFuncOp attn::gpu::createKernel(OpBuilder &builder, Location loc,
                                         StringRef name, int numSlots,
                                         unsigned threads, unsigned numMaps) {
  MLIRContext *context = builder.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> types{pointer};
  if (numMaps)
    types.push_back(pointer);
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
  auto kernel = LLVM::LLVMFuncOp::create(builder, loc, name, type);
  auto passByValue = [&](unsigned index, Type element, unsigned count,
                         unsigned alignment) {
    kernel.setArgAttr(index, LLVM::LLVMDialect::getByValAttrName(),
                      TypeAttr::get(LLVM::LLVMArrayType::get(element, count)));
    kernel.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(),
                      builder.getI64IntegerAttr(alignment));
    kernel.setArgAttr(index, NVVM::NVVMDialect::getGridConstantAttrName(),
                      builder.getUnitAttr());
  };
  passByValue(0, builder.getI64Type(), unsigned(numSlots), 8);
  if (numMaps)
    passByValue(1, builder.getI8Type(), 128 * numMaps, 64);
  kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                  builder.getUnitAttr());
  kernel->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                  builder.getDenseI32ArrayAttr({int32_t(threads)}));
  return kernel;
}

Value attn::gpu::sharedMemory(OpBuilder &builder, Location loc,
                              LLVM::LLVMFuncOp kernel) {
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  constexpr unsigned space = unsigned(NVVM::NVVMMemorySpace::Shared);
  Operation *module = kernel->getParentOp();
  if (!SymbolTable::lookupSymbolIn(module, sharedSymbol)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&module->getRegion(0).front());
    LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/false,
                           LLVM::Linkage::External, sharedSymbol, Attribute(),
                           /*alignment=*/1024, space);
  }
  MLIRContext *context = builder.getContext();
  Value start = LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(context, space), sharedSymbol);
  return LLVM::AddrSpaceCastOp::create(
      builder, loc, LLVM::LLVMPointerType::get(context), start);
}
