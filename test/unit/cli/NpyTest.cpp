//===- NpyTest.cpp - Files that are .npy, and files that only look so -----===//

#include "frontend/cli/Npy.h"
#include "frontend/cli/Elements.h"

#include <gtest/gtest.h>

using namespace attn::cli;

namespace {

/// A version 1 file with this dictionary and these bytes of data.
std::string file(const std::string &header, size_t dataBytes) {
  std::string bytes = "\x93NUMPY";
  bytes += {1, 0, char(header.size() & 0xff), char(header.size() >> 8)};
  return bytes + header + std::string(dataBytes, '\0');
}

llvm::Expected<NpyArray> parse(const std::string &bytes) {
  return parseNpy(llvm::MemoryBuffer::getMemBufferCopy(bytes), "t.npy");
}

std::string errorOf(const std::string &bytes) {
  auto array = parse(bytes);
  return array ? "read" : llvm::toString(array.takeError());
}

const char *const prefix = "'t.npy' is not a .npy file that attnc can read: ";

TEST(Npy, ReadsWhatNumPyWrites) {
  auto array = parse(file("{'descr': '<f4', 'fortran_order': False, 'shape': "
                          "(2, 3), }          \n",
                          24));
  ASSERT_TRUE(bool(array)) << llvm::toString(array.takeError());
  EXPECT_EQ(array->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(typeName(array->type), "f32");
  EXPECT_EQ(array->size(), 6);
}

TEST(Npy, ReadsScalarsEmptyTensorsAndBools) {
  EXPECT_TRUE(bool(parse(
      file("{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", 8))));
  auto empty = parse(
      file("{'descr': '<i8', 'fortran_order': False, 'shape': (0, 7), }\n", 0));
  ASSERT_TRUE(bool(empty));
  EXPECT_EQ(empty->size(), 0);
  auto flags =
      parse(file("{'shape': (5,), 'fortran_order': True, 'descr': '|b1'}", 5));
  ASSERT_TRUE(bool(flags));
  EXPECT_EQ(typeName(flags->type), "u8");
}

TEST(Npy, RefusesWhatIsNotNpy) {
  EXPECT_EQ(errorOf("PK\x03\x04"),
            std::string(prefix) + "it does not begin with \\x93NUMPY");
  EXPECT_EQ(errorOf(""),
            std::string(prefix) + "it does not begin with \\x93NUMPY");
}

TEST(Npy, RefusesHeadersThatAreCutOff) {
  std::string whole =
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", 4);
  const std::string cutOff = "its header is cut off, or its version is unknown";
  size_t headerEnd = whole.size() - 4;
  for (size_t length = 6; length < headerEnd; ++length)
    EXPECT_EQ(errorOf(whole.substr(0, length)), prefix + cutOff) << length;
  for (size_t length = headerEnd; length < whole.size(); ++length)
    EXPECT_EQ(errorOf(whole.substr(0, length)),
              prefix + ("its shape needs 4 bytes, but it holds " +
                        std::to_string(length - headerEnd)));
  whole[6] = 4;
  EXPECT_EQ(errorOf(whole), prefix + cutOff) << "version 4";
}

TEST(Npy, RefusesTypesOrdersAndKeys) {
  EXPECT_EQ(errorOf(file("{'descr': '>f4', 'fortran_order': False, 'shape': "
                         "(1,), }\n",
                         4)),
            std::string(prefix) + "its element type '>f4' is none of <f2, <f4, "
                                  "<f8, integers and bool");
  EXPECT_EQ(errorOf(file("{'descr': '<c8', 'fortran_order': False, 'shape': "
                         "(1,), }\n",
                         8)),
            std::string(prefix) + "its element type '<c8' is none of <f2, <f4, "
                                  "<f8, integers and bool");
  EXPECT_EQ(errorOf(file("{'descr': '<f4', 'fortran_order': True, 'shape': "
                         "(2, 2), }\n",
                         16)),
            std::string(prefix) + "it is in Fortran order; save it with "
                                  "numpy.ascontiguousarray");
  EXPECT_EQ(errorOf(file("{'colour': 'red'}", 0)),
            std::string(prefix) + "its header has an unexpected key 'colour'");
  EXPECT_EQ(errorOf(file("{'descr': '<f4'}", 0)),
            std::string(prefix) + "its header is incomplete");
  EXPECT_EQ(errorOf(file("(1, 2)\n", 0)),
            std::string(prefix) + "its header is not a dictionary");
}

TEST(Npy, RefusesShapesThatDoNotFitTheFile) {
  EXPECT_EQ(errorOf(file("{'descr': '<f4', 'fortran_order': False, 'shape': "
                         "(3,), }\n",
                         8)),
            std::string(prefix) + "its shape needs 12 bytes, but it holds 8");
  EXPECT_EQ(errorOf(file("{'descr': '<f4', 'fortran_order': False, 'shape': "
                         "(4611686018427387904, 4), }\n",
                         0)),
            std::string(prefix) + "its shape overflows");
  EXPECT_EQ(errorOf(file("{'descr': '<f4', 'fortran_order': False, 'shape': "
                         "(-1,), }\n",
                         0)),
            std::string(prefix) + "its header is malformed");
}

TEST(Elements, RoundToNearestEven) {
  uint16_t place = 0;
  auto bits = [&](DLDataType type, double value) {
    EXPECT_TRUE(storeElement(type, &place, 0, value));
    return place;
  };
  DLDataType half = {kDLFloat, 16, 1}, brain = {kDLBfloat, 16, 1};
  EXPECT_EQ(bits(half, 1), 0x3c00);
  EXPECT_EQ(bits(half, 1 + 0x1p-11), 0x3c00);
  EXPECT_EQ(bits(half, 1 + 3 * 0x1p-11), 0x3c02);
  EXPECT_EQ(bits(half, 65519), 0x7bff);
  EXPECT_EQ(bits(half, 65520), 0x7c00);
  EXPECT_EQ(bits(half, 0x1p-24), 0x0001);
  EXPECT_EQ(bits(half, 0x1p-25), 0x0000);
  EXPECT_EQ(bits(half, -0.0), 0x8000);
  EXPECT_EQ(bits(brain, 1 + 0x1p-8), 0x3f80);
  EXPECT_EQ(bits(brain, 1 + 3 * 0x1p-8), 0x3f82);
  EXPECT_EQ(bits(brain, -INFINITY), 0xff80);
  for (unsigned pattern = 0; pattern < 0x7c00; ++pattern) {
    place = uint16_t(pattern);
    EXPECT_EQ(bits(half, loadElement(half, &place, 0)), pattern);
  }
}

TEST(Elements, RefuseIntegersThatDoNotFit) {
  int64_t place = 0;
  EXPECT_TRUE(storeElement({kDLInt, 32, 1}, &place, 0, -2147483648.0));
  EXPECT_FALSE(storeElement({kDLInt, 32, 1}, &place, 0, 2147483648.0));
  EXPECT_FALSE(storeElement({kDLInt, 32, 1}, &place, 0, 0.5));
  EXPECT_FALSE(storeElement({kDLInt, 64, 1}, &place, 0, 0x1p63));
  EXPECT_FALSE(storeElement({kDLInt, 64, 1}, &place, 0, NAN));
}

} // namespace
