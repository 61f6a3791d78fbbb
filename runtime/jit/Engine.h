//===- Engine.h - Links objects into this process ---------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_JIT_ENGINE_H
#define ATTN_RUNTIME_JIT_ENGINE_H

#include "attn/kernel_abi.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"

#include <atomic>
#include <memory>
#include <vector>

namespace attn {

/// Objects that were linked; frees their memory.
class LoadedObject {
public:
  LoadedObject(std::shared_ptr<llvm::orc::LLJIT> jit,
               llvm::orc::JITDylib &library)
      : jit(std::move(jit)), library(library) {}
  LoadedObject(const LoadedObject &) = delete;
  LoadedObject &operator=(const LoadedObject &) = delete;
  ~LoadedObject();

  llvm::Expected<const attn_spec_desc *> find(llvm::StringRef spec) const;

private:
  std::shared_ptr<llvm::orc::LLJIT> jit;
  llvm::orc::JITDylib &library;
};

/// Links objects into this process. What they call (sinf, memcpy) and none of
/// them has is of the process. Safe to use from many threads.
class Engine {
public:
  static llvm::Expected<std::unique_ptr<Engine>> create();

  llvm::Expected<std::unique_ptr<LoadedObject>>
  load(std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects);

private:
  explicit Engine(std::shared_ptr<llvm::orc::LLJIT> jit)
      : jit(std::move(jit)) {}

  std::shared_ptr<llvm::orc::LLJIT> jit;
  std::atomic<uint64_t> numObjects = 0;
};

} // namespace attn

#endif // ATTN_RUNTIME_JIT_ENGINE_H
