//===- Executor.h - Where work is done --------------------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_EXECUTOR_H
#define ATTN_RUNTIME_EXECUTOR_H

#include "attn/runtime.h"

namespace attn::runtime {

/// More workers than any machine has; keeps sizes of workspaces from
/// overflowing.
constexpr int32_t maxWorkers = 1 << 16;

/// The executor of callers that bring none: all threads of the machine.
const attn_executor_t &defaultExecutor();

} // namespace attn::runtime

#endif // ATTN_RUNTIME_EXECUTOR_H
