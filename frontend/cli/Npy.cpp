//===- Npy.cpp - Tensors in .npy files ------------------------------------===//
//
//   \x93NUMPY major minor length {'descr': '<f4', 'fortran_order': False,
//   'shape': (2, 3), } data
//
//===----------------------------------------------------------------------===//

#include "frontend/cli/Npy.h"
#include "frontend/cli/Messages.h"

#include "llvm/Support/Endian.h"

using namespace attn::cli;
using llvm::StringRef;

static constexpr StringRef magic("\x93NUMPY", 6);

int64_t NpyArray::size() const {
  int64_t size = 1;
  for (int64_t extent : shape)
    size *= extent;
  return size;
}

namespace {

/// The dictionary of a header: keys and values of the three kinds that NumPy
/// writes, in any order.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  /// What is wrong, or empty.
  std::string parse();

  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;

private:
  bool take(char c) {
    rest = rest.ltrim(" \n");
    return rest.consume_front(StringRef(&c, 1));
  }
  bool parseString(std::string &value);
  bool parseBool(bool &value);
  bool parseShape();

  StringRef rest;
};

} // namespace

bool HeaderParser::parseString(std::string &value) {
  if (!take('\''))
    return false;
  auto [text, after] = rest.split('\'');
  if (text.size() == rest.size())
    return false;
  value = text;
  rest = after;
  return true;
}

bool HeaderParser::parseBool(bool &value) {
  rest = rest.ltrim(" \n");
  if (rest.consume_front("True"))
    return value = true;
  value = false;
  return rest.consume_front("False");
}

bool HeaderParser::parseShape() {
  if (!take('('))
    return false;
  while (!take(')')) {
    int64_t extent;
    rest = rest.ltrim(" \n");
    if (rest.consumeInteger(10, extent) || extent < 0)
      return false;
    shape.push_back(extent);
    if (!take(',') && !rest.ltrim(" \n").starts_with(")"))
      return false;
  }
  return true;
}

std::string HeaderParser::parse() {
  bool hasDescr = false, hasOrder = false, hasShape = false;
  if (!take('{'))
    return "its header is not a dictionary";
  while (!take('}')) {
    std::string key;
    if (!parseString(key) || !take(':'))
      return "its header is malformed";
    if (key == "descr" && !hasDescr)
      hasDescr = parseString(descr);
    else if (key == "fortran_order" && !hasOrder)
      hasOrder = parseBool(fortranOrder);
    else if (key == "shape" && !hasShape)
      hasShape = parseShape();
    else
      return "its header has an unexpected key '" + key + "'";
    if (!take(',') && !rest.ltrim(" \n").starts_with("}"))
      return "its header is malformed";
  }
  return hasDescr && hasOrder && hasShape ? "" : "its header is incomplete";
}

/// Reads "<f4"; false for types that no parameter can take.
static bool parseType(StringRef descr, DLDataType &type) {
  bool isLittle = descr.consume_front("<");
  if (!isLittle && !descr.consume_front("|") && !descr.consume_front("="))
    return false;
  unsigned code = StringRef("iuf").find(descr.take_front(1)); // in DLPack order
  if (descr == "b1") {
    type = {kDLUInt, 8, 1};
    return true;
  }
  unsigned bytes;
  if (code > 2 || descr.size() != 2 ||
      descr.drop_front().getAsInteger(10, bytes) ||
      !llvm::is_contained({1u, 2u, 4u, 8u}, bytes) ||
      (code == kDLFloat && bytes == 1))
    return false;
  type = {uint8_t(code), uint8_t(bytes * 8), 1};
  return true;
}

/// The length of the header and where it begins, by format version.
static bool findHeader(StringRef bytes, StringRef &header, StringRef &data) {
  if (bytes.size() < magic.size() + 2)
    return false;
  unsigned major = static_cast<unsigned char>(bytes[magic.size()]);
  unsigned lengthBytes = major == 1 ? 2 : 4;
  StringRef rest = bytes.drop_front(magic.size() + 2);
  if (major < 1 || major > 3 || rest.size() < lengthBytes)
    return false;
  uint64_t length = lengthBytes == 2
                        ? llvm::support::endian::read16le(rest.data())
                        : llvm::support::endian::read32le(rest.data());
  rest = rest.drop_front(lengthBytes);
  if (rest.size() < length)
    return false;
  header = rest.take_front(length);
  data = rest.drop_front(length);
  return true;
}

llvm::Expected<NpyArray>
attn::cli::parseNpy(std::unique_ptr<llvm::MemoryBuffer> bytes, StringRef name) {
  auto malformed = [&](const llvm::Twine &why) {
    return userError("'", name,
                     "' is not a .npy file that attnc can read: ", why.str());
  };
  StringRef content = bytes->getBuffer();
  if (!content.starts_with(magic))
    return malformed("it does not begin with \\x93NUMPY");
  StringRef text, data;
  if (!findHeader(content, text, data))
    return malformed("its header is cut off, or its version is unknown");
  HeaderParser header(text);
  if (std::string problem = header.parse(); !problem.empty())
    return malformed(problem);

  NpyArray array;
  if (!parseType(header.descr, array.type))
    return malformed("its element type '" + header.descr +
                     "' is none of <f2, <f4, <f8, integers and bool");
  if (header.fortranOrder && header.shape.size() > 1)
    return malformed("it is in Fortran order; save it with "
                     "numpy.ascontiguousarray");
  int64_t size = array.type.bits / 8;
  for (int64_t extent : header.shape)
    if (__builtin_mul_overflow(size, extent, &size))
      return malformed("its shape overflows");
  if (uint64_t(size) != data.size())
    return malformed("its shape needs " + llvm::Twine(size) +
                     " bytes, but it holds " + llvm::Twine(data.size()));
  array.shape = std::move(header.shape);
  array.data = data.data();
  array.file = std::move(bytes);
  return array;
}

llvm::Expected<NpyArray> attn::cli::readNpy(StringRef path) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  return parseNpy(std::move(*bytes), path);
}

llvm::Expected<PendingFile> attn::cli::writeNpy(StringRef path, DLDataType type,
                                                llvm::ArrayRef<int64_t> shape,
                                                StringRef bytes) {
  std::string header = "{'descr': '";
  header += type.bits == 8 ? '|' : '<';
  header += "iuf"[type.code];
  header +=
      std::to_string(type.bits / 8) + "', 'fortran_order': False, 'shape': (";
  for (int64_t extent : shape)
    header += std::to_string(extent) + ", ";
  header += "), }";
  // The data begins at a multiple of 64, and the header ends with a newline.
  size_t before = magic.size() + 4;
  header.resize(llvm::alignTo(before + header.size() + 1, 64) - before - 1,
                ' ');
  header += '\n';

  std::string start = magic.str();
  start += {1, 0, char(header.size() & 0xff), char(header.size() >> 8)};
  return PendingFile::write(path, {start, header, bytes});
}
