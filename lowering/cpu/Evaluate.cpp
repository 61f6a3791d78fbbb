//===- Evaluate.cpp - Code for one element, or one vector of lanes --------===//

#include "lowering/cpu/Evaluate.h"
#include "dialect/FormulaWalk.h"
#include "lowering/cpu/VectorMath.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

//===----------------------------------------------------------------------===//
// Scope
//===----------------------------------------------------------------------===//

bool Scope::setsIndexOf(Value value) const {
  return !indices.empty() &&
         llvm::any_of(quantity(value).getDims(),
                      [&](StringAttr dim) { return indices.contains(dim); });
}

Value Scope::lookup(Value value) const {
  if (Value found = values.lookup(value))
    return found;
  if (setsIndexOf(value))
    return {};
  for (const Scope *outer : outers)
    if (Value found = outer->lookup(value))
      return found;
  return {};
}

const ExpBase *Scope::lookupBase(Value maximum) const {
  auto it = bases.find(maximum);
  if (it != bases.end())
    return &it->second;
  for (const Scope *outer : outers)
    if (const ExpBase *found = outer->lookupBase(maximum))
      return found;
  return nullptr;
}

Value Scope::lookupHasElements() const {
  if (hasElements)
    return hasElements;
  for (const Scope *outer : outers)
    if (Value found = outer->lookupHasElements())
      return found;
  return {};
}

const IndexValue *Scope::lookupIndex(StringAttr dim) const {
  auto it = indices.find(dim);
  if (it != indices.end())
    return &it->second;
  for (const Scope *outer : outers)
    if (const IndexValue *found = outer->lookupIndex(dim))
      return found;
  return nullptr;
}

const std::pair<Value, Value> *Scope::lookupBounds(StringAttr dim) const {
  auto it = bounds.find(dim);
  if (it != bounds.end())
    return &it->second;
  for (const Scope *outer : outers)
    if (const auto *found = outer->lookupBounds(dim))
      return found;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Formulas
//===----------------------------------------------------------------------===//

Evaluator::Evaluator(Code &code, const CallLayout &layout, Value slots,
                     Block *entry)
    : code(code), layout(layout), slots(slots), entry(entry) {}

bool Evaluator::varies(Value value, Scope &scope) {
  return llvm::any_of(quantity(value).getDims(), [&](StringAttr dim) {
    const IndexValue *at = scope.lookupIndex(dim);
    return at && !at->uniform;
  });
}

/// Says whether \p value is made of a running value, or of what a sweep before
/// left of one, of which each vector of lanes has its own even where it varies
/// along no lane.
bool Evaluator::isOfSweeps(Value value) {
  auto [known, isNew] = ofSweeps.try_emplace(value, false);
  if (isNew)
    known->second = isMadeOf(value, [](Value part) {
      return isa_and_nonnull<AccumulateOp, SweepOp>(part.getDefiningOp());
    });
  return known->second;
}

Value Evaluator::evaluate(Value value, Scope &scope) {
  if (Value found = scope.lookup(value))
    return found;
  Scope *home = &scope;
  if (scope.uniformScope && !varies(value, scope) && !isOfSweeps(value))
    home = scope.uniformScope;
  Value result = compute(value, *home);
  home->values[value] = result;
  return result;
}

Value Evaluator::compute(Value value, Scope &scope) {
  if (layout.isStored(value))
    return load(layout.storageOf(value), scope);
  if (isa<BlockArgument>(value)) {
    Type element = quantity(value).getElementType();
    int number = layout.scalarSlot(value);
    if (element.isF32())
      return arith::TruncFOp::create(code.builder, code.loc, code.f32(),
                                     slot(number, code.builder.getF64Type()));
    Value integer = slot(number, code.i64());
    return element.isInteger(1)
               ? code.compare(arith::CmpIPredicate::ne, integer, code.index(0))
               : integer;
  }
  Operation *op = value.getDefiningOp();
  if (isa<SweepOp>(op))
    return loadState(value, scope);
  if (auto constant = dyn_cast<ConstantOp>(op))
    return arith::ConstantOp::create(code.builder, code.loc,
                                     constant.getValue());
  if (auto indexOp = dyn_cast<IndexOp>(op))
    return index(indexOp.getDimAttr(), scope);
  if (auto extentOp = dyn_cast<ExtentOp>(op))
    return extent(extentOp.getDimAttr());
  if (auto unaryOp = dyn_cast<UnaryOp>(op)) {
    if (unaryOp.getKind() == UnaryKind::Exp)
      return exponential(unaryOp, scope);
    Value x = evaluate(unaryOp.getOperand(), scope);
    // The least integer of a width has no opposite in it.
    if (quantity(value).getElementType().isInteger(64) && Code::isVector(x) &&
        !rangeOf(value).fits32())
      x = code.toInt(x, 64);
    return unary(code, unaryOp.getKind(), x);
  }
  if (auto binaryOp = dyn_cast<BinaryOp>(op))
    return binary(binaryOp, scope);
  if (auto compareOp = dyn_cast<CompareOp>(op))
    return compare(compareOp, scope);
  if (auto castOp = dyn_cast<CastOp>(op))
    return cast(castOp, scope);
  if (auto readOp = dyn_cast<ReadOp>(op))
    return read(readOp, scope);
  if (auto bound = dyn_cast<TileBoundOp>(op)) {
    const std::pair<Value, Value> *range =
        scope.lookupBounds(bound.getDimAttr());
    assert(range && "no tile at hand");
    return bound.getKind() == BoundKind::Least ? range->first : range->second;
  }
  if (auto boxOp = dyn_cast<BoxReduceOp>(op))
    return reduceBox(boxOp, scope);
  if (auto reduceOp = dyn_cast<ReduceOp>(op)) {
    Type type = quantity(value).getElementType();
    if (varies(value, scope))
      type = code.vectorOf(type);
    return reduceOver(reduceOp, toDims(reduceOp.getDims()),
                      identityOf(code, reduceOp.getKind(), type), scope);
  }
  if (auto uniformOp = dyn_cast<UniformOp>(op)) {
    SmallVector<Value> indices;
    for (Value operand : uniformOp.getIndices())
      indices.push_back(evaluate(operand, scope));
    return uniform(code, evaluate(uniformOp.getSeed(), scope), indices);
  }
  auto select = cast<SelectOp>(op);
  Value condition = evaluate(select.getCondition(), scope);
  Value a = evaluate(select.getThen(), scope);
  Value b = evaluate(select.getOtherwise(), scope);
  if (Code::elementOf(a) != Code::elementOf(b)) {
    a = code.toInt(a, 64);
    b = code.toInt(b, 64);
  }
  return code.select(condition, a, b);
}

Value Evaluator::index(StringAttr dim, Scope &scope) {
  const IndexValue *at = scope.lookupIndex(dim);
  assert(at && "index without a value");
  return at->uniform ? at->uniform : at->lanes;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Value Evaluator::reduceBox(BoxReduceOp op, Scope &scope) {
  const Storage &storage = layout.storageOf(op.getSource());
  Value identity = identityOf(code, op.getKind(), code.i64());
  DimList dims = toDims(op.getDims());
  // All bounds before the first loop: what is computed in one is known there
  // alone.
  Value zero = code.index(0), one = code.index(1);
  SmallVector<std::pair<Value, Value>> ends;
  for (auto [dim, from, to] : llvm::zip_equal(dims, op.getFrom(), op.getTo()))
    ends.push_back(
        {code.max(evaluate(from, scope), zero),
         code.add(code.min(evaluate(to, scope), code.sub(extent(dim), one)),
                  one)});
  std::function<Value(unsigned, Value, Scope &)> loop =
      [&](unsigned depth, Value result, Scope &outer) -> Value {
    if (depth == dims.size()) {
      Value element = code.load(storage.element, address(storage, outer));
      return combine(code, op.getKind(), result, code.toInt(element, 64));
    }
    return code
        .forEach(ends[depth].first, ends[depth].second, 1, result,
                 [&](Value i, ValueRange carried) -> SmallVector<Value> {
                   Scope inner(&outer);
                   inner.indices[dims[depth]].uniform = i;
                   return {loop(depth + 1, carried.front(), inner)};
                 })
        .front();
  };
  return loop(0, identity, scope);
}

Value Evaluator::reduceOver(ReduceOp op, ArrayRef<StringAttr> dims,
                            Value accumulator, Scope &scope) {
  if (dims.empty()) {
    Value element = evaluate(op.getOperand(), scope);
    if (Code::isVector(accumulator))
      element = code.splat(element);
    if (accumulator.getType() != element.getType())
      element = code.toInt(element, 64);
    if (op.getDomain()) {
      Value identity = identityOf(code, op.getKind(), element.getType());
      element = code.select(evaluate(op.getDomain(), scope), element, identity);
    }
    return combine(code, op.getKind(), accumulator, element);
  }
  return code
      .forEach(code.index(0), extent(dims.front()), 1, accumulator,
               [&](Value i, ValueRange carried) -> SmallVector<Value> {
                 Scope inner(&scope);
                 inner.indices[dims.front()].uniform = i;
                 return {
                     reduceOver(op, dims.drop_front(), carried.front(), inner)};
               })
      .front();
}

ReduceKind attn::cpu::reduceKind(AccumulateKind kind) {
  assert(kind != AccumulateKind::Collect && "collects nothing into one number");
  return kind == AccumulateKind::Max   ? ReduceKind::Max
         : kind == AccumulateKind::Min ? ReduceKind::Min
                                       : ReduceKind::Sum;
}

Value attn::cpu::identityOf(Code &code, ReduceKind kind, Type type) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  bool real = isa<FloatType>(getElementTypeOrSelf(type));
  if (kind == ReduceKind::Sum)
    return code.constantOf(type, 0);
  if (real)
    return code.constantOf(type, kind == ReduceKind::Max ? -inf : inf);
  using Limits = std::numeric_limits<int64_t>;
  Attribute bound = code.builder.getI64IntegerAttr(
      kind == ReduceKind::Max ? Limits::min() : Limits::max());
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(code.builder, code.loc,
                                     DenseElementsAttr::get(vector, bound));
  return arith::ConstantOp::create(code.builder, code.loc,
                                   cast<TypedAttr>(bound));
}

Value attn::cpu::combine(Code &code, ReduceKind kind, Value a, Value b) {
  switch (kind) {
  case ReduceKind::Sum:
    return code.add(a, b);
  case ReduceKind::Max:
    return code.max(a, b);
  default:
    return code.min(a, b);
  }
}

//===----------------------------------------------------------------------===//
// Hoisting
//===----------------------------------------------------------------------===//

/// Says whether everything that \p value needs can be computed now: it is made
/// of nothing that a loop has yet to provide.
bool Evaluator::isAvailable(Value value, Scope &scope) {
  bool available = true;
  walkFormula(value, [&](Value part) {
    if (scope.lookup(part))
      return false;
    available &=
        !provided.contains(part) && !part.getDefiningOp<AccumulateOp>();
    return available && !layout.isStored(part);
  });
  return available;
}

void Evaluator::hoist(Value value, DimList inner, Scope &scope) {
  HoistedWithin done;
  hoist(value, inner, scope, done);
}

void Evaluator::hoist(Value value, DimList inner, Scope &scope,
                      HoistedWithin &done) {
  SmallVector<DimList> &before = done[value];
  if (scope.lookup(value) || provided.contains(value) ||
      llvm::is_contained(before, inner))
    return;
  before.push_back(inner);
  bool fixed = llvm::none_of(
      inner, [&](StringAttr dim) { return quantity(value).hasDim(dim); });
  if (fixed && isAvailable(value, scope)) {
    evaluate(value, scope);
    return;
  }
  if (isa<BlockArgument>(value) || layout.isStored(value))
    return;
  Operation *op = value.getDefiningOp();
  if (auto read = dyn_cast<ReadOp>(op)) {
    // The source is evaluated at other indices than those of this scope.
    for (Value index : read.getIndices())
      hoist(index, inner, scope, done);
    return;
  }
  if (isa<AccumulateOp, SweepOp>(op))
    return;
  if (auto reduce = dyn_cast<ReduceOp>(op))
    llvm::append_range(inner, toDims(reduce.getDims()));
  for (Value operand : op->getOperands())
    hoist(operand, inner, scope, done);
}
