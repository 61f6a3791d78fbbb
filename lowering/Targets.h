//===- Targets.h - What the compiler knows about a machine ------*- C++ -*-===//

#ifndef ATTN_LOWERING_TARGETS_H
#define ATTN_LOWERING_TARGETS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace attn {

/// A CPU, as far as tiling and code generation care. Register tiles are
/// `rows` keys (or value columns) by `vectors` vectors of query lanes: as many
/// accumulators as the register file holds beside its operands, and at most
/// about 0.6 loads for each fma.
struct TargetRecord {
  std::string name;
  std::string cpu;          // for LLVM
  std::string features;     // for LLVM: "+avx2,+fma"
  std::string requirements; // for the runtime's check: "avx2,fma"
  unsigned width;           // f32 lanes of a vector
  unsigned rows, vectors;   // register tile
  unsigned groups;          // register tiles of lanes in a work item
  unsigned keys, sub; // keys of a tile, and of the steps where it is mixed
};

/// Finds \p name: native, x86-64-v3, x86-64-v4 or a CPU name that LLVM knows
/// with at least AVX2. An error lists what there is.
llvm::Expected<TargetRecord> lookupTarget(llvm::StringRef name);

std::vector<std::string> targetNames();

} // namespace attn

#endif // ATTN_LOWERING_TARGETS_H
