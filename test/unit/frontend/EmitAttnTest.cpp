//===- EmitAttnTest.cpp - Spec text to ops --------------------------------===//
//
// The names of values are left out; test/lit/frontend looks at which value goes
// where.
//
//===----------------------------------------------------------------------===//

#include "test/unit/frontend/Specs.h"

#include "dialect/AttnOps.h"

#include <regex>

using namespace attn;

namespace {

/// The ops of the first attention of \p text: "reduce sum over [N] where" is
/// written as the dialect prints it, without values and without types but that
/// of the result.
std::string ops(llvm::StringRef text, const EmitOptions &options = {}) {
  std::string ir = emitted(text, options), result;
  for (llvm::StringRef line : llvm::split(ir, '\n')) {
    line = line.trim();
    size_t start = line.find("attn.");
    if (start == llvm::StringRef::npos || line.contains("attn.spec"))
      continue;
    auto [op, type] = line.substr(start + 5).split(" : ");
    std::string kept = std::regex_replace(
        op.str(), std::regex(" ?%[A-Za-z0-9_]+,?| ->.*|!attn.q<\\[\\], |>"),
        "");
    size_t last = type.rfind("!attn.q<");
    if (last != llvm::StringRef::npos)
      kept += " : " + type.substr(last + 8).rsplit('>').first.str();
    result += kept + "\n";
  }
  return result;
}

/// A spec of q: [M, D], k: [N, D] and v: [N, E] with these steps.
std::string body(llvm::StringRef steps) {
  return ("attention f(q: [M, D], k: [N, D], v: [N, E], doc: int[N]) -> out\n"
          "{\n" +
          steps + "\n}\n")
      .str();
}

} // namespace

TEST(Emit, PlainAttention) {
  EXPECT_EQ(ops(body("  s = sum[d](q * k) * rsqrt(D)\n"
                     "  out = sum[n](softmax[n](s) * v)")),
            "");
}
