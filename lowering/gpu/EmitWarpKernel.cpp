//===- EmitWarpKernel.cpp - A kernel of specialised warps ---------------===//

#include "lowering/gpu/EmitWarpKernel.h"
#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

/// The one result with the value dimension, where it is of 16-bit elements with
/// that dimension innermost.
Value WarpKernelEmitter::findStoredOutput() {
  if (!shape.values)
    return {};
  KernelOp kernel = request.kernel;
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  Value found;
  for (auto [result, value] :
       llvm::zip_equal(kernel.getResults(), yield.getValues())) {
    if (!quantity(result).hasDim(shape.valueDim))
      continue;
    ArrayRef<cpu::Storage> places = request.layout.destinationsOf(result);
    auto cast = value.getDefiningOp<CastOp>();
    if (found || places.size() != 1 || !cast ||
        !quantity(cast.getOperand()).getElementType().isF32())
      return {};
    const cpu::Storage &place = places.front();
    bool isHalf = place.element.isBF16() || place.element.isF16();
    if (!isHalf || place.isBuffer || place.layout.size() > 5 ||
        place.layout.back() != shape.valueDim)
      return {};
    found = result;
  }
  return found;
}

void WarpKernelEmitter::addMap(const cpu::Storage &storage, StringAttr rowDim,
                               unsigned rows) {
  TensorMap tensorMap;
  tensorMap.tensor = storage;
  tensorMap.swizzle = Swizzle::Bytes128;
  for (unsigned position = storage.layout.size(); position-- != 0;) {
    TensorMapDim dim;
    dim.position = position;
    if (position + 1 == storage.layout.size())
      dim.box = chunkColumns;
    else if (storage.layout[position] == rowDim)
      dim.box = rows;
    tensorMap.dims.push_back(dim);
  }
  stage.maps.push_back(tensorMap);
}

void WarpKernelEmitter::describeMaps() {
  addMap(*shape.left.storage, shape.rowDim, tile.rows());
  addMap(*shape.right.storage, shape.columnDim, tile.columns);
  if (shape.values)
    addMap(*shape.values->storage, shape.columnDim, tile.columns);
  // Also where it is written from registers: 16 bytes at a time are aligned.
  if (storedOutput)
    addMap(request.layout.destinationsOf(storedOutput).front(), shape.rowDim,
           rowsOfGroup);
}

/// What the runtime is told (GpuStage), for readers of the IR: the tile, the
/// shared memory, and for each tensor map its slot and box, innermost first.
ArrayAttr WarpKernelEmitter::describeStage() {
  std::string text;
  for (const TensorMap &tensorMap : stage.maps) {
    text += (text.empty() ? "" : "; ") + std::to_string(tensorMap.tensor.slot) +
            ":";
    for (const TensorMapDim &dim : tensorMap.dims)
      text += " " + std::to_string(dim.box);
  }
  auto attribute = [&](StringRef name, const Twine &value) -> Attribute {
    return builder.getStrArrayAttr({name, value.str()});
  };
  return builder.getArrayAttr({attribute("attn-tile", stage.description),
                               attribute("attn-shared", Twine(plan.total)),
                               attribute("attn-maps", text)});
}

void WarpKernelEmitter::beginFunction() {
  MLIRContext *context = builder.getContext();
  Type pointer = code.ptr();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          {pointer, pointer});
  auto function =
      LLVM::LLVMFuncOp::create(builder, code.loc, stage.symbol, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                    builder.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    builder.getDenseI32ArrayAttr({int(tile.threads())}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    builder.getI32IntegerAttr(1));
  auto describe = [&](unsigned number, Type array) {
    function.setArgAttr(number, LLVM::LLVMDialect::getByValAttrName(),
                        TypeAttr::get(array));
    function.setArgAttr(number, NVVM::NVVMDialect::getGridConstantAttrName(),
                        builder.getUnitAttr());
  };
  describe(0, LLVM::LLVMArrayType::get(code.i64(), request.layout.numSlots()));
  describe(1, LLVM::LLVMArrayType::get(builder.getI8Type(),
                                       128 * stage.maps.size()));
  function.setArgAttr(1, LLVM::LLVMDialect::getAlignAttrName(),
                      builder.getI64IntegerAttr(64));
  function.setPassthroughAttr(describeStage());

  auto global = LLVM::GlobalOp::create(
      builder, code.loc, LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
      /*isConstant=*/false, LLVM::Linkage::External, stage.symbol + "_shared",
      Attribute(), /*alignment=*/1024,
      /*addrSpace=*/unsigned(NVVM::NVVMMemorySpace::Shared));

  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToEnd(entry);
  maps = function.getArgument(1);
  evaluator = std::make_unique<cpu::Evaluator>(code, request.layout,
                                               function.getArgument(0), entry);
  pairs = std::make_unique<FragmentEvaluator>(warps, *evaluator, shape.rowDim,
                                              shape.columnDim);
  pairs->given.insert(shape.score);
  pairs->provide = [this](Value value, Place place, FragmentScope &scope) {
    return provide(value, place, scope);
  };
  sharedBase = LLVM::AddressOfOp::create(builder, code.loc, global);
}

void WarpKernelEmitter::initBarriers() {
  unsigned number = 2;
  auto ring = [&] {
    unsigned first = number;
    number += tile.stages;
    return first;
  };
  rightFull = ring();
  rightEmpty = ring();
  valuesFull = ring();
  valuesEmpty = ring();
  // A consumer's warp is counted once for each tile that it lets go.
  unsigned arrivals = 4 * tile.consumers;
  Value isFirst = code.equals(warps.thread(), warps.i32(0));
  code.ifThen(isFirst, [&] {
    auto init = [&](unsigned first, unsigned count, unsigned needed) {
      for (unsigned i = 0; i != count; ++i)
        warps.initBarrier(shared(plan.barriers + 8 * (first + i)), needed);
    };
    init(leftFull, 1, 1);
    init(leftEmpty, 1, arrivals);
    init(rightFull, tile.stages, 1);
    init(rightEmpty, tile.stages, arrivals);
    init(valuesFull, tile.stages, 1);
    init(valuesEmpty, tile.stages, arrivals);
    warps.fenceBarrierInit();
    for (unsigned i = 0; i != stage.maps.size(); ++i)
      warps.prefetchMap(map(i));
  });
  warps.syncBlock();
}

std::optional<GpuStage> WarpKernelEmitter::emit(std::string &why) {
  if (plan.total > maxShared) {
    why = "its tiles need " + std::to_string(plan.total) +
          " bytes of shared memory";
    return std::nullopt;
  }
  stage.symbol = request.symbol;
  stage.threads = tile.threads();
  stage.sharedBytes = plan.total;
  stage.blocksPerSM = 1;
  // Of three consumers, a thread has 160 registers: the few words of an item
  // that may not fit are stored before its tiles and read after them.
  stage.mustNotSpill = tile.consumers < 3;
  stage.description = "wgmma " + std::to_string(tile.rows()) + " x " +
                      std::to_string(tile.columns) + ", " +
                      std::to_string(tile.stages) + " stages";
  describeMaps();
  WarpShape kept = shape;
  stage.items = [kept](cpu::Evaluator &host) {
    cpu::Code &hostCode = host.code;
    Value items = hostCode.ceilDiv(host.extent(kept.rowDim), kept.tile.rows());
    for (StringAttr dim : kept.batch)
      items = hostCode.mul(items, host.extent(dim));
    return items;
  };

  OpBuilder::InsertionGuard guard(builder);
  beginFunction();
  initBarriers();
  Value warpOfBlock = warps.broadcastFirstLane(
      arith::ShRUIOp::create(builder, code.loc, warps.thread(), warps.i32(5)));
  Value group =
      arith::ShRUIOp::create(builder, code.loc, warpOfBlock, warps.i32(2));
  // Together what the warpgroups are launched with: 4 x 128 or 3 x 168.
  bool three = tile.consumers == 3;
  unsigned ofProducer = three ? 32 : 24, ofConsumer = three ? 160 : 240;
  if (searchesTogether() && !three) {
    ofProducer = 56;
    ofConsumer = 224;
  }
  code.ifElse(
      code.equals(group, warps.i32(0)),
      [&] {
        warps.setRegisters(ofProducer, /*increase=*/false);
        code.ifThen(code.equals(warpOfBlock, warps.i32(0)), [&] {
          if (searchesTogether())
            return emitProducer(warps.isElected());
          code.ifThen(warps.isElected(),
                      [&] { emitProducer(code.boolean(true)); });
        });
      },
      [&] {
        warps.setRegisters(ofConsumer, /*increase=*/true);
        emitConsumer(code.sub(group, warps.i32(1)));
      });
  LLVM::ReturnOp::create(builder, code.loc, ValueRange());
  return stage;
}

std::optional<GpuStage>
attn::gpu::emitWarpKernel(const GpuStageRequest &request, std::string &why,
                          std::optional<WarpTile> tile) {
  cpu::KernelShape kernel(request.kernel, request.layout);
  std::optional<WarpShape> shape = matchWarpKernel(kernel, request.layout, why);
  if (!shape)
    return std::nullopt;
  if (tile)
    shape->tile = *tile;
  return WarpKernelEmitter(request, *shape).emit(why);
}
