//===- Bench.cpp - attnc bench --------------------------------------------===//
//
// Checks, then measures: the kernel and the machine's peak take turns, so that
// both see the same clock and the same neighbours.
//
//===----------------------------------------------------------------------===//

#include "frontend/cli/Check.h"
#include "frontend/cli/Commands.h"
#include "frontend/cli/Kernel.h"
#include "frontend/cli/Peak.h"
#include "frontend/cli/Timing.h"
#include "frontend/cli/Work.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/TargetParser/Host.h"

#include <chrono>

using namespace attn;
using namespace attn::cli;

namespace {

struct Measurement {
  double seconds = 0, peak = 0;
  unsigned repetitions = 0;
};

} // namespace

/// Without a peak for a GPU: its matrix units are not this program's to drive.
static llvm::Expected<Measurement> measure(const PlannedCall &call,
                                           std::optional<PeakKind> kind) {
  constexpr double budget = 3;
  constexpr unsigned fewest = 5, most = 100;
  auto first = timeRuns(call, 1); // also warms up
  if (!first)
    return first.takeError();
  unsigned runs = runsFor(*first);
  // Long enough to see what else the machine does, as the kernel does.
  double peakSeconds = std::clamp(*first / 4, 5e-3, 50e-3);
  std::vector<double> seconds, peaks;
  auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> used{};
  while (seconds.size() < fewest ||
         (used.count() < budget && seconds.size() < most)) {
    peaks.push_back(kind ? measurePeak(*kind, call.executor(), peakSeconds)
                         : 0);
    auto time = timeRuns(call, runs);
    if (!time)
      return time.takeError();
    seconds.push_back(*time);
    used = std::chrono::steady_clock::now() - start;
  }
  return Measurement{median(seconds), median(peaks), unsigned(seconds.size())};
}

/// Whether a tensor of \p spec is stored as bf16.
static bool usesBf16(SpecOp spec) {
  return llvm::any_of(spec.getArgumentTypes(), [](mlir::Type type) {
    return llvm::cast<QuantityType>(type).getElementType().isBF16();
  });
}

static void printJson(const Spec &spec, const Options &options,
                      const Measurement &measured, const Work &work,
                      llvm::ArrayRef<OutputCheck> checks, int threads,
                      std::optional<PeakKind> kind) {
  llvm::json::Array checked;
  for (const OutputCheck &check : checks)
    checked.push_back(llvm::json::Object{{"output", check.name},
                                         {"worst", check.comparison.worst},
                                         {"tolerance", check.tolerance},
                                         {"checked", check.numChecked},
                                         {"elements", check.numElements}});
  const KernelWork *main = work.main();
  double rate = work.flop() / measured.seconds;
  llvm::json::Object object{
      {"spec", spec.name},
      {"dtype", options.dtype},
      {"target", options.target},
      {"cpu", llvm::sys::getHostCPUName()},
      {"seconds", measured.seconds},
      {"repetitions", measured.repetitions},
      {"flop", work.flop()},
      {"pairs", main ? std::llround(main->sweeps.front().pairs) : 0},
      {"flops", rate},
      {"check", std::move(checked)}};
  if (kind) {
    object["threads"] = threads;
    object["peak_flops"] = measured.peak;
    object["peak"] = describe(*kind);
    object["share"] = rate / measured.peak;
  }
  llvm::outs() << llvm::formatv("{0:2}", llvm::json::Value(std::move(object)))
               << '\n';
}

static void printText(const Measurement &measured, const Work &work,
                      const Options &options, int threads,
                      std::optional<PeakKind> kind) {
  double rate = work.flop() / measured.seconds;
  llvm::raw_ostream &out = llvm::outs();
  out << llvm::format("time   %.4g ms, median of %u, ", measured.seconds * 1e3,
                      measured.repetitions);
  if (kind)
    out << threads << " thread" << (threads == 1 ? "" : "s") << '\n';
  else
    out << options.target << '\n';
  if (const KernelWork *main = work.main())
    out << llvm::format("work   %.4g GFLOP over %.4g pairs that exist\n",
                        work.flop() / 1e9, main->sweeps.front().pairs);
  if (!kind) {
    out << llvm::format("rate   %.4g GFLOP/s\n", rate / 1e9);
    return;
  }
  out << llvm::format("rate   %.4g GFLOP/s, %.1f %% of the peak of %.4g "
                      "(%s, measured between the runs, on ",
                      rate / 1e9, 100 * rate / measured.peak,
                      measured.peak / 1e9, describe(*kind))
      << llvm::sys::getHostCPUName() << ")\n";
}

llvm::Expected<ExitCode> attn::cli::bench(Spec &spec, const Options &options) {
  auto prepared = PreparedCall::create(spec, options);
  if (!prepared)
    return prepared.takeError();
  Call &call = *prepared->call;
  PlannedCall &planned = prepared->planned;
  if (llvm::Error error = planned.run())
    return error;
  if (llvm::Error error = planned.finish())
    return error;

  constexpr double checkSeconds = 2;
  auto checks = checkOutputs(spec.op(), call, checkSeconds);
  if (!checks)
    return checks.takeError();
  bool passed = llvm::all_of(
      *checks, [](const OutputCheck &check) { return check.passed(); });
  for (const OutputCheck &check : *checks)
    if (!options.json || !check.passed())
      printCheck(options.json ? llvm::errs() : llvm::outs() << "check  ",
                 check);
  if (!passed)
    return CheckFailed;

  auto domains = Domains::find(spec, options);
  if (!domains)
    return domains.takeError();
  auto work = measureWork(spec, *domains, call, options);
  if (!work)
    return work.takeError();
  std::optional<PeakKind> kind;
  if (!isGpu(options.target))
    kind = peakKindFor(usesBf16(spec.op()));
  auto measured = measure(planned, kind);
  if (!measured)
    return measured.takeError();
  int threads = kind ? planned.executor().num_workers : 0;
  if (options.json)
    printJson(spec, options, *measured, *work, *checks, threads, kind);
  else
    printText(*measured, *work, options, threads, kind);
  return Success;
}
