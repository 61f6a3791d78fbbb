//===- LaunchReport.cpp - What a GPU kernel takes -------------------------===//

#include "frontend/cli/LaunchReport.h"

#include "lowering/Targets.h"

using namespace attn;
using namespace attn::cli;

/// What the hardware of every GPU from sm_80 to sm_90 allows.
static unsigned blocksAtOnce(const GpuRecord &gpu, unsigned threads,
                             unsigned sharedBytes, unsigned registers) {
  constexpr unsigned maxBlocks = 32, maxThreads = 2048, allRegisters = 65536,
                     reservedShared = 1024, registerUnit = 8;
  unsigned blocks = std::min(maxBlocks, maxThreads / threads);
  blocks =
      std::min(blocks, gpu.sharedBytesPerSM / (sharedBytes + reservedShared));
  registers = (registers + registerUnit - 1) / registerUnit * registerUnit;
  return registers ? std::min(blocks, allRegisters / (registers * threads))
                   : blocks;
}

std::vector<std::vector<LaunchReport>>
attn::cli::reportLaunches(const CompiledCode &code, llvm::StringRef target) {
  TargetRecord record = llvm::cantFail(lookupTarget(target));
  std::vector<std::vector<LaunchReport>> reports;
  for (const auto &stage : code.specs.front().stages) {
    std::vector<LaunchReport> &report = reports.emplace_back();
    auto add = [&](const gpu::GpuStage &kernel) {
      const gpu::KernelResources *found = code.device->find(kernel.symbol);
      report.push_back(
          {kernel.symbol, kernel.description, kernel.threads,
           kernel.sharedBytes, found ? std::optional(*found) : std::nullopt,
           blocksAtOnce(*record.gpu, kernel.threads, kernel.sharedBytes,
                        found ? found->registers : 0)});
    };
    for (const auto &launch : stage.launches) {
      add(launch.kernel);
      if (launch.kernel.merge)
        add(*launch.kernel.merge);
    }
  }
  return reports;
}

void LaunchReport::print(llvm::raw_ostream &out) const {
  out << symbol << ": " << form << ", " << threads << " threads, "
      << sharedBytes << " B of shared memory";
  if (resources)
    out << ", " << resources->registers << " registers, "
        << resources->spillBytes << " B spilled";
  else
    out << ", registers unknown (no ptxas)";
  out << ", " << blocks << " block" << (blocks == 1 ? "" : "s")
      << " at once on a multiprocessor\n";
}

llvm::json::Object LaunchReport::json() const {
  llvm::json::Object object{{"symbol", symbol},
                            {"form", form},
                            {"threads", threads},
                            {"shared_bytes", sharedBytes},
                            {"blocks_per_multiprocessor", blocks}};
  if (resources) {
    object["registers"] = resources->registers;
    object["spilled_bytes"] = resources->spillBytes;
    object["stack_bytes"] = resources->stackBytes;
  }
  return object;
}
