// RUN: attn-opt --attn-check-divisors --canonicalize --split-input-file --verify-diagnostics %s | FileCheck %s

// A scalar and a size are required not to be 0, once each; a number is known,
// and data may be anything.
// CHECK-LABEL: attn.spec @divisors
// CHECK: attn.require %{{.*}}, "the divisor 's' is 0{{.*}}"
// CHECK: attn.require %{{.*}}, "the divisor N is 0{{.*}}"
// CHECK-NOT: attn.require
attn.spec @divisors(%s: !attn.q<[], i64> {attn.name = "s"},
                    %t: !attn.q<[M], i64> {attn.name = "t", attn.layout = ["M"]})
    -> (!attn.q<[M], i64> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.extent "N" : !attn.q<[], i64>
  %four = attn.constant 4 : i64 -> !attn.q<[], i64>
  %0 = attn.binary mod %m, %s : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %1 = attn.binary floordiv %0, %s : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %2 = attn.binary floordiv %1, %n : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %3 = attn.binary floordiv %2, %four : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %4 = attn.binary mod %3, %t : (!attn.q<[M], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  attn.return %4 : !attn.q<[M], i64>
}

// -----

// A mask of residues is looked at where there are queries, keys and residues.
// CHECK-LABEL: attn.spec @residues
// CHECK: %[[DIVIDES:.*]] = attn.compare ne
// CHECK: %[[R:.*]] = attn.extent "R"
// CHECK: %[[NOR:.*]] = attn.compare eq %[[R]], %{{.*}}
// CHECK: %[[N:.*]] = attn.extent "N"
// CHECK: %[[NON:.*]] = attn.compare eq %[[N]], %{{.*}}
// CHECK: %[[UNUSED:.*]] = attn.binary or %[[NOR]], %[[NON]]
// CHECK: %[[HOLDS:.*]] = attn.binary or %[[DIVIDES]], %[[UNUSED]]
// CHECK: attn.require %[[HOLDS]], "the divisor R is 0{{.*}}"
// CHECK-NOT: attn.require
attn.spec @residues(%v: !attn.q<[N], f32> {attn.name = "v", attn.layout = ["N"]})
    -> (!attn.q<[R], f32> {attn.name = "out", attn.layout = ["R"]})
    attributes {dims = ["R", "N"]} {
  %n = attn.index "N" : !attn.q<[N], i64>
  %r = attn.index "R" : !attn.q<[R], i64>
  %count = attn.extent "R" : !attn.q<[], i64>
  %0 = attn.binary mod %n, %count : (!attn.q<[N], i64>, !attn.q<[], i64>) -> !attn.q<[N], i64>
  %1 = attn.compare eq %0, %r : (!attn.q<[N], i64>, !attn.q<[R], i64>) -> !attn.q<[R, N], i1>
  %2 = attn.reduce sum %v over ["N"] where %1 : !attn.q<[N], f32>, !attn.q<[R, N], i1> -> !attn.q<[R], f32>
  attn.return %2 : !attn.q<[R], f32>
}

// -----

// Two divisions by one scalar, each on a way of its own: both have to be closed.
// CHECK-LABEL: attn.spec @two_divisions
// CHECK-DAG: %[[M:.*]] = attn.extent "M"
// CHECK-DAG: %[[N:.*]] = attn.extent "N"
// CHECK-DAG: %[[NOM:.*]] = attn.compare eq %[[M]], %{{.*}}
// CHECK-DAG: %[[NON:.*]] = attn.compare eq %[[N]], %{{.*}}
// CHECK: %[[BOTH:.*]] = attn.binary and %[[NOM]], %[[NON]]
// CHECK: %[[HOLDS:.*]] = attn.binary or %{{.*}}, %[[BOTH]]
// CHECK: attn.require %[[HOLDS]], "the divisor 's' is 0{{.*}}"
attn.spec @two_divisions(%s: !attn.q<[], i64> {attn.name = "s"})
    -> (!attn.q<[M], i64> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[N], i64> {attn.name = "b", attn.layout = ["N"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %0 = attn.binary floordiv %m, %s : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %1 = attn.binary mod %n, %s : (!attn.q<[N], i64>, !attn.q<[], i64>) -> !attn.q<[N], i64>
  attn.return %0, %1 : !attn.q<[M], i64>, !attn.q<[N], i64>
}

// -----

attn.spec @by_zero(%t: !attn.q<[M], i64> {attn.name = "t", attn.layout = ["M"]})
    -> (!attn.q<[M], i64> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  %zero = attn.constant 0 : i64 -> !attn.q<[], i64>
  // expected-error@+1 {{a division by 0}}
  %0 = attn.binary floordiv %t, %zero : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  // expected-error@+1 {{the remainder of a division by 0}}
  %1 = attn.binary mod %0, %zero : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  attn.return %1 : !attn.q<[M], i64>
}
