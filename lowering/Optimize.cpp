//===- Optimize.cpp - LLVM's optimizer, as kernels want it ----------------===//

#include "lowering/Optimize.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/GVN.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/LoopRotation.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

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

void attn::storeSingleLanes(llvm::Module &module) {
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

/// What code emission leaves to do: constants and equal subexpressions, loop
/// invariants, loads that a store before them answers. LLVM's default pipeline
/// does that several times over, in three times the time, and its kernels are
/// no faster; what else it has (inlining, vectors, unrolling) has nothing to
/// find in vectors and register tiles. For a GPU, instructions are combined
/// before and after too: it is ptxas that orders them, and what it makes of the
/// result takes 2 % less cycles.
static void addPasses(llvm::FunctionPassManager &pm, bool isForGpu) {
  if (isForGpu)
    pm.addPass(llvm::InstCombinePass());
  pm.addPass(llvm::EarlyCSEPass());
  pm.addPass(llvm::SimplifyCFGPass());
  llvm::LoopPassManager loops;
  loops.addPass(llvm::LoopRotatePass());
  loops.addPass(llvm::LICMPass(llvm::LICMOptions()));
  pm.addPass(llvm::createFunctionToLoopPassAdaptor(std::move(loops),
                                                   /*UseMemorySSA=*/true));
  pm.addPass(llvm::InstCombinePass());
  pm.addPass(llvm::GVNPass());
  pm.addPass(llvm::SimplifyCFGPass());
  if (isForGpu)
    pm.addPass(llvm::InstCombinePass());
  pm.addPass(llvm::ADCEPass());
}

void attn::optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  llvm::FunctionPassManager passes;
  addPasses(passes, machine.getTargetTriple().isNVPTX());
  llvm::ModulePassManager pm;
  pm.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  pm.run(module, modules);
}
