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
    if (!isHalf || place.isBuffer || place.layout.back() != shape.valueDim ||
        !hasAll(place.layout, shape.rows))
      return {};
    found = result;
  }
  return found;
}

/// Says whether the output may be copied from shared memory, 64 columns at a
/// time: where residues or others are part of the first coordinate, nothing
/// holds a copy back beyond the innermost extent.
bool WarpKernelEmitter::copiesOutput() {
  if (!storedOutput)
    return false;
  const cpu::Storage &place =
      request.layout.destinationsOf(storedOutput).front();
  return shape.values->columns % chunkColumns == 0 ||
         (!shape.hasSteps(TileSide::Rows) &&
          shape.folded(place, TileSide::Rows).empty());
}

/// Adds the maps of the tiles of \p storage, one for each way in which residues
/// may be longer or shorter; with \p rowConsumers, the tile of a consumer of so
/// many. The first.
unsigned WarpKernelEmitter::addMaps(const cpu::Storage &storage, TileSide side,
                                    unsigned rowConsumers) {
  const TileDims &dims = shape.dimsOf(side);
  SmallVector<unsigned> stepped;
  for (auto [position, entry] : llvm::enumerate(dims))
    if (entry.step)
      stepped.push_back(position);
  unsigned first = stage.maps.size();
  auto positionOf = [&](StringAttr dim) {
    return unsigned(llvm::find(storage.layout, dim) - storage.layout.begin());
  };
  for (unsigned variant = 0; variant != 1u << stepped.size(); ++variant) {
    TensorMap tensorMap;
    tensorMap.tensor = storage;
    tensorMap.swizzle = Swizzle::Bytes128;
    auto add = [&](unsigned position, unsigned box) -> TensorMapDim & {
      TensorMapDim dim;
      dim.position = position;
      dim.box = box;
      return tensorMap.dims.emplace_back(dim);
    };
    add(storage.layout.size() - 1, chunkColumns);
    for (unsigned i = dims.size(); i-- != 0;) {
      unsigned box = dims[i].box;
      if (i == 0 && rowConsumers)
        box /= rowConsumers;
      TensorMapDim &dim = add(positionOf(dims[i].dim), box);
      if (shape.isPacked && side == TileSide::Rows)
        dim.boxSlot = request.itemsSlot + BoxesSlot + int(i);
      if (!dims[i].step)
        continue;
      dim.stepSlot = request.itemsSlot + StepsSlot + int(*dims[i].step);
      dim.isLonger = variant >> (llvm::find(stepped, i) - stepped.begin()) & 1;
    }
    SmallVector<unsigned> folded = shape.folded(storage, side);
    for (unsigned i = storage.layout.size() - 1; i-- != 0;)
      if (llvm::none_of(dims, [&](const TileDim &entry) {
            return entry.dim == storage.layout[i];
          }))
        add(i, 1).isFolded = llvm::is_contained(folded, i);
    stage.maps.push_back(tensorMap);
  }
  return first;
}

void WarpKernelEmitter::describeMaps() {
  leftMap = addMaps(*shape.left.storage, TileSide::Rows);
  rightMap = addMaps(*shape.right.storage, TileSide::Columns);
  if (shape.values)
    valuesMap = addMaps(*shape.values->storage, TileSide::Columns);
  // Also where it is written from registers: 16 bytes at a time are aligned.
  if (storedOutput)
    outputMap = addMaps(request.layout.destinationsOf(storedOutput).front(),
                        TileSide::Rows, tile.consumers);
}

/// What the runtime is told (GpuStage), for readers of the IR: the tile, the
/// shared memory, and for each tensor map its slot and box, innermost first.
ArrayAttr WarpKernelEmitter::describeStage() {
  std::string text;
  for (const TensorMap &tensorMap : stage.maps) {
    text += (text.empty() ? "" : "; ") + std::to_string(tensorMap.tensor.slot) +
            ":";
    for (const TensorMapDim &dim : tensorMap.dims)
      text += " " +
              (dim.boxSlot    ? "plan"
               : dim.isFolded ? "+"
                              : std::to_string(dim.box)) +
              (!dim.stepSlot  ? ""
               : dim.isLonger ? "l"
                              : "s");
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
  makeIndices();
  pairs = std::make_unique<FragmentEvaluator>(
      warps, *evaluator, fragmentDims(shape.rows), fragmentDims(shape.columns));
  pairs->isOfPairs = true;
  pairs->given.insert(shape.score);
  pairs->given.insert_range(shape.differences);
  pairs->provide = [this](Value value, Place place, FragmentScope &scope) {
    return provide(value, place, scope);
  };
  pairs->provideExponent = [this](const FragmentEvaluator::ColumnWeight &weight,
                                  int column) {
    return columnElement(weight.exp, column, weight.normalizer.value);
  };
  if (shape.base)
    form = std::make_unique<ScoreForm>(
        *pairs, AccumulateOp(shape.base->op).getOperand(), shape.score);
  sharedBase = LLVM::AddressOfOp::create(builder, code.loc, global);
}

void WarpKernelEmitter::makeIndices() {
  indices = std::make_unique<TileIndices>(warps, *evaluator, shape.steps.size(),
                                          request.itemsSlot + StepsSlot);
}

void WarpKernelEmitter::initBarriers() {
  unsigned number = 2;
  auto ring = [&](unsigned slots) {
    unsigned first = number;
    number += slots;
    return first;
  };
  for (unsigned *first : {&rightFull, &rightEmpty, &valuesFull, &valuesEmpty})
    *first = ring(tile.stages);
  for (unsigned *first : {&windowFull, &windowEmpty})
    *first = ring(SharedPlan::windows);
  assert(8 * number <= plan.window - plan.barriers && "more bytes of barriers");
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
    if (hasSearcher()) {
      init(windowFull, SharedPlan::windows, 1);
      init(windowEmpty, SharedPlan::windows, arrivals + 1);
    }
    warps.fenceBarrierInit();
    for (unsigned i = 0; i != stage.maps.size(); ++i)
      warps.prefetchMap(map(i));
  });
  if (shape.isPacked)
    clearRowsBeyondBox();
  warps.syncBlock();
  if (shape.isPacked)
    warps.allowNextLaunch();
  warps.waitForLastLaunch();
}

/// Rows of the tile that no copy writes are 0: what a warp decides by a vote
/// would depend on what lies there, and with it the last places of results.
void WarpKernelEmitter::clearRowsBeyondBox() {
  constexpr unsigned rowBytes = chunkColumns * 2, storeBytes = 16;
  Value first = code.add(code.mul(rowsOfBox(), warps.i32(rowBytes)),
                         code.mul(warps.thread(), warps.i32(storeBytes)));
  unsigned chunkBytes = tile.rows() * rowBytes;
  for (unsigned chunk = 0; chunk != shape.left.chunks(); ++chunk)
    warps.clearShared(shared(plan.left + chunk * chunkBytes), first, chunkBytes,
                      tile.threads());
  warps.fenceAsync();
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
  stage.tileCycles = shape.tileCycles();
  stage.drawsItems = drawsItems();
  stage.waitsItself = true;
  stage.description = "wgmma " + std::to_string(tile.rows()) + " x " +
                      std::to_string(tile.columns) + ", " +
                      std::to_string(tile.stages) + " stages";
  if (shape.isPacked)
    stage.description += ", rows packed";
  describeMaps();
  describeSizes();

  OpBuilder::InsertionGuard guard(builder);
  beginFunction();
  initBarriers();
  Value warpOfBlock = warps.broadcastFirstLane(
      arith::ShRUIOp::create(builder, code.loc, warps.thread(), warps.i32(5)));
  Value group =
      arith::ShRUIOp::create(builder, code.loc, warpOfBlock, warps.i32(2));
  // Of two warpgroups, each thread has as many as it can have.
  bool trades = tile.consumers > 1;
  auto [ofProducer, ofConsumer] = shape.registersOfRoles();
  code.ifElse(
      code.equals(group, warps.i32(0)),
      [&] {
        if (trades)
          warps.setRegisters(ofProducer, /*increase=*/false);
        code.ifThen(code.equals(warpOfBlock, warps.i32(0)), [&] {
          if (shape.searches())
            return emitProducer(warps.isElected());
          code.ifThen(warps.isElected(),
                      [&] { emitProducer(code.boolean(true)); });
        });
        if (hasSearcher())
          code.ifThen(code.equals(warpOfBlock, warps.i32(1)),
                      [&] { emitSearcher(); });
      },
      [&] {
        if (trades)
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
    shape->setTile(*tile);
  return WarpKernelEmitter(request, *shape).emit(why);
}

std::optional<GpuStage>
attn::gpu::emitShortWarpKernel(const GpuStageRequest &request) {
  cpu::KernelShape kernel(request.kernel, request.layout);
  std::string why;
  std::optional<WarpShape> shape = matchWarpKernel(kernel, request.layout, why);
  if (!shape || (shape->tile.consumers < 3 && shape->tile.columns <= 128))
    return std::nullopt;
  WarpTile tile = shape->tile;
  tile.consumers = 2;
  tile.columns = std::min(tile.columns, 128u);
  shape->setTile(tile);
  return WarpKernelEmitter(request, *shape).emit(why);
}

std::optional<GpuStage>
attn::gpu::emitPackedKernel(const GpuStageRequest &request) {
  cpu::KernelShape kernel(request.kernel, request.layout);
  std::string why;
  std::optional<WarpShape> wide = matchWarpKernel(kernel, request.layout, why);
  std::optional<WarpShape> shape;
  if (wide)
    shape = matchPackedKernel(*wide, request.layout);
  if (!shape)
    return std::nullopt;
  std::optional<GpuStage> stage = WarpKernelEmitter(request, *shape).emit(why);
  if (!stage)
    return std::nullopt;
  GpuStageRequest merging = request;
  merging.symbol += "_merge";
  stage->merge = std::make_shared<GpuStage>(
      WarpKernelEmitter(merging, *shape).emitMerge());
  stage->mergeSlot = request.itemsSlot + NumLaunchSlots;
  return stage;
}
