//===- EmitStep.cpp - Some keys for one group of lanes --------------------===//
//
// First pass: the products that pairs are made of, in register tiles, and the
// maxima that other accumulators are relative to. Second pass: everything else,
// one key at a time, weights into a tile; then the products with the values.
// Without such maxima there is one pass, at the register tiles.
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "lowering/cpu/EmitKernel.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// Says whether \p value is made of \p target other than through \p through.
static bool reaches(Value value, Value target, ArrayRef<Value> through) {
  bool found = false;
  walkFormula(value, [&](Value part) {
    if (llvm::is_contained(through, part))
      return false;
    found |= part == target;
    return !found && !part.getDefiningOp<AccumulateOp>();
  });
  return found;
}

static SmallVector<Value> baseOperands(const SweepShape &sweep) {
  SmallVector<Value> operands;
  for (const Accumulator &accumulator : sweep.accumulators)
    if (accumulator.isBase)
      operands.push_back(accumulator.op.getOperand());
  return operands;
}

/// Says whether the second pass reads the tile of \p product.
static bool secondPassReads(const SweepShape &sweep,
                            const InnerProduct &product) {
  SmallVector<Value> stashed = baseOperands(sweep);
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (accumulator.isBase)
      continue;
    AccumulateOp op = accumulator.op;
    if (reaches(op.getOperand(), product.result, stashed) ||
        (op.getDomain() && reaches(op.getDomain(), product.result, stashed)))
      return true;
  }
  return false;
}

/// Not one instruction or two.
static bool isElementary(UnaryKind kind) {
  using enum UnaryKind;
  return llvm::is_contained(
      {Exp, Exp2, Log, Log2, Tanh, Sigmoid, Softplus, Erf, Sin, Cos}, kind);
}

/// Instructions of a vector of pairs for \p part by itself, roughly.
static unsigned lengthOf(Value part) {
  constexpr unsigned function = 16;
  Operation *op = part.getDefiningOp();
  if (isa_and_nonnull<UniformOp, ReduceOp>(op))
    return function;
  if (auto unary = dyn_cast_or_null<UnaryOp>(op))
    return isElementary(unary.getKind()) ? function : 1;
  if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    using enum BinaryKind;
    return llvm::is_contained({Pow, FloorDiv, Mod}, binary.getKind()) ? function
                                                                      : 1;
  }
  return 1;
}

/// Says whether what \p values have of pairs is many instructions, beside the
/// products of \p sweep.
static bool isLong(ValueRange values, const SweepShape &sweep,
                   const KernelShape &shape) {
  constexpr unsigned most = 16;
  unsigned length = 0;
  walkFormula(values, [&](Value part) {
    if (!hasAnyDim(part, sweep.over) || !hasAnyDim(part, shape.lanes) ||
        llvm::any_of(sweep.products, [&](const InnerProduct &product) {
          return product.result == part;
        }))
      return false;
    length += lengthOf(part);
    return true;
  });
  return length >= most;
}

/// Says whether the scores of the last product go to their tile before they are
/// looked at, one row after the other. Else this is done where they are made,
/// in registers, and what is done has code for each register of the tile: a
/// dozen copies, which long formulas make slow to compile, and slow, since the
/// tile leaves them no register. A mask is looked at in \p masked steps.
bool KernelEmitter::storesScores(const SweepShape &sweep, bool masked) {
  if (lastByMatrices(sweep) || sweep.products.empty() ||
      code.machine == Machine::Gpu)
    return lastByMatrices(sweep);
  bool hasBase = !baseOperands(sweep).empty();
  SmallVector<Value> looked;
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (hasBase && !accumulator.isBase)
      continue;
    llvm::append_range(looked, accumulator.pairValues());
    AccumulateOp op = accumulator.op;
    if (masked && op.getDomain())
      looked.push_back(op.getDomain());
  }
  return isLong(looked, sweep, shape);
}

bool KernelEmitter::inRegisters(const Accumulator &accumulator) const {
  return accumulator.carried.empty() && !accumulator.isBase &&
         accumulator.op.getKind() != AccumulateKind::Collect;
}

void KernelEmitter::emitStep(const SweepShape &sweep, Group &outer,
                             const Keys &keys, bool masked) {
  stepIsMasked = masked;
  Group group;
  group.first = outer.first;
  group.scope = Scope(&outer.scope);
  for (auto &lane : outer.lanes) {
    group.lanes.push_back(std::make_unique<Scope>(lane.get()));
    group.lanes.back()->indices[laneKey] = *lane->lookupIndex(laneKey);
  }
  laneFactors.clear();
  for (auto [product, matrix] :
       llvm::zip_equal(sweep.products, matricesOf(sweep).products)) {
    Vectors &factors = laneFactors.emplace_back();
    for (auto &lane : group.lanes)
      factors.push_back(matrix || product.isDot ? laneFactor(product, *lane)
                                                : Value());
  }
  emitPlainProducts(sweep, group, keys, masked);
  bool hasBase = llvm::any_of(sweep.accumulators,
                              [](const Accumulator &a) { return a.isBase; });
  if (hasBase) {
    hoistForSweep(sweep, group, masked, /*second=*/false);
    updateBases(sweep, group, emitFirstPass(sweep, group, keys, masked));
  }
  hoistForSweep(sweep, group, masked, /*second=*/true);
  emitSecondPass(sweep, group, keys, masked);
  clearWeights(sweep, keys);
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (!accumulator.isProduct)
      continue;
    if (matricesOf(sweep).accumulators[accumulator.index]) {
      auto existing = [&] {
        accumulateExisting(sweep, accumulator.index, keys);
      };
      auto all = [&] { accumulateMatrices(sweep, accumulator.index, keys); };
      if (masked && accumulator.op.getDomain())
        code.ifElse(tileIsFinite, all, existing);
      else
        all();
      continue;
    }
    auto accumulate = [&](bool clears) {
      accumulateProduct(sweep, accumulator.index, group, keys, clears);
    };
    // Weights are 0 where the mask excludes a pair, and 0 * x is 0 unless x is
    // NaN or infinite: values are cleared lane by lane only if there are such.
    if (masked && accumulator.op.getDomain() && code.machine == Machine::Gpu)
      accumulate(true);
    else if (masked && accumulator.op.getDomain())
      code.ifElse(
          valuesAreFinite(sweep, accumulator, keys), [&] { accumulate(false); },
          [&] { accumulate(true); });
    else
      accumulate(false);
  }
}

void KernelEmitter::hoistForSweep(const SweepShape &sweep, Group &group,
                                  bool masked, bool second) {
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (accumulator.isBase == second)
      continue;
    DimList inner = sweep.over;
    llvm::append_range(inner, accumulator.carried);
    AccumulateOp op = accumulator.op;
    SmallVector<Value> values = accumulator.pairValues();
    if (masked && op.getDomain())
      values.push_back(op.getDomain());
    for (Value value : values)
      for (auto &lane : group.lanes)
        evaluator->hoist(value, inner, *lane);
  }
}

/// What the lane side has beside the sum, one number a lane; null for nothing.
Value KernelEmitter::laneFactor(const InnerProduct &product, Scope &lane) {
  SmallVector<Value> inside = product.narrowFactors();
  Value value;
  for (Value factor : product.laneSide.factors) {
    if (llvm::is_contained(inside, factor))
      continue;
    Value x = evaluator->evaluate(factor, lane);
    value = value ? code.mul(value, x) : x;
  }
  return value;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// The products that are not made where they are used go to tiles first.
void KernelEmitter::emitPlainProducts(const SweepShape &sweep, Group &group,
                                      const Keys &keys, bool masked) {
  for (unsigned i = 0; i < sweep.products.size(); ++i) {
    if (matricesOf(sweep).products[i]) {
      multiplyMatrices(sweep, i, keys);
      continue;
    }
    if (i + 1 == sweep.products.size() && !storesScores(sweep, masked))
      break;
    auto block = [&](Value row, unsigned rows) {
      Vectors sums = multiplyKeys(sweep, i, group, keys, row, rows);
      for (unsigned r = 0; r != rows; ++r)
        for (unsigned j = 0; j != group.vectors(); ++j) {
          Value place = code.add(
              code.mul(code.add(row, code.index(r)), code.index(groupStride())),
              code.index(j * shape.width));
          code.store(sums[r * group.vectors() + j],
                     array(arraysOf(sweep).tiles[i], code.f32(), place));
        }
    };
    Value rows = code.index(shape.rows);
    Value blocks = code.mul(
        arith::DivUIOp::create(builder, code.loc, keys.count, rows), rows);
    code.forEach(code.index(0), blocks, shape.rows,
                 [&](Value row) { block(row, shape.rows); });
    code.forEach(blocks, keys.count, 1, [&](Value row) { block(row, 1); });
  }
  warpBarrier(sweep);
}

KernelEmitter::Vectors
KernelEmitter::forEachRow(const SweepShape &sweep, Group &group,
                          const Keys &keys, bool withLastProduct,
                          Vectors carried, RowVisitor visit, bool byPairs) {
  Value zero = code.index(0);
  bool blocked = withLastProduct && !sweep.products.empty();
  Value blocks = zero;
  if (blocked) {
    Value rows = code.index(shape.rows);
    blocks = code.mul(
        arith::DivUIOp::create(builder, code.loc, keys.count, rows), rows);
    carried = code.forEach(
        zero, blocks, shape.rows, carried, [&](Value row, ValueRange inner) {
          return visitRows(sweep, group, keys, row, shape.rows, withLastProduct,
                           inner, visit);
        });
  }
  auto visitBy = [&](Value from, Value to, unsigned count) {
    carried = code.forEach(from, to, count, carried,
                           [&](Value row, ValueRange inner) {
                             return visitRows(sweep, group, keys, row, count,
                                              withLastProduct, inner, visit);
                           });
  };
  if (byPairs) {
    Value even = code.land(keys.count, code.index(-2));
    visitBy(blocks, even, 2);
    blocks = even;
  }
  visitBy(blocks, keys.count, 1);
  return carried;
}

KernelEmitter::Vectors KernelEmitter::visitRows(const SweepShape &sweep,
                                                Group &group, const Keys &keys,
                                                Value firstRow, unsigned count,
                                                bool withLastProduct,
                                                ValueRange carried,
                                                RowVisitor visit) {
  Vectors made;
  unsigned last = sweep.products.size() - 1;
  if (withLastProduct && !sweep.products.empty())
    made = multiplyKeys(sweep, last, group, keys, firstRow, count);
  Vectors state(carried);
  for (unsigned r = 0; r != count; ++r) {
    Value row = code.add(firstRow, code.index(r));
    Value start = code.mul(row, code.index(groupStride()));
    Scope rowScope(&group.scope);
    bindKeys(sweep, keys, row, rowScope);
    std::vector<std::unique_ptr<Scope>> pairs;
    for (unsigned j = 0; j != group.vectors(); ++j) {
      auto pair = std::make_unique<Scope>(&rowScope, group.lanes[j].get());
      pair->uniformScope = &rowScope;
      for (auto [i, product] : llvm::enumerate(sweep.products)) {
        if (i == last && !made.empty()) {
          pair->values[product.result] = made[r * group.vectors() + j];
          continue;
        }
        Value place = code.add(start, code.index(j * shape.width));
        Value score =
            code.load(code.vectorOf(code.f32()),
                      array(arraysOf(sweep).tiles[i], code.f32(), place));
        // Tiles of the matrix units are without it.
        Value factor =
            matricesOf(sweep).products[i] ? laneFactors[i][j] : Value();
        pair->values[product.result] = factor ? code.mul(score, factor) : score;
      }
      pairs.push_back(std::move(pair));
    }
    state = visit(row, pairs, state);
    if (r % 2 == 1 || r + 1 == count)
      storeWeights(sweep);
  }
  return state;
}

//===----------------------------------------------------------------------===//
// First pass: maxima
//===----------------------------------------------------------------------===//

KernelEmitter::Vectors KernelEmitter::emitFirstPass(const SweepShape &sweep,
                                                    Group &group,
                                                    const Keys &keys,
                                                    bool masked) {
  SweepArrays &numbers = arraysOf(sweep);
  Value lowest = code.constantOf(code.vectorOf(code.f32()), -infinity);
  Vectors maxima;
  for (const Accumulator &accumulator : sweep.accumulators)
    if (accumulator.isBase)
      maxima.append(group.vectors(), lowest);
  bool areStored = storesScores(sweep, masked);
  bool keepTile = !sweep.products.empty() && !areStored &&
                  secondPassReads(sweep, sweep.products.back());
  return forEachRow(
      sweep, group, keys, /*withLastProduct=*/!areStored, maxima,
      [&](Value row, std::vector<std::unique_ptr<Scope>> &pairs,
          ValueRange carried) {
        Vectors next(carried);
        for (unsigned j = 0; j != group.vectors(); ++j) {
          Value place = code.add(code.mul(row, code.index(groupStride())),
                                 code.index(j * shape.width));
          if (keepTile)
            code.store(pairs[j]->lookup(sweep.products.back().result),
                       array(numbers.tiles.back(), code.f32(), place));
          unsigned base = 0;
          for (const Accumulator &accumulator : sweep.accumulators) {
            if (!accumulator.isBase)
              continue;
            AccumulateOp op = accumulator.op;
            Value x = evaluator->evaluateLanes(op.getOperand(), *pairs[j]);
            // Without the domain: others may have another one.
            code.store(x, array(numbers.stashes[accumulator.index], code.f32(),
                                place));
            if (masked && op.getDomain())
              x = code.select(evaluator->evaluate(op.getDomain(), *pairs[j]), x,
                              lowest);
            Value &maximum = next[base * group.vectors() + j];
            maximum = accumulator.keepsNaN ? code.max(x, maximum)
                                           : code.maxIgnoringNaN(x, maximum);
            ++base;
          }
        }
        return next;
      });
}

//===----------------------------------------------------------------------===//
// Second pass: everything else
//===----------------------------------------------------------------------===//

/// Says whether all keys of a step add the same to \p accumulator: pairs that
/// are counted, where no mask is looked at.
static bool isCounted(const Accumulator &accumulator, bool masked) {
  AccumulateOp op = accumulator.op;
  return accumulator.carried.empty() && !op.getRelativeTo() &&
         op.getKind() == AccumulateKind::Sum &&
         op.getOperand().getDefiningOp<ConstantOp>() &&
         !(masked && op.getDomain());
}

/// Adds \p count pairs to those of \p states that count them.
void KernelEmitter::addCounts(const SweepShape &sweep, Group &group,
                              Value count, bool masked, Vectors &states) {
  unsigned next = 0;
  for (const Accumulator &accumulator : sweep.accumulators) {
    if (!inRegisters(accumulator))
      continue;
    for (unsigned j = 0; j != group.vectors(); ++j, ++next) {
      if (!isCounted(accumulator, masked))
        continue;
      Value &sum = states[next];
      Type element = Code::elementOf(sum);
      Value one =
          evaluator->evaluate(accumulator.op.getOperand(), *group.lanes[j]);
      Value all = element.isF32() ? Value(arith::SIToFPOp::create(
                                        builder, code.loc, element, count))
                                  : code.toInt(count, 64);
      if (!element.isF32())
        one = code.toInt(one, 64);
      sum = code.add(sum, code.splat(code.mul(all, one)));
    }
  }
}

void KernelEmitter::emitSecondPass(const SweepShape &sweep, Group &group,
                                   const Keys &keys, bool masked) {
  SweepArrays &numbers = arraysOf(sweep);
  SmallVector<const Accumulator *> bases;
  for (const Accumulator &accumulator : sweep.accumulators)
    if (accumulator.isBase)
      bases.push_back(&accumulator);
  if (bases.size() == sweep.accumulators.size())
    return;
  rescaleStates(sweep, group);
  Vectors states = loadStates(sweep, group);
  addCounts(sweep, group, keys.count, masked, states);
  if (llvm::all_of(sweep.accumulators, [&](const Accumulator &accumulator) {
        return isCounted(accumulator, masked);
      }))
    return storeStates(sweep, group, states);
  states = forEachRow(
      sweep, group, keys,
      /*withLastProduct=*/bases.empty() && !storesScores(sweep, masked), states,
      [&](Value row, std::vector<std::unique_ptr<Scope>> &pairs,
          ValueRange carried) {
        for (const Accumulator *base : bases)
          for (unsigned j = 0; j != group.vectors(); ++j) {
            Value place = code.add(code.mul(row, code.index(groupStride())),
                                   code.index(j * shape.width));
            pairs[j]->values[base->op.getOperand()] = code.load(
                code.vectorOf(code.f32()),
                array(numbers.stashes[base->index], code.f32(), place));
          }
        return accumulatePair(sweep, group, row, pairs, carried, masked);
      },
      sweep.takesPairs());
  storeStates(sweep, group, states);
}

KernelEmitter::Vectors
KernelEmitter::accumulatePair(const SweepShape &sweep, Group &group, Value row,
                              std::vector<std::unique_ptr<Scope>> &pairs,
                              ValueRange carried, bool masked) {
  SweepArrays &numbers = arraysOf(sweep);
  Vectors next(carried);
  unsigned state = 0;
  for (const Accumulator &accumulator : sweep.accumulators) {
    AccumulateOp op = accumulator.op;
    if (accumulator.isBase)
      continue;
    bool isState = inRegisters(accumulator);
    for (unsigned j = 0; j != group.vectors(); ++j) {
      Scope &pair = *pairs[j];
      if (!isState && !accumulator.isProduct) {
        if (op.getKind() == AccumulateKind::Collect)
          collect(accumulator, j, group, pair);
        else
          accumulateElementwise(sweep, accumulator, j, group, pair, masked);
        continue;
      }
      Value exists;
      if (masked && op.getDomain())
        exists = code.splat(evaluator->evaluate(op.getDomain(), pair));
      if (isState && isCounted(accumulator, masked)) {
        ++state;
        continue;
      }
      if (isState) {
        Value x = evaluator->evaluateLanes(op.getOperand(), pair);
        Value &sum = next[state++];
        if (x.getType() != sum.getType())
          x = code.toInt(x, 64);
        ReduceKind kind = reduceKind(op.getKind());
        if (exists)
          x = code.select(exists, x, identityOf(code, kind, x.getType()));
        sum = combine(code, kind, sum, x);
        continue;
      }
      Value weight = pairWeight(accumulator, pair);
      if (accumulator.isDot) {
        addWeight(accumulator, group, row, weight, exists);
        continue;
      }
      Value place = code.add(code.mul(row, code.index(groupStride())),
                             code.index(j * shape.width));
      if (exists) {
        weight = code.select(exists, weight, code.realLike(weight, 0.0));
        Type bits = code.vectorOf(builder.getI32Type());
        code.store(arith::ExtSIOp::create(builder, code.loc, bits, exists),
                   array(numbers.existence[accumulator.index],
                         builder.getI32Type(), place));
      }
      if (const auto &matrix =
              matricesOf(sweep).accumulators[accumulator.index])
        storeWeight(*matrix, weight,
                    array(numbers.pairs[accumulator.index],
                          builder.getI16Type(), place));
      else
        code.store(weight,
                   array(numbers.pairs[accumulator.index], code.f32(), place));
    }
  }
  return next;
}

/// \p weight through a normaliser. What that is 0 for is 0 too, but may be a
/// factor on the other side of the product: the quotient is 0, and a weight
/// that is no number stays one.
static Value ratioOfWeight(Code &code, Value weight, Value by) {
  code.unify(weight, by);
  Value zero = code.realLike(by, 0.0);
  Value isNothing = code.compare(arith::CmpFPredicate::OEQ, by, zero);
  return code.select(isNothing, code.mul(weight, zero), code.div(weight, by));
}

/// What a pair contributes to a matrix product, as lanes.
Value KernelEmitter::pairWeight(const Accumulator &accumulator, Scope &pair) {
  Value weight;
  for (Value factor : accumulator.pairFactors) {
    Value x = evaluator->evaluate(factor, pair);
    weight = weight ? code.mul(weight, x) : x;
  }
  if (!weight)
    weight = code.real(1.0);
  for (const Product::Divisor &divisor : accumulator.pairDivisors) {
    Value by = evaluator->evaluate(divisor.value, pair);
    weight = divisor.kind == BinaryKind::Ratio ? ratioOfWeight(code, weight, by)
                                               : code.div(weight, by);
  }
  return code.splat(weight);
}

/// state[carried, lane] += operand, for operands that are no matrix product.
void KernelEmitter::accumulateElementwise(const SweepShape &sweep,
                                          const Accumulator &accumulator,
                                          unsigned vector, Group &group,
                                          Scope &pair, bool masked) {
  AccumulateOp op = accumulator.op;
  ReduceKind kind = reduceKind(op.getKind());
  Scope scope(&pair);
  forEachExtra(accumulator.carried, scope, [&](Scope &at) {
    Value x = evaluator->evaluateLanes(op.getOperand(), at);
    Type element = quantity(op).getElementType();
    if (Code::elementOf(x) != element)
      x = code.toInt(x, 64);
    if (masked && op.getDomain())
      x = code.select(evaluator->evaluate(op.getDomain(), at), x,
                      identityOf(code, kind, x.getType()));
    Value place =
        stateAddress(sweep, accumulator, flatIndex(accumulator.carried, at),
                     group.lanes[vector]->indices[laneKey].uniform);
    code.store(combine(code, kind, code.load(x.getType(), place), x), place);
  });
}
