//===- Explain.cpp - attnc explain ----------------------------------------===//

#include "frontend/cli/Commands.h"
#include "frontend/cli/DeviceCall.h"
#include "frontend/cli/Files.h"
#include "frontend/cli/FormulaText.h"
#include "frontend/cli/Kernel.h"
#include "frontend/cli/LaunchReport.h"
#include "frontend/cli/MaskPicture.h"
#include "frontend/cli/Work.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace attn;
using namespace attn::cli;

namespace {

/// Everything that is said, as text or as JSON.
struct Explanation {
  const Spec &spec;
  const Call &call;
  Work work;
  /// For each kernel; tiles are those of its first sweep.
  std::vector<attn_tile_counts_t> tiles;
  int64_t outputBytes = 0, workspaceBytes = 0;
  std::optional<MaskPicture> picture;
  /// For each kernel, on a GPU.
  std::vector<std::vector<LaunchReport>> launches;

  void print(llvm::raw_ostream &out) const;
  llvm::json::Value json(const Options &options) const;

private:
  void printDims(llvm::raw_ostream &out) const;
  void printQuantities(llvm::raw_ostream &out) const;
  void printKernel(llvm::raw_ostream &out, size_t index) const;
};

} // namespace

/// 1234567 as "1.23 M" and 12 as "12", with the unit after it.
static std::string scaled(double value, llvm::StringRef unit) {
  static constexpr llvm::StringLiteral prefixes[] = {"", "k", "M", "G", "T"};
  unsigned power = 0;
  while (value >= 1000 && power + 1 < std::size(prefixes)) {
    value /= 1000;
    ++power;
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << llvm::format(power ? "%.3g" : "%.0f", value) << ' '
         << prefixes[power] << unit;
  return text;
}

/// Not "kpairs".
static llvm::StringRef unitOfPairs(double value) {
  return value < 1000 ? "pairs" : " pairs";
}

/// A formula on one line of a terminal; --json has it whole.
static std::string shortened(llvm::StringRef formula) {
  constexpr size_t longest = 96;
  return formula.size() <= longest ? formula.str()
                                   : formula.take_front(longest).str() + " ...";
}

void Explanation::printDims(llvm::raw_ostream &out) const {
  SpecOp op = spec.op();
  out << "dimensions\n ";
  for (mlir::Attribute attribute : op.getDims()) {
    auto dim = llvm::cast<mlir::StringAttr>(attribute);
    out << ' ' << dim.getValue() << " = "
        << call.sizes().lookup(dim.getValue());
  }
  out << '\n';
}

void Explanation::printQuantities(llvm::raw_ostream &out) const {
  SpecOp op = spec.op();
  out << "quantities\n";
  auto line = [&](llvm::StringRef name, llvm::StringRef role, QuantityType type,
                  llvm::ArrayRef<mlir::StringAttr> layout) {
    out << "  " << llvm::left_justify(name, 10) << ' '
        << llvm::left_justify(role, 8) << type.getElementType() << ' '
        << dimsText(layout) << '\n';
  };
  for (unsigned i = 0; i < op.getArgumentTypes().size(); ++i)
    line(op.getArgName(i), isScalarArgument(op, i) ? "scalar" : "input",
         llvm::cast<QuantityType>(op.getArgumentTypes()[i]),
         op.getArgLayout(i));
  // Steps as the formula has them; what is made of constants alone says
  // nothing.
  for (mlir::Operation &step : op.getBody().front()) {
    if (!llvm::isa<ReduceOp, NormalizeOp>(step))
      continue;
    auto type = quantity(step.getResult(0));
    line("", "reduced", type, type.getDims());
    out << "      " << shortened(formulaText(step.getResult(0))) << '\n';
  }
  for (unsigned i = 0; i < op.getResultTypes().size(); ++i)
    line(op.getResultName(i), "output",
         llvm::cast<QuantityType>(op.getResultTypes()[i]),
         op.getResultLayout(i));
}

void Explanation::printKernel(llvm::raw_ostream &out, size_t index) const {
  const KernelWork &kernel = work.kernels[index];
  if (kernel.isSummary) {
    out << "kernel " << index
        << ": the least and greatest label of each block of keys, which the "
           "mask is tested with, a tile at a time\n";
    return;
  }
  out << "kernel " << index << ": for each of " << dimsText(kernel.free)
      << ", lanes along " << dimsText(kernel.lanes) << ", makes "
      << llvm::join(kernel.results, ", ") << '\n';
  if (kernel.sweeps.empty())
    out << "  no sweep: element by element\n";
  for (const SweepWork &sweep : kernel.sweeps) {
    out << "  sweep over " << dimsText(sweep.over) << ": " << sweep.algorithm
        << '\n';
    if (!sweep.domain.empty())
      out << "    where " << shortened(sweep.domain) << '\n';
    for (const Contraction &contraction : sweep.contractions)
      out << "    " << llvm::left_justify(scaled(contraction.flop, "FLOP"), 14)
          << shortened(contraction.formula) << '\n';
    out << "    " << scaled(sweep.pairs, unitOfPairs(sweep.pairs))
        << " exist\n";
  }
  if (!launches.empty())
    for (const LaunchReport &launch : launches[index])
      launch.print(out << "  ");
  if (kernel.sweeps.empty() || !launches.empty())
    return;
  const attn_tile_counts_t &count = tiles[index];
  out << "  tiles of " << kernel.tiles << ": " << count.empty << " empty, "
      << count.full << " full, " << count.mixed << " mixed; "
      << scaled(double(count.pairs_visited),
                unitOfPairs(double(count.pairs_visited)))
      << " visited\n";
  uint64_t lanes = 1;
  for (mlir::StringAttr dim : kernel.lanes)
    lanes *= uint64_t(call.sizes().lookup(dim.getValue()));
  if (lanes > 0 && lanes < kernel.vectorLanes)
    out << "  performance: " << lanes << " of the " << kernel.vectorLanes
        << " lanes of a vector are in use; few queries have no form of their "
           "own yet\n";
}

void Explanation::print(llvm::raw_ostream &out) const {
  out << spec.name << " (" << spec.fileName << ")\n";
  printDims(out);
  printQuantities(out);
  for (size_t i = 0; i < work.kernels.size(); ++i)
    printKernel(out, i);
  out << "total  " << scaled(work.flop(), "FLOP") << " over pairs that exist, "
      << scaled(double(call.inputBytes()), "B") << " read, "
      << scaled(double(outputBytes), "B") << " written, "
      << scaled(double(workspaceBytes), "B") << " of workspace\n";
  if (picture)
    picture->print(out);
  else
    out << "mask  none: all pairs exist\n";
}

static llvm::json::Object tilesJson(const attn_tile_counts_t &tiles) {
  return llvm::json::Object{
      {"empty", tiles.empty}, {"full", tiles.full}, {"mixed", tiles.mixed}};
}

/// Counts are integers, whatever they were computed in.
static int64_t whole(double value) { return int64_t(std::llround(value)); }

static llvm::json::Array names(llvm::ArrayRef<mlir::StringAttr> dims) {
  llvm::json::Array array;
  for (mlir::StringAttr dim : dims)
    array.push_back(dim.str());
  return array;
}

llvm::json::Value Explanation::json(const Options &options) const {
  llvm::json::Object dims;
  for (const auto &entry : call.sizes())
    dims[entry.first()] = entry.second;
  llvm::json::Array kernels;
  for (auto [index, entry] : llvm::enumerate(llvm::zip(work.kernels, tiles))) {
    auto [kernel, count] = entry;
    llvm::json::Array sweeps;
    for (const SweepWork &sweep : kernel.sweeps) {
      llvm::json::Array contractions;
      for (const Contraction &contraction : sweep.contractions)
        contractions.push_back(llvm::json::Object{
            {"formula", contraction.formula}, {"flop", contraction.flop}});
      sweeps.push_back(
          llvm::json::Object{{"over", names(sweep.over)},
                             {"mask", sweep.domain},
                             {"algorithm", sweep.algorithm},
                             {"pairs", whole(sweep.pairs)},
                             {"contractions", std::move(contractions)}});
    }
    llvm::json::Object object{{"free", names(kernel.free)},
                              {"lanes", names(kernel.lanes)},
                              {"sweeps", std::move(sweeps)},
                              {"visited", count.pairs_visited},
                              {"tiles", tilesJson(count)}};
    if (!launches.empty()) {
      llvm::json::Array entries;
      for (const LaunchReport &launch : launches[index])
        entries.push_back(launch.json());
      object["launches"] = std::move(entries);
    }
    kernels.push_back(std::move(object));
  }
  llvm::json::Object object{{"spec", spec.name},
                            {"dtype", options.dtype},
                            {"target", options.target},
                            {"dims", std::move(dims)},
                            {"flop", work.flop()},
                            {"input_bytes", call.inputBytes()},
                            {"output_bytes", outputBytes},
                            {"workspace_bytes", workspaceBytes},
                            {"kernels", std::move(kernels)}};
  // The kernel that does most of the work stands for the spec.
  attn_tile_counts_t mainTiles = {};
  double pairs = 0;
  if (const KernelWork *main = work.main()) {
    mainTiles = tiles[main - work.kernels.data()];
    pairs = main->sweeps.front().pairs;
  }
  object["pairs"] = whole(pairs);
  object["visited"] = mainTiles.pairs_visited;
  object["tiles"] = tilesJson(mainTiles);
  return object;
}

llvm::Expected<ExitCode> attn::cli::explain(Spec &spec, const Options &given) {
  // What is found is the same for every machine; a GPU adds its launches, and
  // may have a kernel for each sweep.
  Options options = given;
  if (isGpu(given.target))
    options.target = llvm::cantFail(lookupTarget(given.target)).oneSweep
                         ? "native-one-sweep"
                         : "native";
  auto prepared = PreparedCall::create(spec, options);
  if (!prepared)
    return prepared.takeError();
  Call &call = *prepared->call;
  PlannedCall &planned = prepared->planned;
  auto domains = Domains::find(spec, options);
  if (!domains)
    return domains.takeError();
  auto work = measureWork(spec, *domains, call, options);
  if (!work)
    return work.takeError();
  auto tiles = planned.countTiles();
  if (!tiles)
    return tiles.takeError();

  Explanation explanation{spec, call, std::move(*work), std::move(*tiles),
                          0,    0,    std::nullopt,     {}};
  if (isGpu(given.target)) {
    auto code = CompiledCode::create(spec, given, &call);
    if (!code)
      return code.takeError();
    explanation.launches = reportLaunches(*code, given.target);
  }
  for (CallTensor &output : call.outputs())
    explanation.outputBytes += int64_t(output.bytes().size());
  explanation.workspaceBytes = int64_t(planned.workspaceSize());
  const KernelWork *main = explanation.work.main();
  const Domain *domain =
      main ? domains->lookup(main->sweeps.front().domain) : nullptr;
  if (!domain && !options.svg.empty())
    return userError("--svg: '", spec.name, "' has no mask to draw");
  if (domain) {
    auto visited = VisitedTiles::create(
        spec, call, options, size_t(main - explanation.work.kernels.data()));
    if (!visited)
      return visited.takeError();
    auto draw = [&](unsigned maxCells) {
      return drawMask(*domains, *domain, **visited, call, maxCells);
    };
    if (!options.svg.empty()) {
      auto picture = draw(128);
      if (!picture)
        return picture.takeError();
      if (llvm::Error error = writeFile(options.svg, {picture->svg()}))
        return std::move(error);
    }
    // The terminal gets its own, smaller picture.
    auto picture = draw(48);
    if (!picture)
      return picture.takeError();
    explanation.picture = std::move(*picture);
  }
  if (options.json)
    llvm::outs() << llvm::formatv("{0:2}", explanation.json(given)) << '\n';
  else
    explanation.print(llvm::outs());
  return Success;
}
