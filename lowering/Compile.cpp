//===- Compile.cpp - From attn ops to machine code ------------------------===//

#include "lowering/Compile.h"
#include "dialect/Passes.h"
#include "lowering/Describe.h"
#include "lowering/Optimize.h"
#include "lowering/Passes.h"
#include "lowering/Targets.h"
#include "lowering/cpu/EmitSpec.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// The pipeline, a stage after the other
//===----------------------------------------------------------------------===//

static void addSimplification(PassManager &pm) {
  pm.addNestedPass<SpecOp>(createCheckReads());
  pm.addNestedPass<SpecOp>(createCheckDivisors());
  pm.addNestedPass<SpecOp>(createCanonicalizerPass());
  pm.addNestedPass<SpecOp>(createCSEPass());
  pm.addNestedPass<SpecOp>(createCheckDomains());
  pm.addNestedPass<SpecOp>(createExpandNormalizers());
  // Factoring compares values, so equal ones must be one.
  pm.addNestedPass<SpecOp>(createCSEPass());
  pm.addNestedPass<SpecOp>(createFactorSums());
  pm.addNestedPass<SpecOp>(createCanonicalizerPass());
  pm.addNestedPass<SpecOp>(createCSEPass());
  // Parts of a domain repeat what they share.
  pm.addNestedPass<SpecOp>(createSplitDomains());
  pm.addNestedPass<SpecOp>(createCSEPass());
}

/// The record of the target; none of one that is unknown, which the tiling
/// refuses.
static std::optional<TargetRecord> recordOf(const CompileOptions &options) {
  llvm::Expected<TargetRecord> record = lookupTarget(options.target);
  if (record)
    return *record;
  llvm::consumeError(record.takeError());
  return std::nullopt;
}

static void addScheduling(PassManager &pm, const CompileOptions &options) {
  std::optional<TargetRecord> record = recordOf(options);
  ScheduleSweepsOptions schedule;
  schedule.oneSweep = record && record->oneSweep;
  schedule.strips = !record || !record->gpu;
  pm.addNestedPass<SpecOp>(createScheduleSweeps(schedule));
  // Kernels that read the same scalars each cloned them.
  pm.addNestedPass<SpecOp>(createCanonicalizerPass());
  pm.addNestedPass<SpecOp>(createCSEPass());
}

static void addDomains(PassManager &pm) {
  pm.addNestedPass<SpecOp>(createSolveDomains());
  pm.addNestedPass<SpecOp>(createCanonicalizerPass());
  pm.addNestedPass<SpecOp>(createCSEPass());
}

static void addTiling(PassManager &pm, const CompileOptions &options) {
  std::optional<TargetRecord> record = recordOf(options);
  if (record && !record->gpu) {
    pm.addNestedPass<SpecOp>(createMergeSums());
    pm.addNestedPass<SpecOp>(createSeparateComparisons());
    pm.addNestedPass<SpecOp>(createCanonicalizerPass());
    pm.addNestedPass<SpecOp>(createCSEPass());
  }
  TileKernelsOptions tiling;
  tiling.target = options.target;
  tiling.hasSmallTiles = options.hasSmallTiles;
  pm.addNestedPass<SpecOp>(createTileKernels(tiling));
}

/// What code emission leaves: constants at every use, address arithmetic in the
/// loops.
static void addVectorCleanup(PassManager &pm) {
  pm.addPass(createSimplifyLeaves());
  // Takes time quadratic in the results of a loop or a branch, of which the
  // elements of a tile are dozens, and finds what LLVM finds again.
  static const std::string skipped[] = {
      "(anonymous namespace)::RemoveDuplicateSuccessorInputUses"};
  pm.addPass(createCanonicalizerPass(GreedyRewriteConfig(), skipped));
  pm.addPass(createCSEPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
}

static void addConversionToLLVM(PassManager &pm, const TargetRecord &record) {
  pm.addPass(createSCFToControlFlowPass());
  if (record.bf16Dot == Bf16Dot::Expanded)
    pm.addPass(createExpandDots());
  if (!record.gpu)
    pm.addPass(createWidenBFloats());
  ConvertVectorToLLVMPassOptions vectors;
  vectors.x86Vector = record.bf16Dot == Bf16Dot::Instruction;
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  // Instructions of a GPU that are inline PTX.
  pm.addPass(createConvertNVVMToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

static LogicalResult runPasses(ModuleOp module,
                               llvm::function_ref<void(PassManager &)> add) {
  PassManager pm(module.getContext());
#ifdef NDEBUG
  // Costs a tenth of the time to compile; attn-opt verifies after each pass.
  pm.enableVerifier(false);
#endif
  add(pm);
  return pm.run(module);
}

/// log, log1p, log2 and erf of vectors as polynomials; LLVM would call libm for
/// each lane.
static LogicalResult approximateMath(ModuleOp module) {
  SmallVector<Operation *> functions;
  module.walk([&](Operation *op) {
    if (isa<math::MathDialect>(op->getDialect()))
      functions.push_back(op);
  });
  if (functions.empty())
    return success();
  RewritePatternSet patterns(module.getContext());
  populateMathPolynomialApproximationPatterns(patterns);
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  return applyOpPatternsGreedily(functions, std::move(patterns), config);
}

static LogicalResult lowerToTiles(Stage stage, ModuleOp module,
                                  const CompileOptions &options) {
  return runPasses(module, [&](PassManager &pm) {
    if (stage >= Stage::Simplified)
      addSimplification(pm);
    if (stage >= Stage::Sweeps)
      addScheduling(pm, options);
    if (stage >= Stage::Domains)
      addDomains(pm);
    if (stage >= Stage::Tiles)
      addTiling(pm, options);
  });
}

/// Emits the functions of every spec; on a GPU, its kernels into a module of
/// their own.
static std::vector<cpu::SpecDescription> emitSpecs(ModuleOp module,
                                                   const TargetRecord &record) {
  std::vector<cpu::SpecDescription> descriptions;
  SmallVector<SpecOp> specs(module.getOps<SpecOp>());
  if (!record.gpu) {
    for (SpecOp spec : specs)
      descriptions.push_back(cpu::emitSpec(spec));
    return descriptions;
  }
  OpBuilder builder =
      OpBuilder::atBlockEnd(attn::gpu::createDeviceModule(module).getBody());
  cpu::DeviceTarget device{record, builder};
  for (SpecOp spec : specs)
    descriptions.push_back(cpu::emitSpec(spec, &device));
  return descriptions;
}

static FailureOr<std::vector<cpu::SpecDescription>>
lowerToVectors(ModuleOp module, const CompileOptions &options) {
  if (failed(lowerToTiles(Stage::Tiles, module, options)))
    return failure();
  module.getContext()
      ->loadDialect<arith::ArithDialect, LLVM::LLVMDialect, math::MathDialect,
                    scf::SCFDialect, vector::VectorDialect,
                    mlir::gpu::GPUDialect, NVVM::NVVMDialect,
                    x86vector::X86VectorDialect>();
  std::vector<cpu::SpecDescription> descriptions =
      emitSpecs(module, llvm::cantFail(lookupTarget(options.target)));
  if (failed(runPasses(module, addVectorCleanup)))
    return failure();
  return descriptions;
}

static LogicalResult convertToLLVM(ModuleOp module,
                                   const CompileOptions &options) {
  TargetRecord record = llvm::cantFail(lookupTarget(options.target));
  return success(succeeded(approximateMath(module)) &&
                 succeeded(runPasses(module, [&](PassManager &pm) {
                   addConversionToLLVM(pm, record);
                 })));
}

LogicalResult attn::lowerTo(Stage stage, ModuleOp module,
                            const CompileOptions &options) {
  if (stage <= Stage::Tiles)
    return lowerToTiles(stage, module, options);
  if (failed(lowerToVectors(module, options)))
    return failure();
  return stage == Stage::Vector ? success() : convertToLLVM(module, options);
}

//===----------------------------------------------------------------------===//
// LLVM
//===----------------------------------------------------------------------===//

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
attn::createTargetMachine(const CompileOptions &options) {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    return true;
  }();
  (void)initialized;
  llvm::Expected<TargetRecord> record = lookupTarget(options.target);
  if (!record)
    return record.takeError();
  llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return llvm::createStringError(error);
  // Contraction is written where it is wanted; nothing else may be fused.
  llvm::TargetOptions targetOptions;
  targetOptions.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  // For a GPU, what is left for the host is a plan: any x86-64 will do.
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, record->gpu ? "x86-64" : record->cpu,
      record->gpu ? "" : record->features, targetOptions, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
  if (!machine)
    return llvm::createStringError("no code generator for " + triple.str());
  return machine;
}

/// Adds to the tiles of \p launch what its spilled registers take, as if each
/// were stored or loaded once in every tile: an instruction of each warp, on
/// four schedulers. Few are worth as much: most are of the warp that copies,
/// which has few registers and time, or of an item.
static void chargeSpills(attn::gpu::GpuStage &launch,
                         const attn::gpu::KernelResources &use) {
  constexpr unsigned bytesOfWord = 4, threadsOfCycle = 128;
  if (launch.tileCycles)
    launch.tileCycles +=
        use.spillBytes / bytesOfWord * launch.threads / threadsOfCycle;
}

/// Says whether \p launch spills more than a few words where the launch with
/// the smaller tile spills less: then that one is faster, but for one measured
/// case in ten (gpu/README.md). Fewer words cost nothing.
static bool isOutdone(const attn::gpu::GpuStage &launch,
                      const attn::gpu::DeviceCode &code) {
  constexpr unsigned few = 8 * 2 * 4; // words, each stored and loaded
  const attn::gpu::KernelResources *use = code.find(launch.symbol),
                                   *smaller = code.find(launch.smaller);
  return use && smaller && use->spillBytes > few &&
         use->spillBytes > smaller->spillBytes;
}

/// Takes what ptxas says into account: launches with spilled registers count as
/// slower, and fail where a smaller tile has fewer; one whose wgmma wait for
/// each other is dropped where another does its work.
static void judgeLaunches(std::vector<cpu::SpecDescription> &specs,
                          const attn::gpu::DeviceCode &code,
                          mlir::gpu::GPUModuleOp kernels) {
  auto isSlow = [&](const cpu::SpecDescription::Launch &launch) {
    const attn::gpu::KernelResources *use = code.find(launch.kernel.symbol);
    return use && use->isSerialized;
  };
  for (cpu::SpecDescription &spec : specs)
    for (cpu::SpecDescription::Stage &stage : spec.stages) {
      llvm::erase_if(stage.launches, [&](const auto &launch) {
        return isOutdone(launch.kernel, code);
      });
      for (cpu::SpecDescription::Launch &launch : stage.launches)
        if (const auto *use = code.find(launch.kernel.symbol))
          chargeSpills(launch.kernel, *use);
      if (llvm::all_of(stage.launches, isSlow))
        continue;
      llvm::erase_if(stage.launches, [&](const auto &launch) {
        if (!isSlow(launch))
          return false;
        emitRemark(kernels.lookupSymbol(launch.kernel.symbol)->getLoc())
            << "performance: kernel " << launch.kernel.symbol
            << " is not used: ptxas has too few registers for its products to "
               "overlap (\"wgmma serialized\")";
        return true;
      });
    }
}

/// Compiles the device module and takes it out of \p module.
static llvm::Expected<attn::gpu::DeviceCode>
compileKernels(ModuleOp module, std::vector<cpu::SpecDescription> &specs,
               const TargetRecord &record, const CompileOptions &options) {
  mlir::gpu::GPUModuleOp kernels = attn::gpu::findDeviceModule(module);
  auto code = attn::gpu::compileDevice(kernels, record, options.optimizes,
                                       options.hasOneCubin);
  if (!code)
    return code.takeError();
  judgeLaunches(specs, *code, kernels);
  kernels.erase();
  return code;
}

void attn::finish(llvm::Module &module, llvm::TargetMachine &machine,
                  const CompileOptions &options) {
  if (options.optimizes)
    optimize(module, machine);
  storeSingleLanes(module);
}

llvm::Expected<CompiledModule>
attn::compileToLLVM(ModuleOp module, llvm::LLVMContext &context,
                    const CompileOptions &options) {
  auto machine = createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  TargetRecord record = llvm::cantFail(lookupTarget(options.target));
  FailureOr<std::vector<cpu::SpecDescription>> descriptions =
      lowerToVectors(module, options);
  if (failed(descriptions) || failed(convertToLLVM(module, options)))
    return llvm::createStringError("internal error: lowering failed");
  CompiledModule compiled;
  if (record.gpu) {
    auto code = compileKernels(module, *descriptions, record, options);
    if (!code)
      return code.takeError();
    compiled.device = std::move(*code);
  }
  compiled.module = translateModuleToLLVMIR(module, context);
  llvm::Module *result = compiled.module.get();
  if (!result)
    return llvm::createStringError("internal error: no LLVM IR");
  result->setTargetTriple((*machine)->getTargetTriple());
  result->setDataLayout((*machine)->createDataLayout());
  addDescriptions(*result, *descriptions, record,
                  compiled.device ? &*compiled.device : nullptr);
  for (llvm::Function &function : *result)
    if (!function.isDeclaration() && !record.gpu) {
      function.addFnAttr("target-cpu", record.cpu);
      function.addFnAttr("target-features", record.features);
      // Else spilled vectors may lie across the lines of the cache: that they
      // are spilled is known after the frame pointer was given away.
      function.addFnAttr("stackrealign");
      function.addFnAttr("prefer-vector-width",
                         std::to_string(record.width * 32));
    }
  if (options.optimizesHost)
    finish(*result, **machine, options);
  compiled.specs = std::move(*descriptions);
  return compiled;
}

void attn::registerAllDialects(DialectRegistry &registry) {
  registry.insert<AttnDialect, arith::ArithDialect, cf::ControlFlowDialect,
                  LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect,
                  vector::VectorDialect, DLTIDialect, func::FuncDialect,
                  mlir::gpu::GPUDialect, NVVM::NVVMDialect,
                  x86vector::X86VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}
