//===- Tune.cpp - attnc tune ----------------------------------------------===//
//
// Measures what each stage of a GPU kernel can launch at these sizes, and keeps
// the fastest. Results come first: the plan's own choice is compared with the
// reference, every other candidate with it.
//
//===----------------------------------------------------------------------===//

#include "frontend/cli/Check.h"
#include "frontend/cli/Commands.h"
#include "frontend/cli/Kernel.h"
#include "frontend/cli/Messages.h"
#include "frontend/cli/Timing.h"

#include "llvm/Support/Format.h"

#include <set>

using namespace attn;
using namespace attn::cli;

namespace {

struct Candidate {
  attn_choice_t choice;
  std::string name; // "causal_stage0_packed, 4 parts"
  bool isRight = true, isContender = true;
  std::vector<double> seconds;

  double time() const { return median(seconds); }
};

/// "tune: stage0, 12 of 63", on one line of a terminal.
class Progress {
public:
  Progress(const char *stage, size_t total) : stage(stage), total(total) {}
  ~Progress() {
    if (isShown())
      llvm::errs() << '\r' << std::string(60, ' ') << '\r';
  }
  void step() {
    ++done;
    if (isShown())
      llvm::errs() << "\rtune: " << stage << ", " << done << " of " << total
                   << "   ";
  }

private:
  static bool isShown() { return llvm::errs().is_displayed(); }
  const char *stage;
  size_t total, done = 0;
};

/// The stages of a call, tuned one after the other.
class Tuner {
public:
  Tuner(Spec &spec, PreparedCall &prepared)
      : spec(spec), call(*prepared.call), planned(prepared.planned) {}

  llvm::Expected<ExitCode> run();

private:
  llvm::Expected<std::vector<Candidate>> candidates(int32_t stage);
  llvm::Error tuneStage(int32_t stage);
  llvm::Expected<bool> checkOwn();
  llvm::Error tryOnce(int32_t stage, Candidate &candidate);
  llvm::Error race(int32_t stage, std::vector<Candidate> &all,
                   Progress &progress);

  const attn_plan_t *plan() const { return planned.handle(); }

  Spec &spec;
  Call &call;
  PlannedCall &planned;
  std::vector<HostTensor> right; // outputs of the plan's own choice
  std::vector<double> tolerances;
  bool allRight = true;
};

} // namespace

constexpr unsigned rounds = 9;
/// What is slower than the fastest by this at its first run is not raced.
constexpr double hopeless = 3;
/// What is faster by less than this is noise.
constexpr double noticeable = 0.02;

/// Numbers of parts around \p own, which costs least by the plan's model: the
/// powers of two, and its neighbours.
static std::set<int64_t> partsToTry(int64_t own, int64_t most) {
  std::set<int64_t> parts{own};
  for (int64_t count = 1; count <= most; count *= 2)
    parts.insert(count);
  for (int64_t count : {own * 3 / 4, own * 3 / 2})
    parts.insert(std::clamp<int64_t>(count, 1, most));
  return parts;
}

/// The plan's own first.
llvm::Expected<std::vector<Candidate>> Tuner::candidates(int32_t stage) {
  attn_choice_t own;
  if (attn_plan_choice(plan(), stage, &own))
    return runtimeError();
  std::vector<Candidate> all;
  for (int32_t i = 0; i < attn_plan_num_launches(plan(), stage); ++i) {
    attn_launch_info_t info;
    if (attn_plan_launch(plan(), stage, i, &info))
      return runtimeError();
    attn_choice_t cheapest = {i, 0};
    auto fits = planned.choose(stage, &cheapest);
    if (!fits)
      return fits.takeError();
    if (!*fits)
      continue;
    if (attn_plan_choice(plan(), stage, &cheapest))
      return runtimeError();
    for (int64_t parts : partsToTry(cheapest.parts, info.most_parts)) {
      Candidate candidate;
      candidate.choice = {i, parts};
      candidate.name = info.name;
      if (info.most_parts > 1)
        candidate.name +=
            (", " + llvm::Twine(parts) + (parts == 1 ? " part" : " parts"))
                .str();
      bool isOwn = i == own.launch && parts == own.parts;
      all.insert(isOwn ? all.begin() : all.end(), std::move(candidate));
    }
  }
  return all;
}

/// Runs what the plan chose, compares it with the reference and keeps it.
llvm::Expected<bool> Tuner::checkOwn() {
  if (llvm::Error error = planned.run())
    return error;
  if (llvm::Error error = planned.finish())
    return error;
  constexpr double checkSeconds = 2;
  auto checks = checkOutputs(spec.op(), call, checkSeconds);
  if (!checks)
    return checks.takeError();
  bool passed = true;
  for (const OutputCheck &check : *checks) {
    printCheck(llvm::outs() << "check  ", check);
    passed &= check.passed();
    tolerances.push_back(check.tolerance);
  }
  for (CallTensor &output : call.outputs())
    right.push_back(output.toHost());
  return passed;
}

/// One run, compared; then one that is timed.
llvm::Error Tuner::tryOnce(int32_t stage, Candidate &candidate) {
  auto fits = planned.choose(stage, &candidate.choice);
  if (!fits)
    return fits.takeError();
  for (CallTensor &output : call.outputs())
    output.poison();
  if (llvm::Error error = planned.sendOutputs())
    return error;
  if (llvm::Error error = planned.run())
    return error;
  if (llvm::Error error = planned.finish())
    return error;
  // Each may be wrong by the tolerance.
  for (auto [index, output] : llvm::enumerate(call.outputs()))
    candidate.isRight &=
        compareResult(spec.op(), index, output.toHost(), right[index],
                      /*bothStored=*/true)
            .worst <= 2 * tolerances[index];
  auto seconds = timeRuns(planned, 1);
  if (!seconds)
    return seconds.takeError();
  candidate.seconds = {*seconds};
  return llvm::Error::success();
}

/// Contenders take turns, so that all see the same clocks.
llvm::Error Tuner::race(int32_t stage, std::vector<Candidate> &all,
                        Progress &progress) {
  std::vector<unsigned> runs;
  for (Candidate &candidate : all) {
    runs.push_back(runsFor(candidate.seconds.front()));
    if (candidate.isContender)
      candidate.seconds.clear();
  }
  for (unsigned round = 0; round < rounds; ++round)
    for (auto [index, candidate] : llvm::enumerate(all)) {
      progress.step();
      if (!candidate.isContender)
        continue;
      if (auto fits = planned.choose(stage, &candidate.choice); !fits)
        return fits.takeError();
      auto seconds = timeRuns(planned, runs[index]);
      if (!seconds)
        return seconds.takeError();
      candidate.seconds.push_back(*seconds);
    }
  return llvm::Error::success();
}

static void print(const Candidate &candidate, bool isOwn, bool isBest) {
  llvm::raw_ostream &out = llvm::outs();
  out << "  " << llvm::left_justify(candidate.name, 44);
  if (!candidate.isRight) {
    out << "      WRONG, not timed\n";
    return;
  }
  out << llvm::format("%10.4f ms", candidate.time() * 1e3);
  if (!candidate.isContender)
    out << "  one run";
  if (isOwn)
    out << "  chosen by the plan";
  out << (isBest ? "  kept\n" : "\n");
}

llvm::Error Tuner::tuneStage(int32_t stage) {
  auto found = candidates(stage);
  if (!found)
    return found.takeError();
  std::vector<Candidate> &all = *found;
  double fastest = std::numeric_limits<double>::infinity();
  {
    Progress progress(attn_plan_stage_name(plan(), stage),
                      all.size() * (rounds + 1));
    for (Candidate &candidate : all) {
      progress.step();
      if (llvm::Error error = tryOnce(stage, candidate))
        return error;
      if (candidate.isRight)
        fastest = std::min(fastest, candidate.seconds.front());
    }
    for (Candidate &candidate : all)
      candidate.isContender = candidate.isRight &&
                              (&candidate == &all.front() ||
                               candidate.seconds.front() <= hopeless * fastest);
    if (llvm::Error error = race(stage, all, progress))
      return error;
  }
  size_t best = 0;
  for (auto [index, candidate] : llvm::enumerate(all))
    if (candidate.isContender && candidate.time() < all[best].time())
      best = index;
  if (all[best].time() > (1 - noticeable) * all.front().time())
    best = 0;
  llvm::outs() << attn_plan_stage_name(plan(), stage) << ", "
               << planned.deviceName() << ", medians of " << rounds << '\n';
  for (auto [index, candidate] : llvm::enumerate(all)) {
    print(candidate, index == 0, index == best);
    allRight &= candidate.isRight;
  }
  auto fits = planned.choose(stage, &all[best].choice);
  return fits ? llvm::Error::success() : fits.takeError();
}

llvm::Expected<ExitCode> Tuner::run() {
  // Not what was kept before.
  for (int32_t stage = 0; stage < attn_plan_num_stages(plan()); ++stage)
    if (auto fits = planned.choose(stage, nullptr); !fits)
      return fits.takeError();
  auto passed = checkOwn();
  if (!passed)
    return passed.takeError();
  if (!*passed)
    return CheckFailed;
  for (int32_t stage = 0; stage < attn_plan_num_stages(plan()); ++stage)
    if (llvm::Error error = tuneStage(stage))
      return error;
  return allRight ? Success : CheckFailed;
}

llvm::Expected<ExitCode> attn::cli::tune(Spec &spec, const Options &options) {
  if (!isGpu(options.target))
    return userError("tune: a kernel for the target ", options.target,
                     " can be launched in one way only; give a GPU as "
                     "--target");
  auto prepared = PreparedCall::create(spec, options);
  if (!prepared)
    return prepared.takeError();
  auto code = Tuner(spec, *prepared).run();
  if (!code || *code != Success)
    return code;
  bool isKept = prepared->kernel.keepLaunches(prepared->planned.getPlan());
  llvm::outs() << (isKept
                       ? "kept for calls of such sizes on such a GPU\n"
                       : "not kept: the cache directory cannot be written\n");
  return Success;
}
