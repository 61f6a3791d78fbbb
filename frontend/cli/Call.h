//===- Call.h - The arguments of one call -----------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_CALL_H
#define ATTN_FRONTEND_CLI_CALL_H

#include "attn/runtime.h"
#include "dialect/Reference.h"
#include "frontend/cli/Options.h"
#include "frontend/cli/Spec.h"

#include <deque>

namespace attn::cli {

/// A tensor in memory of its own, as a kernel takes it: row-major.
class CallTensor {
public:
  /// Fails when \p shape needs more memory than the machine has.
  static llvm::Expected<CallTensor> create(std::string name, DLDataType type,
                                           std::vector<int64_t> shape);

  int64_t size() const { return numElements; }
  llvm::StringRef bytes() const {
    return {data.get(), size_t(numElements * ((type.bits + 7) / 8))};
  }
  /// A view that is valid as long as this does not move.
  DLTensor view();
  /// All ones, which is NaN in every float type: what a kernel leaves out
  /// shows.
  void poison();
  /// Its numbers in double precision.
  HostTensor toHost() const;

  std::string name;
  DLDataType type = {};
  std::vector<int64_t> shape;
  struct Free {
    void operator()(char *data) const { std::free(data); }
  };
  std::unique_ptr<char, Free> data;

private:
  int64_t numElements = 1;
};

/// Everything that a call is given: tensors from files or random values, and
/// scalars. Outputs are added once their extents are known.
class Call {
public:
  /// Reads the files of --in, and fills the other tensors at the extents of
  /// --size.
  static llvm::Expected<std::unique_ptr<Call>> create(const Spec &spec,
                                                      const Options &options);

  /// Makes room for the outputs of \p kernel, filled with bytes that are NaN.
  llvm::Error addOutputs(const attn_kernel_t *kernel);

  /// Valid until outputs are added.
  llvm::ArrayRef<attn_arg_t> args() const { return arguments; }
  llvm::MutableArrayRef<CallTensor> outputs() { return results; }
  /// The same arguments without the outputs.
  llvm::ArrayRef<attn_arg_t> inputArgs() const {
    return args().take_front(numInputArgs);
  }

  /// The extents that are known: all but those of a call with missing files.
  const llvm::StringMap<int64_t> &sizes() const { return extents; }
  /// Fixes the head sizes of \p spec to those of this call, as the compiler in
  /// process does.
  void fixHeadSizes(SpecOp spec) const;
  /// Of all inputs.
  int64_t inputBytes() const;

  /// The call as the reference evaluator takes it.
  ReferenceInputs reference() const;

private:
  llvm::Error readInputs(const Spec &spec, const Options &options);
  llvm::Error collectSizes(const Spec &spec, const Options &options);
  llvm::Error fillOthers(SpecOp spec, const Options &options);
  llvm::Error addScalars(const Spec &spec);
  void addTensorArguments(llvm::MutableArrayRef<CallTensor> tensors);
  int64_t largestExtent() const;

  std::vector<CallTensor> inputs; // never grows after create
  std::vector<CallTensor> results;
  std::deque<DLTensor> views;
  llvm::StringMap<int64_t> extents;
  llvm::StringMap<double> scalars;
  std::deque<std::string> names;
  std::vector<attn_arg_t> arguments;
  size_t numInputArgs = 0;
};

/// The status and text of the last failure of the runtime.
llvm::Error runtimeError();

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_CALL_H
