//===- Header.cpp - The C header of a compiled spec -----------------------===//

#include "frontend/cli/Header.h"
#include "frontend/cli/Spec.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace attn;
using namespace attn::cli;

/// "f32 [B, H, M, D]" or "int, default 1024".
static std::string describe(QuantityType type,
                            llvm::ArrayRef<mlir::StringAttr> layout,
                            bool isScalar, mlir::Attribute fallback) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  mlir::Type element = type.getElementType();
  if (!isScalar) {
    stream << element << " [";
    llvm::interleaveComma(layout, stream, [&](mlir::StringAttr dim) {
      stream << dim.getValue();
    });
    stream << "]";
    return text;
  }
  stream << (llvm::isa<mlir::FloatType>(element) ? "float"
             : element.isInteger(1)              ? "bool"
                                                 : "int");
  if (auto number = llvm::dyn_cast_or_null<mlir::FloatAttr>(fallback))
    stream << ", default " << number.getValueAsDouble();
  else if (auto number = llvm::dyn_cast_or_null<mlir::IntegerAttr>(fallback))
    stream << ", default " << number.getValue();
  return text;
}

static void printParams(llvm::raw_ostream &out, SpecOp spec) {
  for (unsigned i = 0; i < spec.getArgumentTypes().size(); ++i) {
    bool isScalar = isScalarArgument(spec, i);
    out << " *   " << llvm::left_justify(spec.getArgName(i), 12)
        << (isScalar ? "scalar  " : "input   ")
        << describe(llvm::cast<QuantityType>(spec.getArgumentTypes()[i]),
                    spec.getArgLayout(i), isScalar,
                    spec.getArgAttr(i, "attn.default"))
        << '\n';
  }
  for (unsigned i = 0; i < spec.getResultTypes().size(); ++i)
    out << " *   " << llvm::left_justify(spec.getResultName(i), 12)
        << "output  "
        << describe(llvm::cast<QuantityType>(spec.getResultTypes()[i]),
                    spec.getResultLayout(i), false, nullptr)
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
    out << " * Compiled for";
    llvm::interleaveComma(
        spec.op().getSizes(), out, [&](mlir::NamedAttribute size) {
          out << ' ' << size.getName().getValue() << " = "
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
