//===- Optimize.cpp - LLVM's optimizer, as kernels want it ----------------===//

#include "lowering/Optimize.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Passes/PassBuilder.h"

#include <optional>

/// The one lane that \p mask has, if it is constant and has one.
static std::optional<unsigned> onlyLane(llvm::Value *mask) {
  auto *constant = llvm::dyn_cast<llvm::Constant>(mask);
  auto *type = llvm::dyn_cast<llvm::FixedVectorType>(mask->getType());
  std::optional<unsigned> only;
  for (unsigned i = 0; constant && type && i != type->getNumElements(); ++i) {
    llvm::Constant *lane = constant->getAggregateElement(i);
    if (!lane || (!lane->isNullValue() && !lane->isOneValue()))
      return std::nullopt;
    if (lane->isNullValue())
      continue;
    if (only)
      return std::nullopt;
    only = i;
  }
  return only;
}

/// Masked stores of a single lane become stores of an element. LLVM 22 has
/// AVX-512 write 32 bits for a lane of 16 whose vector was truncated: the two
/// bytes behind it belong to another row, or to nobody.
static void storeSingleLanes(llvm::Module &module) {
  llvm::SmallVector<llvm::IntrinsicInst *> stores;
  for (llvm::Function &function : module)
    for (llvm::BasicBlock &block : function)
      for (llvm::Instruction &instruction : block)
        if (auto *store = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
            store && store->getIntrinsicID() == llvm::Intrinsic::masked_store)
          stores.push_back(store);
  for (llvm::IntrinsicInst *store : stores) {
    llvm::Value *mask = store->getArgOperand(store->arg_size() - 1);
    std::optional<unsigned> lane = onlyLane(mask);
    if (!lane)
      continue;
    llvm::IRBuilder<> builder(store);
    llvm::Value *vector = store->getArgOperand(0);
    llvm::Type *element = vector->getType()->getScalarType();
    llvm::Value *address = builder.CreateConstInBoundsGEP1_64(
        element, store->getArgOperand(1), *lane);
    builder.CreateAlignedStore(
        builder.CreateExtractElement(vector, uint64_t(*lane)), address,
        llvm::Align(element->getScalarSizeInBits() / 8));
    store->eraseFromParent();
  }
}

void attn::optimize(llvm::Module &module, llvm::TargetMachine &machine,
                    unsigned level) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  // The code is vectors already, in register tiles: unrolling them spills.
  tuning.LoopUnrolling = false;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  auto optLevel = level == 0   ? llvm::OptimizationLevel::O0
                  : level == 1 ? llvm::OptimizationLevel::O1
                  : level == 2 ? llvm::OptimizationLevel::O2
                               : llvm::OptimizationLevel::O3;
  llvm::ModulePassManager pm =
      level == 0 ? builder.buildO0DefaultPipeline(optLevel)
                 : builder.buildPerModuleDefaultPipeline(optLevel);
  pm.run(module, modules);
  storeSingleLanes(module);
}
