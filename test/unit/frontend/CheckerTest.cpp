//===- CheckerTest.cpp - Every diagnostic of the checker, by its text -----===//

#include "test/unit/frontend/Specs.h"

using namespace attn;

namespace {

/// A spec of q: [M, D], k: [N, D] and v: [N, E] with these steps, which start
/// on its third line.
std::string body(llvm::StringRef steps) {
  return ("attention f(q: [M, D], k: [N, D], v: [N, E]) -> out\n{\n" + steps +
          "\n}\n")
      .str();
}

} // namespace

TEST(Checker, UnknownNameSuggestsTheNearest) {
  EXPECT_EQ(
      reportsOn(body(R"(  score = sum[d](q * k)
  out = sum[n](softmax[n](scroe) * v))")),
      R"(spec.attn:4:27: error: unknown name 'scroe'; did you mean 'score'?
    out = sum[n](softmax[n](scroe) * v)
                            ^~~~~
)");
}

TEST(Checker, UnknownNameFarFromAll) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[n](temperature * v))")),
            R"(spec.attn:3:16: error: unknown name 'temperature'
    out = sum[n](temperature * v)
                 ^~~~~~~~~~~
)");
}

TEST(Checker, UseBeforeDefinition) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[n](p * v)
  p = sum[d](q * k))")),
            R"(spec.attn:3:16: error: 'p' is used before its definition
    out = sum[n](p * v)
                 ^
spec.attn:4:3: note: 'p' is defined here
    p = sum[d](q * k)
    ^
)");
}

TEST(Checker, UseOfItself) {
  EXPECT_EQ(reportsOn(body(R"(  out = out + sum[n](v))")),
            R"(spec.attn:3:9: error: 'out' is used before its definition
    out = out + sum[n](v)
          ^~~
spec.attn:3:3: note: 'out' is defined here
    out = out + sum[n](v)
    ^~~
)");
}

TEST(Checker, StepDefinedTwice) {
  EXPECT_EQ(
      reportsOn(body(R"(  s = sum[d](q * k)
  s = s * 2
  out = sum[n](s * v))")),
      R"(spec.attn:4:3: error: 's' already names a step; choose another name
    s = s * 2
    ^
spec.attn:3:3: note: the first 's' is here
    s = sum[d](q * k)
    ^
)");
}

TEST(Checker, StepNamedLikeATensor) {
  EXPECT_EQ(
      reportsOn(body(R"(  q = sum[n](v)
  out = q)")),
      R"(spec.attn:3:3: error: 'q' names a step and also a tensor; choose another name
    q = sum[n](v)
    ^
spec.attn:1:13: note: tensor 'q' is here
  attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
              ^
)");
}

TEST(Checker, StepNamedLikeAnIndex) {
  EXPECT_EQ(
      reportsOn(body(R"(  m = sum[n](v)
  out = sum[n](v))")),
      R"(spec.attn:3:3: error: 'm' names a step and also the index of dimension M; rename one of them, for example the dimension to L
    m = sum[n](v)
    ^
spec.attn:1:17: note: dimension M is named here
  attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
                  ^
)");
}

TEST(Checker, StepNamedLikeADimension) {
  EXPECT_EQ(
      reportsOn(body(R"(  N = sum[n](v)
  out = sum[n](v))")),
      R"(spec.attn:3:3: error: 'N' names a step and also the size of dimension N; rename one of them, for example the dimension to L
    N = sum[n](v)
    ^
spec.attn:1:28: note: dimension N is named here
  attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
                             ^
)");
}

TEST(Checker, StepNamedLikeAFunction) {
  EXPECT_EQ(
      reportsOn(body(R"(  max = max[n](v)
  out = sum[n](v))")),
      R"(spec.attn:3:3: error: 'max' is a function of the language; choose another name
    max = max[n](v)
    ^~~
)");
}

TEST(Checker, TensorBesideADimension) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [N, D], v: [N, V]) -> out
{
  out = sum[n](q)
}
)"),
      R"(spec.attn:1:24: error: 'v' names a tensor and also the index of dimension V; rename one of them, for example the dimension to E
  attention f(q: [N, D], v: [N, V]) -> out
                         ^
spec.attn:1:31: note: dimension V is named here
  attention f(q: [N, D], v: [N, V]) -> out
                                ^
)");
}

TEST(Checker, TwoParametersOfOneName) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [N, D], q: [N, D]) -> out
{
  out = sum[n](q)
}
)"),
      R"(spec.attn:1:24: error: 'q' already names a tensor; choose another name
  attention f(q: [N, D], q: [N, D]) -> out
                         ^
spec.attn:1:13: note: the first 'q' is here
  attention f(q: [N, D], q: [N, D]) -> out
              ^
)");
}

TEST(Checker, ParameterNamedMask) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [N, D], mask: bool[N]) -> out
{
  out = sum[n](q)
}
)"),
      R"(spec.attn:1:24: error: 'mask' is the condition that a step 'mask = ...' gives; choose another name, such as 'keep', and write 'mask = keep'
  attention f(q: [N, D], mask: bool[N]) -> out
                         ^~~~
)");
}

TEST(Checker, ParameterNamedLikeAFn) {
  EXPECT_EQ(
      reportsOn(R"(fn twice(x) = x + x
attention f(q: [N, D], twice: [N]) -> out
{
  out = sum[n](q)
}
)"),
      R"(spec.attn:2:24: error: 'twice' names a tensor and also a function; choose another name
  attention f(q: [N, D], twice: [N]) -> out
                         ^~~~~
spec.attn:1:4: note: the function is defined here
  fn twice(x) = x + x
     ^~~~~
)");
}

TEST(Checker, FunctionUsedAsAValue) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](v * exp))")),
      R"(spec.attn:3:20: error: 'exp' is a function; call it, as in exp(...)
    out = sum[n](v * exp)
                     ^~~
)");
}

TEST(Checker, ReductionUsedAsAValue) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = softmax * sum[n](v))")),
      R"(spec.attn:3:9: error: 'softmax' is a reduction; write softmax[n](...)
    out = softmax * sum[n](v)
          ^~~~~~~
)");
}

TEST(Checker, TensorCalledLikeAFunction) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](v(n)))")),
      R"(spec.attn:3:16: error: 'v' is not a function; read it at another index with brackets, as in x[n: m]
    out = sum[n](v(n))
                 ^
)");
}

TEST(Checker, UnknownFunction) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](sigmiod(v)))")),
      R"(spec.attn:3:16: error: unknown function 'sigmiod'; did you mean 'sigmoid'?
    out = sum[n](sigmiod(v))
                 ^~~~~~~
)");
}

TEST(Checker, UnknownReduction) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sofmax[n](v))")),
      R"(spec.attn:3:9: error: 'sofmax' is not a reduction; did you mean 'softmax'?
    out = sofmax[n](v)
          ^~~~~~
)");
}

TEST(Checker, FunctionWithIndices) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = exp[n](v))")),
      R"(spec.attn:3:9: error: 'exp' is not a reduction; it is a function of numbers: exp(...)
    out = exp[n](v)
          ^~~
)");
}

TEST(Checker, ReductionWithoutIndices) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = softmax(v))")),
      R"(spec.attn:3:9: error: 'softmax' needs the indices that it runs over, as in softmax[n](...)
    out = softmax(v)
          ^~~~~~~
)");
}

TEST(Checker, ReductionWithEmptyIndices) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[](v))")),
      R"(spec.attn:3:9: error: 'sum' needs the indices that it runs over, as in sum[n](...)
    out = sum[](v)
          ^~~
)");
}

TEST(Checker, WrongCountOfArguments) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[n](exp(v, v) + max(v)))")),
            R"(spec.attn:3:16: error: 'exp' takes 1 argument, but is given 2
    out = sum[n](exp(v, v) + max(v))
                 ^~~
spec.attn:3:28: error: 'max' takes at least 2 arguments, but is given 1
    out = sum[n](exp(v, v) + max(v))
                             ^~~
)");
}

TEST(Checker, TwoOperandsOfAReduction) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[n](v, v))")),
            R"(spec.attn:3:9: error: 'sum' takes 1 argument, but is given 2
    out = sum[n](v, v)
          ^~~
)");
}

TEST(Checker, NamedArgument) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](exp(x = v)))")),
      R"(spec.attn:3:20: error: the arguments of a function have no names; write the value alone (or '==' to compare)
    out = sum[n](exp(x = v))
                     ^
)");
}

TEST(Checker, UnknownIndexInReduction) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[nn](v))")),
      R"(spec.attn:3:13: error: 'nn' is not the index of a dimension; did you mean 'n'?
    out = sum[nn](v)
              ^~
)");
}

TEST(Checker, DimensionInsteadOfIndex) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[N](v))")),
            R"(spec.attn:3:13: error: 'N' is a dimension; write its index 'n'
    out = sum[N](v)
              ^
)");
}

TEST(Checker, IndexNamedTwice) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[n, n](v))")),
            R"(spec.attn:3:16: error: 'n' is named twice
    out = sum[n, n](v)
                 ^
)");
}

TEST(Checker, ReductionOverAnAbsentDimension) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[d](v))")),
            R"(spec.attn:3:9: error: 'sum' runs over D, but 'v' has [N, E]
    out = sum[d](v)
          ^~~~~~~~~
)");
}

TEST(Checker, ReductionOfANumber) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[n](1))")),
            R"(spec.attn:3:9: error: 'sum' runs over N, but '1' has no dimension
    out = sum[n](1)
          ^~~~~~~~~
)");
}

TEST(Checker, DimensionInLowerCase) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, d], k: [M, D]) -> out
{
  out = sum[d](q)
}
)"),
      R"(spec.attn:1:20: error: a dimension begins with a capital letter, and its index is the name in lower case; write 'D'
  attention f(q: [M, d], k: [M, D]) -> out
                     ^
)");
}

TEST(Checker, DimensionTwiceInATensor) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [N, N]) -> out
{
  out = sum[n](q)
}
)"),
      R"(spec.attn:1:20: error: dimension N occurs twice in 'q'; give it another name here, and 'require' that the two are equal
  attention f(q: [N, N]) -> out
                     ^
)");
}

TEST(Checker, TwoDimensionsOfOneIndex) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [KV, Kv]) -> out
{
  out = q
}
)"),
      R"(spec.attn:1:21: error: dimensions KV and Kv would both have the index 'kv'; choose another name
  attention f(q: [KV, Kv]) -> out
                      ^~
spec.attn:1:17: note: dimension KV is named here
  attention f(q: [KV, Kv]) -> out
                  ^~
)");
}

TEST(Checker, DimensionWithAReservedIndex) {
  EXPECT_EQ(
      reportsOn(R"(attention f(a: [EXP, IF, MASK]) -> out
{
  out = a
}
)"),
      R"(spec.attn:1:17: error: the index of dimension EXP would be 'exp', which is a function of the language; choose another name
  attention f(a: [EXP, IF, MASK]) -> out
                  ^~~
spec.attn:1:22: error: the index of dimension IF would be 'if', which is a word of the language; choose another name
  attention f(a: [EXP, IF, MASK]) -> out
                       ^~
spec.attn:1:26: error: the index of dimension MASK would be 'mask', which is a word of the language; choose another name
  attention f(a: [EXP, IF, MASK]) -> out
                           ^~~~
)");
}

TEST(Checker, NumberAsADimension) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, 64]) -> out
{
  out = q
}
)"),
      R"(spec.attn:1:20: error: a dimension has a name; write one here, and 'require NAME == 64' in the body
  attention f(q: [M, 64]) -> out
                     ^~
)");
}

TEST(Checker, TensorWithoutDimensions) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: []) -> out
{
  out = q
}
)"),
      R"(spec.attn:1:13: error: a tensor has at least one dimension; a scalar is written 'q: float'
  attention f(q: []) -> out
              ^
)");
}

TEST(Checker, TooManyDimensions) {
  EXPECT_EQ(
      reportsOn(
          R"(attention f(q: [A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17, A18, A19, A20, A21, A22, A23, A24, A25, A26, A27, A28, A29, A30, A31, A32, A33, A34, A35, A36, A37, A38, A39, A40, A41, A42, A43, A44, A45, A46, A47, A48, A49, A50, A51, A52, A53, A54, A55, A56, A57, A58, A59, A60, A61, A62, A63, A64]) -> out
{
  out = q
}
)"),
      R"(spec.attn:1:327: error: a spec has at most 64 dimensions
  A48, A49, A50, A51, A52, A53, A54, A55, A56, A57, A58, A59, A60, A61, A62, A63, A64]) -> out
                                                                                  ^~~
)");
}

TEST(Checker, UnknownType) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: flaot[N], w: int3) -> out
{
  out = sum[n](q)
}
)"),
      R"(spec.attn:1:16: error: unknown type 'flaot'; did you mean 'float'?
  attention f(q: flaot[N], w: int3) -> out
                 ^~~~~
spec.attn:1:29: error: unknown type 'int3'; did you mean 'int'?
  attention f(q: flaot[N], w: int3) -> out
                              ^~~~
)");
}

TEST(Checker, NarrowScalar) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [N], w: bf16) -> out
{
  out = sum[n](q) * w
}
)"),
            R"(spec.attn:1:24: error: a scalar is int, float or bool, not bf16
  attention f(q: [N], w: bf16) -> out
                         ^~~~
)");
}

TEST(Checker, DefaultOfAnotherType) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [N], w: int = 0.5) -> out
{
  out = sum[n](q) * w
}
)"),
      R"(spec.attn:1:30: error: the default of 'w' is float, but its type is int
  attention f(q: [N], w: int = 0.5) -> out
                               ^~~
spec.attn:1:24: note: the type is given here
  attention f(q: [N], w: int = 0.5) -> out
                         ^~~
)");
}

TEST(Checker, DefaultThatIsAFormula) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [N], w: int = N) -> out
{
  out = sum[n](q) * w
}
)"),
      R"(spec.attn:1:30: error: the default of 'w' must be a number, not a formula
  attention f(q: [N], w: int = N) -> out
                               ^
)");
}

TEST(Checker, DefaultOfATensor) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [N] = 1) -> out
{
  out = sum[n](q)
}
)"),
            R"(spec.attn:1:22: error: a tensor has no default; only scalars do
  attention f(q: [N] = 1) -> out
                       ^
)");
}

TEST(Checker, ConditionAsANumber) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](v * (n < 3)))")),
      R"(spec.attn:3:23: error: expected a number, but '(n < 3)' is a condition; write 'if ... then ... else ...', or 'float(...)' for 0 and 1
    out = sum[n](v * (n < 3))
                     ~~~^~~~
)");
}

TEST(Checker, NumberAsACondition) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](v where n)
  x = not n)")),
      R"(spec.attn:3:24: error: expected a condition, but 'n' is int; compare it, as in '... != 0'
    out = sum[n](v where n)
                         ^
spec.attn:4:11: error: expected a condition, but 'n' is int; compare it, as in '... != 0'
    x = not n
            ^
)");
}

TEST(Checker, IfOnANumber) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](if n then v else 0))")),
      R"(spec.attn:3:19: error: expected a condition, but 'n' is int; compare it, as in '... != 0'
    out = sum[n](if n then v else 0)
                    ^
)");
}

TEST(Checker, IfOfTwoTypes) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](if n < 3 then v else n < 2))")),
      R"(spec.attn:3:16: error: the two values of 'if' differ in type: 'v' is float and 'n < 2' is bool
    out = sum[n](if n < 3 then v else n < 2)
                 ^~~~~~~~~~~~~~~~~~~~~~~~~~
)");
}

TEST(Checker, ComparisonOfAConditionAndANumber) {
  EXPECT_EQ(
      reportsOn(body(R"(  x = (n < 3) == 1
  out = sum[n](v where x))")),
      R"(spec.attn:3:15: error: '==' cannot compare '(n < 3)', which is bool, and '1', which is int
    x = (n < 3) == 1
        ~~~~~~~~^~~~
)");
}

TEST(Checker, OrderOfConditions) {
  EXPECT_EQ(
      reportsOn(body(R"(  x = (n < 3) < (n < 2)
  out = sum[n](v where x))")),
      R"(spec.attn:3:15: error: '<' cannot compare '(n < 3)', which is bool, and '(n < 2)', which is bool
    x = (n < 3) < (n < 2)
        ~~~~~~~~^~~~~~~~~
)");
}

TEST(Checker, BitsOfAFloat) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](v & 3))")),
      R"(spec.attn:3:18: error: '&' is for two ints or two conditions, but 'v' is float and '3' is int
    out = sum[n](v & 3)
                 ~~^~~
)");
}

TEST(Checker, ShiftOfACondition) {
  EXPECT_EQ(
      reportsOn(body(R"(  x = (n < 3) << 1
  out = sum[n](v))")),
      R"(spec.attn:3:15: error: '<<' is for ints, but '(n < 3)' is bool and '1' is int
    x = (n < 3) << 1
        ~~~~~~~~^~~~
)");
}

TEST(Checker, SeedThatIsNoInt) {
  EXPECT_EQ(
      reportsOn(
          body(R"(  out = sum[n](if uniform(0.5, n) < 0.1 then v else 0))")),
      R"(spec.attn:3:27: error: the seed and the indices of 'uniform' are ints, but '0.5' is float
    out = sum[n](if uniform(0.5, n) < 0.1 then v else 0)
                            ^~~
)");
}

TEST(Checker, SumOfConditions) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](n < 3))")),
      R"(spec.attn:3:18: error: expected a number, but 'n < 3' is a condition; write 'if ... then ... else ...', or 'float(...)' for 0 and 1
    out = sum[n](n < 3)
                 ~~^~~
)");
}

TEST(Checker, MaskThatIsNoCondition) {
  EXPECT_EQ(
      reportsOn(body(R"(  mask = n - m
  out = sum[n](softmax[n](sum[d](q * k)) * v))")),
      R"(spec.attn:3:12: error: the mask must be a condition, but 'n - m' is int; compare it, as in '... != 0'
    mask = n - m
           ~~^~~
)");
}

TEST(Checker, MaskWithoutDimensions) {
  EXPECT_EQ(
      reportsOn(body(R"(  mask = M == N
  out = sum[n](v))")),
      R"(spec.attn:3:12: error: the mask has no dimension, so it restricts nothing; say with indices which elements take part, as in 'n <= m'
    mask = M == N
           ~~^~~~
)");
}

TEST(Checker, TwoMasks) {
  EXPECT_EQ(
      reportsOn(body(R"(  mask = n <= m
  mask = n > 3
  out = sum[n](sum[d](q * k) * v))")),
      R"(spec.attn:4:3: error: a spec has one mask; join the conditions with 'and'
    mask = n > 3
    ^~~~
spec.attn:3:3: note: the first mask is here
    mask = n <= m
    ^~~~
)");
}

TEST(Checker, AmbiguousUnderTheMask) {
  EXPECT_EQ(
      reportsOn(body(R"(  mask = n <= m
  mu = mean[n](k)
  out = sum[n](sum[d](q * (k - mu)) * v))")),
      R"(spec.attn:4:8: error: the mask depends on M, but 'k' does not: which elements exist is ambiguous; write 'mean[n](k where mask)' for one result for each m, or 'mean[n](k where all)' for all elements
    mu = mean[n](k)
         ^~~~~~~~~~
spec.attn:3:3: note: the mask over [M, N] is here
    mask = n <= m
    ^~~~
)");
}

TEST(Checker, AmbiguousDespiteWhere) {
  EXPECT_EQ(
      reportsOn(body(R"(  mask = n <= m
  out = sum[n](v where n > 3))")),
      R"(spec.attn:4:9: error: the mask depends on M, but 'v' does not: which elements exist is ambiguous; add 'mask and' after 'where' for one result for each m
    out = sum[n](v where n > 3)
          ^~~~~~~~~~~~~~~~~~~~~
spec.attn:3:3: note: the mask over [M, N] is here
    mask = n <= m
    ^~~~
)");
}

TEST(Checker, MaskAfterTheReductions) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](sum[d](q * k) * v)
  mask = n <= m)")),
      R"(spec.attn:4:3: warning: the mask restricts nothing: no reduction over its dimensions comes after it
    mask = n <= m
    ^~~~
)");
}

TEST(Checker, ReadAtAnAbsentDimension) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](v[m: n]))")),
      R"(spec.attn:3:18: error: 'v' has no dimension M to read at; it has [N, E]
    out = sum[n](v[m: n])
                   ^
spec.attn:1:35: note: it is defined here
  attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
                                    ^
)");
}

TEST(Checker, ReadAtAFloat) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = sum[n](v[n: n / 2]))")),
      R"(spec.attn:3:23: error: the position for 'n' must be an int, but 'n / 2' is float; write 'int(...)', or '//' for a division
    out = sum[n](v[n: n / 2])
                      ~~^~~
)");
}

TEST(Checker, ReadBelowZero) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = v[n: -1])")),
      R"(spec.attn:3:14: error: position -1 is below 0; the last element is at N - 1
    out = v[n: -1]
               ^~
)");
}

TEST(Checker, ReadTwiceAtOneDimension) {
  EXPECT_EQ(reportsOn(body(R"(  out = v[n: 0, n: 1])")),
            R"(spec.attn:3:17: error: 'n' is named twice
    out = v[n: 0, n: 1]
                  ^
)");
}

TEST(Checker, ReadAtADimensionName) {
  EXPECT_EQ(reportsOn(body(R"(  out = v[N: 0])")),
            R"(spec.attn:3:11: error: 'N' is a dimension; write its index 'n'
    out = v[N: 0]
            ^
)");
}

TEST(Checker, ReadAtAnUnknownIndex) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = v[x: 0])")),
      R"(spec.attn:3:11: error: 'x' is not the index of a dimension; the indices are m, d, n, e
    out = v[x: 0]
            ^
)");
}

TEST(Checker, ExtentThatIsNoInt) {
  EXPECT_EQ(
      reportsOn(body(R"(  dim BLK = N / 64
  out = sum[n](v))")),
      R"(spec.attn:3:15: error: the extent of BLK must be an int, but 'N / 64' is float; '/' is real division: write 'a // b' or 'ceil(a / b)'
    dim BLK = N / 64
              ~~^~~~
)");
}

TEST(Checker, ExtentOfATensor) {
  EXPECT_EQ(
      reportsOn(body(R"(  dim BLK = sum[n](n)
  out = sum[n](v))")),
      R"(spec.attn:3:13: error: the extent of BLK must be known before the tensors are read: it can use sizes and scalars alone
    dim BLK = sum[n](n)
              ^~~~~~~~~
)");
}

TEST(Checker, ExtentBelowZero) {
  EXPECT_EQ(reportsOn(body(R"(  dim L = -4
  out = sum[n](v))")),
            R"(spec.attn:3:11: error: the extent of L is below 0
    dim L = -4
            ^~
)");
}

TEST(Checker, ExtentGivenTwice) {
  EXPECT_EQ(
      reportsOn(body(R"(  dim N = 64
  out = sum[n](v))")),
      R"(spec.attn:3:7: error: dimension N has its extent already; to demand one, write 'require N == ...'
    dim N = 64
        ^
spec.attn:1:28: note: dimension N is named here
  attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
                             ^
)");
}

TEST(Checker, DimensionNamedLikeAScalar) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [N], w: int) -> out
{
  dim W = 64
  out = sum[n](q) * w
}
)"),
      R"(spec.attn:3:7: error: dimension W and its index 'w' need names of their own, but 'w' has a meaning already
    dim W = 64
        ^
spec.attn:1:21: note: 'w' is defined here
  attention f(q: [N], w: int) -> out
                      ^
)");
}

TEST(Checker, ExtentUsedBeforeItsDefinition) {
  EXPECT_EQ(reportsOn(body(R"(  out = sum[l](v[n: l])
  dim L = 4)")),
            R"(spec.attn:3:13: error: 'l' is used before its definition
    out = sum[l](v[n: l])
              ^
spec.attn:4:7: note: 'l' is defined here
    dim L = 4
        ^
spec.attn:3:21: error: 'l' is used before its definition
    out = sum[l](v[n: l])
                      ^
spec.attn:4:7: note: 'l' is defined here
    dim L = 4
        ^
)");
}

TEST(Checker, RequirementOfATensor) {
  EXPECT_EQ(
      reportsOn(body(R"(  require n < 4
  out = sum[n](v))")),
      R"(spec.attn:3:13: error: a requirement must be known before the tensors are read: it can use sizes and scalars alone
    require n < 4
            ~~^~~
)");
}

TEST(Checker, RequirementThatIsNoCondition) {
  EXPECT_EQ(
      reportsOn(body(R"(  require N - M
  out = sum[n](v))")),
      R"(spec.attn:3:13: error: expected a condition, but 'N - M' is int; compare it, as in '... != 0'
    require N - M
            ~~^~~
)");
}

TEST(Checker, OutputWithoutAStep) {
  EXPECT_EQ(
      reportsOn(body(R"(  outt = sum[n](v))")),
      R"(spec.attn:1:49: error: no step computes the output 'out'; did you mean 'outt'?
  attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
                                                  ^~~
)");
}

TEST(Checker, OutputThatIsAParameter) {
  EXPECT_EQ(
      reportsOn(R"(attention f(v: [N]) -> v
{
  x = sum[n](v)
}
)"),
      R"(spec.attn:1:24: error: no step computes the output 'v'; an output needs a step and a name of its own
  attention f(v: [N]) -> v
                         ^
)");
}

TEST(Checker, NoOutputAtAll) {
  EXPECT_EQ(
      reportsOn(R"(attention f(v: [N])
{
  x = sum[n](v)
}
)"),
      R"(spec.attn:1:11: error: 'f' has no step 'out', which is the output when no arrow names others, as in '-> lse'
  attention f(v: [N])
            ^
)");
}

TEST(Checker, OutputNamedTwice) {
  EXPECT_EQ(reportsOn(R"(attention f(v: [N]) -> a, a
{
  a = sum[n](v)
}
)"),
            R"(spec.attn:1:27: error: 'a' is an output already
  attention f(v: [N]) -> a, a
                            ^
spec.attn:1:24: note: the first is here
  attention f(v: [N]) -> a, a
                         ^
)");
}

TEST(Checker, OutputWithAMissingDimension) {
  EXPECT_EQ(
      reportsOn(R"(attention f(v: [N, E]) -> a: [N]
{
  a = v
}
)"),
      R"(spec.attn:1:27: error: output 'a' has [N, E], but the arrow leaves out E
  attention f(v: [N, E]) -> a: [N]
                            ^
spec.attn:3:3: note: it is computed here
    a = v
    ^
)");
}

TEST(Checker, OutputWithAnExtraDimension) {
  EXPECT_EQ(reportsOn(R"(attention f(v: [N, E]) -> a: [N, E]
{
  a = sum[n](v)
}
)"),
            R"(spec.attn:1:27: error: output 'a' has [E], without N
  attention f(v: [N, E]) -> a: [N, E]
                            ^
spec.attn:3:3: note: it is computed here
    a = sum[n](v)
    ^
)");
}

TEST(Checker, OutputWithAnUnknownDimension) {
  EXPECT_EQ(reportsOn(R"(attention f(v: [N, E]) -> a: [N, F]
{
  a = v
}
)"),
            R"(spec.attn:1:34: error: unknown dimension 'F'
  attention f(v: [N, E]) -> a: [N, F]
                                   ^
)");
}

TEST(Checker, OutputOfAnotherType) {
  EXPECT_EQ(
      reportsOn(R"(attention f(v: [N, E]) -> a: int[N, E]
{
  a = v
}
)"),
      R"(spec.attn:1:30: error: output 'a' is float, not int; convert it in its step with 'int(...)'
  attention f(v: [N, E]) -> a: int[N, E]
                               ^~~
spec.attn:3:3: note: 'a' is computed here
    a = v
    ^
)");
}

TEST(Checker, FnSeesItsParametersAlone) {
  EXPECT_EQ(
      reportsOn(R"(fn g(xs) = x + m
attention f(v: [N, E]) -> out
{
  out = sum[n](g(v))
}
)"),
      R"(spec.attn:1:12: error: 'x' is not a parameter of 'g', and a function sees nothing else
  fn g(xs) = x + m
             ^
spec.attn:1:16: error: 'm' is not a parameter of 'g', and a function sees nothing else
  fn g(xs) = x + m
                 ^
)");
}

TEST(Checker, ErrorInAnExpandedFn) {
  EXPECT_EQ(
      reportsOn(R"(fn h(x) = sum[p](x)
fn g(x, c) = h(x) + c
attention f(v: [N, E]) -> out
{
  out = g(v, n < 2)
}
)"),
      R"(spec.attn:1:15: error: 'p' is not the index of a dimension; the indices are n, e
  fn h(x) = sum[p](x)
                ^
spec.attn:2:14: note: in this call of 'h'
  fn g(x, c) = h(x) + c
               ^~~~
spec.attn:5:9: note: in this call of 'g'
    out = g(v, n < 2)
          ^~~~~~~~~~~
)");
}

TEST(Checker, FnCallsItself) {
  EXPECT_EQ(
      reportsOn(R"(fn g(x) = h(x)
fn h(x) = g(x) + 1
attention f(v: [N, E]) -> out
{
  out = sum[n](g(v))
}
)"),
      R"(spec.attn:1:4: error: 'g' calls itself, directly or through others; a function is written out at each call and must come to an end
  fn g(x) = h(x)
     ^
spec.attn:2:4: error: 'h' calls itself, directly or through others; a function is written out at each call and must come to an end
  fn h(x) = g(x) + 1
     ^
)");
}

TEST(Checker, FnWithAWrongCountOfArguments) {
  EXPECT_EQ(reportsOn(R"(fn g(x) = x
attention f(v: [N, E]) -> out
{
  out = sum[n](g(v, 1))
}
)"),
            R"(spec.attn:4:16: error: 'g' takes 1 argument, but is given 2
    out = sum[n](g(v, 1))
                 ^
spec.attn:1:4: note: 'g' is defined here
  fn g(x) = x
     ^
)");
}

TEST(Checker, FnDefinedTwice) {
  EXPECT_EQ(reportsOn(R"(fn g(x) = x
fn g(x) = x
attention f(v: [N, E]) -> out
{
  out = sum[n](g(v))
}
)"),
            R"(spec.attn:2:4: error: 'g' is already defined
  fn g(x) = x
     ^
spec.attn:1:4: note: the other definition is here
  fn g(x) = x
     ^
)");
}

TEST(Checker, FnNamedLikeABuiltin) {
  EXPECT_EQ(
      reportsOn(R"(fn exp(x) = x
attention f(v: [N, E]) -> out
{
  out = sum[n](v)
}
)"),
      R"(spec.attn:1:4: error: 'exp' is a function of the language; choose another name
  fn exp(x) = x
     ^~~
)");
}

TEST(Checker, FnWithTwoParametersOfOneName) {
  EXPECT_EQ(reportsOn(R"(fn g(x, x, max) = x
attention f(v: [N, E]) -> out
{
  out = sum[n](v)
}
)"),
            R"(spec.attn:1:9: error: two parameters of 'g' are named 'x'
  fn g(x, x, max) = x
          ^
spec.attn:1:6: note: the other is here
  fn g(x, x, max) = x
       ^
spec.attn:1:12: error: 'max' is a function of the language; choose another name
  fn g(x, x, max) = x
             ^~~
)");
}

TEST(Checker, TwoAttentionsOfOneName) {
  EXPECT_EQ(reportsOn(R"(attention f(v: [N]) { out = sum[n](v) }
attention f(v: [N, E]) -> out
{
  out = sum[n](v)
}
)"),
            R"(spec.attn:2:11: error: 'f' is already defined
  attention f(v: [N, E]) -> out
            ^
spec.attn:1:11: note: the other definition is here
  attention f(v: [N]) { out = sum[n](v) }
            ^
)");
}

TEST(Checker, NotYetSelections) {
  EXPECT_EQ(
      reportsOn(body(R"(  a = topk[n](v, 4)
  b = argmax[n](v)
  c = sort[n](v)
  out = threshold[n](v))")),
      R"(spec.attn:3:7: error: not yet: a selection ('topk'); this version has sum, mean, max, min, softmax, logsumexp and l1
    a = topk[n](v, 4)
        ^~~~
spec.attn:4:7: error: not yet: a selection ('argmax'); this version has sum, mean, max, min, softmax, logsumexp and l1
    b = argmax[n](v)
        ^~~~~~
spec.attn:5:7: error: not yet: a selection ('sort'); this version has sum, mean, max, min, softmax, logsumexp and l1
    c = sort[n](v)
        ^~~~
spec.attn:6:9: error: not yet: a selection ('threshold'); this version has sum, mean, max, min, softmax, logsumexp and l1
    out = threshold[n](v)
          ^~~~~~~~~
)");
}

TEST(Checker, NotYetCumulativeSums) {
  EXPECT_EQ(
      reportsOn(body(R"(  out = cumsum[n](v))")),
      R"(spec.attn:3:9: error: not yet: a cumulative sum; this version has sum[n](x where n <= m), which gives the sums up to each m
    out = cumsum[n](v)
          ^~~~~~
)");
}

TEST(Checker, NotYetRecurrences) {
  EXPECT_EQ(
      reportsOn(body(R"(  state S: [D, E]
  out = sum[n](v))")),
      R"(spec.attn:3:3: error: not yet: a recurrence ('state'); this version has formulas over all indices at once
    state S: [D, E]
    ^~~~~
)");
}

TEST(Checker, NotYetCallingAnotherAttention) {
  EXPECT_EQ(reportsOn(R"(attention g(v: [N]) { out = sum[n](v) }
attention f(v: [N]) -> out
{
  out = g(v = v)
}
)"),
            R"(spec.attn:4:9: error: not yet: calling another attention ('g')
    out = g(v = v)
          ^
)");
}

TEST(Checker, SeveralErrorsInOneRun) {
  EXPECT_EQ(
      reportsOn(body(R"(  a = sum[x](q)
  b = qq + 1
  c = a + b
  out = sum[n](v * true))")),
      R"(spec.attn:3:11: error: 'x' is not the index of a dimension; the indices are m, d, n, e
    a = sum[x](q)
            ^
spec.attn:4:7: error: unknown name 'qq'; did you mean 'q'?
    b = qq + 1
        ^~
spec.attn:6:20: error: expected a number, but 'true' is a condition; write 'if ... then ... else ...', or 'float(...)' for 0 and 1
    out = sum[n](v * true)
                     ^~~~
)");
}

TEST(Checker, NoErrorFollowsFromAnother) {
  EXPECT_EQ(reportsOn(body(R"(  score = sum[d](q * kk)
  mask = n <= m
  p = softmax[n](score)
  lse = logsumexp[n](score)
  out = sum[n](p * v) * lse)")),
            R"(spec.attn:3:22: error: unknown name 'kk'; did you mean 'k'?
    score = sum[d](q * kk)
                       ^~
)");
}

TEST(Checker, WarnsOfWhatIsUnused) {
  EXPECT_EQ(
      reportsOn(
          R"(attention f(q: [M, D], k: [N, D], v: [N, E], slope: [N], cap: float) -> out
{
  lse = logsumexp[n](sum[d](q * k))
  out = sum[n](v)
}
)"),
      R"(spec.attn:1:46: warning: 'slope' is never used
  attention f(q: [M, D], k: [N, D], v: [N, E], slope: [N], cap: float) -> out
                                               ^~~~~
spec.attn:1:58: warning: 'cap' is never used
  attention f(q: [M, D], k: [N, D], v: [N, E], slope: [N], cap: float) -> out
                                                           ^~~
spec.attn:3:3: warning: step 'lse' is never used, nor is it an output
    lse = logsumexp[n](sum[d](q * k))
    ^~~
)");
}

TEST(Checker, OutputWhoseStepIsRefused) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M], v: [N]) -> m
{
  m = sum[n](v)
}
)"),
      R"(spec.attn:3:3: error: 'm' names a step and also the index of dimension M; rename one of them, for example the dimension to E
    m = sum[n](v)
    ^
spec.attn:1:17: note: dimension M is named here
  attention f(q: [M], v: [N]) -> m
                  ^
)");
}
