//===- RandomTensor.h - Values for tensors that have no file ----*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_RANDOMTENSOR_H
#define ATTN_FRONTEND_CLI_RANDOMTENSOR_H

#include "frontend/cli/Call.h"

namespace attn::cli {

/// Fills \p tensor by \p seed: floats from the normal distribution; bytes,
/// which stand for flags, with 0 and 1; other integers with a few values from 0
/// to
/// \p largest that ascend along the innermost dimension, so that they can be
/// lengths as well as the numbers of documents.
void fillRandom(CallTensor &tensor, uint64_t seed, int64_t largest);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_RANDOMTENSOR_H
