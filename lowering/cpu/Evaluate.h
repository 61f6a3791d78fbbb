//===- Evaluate.h - Code for an element or a vector of lanes ----*- C++ -*-===//
//
// Turns the graph of quantities into code, given where each index stands: at a
// number (the same for all lanes), or at one number a lane. The result is a
// scalar where no lane index takes part and a vector otherwise, so everything
// that is uniform stays scalar by itself.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_EVALUATE_H
#define ATTN_LOWERING_CPU_EVALUATE_H

#include "lowering/cpu/CallLayout.h"
#include "lowering/cpu/RelativeExp.h"

namespace attn::cpu {

/// Where an index stands.
struct IndexValue {
  /// One i64 for all lanes; null when it varies along the lanes.
  mlir::Value uniform;
  /// One i32 a lane. Lanes past the end repeat a valid index.
  mlir::Value lanes;
  /// Set when the lanes are first, first + 1, ...: the i64 index of lane 0, and
  /// which lanes exist.
  mlir::Value first, exists;
};

/// A scope of code: index values, and what has been computed already. Values of
/// an enclosing scope are visible, but for those along a dimension whose index
/// this scope sets. Code in a nested region needs a scope of its own, since
/// what it computes does not dominate what follows.
struct Scope {
  Scope() = default;
  explicit Scope(const Scope *outer) : outers{outer} {}
  Scope(const Scope *row, const Scope *lane) : outers{row, lane} {}

  llvm::SmallVector<const Scope *, 2> outers;
  llvm::DenseMap<mlir::StringAttr, IndexValue> indices;
  /// Ends of the ranges of indices over a tile, for attn.tile_bound.
  llvm::DenseMap<mlir::StringAttr, std::pair<mlir::Value, mlir::Value>> bounds;
  llvm::DenseMap<mlir::Value, mlir::Value> values;
  /// What exponentials are relative to, by running maximum.
  llvm::DenseMap<mlir::Value, ExpBase> bases;
  /// Set in the scope of a read: whether what is read there has elements at
  /// all, for any lane. An i1; null: it has.
  mlir::Value hasElements;
  /// Scope of the same block for what does not vary along the lanes.
  Scope *uniformScope = nullptr;

  mlir::Value lookup(mlir::Value value) const;
  /// Whether \p value is another here than around this scope.
  bool setsIndexOf(mlir::Value value) const;
  const ExpBase *lookupBase(mlir::Value maximum) const;
  mlir::Value lookupHasElements() const;
  const IndexValue *lookupIndex(mlir::StringAttr dim) const;
  const std::pair<mlir::Value, mlir::Value> *
  lookupBounds(mlir::StringAttr dim) const;
};

/// Inclusive bounds of an integer quantity, from what is known at compile time.
struct IntRange {
  int64_t low, high;
  bool fits31() const;
  bool fits32() const;
};

/// Extents are at most this (the plan refuses larger ones), which keeps sums of
/// a few indices and sizes within 32 bits.
constexpr int64_t maxExtent = int64_t(1) << 29;

class Evaluator {
public:
  /// With \p entry, slots are loaded there, once; else where they are used.
  Evaluator(Code &code, const CallLayout &layout, mlir::Value slots,
            mlir::Block *entry);

  /// The element of \p value at the indices of \p scope.
  mlir::Value evaluate(mlir::Value value, Scope &scope);

  /// As a vector of lanes, whether or not it varies along them.
  mlir::Value evaluateLanes(mlir::Value value, Scope &scope) {
    return code.splat(evaluate(value, scope));
  }

  /// Computes now, in \p scope, whatever \p value is made of that has none of
  /// \p inner, so that code in loops over \p inner finds it done.
  void hoist(mlir::Value value, DimList inner, Scope &scope);

  mlir::Value extent(mlir::StringAttr dim);
  /// The extent of \p dim, or how much of it the strip has that it is cut to.
  mlir::Value countIn(Strip strip, mlir::StringAttr dim);
  /// The product of those of \p dims.
  mlir::Value volume(llvm::ArrayRef<mlir::StringAttr> dims, Strip strip = {});
  mlir::Value slot(int number, mlir::Type type);
  mlir::Value slotAddress(int number);
  mlir::Value stride(const Storage &storage, unsigned position);
  /// Whether all of \p dims have elements; null where that is known.
  mlir::Value areNotEmpty(llvm::ArrayRef<mlir::StringAttr> dims);
  /// \p address, or where \p hasElements (null: true) says that nothing is
  /// there, that of zeros: as many bytes as a vector of lanes has, or a row of
  /// the largest tile.
  mlir::Value orZeros(mlir::Value hasElements, mlir::Value address);
  /// Address of the element of \p storage at the uniform indices of \p scope;
  /// indices that vary along the lanes count as 0.
  mlir::Value address(const Storage &storage, Scope &scope);
  /// The element of \p storage at the indices of \p scope; with \p as, what
  /// has that type and begins there.
  mlir::Value load(const Storage &storage, Scope &scope, mlir::Type as = {});

  /// Loads the final state of a sweep, for a result of an attn.sweep.
  std::function<mlir::Value(mlir::Value result, Scope &scope)> loadState;
  /// Whether weights that are relative to a maximum are rounded to bf16.
  bool roundsWeights = false;
  /// Values that a loop provides; never computed ahead of it.
  llvm::DenseSet<mlir::Value> provided;

  Code &code;
  const CallLayout &layout;

private:
  mlir::Value zeros();
  mlir::Value compute(mlir::Value value, Scope &scope);
  mlir::Value read(ReadOp op, Scope &scope);
  mlir::Value reduceBox(BoxReduceOp op, Scope &scope);
  mlir::Value reduceOver(ReduceOp op, llvm::ArrayRef<mlir::StringAttr> dims,
                         mlir::Value accumulator, Scope &scope);
  mlir::Value exponential(UnaryOp op, Scope &scope);
  mlir::Value binary(BinaryOp op, Scope &scope);
  mlir::Value divideShort(BinaryOp op, mlir::Value a, mlir::Value b);
  mlir::Value compare(CompareOp op, Scope &scope);
  mlir::Value cast(CastOp op, Scope &scope);
  mlir::Value index(mlir::StringAttr dim, Scope &scope);
  bool varies(mlir::Value value, Scope &scope);
  bool isOfSweeps(mlir::Value value);
  bool isAvailable(mlir::Value value, Scope &scope);
  /// For each value, the loops that it has been hoisted out of.
  using HoistedWithin = llvm::DenseMap<mlir::Value, llvm::SmallVector<DimList>>;
  void hoist(mlir::Value value, DimList inner, Scope &scope,
             HoistedWithin &done);
  IntRange rangeOf(mlir::Value value);

  mlir::Value slots;
  mlir::Block *entry;
  llvm::DenseMap<std::pair<int, mlir::Type>, mlir::Value> loadedSlots;
  llvm::DenseMap<mlir::Value, IntRange> ranges;
  llvm::DenseMap<mlir::Value, bool> ofSweeps;
};

/// The comparison of signed integers, and of f32: false where one is NaN, but
/// for !=.
mlir::arith::CmpIPredicate intPredicate(Predicate predicate);
mlir::arith::CmpFPredicate realPredicate(Predicate predicate);

/// Says whether a rounding, a comparison or an integer is made of \p op: of a
/// whole number, the next one below would be another.
bool feedsStep(BinaryOp op);

/// The reduction that an accumulator other than collect makes.
ReduceKind reduceKind(AccumulateKind kind);
/// The value of a reduction over nothing, of \p type.
mlir::Value identityOf(Code &code, ReduceKind kind, mlir::Type type);
/// One step of a sum, max or min.
mlir::Value combine(Code &code, ReduceKind kind, mlir::Value a, mlir::Value b);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_EVALUATE_H
