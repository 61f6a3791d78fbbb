//===- Targets.cpp - What the compiler knows about a machine --------------===//

#include "lowering/Targets.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace attn;

namespace {

// 16 registers: 12 accumulators, 3 vectors of queries, 1 broadcast key. Groups
// of lanes share what an item reads of keys and values: with eight, heads whose
// keys and values do not fit the third-level cache run 5 to 10 % faster than
// with four, others alike or 2 % slower. Under a mask they would visit more.
// Machines of this kind without AVX-512 are Zen, mostly: see isZen.
// A division of 64 bits does not ask whether one of 32 would do: three blocks
// for each are an eighth of the time to compile masks that divide.
TargetRecord avx2Record() {
  return {"x86-64-v3",
          "x86-64-v3",
          "+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+popcnt,-idivq-to-divl",
          "avx2,fma,f16c",
          /*width=*/8,
          /*rows=*/4,
          /*vectors=*/3,
          /*groups=*/4,
          /*keys=*/128,
          /*sub=*/32,
          /*gpu=*/std::nullopt,
          Bf16Dot::None,
          /*wholeGroups=*/8,
          AskAhead::Once,
          /*addsAside=*/true};
}

// The code form of a machine with the dot product, on every machine.
TargetRecord expandedDotRecord() {
  TargetRecord record = avx2Record();
  record.name = "x86-64-v3-dot";
  record.bf16Dot = Bf16Dot::Expanded;
  return record;
}

// 32 registers: 16 accumulators in a 4 x 4 block run at 97.8 % of the fma peak
// on Zen 4, at 91 to 96 % on Emerald Rapids. There, four groups of lanes that
// share what they read and values that are asked for ahead took full attention
// from 71 to 79 % (D=64, 2048 keys) and from 63 to 80 % (8192 keys).
TargetRecord avx512Record() {
  TargetRecord record = avx2Record();
  record.name = record.cpu = "x86-64-v4";
  record.features += ",+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl";
  record.requirements += ",avx512f,avx512bw,avx512dq,avx512vl";
  record.width = 16;
  record.vectors = 4;
  record.wholeGroups = 4;
  record.asksAhead = AskAhead::Always;
  record.addsAside = false;
  return record;
}

// What its cores have beside those of Intel: adders beside the pipes of fma, on
// which a store of a vector takes an operand; and since Zen 4 one dot product
// of bf16 a cycle, twice the FLOPs of fma. Intel's take two cycles for one of
// 512 bits: 88 GFLOP/s beside 184 of fma were measured on Emerald Rapids, so
// operands are widened there.
bool isZen(llvm::StringRef cpu) { return cpu.starts_with("znver"); }

TargetRecord addBf16Dot(TargetRecord record) {
  record.features += ",+avx512bf16";
  record.requirements += ",avx512bf16";
  record.bf16Dot = Bf16Dot::Instruction;
  return record;
}

TargetRecord avx512DotRecord() {
  TargetRecord record = addBf16Dot(avx512Record());
  record.addsAside = true; // as on Zen 4 and later
  record.name = "x86-64-v4-bf16";
  return record;
}

std::optional<TargetRecord> nativeRecord() {
  llvm::StringMap<bool> has = llvm::sys::getHostCPUFeatures();
  auto all = [&](std::initializer_list<const char *> names) {
    return llvm::all_of(names,
                        [&](const char *name) { return has.lookup(name); });
  };
  if (!all({"avx2", "fma", "f16c", "bmi", "bmi2"}))
    return std::nullopt;
  TargetRecord record =
      all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})
          ? avx512Record()
          : avx2Record();
  record.name = "native";
  record.cpu = llvm::sys::getHostCPUName().str();
  record.addsAside = isZen(record.cpu);
  if (record.width == 16 && has.lookup("avx512bf16") && isZen(record.cpu))
    record = addBf16Dot(record);
  return record;
}

// A block of 128 threads has a lane each; a step of 32 keys keeps its tiles in
// shared memory.
TargetRecord gpuRecord(std::string name, const GpuRecord &gpu) {
  std::string version = std::to_string(gpu.ptxVersion);
  return {name,          name, "+ptx" + version, "",
          /*width=*/128,
          /*rows=*/8,
          /*vectors=*/1,
          /*groups=*/1,
          /*keys=*/32,
          /*sub=*/32,    gpu,  Bf16Dot::None};
}

TargetRecord hopperRecord() {
  TargetRecord record =
      gpuRecord("sm_90a", {/*capability=*/90, /*isExact=*/true,
                           /*hasWgmma=*/true, /*ptxVersion=*/86,
                           /*sharedBytes=*/227 * 1024,
                           /*sharedBytesPerSM=*/228 * 1024});
  record.oneSweep = true;
  return record;
}

// The instructions of sm_80, which every later GPU has.
TargetRecord ampereRecord() {
  return gpuRecord("sm_80", {/*capability=*/80, /*isExact=*/false,
                             /*hasWgmma=*/false, /*ptxVersion=*/80,
                             /*sharedBytes=*/99 * 1024,
                             /*sharedBytesPerSM=*/100 * 1024});
}

} // namespace

std::vector<std::string> attn::targetNames() {
  return {"native",         "x86-64-v3", "x86-64-v4",
          "x86-64-v4-bf16", "sm_90a",    "sm_80"};
}

llvm::Expected<TargetRecord> attn::lookupTarget(llvm::StringRef name) {
  llvm::StringRef cpu = name;
  if (cpu.consume_back("-one-sweep")) {
    llvm::Expected<TargetRecord> record = lookupTarget(cpu);
    if (record)
      record->oneSweep = true;
    return record;
  }
  if (name == "x86-64-v3")
    return avx2Record();
  if (name == "x86-64-v4")
    return avx512Record();
  if (name == "x86-64-v4-bf16")
    return avx512DotRecord();
  if (name == "x86-64-v3-dot")
    return expandedDotRecord();
  if (name == "sm_90a")
    return hopperRecord();
  if (name == "sm_80")
    return ampereRecord();
  if (name == "native") {
    if (std::optional<TargetRecord> record = nativeRecord())
      return *record;
    return llvm::createStringError(
        "target native: this CPU lacks AVX2, FMA or F16C, which every CPU "
        "kernel needs");
  }
  return llvm::createStringError("unknown target '" + name + "': expected " +
                                 llvm::join(targetNames(), ", "));
}
