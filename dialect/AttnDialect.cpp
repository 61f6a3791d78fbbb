//===- AttnDialect.cpp - The attn dialect and its type --------------------===//

#include "dialect/AttnOps.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

#include "dialect/AttnDialect.cpp.inc"

#include "dialect/AttnEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/AttnTypes.cpp.inc"

void AttnDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/AttnTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/AttnOps.cpp.inc"
      >();
}

Type QuantityType::parse(AsmParser &parser) {
  SmallVector<StringAttr> dims;
  Type element;
  auto parseDim = [&]() -> ParseResult {
    std::string name;
    if (parser.parseKeywordOrString(&name))
      return failure();
    dims.push_back(StringAttr::get(parser.getContext(), name));
    return success();
  };
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseDim) ||
      parser.parseComma() || parser.parseType(element) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    dims, element);
}

void QuantityType::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getDims(), printer, [&](StringAttr dim) {
    printer.printKeywordOrString(dim.getValue());
  });
  printer << "], " << getElementType() << ">";
}

LogicalResult QuantityType::verify(function_ref<InFlightDiagnostic()> emitError,
                                   ArrayRef<StringAttr> dims,
                                   Type elementType) {
  // C1
  llvm::SmallPtrSet<StringAttr, 8> seen;
  for (StringAttr dim : dims)
    if (!seen.insert(dim).second)
      return emitError() << "dimension " << dim.getValue() << " occurs twice";
  // C2
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16() &&
      !elementType.isSignlessInteger(64) &&
      !elementType.isSignlessInteger(32) && !elementType.isSignlessInteger(8) &&
      !elementType.isSignlessInteger(1))
    return emitError() << "element type " << elementType
                       << " is not one of f32, f16, bf16, i64, i32, i8, i1";
  return success();
}

Operation *AttnDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                            Type type, Location loc) {
  auto typed = dyn_cast<TypedAttr>(value);
  auto q = dyn_cast<QuantityType>(type);
  if (!typed || !q || !q.isScalar() || q.getElementType() != typed.getType())
    return nullptr;
  return ConstantOp::create(builder, loc, q, typed);
}
