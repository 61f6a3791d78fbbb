//===- WarpCode.cpp - Words for a warp-specialised kernel ----------------===//

#include "lowering/gpu/WarpCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

Value WarpCode::i32(int64_t value) {
  return arith::ConstantOp::create(code.builder, code.loc,
                                   code.builder.getI32IntegerAttr(value));
}

Value WarpCode::widen(Value value) {
  return arith::ExtUIOp::create(code.builder, code.loc, code.i64(), value);
}

Value WarpCode::intrinsic(StringRef name, Type type, ValueRange operands) {
  return code.intrinsic(name, type, operands);
}

Value WarpCode::assembly(StringRef text, StringRef constraints, Type type,
                         ValueRange operands, bool hasSideEffects) {
  auto op = LLVM::InlineAsmOp::create(
      code.builder, code.loc, type ? TypeRange(type) : TypeRange(), operands,
      text, constraints, hasSideEffects, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(code.builder.getContext(),
                                LLVM::AsmDialect::AD_ATT),
      /*operand_attrs=*/ArrayAttr());
  return type ? op.getResult(0) : Value();
}

Value WarpCode::exp2(Value x) {
  return intrinsic("llvm.nvvm.ex2.approx.ftz.f", code.f32(), x);
}
Value WarpCode::log2(Value x) {
  return intrinsic("llvm.nvvm.lg2.approx.ftz.f", code.f32(), x);
}
Value WarpCode::reciprocal(Value x) {
  return intrinsic("llvm.nvvm.rcp.approx.ftz.f", code.f32(), x);
}
Value WarpCode::rsqrt(Value x) {
  return intrinsic("llvm.nvvm.rsqrt.approx.ftz.f", code.f32(), x);
}
Value WarpCode::sqrt(Value x) {
  return intrinsic("llvm.nvvm.sqrt.approx.ftz.f", code.f32(), x);
}
Value WarpCode::tanh(Value x) {
  return assembly("tanh.approx.f32 $0, $1;", "=f,f", code.f32(), x,
                  /*hasSideEffects=*/false);
}
Value WarpCode::ones(Value first, Value number) {
  return intrinsic("llvm.nvvm.bmsk.clamp", i32Type(), {first, number});
}
Value WarpCode::maxNumber(Value a, Value b) {
  return arith::MaxNumFOp::create(code.builder, code.loc, a, b);
}

Value WarpCode::pack(Type element, Value low, Value high) {
  // Not two fptrunc, which LLVM would move behind the branches that end in
  // them.
  Value rounded = intrinsic(element.isBF16() ? "llvm.nvvm.ff2bf16x2.rn"
                                             : "llvm.nvvm.ff2f16x2.rn",
                            VectorType::get(2, element), {high, low});
  return LLVM::BitcastOp::create(code.builder, code.loc, i32Type(), rounded);
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

Value WarpCode::thread() {
  return NVVM::ThreadIdXOp::create(code.builder, code.loc, i32Type());
}
Value WarpCode::block() {
  return NVVM::BlockIdXOp::create(code.builder, code.loc, i32Type());
}
Value WarpCode::blocks() {
  return NVVM::GridDimXOp::create(code.builder, code.loc, i32Type());
}
Value WarpCode::broadcastFirstLane(Value value) {
  return NVVM::ShflOp::create(code.builder, code.loc, i32Type(), i32(-1), value,
                              i32(0), i32(31), NVVM::ShflKind::idx,
                              /*return_value_and_is_valid=*/UnitAttr());
}
Value WarpCode::exchange(Value value, unsigned mask) {
  return NVVM::ShflOp::create(code.builder, code.loc, value.getType(), i32(-1),
                              value, i32(mask), i32(31), NVVM::ShflKind::bfly,
                              /*return_value_and_is_valid=*/UnitAttr());
}
Value WarpCode::exchange64(Value value, unsigned mask) {
  Value high =
      arith::ShRUIOp::create(code.builder, code.loc, value, code.index(32));
  Value low = toI64(exchange(toI32(value), mask));
  high = toI64(exchange(toI32(high), mask));
  Value shifted =
      arith::ShLIOp::create(code.builder, code.loc, high, code.index(32));
  return code.lor(shifted, code.land(low, code.index(0xFFFFFFFF)));
}
Value WarpCode::ballot(Value condition) {
  auto kind = NVVM::VoteSyncKindAttr::get(code.builder.getContext(),
                                          NVVM::VoteSyncKind::ballot);
  return NVVM::VoteSyncOp::create(code.builder, code.loc, i32Type(), i32(-1),
                                  condition, kind);
}
Value WarpCode::noLane(Value condition) {
  return code.equals(ballot(condition), i32(0));
}
Value WarpCode::firstOf(Value ballot) {
  return LLVM::CountTrailingZerosOp::create(code.builder, code.loc, i32Type(),
                                            ballot, /*is_zero_poison=*/false);
}
Value WarpCode::isElected() {
  return NVVM::ElectSyncOp::create(code.builder, code.loc,
                                   code.builder.getI1Type(), Value());
}
void WarpCode::syncWarp() {
  NVVM::SyncWarpOp::create(code.builder, code.loc, i32(-1));
}

Value WarpCode::countUp(Value address) {
  auto global = LLVM::LLVMPointerType::get(
      code.builder.getContext(), unsigned(NVVM::NVVMMemorySpace::Global));
  address =
      LLVM::AddrSpaceCastOp::create(code.builder, code.loc, global, address);
  return LLVM::AtomicRMWOp::create(code.builder, code.loc,
                                   LLVM::AtomicBinOp::add, address, i32(1),
                                   LLVM::AtomicOrdering::monotonic, "device");
}

void WarpCode::syncBlock() { NVVM::Barrier0Op::create(code.builder, code.loc); }
void WarpCode::allowNextLaunch() {
  NVVM::GriddepcontrolOp::create(code.builder, code.loc,
                                 NVVM::GridDepActionKind::launch_dependents);
}
void WarpCode::waitForLastLaunch() {
  NVVM::GriddepcontrolOp::create(code.builder, code.loc,
                                 NVVM::GridDepActionKind::wait);
}
void WarpCode::setRegisters(unsigned count, bool increase) {
  NVVM::SetMaxRegisterOp::create(code.builder, code.loc, count,
                                 increase
                                     ? NVVM::SetMaxRegisterAction::increase
                                     : NVVM::SetMaxRegisterAction::decrease);
}
void WarpCode::syncNamed(Value id, unsigned threads) {
  NVVM::BarrierOp::create(code.builder, code.loc, TypeRange(), id, i32(threads),
                          NVVM::BarrierReductionAttr(), Value());
}
void WarpCode::arriveNamed(Value id, unsigned threads) {
  NVVM::BarrierArriveOp::create(code.builder, code.loc, id, i32(threads));
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

static Type sharedPointer(cpu::Code &code) {
  return LLVM::LLVMPointerType::get(code.builder.getContext(),
                                    unsigned(NVVM::NVVMMemorySpace::Shared));
}

Value WarpCode::sharedAddress(Value base, Value bytes) {
  return LLVM::GEPOp::create(code.builder, code.loc, sharedPointer(code),
                             code.builder.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(bytes)});
}
void WarpCode::initBarrier(Value barrier, unsigned arrivals) {
  NVVM::MBarrierInitOp::create(code.builder, code.loc, barrier, i32(arrivals),
                               Value());
}
void WarpCode::fenceBarrierInit() {
  NVVM::FenceMbarrierInitOp::create(code.builder, code.loc);
}
void WarpCode::arrive(Value barrier) {
  NVVM::MBarrierArriveOp::create(code.builder, code.loc,
                                 code.builder.getI64Type(), barrier, Value());
}
void WarpCode::arriveExpecting(Value barrier, Value bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(
      code.builder, code.loc, Type(), barrier, bytes, NVVM::MemScopeKind::CTA,
      /*relaxed=*/false, /*predicate=*/Value());
}

/// NVVM's mbarrier.try_wait.parity has this loop in itself, and a limit of
/// time. Beside such a limit, ptxas takes nothing that is carried past the wait
/// for what the lanes share: places in rings, and the descriptors made of them,
/// would go through registers of the lanes.
void WarpCode::wait(Value barrier, Value parity) {
  auto loop = scf::WhileOp::create(
      code.builder, code.loc, TypeRange(), ValueRange(),
      [&](OpBuilder &builder, Location, ValueRange) {
        Value isOver = NVVM::MBarrierTryWaitOp::create(
            builder, code.loc, builder.getI1Type(), barrier, parity,
            /*ticks=*/Value(), NVVM::MemScopeKind::CTA, /*relaxed=*/false);
        scf::ConditionOp::create(builder, code.loc, code.lnot(isOver),
                                 ValueRange());
      },
      [&](OpBuilder &builder, Location, ValueRange) {
        scf::YieldOp::create(builder, code.loc);
      });
  code.builder.setInsertionPointAfter(loop);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void WarpCode::prefetchMap(Value map) {
  NVVM::PrefetchOp::create(code.builder, code.loc,
                           NVVM::PrefetchCacheLevelAttr(),
                           NVVM::CacheEvictionPriorityAttr(), map,
                           /*predicate=*/Value(), /*tensormap=*/true);
}
void WarpCode::loadBox(Value map, Value destination, ValueRange coordinates,
                       Value barrier) {
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      code.builder, code.loc, destination, map, coordinates, barrier,
      ValueRange(), Value(), Value(), NVVM::TMALoadMode::TILE,
      /*isCTAOnly=*/true, NVVM::CTAGroupKindAttr(), Value());
}
void WarpCode::storeBox(Value map, Value source, ValueRange coordinates) {
  NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(
      code.builder, code.loc, map, source, coordinates, Value(),
      NVVM::TMAStoreMode::TILE, Value());
}
void WarpCode::commitStores() {
  NVVM::CpAsyncBulkCommitGroupOp::create(code.builder, code.loc);
}
void WarpCode::waitStoresRead() {
  NVVM::CpAsyncBulkWaitGroupOp::create(code.builder, code.loc, 0,
                                       code.builder.getUnitAttr());
}
void WarpCode::clearShared(Value base, Value first, unsigned end,
                           unsigned threads) {
  constexpr unsigned bytes = 16;
  Value zeros = code.constantOf(VectorType::get({4}, i32Type()), 0);
  auto loop = scf::ForOp::create(code.builder, code.loc, first, i32(end),
                                 i32(threads * bytes));
  OpBuilder::InsertionGuard guard(code.builder);
  code.builder.setInsertionPoint(loop.getBody()->getTerminator());
  LLVM::StoreOp::create(code.builder, code.loc, zeros,
                        sharedAddress(base, loop.getInductionVar()), bytes);
}
void WarpCode::fenceAsync() {
  MLIRContext *context = code.builder.getContext();
  NVVM::FenceProxyOp::create(
      code.builder, code.loc,
      NVVM::ProxyKindAttr::get(context, NVVM::ProxyKind::async_shared),
      NVVM::SharedSpaceAttr::get(context, NVVM::SharedSpace::shared_cta));
}
void WarpCode::storeMatrix(Value address, ValueRange four) {
  NVVM::StMatrixOp::create(
      code.builder, code.loc, address, four, NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(code.builder.getContext(), 8, 8),
      NVVM::LdStMatrixEltType::B16);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {
constexpr unsigned chunkBytes = 128; // a row of a chunk
constexpr unsigned depthOfStep = 16; // of one wgmma
/// Swizzle of 128 bytes, and 8 rows of 128 bytes from one group to the next.
constexpr unsigned descriptorHigh = 0x40000000 | (8 * chunkBytes >> 4);
} // namespace

Value WarpCode::descriptor(Value base, unsigned rows, bool transposed) {
  OpBuilder &b = code.builder;
  Value address = LLVM::PtrToIntOp::create(b, code.loc, i32Type(), base);
  Value low = arith::ShRUIOp::create(b, code.loc, address, i32(4));
  low = code.land(low, i32(0x3FFF));
  // From one chunk to the next, where columns are no longer summed over.
  unsigned leading = transposed ? rows * chunkBytes >> 4 : 0;
  return leading ? code.lor(low, i32(int64_t(leading) << 16)) : low;
}

/// How far step \p k of the sum lies from the start of a tile, in 16 bytes.
static unsigned offsetOfStep(const WarpCode::Tile &tile, unsigned k) {
  if (tile.transposed)
    return k * depthOfStep * chunkBytes >> 4;
  constexpr unsigned stepsOfChunk = chunkColumns / depthOfStep;
  return (k / stepsOfChunk * tile.rows * chunkBytes +
          k % stepsOfChunk * depthOfStep * 2) >>
         4;
}

static StringRef typeName(Type element) {
  return element.isBF16() ? "bf16" : "f16";
}

/// "{$first,...,$last}"
static std::string registers(unsigned first, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i != count; ++i)
    text += (i ? ",$" : "$") + std::to_string(first + i);
  return text + "}";
}

WarpCode::Values WarpCode::assemblyOfMany(StringRef text, unsigned results,
                                          bool tied, StringRef otherConstraints,
                                          ValueRange operands) {
  std::string constraints;
  for (unsigned i = 0; i != results; ++i)
    constraints += i ? ",=f" : "=f";
  if (tied)
    for (unsigned i = 0; i != results; ++i)
      constraints += "," + std::to_string(i);
  if (!otherConstraints.empty())
    constraints += "," + otherConstraints.str();
  auto type = LLVM::LLVMStructType::getLiteral(
      code.builder.getContext(), SmallVector<Type>(results, code.f32()));
  Value all = assembly(text, constraints, type, operands);
  Values values;
  for (unsigned i = 0; i != results; ++i)
    values.push_back(
        LLVM::ExtractValueOp::create(code.builder, code.loc, all, i));
  return values;
}

WarpCode::Values WarpCode::startProduct(Type element, Tile a, Tile b,
                                        unsigned columns, unsigned depth) {
  unsigned results = columns / 2;
  std::string text;
  llvm::raw_string_ostream out(text);
  std::string left = "$" + std::to_string(results),
              right = "$" + std::to_string(results + 1);
  out << "{\n.reg .b64 a, b;\n.reg .b32 x;\n.reg .pred first, next;\n"
         "setp.ne.b32 first, 0, 0;\nsetp.ne.b32 next, 1, 0;\n"
         "wgmma.fence.sync.aligned;\n";
  for (unsigned k = 0; k * depthOfStep < depth; ++k)
    out << "add.u32 x, " << left << ", " << offsetOfStep(a, k)
        << ";\nmov.b64 a, {x, " << descriptorHigh << "};\nadd.u32 x, " << right
        << ", " << offsetOfStep(b, k) << ";\nmov.b64 b, {x, " << descriptorHigh
        << "};\nwgmma.mma_async.sync.aligned.m64n" << columns << "k16.f32."
        << typeName(element) << "." << typeName(element) << " "
        << registers(0, results) << ", a, b, " << (k ? "next" : "first")
        << ", 1, 1, 0, " << (b.transposed ? 1 : 0) << ";\n";
  out << "wgmma.commit_group.sync.aligned;\n}";
  return assemblyOfMany(text, results, /*tied=*/false, "r,r", {a.low, b.low});
}

WarpCode::Values WarpCode::startProduct(Type element, ValueRange a, Tile b,
                                        ValueRange accumulators) {
  unsigned results = accumulators.size();
  std::string text;
  llvm::raw_string_ostream out(text);
  unsigned firstA = 2 * results;
  std::string right = "$" + std::to_string(firstA + a.size());
  out << "{\n.reg .b64 b;\n.reg .b32 x;\n.reg .pred next;\n"
         "setp.ne.b32 next, 1, 0;\nwgmma.fence.sync.aligned;\n";
  for (unsigned k = 0; k * 4 < a.size(); ++k)
    out << "add.u32 x, " << right << ", " << offsetOfStep(b, k)
        << ";\nmov.b64 b, {x, " << descriptorHigh
        << "};\nwgmma.mma_async.sync.aligned.m64n" << results * 2 << "k16.f32."
        << typeName(element) << "." << typeName(element) << " "
        << registers(0, results) << ", " << registers(firstA + 4 * k, 4)
        << ", b, next, 1, 1, " << (b.transposed ? 1 : 0) << ";\n";
  out << "wgmma.commit_group.sync.aligned;\n}";
  std::string constraints;
  for (unsigned i = 0; i != a.size(); ++i)
    constraints += "r,";
  Values operands(accumulators);
  llvm::append_range(operands, a);
  operands.push_back(b.low);
  return assemblyOfMany(text, results, /*tied=*/true, constraints + "r",
                        operands);
}

WarpCode::Values WarpCode::waitProducts(unsigned pending, ValueRange results) {
  // Registers that LLVM copies for the results are copied behind the wait:
  // nothing may read them before.
  assembly("wgmma.wait_group.sync.aligned " + std::to_string(pending) + ";", "",
           Type(), ValueRange(), /*hasSideEffects=*/true);
  return assemblyOfMany("", results.size(), /*tied=*/true, "", results);
}
