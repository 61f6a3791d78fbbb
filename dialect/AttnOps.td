//===- AttnOps.td - Ops of the attn dialect ------------------*- tablegen -*-===//
//
// Formula form first (what a spec says), scheduled form after it (how its
// reductions share passes over a dimension). Each op states its constraints as
// C1, C2, ...; AttnOps.cpp checks them under the same labels, and
// test/lit/dialect/ops-invalid.mlir breaks each once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_OPS_TD
#define ATTN_OPS_TD

include "dialect/AttnDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// `custom<Quantity>(type($x))` prints a type whole, where `type($x)` would leave
// out `!attn.q`.
class Attn_Op<string mnemonic, list<Trait> traits = []>
    : Op<AttnDialect, mnemonic, traits>;

class Attn_Pointwise<string mnemonic, list<Trait> traits = []>
    : Attn_Op<mnemonic, !listconcat(traits, [Pure])>;

//===----------------------------------------------------------------------===//
// Kinds
//===----------------------------------------------------------------------===//

class Attn_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::attn";
}

def Attn_UnaryKind : Attn_Enum<"UnaryKind", "function of one number", [
  I32EnumAttrCase<"Neg", 0, "neg">, I32EnumAttrCase<"Abs", 1, "abs">,
  I32EnumAttrCase<"Exp", 2, "exp">, I32EnumAttrCase<"Exp2", 3, "exp2">,
  I32EnumAttrCase<"Log", 4, "log">, I32EnumAttrCase<"Log2", 5, "log2">,
  I32EnumAttrCase<"Sqrt", 6, "sqrt">, I32EnumAttrCase<"Rsqrt", 7, "rsqrt">,
  I32EnumAttrCase<"Tanh", 8, "tanh">, I32EnumAttrCase<"Sigmoid", 9, "sigmoid">,
  I32EnumAttrCase<"Softplus", 10, "softplus">, I32EnumAttrCase<"Erf", 11, "erf">,
  I32EnumAttrCase<"Sin", 12, "sin">, I32EnumAttrCase<"Cos", 13, "cos">,
  I32EnumAttrCase<"Floor", 14, "floor">, I32EnumAttrCase<"Ceil", 15, "ceil">,
  I32EnumAttrCase<"Not", 16, "not">,
  I32EnumAttrCase<"NegInfToZero", 17, "neginf_to_zero">]>;

def Attn_BinaryKind : Attn_Enum<"BinaryKind", "function of two numbers", [
  I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Sub", 1, "sub">,
  I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Div", 3, "div">,
  I32EnumAttrCase<"Ratio", 4, "ratio">, I32EnumAttrCase<"FloorDiv", 5, "floordiv">,
  I32EnumAttrCase<"Mod", 6, "mod">, I32EnumAttrCase<"Min", 7, "min">,
  I32EnumAttrCase<"Max", 8, "max">, I32EnumAttrCase<"Pow", 9, "pow">,
  I32EnumAttrCase<"And", 10, "and">, I32EnumAttrCase<"Or", 11, "or">,
  I32EnumAttrCase<"Xor", 12, "xor">, I32EnumAttrCase<"Shl", 13, "shl">,
  I32EnumAttrCase<"Shr", 14, "shr">]>;

def Attn_Predicate : Attn_Enum<"Predicate", "comparison", [
  I32EnumAttrCase<"LT", 0, "lt">, I32EnumAttrCase<"LE", 1, "le">,
  I32EnumAttrCase<"GT", 2, "gt">, I32EnumAttrCase<"GE", 3, "ge">,
  I32EnumAttrCase<"EQ", 4, "eq">, I32EnumAttrCase<"NE", 5, "ne">]>;

def Attn_ReduceKind : Attn_Enum<"ReduceKind", "reduction", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">,
  I32EnumAttrCase<"Min", 2, "min">, I32EnumAttrCase<"Mean", 3, "mean">,
  I32EnumAttrCase<"LogSumExp", 4, "logsumexp">]>;

def Attn_NormalizeKind : Attn_Enum<"NormalizeKind", "normalisation", [
  I32EnumAttrCase<"Softmax", 0, "softmax">, I32EnumAttrCase<"L1", 1, "l1">]>;

def Attn_AccumulateKind : Attn_Enum<"AccumulateKind", "state of a sweep", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">,
  I32EnumAttrCase<"Min", 2, "min">, I32EnumAttrCase<"Collect", 3, "collect">]>;

def Attn_BoundKind : Attn_Enum<"BoundKind", "end of a range", [
  I32EnumAttrCase<"Least", 0, "least">, I32EnumAttrCase<"Greatest", 1, "greatest">]>;

//===----------------------------------------------------------------------===//
// The spec
//===----------------------------------------------------------------------===//

def SpecOp : Attn_Op<"spec", [
    AffineScope, AutomaticAllocationScope, IsolatedFromAbove,
    FunctionOpInterface,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "one attention variant";
  let description = [{
    The parameters are the tensors and scalars that a caller gives, the results
    its outputs. `dims` names every dimension in the order of declaration, and
    `sizes` holds the extents that are fixed at compile time (head sizes).

    Attributes of an argument: `attn.name`, `attn.layout` (the dimensions in
    memory order, outermost first; absent for a scalar), `attn.default` (of an
    optional scalar), `attn.type` (of i8: "uint8" or "bool", where it is not a
    signed number). Attributes of a result: `attn.name`, `attn.layout`,
    `attn.type`.

    ```mlir
    attn.spec @scores(%q: !attn.q<[M, D], f32> {attn.layout = ["M", "D"], attn.name = "q"},
                      %k: !attn.q<[N, D], f32> {attn.layout = ["N", "D"], attn.name = "k"})
        -> (!attn.q<[M, N], f32> {attn.layout = ["M", "N"], attn.name = "s"})
        attributes {dims = ["M", "N", "D"], sizes = {D = 64 : i64}} {
      %0 = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
      %1 = attn.reduce sum %0 over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
      attn.return %1 : !attn.q<[M, N], f32>
    }
    ```

    - C1: `dims` holds distinct names.
    - C2: every name in `sizes` is in `dims`, and its extent is not negative.
    - C3: the layout of a parameter or result is a permutation of the
      dimensions of its type.
    - C4: every quantity in the body writes its dimensions in the order of
      `dims`, and uses no others.
    - C5: every parameter and result has a name, and no two the same; a default
      is a number of the scalar's type.
    - C6: the body ends with an attn.return.
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    TypeAttrOf<FunctionType>:$function_type,
    StrArrayAttr:$dims,
    DefaultValuedAttr<DictionaryAttr, "{}">:$sizes,
    OptionalAttr<DictArrayAttr>:$arg_attrs,
    OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ArrayRef<::mlir::Type> getArgumentTypes() {
      return getFunctionType().getInputs();
    }
    ::mlir::ArrayRef<::mlir::Type> getResultTypes() {
      return getFunctionType().getResults();
    }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The compile-time extent of \p dim, if it has one.
    std::optional<int64_t> getStaticSize(::mlir::StringAttr dim);
    /// Position of \p dim in the order of declaration.
    unsigned getDimPosition(::mlir::StringAttr dim);
    /// The union of \p dims (repetitions allowed), in the order of declaration.
    ::llvm::SmallVector<::mlir::StringAttr>
    sortDims(::mlir::ArrayRef<::mlir::StringAttr> dims);
    /// Name that the user gave to argument or result \p index.
    ::mlir::StringRef getArgName(unsigned index);
    ::mlir::StringRef getResultName(unsigned index);
    /// Memory order of argument or result \p index; empty for a scalar.
    ::llvm::SmallVector<::mlir::StringAttr> getArgLayout(unsigned index);
    ::llvm::SmallVector<::mlir::StringAttr> getResultLayout(unsigned index);

  private:
    /// Checks the type and attributes of one parameter or result, \p what.
    ::llvm::LogicalResult verifyInterface(
        ::mlir::StringRef what, unsigned index, ::mlir::Type type,
        ::mlir::DictionaryAttr attrs,
        ::llvm::SmallPtrSetImpl<::mlir::Attribute> &names);

  public:
  }];
}

def ReturnOp : Attn_Op<"return", [Pure, Terminator, ReturnLike,
                                  HasParent<"SpecOp">]> {
  let summary = "outputs of a spec";
  let description = [{
    ```mlir
    attn.return %out, %lse : !attn.q<[M, E], f32>, !attn.q<[M], f32>
    ```

    - C1: the types are those of the spec's results.
  }];
  let arguments = (ins Variadic<Attn_Quantity>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let hasVerifier = 1;
}

def DefineDimOp : Attn_Op<"define_dim", [HasParent<"SpecOp">]> {
  let summary = "gives a dimension an extent that is computed from others";
  let description = [{
    ```mlir
    attn.define_dim "BLK" = %0 : !attn.q<[], i64>
    ```

    - C1: the dimension is one of the spec's, and the extent is an i64 scalar.
    - C2: a dimension is defined once, and not from its own extent.
  }];
  let arguments = (ins StrAttr:$dim, Attn_Quantity:$extent);
  let assemblyFormat = [{
    $dim `=` $extent attr-dict `:` custom<Quantity>(type($extent))
  }];
  let hasVerifier = 1;
}

def RequireOp : Attn_Op<"require", [HasParent<"SpecOp">]> {
  let summary = "a condition on sizes and scalars that a call must meet";
  let description = [{
    Checked when a call is planned; a call that does not meet it is refused with
    the message.

    ```mlir
    attn.require %0, "M == N" : !attn.q<[], i1>
    ```

    - C1: the condition is an i1 scalar.
  }];
  let arguments = (ins Attn_Quantity:$condition, StrAttr:$message);
  let assemblyFormat = [{
    $condition `,` $message attr-dict `:` custom<Quantity>(type($condition))
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

def ConstantOp : Attn_Op<"constant", [Pure, ConstantLike]> {
  let summary = "a number";
  let description = [{
    ```mlir
    %0 = attn.constant 1.000000e+00 : f32 -> !attn.q<[], f32>
    ```

    - C1: the value is an integer or a float, the result a scalar of its type.
  }];
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$value attr-dict `->` custom<Quantity>(type($result))";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def IndexOp : Attn_Op<"index", [
    Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "the index of a dimension";
  let description = [{
    ```mlir
    %m = attn.index "M" : !attn.q<[M], i64>
    ```

    - C1: the result has the one dimension and is i64.
  }];
  let arguments = (ins StrAttr:$dim);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$dim attr-dict `:` custom<Quantity>(type($result))";
  let hasVerifier = 1;
}

def ExtentOp : Attn_Op<"extent", [
    Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "the extent of a dimension";
  let description = [{
    ```mlir
    %0 = attn.extent "N" : !attn.q<[], i64>
    ```

    - C1: the dimension is one of the spec's, and the result is an i64 scalar.
  }];
  let arguments = (ins StrAttr:$dim);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$dim attr-dict `:` custom<Quantity>(type($result))";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Pointwise
//===----------------------------------------------------------------------===//

def UnaryOp : Attn_Pointwise<"unary", [
    TypesMatchWith<"the result has the type of the operand", "operand", "result",
                   "$_self">]> {
  let summary = "a function of one number";
  let description = [{
    `neginf_to_zero` maps -inf to 0 and everything else to itself: the maximum
    of a row that has no finite score is subtracted as 0.

    ```mlir
    %1 = attn.unary exp %0 : !attn.q<[M], f32>
    ```

    - C1: `not` is for i1; `neg` and `abs` are for f32 and i64; the rest for f32.
  }];
  let arguments = (ins Attn_UnaryKind:$kind, Attn_Quantity:$operand);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = [{
    $kind $operand attr-dict `:` custom<Quantity>(type($operand))
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def BinaryOp : Attn_Pointwise<"binary"> {
  let summary = "a function of two numbers, broadcast by name";
  let description = [{
    The result has every dimension of either operand. `floordiv` and `mod` round
    towards minus infinity, as in Python. `ratio` is `div`, except that 0 / 0 is
    0: the quotient of a normaliser over nothing. `shr` keeps the sign.

    Every operation on integers has a result, nothing traps: i64 wraps around at
    2^64 (so the least number `floordiv` -1 is itself), `x floordiv 0` is 0 and
    `x mod 0` is x, and a shift by less than 0 or more than 63 places shifts
    everything out.

    ```mlir
    %2 = attn.binary add %0, %1 : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
    ```

    - C1: operands and result have one element type.
    - C2: the dimensions of the result are the union of the operands'.
    - C3: `div` and `ratio` and `pow` are for f32; `shl` and `shr` for i64;
      `xor` for i64 and i1; `and` and `or` for i64 and i1; `floordiv` and `mod`
      for i64 and f32; the rest for f32 and i64.
  }];
  let arguments = (ins Attn_BinaryKind:$kind, Attn_Quantity:$lhs,
                       Attn_Quantity:$rhs);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$kind $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def CompareOp : Attn_Pointwise<"compare"> {
  let summary = "a comparison, broadcast by name";
  let description = [{
    ```mlir
    %0 = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
    ```

    - C1: the operands have one element type, f32, i64 or i1 (i1: only eq, ne);
      the result is i1.
    - C2: the dimensions of the result are the union of the operands'.
  }];
  let arguments = (ins Attn_Predicate:$predicate, Attn_Quantity:$lhs,
                       Attn_Quantity:$rhs);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$predicate $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def SelectOp : Attn_Pointwise<"select"> {
  let summary = "one of two quantities for each index";
  let description = [{
    ```mlir
    %0 = attn.select %c, %a, %b : (!attn.q<[M, N], i1>, !attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M, N], f32>
    ```

    - C1: the condition is i1; both values and the result have one element type,
      f32, i64 or i1.
    - C2: the dimensions of the result are the union of the operands'.
  }];
  let arguments = (ins Attn_Quantity:$condition, Attn_Quantity:$then,
                       Attn_Quantity:$otherwise);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$condition `,` $then `,` $otherwise attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def CastOp : Attn_Pointwise<"cast"> {
  let summary = "the same number in another element type";
  let description = [{
    f32 to an integer truncates towards zero, gives the nearest i64 for what lies
    beyond, and 0 for NaN; to i1, it says whether the number is not 0; from i1
    gives 0 or 1. An integer keeps its low bits in a narrower type.

    ```mlir
    %0 = attn.cast %q : !attn.q<[M, D], bf16> -> !attn.q<[M, D], f32>
    ```

    - C1: the dimensions are the same.
  }];
  let arguments = (ins Attn_Quantity:$operand);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = [{
    $operand attr-dict `:` custom<Quantity>(type($operand))
    `->` custom<Quantity>(type($result))
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def ReadOp : Attn_Pointwise<"read"> {
  let summary = "a quantity read at computed indices";
  let description = [{
    Each dimension named in `dims` is replaced by the index beside it, and the
    result has the dimensions that are left and those of the indices. An index
    that depends on data is clamped to the extent. Where one of the dimensions
    has no elements, the result is 0; attn-check-reads refuses the call if sizes
    tell that this is looked at.

    ```mlir
    %0 = attn.read %doc["N" = %m] : (!attn.q<[B, N], i64>, !attn.q<[M], i64>) -> !attn.q<[B, M], i64>
    ```

    - C1: the dimensions are distinct dimensions of the source, one an index.
    - C2: the indices are i64.
    - C3: the result has the source's element type and the dimensions described.
    - C4: in a kernel, the source is made of no result or state of that kernel's
      sweeps that has one of `dims`: other work items, or other lanes, have its
      elements. A later kernel can read them.
  }];
  let arguments = (ins Attn_Quantity:$source, StrArrayAttr:$dims,
                       Variadic<Attn_Quantity>:$indices);
  let results = (outs Attn_Quantity:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def UniformOp : Attn_Pointwise<"uniform"> {
  let summary = "a counter-based random number in [0, 1)";
  let description = [{
    A function of the seed and the indices alone, so that every pass and every
    target sees the same number. With all arithmetic modulo 2^32,
    h = mix(seed), then h = mix(h xor (index * 0x9E3779B9 + 0x7F4A7C15)) for
    each index in turn, and the number is (h >> 8) * 2^-24, where mix(x) is
    x ^= x >> 16, x *= 0x7FEB352D, x ^= x >> 15, x *= 0x846CA68B, x ^= x >> 16.

    ```mlir
    %0 = attn.uniform %seed, %m, %n : (!attn.q<[], i64>, !attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], f32>
    ```

    - C1: the operands are i64, the result is f32.
    - C2: the dimensions of the result are the union of the operands'.
  }];
  let arguments = (ins Attn_Quantity:$seed, Variadic<Attn_Quantity>:$indices);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$seed (`,` $indices^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

def ReduceOp : Attn_Op<"reduce", [Pure]> {
  let summary = "a reduction over dimensions, within a domain";
  let description = [{
    Reduces over the combinations of the indices of `dims` for which `domain`
    holds. Over nothing, sum and mean are 0, max and logsumexp -inf, min +inf.
    Elements outside the domain are never looked at. The result has the
    dimensions of the operand and of the domain, less `dims`.

    ```mlir
    %0 = attn.reduce max %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
    ```

    - C1: `dims` are distinct dimensions of the spec, and not empty.
    - C2: the operand is f32 (or i64 for sum, max and min), the domain i1.
    - C3: the dimensions of the result are the union of the operand's and the
      domain's less `dims`; its element type is the operand's.
  }];
  let arguments = (ins Attn_ReduceKind:$kind, Attn_Quantity:$operand,
                       StrArrayAttr:$dims, Optional<Attn_Quantity>:$domain);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = [{
    $kind $operand `over` $dims (`where` $domain^)? attr-dict
    `:` custom<Quantity>(type($operand))
    (`,` custom<Quantity>(type($domain))^)? `->` custom<Quantity>(type($result))
  }];
  let hasVerifier = 1;
}

def NormalizeOp : Attn_Op<"normalize", [Pure]> {
  let summary = "a normalisation along dimensions, within a domain";
  let description = [{
    softmax divides exp(x) by its sum over `dims` within the domain; l1 divides
    x by the sum of its absolute values. Where that sum is over nothing, 0 or
    (softmax) over scores that are all -inf, the result is 0. Outside the domain
    the result does not exist.

    ```mlir
    %0 = attn.normalize softmax %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, N], f32>
    ```

    - C1: `dims` are distinct dimensions of the spec, and not empty.
    - C2: the operand is f32, the domain i1.
    - C3: the dimensions of the result are the union of the operand's, the
      domain's and `dims`.
  }];
  let arguments = (ins Attn_NormalizeKind:$kind, Attn_Quantity:$operand,
                       StrArrayAttr:$dims, Optional<Attn_Quantity>:$domain);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = [{
    $kind $operand `over` $dims (`where` $domain^)? attr-dict
    `:` custom<Quantity>(type($operand))
    (`,` custom<Quantity>(type($domain))^)? `->` custom<Quantity>(type($result))
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Scheduled form
//===----------------------------------------------------------------------===//

def KernelOp : Attn_Op<"kernel", [
    RecursiveMemoryEffects, SingleBlock, NoRegionArguments,
    HasParent<"SpecOp">]> {
  let summary = "quantities computed together, tile by tile";
  let description = [{
    One work item computes a tile of the `free` dimensions. The body holds
    quantities that are constant in every sweep, then sweeps in order, then
    what is made of their results; its results are the quantities that are kept
    in memory, each with the free dimensions and possibly others (`carried`
    state such as the value dimension, or swept dimensions of a `collect`).

    The tiling decides which free dimensions lie along the lanes of a vector:
    `lanes`, flattened in order; the others count work items.

    Of an array that is made once for each way in which its readers go through
    it, the copies say the dimensions of the way: `along`. Without, they would
    be the same op, and one.

    ```mlir
    %out = attn.kernel free ["M"] {
      %s = attn.sweep over ["N"] {
        %a = attn.accumulate sum %v : !attn.q<[N, E], f32> -> !attn.q<[E], f32>
        attn.yield %a : !attn.q<[E], f32>
      } : !attn.q<[E], f32>
      %o = attn.binary mul %w, %s : (!attn.q<[M], f32>, !attn.q<[E], f32>) -> !attn.q<[M, E], f32>
      attn.yield %o : !attn.q<[M, E], f32>
    } : !attn.q<[M, E], f32>
    ```

    - C1: the body ends with an attn.yield of the result types.
    - C2: the free dimensions are distinct dimensions of the spec; `lanes` and
      `along`, where present, are some of them.
    - C3: every result has the free dimensions.
  }];
  let arguments = (ins StrArrayAttr:$free, OptionalAttr<StrArrayAttr>:$lanes,
                       OptionalAttr<DictionaryAttr>:$tile,
                       OptionalAttr<StrArrayAttr>:$along);
  let results = (outs Variadic<Attn_Quantity>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `free` $free (`lanes` $lanes^)? (`along` $along^)? (`tile` $tile^)? $body
    attr-dict
    (`:` type($results)^)?
  }];
  let hasVerifier = 1;
}

def SweepOp : Attn_Op<"sweep", [
    RecursiveMemoryEffects, SingleBlock, NoRegionArguments,
    HasParent<"KernelOp">]> {
  let summary = "one pass over the indices of some dimensions";
  let description = [{
    Visits the swept dimensions once, tile by tile. The body computes values of
    the current tile; its accumulators carry state from tile to tile, and the
    results are their final values. An index outside the domain of every
    accumulator need not be visited.

    The region `visits`, where present, solves those domains for a tile of the
    kernel's lanes; it ends with an attn.visit, which says what it holds.

    ```mlir
    %s = attn.sweep over ["N"] {
      %a = attn.accumulate max %x where %c : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      attn.yield %a : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    ```

    - C1: the body ends with an attn.yield of results of its accumulators.
    - C2: the swept dimensions are distinct dimensions of the spec, at least
      one, and none of them is a free dimension of the kernel.
    - C3: the region `visits`, where present, ends with an attn.visit.
  }];
  let arguments = (ins StrArrayAttr:$over);
  let results = (outs Variadic<Attn_Quantity>:$results);
  let regions = (region SizedRegion<1>:$body, MaxSizedRegion<1>:$visits);
  let assemblyFormat = [{
    `over` $over $body (`visits` $visits^)? attr-dict (`:` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The terminator of `visits`; null without the region.
    ::attn::VisitOp getVisit();
  }];
}

def VisitOp : Attn_Op<"visit", [
    Pure, Terminator, AttrSizedOperandSegments, HasParent<"SweepOp">]> {
  let summary = "the pairs that a sweep visits for a tile of lanes";
  let description = [{
    `from` and `to` hold boxes of indices, inclusive, one number for each swept
    dimension, box after box: every pair of the tile that counts is in some box.
    They are made of the bounds of the lanes (attn.tile_bound) and of what is
    the same for the whole sweep. A box whose `to` is below its `from` is empty;
    boxes may overlap, and a key that is in several is visited once.

    `step` holds one number for each swept dimension: keys are a step apart,
    counted from the least `from` of the boxes, which all agree modulo the step.
    A key between the steps has no pair.

    `may` and `must` are for a tile of lanes and a tile of keys: not `may`, no
    pair of the tiles counts for any accumulator; `must`, all count for all.

    ```mlir
    %z = attn.constant 0 : i64 -> !attn.q<[], i64>
    %o = attn.constant 1 : i64 -> !attn.q<[], i64>
    %l = attn.tile_bound greatest "M" : !attn.q<[], i64>
    %k = attn.tile_bound least "N" : !attn.q<[], i64>
    %y = attn.compare le %k, %l : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i1>
    %t = attn.constant false -> !attn.q<[], i1>
    attn.visit from %z to %l step %o may %y must %t : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i1>, !attn.q<[], i1>) -> ()
    ```

    - C1: `from`, `to` and `step` are i64, `may` and `must` i1.
    - C2: there is a step for each swept dimension, and as many `from` as `to`,
      a multiple of that number, at least once it.
    - C3: no operand has a dimension that is swept or on the kernel's lanes.
  }];
  let arguments = (ins Variadic<Attn_Quantity>:$from,
                       Variadic<Attn_Quantity>:$to,
                       Variadic<Attn_Quantity>:$step, Attn_Quantity:$may,
                       Attn_Quantity:$must);
  let assemblyFormat = [{
    `from` $from `to` $to `step` $step `may` $may `must` $must attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def TileBoundOp : Attn_Op<"tile_bound", [Pure, HasParent<"SweepOp">]> {
  let summary = "an end of the range of an index over the tile at hand";
  let description = [{
    Stands in the region `visits` of a sweep, where a lane or swept dimension has
    a range in place of an index.

    ```mlir
    %0 = attn.tile_bound least "M" : !attn.q<[], i64>
    ```

    - C1: the dimension is one of the spec's, and the result is an i64 scalar.
  }];
  let arguments = (ins Attn_BoundKind:$kind, StrAttr:$dim);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = "$kind $dim attr-dict `:` custom<Quantity>(type($result))";
  let hasVerifier = 1;
}

def BoxReduceOp : Attn_Op<"box_reduce", [Pure, AttrSizedOperandSegments]> {
  let summary = "the least or greatest of a tensor's integers in a box";
  let description = [{
    Over the indices `from` to `to`, inclusive and clamped to the extents, of
    the named dimensions; over an empty box it is the greatest or least i64.

    ```mlir
    %0 = attn.box_reduce min %doc over ["N"] from %a to %b : (!attn.q<[B, N], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[B], i64>
    ```

    - C1: the kind is max or min, the source an argument or the result of a
      kernel, of integers, and the result i64.
    - C2: the dimensions are distinct dimensions of the source, with two i64
      bounds each.
    - C3: the result has the source's other dimensions and those of the bounds.
  }];
  let arguments = (ins Attn_ReduceKind:$kind, Attn_Quantity:$source,
                       StrArrayAttr:$dims, Variadic<Attn_Quantity>:$from,
                       Variadic<Attn_Quantity>:$to);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = [{
    $kind $source `over` $dims `from` $from `to` $to attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def StrideOp : Attn_Op<"stride", [HasParent<"KernelOp">]> {
  let summary = "lanes of a tile are some indices apart";
  let description = [{
    The indices of a free dimension that one tile holds are congruent modulo the
    number: tiles are made within each residue. Stands before the sweeps.

    ```mlir
    attn.stride "M" by %s : !attn.q<[], i64>
    ```

    - C1: the dimension is a lane of the kernel, and has no other stride.
    - C2: the number is an i64 scalar.
  }];
  let arguments = (ins StrAttr:$dim, Attn_Quantity:$by);
  let assemblyFormat = "$dim `by` $by attr-dict `:` custom<Quantity>(type($by))";
  let hasVerifier = 1;
}

def AccumulateOp : Attn_Op<"accumulate", [
    Pure, AttrSizedOperandSegments, HasParent<"SweepOp">]> {
  let summary = "state that a sweep carries";
  let description = [{
    Its value inside the sweep is the running one, the current tile included;
    the sweep's result is the final one.

    With `relative_to %m` the operand is known to hold a factor exp(-f(%m)),
    where %m is a running maximum of the same sweep and f is
    `neginf_to_zero`: when %m changes from a to b, the state is multiplied by
    exp(f(a) - f(b)). This is what lets a softmax take one pass.

    `collect` keeps each element where it is: the result has the swept
    dimensions, and is 0 outside the domain.

    ```mlir
    %m = attn.accumulate max %s where %c : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
    %l = attn.accumulate sum %p where %c relative_to %m : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> relative_to !attn.q<[M], f32> -> !attn.q<[M], f32>
    ```

    - C1: the domain is i1, the operand f32 or i64 (to collect, any type).
    - C2: `relative_to` is the result of a max accumulator of the same sweep, the
      kind is sum, and the result has every dimension of the maximum.
    - C3: the dimensions of the result are the union of the operand's and the
      domain's, less the swept ones; those are added where the kind is collect.
  }];
  let arguments = (ins Attn_AccumulateKind:$kind, Attn_Quantity:$operand,
                       Optional<Attn_Quantity>:$domain,
                       Optional<Attn_Quantity>:$relative_to);
  let results = (outs Attn_Quantity:$result);
  let assemblyFormat = [{
    $kind $operand (`where` $domain^)? (`relative_to` $relative_to^)? attr-dict
    `:` custom<Quantity>(type($operand))
    (`where` custom<Quantity>(type($domain))^)?
    (`relative_to` custom<Quantity>(type($relative_to))^)?
    `->` custom<Quantity>(type($result))
  }];
  let hasVerifier = 1;
}

def YieldOp : Attn_Op<"yield", [
    Pure, Terminator, ReturnLike, ParentOneOf<["KernelOp", "SweepOp"]>]> {
  let summary = "results of a kernel or a sweep";
  let description = [{
    ```mlir
    attn.yield %a : !attn.q<[E], f32>
    ```
  }];
  let arguments = (ins Variadic<Attn_Quantity>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

#endif // ATTN_OPS_TD
