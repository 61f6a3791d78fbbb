//===- LexerTest.cpp - Tokens, and places in messages ---------------------===//

#include "test/unit/frontend/Specs.h"

using namespace attn;

namespace {

/// The texts of the tokens of \p text, separated by blanks.
std::string tokens(llvm::StringRef text) {
  Diagnostics diagnostics(text, "spec.attn");
  std::string result;
  for (const Token &token : lex(diagnostics.text(), diagnostics))
    result += (result.empty() ? "" : " ") + token.text.str();
  EXPECT_FALSE(diagnostics.hasErrors()) << text.str();
  return result;
}

std::string reportOf(llvm::StringRef text, Place (*place)(llvm::StringRef)) {
  Diagnostics diagnostics(text, "spec.attn");
  diagnostics.error(place(diagnostics.text()), "here");
  std::string result;
  llvm::raw_string_ostream os(result);
  diagnostics.print(os);
  return result;
}

Place placeOfX(llvm::StringRef text) {
  return Place(text.substr(text.find('x'), 1));
}

} // namespace

TEST(Lexer, TakesTheLongestMark) {
  EXPECT_EQ(tokens("a**b//c->d<=e<<f<g"), "a ** b // c -> d <= e << f < g ");
  EXPECT_EQ(tokens("a==b=c!=d"), "a == b = c != d ");
  EXPECT_EQ(tokens("a--b->c"), "a - - b -> c ");
}

TEST(Lexer, NumbersTakeWhatLooksLikeTheirPart) {
  EXPECT_EQ(tokens("1-2 1e-2 1.5e+3-x 0xe-1"),
            "1 - 2 1e-2 1.5e+3 - x 0xe - 1 ");
  EXPECT_EQ(tokens("x[n:1]"), "x [ n : 1 ] ");
}

TEST(Lexer, CommentsEndWithTheLine) {
  EXPECT_EQ(tokens("a # b ∑\n c"), "a c ");
  EXPECT_EQ(tokens("# nothing else"), "");
}

TEST(Lexer, KnowsWhatStartsALine) {
  Diagnostics diagnostics("a b\n  c # d\r\n\n e", "spec.attn");
  std::string starts;
  for (const Token &token : lex(diagnostics.text(), diagnostics))
    starts += token.startsLine ? token.text.str() : "-";
  EXPECT_EQ(starts, "a-ce-");
}

TEST(Lexer, BytesThatAreNoText) {
  using namespace std::string_literals;
  EXPECT_EQ(reportsOn("\x01\0"s), R"(spec.attn:1:1: error: unexpected byte 0x01
  ??
  ^
spec.attn:1:2: error: unexpected byte 0x00
  ??
   ^
)");
  // Once, wherever the first one is.
  EXPECT_EQ(reportsOn("# \xFF\n\xC0\x80 \xFE"),
            "spec.attn:1:3: error: this file is not valid UTF-8\n"
            "  # \xFF\n"
            "    ^\n");
}

TEST(Lexer, AMarkOfTheEncodingIsNoText) {
  EXPECT_EQ(tokens("\xEF\xBB\xBF"
                   "a b"),
            "a b ");
  EXPECT_EQ(tokens("\xEF\xBB\xBF"), "");
  // It is in no column, and it is one only where a file begins.
  EXPECT_EQ(reportsOn("\xEF\xBB\xBF"
                      "a \xEF\xBB\xBF"),
            "spec.attn:1:1: error: expected 'attention' or 'fn', found 'a'\n"
            "  a \xEF\xBB\xBF\n"
            "  ^\n"
            "spec.attn:1:3: error: unexpected '\xEF\xBB\xBF'\n"
            "  a \xEF\xBB\xBF\n"
            "    ^\n");
}

TEST(Diagnostics, TheCaretStandsUnderTheCharacter) {
  EXPECT_EQ(reportOf("a\tx\n", placeOfX), "spec.attn:1:3: error: here\n"
                                          "  a\tx\n"
                                          "   \t^\n");
  EXPECT_EQ(reportOf("# ∑é x\n", placeOfX), "spec.attn:1:9: error: here\n"
                                            "  # ∑é x\n"
                                            "       ^\n");
  EXPECT_EQ(reportOf("a\r\n x\r\n", placeOfX), "spec.attn:2:2: error: here\n"
                                               "   x\n"
                                               "   ^\n");
}

TEST(Diagnostics, TheEndOfALineIsAPlaceToo) {
  auto end = [](llvm::StringRef text) {
    return Place(text.substr(text.find('\n'), 0));
  };
  EXPECT_EQ(reportOf("ab\ncd\n", end), "spec.attn:1:3: error: here\n"
                                       "  ab\n"
                                       "    ^\n");
  EXPECT_EQ(reportOf("\n", end), "spec.attn:1:1: error: here\n"
                                 "  \n"
                                 "  ^\n");
}

TEST(Diagnostics, LongLinesAreCut) {
  std::string text = std::string(5000, 'a') + "x" + std::string(5000, 'b');
  std::string report = reportOf(text, placeOfX);
  EXPECT_LT(report.size(), 400u);
  EXPECT_NE(report.find("spec.attn:1:5001: error: here\n"), std::string::npos);
  EXPECT_NE(report.find("axb"), std::string::npos);
  EXPECT_EQ(report.find('x') - report.find("  aa"),
            report.find('^') - report.rfind('\n', report.find('^')) - 1);
}

TEST(Diagnostics, ManyReportsAreCutOff) {
  std::string text = "attention f(v: [N]) {\n";
  for (unsigned i = 0; i < 1000; ++i)
    text += "  a" + std::to_string(i) + " = unknown\n";
  std::string reports = reportsOn(text + "}\n");
  EXPECT_NE(reports.find("only the first 50 errors and 50 warnings are shown"),
            std::string::npos);
  EXPECT_LT(reports.size(), 10000u);
}

TEST(Diagnostics, SuggestsOnlyWhatIsNear) {
  std::vector<llvm::StringRef> names{"score", "softmax", "n", "mask"};
  EXPECT_EQ(didYouMean("scroe", names), "; did you mean 'score'?");
  EXPECT_EQ(didYouMean("Mask", names), "; did you mean 'mask'?");
  EXPECT_EQ(didYouMean("bias", names), "");
  EXPECT_EQ(didYouMean("x", names), "");
}
