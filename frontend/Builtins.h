//===- Builtins.h - The functions of the language ---------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_BUILTINS_H
#define ATTN_FRONTEND_BUILTINS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace attn {

/// A function of numbers, called as f(x).
struct Builtin {
  enum class Form {
    Real,     // f32 in, f32 out: the unary kind of the same name
    Rounding, // floor, ceil, round: exact on integers
    Extremum, // min, max
    Abs,
    Relu,
    Gelu,
    Silu,
    Pow,
    Cast,
    Uniform,
  };
  static constexpr unsigned many = ~0u;

  llvm::StringRef name;
  Form form;
  unsigned minArguments = 1;
  unsigned maxArguments = 1;
};

/// A reduction or normalisation, called as r[n](x).
struct Reduction {
  enum class Form {
    Reduce,
    Normalize,
    Selection, // not yet
    Scan,      // not yet
  };
  llvm::StringRef name;
  Form form;
  bool keepsIntegers = false;
};

const Builtin *findBuiltin(llvm::StringRef name);
const Reduction *findReduction(llvm::StringRef name);
llvm::ArrayRef<Builtin> builtins();
llvm::ArrayRef<Reduction> reductions();

/// Says what the language means by \p name: "a function", "a constant", ...;
/// empty when the name is free.
llvm::StringRef meaningOf(llvm::StringRef name);

} // namespace attn

#endif // ATTN_FRONTEND_BUILTINS_H
