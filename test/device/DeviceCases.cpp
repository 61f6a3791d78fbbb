//===- DeviceCases.cpp - The numerics suite, packed for another machine ---===//
//
// attn-device-cases FOLDER [--target sm_90a]
// Writes what test/device/check.py needs to test every example on a machine
// that has no compiler:
//   libraries.txt   one line a library: its name, file, spec, type, head sizes
//   cases.json      the calls: tensors, scalars, tolerances
//   data.bin        the inputs, in their types, and the reference's outputs in
//                   f32 (integers in i64)
// Run from the root of the repository, as test/device/build.sh does.
//
//===----------------------------------------------------------------------===//

#include "dialect/HeadSizes.h"
#include "test/numerics/Examples.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;
namespace cl = llvm::cl;
namespace json = llvm::json;

static cl::opt<std::string> folder(cl::Positional, cl::Required,
                                   cl::desc("FOLDER"));
static cl::opt<std::string> target("target", cl::init("sm_90a"),
                                   cl::desc("for the names of libraries"));

static llvm::ExitOnError exitOnError("attn-device-cases: ");

static std::unique_ptr<llvm::raw_fd_ostream> open(StringRef name) {
  std::error_code error;
  auto stream = std::make_unique<llvm::raw_fd_ostream>(
      (folder + "/" + name).str(), error);
  exitOnError(llvm::errorCodeToError(error));
  return stream;
}

namespace {

class Packer {
public:
  Packer()
      : data(open("data.bin")), libraries(open("libraries.txt")),
        context(makeContext()) {}

  void pack(const Example &example, const CallSpec &call, StringRef dtype,
            bool fixSizes);
  void finish() { *open("cases.json") << json::Value(std::move(cases)); }

private:
  std::string library(const Example &example, SpecOp spec, StringRef dtype,
                      const llvm::StringMap<int64_t> &sizes);
  json::Object describe(StringRef name, StringRef type,
                        ArrayRef<int64_t> shape);
  void write(Type type, ArrayRef<double> values);

  std::unique_ptr<llvm::raw_fd_ostream> data, libraries;
  std::unique_ptr<MLIRContext> context;
  json::Array cases;
  std::set<std::string> known;
};

} // namespace

static std::string nameOf(Type type, StringAttr declared) {
  if (declared)
    return declared.str();
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// The library for these sizes, which is listed when it is new.
std::string Packer::library(const Example &example, SpecOp spec,
                            StringRef dtype,
                            const llvm::StringMap<int64_t> &sizes) {
  std::string name = (example.spec + "-" + dtype).str(), fixed;
  for (StringAttr dim : headSizes(spec))
    if (auto size = sizes.find(dim.getValue()); size != sizes.end()) {
      std::string text = (dim.getValue() + "=" + Twine(size->second)).str();
      name += "-" + text;
      fixed += (fixed.empty() ? "" : ",") + text;
    }
  if (known.insert(name).second)
    *libraries << name << ' ' << example.file << ' ' << example.spec << ' '
               << dtype << ' ' << (fixed.empty() ? "-" : fixed) << '\n';
  return name;
}

json::Object Packer::describe(StringRef name, StringRef type,
                              ArrayRef<int64_t> shape) {
  // Readers want elements to be aligned.
  while (data->tell() % 16)
    *data << '\0';
  return json::Object{{"name", name.str()},
                      {"dtype", type.str()},
                      {"shape", json::Array(shape)},
                      {"offset", int64_t(data->tell())}};
}

/// Numbers in the memory format of \p type, i1 as a byte.
void Packer::write(Type type, ArrayRef<double> values) {
  for (double value : values) {
    llvm::APInt bits;
    if (auto real = dyn_cast<FloatType>(type)) {
      llvm::APFloat number(value);
      bool inexact;
      number.convert(real.getFloatSemantics(),
                     llvm::APFloat::rmNearestTiesToEven, &inexact);
      bits = number.bitcastToAPInt();
    } else {
      unsigned width = std::max(type.getIntOrFloatBitWidth(), 8u);
      bits = llvm::APInt(width, uint64_t(int64_t(value)), false, true);
    }
    data->write(reinterpret_cast<const char *>(bits.getRawData()),
                bits.getBitWidth() / 8);
  }
}

void Packer::pack(const Example &example, const CallSpec &call, StringRef dtype,
                  bool fixSizes) {
  OwningOpRef<ModuleOp> module =
      emit(exampleText(example.file), example.spec, dtype, {}, *context);
  SpecOp spec = specOf(*module);
  std::mt19937_64 random(1);
  ReferenceInputs inputs = exitOnError(makeInputs(spec, call, random));
  auto reference = exitOnError(ReferenceEvaluator::create(spec, inputs));
  json::Array tensors, outputs;
  for (auto [index, type] : llvm::enumerate(spec.getArgumentTypes())) {
    auto tensor = inputs.tensors.find(spec.getArgName(index));
    if (tensor == inputs.tensors.end())
      continue;
    Type element = cast<QuantityType>(type).getElementType();
    tensors.push_back(describe(
        tensor->first(),
        nameOf(element, spec.getArgAttrOfType<StringAttr>(index, "attn.type")),
        tensor->second.shape));
    write(element, tensor->second.data);
  }
  double bound = errorBound(coarsestElement(spec), reference.longestReduction(),
                            example.score);
  for (auto [index, type] : llvm::enumerate(spec.getResultTypes())) {
    Type element = cast<QuantityType>(type).getElementType();
    HostTensor want = reference.result(index);
    bool isReal = isa<FloatType>(element);
    json::Object output = describe(
        spec.getResultName(index),
        nameOf(element,
               spec.getResultAttrOfType<StringAttr>(index, "attn.type")),
        want.shape);
    output["tolerance"] = isReal ? bound : 0.0;
    outputs.push_back(std::move(output));
    Builder builder(context.get());
    write(isReal ? Type(builder.getF32Type()) : builder.getI64Type(),
          want.data);
  }
  json::Object scalars;
  for (const auto &entry : call.scalars)
    scalars[entry.first().str()] = entry.second;
  std::string sizes;
  std::map<std::string, int64_t> sorted;
  for (const auto &entry : call.sizes)
    sorted[entry.first().str()] = entry.second;
  for (const auto &[name, extent] : sorted)
    sizes += (sizes.empty() ? "" : " ") + name + "=" + std::to_string(extent);
  std::string name = library(
      example, spec, dtype, fixSizes ? call.sizes : llvm::StringMap<int64_t>());
  cases.push_back(json::Object{{"library", name},
                               {"spec", example.spec},
                               {"sizes", sizes},
                               {"inputs", std::move(tensors)},
                               {"scalars", std::move(scalars)},
                               {"outputs", std::move(outputs)}});
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "pack the numerics suite\n");
  exitOnError(
      llvm::errorCodeToError(llvm::sys::fs::create_directories(folder)));
  Packer packer;
  for (const Example &example : allExamples())
    for (const CallSpec &call : example.calls) {
      packer.pack(example, call, "f32", /*fixSizes=*/true);
      packer.pack(example, call, "bf16", /*fixSizes=*/true);
      // One more type, and a kernel that leaves the head sizes open.
      if (&call == &example.calls[example.calls.size() > 1])
        packer.pack(example, call, "f16", /*fixSizes=*/false);
      // Heads that the matrix units take: f16 has kernels of its own.
      if (call.sizes.lookup("D") >= 64)
        packer.pack(example, call, "f16", /*fixSizes=*/true);
    }
  packer.finish();
  return 0;
}
