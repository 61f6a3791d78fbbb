//===- TunedLaunches.h - Launches that were measured ------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_JIT_TUNEDLAUNCHES_H
#define ATTN_RUNTIME_JIT_TUNEDLAUNCHES_H

#include "attn/runtime.h"
#include "runtime/jit/DiskCache.h"

#include <map>
#include <mutex>

namespace attn {

/// The launches of one GPU kernel that were fastest when somebody measured, by
/// GPU and class of call. Kept on disk beside compiled objects, under the hash
/// of the kernel's machine code: a compiler that makes the same code of a spec
/// keeps what was measured, another kernel begins anew.
class TunedLaunches {
public:
  /// \p cache null: for the life of this object.
  TunedLaunches(const attn_kernel_t &kernel, const DiskCache *cache);

  /// Chooses for \p plan, of this kernel, what was kept for calls like it.
  /// What does not fit is left to the plan.
  void apply(attn_plan_t &plan);
  /// Keeps what \p plan would launch. Whether it will outlive the process.
  bool keep(const attn_plan_t &plan);

private:
  std::string key(const attn_plan_t &plan) const;

  const DiskCache *cache;
  std::string image; // a hash
  std::mutex mutex;
  std::map<std::string, std::string> known; // by key; empty: nothing
};

/// The class of an extent: itself to 16, above that one of eight for each
/// doubling. Calls of one class share what was measured.
int64_t extentClass(int64_t extent);

} // namespace attn

#endif // ATTN_RUNTIME_JIT_TUNEDLAUNCHES_H
