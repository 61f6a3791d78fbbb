//===- Header.cpp - The C header of a compiled spec -----------------------===//

#include "frontend/cli/Header.h"
#include "frontend/cli/Spec.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace attn;
using namespace attn::cli;

/// "f32 [B, H, M, D]". \p name tells which type the elements of an i8 have, if
/// it is not that.
static std::string describeTensor(mlir::Type type, mlir::Attribute name,
                                  llvm::ArrayRef<mlir::StringAttr> layout) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto other = llvm::dyn_cast_or_null<mlir::StringAttr>(name))
    stream << other.getValue();
  else
    stream << llvm::cast<QuantityType>(type).getElementType();
  stream << " [";
  llvm::interleaveComma(
      layout, stream, [&](mlir::StringAttr dim) { stream << dim.getValue(); });
  stream << "]";
  return text;
}

/// "int, default 1024".
static std::string describeScalar(mlir::Type type, mlir::Attribute fallback) {
  mlir::Type element = llvm::cast<QuantityType>(type).getElementType();
  std::string text = llvm::isa<mlir::FloatType>(element) ? "float"
                     : element.isInteger(1)              ? "bool"
                                                         : "int";
  if (auto flag = llvm::dyn_cast_or_null<mlir::BoolAttr>(fallback))
    return text + ", default " + (flag.getValue() ? "true" : "false");
  if (auto number = llvm::dyn_cast_or_null<mlir::FloatAttr>(fallback))
    return text + ", default " + numberText(float(number.getValueAsDouble()));
  if (auto number = llvm::dyn_cast_or_null<mlir::IntegerAttr>(fallback))
    return text + ", default " + std::to_string(number.getInt());
  return text;
}

static void printParams(llvm::raw_ostream &out, SpecOp spec) {
  for (unsigned i = 0; i < spec.getArgumentTypes().size(); ++i) {
    mlir::Type type = spec.getArgumentTypes()[i];
    out << " *   " << llvm::left_justify(spec.getArgName(i), 12)
        << (isScalarArgument(spec, i)
                ? "scalar  " +
                      describeScalar(type, spec.getArgAttr(i, "attn.default"))
                : "input   " + describeTensor(type,
                                              spec.getArgAttr(i, "attn.type"),
                                              spec.getArgLayout(i)))
        << '\n';
  }
  for (unsigned i = 0; i < spec.getResultTypes().size(); ++i)
    out << " *   " << llvm::left_justify(spec.getResultName(i), 12)
        << "output  "
        << describeTensor(spec.getResultTypes()[i],
                          spec.getResultAttr(i, "attn.type"),
                          spec.getResultLayout(i))
        << '\n';
}

std::string attn::cli::makeHeader(const Spec &spec) {
  std::string text;
  llvm::raw_string_ostream out(text);
  std::string guard = "ATTN_SPEC_" + llvm::StringRef(spec.name).upper() + "_H";
  out << "/* " << spec.name << ", compiled by attnc from "
      << llvm::sys::path::filename(spec.fileName) << ".\n"
      << " *\n * Parameters, by name, for attn_plan_create:\n";
  printParams(out, spec.op());
  if (!spec.op().getSizes().empty()) {
    out << " * Compiled for ";
    llvm::interleaveComma(
        spec.op().getSizes(), out, [&](mlir::NamedAttribute size) {
          out << size.getName().getValue() << " = "
              << llvm::cast<mlir::IntegerAttr>(size.getValue()).getInt();
        });
    out << ".\n";
  }
  out << " */\n#ifndef " << guard << "\n#define " << guard << "\n\n"
      << "#include <attn/runtime.h>\n\n"
      << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
      << "/* For attn_kernel_from_desc, when the object is linked. */\n"
      << "extern const struct attn_spec_desc attn_spec_" << spec.name << ";\n\n"
      << "#ifdef __cplusplus\n}\n#endif\n\n"
      << "#endif /* " << guard << " */\n";
  return text;
}
