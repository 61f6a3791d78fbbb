//===- Ptxas.cpp - The assembler of a CUDA Toolkit ------------------------===//

#include "lowering/gpu/Ptxas.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn::gpu;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

static bool isProgram(const llvm::Twine &path) { return fs::can_execute(path); }

/// ROOT/lib/python3.x/site-packages/nvidia/PACKAGE/bin/ptxas, the newest.
static std::optional<std::string> findInPython(StringRef root) {
  std::optional<std::string> found;
  std::error_code error;
  llvm::SmallString<128> lib(root);
  llvm::sys::path::append(lib, "lib");
  for (fs::directory_iterator it(lib, error), end; !error && it != end;
       it.increment(error))
    for (StringRef packages : {"site-packages", "dist-packages"}) {
      llvm::SmallString<128> vendor(it->path());
      llvm::sys::path::append(vendor, packages, "nvidia");
      std::error_code inner;
      for (fs::directory_iterator package(vendor, inner), last;
           !inner && package != last; package.increment(inner)) {
        std::string path = package->path() + "/bin/ptxas";
        if (isProgram(path) && (!found || *found < path))
          found = path;
      }
    }
  return found;
}

std::optional<std::string> attn::gpu::findPtxas() {
  using llvm::sys::Process;
  if (auto path = Process::GetEnv("ATTNC_PTXAS"))
    return isProgram(*path) ? std::optional(*path) : std::nullopt;
  for (StringRef variable : {"CUDA_HOME", "CUDA_PATH"})
    if (auto root = Process::GetEnv(variable))
      if (isProgram(*root + "/bin/ptxas"))
        return *root + "/bin/ptxas";
  if (auto path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  if (isProgram("/usr/local/cuda/bin/ptxas"))
    return "/usr/local/cuda/bin/ptxas";
  if (auto root = Process::GetEnv("VIRTUAL_ENV"))
    if (auto path = findInPython(*root))
      return path;
  if (auto python = llvm::sys::findProgramByName("python3")) {
    llvm::SmallString<128> real;
    StringRef program =
        fs::real_path(*python, real) ? StringRef(*python) : StringRef(real);
    StringRef bin = llvm::sys::path::parent_path(program);
    if (auto path = findInPython(llvm::sys::path::parent_path(bin)))
      return path;
  }
  return std::nullopt;
}

/// The first number in \p text, after which \p text goes on.
static unsigned takeNumber(StringRef &text) {
  text = text.drop_until(llvm::isDigit);
  unsigned number = 0;
  text.consumeInteger(10, number);
  return number;
}

std::vector<KernelResources> attn::gpu::parseResources(StringRef text) {
  std::vector<KernelResources> kernels;
  llvm::StringSet<> serialized;
  llvm::SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef line : lines) {
    // "(C7512) Potential Performance Loss: wgmma.mma_async instructions are
    // serialized due to ... for the function 'NAME'", before NAME's own lines
    // or after them.
    if (line.contains("wgmma.mma_async instructions are serialized")) {
      serialized.insert(line.rsplit("function '").second.split('\'').first);
      continue;
    }
    // "Compiling entry function 'NAME' for 'sm_90a'"
    if (size_t at = line.find("Compiling entry function '");
        at != StringRef::npos) {
      kernels.emplace_back().symbol =
          line.substr(at).split('\'').second.split('\'').first;
      continue;
    }
    if (kernels.empty())
      continue;
    KernelResources &kernel = kernels.back();
    // "8 bytes stack frame, 16 bytes spill stores, 16 bytes spill loads"
    if (line.contains("bytes stack frame")) {
      kernel.stackBytes = takeNumber(line);
      kernel.spillBytes = takeNumber(line);
      kernel.spillBytes += takeNumber(line);
    } else if (size_t at = line.find("Used "); at != StringRef::npos) {
      line = line.substr(at);
      kernel.registers = takeNumber(line);
    }
  }
  for (KernelResources &kernel : kernels)
    kernel.isSerialized = serialized.contains(kernel.symbol);
  return kernels;
}

llvm::Expected<Assembly> attn::gpu::assemble(StringRef ptxas, StringRef ptx,
                                             StringRef chip) {
  llvm::SmallString<128> folder;
  if (std::error_code error = fs::createUniqueDirectory("attnc", folder))
    return llvm::createStringError("cannot make a temporary folder: " +
                                   error.message());
  auto cleanUp = llvm::scope_exit([&] { fs::remove_directories(folder); });
  std::string source = (folder + "/kernel.ptx").str();
  std::string cubin = (folder + "/kernel.cubin").str();
  std::string log = (folder + "/log").str();
  std::error_code error;
  {
    llvm::raw_fd_ostream stream(source, error);
    if (!error)
      stream << ptx;
    if (error || stream.has_error())
      return llvm::createStringError("cannot write " + source);
  }
  std::string arch = ("-arch=" + chip).str();
  // A kernel of a spec in each thread; toolkits before 12.3 cannot.
  constexpr llvm::StringLiteral threads = "--split-compile=0";
  llvm::SmallVector<StringRef> args{ptxas,   "-v", "-O3", arch,
                                    threads, "-o", cubin, source};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log),
                                          StringRef(log)};
  std::string said;
  auto run = [&] {
    std::string message;
    int code = llvm::sys::ExecuteAndWait(ptxas, args, std::nullopt, redirects,
                                         0, 0, &message);
    auto text = llvm::MemoryBuffer::getFile(log);
    said = (text ? (*text)->getBuffer().str() : "") + message;
    return code;
  };
  int code = run();
  if (code != 0 && StringRef(said).contains("split-compile")) {
    llvm::erase(args, threads);
    code = run();
  }
  if (code != 0)
    return llvm::createStringError("'" + ptxas + "' failed: " + said);
  auto image = llvm::MemoryBuffer::getFile(cubin, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!image)
    return llvm::createStringError("'" + ptxas + "' wrote no cubin");
  return Assembly{(*image)->getBuffer().str(), parseResources(said)};
}
