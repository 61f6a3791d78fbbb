//===- AttnOps.cpp - Constraints and syntax of the attn ops ---------------===//

#include "dialect/AttnOps.h"
#include "dialect/FormulaWalk.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace attn;

static ParseResult parseQuantity(OpAsmParser &parser, Type &type) {
  return parser.parseType(type);
}

static void printQuantity(OpAsmPrinter &printer, Operation *, Type type) {
  printer << type;
}

#define GET_OP_CLASSES
#include "dialect/AttnOps.cpp.inc"

std::optional<int64_t> attn::constantInteger(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || !quantity(value).getElementType().isInteger(64))
    return std::nullopt;
  return cast<IntegerAttr>(constant.getValue()).getInt();
}

DimList attn::toDims(ArrayAttr names) {
  return llvm::map_to_vector(names.getAsRange<StringAttr>(),
                             [](StringAttr name) { return name; });
}

namespace {

using DimSet = llvm::SmallPtrSet<StringAttr, 8>;

DimSet dimSet(ArrayRef<StringAttr> dims) {
  return DimSet(dims.begin(), dims.end());
}

DimSet unionOf(ValueRange values) {
  DimSet set;
  for (Value value : values)
    set.insert_range(quantity(value).getDims());
  return set;
}

std::string listed(const DimSet &dims) {
  SmallVector<StringRef> names;
  for (StringAttr dim : dims)
    names.push_back(dim.getValue());
  llvm::sort(names);
  return "[" + llvm::join(names, ", ") + "]";
}

LogicalResult expectDims(Operation *op, StringRef label, Type result,
                         const DimSet &expected) {
  DimSet found = dimSet(cast<QuantityType>(result).getDims());
  if (found.size() == expected.size() &&
      llvm::all_of(found,
                   [&](StringAttr dim) { return expected.contains(dim); }))
    return success();
  return op->emitOpError() << label << ": expected the dimensions "
                           << listed(expected) << " in the result, found "
                           << listed(found);
}

LogicalResult expectScalar(Operation *op, Value value, StringRef what,
                           unsigned width, StringRef label = "C1") {
  QuantityType type = quantity(value);
  if (type.isScalar() && type.getElementType().isInteger(width))
    return success();
  return op->emitOpError() << label << ": expected an i" << width
                           << " scalar as " << what << ", found " << type;
}

LogicalResult expectBoolDomain(Operation *op, StringRef label, Value domain) {
  if (!domain || quantity(domain).getElementType().isInteger(1))
    return success();
  return op->emitOpError() << label << ": expected an i1 domain, found "
                           << domain.getType();
}

bool isFloat(Type type) { return type.isF32(); }
bool isInt(Type type) { return type.isInteger(64); }
bool isBool(Type type) { return type.isInteger(1); }

/// Says whether \p type is that of a computed quantity, not of storage.
bool isComputed(Type type) {
  return isFloat(type) || isInt(type) || isBool(type);
}

/// The dimensions that a reduction looks at: those of its operand and domain.
DimSet pairDims(Value operand, Value domain) {
  DimSet dims = dimSet(quantity(operand).getDims());
  if (domain)
    dims.insert_range(quantity(domain).getDims());
  return dims;
}

/// Checks that \p dims, which \p op names, are distinct dimensions of the spec.
LogicalResult verifyNamedDims(Operation *op, StringRef label, ArrayAttr dims) {
  if (dimSet(toDims(dims)).size() != dims.size())
    return op->emitOpError()
           << label << ": a dimension occurs twice in " << dims;
  auto spec = op->getParentOfType<SpecOp>();
  for (Attribute dim : dims)
    if (spec && !llvm::is_contained(spec.getDims(), dim))
      return op->emitOpError()
             << label << ": " << dim << " is not a dimension of the spec";
  return success();
}

LogicalResult verifyReducedDims(Operation *op, ArrayAttr dims) {
  if (dims.empty())
    return op->emitOpError("C1: expected at least one dimension");
  return verifyNamedDims(op, "C1", dims);
}

LogicalResult verifyNamedDim(Operation *op, StringRef label, StringAttr dim) {
  return verifyNamedDims(op, label, ArrayAttr::get(op->getContext(), {dim}));
}

} // namespace

//===----------------------------------------------------------------------===//
// SpecOp
//===----------------------------------------------------------------------===//

ParseResult SpecOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildFuncType =
      [](Builder &builder, ArrayRef<Type> args, ArrayRef<Type> results,
         function_interface_impl::VariadicFlag,
         std::string &) { return builder.getFunctionType(args, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildFuncType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void SpecOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

void SpecOp::getAsmBlockArgumentNames(Region &region,
                                      OpAsmSetValueNameFn setName) {
  for (BlockArgument arg : region.getArguments())
    setName(arg, getArgName(arg.getArgNumber()));
}

std::optional<int64_t> SpecOp::getStaticSize(StringAttr dim) {
  if (auto size = getSizes().getAs<IntegerAttr>(dim))
    return size.getInt();
  return std::nullopt;
}

unsigned SpecOp::getDimPosition(StringAttr dim) {
  ArrayRef<Attribute> dims = getDims().getValue();
  return llvm::find(dims, dim) - dims.begin();
}

SmallVector<StringAttr> SpecOp::sortDims(ArrayRef<StringAttr> dims) {
  DimSet set = dimSet(dims);
  DimList sorted;
  for (auto dim : getDims().getAsRange<StringAttr>())
    if (set.contains(dim))
      sorted.push_back(dim);
  return sorted;
}

StringRef SpecOp::getArgName(unsigned index) {
  auto name = getArgAttrOfType<StringAttr>(index, "attn.name");
  return name ? name.getValue() : StringRef();
}

StringRef SpecOp::getResultName(unsigned index) {
  auto name = getResultAttrOfType<StringAttr>(index, "attn.name");
  return name ? name.getValue() : StringRef();
}

DimList SpecOp::getArgLayout(unsigned index) {
  auto layout = getArgAttrOfType<ArrayAttr>(index, "attn.layout");
  return layout ? toDims(layout) : DimList();
}

DimList SpecOp::getResultLayout(unsigned index) {
  auto layout = getResultAttrOfType<ArrayAttr>(index, "attn.layout");
  return layout ? toDims(layout) : DimList();
}

/// Checks that no dimension of \p spec is defined twice or from itself.
static LogicalResult verifyExtents(SpecOp spec) {
  llvm::SmallMapVector<StringAttr, DefineDimOp, 4> defined;
  for (auto define : spec.getBody().getOps<DefineDimOp>())
    if (!defined.insert({define.getDimAttr(), define}).second)
      return define.emitOpError("C2: ")
             << define.getDimAttr() << " is defined twice";
  for (auto [dim, define] : defined) {
    SmallVector<Value> pending{define.getExtent()};
    llvm::SmallPtrSet<Operation *, 16> seen;
    while (!pending.empty()) {
      Operation *op = pending.pop_back_val().getDefiningOp();
      if (!op || !seen.insert(op).second)
        continue;
      llvm::append_range(pending, op->getOperands());
      auto extent = dyn_cast<ExtentOp>(op);
      if (!extent)
        continue;
      if (extent.getDimAttr() == dim)
        return define.emitOpError("C2: the extent of ")
               << dim << " depends on itself";
      if (DefineDimOp other = defined.lookup(extent.getDimAttr()))
        pending.push_back(other.getExtent());
    }
  }
  return success();
}

LogicalResult SpecOp::verify() {
  DimSet declared = dimSet(toDims(getDims()));
  if (declared.size() != getDims().size())
    return emitOpError("C1: a dimension occurs twice in ") << getDims();
  for (NamedAttribute size : getSizes()) {
    if (!declared.contains(size.getName()))
      return emitOpError("C2: sizes has ")
             << size.getName() << ", which is not a dimension";
    auto extent = dyn_cast<IntegerAttr>(size.getValue());
    if (!extent || !extent.getType().isSignlessInteger(64) ||
        extent.getInt() < 0)
      return emitOpError("C2: the extent of ")
             << size.getName() << " is not an i64 number from 0 on";
  }
  llvm::SmallPtrSet<Attribute, 8> names;
  for (unsigned i = 0; i < getNumArguments(); ++i)
    if (failed(verifyInterface("parameter", i, getArgumentTypes()[i],
                               getArgAttrDict(i), names)))
      return failure();
  for (unsigned i = 0; i < getNumResults(); ++i)
    if (failed(verifyInterface("result", i, getResultTypes()[i],
                               getResultAttrDict(i), names)))
      return failure();
  return success();
}

LogicalResult SpecOp::verifyInterface(StringRef what, unsigned index, Type type,
                                      DictionaryAttr attrs,
                                      llvm::SmallPtrSetImpl<Attribute> &names) {
  auto fail = [&](StringRef label) {
    return emitOpError() << label << ": " << what << " " << index;
  };
  auto q = dyn_cast<QuantityType>(type);
  if (!q)
    return fail("C3") << " is not a quantity";
  Attribute layout = attrs ? attrs.get("attn.layout") : Attribute();
  auto dims = dyn_cast_or_null<ArrayAttr>(layout);
  if (layout && (!dims || !llvm::all_of(dims, llvm::IsaPred<StringAttr>)))
    return fail("C3") << " has the layout " << layout
                      << ", which is not a list of names";
  DimList order = dims ? toDims(dims) : DimList();
  if (order.size() != q.getDims().size() ||
      !llvm::all_of(q.getDims(), [&](StringAttr dim) {
        return llvm::is_contained(order, dim);
      }))
    return fail("C3") << " has the layout " << listed(dimSet(order))
                      << " and the dimensions " << listed(dimSet(q.getDims()));
  Attribute name = attrs ? attrs.get("attn.name") : Attribute();
  if (!isa_and_nonnull<StringAttr>(name))
    return fail("C5") << " has no name";
  if (!names.insert(name).second)
    return fail("C5") << " is another " << name;
  auto value = attrs.getAs<TypedAttr>("attn.default");
  if (attrs.contains("attn.default") &&
      (!q.isScalar() || !isa_and_nonnull<IntegerAttr, FloatAttr>(value) ||
       value.getType() != q.getElementType()))
    return fail("C5") << " has a default that is not a number of type "
                      << q.getElementType();
  return success();
}

LogicalResult SpecOp::verifyRegions() {
  auto checkOrder = [&](Value value, Operation *op) -> LogicalResult {
    auto q = dyn_cast<QuantityType>(value.getType());
    if (!q || DimList(q.getDims()) == sortDims(q.getDims()))
      return success();
    for (StringAttr dim : q.getDims())
      if (!llvm::is_contained(getDims(), dim))
        return op->emitOpError("C4: ") << q << " has the dimension " << dim
                                       << ", which is not one of " << getDims();
    return op->emitOpError("C4: the dimensions of ")
           << q << " are not in the order of " << getDims();
  };
  for (BlockArgument arg : getBody().getArguments())
    if (failed(checkOrder(arg, *this)))
      return failure();
  WalkResult walk = getBody().walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (failed(checkOrder(result, op)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  if (!isa<ReturnOp>(getBody().front().getTerminator()))
    return emitOpError("C6: expected an attn.return at the end of the body");
  return verifyExtents(*this);
}

LogicalResult ReturnOp::verify() {
  auto spec = cast<SpecOp>((*this)->getParentOp());
  if (getValues().getTypes() == TypeRange(spec.getResultTypes()))
    return success();
  return emitOpError("C1: expected values of types ")
         << spec.getResultTypes() << ", found " << getValues().getTypes();
}

LogicalResult DefineDimOp::verify() {
  if (failed(expectScalar(*this, getExtent(), "the extent", 64)))
    return failure();
  return verifyNamedDim(*this, "C1", getDimAttr());
}

LogicalResult RequireOp::verify() {
  return expectScalar(*this, getCondition(), "the condition", 1);
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::verify() {
  QuantityType type = quantity(getResult());
  if (!isa<IntegerAttr, FloatAttr>(getValue()))
    return emitOpError("C1: expected a number, found ") << getValue();
  if (type.isScalar() && type.getElementType() == getValue().getType())
    return success();
  return emitOpError("C1: expected a scalar of type ")
         << getValue().getType() << ", found " << type;
}

void IndexOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getResult(), getDim().lower());
}

LogicalResult IndexOp::verify() {
  QuantityType type = quantity(getResult());
  if (type.getDims() == ArrayRef(getDimAttr()) && isInt(type.getElementType()))
    return success();
  return emitOpError("C1: expected an i64 quantity with the one dimension ")
         << getDim() << ", found " << type;
}

void ExtentOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getResult(), getDim());
}

LogicalResult ExtentOp::verify() {
  if (failed(expectScalar(*this, getResult(), "the result", 64)))
    return failure();
  return verifyNamedDim(*this, "C1", getDimAttr());
}

//===----------------------------------------------------------------------===//
// Pointwise
//===----------------------------------------------------------------------===//

LogicalResult UnaryOp::verify() {
  Type type = quantity(getOperand()).getElementType();
  bool valid = false;
  switch (getKind()) {
  case UnaryKind::Not:
    valid = isBool(type);
    break;
  case UnaryKind::Neg:
  case UnaryKind::Abs:
    valid = isFloat(type) || isInt(type);
    break;
  default:
    valid = isFloat(type);
  }
  if (valid)
    return success();
  return emitOpError("C1: ")
         << stringifyUnaryKind(getKind()) << " is not defined for " << type;
}

LogicalResult BinaryOp::verify() {
  Type type = quantity(getLhs()).getElementType();
  if (type != quantity(getRhs()).getElementType() ||
      type != quantity(getResult()).getElementType())
    return emitOpError("C1: the element types of operands and result differ");
  if (failed(expectDims(*this, "C2", getResult().getType(),
                        unionOf(getOperands()))))
    return failure();
  bool valid = false;
  switch (getKind()) {
  case BinaryKind::Div:
  case BinaryKind::Ratio:
  case BinaryKind::Pow:
    valid = isFloat(type);
    break;
  case BinaryKind::Shl:
  case BinaryKind::Shr:
    valid = isInt(type);
    break;
  case BinaryKind::And:
  case BinaryKind::Or:
  case BinaryKind::Xor:
    valid = isInt(type) || isBool(type);
    break;
  default:
    valid = isFloat(type) || isInt(type);
  }
  if (valid)
    return success();
  return emitOpError("C3: ")
         << stringifyBinaryKind(getKind()) << " is not defined for " << type;
}

LogicalResult CompareOp::verify() {
  Type type = quantity(getLhs()).getElementType();
  if (type != quantity(getRhs()).getElementType())
    return emitOpError("C1: the element types of the operands differ");
  bool equality =
      getPredicate() == Predicate::EQ || getPredicate() == Predicate::NE;
  if (!isFloat(type) && !isInt(type) && !(isBool(type) && equality))
    return emitOpError("C1: ") << stringifyPredicate(getPredicate())
                               << " is not defined for " << type;
  if (!isBool(quantity(getResult()).getElementType()))
    return emitOpError("C1: expected an i1 result, found ")
           << getResult().getType();
  return expectDims(*this, "C2", getResult().getType(), unionOf(getOperands()));
}

LogicalResult SelectOp::verify() {
  if (!isBool(quantity(getCondition()).getElementType()))
    return emitOpError("C1: expected an i1 condition, found ")
           << getCondition().getType();
  Type type = quantity(getResult()).getElementType();
  if (quantity(getThen()).getElementType() != type ||
      quantity(getOtherwise()).getElementType() != type)
    return emitOpError("C1: the element types of values and result differ");
  if (!isComputed(type))
    return emitOpError("C1: select is not defined for ") << type;
  return expectDims(*this, "C2", getResult().getType(), unionOf(getOperands()));
}

LogicalResult CastOp::verify() {
  return expectDims(*this, "C1", getResult().getType(),
                    dimSet(quantity(getOperand()).getDims()));
}

ParseResult ReadOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand source;
  SmallVector<OpAsmParser::UnresolvedOperand> indices;
  SmallVector<Attribute> dims;
  auto parseIndex = [&]() -> ParseResult {
    StringAttr dim;
    if (parser.parseAttribute(dim) || parser.parseEqual())
      return failure();
    dims.push_back(dim);
    return parser.parseOperand(indices.emplace_back());
  };
  FunctionType type;
  SMLoc loc;
  if (parser.parseOperand(source) ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     parseIndex) ||
      parser.parseOptionalAttrDict(result.attributes) || parser.parseColon() ||
      parser.getCurrentLocation(&loc) || parser.parseType(type))
    return failure();
  result.addAttribute("dims", parser.getBuilder().getArrayAttr(dims));
  SmallVector<OpAsmParser::UnresolvedOperand> operands{source};
  operands.append(indices);
  result.addTypes(type.getResults());
  return parser.resolveOperands(operands, type.getInputs(), loc,
                                result.operands);
}

void ReadOp::print(OpAsmPrinter &printer) {
  printer << " " << getSource() << "[";
  llvm::interleaveComma(
      llvm::zip_equal(getDims(), getIndices()), printer, [&](auto pair) {
        printer << std::get<0>(pair) << " = " << std::get<1>(pair);
      });
  printer << "]";
  printer.printOptionalAttrDict((*this)->getAttrs(), {"dims"});
  printer << " : ";
  printer.printFunctionalType(*this);
}

LogicalResult ReadOp::verify() {
  DimSet replaced = dimSet(toDims(getDims()));
  if (replaced.size() != getDims().size() ||
      getDims().size() != getIndices().size())
    return emitOpError(
        "C1: expected one index for each of distinct dimensions");
  for (StringAttr dim : replaced)
    if (!quantity(getSource()).hasDim(dim))
      return emitOpError("C1: the source ")
             << getSource().getType() << " has no dimension " << dim.getValue();
  for (Value index : getIndices())
    if (!isInt(quantity(index).getElementType()))
      return emitOpError("C2: expected i64 indices, found ") << index.getType();
  if (quantity(getResult()).getElementType() !=
      quantity(getSource()).getElementType())
    return emitOpError("C3: the element types of source and result differ");
  DimSet expected = unionOf(getIndices());
  for (StringAttr dim : quantity(getSource()).getDims())
    if (!replaced.contains(dim))
      expected.insert(dim);
  if (failed(expectDims(*this, "C3", getResult().getType(), expected)))
    return failure();
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (!kernel)
    return success();
  auto isOfSweep = [&](Value value) {
    Operation *op = value.getDefiningOp();
    return isa_and_nonnull<SweepOp, AccumulateOp>(op) &&
           kernel->isProperAncestor(op) &&
           llvm::any_of(quantity(value).getDims(),
                        [&](StringAttr dim) { return replaced.contains(dim); });
  };
  if (isMadeOf(getSource(), isOfSweep))
    return emitOpError("C4: the source is made of what a sweep of the same "
                       "kernel computes, along a dimension that is replaced");
  return success();
}

LogicalResult UniformOp::verify() {
  for (Value operand : getOperands())
    if (!isInt(quantity(operand).getElementType()))
      return emitOpError("C1: expected i64 operands, found ")
             << operand.getType();
  if (!isFloat(quantity(getResult()).getElementType()))
    return emitOpError("C1: expected an f32 result, found ")
           << getResult().getType();
  return expectDims(*this, "C2", getResult().getType(), unionOf(getOperands()));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::verify() {
  if (failed(verifyReducedDims(*this, getDims())))
    return failure();
  Type type = quantity(getOperand()).getElementType();
  bool intKind = getKind() == ReduceKind::Sum || getKind() == ReduceKind::Max ||
                 getKind() == ReduceKind::Min;
  if (!isFloat(type) && !(isInt(type) && intKind))
    return emitOpError("C2: ")
           << stringifyReduceKind(getKind()) << " is not defined for " << type;
  if (failed(expectBoolDomain(*this, "C2", getDomain())))
    return failure();
  if (quantity(getResult()).getElementType() != type)
    return emitOpError("C3: the element types of operand and result differ");
  DimSet expected = pairDims(getOperand(), getDomain());
  for (StringAttr dim : toDims(getDims()))
    expected.erase(dim);
  return expectDims(*this, "C3", getResult().getType(), expected);
}

LogicalResult NormalizeOp::verify() {
  if (failed(verifyReducedDims(*this, getDims())))
    return failure();
  if (!isFloat(quantity(getOperand()).getElementType()) ||
      !isFloat(quantity(getResult()).getElementType()))
    return emitOpError("C2: expected an f32 operand and result");
  if (failed(expectBoolDomain(*this, "C2", getDomain())))
    return failure();
  DimSet expected = pairDims(getOperand(), getDomain());
  expected.insert_range(toDims(getDims()));
  return expectDims(*this, "C3", getResult().getType(), expected);
}

//===----------------------------------------------------------------------===//
// Scheduled form
//===----------------------------------------------------------------------===//

/// Checks that the one block of \p op ends with a yield of its result types.
static LogicalResult verifyYield(Operation *op) {
  Block &block = op->getRegion(0).front();
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op->emitOpError("C1: expected an attn.yield at the end of the body");
  if (yield.getValues().getTypes() != op->getResultTypes())
    return op->emitOpError("C1: yields ")
           << yield.getValues().getTypes() << " for results "
           << op->getResultTypes();
  return success();
}

LogicalResult KernelOp::verify() {
  if (failed(verifyYield(*this)) ||
      failed(verifyNamedDims(*this, "C2", getFree())))
    return failure();
  for (auto [name, dims] : {std::pair("lanes", getLanesAttr()),
                            std::pair("along", getAlongAttr())}) {
    if (!dims)
      continue;
    if (failed(verifyNamedDims(*this, "C2", dims)))
      return failure();
    for (Attribute dim : dims)
      if (!llvm::is_contained(getFree(), dim))
        return emitOpError("C2: ")
               << name << " has " << dim << ", which is not a free dimension";
  }
  for (Value result : getResults())
    for (StringAttr dim : toDims(getFree()))
      if (!quantity(result).hasDim(dim))
        return emitOpError("C3: the result ")
               << result.getType() << " lacks the free dimension " << dim;
  return success();
}

LogicalResult SweepOp::verify() {
  if (failed(verifyYield(*this)))
    return failure();
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  for (Value value : yield.getValues())
    if (!value.getDefiningOp<AccumulateOp>() ||
        value.getParentRegion() != &getBody())
      return emitOpError(
          "C1: yields a value that none of its accumulators makes");
  if (getOver().empty())
    return emitOpError("C2: expected at least one dimension");
  if (failed(verifyNamedDims(*this, "C2", getOver())))
    return failure();
  auto kernel = cast<KernelOp>((*this)->getParentOp());
  for (Attribute dim : getOver())
    if (llvm::is_contained(kernel.getFree(), dim))
      return emitOpError("C2: sweeps over ")
             << dim << ", which is a free dimension";
  if (!getVisits().empty() && !getVisit())
    return emitOpError("C3: expected an attn.visit at the end of visits");
  return success();
}

VisitOp SweepOp::getVisit() {
  if (getVisits().empty() || getVisits().front().empty())
    return {};
  return dyn_cast<VisitOp>(getVisits().front().back());
}

LogicalResult VisitOp::verify() {
  auto allAre = [](OperandRange values) {
    return llvm::all_of(values, [](Value value) {
      return isInt(quantity(value).getElementType());
    });
  };
  if (!allAre(getFrom()) || !allAre(getTo()) || !allAre(getStep()) ||
      !isBool(quantity(getMay()).getElementType()) ||
      !isBool(quantity(getMust()).getElementType()))
    return emitOpError("C1: expected i64 for from, to and step, and i1 for may "
                       "and must");
  auto sweep = cast<SweepOp>((*this)->getParentOp());
  size_t rank = sweep.getOver().size();
  if (getStep().size() != rank || getFrom().size() != getTo().size() ||
      getFrom().empty() || getFrom().size() % rank != 0)
    return emitOpError("C2: expected ")
           << rank << " numbers in step and in each box, found "
           << getStep().size() << " in step, " << getFrom().size()
           << " in from and " << getTo().size() << " in to";
  DimSet varying = dimSet(toDims(sweep.getOver()));
  if (auto lanes = cast<KernelOp>(sweep->getParentOp()).getLanes())
    varying.insert_range(toDims(*lanes));
  for (Value operand : getOperands())
    for (StringAttr dim : quantity(operand).getDims())
      if (varying.contains(dim))
        return emitOpError("C3: an operand varies along ") << dim;
  return success();
}

LogicalResult TileBoundOp::verify() {
  if (failed(verifyNamedDim(*this, "C1", getDimAttr())))
    return failure();
  return expectScalar(*this, getResult(), "the bound", 64);
}

LogicalResult BoxReduceOp::verify() {
  bool isStored =
      isa<BlockArgument>(getSource()) || getSource().getDefiningOp<KernelOp>();
  if ((getKind() != ReduceKind::Max && getKind() != ReduceKind::Min) ||
      !isStored || !isa<IntegerType>(quantity(getSource()).getElementType()) ||
      !isInt(quantity(getResult()).getElementType()))
    return emitOpError("C1: expected the max or min of an argument or kernel "
                       "result of integers, as i64");
  DimSet reduced = dimSet(toDims(getDims()));
  if (reduced.size() != getDims().size() ||
      getFrom().size() != getDims().size() ||
      getTo().size() != getDims().size())
    return emitOpError("C2: expected two bounds for each of distinct "
                       "dimensions");
  DimSet expected;
  for (ValueRange bounds : {ValueRange(getFrom()), ValueRange(getTo())})
    for (Value bound : bounds) {
      if (!isInt(quantity(bound).getElementType()))
        return emitOpError("C2: expected i64 bounds, found ")
               << bound.getType();
      expected.insert_range(quantity(bound).getDims());
    }
  for (StringAttr dim : reduced)
    if (!quantity(getSource()).hasDim(dim))
      return emitOpError("C2: the source ")
             << getSource().getType() << " has no dimension " << dim.getValue();
  for (StringAttr dim : quantity(getSource()).getDims())
    if (!reduced.contains(dim))
      expected.insert(dim);
  return expectDims(*this, "C3", getResult().getType(), expected);
}

LogicalResult StrideOp::verify() {
  auto kernel = cast<KernelOp>((*this)->getParentOp());
  if (!kernel.getLanes() ||
      !llvm::is_contained(*kernel.getLanes(), getDimAttr()))
    return emitOpError("C1: ")
           << getDimAttr() << " is not a lane of the kernel";
  for (auto other : kernel.getBody().front().getOps<StrideOp>())
    if (other != *this && other.getDimAttr() == getDimAttr())
      return emitOpError("C1: ") << getDimAttr() << " has two strides";
  return expectScalar(*this, getBy(), "the stride", 64, "C2");
}

LogicalResult AccumulateOp::verify() {
  if (failed(expectBoolDomain(*this, "C1", getDomain())))
    return failure();
  Type type = quantity(getOperand()).getElementType();
  // What is collected is stored as it is, so it may be of a storage type.
  bool collects = getKind() == AccumulateKind::Collect;
  if ((!collects && !isFloat(type) && !isInt(type)) ||
      quantity(getResult()).getElementType() != type)
    return emitOpError("C1: expected an f32 or i64 operand and a result of its "
                       "element type");
  DimSet expected = pairDims(getOperand(), getDomain());
  for (StringAttr dim :
       toDims(cast<SweepOp>((*this)->getParentOp()).getOver())) {
    if (collects)
      expected.insert(dim);
    else
      expected.erase(dim);
  }
  if (failed(expectDims(*this, "C3", getResult().getType(), expected)))
    return failure();
  Value base = getRelativeTo();
  if (!base)
    return success();
  auto max = base.getDefiningOp<AccumulateOp>();
  if (!max || max->getBlock() != (*this)->getBlock() ||
      max.getKind() != AccumulateKind::Max || !isFloat(type) ||
      getKind() != AccumulateKind::Sum)
    return emitOpError("C2: expected an f32 sum relative to a max accumulator "
                       "of the same sweep");
  for (StringAttr dim : quantity(base).getDims())
    if (!quantity(getResult()).hasDim(dim))
      return emitOpError("C2: the maximum has the dimension ")
             << dim << ", which the sum has not";
  return success();
}
