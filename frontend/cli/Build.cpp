//===- Build.cpp - attnc build --------------------------------------------===//

#include "frontend/cli/Code.h"
#include "frontend/cli/Commands.h"
#include "frontend/cli/Files.h"
#include "frontend/cli/Header.h"
#include "frontend/cli/Spec.h"

#include "dialect/HeadSizes.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace attn;
using namespace attn::cli;

/// Runs the system's linker on an object; the reason when that fails. What a
/// kernel calls is in libc and libm alone.
static llvm::Error runLinker(llvm::StringRef object, llvm::StringRef library) {
  for (llvm::StringRef name : {"cc", "clang", "gcc", "ld.lld", "ld"}) {
    auto program = llvm::sys::findProgramByName(name);
    if (!program)
      continue;
    llvm::SmallVector<llvm::StringRef> args = {*program, "-shared", "-o",
                                               library, object};
    // A bare linker does not know where libm is; a host has it loaded.
    if (!name.starts_with("ld"))
      args.append({"-Wl,--as-needed", "-lm"});
    std::string message;
    int code = llvm::sys::ExecuteAndWait(*program, args, std::nullopt, {}, 0, 0,
                                         &message);
    if (code == 0)
      return llvm::Error::success();
    return userError("the linker '", *program, "' failed with status ", code,
                     message.empty() ? "" : ": " + message);
  }
  return userError("a .so needs a linker, but none of cc, clang, gcc, ld.lld "
                   "and ld is on PATH; install one, or build a .o");
}

/// Links in a folder of its own, then writes the library as a whole.
static llvm::Error writeLibrary(llvm::StringRef path, llvm::StringRef object) {
  namespace fs = llvm::sys::fs;
  llvm::SmallString<128> folder;
  if (std::error_code error = fs::createUniqueDirectory("attnc", folder))
    return userError("cannot make a temporary folder: ", error.message());
  auto cleanUp = llvm::scope_exit([&] { fs::remove_directories(folder); });
  std::string objectPath = (folder + "/kernel.o").str();
  std::string libraryPath = (folder + "/kernel.so").str();
  if (llvm::Error error = writeFile(objectPath, {object}))
    return error;
  if (llvm::Error error = runLinker(objectPath, libraryPath))
    return error;
  auto library = readFile(libraryPath);
  if (!library)
    return library.takeError();
  return writeFile(path, {(*library)->getBuffer()});
}

/// Says so when extents that a fast kernel needs are left to run time.
static void remarkOnHeadSizes(SpecOp spec) {
  std::string open, example;
  for (mlir::StringAttr dim : headSizes(spec)) {
    if (spec.getStaticSize(dim))
      continue;
    open += (open.empty() ? "" : " and ") + dim.str();
    example += (example.empty() ? "" : ",") + dim.str() + "=64";
  }
  if (!open.empty())
    llvm::errs() << "remark: performance: a kernel for any " << open
                 << " is slower than one for fixed extents: --set " << example
                 << '\n';
}

/// The code of a GPU alone, without the plan.
static llvm::Error writeDeviceCode(const CompiledCode &code,
                                   const Options &options,
                                   llvm::StringRef extension) {
  if (!code.device)
    return userError("build: '", options.output,
                     "' is for a GPU, but the target is ", options.target,
                     "; give --target sm_90a");
  if (extension == ".ptx")
    return writeFile(options.output, {code.device->ptx});
  if (code.device->isPtx())
    return userError("build: a .cubin needs ptxas, which is neither in a CUDA "
                     "Toolkit nor in the PyPI package nvidia-cuda-nvcc here; "
                     "install one, set ATTNC_PTXAS, or build a .ptx");
  return writeFile(options.output, {code.device->cubins.front()});
}

static llvm::Error writeCode(Spec &spec, const Options &options,
                             llvm::StringRef extension) {
  auto code = CompiledCode::create(spec, options);
  if (!code)
    return code.takeError();
  if (extension == ".ptx" || extension == ".cubin")
    return writeDeviceCode(*code, options, extension);
  if (extension == ".ll")
    return writeFile(options.output, {code->print()});
  if (code->device && code->device->isPtx())
    llvm::errs() << "remark: no ptxas was found, in a CUDA Toolkit or the PyPI "
                    "package nvidia-cuda-nvcc: the kernel carries PTX, which "
                    "the driver assembles when it is first run\n";
  auto text = code->emit(extension == ".s" ? llvm::CodeGenFileType::AssemblyFile
                                           : llvm::CodeGenFileType::ObjectFile);
  if (!text)
    return text.takeError();
  return extension == ".so" ? writeLibrary(options.output, *text)
                            : writeFile(options.output, {*text});
}

llvm::Expected<ExitCode> attn::cli::build(Spec &spec, const Options &options) {
  if (options.output.empty())
    return userError("build: where to? Give -o PATH with the extension .so, "
                     ".o, .h, .ll, .s, .ptx or .cubin");
  if (!spec.scalars.empty())
    return userError("--set: ", spec.scalars.begin()->first(),
                     " is a scalar; its value is given when the kernel is "
                     "called, not when it is built");
  if (options.output == "-")
    return userError("build: -o - needs --emit=STAGE, which says what to print "
                     "(llvm, asm, ptx or an earlier one)");
  llvm::StringRef extension = llvm::sys::path::extension(options.output);
  llvm::Error error = llvm::Error::success();
  if (extension == ".h")
    error = writeFile(options.output, {makeHeader(spec)});
  else if (extension == ".so" || extension == ".o" || extension == ".ll" ||
           extension == ".s" || extension == ".ptx" || extension == ".cubin") {
    remarkOnHeadSizes(spec.op());
    error = writeCode(spec, options, extension);
  } else
    error = userError("build: what is '", options.output,
                      "'? The extension must be .so, .o, .h, .ll, .s, .ptx or "
                      ".cubin");
  if (error)
    return error;
  return Success;
}
