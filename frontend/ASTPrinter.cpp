//===- ASTPrinter.cpp - The tree in its own notation ----------------------===//

#include "frontend/AST.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <charconv>

using namespace attn;
using llvm::cast;
using llvm::interleaveComma;

namespace {

class Printer {
public:
  explicit Printer(llvm::raw_ostream &os) : os(os) {}

  void print(const File &file) {
    for (const FunctionDecl &function : file.functions)
      print(function);
    for (const AttentionDecl &attention : file.attentions)
      print(attention);
  }

private:
  void print(const FunctionDecl &function);
  void print(const AttentionDecl &attention);
  void print(const TypeDecl &type);
  void print(const Statement &statement);
  void print(const Expr *expr);
  void printFloat(double value);
  void printArgument(const CallExpr::Argument &argument);
  void printReduction(const ReduceExpr &reduce);

  void print(const std::vector<Name> &names) {
    interleaveComma(names, os, [&](Name name) { os << name.text; });
  }

  llvm::raw_ostream &os;
};

void Printer::print(const FunctionDecl &function) {
  os << "fn " << function.name.text << "(";
  print(function.params);
  os << ") = ";
  print(function.body.get());
  os << "\n";
}

void Printer::print(const AttentionDecl &attention) {
  os << "attention " << attention.name.text << "(";
  interleaveComma(attention.params, os, [&](const ParamDecl &param) {
    os << param.name.text << ": ";
    print(param.type);
    if (param.defaultValue) {
      os << " = ";
      print(param.defaultValue.get());
    }
  });
  os << ")";
  if (!attention.outputs.empty())
    os << " -> ";
  interleaveComma(attention.outputs, os, [&](const OutputDecl &output) {
    os << output.name.text;
    if (output.type.element || output.type.dims)
      os << ": ";
    print(output.type);
  });
  os << "\n{\n";
  for (const Statement &statement : attention.statements)
    print(statement);
  os << "}\n";
}

void Printer::print(const TypeDecl &type) {
  if (type.element)
    os << type.element->text;
  if (!type.dims)
    return;
  os << "[";
  print(*type.dims);
  os << "]";
}

void Printer::print(const Statement &statement) {
  os << "  ";
  if (statement.kind == Statement::Kind::Dim)
    os << "dim ";
  os << statement.name.text
     << (statement.kind == Statement::Kind::Require ? " " : " = ");
  print(statement.value.get());
  if (statement.message)
    os << ", \"" << *statement.message << "\"";
  os << "\n";
}

/// As few digits as tell the double from others, and a mark that it is no
/// integer.
void Printer::printFloat(double value) {
  char buffer[32];
  auto result = std::to_chars(std::begin(buffer), std::end(buffer), value);
  llvm::StringRef text(buffer, result.ptr - buffer);
  os << text;
  if (text.find_first_of(".e") == llvm::StringRef::npos)
    os << ".0";
}

void Printer::printArgument(const CallExpr::Argument &argument) {
  if (argument.name)
    os << argument.name->text << " = ";
  print(argument.value.get());
}

void Printer::printReduction(const ReduceExpr &reduce) {
  os << reduce.callee.text << "[";
  print(reduce.indices);
  os << "](";
  interleaveComma(reduce.operands, os,
                  [&](const ExprPtr &operand) { print(operand.get()); });
  if (reduce.whereAll)
    os << " where all";
  if (reduce.where) {
    os << " where ";
    print(reduce.where.get());
  }
  os << ")";
}

void Printer::print(const Expr *expr) {
  if (!expr) {
    os << "<error>";
    return;
  }
  switch (expr->kind) {
  case Expr::Kind::Int:
    os << cast<IntExpr>(expr)->value;
    return;
  case Expr::Kind::Float:
    return printFloat(cast<FloatExpr>(expr)->value);
  case Expr::Kind::Bool:
    os << (cast<BoolExpr>(expr)->value ? "true" : "false");
    return;
  case Expr::Kind::Name:
    os << cast<NameExpr>(expr)->name.text;
    return;
  case Expr::Kind::Unary: {
    auto *unary = cast<UnaryExpr>(expr);
    os << "(" << spelling(unary->op)
       << (unary->op == TokenKind::Not ? " " : "");
    print(unary->operand.get());
    os << ")";
    return;
  }
  case Expr::Kind::Binary: {
    auto *binary = cast<BinaryExpr>(expr);
    os << "(";
    print(binary->lhs.get());
    os << " " << spelling(binary->op) << " ";
    print(binary->rhs.get());
    os << ")";
    return;
  }
  case Expr::Kind::Compare: {
    auto *compare = cast<CompareExpr>(expr);
    os << "(";
    print(compare->operands.front().get());
    for (auto [op, operand] :
         llvm::zip_equal(compare->ops, llvm::drop_begin(compare->operands))) {
      os << " " << spelling(op.kind) << " ";
      print(operand.get());
    }
    os << ")";
    return;
  }
  case Expr::Kind::If: {
    auto *choice = cast<IfExpr>(expr);
    os << "(if ";
    print(choice->condition.get());
    os << " then ";
    print(choice->then.get());
    os << " else ";
    print(choice->otherwise.get());
    os << ")";
    return;
  }
  case Expr::Kind::Call: {
    auto *call = cast<CallExpr>(expr);
    os << call->callee.text << "(";
    interleaveComma(call->arguments, os,
                    [&](const auto &argument) { printArgument(argument); });
    os << ")";
    return;
  }
  case Expr::Kind::Reduce:
    return printReduction(*cast<ReduceExpr>(expr));
  case Expr::Kind::Read: {
    auto *read = cast<ReadExpr>(expr);
    print(read->source.get());
    os << "[";
    interleaveComma(read->indices, os, [&](const ReadExpr::Index &index) {
      os << index.name.text << ": ";
      print(index.value.get());
    });
    os << "]";
    return;
  }
  }
}

} // namespace

void attn::print(const File &file, llvm::raw_ostream &os) {
  Printer(os).print(file);
}
