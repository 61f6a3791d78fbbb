//===- Status.h - Failures of the runtime -----------------------*- C++ -*-===//
//
// Every entry point of the C interface is wrapped in guard(), and every failure
// goes through fail(), which keeps its text for attn_last_error.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_STATUS_H
#define ATTN_RUNTIME_STATUS_H

#include "attn/runtime.h"

#include <charconv>
#include <iterator>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>

namespace attn::runtime {

/// Makes \p message the last error of this thread.
void setLastError(std::string_view message) noexcept;

namespace detail {
inline void append(std::string &text, std::string_view part) { text += part; }
template <typename Int>
  requires std::is_integral_v<Int>
void append(std::string &text, Int part) {
  text += std::to_string(part);
}
/// The shortest text that reads as \p part again.
inline void append(std::string &text, double part) {
  char buffer[32];
  text.append(buffer, std::to_chars(buffer, std::end(buffer), part).ptr);
}
} // namespace detail

/// The concatenation of strings and numbers.
template <typename... Parts> std::string concat(const Parts &...parts) {
  std::string text;
  (detail::append(text, parts), ...);
  return text;
}

/// Records a message made of \p parts and returns \p status.
template <typename... Parts>
attn_status_t fail(attn_status_t status, const Parts &...parts) {
  setLastError(concat(parts...));
  return status;
}

/// Runs \p body, turning exceptions (there is no other source than memory)
/// into a status.
template <typename Body> attn_status_t guard(Body &&body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    setLastError("out of memory");
    return ATTN_STATUS_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    setLastError(error.what());
    return ATTN_STATUS_INTERNAL;
  }
}

} // namespace attn::runtime

/// Returns from the enclosing function when a step failed.
#define ATTN_RETURN_IF_FAILED(expr)                                            \
  do {                                                                         \
    if (attn_status_t status_ = (expr); status_ != ATTN_STATUS_OK)             \
      return status_;                                                          \
  } while (false)

#endif // ATTN_RUNTIME_STATUS_H
