//===- EmitAttnTest.cpp - Spec text to ops --------------------------------===//

#include "test/unit/frontend/Specs.h"

#include "dialect/AttnOps.h"

#include <map>
#include <regex>

using namespace attn;

namespace {

/// The ops of the first attention of \p text as the dialect prints them, with
/// values numbered in order and, of the types, that of the result alone.
std::string ops(llvm::StringRef text, const EmitOptions &options = {}) {
  static const std::regex valueName("%[A-Za-z0-9_]+");
  std::string ir = emitted(text, options), result;
  std::map<std::string, std::string> numbers;
  for (llvm::StringRef line : llvm::split(ir, '\n')) {
    size_t start = line.find("attn.");
    if (start == llvm::StringRef::npos || line.contains("attn.spec"))
      continue;
    auto [left, right] = line.trim().split(" : ");
    std::string op = std::regex_replace(left.str(), std::regex("attn\\."), "");
    std::smatch name;
    if (llvm::StringRef(op).starts_with("%") &&
        std::regex_search(op, name, valueName))
      numbers.try_emplace(name[0].str(), "%" + std::to_string(numbers.size()));
    std::string renamed;
    auto rest = op.cbegin();
    for (; std::regex_search(rest, op.cend(), name, valueName);
         rest = name.suffix().first) {
      auto number = numbers.find(name[0].str());
      renamed += name.prefix().str() +
                 (number == numbers.end() ? name[0].str() : number->second);
    }
    renamed.append(rest, op.cend());
    result += renamed;
    size_t last = right.rfind("!attn.q<");
    if (llvm::StringRef(op).starts_with("%") && last != llvm::StringRef::npos)
      result += " : " + right.substr(last + 8).rsplit('>').first.str();
    result += "\n";
  }
  return result;
}

/// A spec of q: [M, D], k: [N, D] and v: [N, E] with these steps.
std::string body(llvm::StringRef steps) {
  return ("attention f(q: [M, D], k: [N, D], v: [N, E], doc: int[N]) -> out\n"
          "{\n" +
          steps + "\n}\n")
      .str();
}

} // namespace

TEST(Emit, PlainAttention) {
  EXPECT_EQ(ops(body(R"(  s = sum[d](q * k) * rsqrt(D)
  out = sum[n](softmax[n](s) * v))")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = extent "D" : [], i64
%3 = cast %2 : [], f32
%4 = unary rsqrt %3 : [], f32
%5 = binary mul %1, %4 : [M, N], f32
%6 = normalize softmax %5 over ["N"] : [M, N], f32
%7 = binary mul %6, %v : [M, N, E], f32
%8 = reduce sum %7 over ["N"] : [M, E], f32
return %8
)");
}

// The sum over d is not over a dimension of the mask.
TEST(Emit, AMaskIsTheDomainOfTheReductionsOverItsDimensions) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  s = sum[d](q * k)
  out = sum[n](softmax[n](s) * v))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = binary mul %q, %k : [M, D, N], f32
%4 = reduce sum %3 over ["D"] : [M, N], f32
%5 = normalize softmax %4 over ["N"] where %2 : [M, N], f32
%6 = binary mul %5, %v : [M, N, E], f32
%7 = reduce sum %6 over ["N"] where %2 : [M, E], f32
return %7
)");
}

TEST(Emit, AMaskRestrictsWhatFollowsItAlone) {
  EXPECT_EQ(ops(body(R"(  s = sum[d](q * k)
  a = max[n](s)
  mask = n <= m
  out = max[n](s) - a)")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = reduce max %1 over ["N"] : [M], f32
%3 = index "N" : [N], i64
%4 = index "M" : [M], i64
%5 = compare le %3, %4 : [M, N], i1
%6 = reduce max %1 over ["N"] where %5 : [M], f32
%7 = binary sub %6, %2 : [M], f32
return %7
)");
}

TEST(Emit, WhereAddsToTheMask) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  out = sum[n](sum[d](q * k) where n != 3))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = binary mul %q, %k : [M, D, N], f32
%4 = reduce sum %3 over ["D"] : [M, N], f32
%5 = constant 3 : [], i64
%6 = compare ne %0, %5 : [N], i1
%7 = binary and %2, %6 : [M, N], i1
%8 = reduce sum %4 over ["N"] where %7 : [M], f32
return %8
)");
}

// The mean gains m.
TEST(Emit, WhereMaskIsTheMaskOnce) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  mu = mean[n](k where mask)
  out = sum[d](q * mu))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = reduce mean %k over ["N"] where %2 : [M, D], f32
%4 = binary mul %q, %3 : [M, D], f32
%5 = reduce sum %4 over ["D"] : [M], f32
return %5
)");
}

TEST(Emit, WhereAllIsNoDomain) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  mu = mean[n](k where all)
  out = sum[n](sum[d](q * (k - mu)) * v))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = reduce mean %k over ["N"] : [D], f32
%4 = binary sub %k, %3 : [D, N], f32
%5 = binary mul %q, %4 : [M, D, N], f32
%6 = reduce sum %5 over ["D"] : [M, N], f32
%7 = binary mul %6, %v : [M, N, E], f32
%8 = reduce sum %7 over ["N"] where %2 : [M, E], f32
return %8
)");
}

// Weights under a condition of their own: the sum that follows skips the same
// elements.
TEST(Emit, WhatAMaskLeavesOutDoesNotExist) {
  EXPECT_EQ(ops(body(R"(  p = softmax[n](sum[d](q * k) where n > 0)
  out = sum[n](p * v))")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = index "N" : [N], i64
%3 = constant 0 : [], i64
%4 = compare gt %2, %3 : [N], i1
%5 = normalize softmax %1 over ["N"] where %4 : [M, N], f32
%6 = binary mul %5, %v : [M, N, E], f32
%7 = reduce sum %6 over ["N"] where %4 : [M, E], f32
return %7
)");
}

TEST(Emit, WhatDoesNotExistIsZeroOverAll) {
  EXPECT_EQ(ops(body(R"(  p = softmax[n](sum[d](q * k) where n > 0)
  out = mean[n](p where all))")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = index "N" : [N], i64
%3 = constant 0 : [], i64
%4 = compare gt %2, %3 : [N], i1
%5 = normalize softmax %1 over ["N"] where %4 : [M, N], f32
%6 = constant 0.000000e+00 : [], f32
%7 = select %4, %5, %6 : [M, N], f32
%8 = reduce mean %7 over ["N"] : [M], f32
return %8
)");
}

// The sum over e keeps the pairs; the sum over n then skips.
TEST(Emit, AConditionThatIsNotReducedStays) {
  EXPECT_EQ(ops(body(R"(  p = softmax[n](sum[d](q * k) where n > 0)
  w = sum[e](p * v)
  out = sum[n](w))")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = index "N" : [N], i64
%3 = constant 0 : [], i64
%4 = compare gt %2, %3 : [N], i1
%5 = normalize softmax %1 over ["N"] where %4 : [M, N], f32
%6 = binary mul %5, %v : [M, N, E], f32
%7 = reduce sum %6 over ["E"] : [M, N], f32
%8 = reduce sum %7 over ["N"] where %4 : [M], f32
return %8
)");
}

TEST(Emit, AChoiceExistsWhereTheChosenDoes) {
  EXPECT_EQ(ops(body(R"(  p = softmax[n](sum[d](q * k) where n > 0)
  w = if m < 2 then p else 1
  out = sum[n](w * v))")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = index "N" : [N], i64
%3 = constant 0 : [], i64
%4 = compare gt %2, %3 : [N], i1
%5 = normalize softmax %1 over ["N"] where %4 : [M, N], f32
%6 = index "M" : [M], i64
%7 = constant 2 : [], i64
%8 = compare lt %6, %7 : [M], i1
%9 = constant 1.000000e+00 : [], f32
%10 = select %8, %5, %9 : [M, N], f32
%11 = binary mul %10, %v : [M, N, E], f32
%12 = unary not %8 : [M], i1
%13 = binary or %12, %4 : [M, N], i1
%14 = reduce sum %11 over ["N"] where %13 : [M, E], f32
return %14
)");
}

TEST(Emit, AChoiceBetweenWhatExistsTogether) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  p = softmax[n](sum[d](q * k))
  w = if n == 3 then p * 2 else p
  out = sum[n](w * v))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = binary mul %q, %k : [M, D, N], f32
%4 = reduce sum %3 over ["D"] : [M, N], f32
%5 = normalize softmax %4 over ["N"] where %2 : [M, N], f32
%6 = constant 3 : [], i64
%7 = compare eq %0, %6 : [N], i1
%8 = constant 2.000000e+00 : [], f32
%9 = binary mul %5, %8 : [M, N], f32
%10 = select %7, %9, %5 : [M, N], f32
%11 = binary mul %10, %v : [M, N, E], f32
%12 = reduce sum %11 over ["N"] where %2 : [M, E], f32
return %12
)");
}

// The condition of one branch is that of the reduction, and says nothing new.
TEST(Emit, AChoiceThatTheMaskImplies) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  p = softmax[n](sum[d](q * k))
  w = if n == 3 then p else 1
  out = sum[n](w * v))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = binary mul %q, %k : [M, D, N], f32
%4 = reduce sum %3 over ["D"] : [M, N], f32
%5 = normalize softmax %4 over ["N"] where %2 : [M, N], f32
%6 = constant 3 : [], i64
%7 = compare eq %0, %6 : [N], i1
%8 = constant 1.000000e+00 : [], f32
%9 = select %7, %5, %8 : [M, N], f32
%10 = binary mul %9, %v : [M, N, E], f32
%11 = reduce sum %10 over ["N"] where %2 : [M, E], f32
return %11
)");
}

TEST(Emit, AMaskOfWhatDoesNotExistEverywhere) {
  EXPECT_EQ(ops(body(R"(  p = softmax[n](sum[d](q * k) where n > 0)
  mask = p > 0.1
  out = sum[n](p * v))")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = index "N" : [N], i64
%3 = constant 0 : [], i64
%4 = compare gt %2, %3 : [N], i1
%5 = normalize softmax %1 over ["N"] where %4 : [M, N], f32
%6 = constant 1.000000e-01 : [], f32
%7 = compare gt %5, %6 : [M, N], i1
%8 = binary and %4, %7 : [M, N], i1
%9 = binary mul %5, %v : [M, N, E], f32
%10 = reduce sum %9 over ["N"] where %8 : [M, E], f32
return %10
)");
}

TEST(Emit, APartOfTheMaskIsNotRepeated) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m and n > 0
  out = sum[n](sum[d](q * k) where n > 0))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = constant 0 : [], i64
%4 = compare gt %0, %3 : [N], i1
%5 = binary and %2, %4 : [M, N], i1
%6 = binary mul %q, %k : [M, D, N], f32
%7 = reduce sum %6 over ["D"] : [M, N], f32
%8 = reduce sum %7 over ["N"] where %5 : [M], f32
return %8
)");
}

TEST(Emit, AReadFindsZeroWhereNothingExists) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  p = softmax[n](sum[d](q * k))
  out = p[n: M - 1])")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = binary mul %q, %k : [M, D, N], f32
%4 = reduce sum %3 over ["D"] : [M, N], f32
%5 = normalize softmax %4 over ["N"] where %2 : [M, N], f32
%6 = extent "M" : [], i64
%7 = constant 1 : [], i64
%8 = binary sub %6, %7 : [], i64
%9 = constant 0.000000e+00 : [], f32
%10 = select %2, %5, %9 : [M, N], f32
%11 = read %10["N" = %8] : [M], f32
return %11
)");
}

// The scores precede the mask; no pair, no score.
TEST(Emit, APairLevelOutputIsZeroWhereThereIsNoPair) {
  EXPECT_EQ(ops(body(R"(  out = sum[d](q * k)
  mask = n <= m)")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = index "N" : [N], i64
%3 = index "M" : [M], i64
%4 = compare le %2, %3 : [M, N], i1
%5 = constant 0.000000e+00 : [], f32
%6 = select %4, %1, %5 : [M, N], f32
return %6
)");
}

// Over the keys alone, it leaves no pair out of a result without keys.
TEST(Emit, AMaskWithoutTheDimensionsOfAnOutput) {
  EXPECT_EQ(ops(R"(attention f(k: [N, D], len: int) -> out
{
  mask = n < len
  out = sum[n](k)
})"),
            R"(%0 = index "N" : [N], i64
%1 = compare lt %0, %len : [N], i1
%2 = reduce sum %k over ["N"] where %1 : [D], f32
return %2
)");
}

TEST(Emit, BoolAndIntOutputsOfPairs) {
  EXPECT_EQ(ops(body(R"(  mask = n <= m
  out = if n == 0 then n - m else 1)")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = compare le %0, %1 : [M, N], i1
%3 = constant 0 : [], i64
%4 = compare eq %0, %3 : [N], i1
%5 = binary sub %0, %1 : [M, N], i64
%6 = constant 1 : [], i64
%7 = select %4, %5, %6 : [M, N], i64
%8 = select %2, %7, %3 : [M, N], i64
%9 = constant -2147483648 : [], i64
%10 = binary max %8, %9 : [M, N], i64
%11 = constant 2147483647 : [], i64
%12 = binary min %10, %11 : [M, N], i64
%13 = cast %12 : [M, N], i32
return %13
)");
}

TEST(Emit, OutputsChooseTheirTypesAndOrder) {
  EXPECT_EQ(
      ops(R"(attention f(q: [M, D], k: f16[N, D]) -> out: [N, M], lse: f32, near, ids: int64[N], big: bf16
{
  out = sum[d](q * k)
  lse = logsumexp[n](out)
  near = n <= m
  ids = n + 1
  big = max[n](n)
})",
          {"bf16", {}}),
      R"(%0 = cast %q : [M, D], f32
%1 = cast %k : [D, N], f32
%2 = binary mul %0, %1 : [M, D, N], f32
%3 = reduce sum %2 over ["D"] : [M, N], f32
%4 = reduce logsumexp %3 over ["N"] : [M], f32
%5 = index "N" : [N], i64
%6 = index "M" : [M], i64
%7 = compare le %5, %6 : [M, N], i1
%8 = constant 1 : [], i64
%9 = binary add %5, %8 : [N], i64
%10 = reduce max %5 over ["N"] : [], i64
%11 = cast %10 : [], f32
%12 = cast %3 : [M, N], bf16
%13 = cast %7 : [M, N], i8
%14 = cast %11 : [], bf16
return %12, %4, %13, %9, %14
)");
}

TEST(Emit, ParametersAreCastToWhatIsComputedWith) {
  EXPECT_EQ(
      ops(R"(attention f(a: [N], b: f32[N], c: f16[N], d: int[N], e: int64[N], g: int8[N], h: uint8[N], i: bool[N], j: int, r: float, s: bool) -> out
{
  out = if i and s then a + b + c + d + e + g + h + j + r else 0
})",
          {"bf16", {}}),
      R"(%0 = cast %a : [N], f32
%1 = cast %c : [N], f32
%2 = cast %d : [N], i64
%3 = cast %g : [N], i64
%4 = cast %h : [N], i64
%5 = constant 255 : [], i64
%6 = binary and %4, %5 : [N], i64
%7 = cast %i : [N], i1
%8 = binary and %7, %s : [N], i1
%9 = binary add %0, %b : [N], f32
%10 = binary add %9, %1 : [N], f32
%11 = cast %2 : [N], f32
%12 = binary add %10, %11 : [N], f32
%13 = cast %e : [N], f32
%14 = binary add %12, %13 : [N], f32
%15 = cast %3 : [N], f32
%16 = binary add %14, %15 : [N], f32
%17 = cast %6 : [N], f32
%18 = binary add %16, %17 : [N], f32
%19 = cast %j : [], f32
%20 = binary add %18, %19 : [N], f32
%21 = binary add %20, %r : [N], f32
%22 = constant 0.000000e+00 : [], f32
%23 = select %8, %21, %22 : [N], f32
%24 = cast %23 : [N], bf16
return %24
)");
}

TEST(Emit, IntegersMeetFloats) {
  EXPECT_EQ(ops(body(R"(  out = sum[n](v * (n - m) + n // 2 % 3))")),
            R"(%0 = index "N" : [N], i64
%1 = index "M" : [M], i64
%2 = binary sub %0, %1 : [M, N], i64
%3 = cast %2 : [M, N], f32
%4 = binary mul %v, %3 : [M, N, E], f32
%5 = constant 2 : [], i64
%6 = binary floordiv %0, %5 : [N], i64
%7 = constant 3 : [], i64
%8 = binary mod %6, %7 : [N], i64
%9 = cast %8 : [N], f32
%10 = binary add %4, %9 : [M, N, E], f32
%11 = reduce sum %10 over ["N"] : [M, E], f32
return %11
)");
}

TEST(Emit, DivisionIsReal) {
  EXPECT_EQ(ops(body(R"(  out = sum[n](v * (n / 2)))")),
            R"(%0 = index "N" : [N], i64
%1 = cast %0 : [N], f32
%2 = constant 2.000000e+00 : [], f32
%3 = binary div %1, %2 : [N], f32
%4 = binary mul %v, %3 : [N, E], f32
%5 = reduce sum %4 over ["N"] : [E], f32
return %5
)");
}

TEST(Emit, RoundedQuotientsOfIntegersAreExact) {
  EXPECT_EQ(
      ops(body(
          R"(  out = floor(M / 64) + ceil(N / 64) + round(M) + floor(M))")),
      R"(%0 = extent "M" : [], i64
%1 = constant 64 : [], i64
%2 = binary floordiv %0, %1 : [], i64
%3 = extent "N" : [], i64
%4 = unary neg %3 : [], i64
%5 = binary floordiv %4, %1 : [], i64
%6 = unary neg %5 : [], i64
%7 = binary add %2, %6 : [], i64
%8 = binary add %7, %0 : [], i64
%9 = binary add %8, %0 : [], i64
%10 = constant -2147483648 : [], i64
%11 = binary max %9, %10 : [], i64
%12 = constant 2147483647 : [], i64
%13 = binary min %11, %12 : [], i64
%14 = cast %13 : [], i32
return %14
)");
}

TEST(Emit, RoundingOfFloats) {
  EXPECT_EQ(ops(body(R"(  out = floor(q) + ceil(q / 2) + round(q))")),
            R"(%0 = unary floor %q : [M, D], f32
%1 = constant 2.000000e+00 : [], f32
%2 = binary div %q, %1 : [M, D], f32
%3 = unary ceil %2 : [M, D], f32
%4 = binary add %0, %3 : [M, D], f32
%5 = constant 5.000000e-01 : [], f32
%6 = binary add %q, %5 : [M, D], f32
%7 = unary floor %6 : [M, D], f32
%8 = binary add %4, %7 : [M, D], f32
return %8
)");
}

TEST(Emit, SmallLiteralPowersAreProducts) {
  EXPECT_EQ(ops(body(R"(  out = q ** 2 + (m - d) ** 3 + q ** 0.5 + 2 ** -m)")),
            R"(%0 = binary mul %q, %q : [M, D], f32
%1 = index "M" : [M], i64
%2 = index "D" : [D], i64
%3 = binary sub %1, %2 : [M, D], i64
%4 = binary mul %3, %3 : [M, D], i64
%5 = binary mul %3, %4 : [M, D], i64
%6 = cast %5 : [M, D], f32
%7 = binary add %0, %6 : [M, D], f32
%8 = constant 5.000000e-01 : [], f32
%9 = binary pow %q, %8 : [M, D], f32
%10 = binary add %7, %9 : [M, D], f32
%11 = unary neg %1 : [M], i64
%12 = constant 2.000000e+00 : [], f32
%13 = cast %11 : [M], f32
%14 = binary pow %12, %13 : [M], f32
%15 = binary add %10, %14 : [M, D], f32
return %15
)");
}

TEST(Emit, FunctionsMadeOfOthers) {
  EXPECT_EQ(
      ops(body(R"(  out = relu(q) + silu(q) + gelu(q) + pow(q, M) + relu(m))")),
      R"(%0 = constant 0 : [], i64
%1 = constant 0.000000e+00 : [], f32
%2 = binary max %q, %1 : [M, D], f32
%3 = unary sigmoid %q : [M, D], f32
%4 = binary mul %q, %3 : [M, D], f32
%5 = binary add %2, %4 : [M, D], f32
%6 = constant 0.707106769 : [], f32
%7 = binary mul %q, %6 : [M, D], f32
%8 = unary erf %7 : [M, D], f32
%9 = constant 1.000000e+00 : [], f32
%10 = binary add %8, %9 : [M, D], f32
%11 = constant 5.000000e-01 : [], f32
%12 = binary mul %q, %11 : [M, D], f32
%13 = binary mul %12, %10 : [M, D], f32
%14 = binary add %5, %13 : [M, D], f32
%15 = extent "M" : [], i64
%16 = cast %15 : [], f32
%17 = binary pow %q, %16 : [M, D], f32
%18 = binary add %14, %17 : [M, D], f32
%19 = index "M" : [M], i64
%20 = binary max %19, %0 : [M], i64
%21 = cast %20 : [M], f32
%22 = binary add %18, %21 : [M, D], f32
return %22
)");
}

TEST(Emit, ExtremaOfSeveral) {
  EXPECT_EQ(ops(body(R"(  out = max(m, d, 3) + min(q, m))")),
            R"(%0 = index "M" : [M], i64
%1 = index "D" : [D], i64
%2 = constant 3 : [], i64
%3 = binary max %0, %1 : [M, D], i64
%4 = binary max %3, %2 : [M, D], i64
%5 = cast %0 : [M], f32
%6 = binary min %q, %5 : [M, D], f32
%7 = cast %4 : [M, D], f32
%8 = binary add %7, %6 : [M, D], f32
return %8
)");
}

TEST(Emit, ComparisonsChain) {
  EXPECT_EQ(ops(body(R"(  out = sum[n](v where 0 <= m - n < 8))")),
            R"(%0 = constant 0 : [], i64
%1 = index "M" : [M], i64
%2 = index "N" : [N], i64
%3 = binary sub %1, %2 : [M, N], i64
%4 = constant 8 : [], i64
%5 = compare le %0, %3 : [M, N], i1
%6 = compare lt %3, %4 : [M, N], i1
%7 = binary and %5, %6 : [M, N], i1
%8 = reduce sum %v over ["N"] where %7 : [M, E], f32
return %8
)");
}

TEST(Emit, BitsOfIntegersAndConditions) {
  EXPECT_EQ(ops(body(R"(  a = (m & 3 | d ^ 1) << 2 >> 1
  out = if (m < 2) & (d > 1) ^ true then a else 0)")),
            R"(%0 = index "M" : [M], i64
%1 = constant 3 : [], i64
%2 = binary and %0, %1 : [M], i64
%3 = index "D" : [D], i64
%4 = constant 1 : [], i64
%5 = binary xor %3, %4 : [D], i64
%6 = binary or %2, %5 : [M, D], i64
%7 = constant 2 : [], i64
%8 = binary shl %6, %7 : [M, D], i64
%9 = binary shr %8, %4 : [M, D], i64
%10 = compare lt %0, %7 : [M], i1
%11 = compare gt %3, %4 : [D], i1
%12 = binary and %10, %11 : [M, D], i1
%13 = constant true -> !q<[], i1>
%14 = binary xor %12, %13 : [M, D], i1
%15 = constant 0 : [], i64
%16 = select %14, %9, %15 : [M, D], i64
%17 = constant -2147483648 : [], i64
%18 = binary max %16, %17 : [M, D], i64
%19 = constant 2147483647 : [], i64
%20 = binary min %18, %19 : [M, D], i64
%21 = cast %20 : [M, D], i32
return %21
)");
}

TEST(Emit, Casts) {
  EXPECT_EQ(
      ops(body(R"(  out = float(m < 2) + int(q) + float(bool(m)) + int(m))")),
      R"(%0 = index "M" : [M], i64
%1 = constant 2 : [], i64
%2 = compare lt %0, %1 : [M], i1
%3 = cast %2 : [M], f32
%4 = cast %q : [M, D], i64
%5 = cast %4 : [M, D], f32
%6 = binary add %3, %5 : [M, D], f32
%7 = cast %0 : [M], i1
%8 = cast %7 : [M], f32
%9 = binary add %6, %8 : [M, D], f32
%10 = cast %0 : [M], f32
%11 = binary add %9, %10 : [M, D], f32
return %11
)");
}

TEST(Emit, ReadsAtOtherIndices) {
  EXPECT_EQ(
      ops(body(R"(  out = sum[n](v where doc[n: m] == doc) + k[n: m, d: 0])")),
      R"(%0 = cast %doc : [N], i64
%1 = index "M" : [M], i64
%2 = read %0["N" = %1] : [M], i64
%3 = compare eq %2, %0 : [M, N], i1
%4 = reduce sum %v over ["N"] where %3 : [M, E], f32
%5 = constant 0 : [], i64
%6 = read %k["D" = %5, "N" = %1] : [M], f32
%7 = binary add %4, %6 : [M, E], f32
return %7
)");
}

TEST(Emit, Dropout) {
  EXPECT_EQ(ops(body(R"(  p = softmax[n](sum[d](q * k))
  out = sum[n]((if uniform(42, m, n) < 0.1 then 0 else p / 0.9) * v))")),
            R"(%0 = binary mul %q, %k : [M, D, N], f32
%1 = reduce sum %0 over ["D"] : [M, N], f32
%2 = normalize softmax %1 over ["N"] : [M, N], f32
%3 = constant 42 : [], i64
%4 = index "M" : [M], i64
%5 = index "N" : [N], i64
%6 = uniform %3, %4, %5 : [M, N], f32
%7 = constant 1.000000e-01 : [], f32
%8 = compare lt %6, %7 : [M, N], i1
%9 = constant 0.899999976 : [], f32
%10 = binary div %2, %9 : [M, N], f32
%11 = constant 0.000000e+00 : [], f32
%12 = select %8, %11, %10 : [M, N], f32
%13 = binary mul %12, %v : [M, N, E], f32
%14 = reduce sum %13 over ["N"] : [M, E], f32
return %14
)");
}

// They come first, whatever the text computes before them.
TEST(Emit, ExtentsAndRequirements) {
  EXPECT_EQ(
      ops(R"(attention f(k: [N, D], w: int = 64, c: float = 2, on: bool = true) -> out
{
  x = mean[n](k)
  dim BLK = ceil(N / w), L = 64
  require N % L == 0 and w > 0, "whole blocks"
  require D < 512
  out = if on then sum[l](k[n: blk * L + l]) * c + x else 0
})"),
      R"(%0 = constant 64 : [], i64
%1 = extent "N" : [], i64
%2 = unary neg %1 : [], i64
%3 = binary floordiv %2, %w : [], i64
%4 = unary neg %3 : [], i64
%5 = extent "L" : [], i64
%6 = binary mod %1, %5 : [], i64
%7 = constant 0 : [], i64
%8 = compare eq %6, %7 : [], i1
%9 = compare gt %w, %7 : [], i1
%10 = binary and %8, %9 : [], i1
%11 = extent "D" : [], i64
%12 = constant 512 : [], i64
%13 = compare lt %11, %12 : [], i1
define_dim "BLK" = %4
define_dim "L" = %0
require %10, "whole blocks"
require %13, "D < 512"
%14 = reduce mean %k over ["N"] : [D], f32
%15 = index "BLK" : [BLK], i64
%16 = binary mul %15, %5 : [BLK], i64
%17 = index "L" : [L], i64
%18 = binary add %16, %17 : [BLK, L], i64
%19 = read %k["N" = %18] : [D, BLK, L], f32
%20 = reduce sum %19 over ["L"] : [D, BLK], f32
%21 = binary mul %20, %c : [D, BLK], f32
%22 = binary add %21, %14 : [D, BLK], f32
%23 = constant 0.000000e+00 : [], f32
%24 = select %on, %22, %23 : [D, BLK], f32
return %24
)");
}

TEST(Emit, FixedSizes) {
  EXPECT_EQ(ops(R"(attention f(k: [N, D])
{
  out = sum[n](k) * D
})",
                {"f32", {{"D", 64}}}),
            R"(%0 = reduce sum %k over ["N"] : [D], f32
%1 = extent "D" : [], i64
%2 = cast %1 : [], f32
%3 = binary mul %0, %2 : [D], f32
return %3
)");
}

// Its parameters are values, named apart from the names of the attention.
TEST(Emit, AFunctionIsWrittenOutAtEachCall) {
  EXPECT_EQ(ops(R"(fn norm(x) = x * rsqrt(mean[d](x * x) + 0.001)
fn twice(q) = q + q
attention f(q: [M, D], k: [N, D]) -> out
{
  out = sum[d](norm(twice(q)) * norm(k))
})"),
            R"(%0 = binary add %q, %q : [M, D], f32
%1 = binary mul %0, %0 : [M, D], f32
%2 = reduce mean %1 over ["D"] : [M], f32
%3 = constant 1.000000e-03 : [], f32
%4 = binary add %2, %3 : [M], f32
%5 = unary rsqrt %4 : [M], f32
%6 = binary mul %0, %5 : [M, D], f32
%7 = binary mul %k, %k : [D, N], f32
%8 = reduce mean %7 over ["D"] : [N], f32
%9 = binary add %8, %3 : [N], f32
%10 = unary rsqrt %9 : [N], f32
%11 = binary mul %k, %10 : [D, N], f32
%12 = binary mul %6, %11 : [M, D, N], f32
%13 = reduce sum %12 over ["D"] : [M, N], f32
return %13
)");
}

TEST(Emit, AReductionInAFunctionIsMaskedAtTheCall) {
  EXPECT_EQ(ops(R"(fn total(x) = sum[n](x)
attention f(s: [M, N], v: [N]) -> a, b
{
  a = total(s)
  mask = n <= m
  b = total(s)
})"),
            R"(%0 = reduce sum %s over ["N"] : [M], f32
%1 = index "N" : [N], i64
%2 = index "M" : [M], i64
%3 = compare le %1, %2 : [M, N], i1
%4 = reduce sum %s over ["N"] where %3 : [M], f32
return %0, %4
)");
}

TEST(Emit, TheSameFormulaIsOneQuantity) {
  EXPECT_EQ(ops(body(R"(  a = exp(q) + exp(q)
  out = a * (exp(q) + exp(q)))")),
            R"(%0 = unary exp %q : [M, D], f32
%1 = binary add %0, %0 : [M, D], f32
%2 = binary mul %1, %1 : [M, D], f32
return %2
)");
}

TEST(Emit, WhatNothingNeedsIsNotEmitted) {
  EXPECT_EQ(ops(body(R"(  x = exp(q)
  out = q + 1)")),
            R"(%0 = constant 1.000000e+00 : [], f32
%1 = binary add %q, %0 : [M, D], f32
return %1
)");
}

TEST(Emit, SeveralQueryAndKeyDimensions) {
  EXPECT_EQ(ops(R"(attention f(q: [Y, X, D], k: [U, W, D], v: [U, W, E])
{
  mask = abs(y - u) <= 6 and abs(x - w) <= 6
  out = sum[u, w](softmax[w, u](sum[d](q * k)) * v)
})"),
            R"(%0 = index "Y" : [Y], i64
%1 = index "U" : [U], i64
%2 = binary sub %0, %1 : [Y, U], i64
%3 = unary abs %2 : [Y, U], i64
%4 = constant 6 : [], i64
%5 = compare le %3, %4 : [Y, U], i1
%6 = index "X" : [X], i64
%7 = index "W" : [W], i64
%8 = binary sub %6, %7 : [X, W], i64
%9 = unary abs %8 : [X, W], i64
%10 = compare le %9, %4 : [X, W], i1
%11 = binary and %5, %10 : [Y, X, U, W], i1
%12 = binary mul %q, %k : [Y, X, D, U, W], f32
%13 = reduce sum %12 over ["D"] : [Y, X, U, W], f32
%14 = normalize softmax %13 over ["U", "W"] where %11 : [Y, X, U, W], f32
%15 = binary mul %14, %v : [Y, X, U, W, E], f32
%16 = reduce sum %15 over ["U", "W"] where %11 : [Y, X, E], f32
return %16
)");
}

TEST(EmitSignature, SaysNamesTypesLayoutsAndDefaults) {
  std::string ir = emitted(R"(
attention f(q: [M, D], doc: int[M], keep: bool[M], byte: uint8[D, M], w: int = -4,
            c: float = 2, on: bool = false) -> out: [D, M], near, total: uint8
{
  dim L = 3
  out = if keep and on then q * c else doc * w
  near = m < 2
  total = sum[m, d](byte) % 256 + sum[l](l)
})",
                           {"f16", {{"D", 64}}});
  llvm::StringRef signature = llvm::StringRef(ir).split("attn.spec ").second;
  EXPECT_EQ(
      signature.take_front(signature.find(" {\n")).str(),
      R"(@f(%q: !attn.q<[M, D], f16> {attn.layout = ["M", "D"], attn.name = "q"}, )"
      R"(%doc: !attn.q<[M], i32> {attn.layout = ["M"], attn.name = "doc"}, )"
      R"(%keep: !attn.q<[M], i8> {attn.layout = ["M"], attn.name = "keep", attn.type = "bool"}, )"
      R"(%byte: !attn.q<[M, D], i8> {attn.layout = ["D", "M"], attn.name = "byte", attn.type = "uint8"}, )"
      R"(%w: !attn.q<[], i64> {attn.default = -4 : i64, attn.name = "w"}, )"
      R"(%c: !attn.q<[], f32> {attn.default = 2.000000e+00 : f32, attn.name = "c"}, )"
      R"(%on: !attn.q<[], i1> {attn.default = false, attn.name = "on"}) )"
      R"(-> (!attn.q<[M, D], f16> {attn.layout = ["D", "M"], attn.name = "out"}, )"
      R"(!attn.q<[M], i8> {attn.layout = ["M"], attn.name = "near", attn.type = "bool"}, )"
      R"(!attn.q<[], i8> {attn.layout = [], attn.name = "total", attn.type = "uint8"}))"
      R"( attributes {dims = ["M", "D", "L"], sizes = {D = 64 : i64}})");
}

TEST(EmitOptions, AreCheckedAgainstTheSpec) {
  std::string source = "attention f(q: [BATCH, M, D]) {\n  dim L = 4\n  out = "
                       "sum[m, l](q + l)\n}";
  EXPECT_EQ(emitted(source, {"f31", {}}),
            "error: unknown element type 'f31'; did you mean 'f32'?; expected "
            "f32, f16 or bf16\n");
  EXPECT_EQ(
      emitted(source, {"f32", {{"BATHC", 1}, {"L", 8}, {"D", -1}}}),
      "error: 'f' has no dimension 'BATHC'; did you mean 'BATCH'?; it has "
      "BATCH, M, D, L\n"
      "error: the extent of D cannot be -1\n"
      "error: the extent of L is computed by the spec and cannot be "
      "set\n");
}

TEST(EmitOptions, TheNameIsCheckedAgainstTheFile) {
  std::string result;
  llvm::raw_string_ostream os(result);
  auto file = parseSpecFile("attention full(v: [N]) { out = sum[n](v) }\n"
                            "attention causal(v: [N]) { out = sum[n](v) }\n",
                            "spec.attn", os);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->specNames(), (std::vector<std::string>{"full", "causal"}));
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  EXPECT_FALSE(emitSpec(*file, "casual", {}, context, os));
  EXPECT_EQ(result,
            "spec.attn: error: no attention 'casual' here; did you mean "
            "'causal'?; it defines full, causal\n");
}

TEST(EmitLocations, AreThoseOfTheFormulas) {
  std::string result;
  llvm::raw_string_ostream os(result);
  auto file = parseSpecFile("attention f(q: [M, D], k: [N, D])\n{\n"
                            "  out = sum[d](q * k)\n}\n",
                            "spec.attn", os);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = emitSpec(*file, "f", {}, context, os);
  std::string locations;
  module->walk([&](mlir::Operation *op) {
    auto loc = llvm::cast<mlir::FileLineColLoc>(op->getLoc());
    locations += op->getName().getStringRef().str() + " " +
                 loc.getFilename().str() + ":" + std::to_string(loc.getLine()) +
                 ":" + std::to_string(loc.getColumn()) + "\n";
  });
  EXPECT_EQ(locations, "attn.binary spec.attn:3:18\n"
                       "attn.reduce spec.attn:3:9\n"
                       "attn.return spec.attn:1:11\n"
                       "attn.spec spec.attn:1:11\n"
                       "builtin.module spec.attn:1:11\n");
}
