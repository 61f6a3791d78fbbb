//===- EmitBlock.cpp - A work item by a block of threads ------------------===//
//
// The parts of KernelEmitter that differ on a GPU. A vector of lanes is spread
// over the threads of a block, so all code that is lane-wise stays as it is,
// one lane a thread. What the lanes share (keys, tables of indices) is written
// by all threads together, between barriers. All branches around a barrier are
// on values that are the same for every thread.
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"
#include "lowering/gpu/Device.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

/// Gives shared memory to arrays in the order in which they are read most: what
/// all lanes read, what passes from one step to the next, then state.
void KernelEmitter::placeInShared() {
  sharedPlaces.assign(scratch.numArrays(), std::nullopt);
  SmallVector<unsigned> order, state;
  // Operands of the matrix units have to be there, and there is room for them.
  for (auto [numbers, matrices] : llvm::zip_equal(arrays, sweepMatrices)) {
    for (auto [i, matrix] : llvm::enumerate(matrices.products))
      if (matrix)
        order.append({numbers.keyOperands[i], numbers.laneOperands[i]});
    for (auto [i, matrix] : llvm::enumerate(matrices.accumulators))
      if (matrix)
        order.append({numbers.values[i], numbers.pairs[i]});
  }
  for (const SweepArrays &numbers : arrays) {
    llvm::append_range(order, numbers.keyOperands);
    llvm::append_range(order, numbers.values);
    llvm::append_range(order, numbers.keyIndices);
    llvm::append_range(order, numbers.scales);
    llvm::append_range(order, numbers.tiles);
    llvm::append_range(order, numbers.pairs);
    llvm::append_range(order, numbers.stashes);
    llvm::append_range(order, numbers.laneOperands);
    llvm::append_range(state, numbers.states);
  }
  llvm::append_range(order, state);
  for (unsigned number : order) {
    // Number 0 also stands for an array that is not there.
    if (number == 0 || sharedPlaces[number])
      continue;
    constexpr int64_t line = 128;
    std::optional<int64_t> bytes =
        scratch.staticBytes(number, layout.getSpec());
    if (!bytes || *bytes > sharedBudget - sharedSize)
      continue;
    sharedPlaces[number] = sharedSize;
    sharedSize += (*bytes + line - 1) / line * line;
  }
}

void KernelEmitter::beginBlock(StringRef name) {
  function = gpu::createKernel(builder, code.loc, name, layout.numSlots(),
                               shape.width);
  Block *entry = function.addEntryBlock(builder);
  slots = function.getArgument(0);
  Block *body = builder.createBlock(&function.getBody());
  builder.setInsertionPointToEnd(entry);
  thread = code.toInt(
      NVVM::ThreadIdXOp::create(builder, code.loc, builder.getI32Type()), 64);
  if (sharedSize)
    sharedBase = gpu::sharedMemory(builder, code.loc, function);
  LLVM::BrOp::create(builder, code.loc, ValueRange(), body);
  builder.setInsertionPointToEnd(body);
  prepareEvaluator(entry);
}

int64_t KernelEmitter::emitBlock(StringRef name, int itemsSlot,
                                 bool allowsNext) {
  OpBuilder::InsertionGuard guard(builder);
  placeInShared();
  beginBlock(name);
  if (allowsNext)
    NVVM::GriddepcontrolOp::create(builder, code.loc,
                                   NVVM::GridDepActionKind::launch_dependents);
  auto wide = [&](Value number) { return code.toInt(number, 64); };
  Type i32 = builder.getI32Type();
  Value block = wide(NVVM::BlockIdXOp::create(builder, code.loc, i32));
  Value blocks = wide(NVVM::GridDimXOp::create(builder, code.loc, i32));
  Value items = evaluator->slot(itemsSlot, code.i64());
  Value bytes = evaluator->slot(itemsSlot + 1, code.i64());
  scratchBase = code.address(evaluator->slot(itemsSlot + 2, code.ptr()),
                             builder.getI8Type(), code.mul(block, bytes));
  SmallVector<bool> elsewhere;
  for (const std::optional<int64_t> &place : sharedPlaces)
    elsewhere.push_back(place.has_value());
  offsets = scratch.emitOffsets(*evaluator, elsewhere);
  auto loop = scf::ForOp::create(builder, code.loc, block, items, blocks);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  forEachTile(loop.getInductionVar(), [&] {
    fillLaneTables();
    for (const SweepShape &sweep : shape.sweeps)
      emitSweep(sweep);
    emitResults();
  });
  builder.setInsertionPointAfter(loop);
  end();
  return sharedSize;
}

//===----------------------------------------------------------------------===//
// Work that the threads share
//===----------------------------------------------------------------------===//

void KernelEmitter::barrier() {
  if (code.machine == Machine::Gpu)
    NVVM::BarrierOp::create(builder, code.loc);
}

/// A barrier that says whether \p flag, an i1, is set in any thread.
Value KernelEmitter::barrierWithAny(Value flag) {
  Type i32 = builder.getI32Type();
  auto any = NVVM::BarrierReductionAttr::get(builder.getContext(),
                                             NVVM::BarrierReduction::OR);
  auto barrier = NVVM::BarrierOp::create(builder, code.loc, i32, Value(),
                                         Value(), any, code.toInt(flag, 32));
  Value result = barrier->getResult(0);
  return code.lnot(code.equals(result, code.intLike(result, 0)));
}

/// Calls \p body for 0 .. \p count, spread over the threads of a block.
void KernelEmitter::forEachShared(Value count,
                                  llvm::function_ref<void(Value)> body) {
  bool shared = code.machine == Machine::Gpu;
  code.forEach(shared ? thread : code.index(0), count, shared ? shape.width : 1,
               body);
}

/// As fillKeyTables, each thread for keys of its own.
void KernelEmitter::fillKeyTablesInBlock(const SweepShape &sweep, Value tile,
                                         Value count) {
  forEachShared(count, [&](Value i) {
    decode(code.add(tile, i), visited.counts, [&](unsigned position, Value at) {
      Value index = code.add(visited.origins[position],
                             code.mul(at, visited.steps[position]));
      code.store(index,
                 array(arraysOf(sweep).keyIndices[position], code.i64(), i));
    });
  });
}

/// Binds the indices of a key by its position in what the sweep visits.
void KernelEmitter::bindKeyPosition(const SweepShape &sweep, Value position,
                                    Scope &scope) {
  decode(position, visited.counts, [&](unsigned i, Value at) {
    scope.indices[sweep.over[i]].uniform =
        code.add(visited.origins[i], code.mul(at, visited.steps[i]));
  });
}

/// Element after element of [key, dims...], neighbours by neighbouring threads.
void KernelEmitter::fillKeyOperandInBlock(const SweepShape &sweep,
                                          const Operand &operand,
                                          ArrayRef<StringAttr> dims,
                                          unsigned number, Value tile,
                                          Value count) {
  Value length = code.index(1);
  Vectors extents;
  for (StringAttr dim : dims) {
    extents.push_back(evaluator->extent(dim));
    length = code.mul(length, extents.back());
  }
  forEachShared(code.mul(count, length), [&](Value flat) {
    Scope scope(&itemScope);
    Value key = arith::DivUIOp::create(builder, code.loc, flat, length);
    decode(code.sub(flat, code.mul(key, length)), extents,
           [&](unsigned i, Value index) {
             scope.indices[dims[i]].uniform = index;
           });
    bindKeyPosition(sweep, code.add(tile, key), scope);
    Value value;
    for (Value factor : operand.factors) {
      Value x = evaluator->evaluate(factor, scope);
      value = value ? code.mul(value, x) : x;
    }
    code.store(value, array(number, code.f32(), flat));
  });
}

/// Where the lanes are not neighbours in memory, each thread writes its own.
void KernelEmitter::writeLaneOfThread(const Storage &to, Group &group,
                                      ValueRange vectors, Scope &scope) {
  for (auto [j, vector] : llvm::enumerate(vectors)) {
    Value first = code.add(group.first, code.index(int64_t(j) * shape.width));
    Value exists = code.lessThan(code.add(first, thread), validLanes);
    if (shape.isScattered()) {
      Value flag = code.load(builder.getI32Type(),
                             array(existsTable, builder.getI32Type(), first));
      exists = code.land(exists,
                         code.lnot(code.equals(flag, code.intLike(flag, 0))));
    }
    code.ifThen(exists, [&] {
      Scope element(&scope);
      bindLane(first, element);
      code.store(vector, evaluator->address(to, element));
    });
  }
}
