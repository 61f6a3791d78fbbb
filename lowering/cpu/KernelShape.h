//===- KernelShape.h - The tiles and parts of one kernel --------*- C++ -*-===//
//
// Reads a scheduled and tiled attn.kernel: which of its sums are matrix
// products of tiles, which operands are read in place, what is state. Decides
// nothing about values: all of it could be printed beside the IR.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_KERNELSHAPE_H
#define ATTN_LOWERING_CPU_KERNELSHAPE_H

#include "dialect/Products.h"
#include "lowering/cpu/CallLayout.h"

#include "llvm/ADT/MapVector.h"

namespace attn::cpu {

/// One side of a matrix product: a product of factors.
struct Operand {
  llvm::SmallVector<mlir::Value> factors;
  /// The tensor that the operand is, when it is nothing else and has the type
  /// that the product reads.
  const Storage *inPlace = nullptr;
};

/// bf16 or f16 where the factors are made of tensors of that type alone, so
/// that rounding their product to the type is what the language allows; else
/// null.
mlir::Type narrowType(llvm::ArrayRef<mlir::Value> factors,
                      const CallLayout &layout);

/// A sum inside a tile: result[key, lane] = sum over dims of keySide *
/// laneSide.
struct InnerProduct {
  mlir::Value result; // the attn.reduce, with the row factors taken in
  DimList dims;
  Operand laneSide, keySide;
  /// Both sides are pairs of bf16, for the dot product of the tile.
  bool isDot = false;

  /// The factors of the lane side that its numbers are made of where these are
  /// narrow: what the product sums over and, of dot products, powers of 2,
  /// which round nothing but numbers that the instruction takes for 0, or
  /// nearly so. The others multiply the result.
  llvm::SmallVector<mlir::Value> narrowFactors() const;
};

/// Part of a sweep that one accumulator is.
struct Accumulator {
  mutable AccumulateOp op; // getters of ops are not const
  unsigned index;          // among the results of the sweep
  DimList carried;         // dimensions of the state beside the free ones
  /// The sum is state[carried, lane] += keySide[key, carried] * pair[key,
  /// lane].
  bool isProduct = false;
  /// Pairs of keys side by side, in bf16, for the dot product of the tile.
  bool isDot = false;
  Operand keySide;
  llvm::SmallVector<mlir::Value> pairFactors;
  llvm::SmallVector<Product::Divisor> pairDivisors;
  /// A running maximum that other accumulators are relative to.
  bool isBase = false;
  /// Its final value is used, so NaN must show in it.
  bool keepsNaN = true;

  /// What is evaluated for each pair, where it is one quantity: null for a
  /// product or a quotient.
  mlir::Value pairValue() const {
    if (!isProduct)
      return op.getOperand();
    bool isOne = pairFactors.size() == 1 && pairDivisors.empty();
    return isOne ? pairFactors.front() : mlir::Value();
  }

  /// Says whether a pair's factor of the product is at most 1 in size: what
  /// divides it does so as a normaliser.
  bool isWithinOne() const;

  /// What is evaluated for each pair, without the domain.
  llvm::SmallVector<mlir::Value> pairValues() const {
    if (!isProduct)
      return {op.getOperand()};
    llvm::SmallVector<mlir::Value> values(pairFactors);
    for (const Product::Divisor &divisor : pairDivisors)
      values.push_back(divisor.value);
    return values;
  }
};

struct SweepShape {
  mutable SweepOp op;
  DimList over;
  std::vector<InnerProduct> products;
  std::vector<Accumulator> accumulators;
  /// Some accumulator has a domain, so some pairs may not count.
  bool hasDomain = false;
  /// All have one: a pair outside of all of them need not be visited.
  bool canSkip = false;
  bool collects = false;
  /// Some domain can be decided for a tile at once.
  bool isDecidable = false;
  /// What it visits, solved; null where every pair counts.
  mutable VisitOp visit;
  /// Keys are one after the other in every swept dimension.
  bool isContiguous = true;

  /// Says whether all accumulators are over the same pairs, those of \p domain.
  bool hasOneDomain(mlir::Value domain) const {
    return llvm::all_of(accumulators, [&](const Accumulator &a) {
      return a.op.getDomain() == domain;
    });
  }

  /// Weights of two keys are written at a time, so steps begin at even ones.
  bool takesPairs() const {
    return llvm::any_of(accumulators,
                        [](const Accumulator &a) { return a.isDot; });
  }
};

struct KernelShape {
  KernelShape(KernelOp kernel, const CallLayout &layout);

  mutable KernelOp kernel;
  DimList batch, lanes;
  unsigned width, rows, vectors, groups, keys, sub, chunk;
  /// A tile may have half of `groups`, and so on, but not fewer than these.
  unsigned fewestGroups;
  /// The type whose pairs the machine multiplies and adds to f32; or null.
  mlir::Type dotType;
  std::vector<SweepShape> sweeps;
  /// How far apart the lanes of a tile are, for lanes with an attn.stride.
  llvm::SmallMapVector<mlir::StringAttr, mlir::Value, 2> strides;
  /// The extents of a tile in each lane dimension, where it is a box; empty
  /// where it is a run of the flattened lanes.
  llvm::SmallVector<int64_t> box;

  /// Lanes next to each other need not be neighbours, or exist.
  bool isScattered() const { return !strides.empty() || !box.empty(); }

  unsigned groupLanes() const { return width * vectors; }
  /// The largest tile.
  unsigned tileLanes() const { return groupLanes() * groups; }
  const SweepShape &sweepOf(mlir::Value result) const;

  /// Tiles have `lanes` where those with more, `than`, are fewer than `below`.
  struct SmallerTile {
    int64_t lanes, than, below;
  };
  llvm::SmallVector<SmallerTile> smallerTiles() const;
  /// How many lanes a tile has that covers some of \p positions of lanes, for
  /// each of \p batches.
  int64_t tileLanes(int64_t positions, int64_t batches) const;
};

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_KERNELSHAPE_H
