//===- Functions.cpp - What can be called in a file -----------------------===//

#include "frontend/Functions.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;
using llvm::cast;
using llvm::dyn_cast;
using llvm::StringRef;
using llvm::Twine;

void attn::forEachPart(const Expr &expr,
                       llvm::function_ref<void(const Expr &)> visit) {
  auto visitIf = [&](const ExprPtr &part) {
    if (part)
      visit(*part);
  };
  switch (expr.kind) {
  case Expr::Kind::Int:
  case Expr::Kind::Float:
  case Expr::Kind::Bool:
  case Expr::Kind::Name:
    return;
  case Expr::Kind::Unary:
    return visitIf(cast<UnaryExpr>(expr).operand);
  case Expr::Kind::Binary:
    visitIf(cast<BinaryExpr>(expr).lhs);
    return visitIf(cast<BinaryExpr>(expr).rhs);
  case Expr::Kind::Compare:
    llvm::for_each(cast<CompareExpr>(expr).operands, visitIf);
    return;
  case Expr::Kind::If:
    visitIf(cast<IfExpr>(expr).condition);
    visitIf(cast<IfExpr>(expr).then);
    return visitIf(cast<IfExpr>(expr).otherwise);
  case Expr::Kind::Call:
    for (const CallExpr::Argument &argument : cast<CallExpr>(expr).arguments)
      visitIf(argument.value);
    return;
  case Expr::Kind::Reduce:
    llvm::for_each(cast<ReduceExpr>(expr).operands, visitIf);
    return visitIf(cast<ReduceExpr>(expr).where);
  case Expr::Kind::Read:
    visitIf(cast<ReadExpr>(expr).source);
    for (const ReadExpr::Index &index : cast<ReadExpr>(expr).indices)
      visitIf(index.value);
    return;
  }
}

std::string attn::notAParameter(Name name, const FunctionDecl &function) {
  std::vector<StringRef> params;
  for (Name param : function.params)
    params.push_back(param.text);
  return ("'" + name.text + "' is not a parameter of '" + function.name.text +
          "', and a function sees nothing else")
             .str() +
         didYouMean(name.text, params);
}

//===----------------------------------------------------------------------===//
// Lookup
//===----------------------------------------------------------------------===//

namespace {

std::string plural(unsigned count, StringRef noun) {
  return (Twine(count) + " " + noun + (count == 1 ? "" : "s")).str();
}

void refuseNotYet(const Reduction &reduction, Place place, ReportError report) {
  if (reduction.form == Reduction::Form::Selection)
    report(place, "not yet: a selection ('" + reduction.name +
                      "'); this version has sum, mean, max, min, softmax, "
                      "logsumexp and l1");
  else
    report(place, "not yet: a cumulative sum; this version has sum[n](x where "
                  "n <= m), which gives the sums up to each m");
}

bool checkCount(StringRef callee, Place place, unsigned found, unsigned minimum,
                unsigned maximum, ReportError report) {
  if (minimum <= found && found <= maximum)
    return true;
  StringRef bound = minimum == maximum         ? ""
                    : maximum == Builtin::many ? "at least "
                                               : "at most ";
  report(place,
         "'" + callee + "' takes " + bound +
             plural(maximum == Builtin::many ? minimum : maximum, "argument") +
             ", but is given " + Twine(found));
  return false;
}

} // namespace

FunctionTable::Callee FunctionTable::resolve(const CallExpr &call,
                                             ReportError report) const {
  StringRef name = call.callee.text;
  Place place = call.callee.place();
  if (attentions.contains(name)) {
    report(place, "not yet: calling another attention ('" + name + "')");
    return {};
  }
  Callee callee{findBuiltin(name), functions.lookup(name)};
  if (!callee.builtin && !callee.function) {
    if (const Reduction *reduction = findReduction(name)) {
      if (reduction->form == Reduction::Form::Reduce ||
          reduction->form == Reduction::Form::Normalize)
        report(place, "'" + name +
                          "' needs the indices that it runs over, as in " +
                          name + "[n](...)");
      else
        refuseNotYet(*reduction, place, report);
      return {};
    }
    std::string hint;
    if (!diagnostics.isFull()) {
      std::vector<StringRef> known;
      for (const Builtin &builtin : builtins())
        known.push_back(builtin.name);
      for (const auto &function : functions)
        known.push_back(function.first());
      hint = didYouMean(name, known);
    }
    report(place, "unknown function '" + name + "'" + hint);
    return {};
  }
  for (const CallExpr::Argument &argument : call.arguments)
    if (argument.name) {
      report(argument.name->place(),
             "the arguments of a function have no names; write the value alone "
             "(or '==' to compare)");
      return {};
    }
  unsigned found = call.arguments.size();
  if (callee.builtin)
    return checkCount(name, place, found, callee.builtin->minArguments,
                      callee.builtin->maxArguments, report)
               ? callee
               : Callee();
  unsigned count = callee.function->params.size();
  if (found == count)
    return callee;
  report(place, "'" + name + "' takes " + plural(count, "argument") +
                    ", but is given " + Twine(found))
      .note(callee.function->name.place(), "'" + name + "' is defined here");
  return {};
}

const Reduction *FunctionTable::resolve(const ReduceExpr &reduce,
                                        ReportError report) const {
  StringRef name = reduce.callee.text;
  Place place = reduce.callee.place();
  const Reduction *reduction = findReduction(name);
  if (!reduction) {
    std::vector<StringRef> known;
    for (const Reduction &reduction : reductions())
      known.push_back(reduction.name);
    std::string hint =
        findBuiltin(name) || functions.contains(name)
            ? ("; it is a function of numbers: " + name + "(...)").str()
            : didYouMean(name, known);
    report(place, "'" + name + "' is not a reduction" + hint);
    return nullptr;
  }
  if (reduction->form == Reduction::Form::Selection ||
      reduction->form == Reduction::Form::Scan) {
    refuseNotYet(*reduction, place, report);
    return nullptr;
  }
  if (reduce.indices.empty()) {
    report(place, "'" + name + "' needs the indices that it runs over, as in " +
                      name + "[n](...)");
    return nullptr;
  }
  return checkCount(name, place, reduce.operands.size(), 1, 1, report)
             ? reduction
             : nullptr;
}

//===----------------------------------------------------------------------===//
// Checking the functions themselves
//===----------------------------------------------------------------------===//

namespace {

/// Checks the names that the body of one function uses.
class BodyChecker {
public:
  BodyChecker(const FunctionTable &table, const FunctionDecl &function,
              Diagnostics &diagnostics)
      : table(table), function(function), diagnostics(diagnostics) {}

  void visit(const Expr &expr) {
    auto report = [&](Place place, const Twine &message) -> Report & {
      return diagnostics.error(place, message);
    };
    if (auto *name = dyn_cast<NameExpr>(&expr))
      checkName(name->name);
    else if (auto *call = dyn_cast<CallExpr>(&expr))
      table.resolve(*call, report);
    else if (auto *reduce = dyn_cast<ReduceExpr>(&expr))
      table.resolve(*reduce, report);
    forEachPart(expr, [&](const Expr &part) { visit(part); });
  }

private:
  void checkName(Name name) {
    bool isParam = llvm::any_of(
        function.params, [&](Name param) { return param.text == name.text; });
    if (!isParam && meaningOf(name.text) != "a constant")
      diagnostics.error(name.place(), notAParameter(name, function));
  }

  const FunctionTable &table;
  const FunctionDecl &function;
  Diagnostics &diagnostics;
};

void checkParams(const FunctionDecl &function, Diagnostics &diagnostics) {
  llvm::StringMap<Place> seen;
  for (Name param : function.params) {
    StringRef meaning = meaningOf(param.text);
    if (!meaning.empty())
      diagnostics.error(param.place(), "'" + param.text + "' is " + meaning +
                                           " of the language; choose another "
                                           "name");
    auto [earlier, isNew] = seen.try_emplace(param.text, param.place());
    if (!isNew)
      diagnostics
          .error(param.place(), "two parameters of '" + function.name.text +
                                    "' are named '" + param.text + "'")
          .note(earlier->second, "the other is here");
  }
}

} // namespace

FunctionTable::FunctionTable(const File &file, Diagnostics &diagnostics)
    : diagnostics(diagnostics) {
  declare(file);
  for (const FunctionDecl &function : file.functions) {
    checkParams(function, diagnostics);
    if (function.body)
      BodyChecker(*this, function, diagnostics).visit(*function.body);
  }
  findRecursion(file);
}

void FunctionTable::declare(const File &file) {
  llvm::StringMap<Place> seen;
  auto isFree = [&](Name name) {
    StringRef meaning = meaningOf(name.text);
    if (!meaning.empty()) {
      diagnostics.error(name.place(), "'" + name.text + "' is " + meaning +
                                          " of the language; choose another "
                                          "name");
      return false;
    }
    auto [earlier, isNew] = seen.try_emplace(name.text, name.place());
    if (!isNew)
      diagnostics.error(name.place(), "'" + name.text + "' is already defined")
          .note(earlier->second, "the other definition is here");
    return isNew;
  };
  for (const FunctionDecl &function : file.functions)
    if (isFree(function.name))
      functions[function.name.text] = &function;
  for (const AttentionDecl &attention : file.attentions)
    if (isFree(attention.name))
      attentions[attention.name.text] = attention.name.place();
}

/// A function is recursive if it reaches itself; found by removing, again and
/// again, the functions all of whose callees are removed.
void FunctionTable::findRecursion(const File &file) {
  llvm::StringMap<std::vector<const FunctionDecl *>> callers;
  llvm::StringMap<unsigned> openCalls;
  auto collect = [&](const FunctionDecl &caller, auto &&self,
                     const Expr &expr) -> void {
    if (auto *call = dyn_cast<CallExpr>(&expr))
      if (find(call->callee.text)) {
        callers[call->callee.text].push_back(&caller);
        ++openCalls[caller.name.text];
      }
    forEachPart(expr, [&](const Expr &part) { self(caller, self, part); });
  };
  std::vector<const FunctionDecl *> finished;
  for (const FunctionDecl &function : file.functions) {
    if (find(function.name.text) != &function)
      continue;
    if (function.body)
      collect(function, collect, *function.body);
    if (openCalls.lookup(function.name.text) == 0)
      finished.push_back(&function);
  }
  llvm::StringSet<> ends;
  while (!finished.empty()) {
    const FunctionDecl *function = finished.back();
    finished.pop_back();
    ends.insert(function->name.text);
    for (const FunctionDecl *caller : callers.lookup(function->name.text))
      if (--openCalls[caller->name.text] == 0)
        finished.push_back(caller);
  }
  for (const FunctionDecl &function : file.functions)
    if (find(function.name.text) == &function &&
        !ends.contains(function.name.text)) {
      recursive.insert(function.name.text);
      diagnostics.error(function.name.place(),
                        "'" + function.name.text +
                            "' calls itself, directly or through others; a "
                            "function is written out at each call and must "
                            "come to an end");
    }
}
