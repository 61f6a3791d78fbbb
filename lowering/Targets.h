//===- Targets.h - What the compiler knows about a machine ------*- C++ -*-===//

#ifndef ATTN_LOWERING_TARGETS_H
#define ATTN_LOWERING_TARGETS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace attn {

/// What a GPU has.
struct GpuRecord {
  unsigned capability;  // 90 for sm_90a
  bool isExact;         // code for no other capability: sm_90a
  bool hasWgmma;        // with TMA, mbarriers and register reallocation
  unsigned ptxVersion;  // of the PTX that is written: 86 for 8.6
  unsigned sharedBytes; // that one block may have
  unsigned sharedBytesPerSM;
};

/// How sums of products of bf16 pairs are made on a CPU: acc + a0 * b0 + a1 *
/// b1 in f32.
enum class Bf16Dot {
  None,        // operands are widened to f32
  Instruction, // AVX512_BF16
  Expanded,    // as shifts and fma: no gain, for tests of the form
};

/// Which register tiles of scores ask for the keys of the next one and for
/// their own values before they compute.
enum class AskAhead {
  Never,
  Once,  // those of the first group of lanes: the rest finds them near
  Always // of each group
};

/// A machine, as far as tiling and code generation care. On a CPU, register
/// tiles are `rows` keys (or value columns) by `vectors` vectors of query
/// lanes: as many accumulators as the register file holds beside its operands,
/// and at most about 0.6 loads for each fma. On a GPU, a vector is a block of
/// threads, a lane each.
struct TargetRecord {
  std::string name;
  std::string cpu;          // for LLVM
  std::string features;     // for LLVM: "+avx2,+fma"
  std::string requirements; // for the runtime's check: "avx2,fma"
  unsigned width;           // f32 lanes of a vector
  unsigned rows, vectors;   // register tile
  unsigned groups;          // register tiles of lanes in a work item
  unsigned keys, sub; // keys of a tile, and of the steps where it is mixed
  std::optional<GpuRecord> gpu; // none: a CPU
  Bf16Dot bf16Dot = Bf16Dot::None;
  unsigned wholeGroups = 1; // `groups` where no tile is left out
  AskAhead asksAhead = AskAhead::Never;
  /// Additions have pipes beside those of fma, and stores of vectors have not.
  bool addsAside = false;
  /// Each sweep has a kernel of its own: those of specialised warps have one.
  bool oneSweep = false;
};

/// Finds \p name: one of targetNames, or x86-64-v3-dot, which is for tests.
/// A CPU's name with "-one-sweep" at its end is that CPU with oneSweep: what a
/// GPU does can be looked at, and tested, there. An error lists what there is.
llvm::Expected<TargetRecord> lookupTarget(llvm::StringRef name);

std::vector<std::string> targetNames();

} // namespace attn

#endif // ATTN_LOWERING_TARGETS_H
