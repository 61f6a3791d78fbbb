//===- CpuFeatures.h - What the CPU of this process can execute -*- C++ -*-===//

#ifndef ATTN_RUNTIME_CPU_CPUFEATURES_H
#define ATTN_RUNTIME_CPU_CPUFEATURES_H

#include <string>
#include <string_view>

namespace attn::runtime {

/// The features of \p required ("avx2,fma") that this CPU, or its operating
/// system, does not offer; empty when it offers all. Names that are not known
/// count as missing.
std::string missingCpuFeatures(std::string_view required);

} // namespace attn::runtime

#endif // ATTN_RUNTIME_CPU_CPUFEATURES_H
