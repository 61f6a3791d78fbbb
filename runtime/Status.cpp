//===- Status.cpp - Failures of the runtime -------------------------------===//

#include "runtime/Status.h"

#include <cstring>

/// A fixed place, so that running out of memory can be reported too.
static thread_local char lastError[2048] = "no error";

void attn::runtime::setLastError(std::string_view message) noexcept {
  size_t length = std::min(message.size(), sizeof(lastError) - 1);
  std::memmove(lastError, message.data(), length);
  lastError[length] = '\0';
}

const char *attn_last_error(void) { return lastError; }

const char *attn_status_name(attn_status_t status) {
#define ATTN_STATUS_CASE(name)                                                 \
  case name:                                                                   \
    return #name
  switch (status) {
    ATTN_STATUS_CASE(ATTN_STATUS_OK);
    ATTN_STATUS_CASE(ATTN_STATUS_INVALID_ARGUMENT);
    ATTN_STATUS_CASE(ATTN_STATUS_NOT_FOUND);
    ATTN_STATUS_CASE(ATTN_STATUS_LOAD_FAILED);
    ATTN_STATUS_CASE(ATTN_STATUS_ABI_MISMATCH);
    ATTN_STATUS_CASE(ATTN_STATUS_UNSUPPORTED_CPU);
    ATTN_STATUS_CASE(ATTN_STATUS_MISSING_ARGUMENT);
    ATTN_STATUS_CASE(ATTN_STATUS_UNKNOWN_ARGUMENT);
    ATTN_STATUS_CASE(ATTN_STATUS_DUPLICATE_ARGUMENT);
    ATTN_STATUS_CASE(ATTN_STATUS_KIND_MISMATCH);
    ATTN_STATUS_CASE(ATTN_STATUS_TYPE_MISMATCH);
    ATTN_STATUS_CASE(ATTN_STATUS_RANK_MISMATCH);
    ATTN_STATUS_CASE(ATTN_STATUS_SIZE_MISMATCH);
    ATTN_STATUS_CASE(ATTN_STATUS_SIZE_OVERFLOW);
    ATTN_STATUS_CASE(ATTN_STATUS_BAD_STRIDE);
    ATTN_STATUS_CASE(ATTN_STATUS_BAD_ALIGNMENT);
    ATTN_STATUS_CASE(ATTN_STATUS_NULL_DATA);
    ATTN_STATUS_CASE(ATTN_STATUS_READ_ONLY);
    ATTN_STATUS_CASE(ATTN_STATUS_UNSUPPORTED_DEVICE);
    ATTN_STATUS_CASE(ATTN_STATUS_REQUIREMENT);
    ATTN_STATUS_CASE(ATTN_STATUS_WORKSPACE_TOO_SMALL);
    ATTN_STATUS_CASE(ATTN_STATUS_OUT_OF_MEMORY);
    ATTN_STATUS_CASE(ATTN_STATUS_INVALID_SPEC);
    ATTN_STATUS_CASE(ATTN_STATUS_UNSUPPORTED_TARGET);
    ATTN_STATUS_CASE(ATTN_STATUS_INTERNAL);
    ATTN_STATUS_CASE(ATTN_STATUS_NO_DRIVER);
    ATTN_STATUS_CASE(ATTN_STATUS_UNSUPPORTED_GPU);
    ATTN_STATUS_CASE(ATTN_STATUS_DRIVER_TOO_OLD);
    ATTN_STATUS_CASE(ATTN_STATUS_DEVICE_MISMATCH);
    ATTN_STATUS_CASE(ATTN_STATUS_DEVICE_ERROR);
  }
#undef ATTN_STATUS_CASE
  return "unknown status";
}
