//===- ParserTest.cpp - Trees, and every diagnostic of the parser ---------===//

#include "test/unit/frontend/Specs.h"

using namespace attn;

namespace {

/// The formula \p text as the parser groups it.
std::string grouped(llvm::StringRef text) {
  std::string source = "fn f(a, b, c) = " + text.str() + "\n";
  Diagnostics diagnostics(source, "spec.attn");
  File file = parse(diagnostics);
  EXPECT_FALSE(diagnostics.hasErrors()) << text.str();
  std::string printed;
  llvm::raw_string_ostream os(printed);
  print(file, os);
  return llvm::StringRef(printed).rtrim().drop_front(16).str();
}

} // namespace

TEST(Parser, BindsAsPythonDoes) {
  EXPECT_EQ(grouped("a + b * c"), "(a + (b * c))");
  EXPECT_EQ(grouped("a - b - c"), "((a - b) - c)");
  EXPECT_EQ(grouped("a * b // c % a"), "(((a * b) // c) % a)");
  EXPECT_EQ(grouped("-a ** b"), "(-(a ** b))");
  EXPECT_EQ(grouped("a ** -b ** c"), "(a ** (-(b ** c)))");
  EXPECT_EQ(grouped("a << b + c"), "(a << (b + c))");
  EXPECT_EQ(grouped("a | b ^ c & a"), "(a | (b ^ (c & a)))");
  EXPECT_EQ(grouped("a & b == c"), "((a & b) == c)");
  EXPECT_EQ(grouped("a < b <= c != a"), "(a < b <= c != a)");
  EXPECT_EQ(grouped("(a < b) < c"), "((a < b) < c)");
  EXPECT_EQ(grouped("not a < b and c or a"), "(((not (a < b)) and c) or a)");
  EXPECT_EQ(grouped("not not a"), "(not (not a))");
}

TEST(Parser, AnIfReachesAsFarAsItCan) {
  EXPECT_EQ(grouped("if a then b else c + 1"), "(if a then b else (c + 1))");
  EXPECT_EQ(grouped("if a then if b then 1 else 2 else 3"),
            "(if a then (if b then 1 else 2) else 3)");
  EXPECT_EQ(grouped("(if a then b else c) + 1"), "((if a then b else c) + 1)");
}

TEST(Parser, ReadsReductionsAndReads) {
  EXPECT_EQ(grouped("sum[n, p](a where b < c)"), "sum[n, p](a where (b < c))");
  EXPECT_EQ(grouped("max[n](a where all)"), "max[n](a where all)");
  EXPECT_EQ(grouped("max(a, b)"), "max(a, b)");
  EXPECT_EQ(grouped("a[n: b + 1, m: 0][d: c]"), "a[n: (b + 1), m: 0][d: c]");
}

TEST(Parser, ReadsNumbers) {
  EXPECT_EQ(grouped("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(grouped("0xFF + 007"), "(255 + 7)");
  EXPECT_EQ(grouped("1.5 + .5 + 2. + 1e-3"), "(((1.5 + 0.5) + 2.0) + 0.001)");
}

TEST(Parser, LineBreaksSeparateNothingInsideAFormula) {
  EXPECT_EQ(grouped("a\n  + b\n  * c"), "(a + (b * c))");
}

TEST(Parser, PrintsWhatItReadsAgain) {
  std::string source = R"(
fn cap(x, c) = c * tanh(x / c)
attention f(q: [M, D], k: bf16[N, D], doc: int[N], w: int = -1) -> a, b: f32, c: int[N, M]
{
  dim BLK = ceil(N / 64), L = 64
  require M == N, "as many queries as keys"
  require w > 0
  mask = 0 <= m - n < w and not doc[n: m] == doc
  a = softmax[n](cap(sum[d](q * k), 1e-30) where n != 3)
  b = if true then -a[n: 0] ** 2 else inf
  c = int(max[d](k where all))
}
)";
  std::string once = printed(source);
  EXPECT_EQ(printed(once), once);
  EXPECT_EQ(once, R"(fn cap(x, c) = (c * tanh((x / c)))
attention f(q: [M, D], k: bf16[N, D], doc: int[N], w: int = (-1)) -> a, b: f32, c: int[N, M]
{
  dim BLK = ceil((N / 64))
  dim L = 64
  require (M == N), "as many queries as keys"
  require (w > 0)
  mask = ((0 <= (m - n) < w) and (not (doc[n: m] == doc)))
  a = softmax[n](cap(sum[d]((q * k)), 1e-30) where (n != 3))
  b = (if true then (-(a[n: 0] ** 2)) else inf)
  c = int(max[d](k where all))
}
)");
}

TEST(Parser, BoundsTheNesting) {
  auto nested = [](llvm::StringRef open, llvm::StringRef close,
                   unsigned depth) {
    std::string text = "fn f(a) = ";
    for (unsigned i = 0; i < depth; ++i)
      text += open;
    text += "a";
    for (unsigned i = 0; i < depth; ++i)
      text += close;
    return reportsOn(text + "\nattention g(v: [N]) { out = sum[n](v) }\n");
  };
  for (auto [open, close] :
       std::initializer_list<std::pair<const char *, const char *>>{
           {"(", ")"},
           {"-", ""},
           {"a + ", ""},
           {"", " + a"},
           {"not ", ""},
           {"exp(", ")"},
           {"sum[n](", ")"},
           {"", "[n: 0]"},
           {"a[n: ", "]"},
           {"if a then a else ", ""},
           {"a ** ", ""}}) {
    EXPECT_EQ(nested(open, close, 80), "") << open << close;
    std::string reports = nested(open, close, 100000);
    EXPECT_NE(reports.find("nested more than 256 deep; give names to its "
                           "parts"),
              std::string::npos)
        << open << close << reports.substr(0, 500);
  }
}

TEST(Parser, NothingAtAll) {
  EXPECT_EQ(reportsOn(R"()"),
            R"(spec.attn:1:1: error: this file defines no attention
  
  ^
)");
}

TEST(Parser, NoDeclaration) {
  EXPECT_EQ(reportsOn(R"(score = 1
attention f(v: [N]) { out = sum[n](v) }
)"),
            R"(spec.attn:1:1: error: expected 'attention' or 'fn', found 'score'
  score = 1
  ^~~~~
)");
}

TEST(Parser, MissingNameOfAttention) {
  EXPECT_EQ(
      reportsOn(R"(attention (v: [N]) { out = sum[n](v) }
)"),
      R"(spec.attn:1:11: error: expected the name of an attention, found '('
  attention (v: [N]) { out = sum[n](v) }
            ^
)");
}

TEST(Parser, MissingTypeOfParameter) {
  EXPECT_EQ(
      reportsOn(R"(attention f(v, w) { out = 1 }
)"),
      R"(spec.attn:1:14: error: expected ':' and a type or dimensions after 'v', found ','
  attention f(v, w) { out = 1 }
               ^
spec.attn:1:17: error: expected ':' and a type or dimensions after 'w', found ')'
  attention f(v, w) { out = 1 }
                  ^
)");
}

TEST(Parser, KeywordAsAName) {
  EXPECT_EQ(
      reportsOn(R"(attention f(if: [N]) { out = 1 }
)"),
      R"(spec.attn:1:13: error: 'if' is a word of the language and cannot be a parameter
  attention f(if: [N]) { out = 1 }
              ^~
)");
}

TEST(Parser, KeywordAsTheNameOfAStep) {
  EXPECT_EQ(
      reportsOn(R"(attention f(v: [N]) -> out
{
  all = v
  x = v + 1
  and = x
  attention = x
  require = x
  out = x
}
)"),
      R"(spec.attn:3:3: error: 'all' is a word of the language and cannot be the name of a step
    all = v
    ^~~
spec.attn:5:3: error: 'and' is a word of the language and cannot be the name of a step
    and = x
    ^~~
spec.attn:6:3: error: 'attention' is a word of the language and cannot be the name of a step
    attention = x
    ^~~~~~~~~
spec.attn:7:3: error: 'require' is a word of the language and cannot be the name of a step
    require = x
    ^~~~~~~
)");
}

TEST(Parser, KeywordAsANameOnANewLine) {
  EXPECT_EQ(
      reportsOn(R"(attention f(v: [N],
            all: [N]) -> out
{
  out = v
}
)"),
      R"(spec.attn:2:13: error: 'all' is a word of the language and cannot be a parameter
              all: [N]) -> out
              ^~~
)");
}

TEST(Parser, MissingFormula) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  score = q *
  out = sum[n](v)
}
)"),
      R"(spec.attn:3:14: error: expected a formula, found the end of the line
    score = q *
               ^
)");
}

TEST(Parser, UnclosedParenthesis) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  score = sum[d](q * k
  out = sum[n](score * v)
}
)"),
            R"(spec.attn:3:23: error: expected ')', found the end of the line
    score = sum[d](q * k
                        ^
spec.attn:3:17: note: to close this '('
    score = sum[d](q * k
                  ^
)");
}

TEST(Parser, UnclosedBracket) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n(v)
}
)"),
            R"(spec.attn:3:14: error: expected ']', found '('
    out = sum[n(v)
               ^
spec.attn:3:12: note: to close this '['
    out = sum[n(v)
             ^
)");
}

TEST(Parser, UnclosedBody) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](v)
attention g(v: [N]) { out = sum[n](v) }
)"),
            R"(spec.attn:4:1: error: expected '}' before 'attention'
  attention g(v: [N]) { out = sum[n](v) }
  ^~~~~~~~~
spec.attn:2:1: note: to close this '{'
  {
  ^
)");
}

TEST(Parser, PositionWithoutItsIndex) {
  EXPECT_EQ(
      reportsOn("attention f(v: [N]) { out = v[n - 1] }\n"),
      R"(spec.attn:1:31: error: expected an index and its position, as in [n: 0], found 'n'
  attention f(v: [N]) { out = v[n - 1] }
                                ^
)");
}

TEST(Parser, SpecsOnOneLine) {
  EXPECT_EQ(reportsOn("attention f(v: [N]) { out = v } attention g(v: [N]) "
                      "{ out = v }\n"),
            R"(spec.attn:1:33: error: expected a line break before 'attention'
  attention f(v: [N]) { out = v } attention g(v: [N]) { out = v }
                                  ^~~~~~~~~
)");
}

TEST(Parser, TextAfterABody) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](v)
}}
)"),
      R"(spec.attn:4:2: error: expected 'attention', 'fn' or the end of the file, found '}'
  }}
   ^
)");
}

TEST(Parser, AssignmentInAFormula) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = if M = N then sum[n](v) else 0
}
)"),
      R"(spec.attn:3:14: error: expected 'then' after the condition, found '=' (which defines; '==' compares)
    out = if M = N then sum[n](v) else 0
               ^
)");
}

TEST(Parser, TwoStepsOnOneLine) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  a = 1 out = sum[n](v * a)
}
)"),
      R"(spec.attn:3:9: error: expected an operator or a line break, found 'out'
    a = 1 out = sum[n](v * a)
          ^~~
)");
}

TEST(Parser, MissingAssign) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out sum[n](v)
}
)"),
            R"(spec.attn:3:7: error: expected '=' after 'out', found 'sum'
    out sum[n](v)
        ^~~
)");
}

TEST(Parser, IfWithoutElse) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](if n < 2 then v)
}
)"),
      R"(spec.attn:3:31: error: expected 'else' and the other value: 'if' gives a value in both cases, found ')'
    out = sum[n](if n < 2 then v)
                                ^
)");
}

TEST(Parser, IfAsAnOperand) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](2 * if n < 2 then v else 0)
}
)"),
            R"(spec.attn:3:20: error: 'if' as an operand stands in parentheses
    out = sum[n](2 * if n < 2 then v else 0)
                     ^~
)");
}

TEST(Parser, NotAfterAnOperator) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](v where n == not m)
}
)"),
      R"(spec.attn:3:29: error: 'not' binds weaker than the operator before it; put '(not ...)' in parentheses
    out = sum[n](v where n == not m)
                              ^~~
)");
}

TEST(Parser, WhereInACall) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = exp(v where n < 2)
}
)"),
      R"(spec.attn:3:15: error: only a reduction has a 'where'; write the indices that it runs over: exp[n](... where ...)
    out = exp(v where n < 2)
                ^~~~~
)");
}

TEST(Parser, ReadWithoutPositions) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = v[n] + v[0]
}
)"),
      R"(spec.attn:3:14: error: expected '(' to reduce with 'v', or a position for each index to read 'v' there, as in v[n: 0], found '+'
    out = v[n] + v[0]
               ^
)");
}

TEST(Parser, NumberTooLarge) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  a = 99999999999999999999
  b = 1e999
  c = 0xFFFFFFFFFFFFFFFFF
  out = sum[n](v)
}
)"),
      R"(spec.attn:3:7: error: this integer is too large; integers have 64 bits
    a = 99999999999999999999
        ^~~~~~~~~~~~~~~~~~~~
spec.attn:4:7: error: this number is too large for f32; write inf if infinity is meant
    b = 1e999
        ^~~~~
spec.attn:5:7: error: this integer is too large; integers have 64 bits
    c = 0xFFFFFFFFFFFFFFFFF
        ^~~~~~~~~~~~~~~~~~~
)");
}

TEST(Parser, MalformedNumber) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  a = 12abc
  b = 1.2.3
  c = 0x
  d1 = 1e
  out = sum[n](v)
}
)"),
            R"(spec.attn:3:7: error: '12abc' is not a number
    a = 12abc
        ^~~~~
spec.attn:4:7: error: '1.2.3' is not a number
    b = 1.2.3
        ^~~~~
spec.attn:5:7: error: '0x' is not a number
    c = 0x
        ^~
spec.attn:6:8: error: '1e' is not a number
    d1 = 1e
         ^~
)");
}

TEST(Parser, MessageWithoutQuotes) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  require M == N, same
  out = sum[n](v)
}
)"),
            R"(spec.attn:3:19: error: expected a message in quotes, found 'same'
    require M == N, same
                    ^~~~
)");
}

TEST(Parser, UnclosedMessage) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  require M == N, "same
  out = sum[n](v)
}
)"),
            R"(spec.attn:3:19: error: this message has no closing '"'
    require M == N, "same
                    ^
)");
}

TEST(Parser, ForeignOperators) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  mask = n ≤ m && !(n == 0)
  out = sum[n](sum[d](q × k) * v);
}
)"),
            R"(spec.attn:3:12: error: unexpected '≤'; write <=
    mask = n ≤ m && !(n == 0)
             ^
spec.attn:3:18: error: unexpected '&&'; write and
    mask = n ≤ m && !(n == 0)
                 ^~
spec.attn:3:21: error: unexpected '!'; write not
    mask = n ≤ m && !(n == 0)
                    ^
spec.attn:4:25: error: unexpected '×'; write *
    out = sum[n](sum[d](q × k) * v);
                          ^
spec.attn:4:35: error: unexpected ';'; write a line break
    out = sum[n](sum[d](q × k) * v);
                                   ^
)");
}

TEST(Parser, StrayCharacters) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](v) @ $ 'é'
}
)"),
            R"(spec.attn:3:19: error: unexpected '@'
    out = sum[n](v) @ $ 'é'
                    ^
spec.attn:3:21: error: unexpected '$'
    out = sum[n](v) @ $ 'é'
                      ^
spec.attn:3:23: error: unexpected '''
    out = sum[n](v) @ $ 'é'
                        ^
spec.attn:3:24: error: unexpected 'é'
    out = sum[n](v) @ $ 'é'
                         ^
spec.attn:3:26: error: unexpected '''
    out = sum[n](v) @ $ 'é'
                          ^
)");
}

TEST(Parser, DimensionsAfterADimension) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  dim L = 4, = 3
  out = sum[n](v)
}
)"),
      R"(spec.attn:3:14: error: expected a dimension, found '=' (which defines; '==' compares)
    dim L = 4, = 3
               ^
)");
}

TEST(Parser, FunctionWithoutABody) {
  EXPECT_EQ(
      reportsOn(R"(fn g(x)
fn h(x) = 
attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](g(h(v)))
}
)"),
      R"(spec.attn:1:8: error: expected '=' before the formula of the function, found the end of the line
  fn g(x)
         ^
spec.attn:2:10: error: expected a formula, found the end of the line
  fn h(x) = 
           ^
)");
}

TEST(Parser, FunctionFollowedByText) {
  EXPECT_EQ(
      reportsOn(R"(fn g(x) = x x
attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](g(v))
}
)"),
      R"(spec.attn:1:13: error: expected an operator, 'fn' or 'attention', found 'x'
  fn g(x) = x x
              ^
)");
}

TEST(Parser, ErrorsInSeveralParameters) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, , D], k: , v: [N E], w) { out = 1 }
)"),
            R"(spec.attn:1:20: error: expected a dimension, found ','
  attention f(q: [M, , D], k: , v: [N E], w) { out = 1 }
                     ^
spec.attn:1:23: error: expected ':' and a type or dimensions after 'D', found ']'
  attention f(q: [M, , D], k: , v: [N E], w) { out = 1 }
                        ^
spec.attn:1:29: error: expected a type or '[' and dimensions, found ','
  attention f(q: [M, , D], k: , v: [N E], w) { out = 1 }
                              ^
spec.attn:1:37: error: expected ']', found 'E'
  attention f(q: [M, , D], k: , v: [N E], w) { out = 1 }
                                      ^
spec.attn:1:34: note: to close this '['
  attention f(q: [M, , D], k: , v: [N E], w) { out = 1 }
                                   ^
spec.attn:1:42: error: expected ':' and a type or dimensions after 'w', found ')'
  attention f(q: [M, , D], k: , v: [N E], w) { out = 1 }
                                           ^
)");
}

TEST(Parser, StrayDeclarationFurtherDown) {
  EXPECT_EQ(
      reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](v)
}

score = 1
)"),
      R"(spec.attn:6:1: error: expected 'attention', 'fn' or the end of the file, found 'score'
  score = 1
  ^~~~~
)");
}

TEST(Parser, ErrorInTheLastLine) {
  EXPECT_EQ(reportsOn(R"(attention f(q: [M, D], k: [N, D], v: [N, E]) -> out
{
  out = sum[n](v)"),
            R"(spec.attn:3:17: error: expected ')', found the end of the file
    out = sum[n](v
                  ^
spec.attn:3:15: note: to close this '('
    out = sum[n](v
                ^
spec.attn:3:17: error: expected '}' before the end of the file
    out = sum[n](v
                  ^
spec.attn:2:1: note: to close this '{'
  {
  ^
)");
}
