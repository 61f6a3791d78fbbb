//===- SampledDomain.cpp - A condition at chosen indices ------------------===//

#include "frontend/cli/SampledDomain.h"
#include "frontend/cli/Messages.h"

#include "mlir/IR/IRMapping.h"

using namespace attn;
using namespace attn::cli;
using mlir::OpBuilder;
using mlir::StringAttr;
using mlir::Value;

namespace {

/// Rebuilds quantities of one spec in another, where some dimensions are
/// replaced by indices:
///
///   compare le (index N), (index M)   becomes   compare le %columnsN, %rowsM
class Substitution {
public:
  Substitution(SpecOp from, SpecOp to, OpBuilder &builder)
      : from(from), to(to), builder(builder) {}

  /// Replaces \p dim by \p index, a quantity of the new spec.
  void replace(StringAttr dim, Value index) { indices[dim] = index; }

  /// \p value in the new spec; null for forms that are not handled. \p kept are
  /// dimensions that stay what they are, because something around the value
  /// reduces or reads along them.
  Value rebuild(Value value, const DimList &kept = {});

private:
  Value rebuildOp(mlir::Operation *op, Value value, const DimList &kept);
  Value rebuildRead(ReadOp op, const DimList &kept);
  /// \p source read at \p dims and, where \p kept does not hold them, at all
  /// other dimensions that are replaced.
  Value read(Value source, DimList dims, llvm::SmallVector<Value> at,
             const DimList &kept);
  bool isReplaced(StringAttr dim, const DimList &kept) const {
    return indices.contains(dim) && !llvm::is_contained(kept, dim);
  }
  QuantityType typeOf(mlir::Type element, const DimList &dims) {
    return QuantityType::get(builder.getContext(), to.sortDims(dims), element);
  }

  SpecOp from, to;
  OpBuilder &builder;
  llvm::DenseMap<StringAttr, Value> indices;
};

} // namespace

Value Substitution::read(Value source, DimList dims,
                         llvm::SmallVector<Value> at, const DimList &kept) {
  DimList resultDims;
  for (StringAttr dim : quantity(source).getDims()) {
    if (llvm::is_contained(dims, dim))
      continue;
    if (!isReplaced(dim, kept)) {
      resultDims.push_back(dim);
      continue;
    }
    dims.push_back(dim);
    at.push_back(indices[dim]);
  }
  if (dims.empty())
    return source;
  for (Value index : at)
    llvm::append_range(resultDims, quantity(index).getDims());
  llvm::SmallVector<mlir::Attribute> names(dims.begin(), dims.end());
  return ReadOp::create(builder, from.getLoc(),
                        typeOf(quantity(source).getElementType(), resultDims),
                        source, builder.getArrayAttr(names), at);
}

Value Substitution::rebuildRead(ReadOp op, const DimList &kept) {
  DimList dims = toDims(op.getDims()), inSource = kept;
  llvm::append_range(inSource, dims);
  Value source =
      llvm::isa<mlir::BlockArgument>(op.getSource())
          ? to.getBody().getArgument(
                llvm::cast<mlir::BlockArgument>(op.getSource()).getArgNumber())
          : rebuild(op.getSource(), inSource);
  llvm::SmallVector<Value> at;
  for (Value index : op.getIndices())
    at.push_back(rebuild(index, kept));
  if (!source || llvm::is_contained(at, Value()))
    return Value();
  return read(source, dims, at, inSource);
}

Value Substitution::rebuildOp(mlir::Operation *op, Value value,
                              const DimList &kept) {
  DimList inOperands = kept;
  if (auto reduce = llvm::dyn_cast<ReduceOp>(op))
    llvm::append_range(inOperands, toDims(reduce.getDims()));
  mlir::IRMapping mapping;
  for (Value operand : op->getOperands()) {
    Value rebuilt = rebuild(operand, inOperands);
    if (!rebuilt)
      return Value();
    mapping.map(operand, rebuilt);
  }
  DimList dims;
  for (StringAttr dim : quantity(value).getDims()) {
    if (isReplaced(dim, kept))
      llvm::append_range(dims, quantity(indices[dim]).getDims());
    else
      dims.push_back(dim);
  }
  Value result = builder.clone(*op, mapping)->getResult(0);
  result.setType(typeOf(quantity(value).getElementType(), dims));
  return result;
}

Value Substitution::rebuild(Value value, const DimList &kept) {
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
    return read(to.getBody().getArgument(argument.getArgNumber()), {}, {},
                kept);
  mlir::Operation *op = value.getDefiningOp();
  if (auto index = llvm::dyn_cast<IndexOp>(op);
      index && isReplaced(index.getDimAttr(), kept))
    return indices[index.getDimAttr()];
  if (auto read = llvm::dyn_cast<ReadOp>(op))
    return rebuildRead(read, kept);
  // A normalisation has its own dimensions in its result.
  if (llvm::isa<NormalizeOp>(op))
    return Value();
  return rebuildOp(op, value, kept);
}

/// The name of the tensor of indices that replaces \p dim.
static std::string samplesOf(StringAttr dim) {
  return "samples of " + dim.str();
}

static mlir::DictionaryAttr named(OpBuilder &builder, llvm::StringRef name,
                                  llvm::ArrayRef<StringAttr> layout) {
  llvm::SmallVector<mlir::Attribute> dims(layout.begin(), layout.end());
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("attn.layout", builder.getArrayAttr(dims)),
       builder.getNamedAttr("attn.name", builder.getStringAttr(name))});
}

/// An empty spec with the parameters of \p spec, two more dimensions, and a
/// tensor of indices for each dimension of the axes.
static SpecOp createSampled(OpBuilder &builder, SpecOp spec, StringAttr rowDim,
                            StringAttr columnDim, const SampledAxis &rows,
                            const SampledAxis &columns) {
  auto i64 = [&](StringAttr dim) {
    return QuantityType::get(builder.getContext(), {dim}, builder.getI64Type());
  };
  llvm::SmallVector<mlir::Type> types(spec.getArgumentTypes());
  llvm::SmallVector<mlir::Attribute> attrs(spec.getArgAttrs()->begin(),
                                           spec.getArgAttrs()->end());
  auto add = [&](const SampledAxis &axis, StringAttr sampled) {
    for (StringAttr dim : axis.dims) {
      types.push_back(i64(sampled));
      attrs.push_back(named(builder, samplesOf(dim), {sampled}));
    }
  };
  add(rows, rowDim);
  add(columns, columnDim);
  llvm::SmallVector<mlir::Attribute> dims(spec.getDims().begin(),
                                          spec.getDims().end());
  // A dimension that no tensor has would have no extent.
  if (!rows.dims.empty())
    dims.push_back(rowDim);
  if (!columns.dims.empty())
    dims.push_back(columnDim);
  auto sampled = SpecOp::create(
      builder, spec.getLoc(), spec.getSymName(),
      builder.getFunctionType(types, {}), builder.getArrayAttr(dims),
      spec.getSizes(), builder.getArrayAttr(attrs), builder.getArrayAttr({}));
  sampled.getBody().emplaceBlock().addArguments(
      types, llvm::SmallVector<mlir::Location>(types.size(), spec.getLoc()));
  return sampled;
}

/// Ends \p spec with \p value, an i1, as its one result.
static void returnAsF32(OpBuilder &builder, SpecOp spec, Value value) {
  auto type = llvm::cast<QuantityType>(QuantityType::get(
      builder.getContext(), quantity(value).getDims(), builder.getF32Type()));
  Value number = CastOp::create(builder, spec.getLoc(), type, value);
  ReturnOp::create(builder, spec.getLoc(), number);
  spec.setFunctionTypeAttr(mlir::TypeAttr::get(
      builder.getFunctionType(spec.getArgumentTypes(), {type})));
  spec.setResAttrsAttr(
      builder.getArrayAttr({named(builder, "exists", type.getDims())}));
}

/// Adds the tensors of indices of \p axis to the inputs.
static void addSamples(const SampledAxis &axis, ReferenceInputs &inputs) {
  int64_t stride = 1;
  for (size_t i = axis.dims.size(); i-- > 0; stride *= axis.extents[i]) {
    HostTensor tensor;
    tensor.shape = {int64_t(axis.samples.size())};
    for (int64_t sample : axis.samples)
      tensor.data.push_back(double(sample / stride % axis.extents[i]));
    inputs.tensors[samplesOf(axis.dims[i])] = std::move(tensor);
  }
}

llvm::Expected<std::vector<double>>
attn::cli::sampleDomain(SpecOp spec, Value domain, const SampledAxis &rows,
                        const SampledAxis &columns, ReferenceInputs inputs) {
  mlir::OwningOpRef<mlir::ModuleOp> module(
      mlir::ModuleOp::create(spec.getLoc()));
  auto builder = OpBuilder::atBlockEnd(module->getBody());
  StringAttr rowDim = builder.getStringAttr("sampled rows");
  StringAttr columnDim = builder.getStringAttr("sampled columns");
  SpecOp sampled =
      createSampled(builder, spec, rowDim, columnDim, rows, columns);
  builder.setInsertionPointToEnd(&sampled.getBody().front());

  Substitution substitution(spec, sampled, builder);
  auto argument = unsigned(spec.getArgumentTypes().size());
  for (const SampledAxis *axis : {&rows, &columns})
    for (StringAttr dim : axis->dims)
      substitution.replace(dim, sampled.getBody().getArgument(argument++));
  // Rows and columns first, so that every other dimension of the domain is one
  // that is held.
  Value zero;
  for (StringAttr dim : quantity(domain).getDims()) {
    if (llvm::is_contained(rows.dims, dim) ||
        llvm::is_contained(columns.dims, dim))
      continue;
    if (!zero)
      zero = ConstantOp::create(
          builder, spec.getLoc(),
          QuantityType::get(builder.getContext(), {}, builder.getI64Type()),
          builder.getI64IntegerAttr(0));
    substitution.replace(dim, zero);
  }
  for (auto define : spec.getBody().front().getOps<DefineDimOp>())
    if (Value extent = substitution.rebuild(define.getExtent()))
      DefineDimOp::create(builder, define.getLoc(), define.getDimAttr(),
                          extent);
  Value exists = substitution.rebuild(domain);
  if (!exists)
    return userError("this mask cannot be drawn");
  returnAsF32(builder, sampled, exists);

  addSamples(rows, inputs);
  addSamples(columns, inputs);
  auto results = evaluateReference(sampled, inputs);
  if (!results)
    return results.takeError();
  // A domain that lacks one of the axes is the same all along it.
  auto sampledDims = sampled.getResultLayout(0);
  bool hasRows = llvm::is_contained(sampledDims, rowDim);
  bool hasColumns = llvm::is_contained(sampledDims, columnDim);
  std::vector<double> grid;
  for (size_t row = 0; row < rows.samples.size(); ++row)
    for (size_t column = 0; column < columns.samples.size(); ++column)
      grid.push_back(
          (*results)[0].data[(hasRows ? row : 0) *
                                 (hasColumns ? columns.samples.size() : 1) +
                             (hasColumns ? column : 0)]);
  return grid;
}
