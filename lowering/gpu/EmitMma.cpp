//===- EmitMma.cpp - The products of a block by mma.sync ------------------===//
//
// Both products of a step, where their operands are bf16 or f16:
//   scores:  tile[key, lane]    = sum over d of K[key, d] * Q[d, lane]
//   values:  state[e, lane]    += sum over keys of V[key, e] * P[key, lane]
// A warp has the lanes of its 32 threads. Q stays in its registers for the
// sweep, and so does the state, in memory of the thread that LLVM turns into
// registers. Scores and weights pass through shared memory, from fragments to
// the threads that own the lanes and back; so all that is done to a pair is the
// code that a CPU has, one lane a thread.
//
//===----------------------------------------------------------------------===//

#include "lowering/cpu/EmitKernel.h"
#include "lowering/gpu/Mma.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;
using attn::gpu::Fragment;
using attn::gpu::WarpMatrices;

static constexpr int64_t lanesOfWarp = 32, columnsOfC = 8, depth = 16;
// Of the copies of keys: 16 bytes, and how many a thread has under way.
static constexpr int64_t elementsOfChunk = 8, copiesAtOnce = 4;

//===----------------------------------------------------------------------===//
// What fits
//===----------------------------------------------------------------------===//

/// How the sum over \p dims is done with 16-bit operands of \p type; none where
/// it is not.
std::optional<KernelEmitter::Matrices>
KernelEmitter::fitMatrices(Type type, ArrayRef<StringAttr> dims) const {
  // A warp has the lanes of one vector, and keys in units of the depth.
  if (code.machine != Machine::Gpu || !type || shape.vectors != 1 ||
      shape.groups != 1 || shape.width % lanesOfWarp || shape.keys % depth ||
      shape.sub % depth)
    return std::nullopt;
  int64_t extent = 1;
  for (StringAttr dim : dims) {
    std::optional<int64_t> size = layout.getSpec().getStaticSize(dim);
    if (!size)
      return std::nullopt;
    extent *= *size;
  }
  constexpr int64_t most = 256;
  if (extent < 1 || extent > most)
    return std::nullopt;
  return Matrices{type, extent, (extent + depth - 1) / depth * depth};
}

/// Chooses which products are done so, as long as shared memory, where their
/// operands must be, has room.
void KernelEmitter::chooseMatrices() {
  int64_t room = sharedBudget;
  auto take = [&](std::optional<Matrices> matrix, int64_t lanesRows) {
    if (!matrix)
      return matrix;
    constexpr int64_t bytes = 2;
    int64_t need = (lanesRows + shape.keys * rowStride(*matrix)) * bytes;
    if (need > room)
      return std::optional<Matrices>();
    room -= need;
    return matrix;
  };
  for (const SweepShape &sweep : shape.sweeps) {
    SweepMatrices &matrices = sweepMatrices.emplace_back();
    for (const InnerProduct &product : sweep.products) {
      Type type = narrowType(product.keySide.factors, layout);
      if (type != narrowType(product.narrowFactors(), layout))
        type = Type();
      std::optional<Matrices> fit = fitMatrices(type, product.dims);
      matrices.products.push_back(
          take(fit, fit ? fit->padded * tileStride() : 0));
    }
    for (const Accumulator &accumulator : sweep.accumulators) {
      Type type;
      if (accumulator.isProduct)
        type = narrowType(accumulator.keySide.factors, layout);
      // Weights relative to a maximum are at most 1. Others may be anything,
      // which bf16 holds and f16 does not.
      if (type && type.isF16() &&
          !(accumulator.op.getRelativeTo() && accumulator.isWithinOne()))
        type = Type();
      matrices.accumulators.push_back(take(
          fitMatrices(type, accumulator.carried), shape.keys * groupStride()));
    }
  }
}

//===----------------------------------------------------------------------===//
// Operands in shared memory
//===----------------------------------------------------------------------===//

static Value roundTo(Code &code, Type type, Value x) {
  Type like = code.likeWith(x, type);
  Value narrow = arith::TruncFOp::create(code.builder, code.loc, like, x);
  return arith::BitcastOp::create(code.builder, code.loc,
                                  code.likeWith(x, code.builder.getI16Type()),
                                  narrow);
}

/// As fillLaneOperand: the lanes' own column of Q, zeros below it.
void KernelEmitter::fillLaneMatrix(const SweepShape &sweep, unsigned number) {
  const InnerProduct &product = sweep.products[number];
  const Matrices &matrix = *matricesOf(sweep).products[number];
  unsigned place = arraysOf(sweep).laneOperands[number];
  Type bits = builder.getI16Type();
  SmallVector<Value> factors = product.narrowFactors();
  Vectors extents = llvm::map_to_vector(
      product.dims, [&](StringAttr dim) { return evaluator->extent(dim); });
  forEachGroup([&](Group &group) {
    Scope &lane = *group.lanes.front();
    for (Value factor : factors)
      evaluator->hoist(factor, product.dims, lane);
    auto at = [&](Value row) {
      return array(place, bits, code.mul(row, code.index(tileStride())));
    };
    // Reads first, then writes, so that several are under way at once.
    int64_t step = matrix.extent % elementsOfChunk ? 1 : elementsOfChunk;
    code.forEach(
        code.index(0), code.index(matrix.extent), step, [&](Value row) {
          Vectors values;
          for (int64_t i = 0; i != step; ++i) {
            Scope scope(&lane);
            decode(code.add(row, code.index(i)), extents,
                   [&](unsigned position, Value index) {
                     scope.indices[product.dims[position]].uniform = index;
                   });
            Value value;
            for (Value factor : factors) {
              Value x = evaluator->evaluate(factor, scope);
              value = value ? code.mul(value, x) : x;
            }
            values.push_back(code.splat(roundTo(code, matrix.type, value)));
          }
          for (auto [i, value] : llvm::enumerate(values))
            code.store(value, at(code.add(row, code.index(int64_t(i)))));
        });
    Value zero = code.constantOf(code.vectorOf(bits), 0);
    code.forEach(code.index(matrix.extent), code.index(matrix.padded), 1,
                 [&](Value row) { code.store(zero, at(row)); });
  });
}

/// The tensor that \p operand is, as it is stored: rows of \p matrix's type
/// with
/// \p dim innermost, in whole chunks of 16 bytes. Null for anything else.
static const Storage *storedRows(const Operand &operand,
                                 ArrayRef<StringAttr> dims, Type type,
                                 int64_t extent, const CallLayout &layout) {
  if (operand.factors.size() != 1 || dims.size() != 1 ||
      extent % elementsOfChunk)
    return nullptr;
  auto cast = operand.factors.front().getDefiningOp<CastOp>();
  if (!cast || !layout.isStored(cast.getOperand()))
    return nullptr;
  const Storage &storage = layout.storageOf(cast.getOperand());
  return storage.element == type && storage.layout.back() == dims.front()
             ? &storage
             : nullptr;
}

/// Whether a 16-bit number of \p values, one or a vector, is not finite.
static Value anyNotFinite(Code &code, Type type, Value values) {
  Value mask =
      code.constantOf(values.getType(), type.isBF16() ? 0x7f80 : 0x7c00);
  Value masked = arith::AndIOp::create(code.builder, code.loc, values, mask);
  Value found = arith::CmpIOp::create(code.builder, code.loc,
                                      arith::CmpIPredicate::eq, masked, mask);
  if (!isa<VectorType>(values.getType()))
    return found;
  return vector::ReductionOp::create(code.builder, code.loc,
                                     vector::CombiningKind::OR, found);
}

/// As fillKeyMatrix, for rows that are copied as they are: 16 bytes at a time,
/// several on their way at once; element by element where the tensor is not
/// aligned so.
Value KernelEmitter::copyKeyRows(const SweepShape &sweep,
                                 const Storage &storage, StringAttr dim,
                                 const Matrices &matrix, unsigned number,
                                 Value tile, Value count) {
  Type bits = builder.getI16Type();
  auto chunk = VectorType::get({elementsOfChunk}, bits);
  int64_t chunksOfRow = matrix.padded / elementsOfChunk;
  Value rows = code.mul(code.ceilDiv(count, depth), code.index(depth));
  Value end = code.mul(rows, code.index(chunksOfRow));
  auto loadAligned = [&](Value from) -> Value {
    return LLVM::LoadOp::create(builder, code.loc, chunk, from,
                                elementsOfChunk * 2);
  };
  auto loadUnaligned = [&](Value from) -> Value {
    SmallVector<Value> elements;
    for (int64_t i = 0; i != elementsOfChunk; ++i)
      elements.push_back(
          code.load(bits, code.address(from, bits, code.index(i))));
    return vector::FromElementsOp::create(builder, code.loc, chunk, elements);
  };
  struct Copy {
    Value inside, place, value;
  };
  auto load = [&](Value flat) {
    Value perRow = code.index(chunksOfRow);
    Value key = arith::DivUIOp::create(builder, code.loc, flat, perRow);
    Value column = code.mul(code.sub(flat, code.mul(key, perRow)),
                            code.index(elementsOfChunk));
    Value exists = code.land(code.lessThan(key, count),
                             code.lessThan(column, code.index(matrix.extent)));
    auto copied = [&]() -> Vectors {
      Scope scope(&itemScope);
      bindKeyPosition(sweep, code.add(tile, key), scope);
      scope.indices[dim].uniform = column;
      Value from = evaluator->address(storage, scope);
      Value number =
          LLVM::PtrToIntOp::create(builder, code.loc, code.i64(), from);
      Value aligned =
          code.equals(code.land(number, code.index(15)), code.index(0));
      return code.choose(
          aligned, chunk, [&]() -> Vectors { return {loadAligned(from)}; },
          [&]() -> Vectors { return {loadUnaligned(from)}; });
    };
    Value value =
        code.choose(exists, chunk, copied,
                    [&]() -> Vectors { return {code.constantOf(chunk, 0)}; })
            .front();
    return Copy{
        code.lessThan(flat, end),
        array(number, bits,
              code.add(code.mul(key, code.index(rowStride(matrix))), column)),
        value};
  };
  return code
      .forEach(
          thread, end, int64_t(copiesAtOnce) * shape.width, code.boolean(false),
          [&](Value flat, ValueRange before) -> Vectors {
            SmallVector<Copy> copies;
            for (int64_t i = 0; i != copiesAtOnce; ++i)
              copies.push_back(
                  load(code.add(flat, code.index(i * shape.width))));
            Value found = before.front();
            for (const Copy &copy : copies) {
              code.ifThen(copy.inside, [&] {
                LLVM::StoreOp::create(builder, code.loc, copy.value, copy.place,
                                      elementsOfChunk * 2);
              });
              found =
                  code.lor(found, anyNotFinite(code, matrix.type, copy.value));
            }
            return {found};
          })
      .front();
}

/// Rows of 16-bit elements, [key, padded dims], zeros wherever there is no key
/// or no index. Returns whether this thread met a number that is not finite.
Value KernelEmitter::fillKeyMatrix(const SweepShape &sweep,
                                   const Operand &operand,
                                   ArrayRef<StringAttr> dims,
                                   const Matrices &matrix, unsigned number,
                                   Value tile, Value count) {
  if (const Storage *storage =
          storedRows(operand, dims, matrix.type, matrix.extent, layout))
    return copyKeyRows(sweep, *storage, dims.front(), matrix, number, tile,
                       count);
  Type bits = builder.getI16Type();
  Value rows = code.mul(code.ceilDiv(count, depth), code.index(depth));
  Vectors extents = llvm::map_to_vector(
      dims, [&](StringAttr dim) { return evaluator->extent(dim); });
  auto element = [&](Value key, Value index) {
    Scope scope(&itemScope);
    bindKeyPosition(sweep, code.add(tile, key), scope);
    decode(index, extents,
           [&](unsigned i, Value at) { scope.indices[dims[i]].uniform = at; });
    Value value;
    for (Value factor : operand.factors) {
      Value x = evaluator->evaluate(factor, scope);
      value = value ? code.mul(value, x) : x;
    }
    return roundTo(code, matrix.type, value);
  };
  Value end = code.mul(rows, code.index(matrix.padded));
  return code
      .forEach(
          thread, end, shape.width, code.boolean(false),
          [&](Value flat, ValueRange before) -> Vectors {
            Value padded = code.index(matrix.padded);
            Value key = arith::DivUIOp::create(builder, code.loc, flat, padded);
            Value index = code.sub(flat, code.mul(key, padded));
            Value exists =
                code.land(code.lessThan(key, count),
                          code.lessThan(index, code.index(matrix.extent)));
            Value value =
                code.choose(
                        exists, bits,
                        [&]() -> Vectors { return {element(key, index)}; },
                        [&]() -> Vectors { return {code.constantOf(bits, 0)}; })
                    .front();
            Value place =
                code.add(code.mul(key, code.index(rowStride(matrix))), index);
            code.store(value, array(number, bits, place));
            return {code.lor(before.front(),
                             anyNotFinite(code, matrix.type, value))};
          })
      .front();
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Between the threads of a warp: fragments reach into the lanes of the others,
/// and no further.
void KernelEmitter::warpBarrier(const SweepShape &sweep) {
  if (!usesMatrices(sweep))
    return;
  Value all = arith::ConstantOp::create(builder, code.loc,
                                        builder.getI32IntegerAttr(-1));
  NVVM::SyncWarpOp::create(builder, code.loc, all);
}

/// The first lane of this thread's warp.
Value KernelEmitter::warpLane() {
  return code.land(thread, code.index(-lanesOfWarp));
}

/// Loads Q for the sweep, where registers have room for it.
void KernelEmitter::loadLaneMatrices(const SweepShape &sweep) {
  SweepMatrices &matrices = matricesOf(sweep);
  matrices.lanes.assign(sweep.products.size(), {});
  constexpr int64_t mostInRegisters = 128;
  warpBarrier(sweep);
  for (auto [number, matrix] : llvm::enumerate(matrices.products)) {
    if (!matrix || matrix->padded > mostInRegisters)
      continue;
    WarpMatrices warp(code, thread, matrix->type);
    for (int64_t d = 0; d != matrix->padded; d += depth)
      llvm::append_range(matrices.lanes[number],
                         loadLaneColumns(sweep, number, warp, code.index(d)));
  }
}

/// B fragments for the 32 lanes of the warp at one step of the sum.
SmallVector<Fragment> KernelEmitter::loadLaneColumns(const SweepShape &sweep,
                                                     unsigned number,
                                                     WarpMatrices &warp,
                                                     Value row) {
  WarpMatrices::Matrix lanes{placeOf(arraysOf(sweep).laneOperands[number]),
                             tileStride()};
  SmallVector<Fragment> fragments;
  for (int64_t column = 0; column != lanesOfWarp; column += 2 * columnsOfC) {
    auto [first, second] =
        warp.loadB(lanes, row, code.add(warpLane(), code.index(column)));
    fragments.push_back(first);
    fragments.push_back(second);
  }
  return fragments;
}

void KernelEmitter::multiplyMatrices(const SweepShape &sweep, unsigned number,
                                     const Keys &keys) {
  const Matrices &matrix = *matricesOf(sweep).products[number];
  ArrayRef<Fragment> lanes = matricesOf(sweep).lanes[number];
  constexpr int64_t tiles = lanesOfWarp / columnsOfC;
  WarpMatrices warp(code, thread, matrix.type);
  WarpMatrices::Matrix keyRows{placeOf(arraysOf(sweep).keyOperands[number]),
                               rowStride(matrix)};
  Value end = code.mul(code.ceilDiv(keys.count, depth), code.index(depth));
  code.forEach(code.index(0), end, depth, [&](Value row) {
    SmallVector<Fragment> sums(tiles, Fragment(4, code.real(0)));
    for (int64_t d = 0; d != matrix.padded; d += depth) {
      Fragment a =
          warp.loadA(keyRows, code.add(keys.offset, row), code.index(d));
      SmallVector<Fragment> columns =
          lanes.empty() ? loadLaneColumns(sweep, number, warp, code.index(d))
                        : SmallVector<Fragment>(
                              lanes.slice(size_t(d / depth * tiles), tiles));
      for (int64_t j = 0; j != tiles; ++j)
        sums[j] = warp.multiply(a, columns[j], sums[j]);
    }
    unsigned tile = arraysOf(sweep).tiles[number];
    for (int64_t j = 0; j != tiles; ++j)
      for (int64_t i = 0; i != 4; ++i) {
        Value at = code.add(code.add(row, warp.rowOfC), code.index(i / 2 * 8));
        Value lane = code.add(code.add(warpLane(), warp.columnOfC),
                              code.index(j * columnsOfC + i % 2));
        code.store(
            sums[j][i],
            code.address(
                placeOf(tile), code.f32(),
                code.add(code.mul(at, code.index(groupStride())), lane)));
      }
  });
}

/// Stores the weight of a pair as the products take it.
void KernelEmitter::storeWeight(const Matrices &matrix, Value weight,
                                Value place) {
  code.store(roundTo(code, matrix.type, weight), place);
}

/// The products take keys by the depth of a matrix: weights of keys beyond the
/// step are 0. Then all weights are there.
void KernelEmitter::clearWeights(const SweepShape &sweep, const Keys &keys) {
  Type bits = builder.getI16Type();
  Value end = code.mul(code.ceilDiv(keys.count, depth), code.index(depth));
  for (auto [number, matrix] :
       llvm::enumerate(matricesOf(sweep).accumulators)) {
    if (!matrix)
      continue;
    unsigned pairs = arraysOf(sweep).pairs[number];
    code.forEach(keys.count, end, 1, [&](Value row) {
      code.store(code.constantOf(code.vectorOf(bits), 0),
                 array(pairs, bits, code.mul(row, code.index(groupStride()))));
    });
  }
  warpBarrier(sweep);
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

static int64_t fragmentNumbers(int64_t padded) {
  return padded / 16 * (lanesOfWarp / columnsOfC) * 4;
}

/// Makes the states of a sweep, in registers.
void KernelEmitter::initMatrixStates(const SweepShape &sweep) {
  SweepMatrices &matrices = matricesOf(sweep);
  matrices.states.assign(sweep.accumulators.size(), Value());
  for (auto [number, matrix] : llvm::enumerate(matrices.accumulators)) {
    if (!matrix)
      continue;
    int64_t numbers = fragmentNumbers(matrix->padded);
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(&function.getBody().front());
      matrices.states[number] =
          LLVM::AllocaOp::create(builder, code.loc, code.ptr(), code.f32(),
                                 code.index(numbers), /*alignment=*/16);
    }
    for (int64_t i = 0; i != numbers; ++i)
      code.store(code.real(0), fragmentPlace(sweep, number, i));
  }
}

Value KernelEmitter::fragmentPlace(const SweepShape &sweep, unsigned number,
                                   int64_t index) {
  return code.address(matricesOf(sweep).states[number], code.f32(),
                      code.index(index));
}

/// Calls \p body for each number of the state that this thread has: its index,
/// its row in the state and its lane in the tile.
void KernelEmitter::forEachFragment(
    const Matrices &matrix, WarpMatrices &warp,
    llvm::function_ref<void(int64_t, Value, Value)> body) {
  int64_t index = 0;
  for (int64_t e = 0; e != matrix.padded; e += 16)
    for (int64_t column = 0; column != lanesOfWarp; column += columnsOfC)
      for (int64_t i = 0; i != 4; ++i, ++index)
        body(index, code.add(warp.rowOfC, code.index(e + i / 2 * 8)),
             code.add(code.add(warpLane(), warp.columnOfC),
                      code.index(column + i % 2)));
}

/// The factors by which the lanes of this thread's fragments shrink: column
/// after column, two of each.
KernelEmitter::Vectors
KernelEmitter::loadFragmentScales(const SweepShape &sweep,
                                  const Accumulator &accumulator,
                                  WarpMatrices &warp) {
  Vectors scales;
  Value base = accumulator.op.getRelativeTo();
  if (!base)
    return scales;
  for (const Accumulator &other : sweep.accumulators) {
    if (other.op.getResult() != base)
      continue;
    Value from = placeOf(arraysOf(sweep).scales[other.index]);
    for (int64_t column = 0; column != lanesOfWarp; column += columnsOfC)
      for (int64_t i = 0; i != 2; ++i)
        scales.push_back(code.load(
            code.f32(),
            code.address(from, code.f32(),
                         code.add(code.add(warpLane(), warp.columnOfC),
                                  code.index(column + i)))));
  }
  return scales;
}

void KernelEmitter::accumulateMatrices(const SweepShape &sweep, unsigned number,
                                       const Keys &keys) {
  const Accumulator &accumulator = sweep.accumulators[number];
  const Matrices &matrix = *matricesOf(sweep).accumulators[number];
  constexpr int64_t tiles = lanesOfWarp / columnsOfC;
  WarpMatrices warp(code, thread, matrix.type);
  Vectors scales = loadFragmentScales(sweep, accumulator, warp);
  Vectors state;
  forEachFragment(matrix, warp, [&](int64_t index, Value, Value) {
    Value x = code.load(code.f32(), fragmentPlace(sweep, number, index));
    if (!scales.empty())
      x = code.mul(x, scales[index / 4 % tiles * 2 + index % 2]);
    state.push_back(x);
  });
  WarpMatrices::Matrix values{placeOf(arraysOf(sweep).values[number]),
                              rowStride(matrix)};
  WarpMatrices::Matrix weights{placeOf(arraysOf(sweep).pairs[number]),
                               groupStride()};
  Value end = code.mul(code.ceilDiv(keys.count, depth), code.index(depth));
  state = code.forEach(
      code.index(0), end, depth, state, [&](Value key, ValueRange carried) {
        Vectors next(carried);
        SmallVector<Fragment> columns;
        for (int64_t column = 0; column != lanesOfWarp;
             column += 2 * columnsOfC) {
          auto [first, second] = warp.loadB(
              weights, key, code.add(warpLane(), code.index(column)));
          columns.push_back(first);
          columns.push_back(second);
        }
        for (int64_t e = 0; e != matrix.padded; e += 16) {
          Fragment a = warp.loadTransposedA(values, code.add(keys.offset, key),
                                            code.index(e));
          for (int64_t j = 0; j != tiles; ++j) {
            Value *sums = &next[size_t((e / 16 * tiles + j) * 4)];
            Fragment product = warp.multiply(
                a, columns[j], {sums[0], sums[1], sums[2], sums[3]});
            llvm::copy(product, sums);
          }
        }
        return next;
      });
  for (auto [index, x] : llvm::enumerate(state))
    code.store(x, fragmentPlace(sweep, number, int64_t(index)));
}

/// The same element by element, with nothing for a pair that does not exist,
/// whatever its value is.
void KernelEmitter::accumulateExisting(const SweepShape &sweep, unsigned number,
                                       const Keys &keys) {
  const Accumulator &accumulator = sweep.accumulators[number];
  const Matrices &matrix = *matricesOf(sweep).accumulators[number];
  WarpMatrices warp(code, thread, matrix.type);
  Vectors scales = loadFragmentScales(sweep, accumulator, warp);
  SweepArrays &numbers = arraysOf(sweep);
  constexpr int64_t tiles = lanesOfWarp / columnsOfC;
  auto number16 = [&](unsigned from, Value offset) -> Value {
    Value narrow = code.load(matrix.type,
                             code.address(placeOf(from), matrix.type, offset));
    return arith::ExtFOp::create(builder, code.loc, code.f32(), narrow);
  };
  forEachFragment(matrix, warp, [&](int64_t index, Value row, Value lane) {
    Value place = fragmentPlace(sweep, number, index);
    Value x = code.load(code.f32(), place);
    if (!scales.empty())
      x = code.mul(x, scales[index / 4 % tiles * 2 + index % 2]);
    x = code.forEach(
                code.index(0), keys.count, 1, x,
                [&](Value key, ValueRange carried) -> Vectors {
                  Value at =
                      code.add(code.mul(key, code.index(groupStride())), lane);
                  Value exists =
                      code.load(builder.getI32Type(),
                                code.address(placeOf(numbers.existence[number]),
                                             builder.getI32Type(), at));
                  Value weight = number16(numbers.pairs[number], at);
                  Value value =
                      number16(numbers.values[number],
                               code.add(code.mul(code.add(keys.offset, key),
                                                 code.index(rowStride(matrix))),
                                        row));
                  Value sum = code.fma(weight, value, carried.front());
                  Value none = code.equals(exists, code.intLike(exists, 0));
                  return {code.select(none, carried.front(), sum)};
                })
            .front();
    code.store(x, place);
  });
}

/// Writes the states where the results look for them.
void KernelEmitter::storeMatrixStates(const SweepShape &sweep) {
  for (auto [number, found] : llvm::enumerate(matricesOf(sweep).accumulators)) {
    if (!found)
      continue;
    const Matrices &matrix = *found;
    WarpMatrices warp(code, thread, matrix.type);
    unsigned place = arraysOf(sweep).states[number];
    forEachFragment(matrix, warp, [&](int64_t index, Value row, Value lane) {
      code.ifThen(code.lessThan(row, code.index(matrix.extent)), [&] {
        Value at = code.add(code.mul(row, code.index(shape.tileLanes())), lane);
        code.store(code.load(code.f32(), fragmentPlace(sweep, number, index)),
                   code.address(placeOf(place), code.f32(), at));
      });
    });
  }
  warpBarrier(sweep);
}
