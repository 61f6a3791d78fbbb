// What folds, and beside it what must not: only what is exact on every input
// does.
// RUN: attn-opt %s --canonicalize | FileCheck %s

// A constant is a number; equal ones are merged.
// CHECK-LABEL: attn.spec @constants
// CHECK: %[[C:.*]] = attn.constant 2 : i64 -> !attn.q<[], i64>
// CHECK-NOT: attn.constant
// CHECK: attn.return %[[C]], %[[C]]
attn.spec @constants()
    -> (!attn.q<[], i64> {attn.name = "a"}, !attn.q<[], i64> {attn.name = "b"})
    attributes {dims = []} {
  %0 = attn.constant 2 : i64 -> !attn.q<[], i64>
  %1 = attn.constant 2 : i64 -> !attn.q<[], i64>
  attn.return %0, %1 : !attn.q<[], i64>, !attn.q<[], i64>
}

// The extent of D is fixed, that of N is not.
// CHECK-LABEL: attn.spec @extents
// CHECK-DAG: %[[D:.*]] = attn.constant 64 : i64
// CHECK-DAG: %[[N:.*]] = attn.extent "N"
// CHECK: attn.return %[[D]], %[[N]]
attn.spec @extents()
    -> (!attn.q<[], i64> {attn.name = "a"}, !attn.q<[], i64> {attn.name = "b"})
    attributes {dims = ["N", "D"], sizes = {D = 64 : i64}} {
  %0 = attn.extent "D" : !attn.q<[], i64>
  %1 = attn.extent "N" : !attn.q<[], i64>
  attn.return %0, %1 : !attn.q<[], i64>, !attn.q<[], i64>
}

// What has no effect and no use goes; a requirement stays.
// CHECK-LABEL: attn.spec @dead
// CHECK-NOT: attn.index
// CHECK: attn.require
// CHECK-NEXT: attn.return
attn.spec @dead(%c: !attn.q<[], i1> {attn.name = "c"}) attributes {dims = ["M"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  attn.require %c, "c" : !attn.q<[], i1>
  attn.return
}

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

// A small natural power is a product, by squares.
// CHECK-LABEL: attn.spec @powers
// CHECK-DAG:   %[[NINE:.*]] = attn.constant 9.{{.*}} : f32
// CHECK-DAG:   %[[HALF:.*]] = attn.constant 5.{{.*}}e-01 : f32
// CHECK:       %[[SQUARE:.*]] = attn.binary mul %x, %x
// CHECK:       %[[CUBE:.*]] = attn.binary mul %x, %[[SQUARE]]
// CHECK:       %[[ROOT:.*]] = attn.binary pow %x, %[[HALF]]
// CHECK:       %[[LARGE:.*]] = attn.binary pow %x, %[[NINE]]
// CHECK:       attn.return %x, %[[CUBE]], %[[ROOT]], %[[LARGE]]
attn.spec @powers(%x: !attn.q<[M], f32> {attn.layout = ["M"], attn.name = "x"})
    -> (!attn.q<[M], f32> {attn.layout = ["M"], attn.name = "a"},
        !attn.q<[M], f32> {attn.layout = ["M"], attn.name = "b"},
        !attn.q<[M], f32> {attn.layout = ["M"], attn.name = "c"},
        !attn.q<[M], f32> {attn.layout = ["M"], attn.name = "d"})
    attributes {dims = ["M"]} {
  %1 = attn.constant 1.0 : f32 -> !attn.q<[], f32>
  %3 = attn.constant 3.0 : f32 -> !attn.q<[], f32>
  %h = attn.constant 0.5 : f32 -> !attn.q<[], f32>
  %9 = attn.constant 9.0 : f32 -> !attn.q<[], f32>
  %a = attn.binary pow %x, %1 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %b = attn.binary pow %x, %3 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %c = attn.binary pow %x, %h : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %d = attn.binary pow %x, %9 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  attn.return %a, %b, %c, %d : !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

// CHECK-LABEL: attn.spec @not
// CHECK-SAME: (%[[X:[a-z]+]]:
// CHECK: %[[FALSE:.*]] = attn.constant false
// CHECK: attn.return %[[FALSE]], %[[X]]
attn.spec @not(%x: !attn.q<[M], i1> {attn.name = "x", attn.layout = ["M"]})
    -> (!attn.q<[], i1> {attn.name = "a"},
        !attn.q<[M], i1> {attn.name = "b", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  %true = attn.constant true -> !attn.q<[], i1>
  %0 = attn.unary not %true : !attn.q<[], i1>
  %1 = attn.unary not %x : !attn.q<[M], i1>
  %2 = attn.unary not %1 : !attn.q<[M], i1>
  attn.return %0, %2 : !attn.q<[], i1>, !attn.q<[M], i1>
}

// CHECK-LABEL: attn.spec @neg
// CHECK-DAG: %[[F:.*]] = attn.constant -0.000000e+00 : f32
// CHECK-DAG: %[[I:.*]] = attn.constant -3 : i64
// CHECK: attn.return %[[F]], %[[I]]
attn.spec @neg()
    -> (!attn.q<[], f32> {attn.name = "a"}, !attn.q<[], i64> {attn.name = "b"})
    attributes {dims = []} {
  %f = attn.constant 0.0 : f32 -> !attn.q<[], f32>
  %i = attn.constant 3 : i64 -> !attn.q<[], i64>
  %0 = attn.unary neg %f : !attn.q<[], f32>
  %1 = attn.unary neg %i : !attn.q<[], i64>
  attn.return %0, %1 : !attn.q<[], f32>, !attn.q<[], i64>
}

// Functions that round are left to the machine that runs them.
// CHECK-LABEL: attn.spec @unary_not_folded
// CHECK: attn.unary exp
// CHECK: attn.unary rsqrt
attn.spec @unary_not_folded()
    -> (!attn.q<[], f32> {attn.name = "a"}, !attn.q<[], f32> {attn.name = "b"})
    attributes {dims = []} {
  %f = attn.constant 4.0 : f32 -> !attn.q<[], f32>
  %0 = attn.unary exp %f : !attn.q<[], f32>
  %1 = attn.unary rsqrt %f : !attn.q<[], f32>
  attn.return %0, %1 : !attn.q<[], f32>, !attn.q<[], f32>
}

//===----------------------------------------------------------------------===//
// Binary: two constants
//===----------------------------------------------------------------------===//

// -7 // 2 is -4 and -7 % 2 is 1, as in Python.
// CHECK-LABEL: attn.spec @integers
// CHECK-DAG: %[[ADD:.*]] = attn.constant -5 : i64
// CHECK-DAG: %[[SUB:.*]] = attn.constant -9 : i64
// CHECK-DAG: %[[MUL:.*]] = attn.constant -14 : i64
// CHECK-DAG: %[[DIV:.*]] = attn.constant -4 : i64
// CHECK-DAG: %[[MOD:.*]] = attn.constant 1 : i64
// CHECK-DAG: %[[MIN:.*]] = attn.constant -7 : i64
// CHECK-DAG: %[[MAX:.*]] = attn.constant 2 : i64
// CHECK-DAG: %[[AND:.*]] = attn.constant 0 : i64
// CHECK: attn.return %[[ADD]], %[[SUB]], %[[MUL]], %[[DIV]], %[[MOD]], %[[MIN]], %[[MAX]], %[[AND]], %[[ADD]], %[[ADD]] :
attn.spec @integers()
    -> (!attn.q<[], i64> {attn.name = "a"}, !attn.q<[], i64> {attn.name = "b"},
        !attn.q<[], i64> {attn.name = "c"}, !attn.q<[], i64> {attn.name = "d"},
        !attn.q<[], i64> {attn.name = "e"}, !attn.q<[], i64> {attn.name = "f"},
        !attn.q<[], i64> {attn.name = "g"}, !attn.q<[], i64> {attn.name = "h"},
        !attn.q<[], i64> {attn.name = "i"}, !attn.q<[], i64> {attn.name = "j"})
    attributes {dims = []} {
  %a = attn.constant -7 : i64 -> !attn.q<[], i64>
  %b = attn.constant 2 : i64 -> !attn.q<[], i64>
  %0 = attn.binary add %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %1 = attn.binary sub %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %2 = attn.binary mul %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %3 = attn.binary floordiv %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %4 = attn.binary mod %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %5 = attn.binary min %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %6 = attn.binary max %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %7 = attn.binary and %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %8 = attn.binary or %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %9 = attn.binary xor %a, %b : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  attn.return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9 : !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>
}

// CHECK-LABEL: attn.spec @booleans
// CHECK-DAG: %[[TRUE:.*]] = attn.constant true
// CHECK-DAG: %[[FALSE:.*]] = attn.constant false
// CHECK: attn.return %[[FALSE]], %[[TRUE]], %[[TRUE]]
attn.spec @booleans()
    -> (!attn.q<[], i1> {attn.name = "a"}, !attn.q<[], i1> {attn.name = "b"},
        !attn.q<[], i1> {attn.name = "c"})
    attributes {dims = []} {
  %t = attn.constant true -> !attn.q<[], i1>
  %f = attn.constant false -> !attn.q<[], i1>
  %0 = attn.binary and %t, %f : (!attn.q<[], i1>, !attn.q<[], i1>) -> !attn.q<[], i1>
  %1 = attn.binary or %t, %f : (!attn.q<[], i1>, !attn.q<[], i1>) -> !attn.q<[], i1>
  %2 = attn.binary xor %t, %f : (!attn.q<[], i1>, !attn.q<[], i1>) -> !attn.q<[], i1>
  attn.return %0, %1, %2 : !attn.q<[], i1>, !attn.q<[], i1>, !attn.q<[], i1>
}

// No overflow, no division by 0, no division that overflows; floats round at
// run time.
// CHECK-LABEL: attn.spec @binary_not_folded
// CHECK: attn.binary add
// CHECK: attn.binary mul
// CHECK: attn.binary floordiv
// CHECK: attn.binary mod
// CHECK: attn.binary floordiv
// CHECK: attn.binary add
attn.spec @binary_not_folded()
    -> (!attn.q<[], i64> {attn.name = "a"}, !attn.q<[], i64> {attn.name = "b"},
        !attn.q<[], i64> {attn.name = "c"}, !attn.q<[], i64> {attn.name = "d"},
        !attn.q<[], i64> {attn.name = "e"}, !attn.q<[], f32> {attn.name = "f"})
    attributes {dims = []} {
  %large = attn.constant 9223372036854775807 : i64 -> !attn.q<[], i64>
  %small = attn.constant -9223372036854775808 : i64 -> !attn.q<[], i64>
  %0 = attn.constant 0 : i64 -> !attn.q<[], i64>
  %1 = attn.constant 1 : i64 -> !attn.q<[], i64>
  %2 = attn.constant 2 : i64 -> !attn.q<[], i64>
  %m1 = attn.constant -1 : i64 -> !attn.q<[], i64>
  %third = attn.constant 0.333333343 : f32 -> !attn.q<[], f32>
  %a = attn.binary add %large, %1 : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %b = attn.binary mul %large, %2 : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %c = attn.binary floordiv %2, %0 : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %d = attn.binary mod %2, %0 : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %e = attn.binary floordiv %small, %m1 : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %f = attn.binary add %third, %third : (!attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], f32>
  attn.return %a, %b, %c, %d, %e, %f : !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], f32>
}

//===----------------------------------------------------------------------===//
// Binary: identities
//===----------------------------------------------------------------------===//

// CHECK-LABEL: attn.spec @identities
// CHECK-SAME: (%[[X:[a-z]+]]: {{.*}}, %[[I:[a-z]+]]: {{.*}}, %[[C:[a-z]+]]: {{.*}})
// CHECK-NOT: attn.binary
// CHECK: attn.return %[[I]], %[[I]], %[[I]], %[[X]], %[[X]], %[[X]], %[[C]], %[[C]], %[[C]], %[[I]] :
attn.spec @identities(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]},
                      %i: !attn.q<[M], i64> {attn.name = "i", attn.layout = ["M"]},
                      %c: !attn.q<[M], i1> {attn.name = "c", attn.layout = ["M"]})
    -> (!attn.q<[M], i64> {attn.name = "r0", attn.layout = ["M"]},
        !attn.q<[M], i64> {attn.name = "r1", attn.layout = ["M"]},
        !attn.q<[M], i64> {attn.name = "r2", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r3", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r4", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r5", attn.layout = ["M"]},
        !attn.q<[M], i1> {attn.name = "r6", attn.layout = ["M"]},
        !attn.q<[M], i1> {attn.name = "r7", attn.layout = ["M"]},
        !attn.q<[M], i1> {attn.name = "r8", attn.layout = ["M"]},
        !attn.q<[M], i64> {attn.name = "r9", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  %i0 = attn.constant 0 : i64 -> !attn.q<[], i64>
  %i1 = attn.constant 1 : i64 -> !attn.q<[], i64>
  %f0 = attn.constant 0.0 : f32 -> !attn.q<[], f32>
  %f1 = attn.constant 1.0 : f32 -> !attn.q<[], f32>
  %t = attn.constant true -> !attn.q<[], i1>
  %f = attn.constant false -> !attn.q<[], i1>
  // i + 0, 0 + i, 1 * i
  %0 = attn.binary add %i, %i0 : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %1 = attn.binary add %i0, %i : (!attn.q<[], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  %2 = attn.binary mul %i1, %i : (!attn.q<[], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  // x - 0, x * 1, x / 1
  %3 = attn.binary sub %x, %f0 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %4 = attn.binary mul %x, %f1 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %5 = attn.binary div %x, %f1 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  // c and true, c or false, c and c
  %6 = attn.binary and %t, %c : (!attn.q<[], i1>, !attn.q<[M], i1>) -> !attn.q<[M], i1>
  %7 = attn.binary or %c, %f : (!attn.q<[M], i1>, !attn.q<[], i1>) -> !attn.q<[M], i1>
  %8 = attn.binary and %c, %c : (!attn.q<[M], i1>, !attn.q<[M], i1>) -> !attn.q<[M], i1>
  // i or i
  %9 = attn.binary or %i, %i : (!attn.q<[M], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  attn.return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9 : !attn.q<[M], i64>, !attn.q<[M], i64>, !attn.q<[M], i64>, !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], i1>, !attn.q<[M], i1>, !attn.q<[M], i1>, !attn.q<[M], i64>
}

// -0 + 0 is 0, and so is -0 - (-0); x * 0 is NaN where x is not finite; x - x
// too; an integer `and` with 1 keeps one bit.
// CHECK-LABEL: attn.spec @identities_not_folded
// CHECK: attn.binary add %x
// CHECK: attn.binary sub %x
// CHECK: attn.binary mul %x
// CHECK: attn.binary sub %x, %x
// CHECK: attn.binary ratio
// CHECK: attn.binary and %i
attn.spec @identities_not_folded(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]},
                                 %i: !attn.q<[M], i64> {attn.name = "i", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "r0", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r1", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r2", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r3", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r4", attn.layout = ["M"]},
        !attn.q<[M], i64> {attn.name = "r5", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  %i1 = attn.constant 1 : i64 -> !attn.q<[], i64>
  %f0 = attn.constant 0.0 : f32 -> !attn.q<[], f32>
  %fm0 = attn.constant -0.0 : f32 -> !attn.q<[], f32>
  %0 = attn.binary add %x, %f0 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %1 = attn.binary sub %x, %fm0 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %2 = attn.binary mul %x, %f0 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %3 = attn.binary sub %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  %4 = attn.binary ratio %f0, %x : (!attn.q<[], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  %5 = attn.binary and %i, %i1 : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  attn.return %0, %1, %2, %3, %4, %5 : !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], i64>
}

// The constant goes to the right of a commutative op, and only there.
// CHECK-LABEL: attn.spec @constant_to_the_right
// CHECK: attn.binary add %x, %[[C:[0-9]+]] :
// CHECK: attn.binary max %x, %[[C]] :
// CHECK: attn.binary sub %[[C]], %x :
attn.spec @constant_to_the_right(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "r0", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r1", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "r2", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  %c = attn.constant 2.5 : f32 -> !attn.q<[], f32>
  %0 = attn.binary add %c, %x : (!attn.q<[], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  %1 = attn.binary max %c, %x : (!attn.q<[], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  %2 = attn.binary sub %c, %x : (!attn.q<[], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  attn.return %0, %1, %2 : !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>
}

//===----------------------------------------------------------------------===//
// Compare, select, cast
//===----------------------------------------------------------------------===//

// NaN is unequal to itself.
// CHECK-LABEL: attn.spec @compare
// CHECK-DAG: %[[TRUE:.*]] = attn.constant true
// CHECK-DAG: %[[FALSE:.*]] = attn.constant false
// CHECK: attn.return %[[TRUE]], %[[FALSE]], %[[TRUE]]
attn.spec @compare()
    -> (!attn.q<[], i1> {attn.name = "a"}, !attn.q<[], i1> {attn.name = "b"},
        !attn.q<[], i1> {attn.name = "c"})
    attributes {dims = []} {
  %1 = attn.constant 1 : i64 -> !attn.q<[], i64>
  %2 = attn.constant 2 : i64 -> !attn.q<[], i64>
  %nan = attn.constant 0x7FC00000 : f32 -> !attn.q<[], f32>
  %a = attn.compare lt %1, %2 : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i1>
  %b = attn.compare eq %nan, %nan : (!attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], i1>
  %c = attn.compare ne %nan, %nan : (!attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], i1>
  attn.return %a, %b, %c : !attn.q<[], i1>, !attn.q<[], i1>, !attn.q<[], i1>
}

// A float may be NaN, so x == x stays.
// CHECK-LABEL: attn.spec @compare_not_folded
// CHECK: attn.compare eq
attn.spec @compare_not_folded(%x: !attn.q<[], f32> {attn.name = "x"})
    -> (!attn.q<[], i1> {attn.name = "a"}) attributes {dims = []} {
  %0 = attn.compare eq %x, %x : (!attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[], i1>
  attn.return %0 : !attn.q<[], i1>
}

// The chosen value takes the place of the select when it has its dimensions.
// CHECK-LABEL: attn.spec @select
// CHECK-SAME: (%[[X:[a-z]+]]: {{.*}}, %[[Y:[a-z]+]]: {{.*}})
// CHECK: %[[S:.*]] = attn.select %{{.*}}, %[[X]], %[[Y]]
// CHECK: attn.return %[[X]], %[[S]]
attn.spec @select(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]},
                  %y: !attn.q<[], f32> {attn.name = "y"})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "b", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  %t = attn.constant true -> !attn.q<[], i1>
  %f = attn.constant false -> !attn.q<[], i1>
  %0 = attn.select %t, %x, %y : (!attn.q<[], i1>, !attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %1 = attn.select %f, %x, %y : (!attn.q<[], i1>, !attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  attn.return %0, %1 : !attn.q<[M], f32>, !attn.q<[M], f32>
}

// 2^60 + 2^36 + 1 is just above the middle of two f32, the lower one even. By
// way of double it would be the middle, and go down.
// CHECK-LABEL: attn.spec @cast
// CHECK-SAME: (%[[X:[a-z]+]]: {{.*}})
// CHECK-DAG: %[[F:.*]] = attn.constant 6.400000e+01 : f32
// CHECK-DAG: %[[LARGE:.*]] = attn.constant 1.15292164E+18 : f32
// CHECK-DAG: %[[ONE:.*]] = attn.constant 1.000000e+00 : f32
// CHECK: attn.return %[[F]], %[[LARGE]], %[[ONE]], %[[X]]
attn.spec @cast(%x: !attn.q<[], f32> {attn.name = "x"})
    -> (!attn.q<[], f32> {attn.name = "a"}, !attn.q<[], f32> {attn.name = "b"},
        !attn.q<[], f32> {attn.name = "c"}, !attn.q<[], f32> {attn.name = "d"})
    attributes {dims = ["D"], sizes = {D = 64 : i64}} {
  %size = attn.extent "D" : !attn.q<[], i64>
  %large = attn.constant 1152921573326323713 : i64 -> !attn.q<[], i64>
  %t = attn.constant true -> !attn.q<[], i1>
  %0 = attn.cast %size : !attn.q<[], i64> -> !attn.q<[], f32>
  %1 = attn.cast %large : !attn.q<[], i64> -> !attn.q<[], f32>
  %2 = attn.cast %t : !attn.q<[], i1> -> !attn.q<[], f32>
  %3 = attn.cast %x : !attn.q<[], f32> -> !attn.q<[], f32>
  attn.return %0, %1, %2, %3 : !attn.q<[], f32>, !attn.q<[], f32>, !attn.q<[], f32>, !attn.q<[], f32>
}

// Rounding to storage and back is not nothing.
// CHECK-LABEL: attn.spec @cast_not_folded
// CHECK: attn.cast
// CHECK: attn.cast
attn.spec @cast_not_folded(%x: !attn.q<[], f32> {attn.name = "x"})
    -> (!attn.q<[], f32> {attn.name = "a"}) attributes {dims = []} {
  %0 = attn.cast %x : !attn.q<[], f32> -> !attn.q<[], bf16>
  %1 = attn.cast %0 : !attn.q<[], bf16> -> !attn.q<[], f32>
  attn.return %1 : !attn.q<[], f32>
}
