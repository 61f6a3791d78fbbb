//===- Parts.h - A module of LLVM IR in parts, for threads ------*- C++ -*-===//

#ifndef ATTN_LOWERING_PARTS_H
#define ATTN_LOWERING_PARTS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace attn {

/// What readPart reads parts of \p module from.
llvm::SmallVector<char, 0> writeBitcode(const llvm::Module &module);

/// Of the module in \p bitcode, the functions that \p isWanted tells, in a
/// context of their own; those that they call are declared. Constants that are
/// local to the module come along where they are used; other data where
/// \p hasData, for one of the parts.
llvm::Expected<std::unique_ptr<llvm::Module>>
readPart(llvm::ArrayRef<char> bitcode, llvm::LLVMContext &context,
         llvm::function_ref<bool(const llvm::Function &)> isWanted,
         bool hasData);

/// Calls \p work with 0 to \p count - 1, in as many threads as there are
/// processors; the errors together.
llvm::Error forEachInThread(size_t count,
                            llvm::function_ref<llvm::Error(size_t)> work);

} // namespace attn

#endif // ATTN_LOWERING_PARTS_H
