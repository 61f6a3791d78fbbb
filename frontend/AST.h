//===- AST.h - What a spec file says --------------------------*- C++ -*-===//
//
// The tree mirrors the text: names are unresolved, nothing has a type. Text in
// it points into the source, which outlives it. A part that could not be parsed
// is null; whoever walks the tree takes it for an error that is reported.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_FRONTEND_AST_H
#define ATTN_FRONTEND_AST_H

#include "frontend/Lexer.h"

#include "llvm/Support/Casting.h"

#include <memory>
#include <optional>

namespace attn {

struct Name {
  llvm::StringRef text;

  Place place() const { return Place(text); }
};

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

class Expr {
public:
  enum class Kind {
    Int,
    Float,
    Bool,
    Name,
    Unary,
    Binary,
    Compare,
    If,
    Call,
    Reduce,
    Read,
  };
  virtual ~Expr() = default;

  const Kind kind;
  Place place; // of its parentheses too
  /// Height of the tree; the parser bounds it, so that walks may recurse.
  unsigned height = 1;

protected:
  Expr(Kind kind, Place place) : kind(kind), place(place) {}
};

using ExprPtr = std::unique_ptr<Expr>;

template <Expr::Kind kindOf> class ExprOf : public Expr {
public:
  static bool classof(const Expr *expr) { return expr->kind == kindOf; }

protected:
  explicit ExprOf(Place place) : Expr(kindOf, place) {}
};

struct IntExpr : ExprOf<Expr::Kind::Int> {
  IntExpr(Place place, int64_t value) : ExprOf(place), value(value) {}
  int64_t value;
};

struct FloatExpr : ExprOf<Expr::Kind::Float> {
  FloatExpr(Place place, double value) : ExprOf(place), value(value) {}
  double value;
};

struct BoolExpr : ExprOf<Expr::Kind::Bool> {
  BoolExpr(Place place, bool value) : ExprOf(place), value(value) {}
  bool value;
};

struct NameExpr : ExprOf<Expr::Kind::Name> {
  explicit NameExpr(Name name) : ExprOf(name.place()), name(name) {}
  Name name;
};

/// -x, +x, not x
struct UnaryExpr : ExprOf<Expr::Kind::Unary> {
  UnaryExpr(Place place, TokenKind op, ExprPtr operand)
      : ExprOf(place), op(op), operand(std::move(operand)) {}
  TokenKind op;
  ExprPtr operand;
};

/// x + y, and all others but comparisons
struct BinaryExpr : ExprOf<Expr::Kind::Binary> {
  BinaryExpr(Place place, TokenKind op, ExprPtr lhs, ExprPtr rhs)
      : ExprOf(place), op(op), lhs(std::move(lhs)), rhs(std::move(rhs)) {}
  TokenKind op;
  ExprPtr lhs, rhs;
};

/// x < y <= z
struct CompareExpr : ExprOf<Expr::Kind::Compare> {
  CompareExpr(Place place, std::vector<Token> ops,
              std::vector<ExprPtr> operands)
      : ExprOf(place), ops(std::move(ops)), operands(std::move(operands)) {}
  std::vector<Token> ops; // one fewer than operands
  std::vector<ExprPtr> operands;
};

/// if x then y else z
struct IfExpr : ExprOf<Expr::Kind::If> {
  IfExpr(Place place, ExprPtr condition, ExprPtr then, ExprPtr otherwise)
      : ExprOf(place), condition(std::move(condition)), then(std::move(then)),
        otherwise(std::move(otherwise)) {}
  ExprPtr condition, then, otherwise;
};

/// f(x, y), f(x = y)
struct CallExpr : ExprOf<Expr::Kind::Call> {
  struct Argument {
    std::optional<Name> name;
    ExprPtr value;
  };
  CallExpr(Place place, Name callee, std::vector<Argument> arguments)
      : ExprOf(place), callee(callee), arguments(std::move(arguments)) {}
  Name callee;
  std::vector<Argument> arguments;
};

/// sum[n, p](x where c), sum[n](x where all)
struct ReduceExpr : ExprOf<Expr::Kind::Reduce> {
  ReduceExpr(Place place, Name callee, std::vector<Name> indices)
      : ExprOf(place), callee(callee), indices(std::move(indices)) {}
  Name callee;
  std::vector<Name> indices;
  std::vector<ExprPtr> operands;
  ExprPtr where;
  bool whereAll = false;
};

/// x[n: m, b: 0]
struct ReadExpr : ExprOf<Expr::Kind::Read> {
  struct Index {
    Name name;
    ExprPtr value;
  };
  ReadExpr(Place place, ExprPtr source, std::vector<Index> indices)
      : ExprOf(place), source(std::move(source)), indices(std::move(indices)) {}
  ExprPtr source;
  std::vector<Index> indices;
};

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

/// fn NAME(a, b) = EXPR
struct FunctionDecl {
  Name name;
  std::vector<Name> params;
  ExprPtr body;
};

/// The part of a declaration after its colon: TYPE, [DIMS] or TYPE[DIMS].
struct TypeDecl {
  std::optional<Name> element;
  std::optional<std::vector<Name>> dims;
};

struct ParamDecl {
  Name name;
  TypeDecl type;
  ExprPtr defaultValue;
};

struct OutputDecl {
  Name name;
  TypeDecl type;
};

struct Statement {
  enum class Kind { Assign, Dim, Require };
  Kind kind;
  Name name; // the keyword, of a requirement
  ExprPtr value;
  std::optional<llvm::StringRef> message;
};

/// attention NAME(PARAMS) -> OUTPUTS { STATEMENTS }
struct AttentionDecl {
  Name name;
  std::vector<ParamDecl> params;
  std::vector<OutputDecl> outputs; // empty without an arrow
  std::vector<Statement> statements;
  bool isComplete = true; // every parameter could be read
};

struct File {
  std::vector<FunctionDecl> functions;
  std::vector<AttentionDecl> attentions;
};

/// Prints the file in its own notation with every parenthesis, so that reading
/// it again gives the same tree.
void print(const File &file, llvm::raw_ostream &os);

} // namespace attn

#endif // ATTN_FRONTEND_AST_H
