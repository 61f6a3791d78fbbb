//===- Files.cpp - Reading and writing whole files ------------------------===//

#include "frontend/cli/Files.h"
#include "frontend/cli/Messages.h"

using namespace attn::cli;

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
attn::cli::readFile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(
      path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return userError("cannot read '", path, "': ", buffer.getError().message());
  return std::move(*buffer);
}

static llvm::Error writePieces(llvm::raw_fd_ostream &stream,
                               llvm::StringRef path,
                               llvm::ArrayRef<llvm::StringRef> pieces) {
  for (llvm::StringRef piece : pieces)
    stream << piece;
  stream.flush();
  if (stream.has_error()) {
    std::error_code error = stream.error();
    stream.clear_error();
    return userError("cannot write '", path, "': ", error.message());
  }
  return llvm::Error::success();
}

/// A pipe or a device, which cannot be replaced by a file.
static llvm::Error writeDevice(llvm::StringRef path,
                               llvm::ArrayRef<llvm::StringRef> pieces) {
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (error)
    return userError("cannot write '", path, "': ", error.message());
  return writePieces(stream, path, pieces);
}

static llvm::Error writeTemporary(llvm::sys::fs::TempFile &file,
                                  llvm::StringRef path,
                                  llvm::ArrayRef<llvm::StringRef> pieces) {
  llvm::raw_fd_ostream stream(file.FD, /*shouldClose=*/false);
  return writePieces(stream, path, pieces);
}

llvm::Expected<PendingFile>
PendingFile::write(llvm::StringRef path,
                   llvm::ArrayRef<llvm::StringRef> pieces) {
  PendingFile pending(path);
  if (path == "-") {
    for (llvm::StringRef piece : pieces)
      llvm::outs() << piece;
    return pending;
  }
  namespace fs = llvm::sys::fs;
  fs::file_status status;
  fs::status(path, status);
  if (fs::is_directory(status))
    return userError("cannot write '", path, "': it is a directory");
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    if (llvm::Error error = writeDevice(path, pieces))
      return error;
    return pending;
  }
  auto file =
      fs::TempFile::create(path + ".tmp-%%%%%%", fs::all_read | fs::all_write);
  if (!file)
    return userError("cannot write '", path,
                     "': ", llvm::toString(file.takeError()));
  pending.file = std::make_unique<fs::TempFile>(std::move(*file));
  if (llvm::Error error = writeTemporary(*pending.file, path, pieces))
    return error;
  return pending;
}

PendingFile::~PendingFile() {
  if (file)
    llvm::consumeError(file->discard());
}

llvm::Error PendingFile::keep() {
  if (!file)
    return llvm::Error::success();
  std::unique_ptr<llvm::sys::fs::TempFile> kept = std::move(file);
  if (llvm::Error error = kept->keep(path))
    return userError("cannot write '", path,
                     "': ", llvm::toString(std::move(error)));
  return llvm::Error::success();
}

llvm::Error attn::cli::writeFile(llvm::StringRef path,
                                 llvm::ArrayRef<llvm::StringRef> pieces) {
  auto pending = PendingFile::write(path, pieces);
  return pending ? pending->keep() : pending.takeError();
}
