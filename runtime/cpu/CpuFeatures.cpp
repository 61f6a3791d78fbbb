//===- CpuFeatures.cpp - What the CPU of this process can execute ---------===//
//
// Reads CPUID itself: the compiler builtin knows fewer names than LLVM does,
// and is not there for every compiler.
//
//===----------------------------------------------------------------------===//

#include "runtime/cpu/CpuFeatures.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>

namespace {

enum Register { EAX, EBX, ECX, EDX };

/// Register state that the operating system must save for the feature.
enum StateMask : uint64_t {
  NoState = 0,
  AvxState = 0x6,     // SSE, AVX
  Avx512State = 0xe6, // and opmask, upper halves, upper registers
  AmxState = 0x60000, // tile configuration and data
};

struct Feature {
  std::string_view name; // as LLVM spells it
  uint32_t leaf, subleaf;
  Register reg;
  unsigned bit;
  StateMask state;
};

constexpr Feature features[] = {
    {"cx8", 1, 0, EDX, 8, NoState},
    {"cmov", 1, 0, EDX, 15, NoState},
    {"mmx", 1, 0, EDX, 23, NoState},
    {"fxsr", 1, 0, EDX, 24, NoState},
    {"sse", 1, 0, EDX, 25, NoState},
    {"sse2", 1, 0, EDX, 26, NoState},
    {"sse3", 1, 0, ECX, 0, NoState},
    {"pclmul", 1, 0, ECX, 1, NoState},
    {"ssse3", 1, 0, ECX, 9, NoState},
    {"fma", 1, 0, ECX, 12, AvxState},
    {"cx16", 1, 0, ECX, 13, NoState},
    {"sse4.1", 1, 0, ECX, 19, NoState},
    {"sse4.2", 1, 0, ECX, 20, NoState},
    {"crc32", 1, 0, ECX, 20, NoState},
    {"movbe", 1, 0, ECX, 22, NoState},
    {"popcnt", 1, 0, ECX, 23, NoState},
    {"aes", 1, 0, ECX, 25, NoState},
    {"xsave", 1, 0, ECX, 26, NoState},
    {"avx", 1, 0, ECX, 28, AvxState},
    {"f16c", 1, 0, ECX, 29, AvxState},
    {"rdrnd", 1, 0, ECX, 30, NoState},
    {"fsgsbase", 7, 0, EBX, 0, NoState},
    {"bmi", 7, 0, EBX, 3, NoState},
    {"avx2", 7, 0, EBX, 5, AvxState},
    {"bmi2", 7, 0, EBX, 8, NoState},
    {"avx512f", 7, 0, EBX, 16, Avx512State},
    {"avx512dq", 7, 0, EBX, 17, Avx512State},
    {"rdseed", 7, 0, EBX, 18, NoState},
    {"adx", 7, 0, EBX, 19, NoState},
    {"avx512ifma", 7, 0, EBX, 21, Avx512State},
    {"clflushopt", 7, 0, EBX, 23, NoState},
    {"clwb", 7, 0, EBX, 24, NoState},
    {"avx512cd", 7, 0, EBX, 28, Avx512State},
    {"sha", 7, 0, EBX, 29, NoState},
    {"avx512bw", 7, 0, EBX, 30, Avx512State},
    {"avx512vl", 7, 0, EBX, 31, Avx512State},
    {"avx512vbmi", 7, 0, ECX, 1, Avx512State},
    {"avx512vbmi2", 7, 0, ECX, 6, Avx512State},
    {"gfni", 7, 0, ECX, 8, NoState},
    {"vaes", 7, 0, ECX, 9, AvxState},
    {"vpclmulqdq", 7, 0, ECX, 10, AvxState},
    {"avx512vnni", 7, 0, ECX, 11, Avx512State},
    {"avx512bitalg", 7, 0, ECX, 12, Avx512State},
    {"avx512vpopcntdq", 7, 0, ECX, 14, Avx512State},
    {"amx-bf16", 7, 0, EDX, 22, AmxState},
    {"avx512fp16", 7, 0, EDX, 23, Avx512State},
    {"amx-tile", 7, 0, EDX, 24, AmxState},
    {"amx-int8", 7, 0, EDX, 25, AmxState},
    {"avxvnni", 7, 1, EAX, 4, AvxState},
    {"avx512bf16", 7, 1, EAX, 5, Avx512State},
    {"xsaveopt", 13, 1, EAX, 0, NoState},
    {"xsavec", 13, 1, EAX, 1, NoState},
    {"xsaves", 13, 1, EAX, 3, NoState},
    {"sahf", 0x80000001, 0, ECX, 0, NoState},
    {"lzcnt", 0x80000001, 0, ECX, 5, NoState},
    {"sse4a", 0x80000001, 0, ECX, 6, NoState},
    {"prfchw", 0x80000001, 0, ECX, 8, NoState},
    {"64bit", 0x80000001, 0, EDX, 29, NoState},
};

/// The register state that the operating system saves.
uint64_t savedState() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27)))
    return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low | uint64_t(high) << 32;
}

bool hasFeature(std::string_view name) {
  for (const Feature &feature : features) {
    if (feature.name != name)
      continue;
    unsigned regs[4];
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &regs[EAX],
                           &regs[EBX], &regs[ECX], &regs[EDX]))
      return false;
    return (regs[feature.reg] >> feature.bit & 1) &&
           (savedState() & feature.state) == feature.state;
  }
  return false;
}

} // namespace

#else

static bool hasFeature(std::string_view) { return false; }

#endif

std::string attn::runtime::missingCpuFeatures(std::string_view required) {
  std::string missing;
  while (!required.empty()) {
    size_t comma = required.find(',');
    std::string_view name = required.substr(0, comma);
    required.remove_prefix(comma == std::string_view::npos ? required.size()
                                                           : comma + 1);
    if (!name.empty() && name.front() == '+')
      name.remove_prefix(1);
    if (name.empty() || hasFeature(name))
      continue;
    if (!missing.empty())
      missing += ", ";
    missing += name;
  }
  return missing;
}
