//===- TileMask.h - Which elements of a tile count --------------*- C++ -*-===//
//
// A pair counts where its column exists and the mask holds. Comparisons of
// indices leave a row a run of columns in each column dimension, so a thread
// works out the runs of its two rows, as bits, and an element looks at its bit:
// one instruction and a share of one (R2P moves seven bits to predicates).
// Unions of runs are words of bits too. What is not made of such comparisons is
// looked at element by element, or in a loop (MaskBits).
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_TILEMASK_H
#define ATTN_LOWERING_GPU_TILEMASK_H

#include "lowering/gpu/MaskBits.h"

namespace attn::gpu {

class TileMask {
public:
  /// Of the \p columns columns of the tile that \p scope is about.
  /// \p ends are the positions that there are in each column dimension, \p
  /// firsts those of the thread's first column (i32), \p lastColumns gives the
  /// last indices.
  /// \p domain may be null.
  TileMask(FragmentEvaluator &pairs, mlir::Value domain, unsigned columns,
           mlir::ValueRange ends, mlir::ValueRange firsts,
           llvm::function_ref<llvm::SmallVector<mlir::Value>()> lastColumns,
           const FragmentScope &scope);

  /// \p value of element \p element, \p otherwise where that does not count.
  mlir::Value choose(unsigned element, mlir::Value value,
                     mlir::Value otherwise);
  /// \p elements, \p identity where they do not count.
  llvm::SmallVector<mlir::Value> choose(llvm::ArrayRef<mlir::Value> elements,
                                        double identity);

private:
  /// A number of columns from the thread's first one on: `at` less the index of
  /// that one (i32; null: 0). What is of the row, `at`, is worked out once for
  /// its tiles.
  struct Offset {
    mlir::Value at, first;
  };
  /// Columns from the greatest of `begins` and 0 until before the least of
  /// `ends`, or the last; one in each column dimension of a row.
  struct Run {
    llvm::SmallVector<Offset, 2> begins, ends;
  };
  using Runs = llvm::SmallVector<Run, 3>;
  /// What the columns that a comparison leaves are, in one dimension: those
  /// whose offset is `predicate` the place of the row.
  struct Limit {
    unsigned position;
    mlir::arith::CmpIPredicate predicate;
    std::array<Offset, 2> ofRow;
  };
  /// A bit for each of the thread's columns, for each of its rows.
  using Words = std::array<llvm::SmallVector<mlir::Value>, 2>;

  std::optional<Limit> limitOf(mlir::Value condition);
  std::optional<Words> wordsOf(mlir::Value condition);
  void combine(Words &words, const Words &others, BinaryKind kind);
  std::optional<std::pair<unsigned, bool>>
  slopeOf(llvm::ArrayRef<int64_t> constants);
  void take(const Limit &limit, std::array<Runs, 2> &runs);
  llvm::SmallVector<mlir::Value> wordsOf(llvm::ArrayRef<Run> runs);
  mlir::Value outermost(llvm::ArrayRef<Offset> offsets, bool isEnd);
  mlir::Value bitsBefore(mlir::Value offset);

  FragmentEvaluator &pairs;
  cpu::Code &code;
  WarpCode &warps;
  unsigned columns;
  /// The columns that exist.
  Runs existing;
  /// Columns that do not exist are counted on, or taken for the last.
  FragmentScope counting, reading;
  /// Of rows whose run has an end alone.
  std::array<mlir::Value, 2> endsOfRows;
  Words words;
  /// What they do not say.
  llvm::SmallVector<mlir::Value> rest;
  std::optional<MaskBits> bits;
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_TILEMASK_H
