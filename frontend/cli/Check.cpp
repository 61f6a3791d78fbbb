//===- Check.cpp - Outputs against the reference --------------------------===//

#include "frontend/cli/Check.h"
#include "frontend/cli/Elements.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <random>

using namespace attn;
using namespace attn::cli;

using Clock = std::chrono::steady_clock;

static std::vector<int64_t> unflatten(int64_t index,
                                      llvm::ArrayRef<int64_t> shape) {
  std::vector<int64_t> position(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; index /= shape[axis])
    position[axis] = index % shape[axis];
  return position;
}

/// Rows of \p output until \p deadline, half of them at most: the last one,
/// which holds the longest reductions of a causal mask, the first, and others
/// at random. The elements of a row share their work.
static OutputCheck compareSample(SpecOp spec, ReferenceEvaluator &reference,
                                 unsigned index, const CallTensor &output,
                                 Clock::time_point deadline) {
  constexpr int64_t longestRow = 256;
  int64_t row = std::clamp<int64_t>(output.shape.back(), 1, longestRow);
  int64_t numRows = output.size() / row;
  HostTensor got, want;
  std::vector<int64_t> places;
  std::mt19937_64 random(1);
  auto goesOn = [&](int64_t rows) {
    return rows < 2 || (rows < numRows / 2 && Clock::now() < deadline);
  };
  for (int64_t rows = 0; goesOn(rows); ++rows) {
    int64_t chosen = rows == 0   ? numRows - 1
                     : rows == 1 ? 0
                                 : int64_t(random() % uint64_t(numRows));
    for (int64_t place = chosen * row; place < (chosen + 1) * row; ++place) {
      places.push_back(place);
      got.data.push_back(loadElement(output.type, output.data.get(), place));
      want.data.push_back(
          reference.resultAt(index, unflatten(place, output.shape)));
    }
  }
  got.shape = want.shape = {int64_t(places.size())};
  OutputCheck check;
  check.comparison = compareResult(spec, index, got, want);
  if (!check.comparison.position.empty())
    check.comparison.position =
        unflatten(places[check.comparison.position[0]], output.shape);
  check.numChecked = int64_t(places.size());
  return check;
}

/// Whether the whole of output \p index can be afforded: judged by the time of
/// a few elements, each of which takes that of a box.
static bool affordsAll(ReferenceEvaluator &reference, unsigned index,
                       const CallTensor &output, double seconds) {
  constexpr int64_t trials = 4;
  if (output.size() <= trials)
    return true;
  auto start = Clock::now();
  for (int64_t i = 0; i < trials; ++i)
    reference.resultAt(index,
                       unflatten(output.size() * i / trials, output.shape));
  std::chrono::duration<double> used = Clock::now() - start;
  // Boxes share work, so the whole takes less than this.
  return used.count() / trials * double(reference.numBoxes(index)) <= seconds;
}

llvm::Expected<std::vector<OutputCheck>>
attn::cli::checkOutputs(SpecOp spec, Call &call, double seconds) {
  ReferenceInputs inputs = call.reference();
  auto reference = ReferenceEvaluator::create(spec, inputs);
  if (!reference)
    return reference.takeError();
  double tolerance =
      errorBound(coarsestElement(spec), reference->longestReduction());
  std::vector<OutputCheck> checks;
  for (auto [index, output] : llvm::enumerate(call.outputs())) {
    OutputCheck check;
    if (affordsAll(*reference, index, output, seconds)) {
      check.comparison =
          compareResult(spec, index, output.toHost(), reference->result(index));
      check.numChecked = output.size();
    } else {
      auto limit = std::chrono::duration<double>(seconds /
                                                 double(call.outputs().size()));
      check = compareSample(
          spec, *reference, index, output,
          Clock::now() + std::chrono::duration_cast<Clock::duration>(limit));
    }
    check.name = output.name;
    check.tolerance = tolerance;
    check.numElements = output.size();
    checks.push_back(std::move(check));
  }
  return checks;
}

void attn::cli::printCheck(llvm::raw_ostream &out, const OutputCheck &check) {
  const Comparison &worst = check.comparison;
  out << check.name << ": worst error " << llvm::format("%.2e", worst.worst);
  if (check.numChecked > 0) {
    out << " at [";
    llvm::interleaveComma(worst.position, out);
    out << "] (" << llvm::format("%.7g for %.7g", worst.got, worst.want) << ")";
  }
  out << ", tolerance " << llvm::format("%.2e", check.tolerance) << ", ";
  if (check.numChecked == check.numElements)
    out << "all " << check.numElements << " elements";
  else
    out << check.numChecked << " of " << check.numElements
        << " elements, at random";
  out << ": " << (check.passed() ? "ok" : "WRONG") << '\n';
}
