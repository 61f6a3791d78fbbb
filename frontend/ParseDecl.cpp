//===- ParseDecl.cpp - Functions, attentions and statements ---------------===//

#include "frontend/Parser.h"

#include "llvm/ADT/StringSwitch.h"

using namespace attn;
using llvm::StringRef;

File Parser::parseFile() {
  while (!at(TokenKind::End)) {
    if (at(TokenKind::Fn)) {
      parseFunction();
    } else if (at(TokenKind::Attention)) {
      parseAttention();
    } else {
      diagnostics.error(next->place(), "expected 'attention' or 'fn', found '" +
                                           next->text.take_front(40) + "'");
      take();
      skipDeclaration();
    }
  }
  return std::move(file);
}

void Parser::parseFunction() {
  take();
  auto name = expectName("the name of a function");
  if (!name)
    return skipDeclaration();
  // A function with an error is kept, so that its calls are not unknown names.
  FunctionDecl &function = file.functions.emplace_back();
  function.name = *name;
  Token open = *next;
  if (!expect(TokenKind::LParen, "before the parameters"))
    return skipDeclaration();
  while (!at(TokenKind::RParen)) {
    auto param = expectName("a parameter");
    if (!param)
      return skipDeclaration();
    function.params.push_back(*param);
    if (!takeIf(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RParen, open) ||
      !expect(TokenKind::Assign, "before the formula of the function"))
    return skipDeclaration();
  function.body = parseExpr();
  if (function.body && !atDeclaration()) {
    complain("expected an operator, 'fn' or 'attention'");
    function.body = nullptr;
  }
  skipDeclaration();
}

void Parser::parseAttention() {
  take();
  auto name = expectName("the name of an attention");
  if (!name)
    return skipDeclaration();
  AttentionDecl attention;
  attention.name = *name;
  if (parseParams(attention) && parseOutputs(attention) &&
      parseBody(attention)) {
    // Without all of its parameters, what the body says cannot be judged.
    if (attention.isComplete)
      file.attentions.push_back(std::move(attention));
    return;
  }
  skipDeclaration();
}

bool Parser::parseParams(AttentionDecl &attention) {
  Token open = *next;
  if (!expect(TokenKind::LParen, "before the parameters"))
    return false;
  while (!at(TokenKind::RParen)) {
    if (!parseParam(attention)) {
      attention.isComplete = false;
      skipListItem();
    }
    if (!takeIf(TokenKind::Comma))
      break;
  }
  return expectClosing(TokenKind::RParen, open);
}

bool Parser::parseParam(AttentionDecl &attention) {
  auto name = expectName("a parameter");
  if (!name)
    return false;
  ParamDecl &param = attention.params.emplace_back();
  param.name = *name;
  if (!expect(TokenKind::Colon,
              "and a type or dimensions after '" + name->text + "'") ||
      !parseType(param.type))
    return false;
  if (!takeIf(TokenKind::Assign))
    return true;
  param.defaultValue = parseExpr();
  return param.defaultValue != nullptr;
}

bool Parser::parseType(TypeDecl &type) {
  if (at(TokenKind::Identifier))
    type.element = Name{take().text};
  if (!at(TokenKind::LBracket)) {
    if (type.element)
      return true;
    complain("expected a type or '[' and dimensions");
    return false;
  }
  Token open = take();
  std::vector<Name> dims;
  while (!at(TokenKind::RBracket)) {
    if (at(TokenKind::Integer)) {
      diagnostics.error(next->place(),
                        "a dimension has a name; write one here, and 'require "
                        "NAME == " +
                            next->text + "' in the body");
      return false;
    }
    auto dim = expectName("a dimension");
    if (!dim)
      return false;
    dims.push_back(*dim);
    if (!takeIf(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RBracket, open))
    return false;
  type.dims = std::move(dims);
  return true;
}

bool Parser::parseOutputs(AttentionDecl &attention) {
  if (!takeIf(TokenKind::Arrow))
    return true;
  do {
    auto name = expectName("an output");
    if (!name)
      return false;
    OutputDecl &output = attention.outputs.emplace_back();
    output.name = *name;
    if (takeIf(TokenKind::Colon) && !parseType(output.type))
      return false;
  } while (takeIf(TokenKind::Comma));
  return true;
}

bool Parser::parseBody(AttentionDecl &attention) {
  Token open = *next;
  if (!expect(TokenKind::LBrace, "before the steps"))
    return false;
  for (bool isFirst = true; !at(TokenKind::RBrace); isFirst = false) {
    if (atDeclaration()) {
      diagnostics
          .error(next->place(), "expected '}' before " + spellingOfNext())
          .note(open.place(), "to close this '{'");
      break;
    }
    if (!next->startsLine && !isFirst) {
      diagnostics.error(next->place(),
                        "expected an operator or a line break, found " +
                            found());
      if (!at(TokenKind::Identifier, TokenKind::Assign)) {
        skipStatement();
        continue;
      }
    }
    if (!parseStatement(attention))
      skipStatement();
  }
  takeIf(TokenKind::RBrace);
  if (!atDeclaration()) {
    if (next->text == "attention" || next->text == "fn")
      diagnostics.error(next->place(),
                        "expected a line break before '" + next->text + "'");
    else
      diagnostics.error(next->place(),
                        "expected 'attention', 'fn' or the end of the file, "
                        "found '" +
                            next->text.take_front(40) + "'");
    skipDeclaration();
  }
  return true;
}

/// Constructs of the language that this version reads over.
bool Parser::refuseNotYet() {
  bool isRecurrence = llvm::StringSwitch<bool>(next->text)
                          .Cases({"state", "recurrence", "recur", "scan",
                                  "loop", "for", "update", "init"},
                                 true)
                          .Default(false);
  if (!isRecurrence)
    return false;
  diagnostics.error(next->place(),
                    "not yet: a recurrence ('" + next->text +
                        "'); this version has formulas over all indices at "
                        "once");
  return true;
}

bool Parser::parseStatement(AttentionDecl &attention) {
  if (atMisnamedStep()) {
    refuseKeyword("the name of a step");
    take();
    return false;
  }
  if (at(TokenKind::Dim))
    return parseDims(attention);
  if (at(TokenKind::Require))
    return parseRequire(attention);
  if (at(TokenKind::Identifier) && next[1].kind != TokenKind::Assign &&
      refuseNotYet()) {
    take();
    return false;
  }
  if (!at(TokenKind::Identifier)) {
    diagnostics.error(next->place(),
                      "expected a step, 'name = formula', found " +
                          spellingOfNext());
    take();
    return false;
  }
  Name name{take().text};
  // Kept without a value after an error, so that its name is not unknown.
  ExprPtr value;
  if (expect(TokenKind::Assign, "after '" + name.text + "'"))
    value = parseExpr();
  bool isComplete = value != nullptr;
  attention.statements.push_back(
      {Statement::Kind::Assign, name, std::move(value), std::nullopt});
  return isComplete;
}

bool Parser::parseDims(AttentionDecl &attention) {
  take();
  do {
    auto name = expectName("a dimension");
    if (!name ||
        !expect(TokenKind::Assign, "and an extent after '" + name->text + "'"))
      return false;
    ExprPtr extent = parseExpr();
    bool isComplete = extent != nullptr;
    attention.statements.push_back(
        {Statement::Kind::Dim, *name, std::move(extent), std::nullopt});
    if (!isComplete)
      return false;
  } while (takeIf(TokenKind::Comma));
  return true;
}

bool Parser::parseRequire(AttentionDecl &attention) {
  Name keyword{take().text};
  ExprPtr condition = parseExpr();
  if (!condition)
    return false;
  std::optional<StringRef> message;
  if (takeIf(TokenKind::Comma)) {
    if (!at(TokenKind::String)) {
      complain("expected a message in quotes");
      return false;
    }
    StringRef text = take().text;
    text.consume_front("\"");
    text.consume_back("\"");
    message = text;
  }
  attention.statements.push_back(
      {Statement::Kind::Require, keyword, std::move(condition), message});
  return true;
}
