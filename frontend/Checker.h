//===- Checker.h - Checks one attention -------------------------*- C++ -*-===//
//
// Statements are checked in Checker.cpp, parameters in CheckParams.cpp, outputs
// in CheckOutputs.cpp, formulas in CheckExpr.cpp, CheckCall.cpp and
// CheckReduce.cpp; CheckConditions.cpp has the conditions under which elements
// exist.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_FRONTEND_CHECKER_H
#define ATTN_FRONTEND_CHECKER_H

#include "frontend/Formula.h"
#include "frontend/Functions.h"

namespace attn {

/// `holds`, wherever `guard` does (everywhere, if there is no guard).
struct Condition {
  const Quantity *holds = nullptr;
  const Quantity *guard = nullptr;

  DimSet dims() const {
    return guard ? holds->dims | guard->dims : holds->dims;
  }
  bool operator==(const Condition &) const = default;
};

/// Conditions that must all hold.
class Conditions {
public:
  void add(Condition condition);
  void add(const Conditions &others) {
    for (Condition condition : others.list)
      add(condition);
  }
  bool contains(Condition condition) const {
    return llvm::is_contained(list, condition);
  }
  bool empty() const { return list.empty(); }
  auto begin() const { return list.begin(); }
  auto end() const { return list.end(); }

private:
  llvm::SmallVector<Condition, 2> list;
};

/// A checked formula: its quantity, and the conditions under which an element
/// of it exists. The weights of a masked softmax, for one, exist where the mask
/// holds; so does everything that is computed from them.
struct Checked {
  const Quantity *quantity = nullptr; // null after an error, which is reported
  Conditions exists;

  explicit operator bool() const { return quantity; }
};

class Checker {
public:
  Checker(const FunctionTable &functions, const AttentionDecl &attention,
          Diagnostics &diagnostics)
      : functions(functions), attention(attention), diagnostics(diagnostics),
        formula(std::make_unique<Formula>()), table(formula->quantities) {}

  /// What could be checked of the attention; complete if nothing was reported.
  std::unique_ptr<Formula> run();

private:
  /// What a name means. Names of statements further down are known as Later.
  struct Binding {
    enum class Kind { Tensor, Scalar, Step, Mask, Index, Extent, Later };
    Kind kind;
    Place place;
    Checked value;
    unsigned dim = 0;
    bool isUsed = false;
  };

  /// One expansion of a function.
  struct Frame {
    const FunctionDecl &function;
    llvm::StringMap<Checked> arguments;
    Place call;
    const Frame *caller;
  };

  // Declarations.
  void declareDims(const ParamDecl &param);
  std::optional<unsigned> declareDim(Name name);
  void declareParam(const ParamDecl &param);
  void declareScalar(const ParamDecl &param, FormulaParam &result);
  const Quantity *checkDefault(const ParamDecl &param, Element element);
  void expectStatements();
  bool declare(Name name, Binding binding);
  bool isFree(Name name, Binding::Kind kind);
  std::optional<Storage> storageOf(const TypeDecl &type, bool isScalar);
  void checkStatement(const Statement &statement);
  void checkStep(const Statement &statement);
  void checkMask(const Statement &statement);
  void checkDim(const Statement &statement);
  void checkRequire(const Statement &statement);
  void checkOutputs();
  void checkOutput(const OutputDecl &output);
  std::optional<std::vector<unsigned>>
  layoutOf(const OutputDecl &output, const Quantity &quantity, Place step);
  void warnOfUnused();
  std::string freeDimName() const;

  // Formulas.
  Checked check(const Expr *expr);
  Checked checkKind(const Expr &expr);
  Checked checkName(Name name);
  Checked unknownName(Name name);
  Checked checkUnary(const UnaryExpr &expr);
  Checked checkBinary(const BinaryExpr &expr);
  Checked checkLogical(const BinaryExpr &expr);
  Checked checkBits(const BinaryExpr &expr);
  Checked checkPower(const BinaryExpr &expr);
  Checked checkCompare(const CompareExpr &expr);
  const Quantity *checkComparison(const Token &op, const Expr &lhs,
                                  const Quantity *a, const Expr &rhs,
                                  const Quantity *b);
  Checked checkIf(const IfExpr &expr);
  Checked checkCall(const CallExpr &expr);
  Checked expand(const FunctionDecl &function, const CallExpr &call,
                 std::vector<Checked> arguments);
  Checked checkBuiltin(const Builtin &builtin, const CallExpr &call,
                       std::vector<Checked> arguments);
  const Quantity *applyBuiltin(const Builtin &builtin, const CallExpr &call,
                               llvm::ArrayRef<const Quantity *> arguments);
  const Quantity *applyUniform(const CallExpr &call,
                               llvm::ArrayRef<const Quantity *> arguments);
  Checked checkRounding(const Builtin &builtin, const CallExpr &call);
  const Quantity *round(llvm::StringRef function, const Quantity *x,
                        Place place);
  const Quantity *power(const Quantity *base, const Quantity *exponent,
                        Place place);
  Checked checkReduce(const ReduceExpr &expr);
  Checked checkRead(const ReadExpr &expr);
  const Quantity *checkPosition(const ReadExpr::Index &index, Checked value);
  std::optional<unsigned> resolveIndex(Name name);
  std::optional<llvm::SmallVector<unsigned>>
  resolveIndices(const ReduceExpr &expr);
  bool checkAmbiguity(const ReduceExpr &expr, DimSet reduced, DimSet available);
  bool checkReducedDims(const ReduceExpr &expr, const Quantity &operand,
                        DimSet reduced, DimSet available);

  // Conditions.
  static Conditions both(const Checked &a, const Checked &b);
  void addCondition(Conditions &conditions, const Quantity *condition) const;
  bool isImplied(Condition condition, const Conditions &by) const;
  const Quantity *conjunction(const Conditions &conditions, Place place);
  const Quantity *zeroWhereNot(const Conditions &conditions,
                               const Quantity *quantity, Place place);

  // Types.
  bool expectNumber(const Expr &expr, const Quantity *quantity);
  bool expectCondition(const Expr &expr, const Quantity *quantity);
  const Quantity *toFloat(const Quantity *quantity, Place place) {
    return table.cast(quantity, Element::Float, place);
  }
  /// Makes both int or both float.
  void unify(const Quantity *&a, const Quantity *&b, Place place);

  // Messages.
  Report &error(Place place, const llvm::Twine &message);
  std::string describe(DimSet dims) const;
  std::string describeShape(const Quantity &quantity) const;

  static constexpr unsigned maxDepth = 1000;
  static constexpr unsigned maxExpansion = 100000;

  const FunctionTable &functions;
  const AttentionDecl &attention;
  Diagnostics &diagnostics;
  std::unique_ptr<Formula> formula;
  QuantityTable &table;
  llvm::StringMap<Binding> names;
  const Frame *frame = nullptr;
  unsigned depth = 0;
  unsigned expansion = 0;
  Checked mask;
  Conditions maskParts; // the mask, split at its `and`s
};

/// The text of \p expr in quotes, or "this formula" where it is long.
std::string quote(const Expr &expr);

} // namespace attn

#endif // ATTN_FRONTEND_CHECKER_H
