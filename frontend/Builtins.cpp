//===- Builtins.cpp - The functions of the language -----------------------===//

#include "frontend/Builtins.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;
using llvm::StringRef;

namespace {

using enum Builtin::Form;

constexpr Builtin builtinTable[] = {{"exp", Real},
                                    {"exp2", Real},
                                    {"log", Real},
                                    {"log2", Real},
                                    {"tanh", Real},
                                    {"sigmoid", Real},
                                    {"softplus", Real},
                                    {"sqrt", Real},
                                    {"rsqrt", Real},
                                    {"sin", Real},
                                    {"cos", Real},
                                    {"erf", Real},
                                    {"floor", Rounding},
                                    {"ceil", Rounding},
                                    {"round", Rounding},
                                    {"abs", Abs},
                                    {"relu", Relu},
                                    {"gelu", Gelu},
                                    {"silu", Silu},
                                    {"min", Extremum, 2, Builtin::many},
                                    {"max", Extremum, 2, Builtin::many},
                                    {"pow", Pow, 2, 2},
                                    {"float", Cast},
                                    {"int", Cast},
                                    {"bool", Cast},
                                    {"uniform", Uniform, 1, Builtin::many}};

constexpr Reduction reductionTable[] = {
    {"sum", Reduction::Form::Reduce, true},
    {"max", Reduction::Form::Reduce, true},
    {"min", Reduction::Form::Reduce, true},
    {"mean", Reduction::Form::Reduce},
    {"logsumexp", Reduction::Form::Reduce},
    {"softmax", Reduction::Form::Normalize},
    {"l1", Reduction::Form::Normalize},
    {"topk", Reduction::Form::Selection},
    {"argmax", Reduction::Form::Selection},
    {"argmin", Reduction::Form::Selection},
    {"sort", Reduction::Form::Selection},
    {"argsort", Reduction::Form::Selection},
    {"threshold", Reduction::Form::Selection},
    {"cumsum", Reduction::Form::Scan}};

template <typename Entry>
const Entry *find(llvm::ArrayRef<Entry> table, StringRef name) {
  const Entry *entry = llvm::find_if(
      table, [&](const Entry &entry) { return entry.name == name; });
  return entry == table.end() ? nullptr : entry;
}

} // namespace

llvm::ArrayRef<Builtin> attn::builtins() { return builtinTable; }
llvm::ArrayRef<Reduction> attn::reductions() { return reductionTable; }

const Builtin *attn::findBuiltin(StringRef name) {
  return find(builtins(), name);
}

const Reduction *attn::findReduction(StringRef name) {
  return find(reductions(), name);
}

StringRef attn::meaningOf(StringRef name) {
  if (name == "pi" || name == "inf")
    return "a constant";
  if (findBuiltin(name))
    return "a function";
  if (findReduction(name))
    return "a reduction";
  return "";
}
