//===- attn.hpp - Compile and run attention in process ----------*- C++ -*-===//
//
//   attn::Compiler compiler;
//   auto kernel = compiler.compileFor(text, "alibi", args);
//   if (!kernel)
//     return report(kernel.error().message);
//   auto plan = kernel->plan(args);
//   if (!plan || plan->run())
//     ...
//
// Needs C++20. Nothing here throws or aborts: what can fail returns a Result.
// Every class may be used from many threads at once, Plan as runtime.h says.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ATTN_HPP
#define ATTN_ATTN_HPP

#include "attn/runtime.h"

#include <cassert>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace attn {

/// Why something failed. The message may have several lines: errors in a spec
/// are shown with their place.
struct Error {
  attn_status_t status = ATTN_STATUS_INTERNAL;
  std::string message;
};

/// A value, or the reason why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::move(value)) {}
  Result(Error error) : state(std::move(error)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() { return *get(); }
  const T &operator*() const { return *get(); }
  T *operator->() { return get(); }
  const T *operator->() const { return get(); }
  const Error &error() const {
    assert(!*this && "there is a value");
    return *std::get_if<1>(&state);
  }

private:
  T *get() {
    assert(*this && "there is an error");
    return std::get_if<0>(&state);
  }
  const T *get() const { return const_cast<Result *>(this)->get(); }

  std::variant<T, Error> state;
};

/// How a spec is compiled.
struct SpecOptions {
  /// Element type of tensors that the spec gives none: f32, f16 or bf16.
  std::string dtype = "f32";
  /// Extents that are fixed in the kernel, by dimension: head sizes, mostly.
  std::map<std::string, int64_t> sizes;
  /// As for `attnc --target`.
  std::string target = "native";
};

struct CompilerOptions {
  /// Whether compiled kernels are kept on disk between processes.
  bool useDiskCache = true;
  /// Where; empty means $ATTN_CACHE_DIR, else $XDG_CACHE_HOME/attn, else
  /// ~/.cache/attn.
  std::string cacheDirectory;
};

/// A checked call (attn_plan_t).
class Plan {
public:
  /// None; for a place that is filled later.
  Plan() = default;
  attn_plan_t *handle() const { return plan.get(); }
  attn_status_t run(const attn_exec_context_t *context = nullptr) const {
    return attn_plan_run(plan.get(), context);
  }
  attn_status_t bind(std::span<const attn_arg_t> args) {
    return attn_plan_bind(plan.get(), args.data(), int32_t(args.size()));
  }

private:
  friend class Kernel;
  struct Free {
    void operator()(attn_plan_t *plan) const { attn_plan_free(plan); }
  };
  std::shared_ptr<const void> code;
  std::unique_ptr<attn_plan_t, Free> plan;
};

/// A compiled spec: a shared handle, cheap to copy.
class Kernel {
public:
  /// For the functions of runtime.h; lives as long as a copy of this, or a Plan
  /// made by it.
  const attn_kernel_t *handle() const;
  /// On a GPU, with the launches that were kept for calls like this one.
  Result<Plan> plan(std::span<const attn_arg_t> args) const;

  /// Has later plans for calls like that of \p plan, a plan of this kernel on a
  /// GPU, launch what it does (attn_plan_choose): calls with the same integer
  /// scalars, and extents of the same classes, eight for each doubling, on such
  /// a GPU. Returns whether this is on disk, for later processes too.
  bool keepLaunches(const Plan &plan) const;

  /// What the compiler has to say about the speed of this kernel, one remark a
  /// line, which begins with "LINE:COLUMN: " where it has a place in the text;
  /// empty for kernels from the disk cache that had nothing to say.
  const std::string &remarks() const;
  /// Whether the code came from the disk cache.
  bool fromDiskCache() const;

private:
  friend class Compiler;
  struct Impl;
  explicit Kernel(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<const Impl> impl;
};

/// Compiles specs to kernels in this process and remembers them. Threads that
/// ask for the same kernel at the same time wait for one compilation.
class Compiler {
public:
  explicit Compiler(CompilerOptions options = {});
  ~Compiler();
  Compiler(const Compiler &) = delete;
  Compiler &operator=(const Compiler &) = delete;

  /// Compiles the spec \p name of \p text (empty: the only one).
  Result<Kernel> compile(std::string_view text, std::string_view name,
                         const SpecOptions &options = {});

  /// The same for a call with these arguments: head sizes that \p options does
  /// not fix are fixed to the extents of the tensors.
  Result<Kernel> compileFor(std::string_view text, std::string_view name,
                            std::span<const attn_arg_t> args,
                            const SpecOptions &options = {});

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace attn

#endif // ATTN_ATTN_HPP
