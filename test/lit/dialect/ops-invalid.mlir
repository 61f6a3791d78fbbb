// Each constraint of each op, by its label and text. Those of one op stand
// together, in the order of AttnOps.td.
// RUN: attn-opt %s --verify-diagnostics --split-input-file

//===----------------------------------------------------------------------===//
// The type
//===----------------------------------------------------------------------===//

// expected-error@+1 {{dimension M occurs twice}}
func.func private @type_c1(!attn.q<[M, N, M], f32>)

// -----

// expected-error@+1 {{element type 'f64' is not one of f32, f16, bf16, i64, i32, i8, i1}}
func.func private @type_c2(!attn.q<[M], f64>)

// -----

// expected-error@+1 {{element type 'ui8' is not one of f32, f16, bf16, i64, i32, i8, i1}}
func.func private @type_c2_signless(!attn.q<[M], ui8>)

// -----

//===----------------------------------------------------------------------===//
// The spec
//===----------------------------------------------------------------------===//

// expected-error@+1 {{'attn.spec' op C1: a dimension occurs twice in ["M", "M"]}}
attn.spec @spec_c1() attributes {dims = ["M", "M"]} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C2: sizes has "D", which is not a dimension}}
attn.spec @spec_c2_unknown() attributes {dims = ["M"], sizes = {D = 64 : i64}} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C2: the extent of "D" is not an i64 number from 0 on}}
attn.spec @spec_c2_negative() attributes {dims = ["D"], sizes = {D = -1 : i64}} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C2: the extent of "D" is not an i64 number from 0 on}}
attn.spec @spec_c2_type() attributes {dims = ["D"], sizes = {D = 64 : ui64}} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C3: parameter 0 has the layout [M] and the dimensions [D, M]}}
attn.spec @spec_c3_parameter(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M"]})
    attributes {dims = ["M", "D"]} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C3: parameter 0 has the layout [M] and the dimensions [D, M]}}
attn.spec @spec_c3_repeated(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "M"]})
    attributes {dims = ["M", "D"]} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C3: parameter 0 has the layout [1], which is not a list of names}}
attn.spec @spec_c3_names(%q: !attn.q<[M], f32> {attn.name = "q", attn.layout = [1]})
    attributes {dims = ["M"]} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C3: parameter 0 is not a quantity}}
attn.spec @spec_c3_quantity(%q: f32 {attn.name = "q"}) attributes {dims = ["M"]} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C3: result 0 has the layout [] and the dimensions [M]}}
attn.spec @spec_c3_result(%q: !attn.q<[M], f32> {attn.name = "q", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "out"}) attributes {dims = ["M"]} {
  attn.return %q : !attn.q<[M], f32>
}

// -----

// expected-error@+1 {{'attn.spec' op C4: the dimensions of '!attn.q<[D, M], f32>' are not in the order of ["M", "D"]}}
attn.spec @spec_c4_parameter(%q: !attn.q<[D, M], f32> {attn.name = "q", attn.layout = ["M", "D"]})
    attributes {dims = ["M", "D"]} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C4: '!attn.q<[X], f32>' has the dimension "X", which is not one of ["M"]}}
attn.spec @spec_c4_undeclared(%q: !attn.q<[X], f32> {attn.name = "q", attn.layout = ["X"]})
    attributes {dims = ["M"]} {
  attn.return
}

// -----

attn.spec @spec_c4_body() attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  // expected-error@+1 {{'attn.binary' op C4: the dimensions of '!attn.q<[N, M], i64>' are not in the order of ["M", "N"]}}
  %0 = attn.binary add %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[N, M], i64>
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C5: parameter 0 has no name}}
attn.spec @spec_c5_name(%q: !attn.q<[], f32>) attributes {dims = []} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C5: parameter 0 has no name}}
attn.spec @spec_c5_name_text(%q: !attn.q<[], f32> {attn.name = 1}) attributes {dims = []} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C5: result 0 is another "q"}}
attn.spec @spec_c5_same(%q: !attn.q<[], f32> {attn.name = "q"})
    -> (!attn.q<[], f32> {attn.name = "q"}) attributes {dims = []} {
  attn.return %q : !attn.q<[], f32>
}

// -----

// expected-error@+1 {{'attn.spec' op C5: parameter 0 has a default that is not a number of type 'i64'}}
attn.spec @spec_c5_default(%w: !attn.q<[], i64> {attn.name = "w", attn.default = 1.0 : f32})
    attributes {dims = []} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C5: parameter 0 has a default that is not a number of type 'i64'}}
attn.spec @spec_c5_default_unit(%w: !attn.q<[], i64> {attn.name = "w", attn.default})
    attributes {dims = []} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C5: parameter 0 has a default that is not a number of type 'f32'}}
attn.spec @spec_c5_default_tensor(%w: !attn.q<[M], f32> {attn.name = "w", attn.layout = ["M"], attn.default = 1.0 : f32})
    attributes {dims = ["M"]} {
  attn.return
}

// -----

// expected-error@+1 {{'attn.spec' op C6: expected an attn.return at the end of the body}}
attn.spec @spec_c6() attributes {dims = []} {
  llvm.unreachable
}

// -----

attn.spec @return_c1(%q: !attn.q<[M], f32> {attn.name = "q", attn.layout = ["M"]})
    -> (!attn.q<[], f32> {attn.name = "out"}) attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.return' op C1: expected values of types '!attn.q<[], f32>', found '!attn.q<[M], f32>'}}
  attn.return %q : !attn.q<[M], f32>
}

// -----

attn.spec @return_c1_count() -> (!attn.q<[], f32> {attn.name = "out"}) attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.return' op C1: expected values of types '!attn.q<[], f32>', found }}
  attn.return
}

// -----

func.func @return_parent() {
  // expected-error@+1 {{'attn.return' op expects parent op 'attn.spec'}}
  attn.return
}

// -----

attn.spec @define_dim_c1_extent(%w: !attn.q<[], f32> {attn.name = "w"})
    attributes {dims = ["BLK"]} {
  // expected-error@+1 {{'attn.define_dim' op C1: expected an i64 scalar as the extent, found '!attn.q<[], f32>'}}
  attn.define_dim "BLK" = %w : !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @define_dim_c1_dim() attributes {dims = ["N"]} {
  %0 = attn.extent "N" : !attn.q<[], i64>
  // expected-error@+1 {{'attn.define_dim' op C1: "BLK" is not a dimension of the spec}}
  attn.define_dim "BLK" = %0 : !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @define_dim_c2_twice() attributes {dims = ["N", "BLK"]} {
  %0 = attn.extent "N" : !attn.q<[], i64>
  attn.define_dim "BLK" = %0 : !attn.q<[], i64>
  // expected-error@+1 {{'attn.define_dim' op C2: "BLK" is defined twice}}
  attn.define_dim "BLK" = %0 : !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @define_dim_c2_itself() attributes {dims = ["A", "B"]} {
  %a = attn.extent "A" : !attn.q<[], i64>
  %b = attn.extent "B" : !attn.q<[], i64>
  %1 = attn.constant 1 : i64 -> !attn.q<[], i64>
  %2 = attn.binary add %b, %1 : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  // expected-error@+1 {{'attn.define_dim' op C2: the extent of "A" depends on itself}}
  attn.define_dim "A" = %2 : !attn.q<[], i64>
  attn.define_dim "B" = %a : !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @require_c1(%c: !attn.q<[M], i1> {attn.name = "c", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.require' op C1: expected an i1 scalar as the condition, found '!attn.q<[M], i1>'}}
  attn.require %c, "c" : !attn.q<[M], i1>
  attn.return
}

// -----

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

attn.spec @constant_c1_type() attributes {dims = []} {
  // expected-error@+1 {{'attn.constant' op C1: expected a scalar of type 'f32', found '!attn.q<[], i64>'}}
  %0 = attn.constant 1.0 : f32 -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @constant_c1_scalar() attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.constant' op C1: expected a scalar of type 'i64', found '!attn.q<[M], i64>'}}
  %0 = attn.constant 1 : i64 -> !attn.q<[M], i64>
  attn.return
}

// -----

attn.spec @constant_c1_number() attributes {dims = []} {
  // expected-error@+1 {{'attn.constant' op C1: expected a number, found "one" : f32}}
  %0 = attn.constant "one" : f32 -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @index_c1_dim() attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.index' op C1: expected an i64 quantity with the one dimension M, found '!attn.q<[N], i64>'}}
  %0 = attn.index "M" : !attn.q<[N], i64>
  attn.return
}

// -----

attn.spec @index_c1_type() attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.index' op C1: expected an i64 quantity with the one dimension M, found '!attn.q<[M], i32>'}}
  %0 = attn.index "M" : !attn.q<[M], i32>
  attn.return
}

// -----

attn.spec @index_undeclared() attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.index' op C4: '!attn.q<[X], i64>' has the dimension "X", which is not one of ["M"]}}
  %0 = attn.index "X" : !attn.q<[X], i64>
  attn.return
}

// -----

attn.spec @extent_c1_type() attributes {dims = ["N"]} {
  // expected-error@+1 {{'attn.extent' op C1: expected an i64 scalar as the result, found '!attn.q<[N], i64>'}}
  %0 = attn.extent "N" : !attn.q<[N], i64>
  attn.return
}

// -----

attn.spec @extent_c1_dim() attributes {dims = ["N"]} {
  // expected-error@+1 {{'attn.extent' op C1: "X" is not a dimension of the spec}}
  %0 = attn.extent "X" : !attn.q<[], i64>
  attn.return
}

// -----

//===----------------------------------------------------------------------===//
// Pointwise
//===----------------------------------------------------------------------===//

attn.spec @unary_c1_not(%x: !attn.q<[], i64> {attn.name = "x"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.unary' op C1: not is not defined for 'i64'}}
  %0 = attn.unary not %x : !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @unary_c1_neg(%x: !attn.q<[], i1> {attn.name = "x"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.unary' op C1: neg is not defined for 'i1'}}
  %0 = attn.unary neg %x : !attn.q<[], i1>
  attn.return
}

// -----

attn.spec @unary_c1_storage(%x: !attn.q<[], bf16> {attn.name = "x"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.unary' op C1: exp is not defined for 'bf16'}}
  %0 = attn.unary exp %x : !attn.q<[], bf16>
  attn.return
}

// -----

attn.spec @binary_c1(%x: !attn.q<[], f32> {attn.name = "x"}, %i: !attn.q<[], i64> {attn.name = "i"})
    attributes {dims = []} {
  // expected-error@+1 {{'attn.binary' op C1: the element types of operands and result differ}}
  %0 = attn.binary add %x, %i : (!attn.q<[], f32>, !attn.q<[], i64>) -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @binary_c2(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]},
                     %y: !attn.q<[N], f32> {attn.name = "y", attn.layout = ["N"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.binary' op C2: expected the dimensions [M, N] in the result, found [M]}}
  %0 = attn.binary add %x, %y : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @binary_c2_more(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.binary' op C2: expected the dimensions [M] in the result, found [M, N]}}
  %0 = attn.binary add %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  attn.return
}

// -----

attn.spec @binary_c3_div(%i: !attn.q<[], i64> {attn.name = "i"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.binary' op C3: div is not defined for 'i64'}}
  %0 = attn.binary div %i, %i : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @binary_c3_ratio(%i: !attn.q<[], i64> {attn.name = "i"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.binary' op C3: ratio is not defined for 'i64'}}
  %0 = attn.binary ratio %i, %i : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @binary_c3_pow(%i: !attn.q<[], i64> {attn.name = "i"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.binary' op C3: pow is not defined for 'i64'}}
  %0 = attn.binary pow %i, %i : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @binary_c3_shift(%x: !attn.q<[], f32> {attn.name = "x"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.binary' op C3: shl is not defined for 'f32'}}
  %0 = attn.binary shl %x, %x : (!attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @binary_c3_and(%x: !attn.q<[], f32> {attn.name = "x"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.binary' op C3: and is not defined for 'f32'}}
  %0 = attn.binary and %x, %x : (!attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @binary_c3_add(%c: !attn.q<[], i1> {attn.name = "c"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.binary' op C3: add is not defined for 'i1'}}
  %0 = attn.binary add %c, %c : (!attn.q<[], i1>, !attn.q<[], i1>) -> !attn.q<[], i1>
  attn.return
}

// -----

attn.spec @compare_c1_types(%x: !attn.q<[], f32> {attn.name = "x"}, %i: !attn.q<[], i64> {attn.name = "i"})
    attributes {dims = []} {
  // expected-error@+1 {{'attn.compare' op C1: the element types of the operands differ}}
  %0 = attn.compare lt %x, %i : (!attn.q<[], f32>, !attn.q<[], i64>) -> !attn.q<[], i1>
  attn.return
}

// -----

attn.spec @compare_c1_order(%c: !attn.q<[], i1> {attn.name = "c"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.compare' op C1: lt is not defined for 'i1'}}
  %0 = attn.compare lt %c, %c : (!attn.q<[], i1>, !attn.q<[], i1>) -> !attn.q<[], i1>
  attn.return
}

// -----

attn.spec @compare_c1_storage(%x: !attn.q<[], f16> {attn.name = "x"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.compare' op C1: eq is not defined for 'f16'}}
  %0 = attn.compare eq %x, %x : (!attn.q<[], f16>, !attn.q<[], f16>) -> !attn.q<[], i1>
  attn.return
}

// -----

attn.spec @compare_c1_result(%x: !attn.q<[], f32> {attn.name = "x"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.compare' op C1: expected an i1 result, found '!attn.q<[], f32>'}}
  %0 = attn.compare lt %x, %x : (!attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @compare_c2() attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  // expected-error@+1 {{'attn.compare' op C2: expected the dimensions [M, N] in the result, found [N]}}
  %0 = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[N], i1>
  attn.return
}

// -----

attn.spec @select_c1_condition(%i: !attn.q<[], i64> {attn.name = "i"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.select' op C1: expected an i1 condition, found '!attn.q<[], i64>'}}
  %0 = attn.select %i, %i, %i : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @select_c1_types(%c: !attn.q<[], i1> {attn.name = "c"}, %x: !attn.q<[], f32> {attn.name = "x"},
                           %i: !attn.q<[], i64> {attn.name = "i"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.select' op C1: the element types of values and result differ}}
  %0 = attn.select %c, %x, %i : (!attn.q<[], i1>, !attn.q<[], f32>, !attn.q<[], i64>) -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @select_c1_storage(%c: !attn.q<[], i1> {attn.name = "c"}, %x: !attn.q<[], bf16> {attn.name = "x"})
    attributes {dims = []} {
  // expected-error@+1 {{'attn.select' op C1: select is not defined for 'bf16'}}
  %0 = attn.select %c, %x, %x : (!attn.q<[], i1>, !attn.q<[], bf16>, !attn.q<[], bf16>) -> !attn.q<[], bf16>
  attn.return
}

// -----

attn.spec @select_c2(%c: !attn.q<[M], i1> {attn.name = "c", attn.layout = ["M"]},
                     %x: !attn.q<[], f32> {attn.name = "x"}) attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.select' op C2: expected the dimensions [M] in the result, found []}}
  %0 = attn.select %c, %x, %x : (!attn.q<[M], i1>, !attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @cast_c1(%x: !attn.q<[M], bf16> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.cast' op C1: expected the dimensions [M] in the result, found [N]}}
  %0 = attn.cast %x : !attn.q<[M], bf16> -> !attn.q<[N], f32>
  attn.return
}

// -----

attn.spec @read_c1_dim(%doc: !attn.q<[B, N], i64> {attn.name = "doc", attn.layout = ["B", "N"]})
    attributes {dims = ["B", "M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  // expected-error@+1 {{'attn.read' op C1: the source '!attn.q<[B, N], i64>' has no dimension M}}
  %0 = attn.read %doc["M" = %m] : (!attn.q<[B, N], i64>, !attn.q<[M], i64>) -> !attn.q<[B, M, N], i64>
  attn.return
}

// -----

attn.spec @read_c1_twice(%doc: !attn.q<[N], i64> {attn.name = "doc", attn.layout = ["N"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  // expected-error@+1 {{'attn.read' op C1: expected one index for each of distinct dimensions}}
  %0 = attn.read %doc["N" = %m, "N" = %m] : (!attn.q<[N], i64>, !attn.q<[M], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  attn.return
}

// -----

attn.spec @read_c1_count(%doc: !attn.q<[N], i64> {attn.name = "doc", attn.layout = ["N"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.read' op C1: expected one index for each of distinct dimensions}}
  %0 = "attn.read"(%doc) <{dims = ["N"]}> : (!attn.q<[N], i64>) -> !attn.q<[M], i64>
  attn.return
}

// -----

attn.spec @read_c2(%doc: !attn.q<[N], i64> {attn.name = "doc", attn.layout = ["N"]},
                   %x: !attn.q<[], f32> {attn.name = "x"}) attributes {dims = ["N"]} {
  // expected-error@+1 {{'attn.read' op C2: expected i64 indices, found '!attn.q<[], f32>'}}
  %0 = attn.read %doc["N" = %x] : (!attn.q<[N], i64>, !attn.q<[], f32>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @read_c3_element(%doc: !attn.q<[N], i64> {attn.name = "doc", attn.layout = ["N"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  // expected-error@+1 {{'attn.read' op C3: the element types of source and result differ}}
  %0 = attn.read %doc["N" = %m] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @read_c3_dims(%doc: !attn.q<[B, N], i64> {attn.name = "doc", attn.layout = ["B", "N"]})
    attributes {dims = ["B", "M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  // expected-error@+1 {{'attn.read' op C3: expected the dimensions [B, M] in the result, found [B, M, N]}}
  %0 = attn.read %doc["N" = %m] : (!attn.q<[B, N], i64>, !attn.q<[M], i64>) -> !attn.q<[B, M, N], i64>
  attn.return
}

// -----

attn.spec @read_c4(%x: !attn.q<[M, N], f32> {attn.name = "x", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    %r = attn.sweep over ["N"] {
      %a = attn.accumulate sum %x : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
      attn.yield %a : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    %e = attn.unary exp %r : !attn.q<[M], f32>
    %m = attn.index "M" : !attn.q<[M], i64>
    // expected-error@+1 {{'attn.read' op C4: the source is made of what a sweep of the same kernel computes, along a dimension that is replaced}}
    %0 = attn.read %e["M" = %m] : (!attn.q<[M], f32>, !attn.q<[M], i64>) -> !attn.q<[M], f32>
    attn.yield
  }
  attn.return
}

// -----

attn.spec @uniform_c1_operand(%seed: !attn.q<[], f32> {attn.name = "seed"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.uniform' op C1: expected i64 operands, found '!attn.q<[], f32>'}}
  %0 = attn.uniform %seed : (!attn.q<[], f32>) -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @uniform_c1_result(%seed: !attn.q<[], i64> {attn.name = "seed"}) attributes {dims = []} {
  // expected-error@+1 {{'attn.uniform' op C1: expected an f32 result, found '!attn.q<[], i64>'}}
  %0 = attn.uniform %seed : (!attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @uniform_c2(%seed: !attn.q<[], i64> {attn.name = "seed"}) attributes {dims = ["M"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  // expected-error@+1 {{'attn.uniform' op C2: expected the dimensions [M] in the result, found []}}
  %0 = attn.uniform %seed, %m : (!attn.q<[], i64>, !attn.q<[M], i64>) -> !attn.q<[], f32>
  attn.return
}

// -----

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

attn.spec @reduce_c1_none(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op C1: expected at least one dimension}}
  %0 = attn.reduce sum %s over [] : !attn.q<[M], f32> -> !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @reduce_c1_twice(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op C1: a dimension occurs twice in ["M", "M"]}}
  %0 = attn.reduce sum %s over ["M", "M"] : !attn.q<[M], f32> -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @reduce_c1_undeclared(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op C1: "X" is not a dimension of the spec}}
  %0 = attn.reduce sum %s over ["X"] : !attn.q<[M], f32> -> !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @reduce_c2_operand(%s: !attn.q<[M], i64> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op C2: mean is not defined for 'i64'}}
  %0 = attn.reduce mean %s over ["M"] : !attn.q<[M], i64> -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @reduce_c2_storage(%s: !attn.q<[M], i32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op C2: sum is not defined for 'i32'}}
  %0 = attn.reduce sum %s over ["M"] : !attn.q<[M], i32> -> !attn.q<[], i32>
  attn.return
}

// -----

attn.spec @reduce_c2_domain(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op C2: expected an i1 domain, found '!attn.q<[M], f32>'}}
  %0 = attn.reduce sum %s over ["M"] where %s : !attn.q<[M], f32>, !attn.q<[M], f32> -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @reduce_c3_element(%s: !attn.q<[M], i64> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op C3: the element types of operand and result differ}}
  %0 = attn.reduce sum %s over ["M"] : !attn.q<[M], i64> -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @reduce_c3_dims(%k: !attn.q<[N], f32> {attn.name = "k", attn.layout = ["N"]},
                          %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.reduce' op C3: expected the dimensions [M] in the result, found []}}
  %0 = attn.reduce sum %k over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M, N], i1> -> !attn.q<[], f32>
  attn.return
}

// -----

attn.spec @normalize_c1_none(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.normalize' op C1: expected at least one dimension}}
  %0 = attn.normalize softmax %s over [] : !attn.q<[M], f32> -> !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @normalize_c1_twice(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.normalize' op C1: a dimension occurs twice in ["M", "M"]}}
  %0 = attn.normalize l1 %s over ["M", "M"] : !attn.q<[M], f32> -> !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @normalize_c2_operand(%s: !attn.q<[M], i64> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.normalize' op C2: expected an f32 operand and result}}
  %0 = attn.normalize softmax %s over ["M"] : !attn.q<[M], i64> -> !attn.q<[M], i64>
  attn.return
}

// -----

attn.spec @normalize_c2_domain(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.normalize' op C2: expected an i1 domain, found '!attn.q<[M], f32>'}}
  %0 = attn.normalize l1 %s over ["M"] where %s : !attn.q<[M], f32>, !attn.q<[M], f32> -> !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @normalize_c3(%s: !attn.q<[M], f32> {attn.name = "s", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.normalize' op C3: expected the dimensions [M, N] in the result, found [M]}}
  %0 = attn.normalize softmax %s over ["N"] : !attn.q<[M], f32> -> !attn.q<[M], f32>
  attn.return
}

// -----

//===----------------------------------------------------------------------===//
// Scheduled form
//===----------------------------------------------------------------------===//

attn.spec @kernel_c1_end() attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.kernel' op C1: expected an attn.yield at the end of the body}}
  attn.kernel free ["M"] {
    llvm.unreachable
  }
  attn.return
}

// -----

attn.spec @kernel_c1_types() attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.kernel' op C1: yields '!attn.q<[M], i64>' for results '!attn.q<[M], f32>'}}
  %0 = attn.kernel free ["M"] {
    %m = attn.index "M" : !attn.q<[M], i64>
    attn.yield %m : !attn.q<[M], i64>
  } : !attn.q<[M], f32>
  attn.return
}

// -----

attn.spec @kernel_c2_free() attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.kernel' op C2: "X" is not a dimension of the spec}}
  attn.kernel free ["X"] {
    attn.yield
  }
  attn.return
}

// -----

attn.spec @kernel_c2_twice() attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.kernel' op C2: a dimension occurs twice in ["M", "M"]}}
  attn.kernel free ["M"] lanes ["M", "M"] {
    attn.yield
  }
  attn.return
}

// -----

attn.spec @kernel_c2_lanes() attributes {dims = ["H", "M"]} {
  // expected-error@+1 {{'attn.kernel' op C2: lanes has "M", which is not a free dimension}}
  attn.kernel free ["H"] lanes ["M"] {
    attn.yield
  }
  attn.return
}

// -----

attn.spec @kernel_c2_along() attributes {dims = ["H", "M"]} {
  // expected-error@+1 {{'attn.kernel' op C2: along has "M", which is not a free dimension}}
  attn.kernel free ["H"] along ["M"] {
    attn.yield
  }
  attn.return
}

// -----

attn.spec @kernel_c3() attributes {dims = ["H", "M"]} {
  // expected-error@+1 {{'attn.kernel' op C3: the result '!attn.q<[M], i64>' lacks the free dimension "H"}}
  %0 = attn.kernel free ["H", "M"] {
    %m = attn.index "M" : !attn.q<[M], i64>
    attn.yield %m : !attn.q<[M], i64>
  } : !attn.q<[M], i64>
  attn.return
}

// -----

attn.spec @sweep_c1_source(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] {
    // expected-error@+1 {{'attn.sweep' op C1: yields a value that none of its accumulators makes}}
    %0 = attn.sweep over ["N"] {
      attn.yield %x : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    attn.yield
  }
  attn.return
}

// -----

attn.spec @sweep_c1_types(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] {
    // expected-error@+1 {{'attn.sweep' op C1: yields '!attn.q<[], f32>' for results '!attn.q<[M], f32>'}}
    %0 = attn.sweep over ["N"] {
      %sum = attn.accumulate sum %x : !attn.q<[N], f32> -> !attn.q<[], f32>
      attn.yield %sum : !attn.q<[], f32>
    } : !attn.q<[M], f32>
    attn.yield
  }
  attn.return
}

// -----

attn.spec @sweep_c2_none() attributes {dims = ["M"]} {
  attn.kernel free ["M"] {
    // expected-error@+1 {{'attn.sweep' op C2: expected at least one dimension}}
    attn.sweep over [] {
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @sweep_c2_undeclared() attributes {dims = ["M"]} {
  attn.kernel free ["M"] {
    // expected-error@+1 {{'attn.sweep' op C2: "X" is not a dimension of the spec}}
    attn.sweep over ["X"] {
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @sweep_c2_free() attributes {dims = ["M"]} {
  attn.kernel free ["M"] {
    // expected-error@+1 {{'attn.sweep' op C2: sweeps over "M", which is a free dimension}}
    attn.sweep over ["M"] {
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_parent(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    attributes {dims = ["N"]} {
  attn.kernel free [] {
    // expected-error@+1 {{'attn.accumulate' op expects parent op 'attn.sweep'}}
    %0 = attn.accumulate sum %x : !attn.q<[N], f32> -> !attn.q<[], f32>
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_c1_domain(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    attributes {dims = ["N"]} {
  attn.kernel free [] {
    attn.sweep over ["N"] {
      // expected-error@+1 {{'attn.accumulate' op C1: expected an i1 domain, found '!attn.q<[N], f32>'}}
      %0 = attn.accumulate sum %x where %x : !attn.q<[N], f32> where !attn.q<[N], f32> -> !attn.q<[], f32>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_c1_operand(%x: !attn.q<[N], bf16> {attn.name = "x", attn.layout = ["N"]})
    attributes {dims = ["N"]} {
  attn.kernel free [] {
    attn.sweep over ["N"] {
      // expected-error@+1 {{'attn.accumulate' op C1: expected an f32 or i64 operand and a result of its element type}}
      %0 = attn.accumulate sum %x : !attn.q<[N], bf16> -> !attn.q<[], bf16>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_c2_kind(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    attributes {dims = ["N"]} {
  attn.kernel free [] {
    attn.sweep over ["N"] {
      %0 = attn.accumulate max %x : !attn.q<[N], f32> -> !attn.q<[], f32>
      // expected-error@+1 {{'attn.accumulate' op C2: expected an f32 sum relative to a max accumulator of the same sweep}}
      %1 = attn.accumulate max %x relative_to %0 : !attn.q<[N], f32> relative_to !attn.q<[], f32> -> !attn.q<[], f32>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_c2_base(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]},
                              %y: !attn.q<[], f32> {attn.name = "y"})
    attributes {dims = ["N"]} {
  attn.kernel free [] {
    attn.sweep over ["N"] {
      // expected-error@+1 {{'attn.accumulate' op C2: expected an f32 sum relative to a max accumulator of the same sweep}}
      %0 = attn.accumulate sum %x relative_to %y : !attn.q<[N], f32> relative_to !attn.q<[], f32> -> !attn.q<[], f32>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_c2_dims(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                              %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free [] {
    attn.sweep over ["N"] {
      %0 = attn.accumulate max %s : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
      // expected-error@+1 {{'attn.accumulate' op C2: the maximum has the dimension "M", which the sum has not}}
      %1 = attn.accumulate sum %x relative_to %0 : !attn.q<[N], f32> relative_to !attn.q<[M], f32> -> !attn.q<[], f32>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_c3(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] {
    attn.sweep over ["N"] {
      // expected-error@+1 {{'attn.accumulate' op C3: expected the dimensions [M] in the result, found [M, N]}}
      %0 = attn.accumulate sum %s : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @accumulate_c3_collect(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] {
    attn.sweep over ["N"] {
      // expected-error@+1 {{'attn.accumulate' op C3: expected the dimensions [M, N] in the result, found [M]}}
      %0 = attn.accumulate collect %x : !attn.q<[M], f32> -> !attn.q<[M], f32>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @yield_parent() attributes {dims = []} {
  // expected-error@+1 {{'attn.yield' op expects parent op to be one of 'attn.kernel, attn.sweep'}}
  attn.yield
}

// -----

attn.spec @sweep_c3(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    // expected-error@+1 {{'attn.sweep' op C3: expected an attn.visit at the end of visits}}
    attn.sweep over ["N"] {
      attn.yield
    } visits {
      %0 = attn.tile_bound least "M" : !attn.q<[], i64>
      attn.yield
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @visit_c1(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    attn.sweep over ["N"] {
      attn.yield
    } visits {
      // expected-error@+1 {{'attn.visit' op C1: expected i64 for from, to and step, and i1 for may and must}}
      attn.visit from %i to %i step %i may %i must %b : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i1>) -> ()
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @visit_c2_step(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    attn.sweep over ["N"] {
      attn.yield
    } visits {
      // expected-error@+1 {{'attn.visit' op C2: expected 1 numbers in step and in each box, found 2 in step, 1 in from and 1 in to}}
      attn.visit from %i to %i step %i, %i may %b must %b : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i1>, !attn.q<[], i1>) -> ()
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @visit_c2_boxes(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    attn.sweep over ["N"] {
      attn.yield
    } visits {
      // expected-error@+1 {{'attn.visit' op C2: expected 1 numbers in step and in each box, found 1 in step, 2 in from and 1 in to}}
      attn.visit from %i, %i to %i step %i may %b must %b : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i1>, !attn.q<[], i1>) -> ()
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @visit_c3(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    attn.sweep over ["N"] {
      attn.yield
    } visits {
      // expected-error@+1 {{'attn.visit' op C3: an operand varies along "M"}}
      attn.visit from %x to %i step %i may %b must %b : (!attn.q<[M], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i1>, !attn.q<[], i1>) -> ()
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @tile_bound_c1_dim(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    attn.sweep over ["N"] {
      attn.yield
    } visits {
      // expected-error@+1 {{'attn.tile_bound' op C1: "X" is not a dimension of the spec}}
      %0 = attn.tile_bound least "X" : !attn.q<[], i64>
      attn.visit from %i to %i step %i may %b must %b : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i1>, !attn.q<[], i1>) -> ()
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @tile_bound_c1_type(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    attn.sweep over ["N"] {
      attn.yield
    } visits {
      // expected-error@+1 {{'attn.tile_bound' op C1: expected an i64 scalar as the bound, found '!attn.q<[], i1>'}}
      %0 = attn.tile_bound least "M" : !attn.q<[], i1>
      attn.visit from %i to %i step %i may %b must %b : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i1>, !attn.q<[], i1>) -> ()
    }
    attn.yield
  }
  attn.return
}

// -----

attn.spec @box_reduce_c1_kind(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.box_reduce' op C1: expected the max or min of an argument or kernel result of integers, as i64}}
  %0 = attn.box_reduce sum %x over ["M"] from %i to %i : (!attn.q<[M], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @box_reduce_c1_source(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  // expected-error@+1 {{'attn.box_reduce' op C1: expected the max or min of an argument or kernel result of integers, as i64}}
  %0 = attn.box_reduce min %m over ["M"] from %i to %i : (!attn.q<[M], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @box_reduce_c2_count(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.box_reduce' op C2: expected two bounds for each of distinct dimensions}}
  %0 = attn.box_reduce min %x over ["M", "M"] from %i to %i : (!attn.q<[M], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @box_reduce_c2_bound(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.box_reduce' op C2: expected i64 bounds, found '!attn.q<[], i1>'}}
  %0 = attn.box_reduce min %x over ["M"] from %b to %i : (!attn.q<[M], i64>, !attn.q<[], i1>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @box_reduce_c2_dim(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.box_reduce' op C2: the source '!attn.q<[M], i64>' has no dimension N}}
  %0 = attn.box_reduce min %x over ["N"] from %i to %i : (!attn.q<[M], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return
}

// -----

attn.spec @box_reduce_c3(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // expected-error@+1 {{'attn.box_reduce' op C3: expected the dimensions [] in the result, found [M]}}
  %0 = attn.box_reduce min %x over ["M"] from %i to %i : (!attn.q<[M], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  attn.return
}

// -----

attn.spec @stride_c1_lane(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    // expected-error@+1 {{'attn.stride' op C1: "N" is not a lane of the kernel}}
    attn.stride "N" by %i : !attn.q<[], i64>
    attn.yield
  }
  attn.return
}

// -----

attn.spec @stride_c1_twice(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    // expected-error@+1 {{'attn.stride' op C1: "M" has two strides}}
    attn.stride "M" by %i : !attn.q<[], i64>
    attn.stride "M" by %i : !attn.q<[], i64>
    attn.yield
  }
  attn.return
}

// -----

attn.spec @stride_c2(%i: !attn.q<[], i64> {attn.name = "i"}, %b: !attn.q<[], i1> {attn.name = "b"},
    %x: !attn.q<[M], i64> {attn.name = "x", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  attn.kernel free ["M"] lanes ["M"] {
    // expected-error@+1 {{'attn.stride' op C2: expected an i64 scalar as the stride, found '!attn.q<[], i1>'}}
    attn.stride "M" by %b : !attn.q<[], i1>
    attn.yield
  }
  attn.return
}
