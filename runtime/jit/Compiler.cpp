//===- Compiler.cpp - Compiles specs in process and remembers them --------===//

#include "attn/attn.hpp"
#include "runtime/jit/Engine.h"
#include "runtime/jit/SpecCompiler.h"
#include "runtime/jit/TunedLaunches.h"

#include <future>
#include <mutex>
#include <unordered_map>

using namespace attn;

struct Kernel::Impl {
  std::unique_ptr<LoadedObject> object;
  std::string remarks;
  bool fromDiskCache = false;
  attn_kernel_t *kernel = nullptr;
  std::optional<DiskCache> cache;
  mutable std::optional<TunedLaunches> tuned; // of a kernel for a GPU

  ~Impl() { attn_kernel_free(kernel); }
};

const attn_kernel_t *Kernel::handle() const { return impl->kernel; }
const std::string &Kernel::remarks() const { return impl->remarks; }
bool Kernel::fromDiskCache() const { return impl->fromDiskCache; }

Result<Plan> Kernel::plan(std::span<const attn_arg_t> args) const {
  attn_plan_t *raw = nullptr;
  attn_status_t status =
      attn_plan_create(impl->kernel, args.data(), int32_t(args.size()), &raw);
  if (status != ATTN_STATUS_OK)
    return Error{status, attn_last_error()};
  Plan plan;
  plan.code = impl;
  plan.plan.reset(raw);
  if (impl->tuned)
    impl->tuned->apply(*raw);
  return plan;
}

bool Kernel::keepLaunches(const Plan &plan) const {
  return impl->tuned && plan.code == impl && impl->tuned->keep(*plan.handle());
}

namespace {

/// Results by key; each is computed once, by the thread that asks first, while
/// the others wait. Failures are not kept.
template <typename T> class OnceMap {
public:
  template <typename Make> Result<T> get(const std::string &key, Make make) {
    std::promise<Result<T>> promise;
    {
      std::unique_lock lock(mutex);
      auto [it, isNew] = entries.try_emplace(key);
      if (!isNew) {
        std::shared_future<Result<T>> entry = it->second;
        lock.unlock();
        return entry.get();
      }
      it->second = promise.get_future().share();
    }
    Result<T> result = make();
    if (!result) {
      std::lock_guard lock(mutex);
      entries.erase(key);
    }
    promise.set_value(result);
    return result;
  }

private:
  std::mutex mutex;
  std::unordered_map<std::string, std::shared_future<Result<T>>> entries;
};

} // namespace

struct Compiler::Impl {
  std::optional<DiskCache> cache;
  std::once_flag engineMade;
  Result<std::shared_ptr<Engine>> engine = Error{};
  OnceMap<Kernel> kernels;
  OnceMap<std::vector<HeadSize>> headSizes;

  void makeEngine();
  Result<Kernel> load(SpecObject object);
};

/// Made when it is first needed: it costs milliseconds.
void Compiler::Impl::makeEngine() {
  auto made = Engine::create();
  if (made)
    engine = std::shared_ptr<Engine>(std::move(*made));
  else
    engine = Error{ATTN_STATUS_INTERNAL, llvm::toString(made.takeError())};
}

Result<Kernel> Compiler::Impl::load(SpecObject spec) {
  std::call_once(engineMade, [&] { makeEngine(); });
  if (!engine)
    return engine.error();
  auto failed = [](llvm::Error error) {
    return Error{ATTN_STATUS_LOAD_FAILED, llvm::toString(std::move(error))};
  };
  auto impl = std::make_shared<Kernel::Impl>();
  impl->remarks = std::move(spec.code.remarks);
  impl->fromDiskCache = spec.fromDiskCache;
  auto object = (*engine)->load(std::move(spec.code.objects));
  if (!object)
    return failed(object.takeError());
  impl->object = std::move(*object);
  auto desc = impl->object->find(spec.name);
  if (!desc)
    return failed(desc.takeError());
  if (attn_status_t status = attn_kernel_from_desc(*desc, &impl->kernel))
    return Error{status, attn_last_error()};
  impl->cache = cache;
  if ((*desc)->image)
    impl->tuned.emplace(*impl->kernel, impl->cache ? &*impl->cache : nullptr);
  return Kernel(std::move(impl));
}

Compiler::Compiler(CompilerOptions options) : impl(std::make_unique<Impl>()) {
  if (options.useDiskCache)
    impl->cache.emplace(std::move(options.cacheDirectory));
}

Compiler::~Compiler() = default;

/// What a result depends on, as one string.
static std::string memoryKey(std::string_view text, std::string_view name,
                             const SpecOptions &options) {
  std::string key(name);
  key += '\0' + options.dtype + '\0' + options.target + '\0';
  for (const auto &[dim, extent] : options.sizes)
    key += dim + '=' + std::to_string(extent) + ' ';
  key += '\0';
  return key += text;
}

Result<Kernel> Compiler::compile(std::string_view text, std::string_view name,
                                 const SpecOptions &options) {
  return impl->kernels.get(
      memoryKey(text, name, options), [&]() -> Result<Kernel> {
        Result<SpecObject> object = compileSpec(
            text, name, options, impl->cache ? &*impl->cache : nullptr);
        if (!object)
          return object.error();
        return impl->load(std::move(*object));
      });
}

Result<Kernel> Compiler::compileFor(std::string_view text,
                                    std::string_view name,
                                    std::span<const attn_arg_t> args,
                                    const SpecOptions &options) {
  auto sizes = impl->headSizes.get(memoryKey(text, name, options), [&] {
    return findHeadSizes(text, name, options);
  });
  if (!sizes)
    return sizes.error();
  SpecOptions fixed = options;
  for (const HeadSize &size : *sizes)
    for (const attn_arg_t &arg : args)
      // A tensor that does not fit the spec is reported by the plan.
      if (arg.name && arg.name == size.param && arg.kind == ATTN_ARG_TENSOR &&
          arg.tensor && arg.tensor->shape &&
          int(size.axis) < arg.tensor->ndim &&
          arg.tensor->shape[size.axis] >= 0)
        fixed.sizes[size.dim] = arg.tensor->shape[size.axis];
  return compile(text, name, fixed);
}
