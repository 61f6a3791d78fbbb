//===- Describe.cpp - Types and parameters in messages --------------------===//

#include "runtime/Describe.h"
#include "runtime/Status.h"

#include <algorithm>
#include <vector>

using namespace attn::runtime;

DLDataType attn::runtime::elementType(const attn_param_desc &param) {
  return {uint8_t(param.dtype_code), uint8_t(param.dtype_bits), 1};
}

std::string attn::runtime::describe(DLDataType type) {
  // Later DLPack versions give bool a code of its own.
  constexpr unsigned boolCode = 6;
  std::string text;
  switch (unsigned(type.code)) {
  case kDLInt:
    text = concat("i", int(type.bits));
    break;
  case kDLUInt:
    text = type.bits == 1 ? "bool" : concat("u", int(type.bits));
    break;
  case kDLFloat:
    text = concat("f", int(type.bits));
    break;
  case kDLBfloat:
    text = concat("bf", int(type.bits));
    break;
  case boolCode:
    text = "bool";
    break;
  default:
    text = concat("type ", int(type.code), " of ", int(type.bits), " bits");
  }
  return type.lanes == 1 ? text : concat(text, "x", type.lanes);
}

std::string attn::runtime::describe(const KernelImage &kernel,
                                    const attn_param_desc &param) {
  if (!isTensor(param))
    return param.dtype_code == kDLFloat ? "float scalar"
           : param.dtype_bits == 1      ? "bool scalar"
                                        : "int scalar";
  std::string text = describe(elementType(param)) + " tensor [";
  for (int32_t axis = 0; axis < param.rank; ++axis) {
    text += axis ? ", " : "";
    text += kernel.desc->dims[param.dims[axis]].name;
  }
  return text + "]";
}

/// Levenshtein's distance.
static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string attn::runtime::suggestion(const KernelImage &kernel,
                                      std::string_view name) {
  // The distance is quadratic, and nobody mistypes so much.
  if (name.size() > 64)
    return "";
  const char *best = nullptr;
  size_t bestDistance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const attn_param_desc &param : kernel.params()) {
    size_t distance = editDistance(name, param.name);
    if (distance < bestDistance && distance < name.size()) {
      bestDistance = distance;
      best = param.name;
    }
  }
  return best ? concat("; did you mean '", best, "'?") : "";
}
