//===- Engine.cpp - Links objects into this process -----------------------===//

#include "runtime/jit/Engine.h"

#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/Support/TargetSelect.h"

using namespace attn;
namespace orc = llvm::orc;

LoadedObject::~LoadedObject() {
  llvm::consumeError(jit->getExecutionSession().removeJITDylib(library));
}

llvm::Expected<const attn_spec_desc *>
LoadedObject::find(llvm::StringRef spec) const {
  auto address = jit->lookup(library, ("attn_spec_" + spec).str());
  if (!address)
    return address.takeError();
  return address->toPtr<const attn_spec_desc *>();
}

llvm::Expected<std::unique_ptr<Engine>> Engine::create() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto machine = orc::JITTargetMachineBuilder::detectHost();
  if (!machine)
    return machine.takeError();
  // Objects of the compiler have no initialisers, so no platform is needed.
  auto jit = orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(std::move(*machine))
                 .setPlatformSetUp(orc::setUpInactivePlatform)
                 .create();
  if (!jit)
    return jit.takeError();
  // Failures are returned to the caller and must not be printed as well.
  (*jit)->getExecutionSession().setErrorReporter(
      [](llvm::Error error) { llvm::consumeError(std::move(error)); });
  return std::unique_ptr<Engine>(
      new Engine(std::shared_ptr<orc::LLJIT>(std::move(*jit))));
}

llvm::Expected<std::unique_ptr<LoadedObject>>
Engine::load(std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects) {
  // A library for each spec: kernels may have one name.
  auto library =
      jit->createJITDylib("kernel" + std::to_string(numObjects.fetch_add(1)));
  if (!library)
    return library.takeError();
  auto loaded = std::make_unique<LoadedObject>(jit, *library);
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  library->addGenerator(std::move(*process));
  for (std::unique_ptr<llvm::MemoryBuffer> &object : objects)
    if (llvm::Error error = jit->addObjectFile(*library, std::move(object)))
      return std::move(error);
  return std::move(loaded);
}
