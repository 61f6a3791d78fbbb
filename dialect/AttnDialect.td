//===- AttnDialect.td - The attn dialect and its type -------*- tablegen -*-===//
//
// An attention variant as a graph of quantities over named dimensions.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_TD
#define ATTN_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def AttnDialect : Dialect {
  let name = "attn";
  let cppNamespace = "::attn";
  let summary = "Attention variants over named dimensions";
  let description = [{
    A value of this dialect is a *quantity*: one element for each combination
    of the indices of its dimensions. Dimensions are known by name. An op that
    combines quantities broadcasts by name, so there are no loops, transposes
    or shapes at this level.

    A spec passes through two forms. In the *formula* form its body is a graph
    of pointwise ops, reads and reductions (`attn.reduce`, `attn.normalize`).
    In the *scheduled* form every reduction whose result is kept in memory has
    become an `attn.accumulate` of some `attn.sweep` in an `attn.kernel`; the
    reductions that remain live inside a tile.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

def Attn_Quantity : TypeDef<AttnDialect, "Quantity"> {
  let mnemonic = "q";
  let summary = "one element for each index of its named dimensions";
  let description = [{
    `!attn.q<[B, H, M, N], f32>` holds one f32 for each index (b, h, m, n). The
    dimensions are a set; they are written in the order in which the spec
    declares them. Computed quantities are f32, i64 or i1; parameters and
    results of a spec also have storage types (f16, bf16, i8, i32).

    - C1: no dimension occurs twice.
    - C2: the element type is f32, f16, bf16, i64, i32, i8 or i1.
  }];
  let parameters = (ins
    ArrayRefParameter<"::mlir::StringAttr", "names of the dimensions">:$dims,
    "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Says whether the quantity has one element for each index of \p dim.
    bool hasDim(::mlir::StringAttr dim) const {
      return ::llvm::is_contained(getDims(), dim);
    }
    /// Says whether the quantity is one number.
    bool isScalar() const { return getDims().empty(); }
    /// The same dimensions with another element type.
    QuantityType withElement(::mlir::Type elementType) const {
      return get(getContext(), getDims(), elementType);
    }
  }];
}

#endif // ATTN_DIALECT_TD
