//===- Work.h - What a schedule computes ------------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_WORK_H
#define ATTN_FRONTEND_CLI_WORK_H

#include "frontend/cli/Call.h"
#include "frontend/cli/Options.h"
#include "frontend/cli/Spec.h"

namespace attn::cli {

/// A sum of products within a sweep. Each term is a multiplication and an
/// addition.
struct Contraction {
  std::string formula;
  double flop = 0;
};

/// One pass over some dimensions by one kernel.
struct SweepWork {
  DimList over;
  /// The condition on pairs, or empty.
  std::string domain;
  /// Indices of the free and swept dimensions for which it holds.
  double pairs = 0;
  std::vector<Contraction> contractions;
  /// How its accumulators work together.
  std::string algorithm;

  double flop() const;
};

/// One stage of a compiled spec.
struct KernelWork {
  DimList free, lanes;
  std::string tiles;
  unsigned vectorLanes = 0; // of the CPU that the tiles are for
  std::vector<std::string> results;
  std::vector<SweepWork> sweeps;
  /// It prepares the tile tests of a mask that reads labels.
  bool isSummary = false;

  double flop() const;
};

/// What a spec computes for one call: only pairs that exist count.
struct Work {
  std::vector<KernelWork> kernels;

  double flop() const;
  /// The kernel with the most work, of those under a mask if there are any, or
  /// null where there is none. (One that writes pairs visits those outside
  /// too.)
  const KernelWork *main() const;
};

/// A condition that restricts reductions, with the dimensions they reduce.
struct Domain {
  std::string formula;
  mlir::Value value; // in `spec`
  DimList over;
};

/// The simplified form of a spec, and the conditions in it.
class Domains {
public:
  static llvm::Expected<Domains> find(const Spec &spec, const Options &options);
  llvm::ArrayRef<Domain> all() const { return domains; }
  const Domain *lookup(llvm::StringRef formula) const;
  SpecOp spec() const { return *(*module).getOps<SpecOp>().begin(); }

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Domain> domains;
};

/// Reads the schedule of \p spec with the head sizes of \p call, and counts the
/// pairs that exist with a kernel derived from the spec.
llvm::Expected<Work> measureWork(const Spec &spec, const Domains &domains,
                                 const Call &call, const Options &options);

/// The product of the extents of \p dims in a call.
double volume(llvm::ArrayRef<mlir::StringAttr> dims, const Call &call);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_WORK_H
