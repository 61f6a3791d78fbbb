//===- EmitAttn.cpp - Checked formulas to the attn dialect ----------------===//
//
// One op for each quantity that an output, a requirement or an extent needs.
// What is decided here is storage alone: the element types of tensors, and the
// casts between them and the types that are computed with.
//
//===----------------------------------------------------------------------===//

#include "dialect/AttnOps.h"
#include "dialect/QuantityBuilder.h"
#include "frontend/SpecFile.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <limits>
#include <map>

using namespace mlir;
using namespace attn;
using llvm::StringRef;

namespace {

class Emitter {
public:
  Emitter(const SpecFile::Contents &contents, const Formula &formula,
          Type defaultType, MLIRContext &context)
      : diagnostics(contents.diagnostics), formula(formula),
        defaultType(defaultType), builder(&context) {
    for (const Dimension &dim : formula.dims)
      dimNames.push_back(builder.getStringAttr(dim.name));
  }

  OwningOpRef<ModuleOp> emit(const llvm::StringMap<int64_t> &sizes);

private:
  SpecOp emitSpec(const llvm::StringMap<int64_t> &sizes);
  void emitBody(SpecOp spec);
  void emitNeededBy(ArrayRef<const Quantity *> roots);
  Value emit(const Quantity &quantity);
  Value emitConstant(const Quantity &quantity, QuantityType type);
  Value emitParam(const Quantity &quantity, QuantityType type);
  Value emitOutput(const FormulaOutput &output);
  Value nearestStored(const FormulaOutput &output, Value value);

  Type storageType(Storage storage);
  Type elementType(Element element);
  QuantityType typeOf(const Quantity &quantity) {
    return typeOf(quantity.dims, elementType(quantity.element));
  }
  QuantityType typeOf(DimSet dims, Type element);
  QuantityType argumentType(const FormulaParam &param);
  DictionaryAttr argumentAttrs(const FormulaParam &param);
  DictionaryAttr resultAttrs(const FormulaOutput &output);
  NamedAttrList describe(StringRef name, ArrayRef<unsigned> layout,
                         Storage storage);
  TypedAttr constantAttr(const Quantity &quantity);
  ArrayAttr dimsAttr(ArrayRef<unsigned> dims);
  Location locationOf(Place place);

  const Diagnostics &diagnostics;
  const Formula &formula;
  Type defaultType;
  OpBuilder builder;
  SmallVector<StringAttr> dimNames;
  Block *body = nullptr;
  DenseMap<const Quantity *, Value> values;
};

//===----------------------------------------------------------------------===//
// Types and attributes
//===----------------------------------------------------------------------===//

Location Emitter::locationOf(Place place) {
  auto [line, column] = diagnostics.lineAndColumn(place);
  return FileLineColLoc::get(builder.getContext(), diagnostics.fileName(), line,
                             column);
}

Type Emitter::elementType(Element element) {
  switch (element) {
  case Element::Bool:
    return builder.getI1Type();
  case Element::Int:
    return builder.getI64Type();
  case Element::Float:
    return builder.getF32Type();
  }
  llvm_unreachable("unknown element type");
}

Type Emitter::storageType(Storage storage) {
  switch (storage) {
  case Storage::Default:
    return defaultType;
  case Storage::F32:
    return builder.getF32Type();
  case Storage::F16:
    return builder.getF16Type();
  case Storage::BF16:
    return builder.getBF16Type();
  case Storage::I32:
    return builder.getI32Type();
  case Storage::I64:
    return builder.getI64Type();
  case Storage::I8:
  case Storage::U8:
  case Storage::Bool:
    return builder.getI8Type();
  }
  llvm_unreachable("unknown storage type");
}

QuantityType Emitter::typeOf(DimSet dims, Type element) {
  SmallVector<StringAttr> names;
  for (unsigned dim : dims.list())
    names.push_back(dimNames[dim]);
  return QuantityType::get(builder.getContext(), names, element);
}

QuantityType Emitter::argumentType(const FormulaParam &param) {
  return typeOf(param.quantity->dims, param.isScalar
                                          ? elementType(param.quantity->element)
                                          : storageType(param.storage));
}

ArrayAttr Emitter::dimsAttr(ArrayRef<unsigned> dims) {
  SmallVector<Attribute> names;
  for (unsigned dim : dims)
    names.push_back(dimNames[dim]);
  return builder.getArrayAttr(names);
}

/// i8 alone does not say which of three types the elements have.
NamedAttrList Emitter::describe(StringRef name, ArrayRef<unsigned> layout,
                                Storage storage) {
  NamedAttrList attrs;
  attrs.set("attn.name", builder.getStringAttr(name));
  attrs.set("attn.layout", dimsAttr(layout));
  if (storage == Storage::U8 || storage == Storage::Bool)
    attrs.set("attn.type",
              builder.getStringAttr(storage == Storage::U8 ? "uint8" : "bool"));
  return attrs;
}

DictionaryAttr Emitter::argumentAttrs(const FormulaParam &param) {
  NamedAttrList attrs = describe(param.name, param.layout, param.storage);
  if (param.isScalar) {
    attrs.erase("attn.layout");
    attrs.erase("attn.type");
  }
  if (param.defaultValue)
    attrs.set("attn.default", constantAttr(*param.defaultValue));
  return attrs.getDictionary(builder.getContext());
}

DictionaryAttr Emitter::resultAttrs(const FormulaOutput &output) {
  return describe(output.name, output.layout, output.storage)
      .getDictionary(builder.getContext());
}

TypedAttr Emitter::constantAttr(const Quantity &quantity) {
  switch (quantity.element) {
  case Element::Bool:
    return builder.getBoolAttr(quantity.bits);
  case Element::Int:
    return builder.getI64IntegerAttr(*quantity.constantInt());
  case Element::Float:
    return builder.getF32FloatAttr(float(*quantity.constantNumber()));
  }
  llvm_unreachable("unknown element type");
}

//===----------------------------------------------------------------------===//
// Quantities
//===----------------------------------------------------------------------===//

/// Emits what \p roots are computed from, in the order of the text.
void Emitter::emitNeededBy(ArrayRef<const Quantity *> roots) {
  const std::deque<Quantity> &all = formula.quantities.all();
  std::vector<bool> isNeeded(all.size());
  for (const Quantity *root : roots)
    isNeeded[root->id] = true;
  for (const Quantity &quantity : llvm::reverse(all))
    if (isNeeded[quantity.id])
      for (const Quantity *operand : quantity.operands)
        isNeeded[operand->id] = true;
  for (const Quantity &quantity : all)
    if (isNeeded[quantity.id] && !values.contains(&quantity))
      values[&quantity] = emit(quantity);
}

Value Emitter::emitConstant(const Quantity &quantity, QuantityType type) {
  return ConstantOp::create(builder, locationOf(quantity.place), type,
                            constantAttr(quantity));
}

/// The argument in the type that is computed with.
Value Emitter::emitParam(const Quantity &quantity, QuantityType type) {
  Value argument = body->getArgument(quantity.bits);
  Storage storage = formula.params[quantity.bits].storage;
  if (argument.getType() == type)
    return argument;
  Location loc = locationOf(quantity.place);
  Value value = CastOp::create(builder, loc, type, argument);
  if (storage != Storage::U8)
    return value;
  // The cast extends the sign; bytes have none.
  Value bytes =
      ConstantOp::create(builder, loc, typeOf({}, builder.getI64Type()),
                         builder.getI64IntegerAttr(255));
  return BinaryOp::create(builder, loc, type, BinaryKind::And, value, bytes);
}

Value Emitter::emit(const Quantity &quantity) {
  Location loc = locationOf(quantity.place);
  QuantityType type = typeOf(quantity);
  SmallVector<Value> operands;
  for (const Quantity *operand : quantity.operands)
    operands.push_back(values.at(operand));
  StringRef function = quantity.function;
  auto domain = [&] { return operands.size() > 1 ? operands[1] : Value(); };

  switch (quantity.kind) {
  case Quantity::Kind::Param:
    return emitParam(quantity, type);
  case Quantity::Kind::Constant:
    return emitConstant(quantity, type);
  case Quantity::Kind::Index:
    return IndexOp::create(builder, loc, type, dimNames[quantity.over.front()]);
  case Quantity::Kind::Extent:
    return ExtentOp::create(builder, loc, type,
                            dimNames[quantity.over.front()]);
  case Quantity::Kind::Unary:
    return UnaryOp::create(builder, loc, type, *symbolizeUnaryKind(function),
                           operands[0]);
  case Quantity::Kind::Binary:
    return BinaryOp::create(builder, loc, type, *symbolizeBinaryKind(function),
                            operands[0], operands[1]);
  case Quantity::Kind::Compare:
    return CompareOp::create(builder, loc, type, *symbolizePredicate(function),
                             operands[0], operands[1]);
  case Quantity::Kind::Select:
    return SelectOp::create(builder, loc, type, operands[0], operands[1],
                            operands[2]);
  case Quantity::Kind::Cast:
    return CastOp::create(builder, loc, type, operands[0]);
  case Quantity::Kind::Read:
    return ReadOp::create(builder, loc, type, operands[0],
                          dimsAttr(quantity.over),
                          ValueRange(operands).drop_front());
  case Quantity::Kind::Uniform:
    return UniformOp::create(builder, loc, type, operands[0],
                             ValueRange(operands).drop_front());
  case Quantity::Kind::Reduce:
    return ReduceOp::create(builder, loc, type, *symbolizeReduceKind(function),
                            operands[0], dimsAttr(quantity.over), domain());
  case Quantity::Kind::Normalize:
    return NormalizeOp::create(builder, loc, type,
                               *symbolizeNormalizeKind(function), operands[0],
                               dimsAttr(quantity.over), domain());
  }
  llvm_unreachable("unknown kind of quantity");
}

Value Emitter::emitOutput(const FormulaOutput &output) {
  Value value = values.at(output.quantity);
  QuantityType stored =
      typeOf(output.quantity->dims, storageType(output.storage));
  if (value.getType() == stored)
    return value;
  return CastOp::create(builder, locationOf(output.place), stored,
                        nearestStored(output, value));
}

/// The nearest integer to \p value that the place of \p output can hold: its
/// cast keeps the low bits, which would make 0 of a maximum over nothing.
Value Emitter::nearestStored(const FormulaOutput &output, Value value) {
  int64_t low, high;
  switch (output.storage) {
  case Storage::I32:
    low = std::numeric_limits<int32_t>::min();
    high = std::numeric_limits<int32_t>::max();
    break;
  case Storage::I8:
    low = std::numeric_limits<int8_t>::min();
    high = std::numeric_limits<int8_t>::max();
    break;
  case Storage::U8:
    low = 0;
    high = std::numeric_limits<uint8_t>::max();
    break;
  default:
    return value;
  }
  QuantityBuilder quantities(builder, cast<SpecOp>(body->getParentOp()));
  Location loc = locationOf(output.place);
  Value least = quantities.binary(loc, BinaryKind::Max, value,
                                  quantities.constant(loc, low));
  return quantities.binary(loc, BinaryKind::Min, least,
                           quantities.constant(loc, high));
}

//===----------------------------------------------------------------------===//
// The spec
//===----------------------------------------------------------------------===//

void Emitter::emitBody(SpecOp spec) {
  body = builder.createBlock(&spec.getBody());
  for (const FormulaParam &param : formula.params)
    body->addArgument(argumentType(param), locationOf(param.place));

  // Extents and requirements first: they are known before any tensor is read.
  SmallVector<const Quantity *> planned, computed;
  for (const Dimension &dim : formula.dims)
    if (dim.extent)
      planned.push_back(dim.extent);
  for (const Requirement &requirement : formula.requirements)
    planned.push_back(requirement.condition);
  emitNeededBy(planned);
  for (auto [dim, name] : llvm::zip_equal(formula.dims, dimNames))
    if (dim.extent)
      DefineDimOp::create(builder, locationOf(dim.place), name,
                          values.at(dim.extent));
  for (const Requirement &requirement : formula.requirements)
    RequireOp::create(builder, locationOf(requirement.place),
                      values.at(requirement.condition),
                      builder.getStringAttr(requirement.message));

  for (const FormulaOutput &output : formula.outputs)
    computed.push_back(output.quantity);
  emitNeededBy(computed);
  SmallVector<Value> results;
  for (const FormulaOutput &output : formula.outputs)
    results.push_back(emitOutput(output));
  ReturnOp::create(builder, locationOf(formula.place), results);
}

SpecOp Emitter::emitSpec(const llvm::StringMap<int64_t> &sizes) {
  SmallVector<Type> arguments, results;
  SmallVector<Attribute> argumentDicts, resultDicts;
  for (const FormulaParam &param : formula.params) {
    arguments.push_back(argumentType(param));
    argumentDicts.push_back(argumentAttrs(param));
  }
  for (const FormulaOutput &output : formula.outputs) {
    results.push_back(
        typeOf(output.quantity->dims, storageType(output.storage)));
    resultDicts.push_back(resultAttrs(output));
  }
  NamedAttrList extents;
  for (const auto &size : sizes)
    extents.set(size.first(), builder.getI64IntegerAttr(size.second));
  SmallVector<Attribute> dims(dimNames.begin(), dimNames.end());
  return SpecOp::create(
      builder, locationOf(formula.place), builder.getStringAttr(formula.name),
      TypeAttr::get(builder.getFunctionType(arguments, results)),
      builder.getArrayAttr(dims), extents.getDictionary(builder.getContext()),
      builder.getArrayAttr(argumentDicts), builder.getArrayAttr(resultDicts));
}

OwningOpRef<ModuleOp> Emitter::emit(const llvm::StringMap<int64_t> &sizes) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(locationOf(formula.place));
  builder.setInsertionPointToEnd(module->getBody());
  emitBody(emitSpec(sizes));
  return module;
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

const Formula *findFormula(const SpecFile &file, StringRef name,
                           llvm::raw_ostream &errors) {
  const SpecFile::Contents &contents = file.getContents();
  std::vector<StringRef> known;
  for (const auto &formula : contents.formulas) {
    if (formula->name == name)
      return formula.get();
    known.push_back(formula->name);
  }
  errors << contents.diagnostics.fileName() << ": error: no attention '" << name
         << "' here" << didYouMean(name, known) << "; it defines "
         << llvm::join(known, ", ") << "\n";
  return nullptr;
}

Type defaultElementType(StringRef dtype, MLIRContext &context,
                        llvm::raw_ostream &errors) {
  if (dtype == "f32")
    return Float32Type::get(&context);
  if (dtype == "f16")
    return Float16Type::get(&context);
  if (dtype == "bf16")
    return BFloat16Type::get(&context);
  errors << "error: unknown element type '" << dtype << "'"
         << didYouMean(dtype, {"f32", "f16", "bf16"})
         << "; expected f32, f16 or bf16\n";
  return {};
}

bool checkSizes(const llvm::StringMap<int64_t> &sizes, const Formula &formula,
                llvm::raw_ostream &errors) {
  std::vector<StringRef> known;
  for (const Dimension &dim : formula.dims)
    known.push_back(dim.name);
  bool isValid = true;
  std::map<StringRef, int64_t> sorted;
  for (const auto &size : sizes)
    sorted[size.first()] = size.second;
  for (auto [name, extent] : sorted) {
    auto dim = llvm::find_if(
        formula.dims, [&](const Dimension &dim) { return dim.name == name; });
    if (dim == formula.dims.end())
      errors << "error: '" << formula.name << "' has no dimension '" << name
             << "'" << didYouMean(name, known) << "; it has "
             << llvm::join(known, ", ") << "\n";
    else if (dim->extent)
      errors << "error: the extent of " << name
             << " is computed by the spec and cannot be set\n";
    else if (extent < 0)
      errors << "error: the extent of " << name << " cannot be " << extent
             << "\n";
    else
      continue;
    isValid = false;
  }
  return isValid;
}

} // namespace

OwningOpRef<ModuleOp> attn::emitSpec(const SpecFile &file, StringRef specName,
                                     const EmitOptions &options,
                                     MLIRContext &context,
                                     llvm::raw_ostream &errors) {
  const Formula *formula = findFormula(file, specName, errors);
  if (!formula)
    return nullptr;
  Type defaultType = defaultElementType(options.dtype, context, errors);
  if (!checkSizes(options.sizes, *formula, errors) || !defaultType)
    return nullptr;
  context.loadDialect<AttnDialect>();
  OwningOpRef<ModuleOp> module =
      Emitter(file.getContents(), *formula, defaultType, context)
          .emit(options.sizes);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    errors << diagnostic.getLocation()
           << ": internal error, please report it: " << diagnostic.str()
           << "\n";
    return success();
  });
  if (failed(verify(*module)))
    return nullptr;
  return module;
}
