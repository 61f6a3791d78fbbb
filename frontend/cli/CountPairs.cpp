//===- CountPairs.cpp - The pairs of a call that exist --------------------===//

#include "frontend/cli/CountPairs.h"
#include "frontend/cli/DerivedSpec.h"
#include "frontend/cli/Elements.h"
#include "frontend/cli/Work.h"

#include "lowering/Compile.h"
#include "runtime/jit/EmitCode.h"
#include "runtime/jit/Engine.h"

#include "llvm/IR/LLVMContext.h"

using namespace attn;
using namespace attn::cli;

/// The machine code of a module with one spec, in this process.
static llvm::Expected<std::unique_ptr<LoadedObject>>
compile(mlir::ModuleOp module) {
  // What there is to say about the mask was said of the spec itself; a part of
  // it may well leave rows out.
  mlir::ScopedDiagnosticHandler quiet(
      module.getContext(), [](mlir::Diagnostic &diagnostic) {
        return llvm::success(diagnostic.getSeverity() !=
                             mlir::DiagnosticSeverity::Error);
      });
  auto engine = Engine::create();
  if (!engine)
    return engine.takeError();
  CompileOptions options; // for this machine, whatever is asked for elsewhere
  auto objects = compileToObjects(module, options);
  if (!objects)
    return objects.takeError();
  return (*engine)->load(std::move(*objects));
}

/// Calls \p desc with the inputs of \p call and one more tensor.
static llvm::Error runInto(const attn_spec_desc *desc, const Call &call,
                           CallTensor &result) {
  attn_kernel_t *kernel = nullptr;
  if (attn_kernel_from_desc(desc, &kernel))
    return runtimeError();
  DLTensor view = result.view();
  std::vector<attn_arg_t> args(call.inputArgs());
  args.push_back({result.name.c_str(), ATTN_ARG_TENSOR, 0, &view, 0, 0});
  attn_plan_t *plan = nullptr;
  bool failed =
      attn_plan_create(kernel, args.data(), int32_t(args.size()), &plan) ||
      attn_plan_run(plan, nullptr);
  llvm::Error error = failed ? runtimeError() : llvm::Error::success();
  attn_plan_free(plan);
  attn_kernel_free(kernel);
  return error;
}

llvm::Expected<double> attn::cli::countPairs(SpecOp spec, const Domain &domain,
                                             const Call &call) {
  mlir::OwningOpRef<mlir::ModuleOp> module =
      deriveCount(spec, domain.value, domain.over);
  SpecOp counter = *(*module).getOps<SpecOp>().begin();
  std::vector<int64_t> shape;
  for (mlir::StringAttr dim : counter.getResultLayout(0))
    shape.push_back(call.sizes().lookup(dim.getValue()));
  std::string name = counter.getSymName().str();
  auto counts =
      CallTensor::create("counts", DLDataType{kDLFloat, 32, 1}, shape);
  if (!counts)
    return counts.takeError();

  auto object = compile(*module);
  if (!object)
    return object.takeError();
  auto desc = (*object)->find(name);
  if (!desc)
    return desc.takeError();
  if (llvm::Error error = runInto(*desc, call, *counts))
    return error;
  double total = 0;
  for (int64_t i = 0; i < counts->size(); ++i)
    total += loadElement(counts->type, counts->data.get(), i);
  return total;
}
