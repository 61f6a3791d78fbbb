// RUN: attn-opt %s --attn-factor-sums --canonicalize | FileCheck %s

// The normaliser of a row leaves the sum over the values.
// CHECK-LABEL: attn.spec @normalizer
// CHECK-NEXT: %[[PV:.*]] = attn.binary mul %w, %v
// CHECK-NEXT: %[[SUM:.*]] = attn.reduce sum %[[PV]] over ["N"] where %c
// CHECK-NEXT: %[[OUT:.*]] = attn.binary ratio %[[SUM]], %total : (!attn.q<[M, E], f32>, !attn.q<[M], f32>) -> !attn.q<[M, E], f32>
// CHECK-NEXT: attn.return %[[OUT]]
attn.spec @normalizer(%w: !attn.q<[M, N], f32> {attn.name = "w", attn.layout = ["M", "N"]},
                      %total: !attn.q<[M], f32> {attn.name = "total", attn.layout = ["M"]},
                      %v: !attn.q<[N, E], f32> {attn.name = "v", attn.layout = ["N", "E"]},
                      %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, E], f32> {attn.name = "out", attn.layout = ["M", "E"]})
    attributes {dims = ["M", "N", "E"]} {
  %p = attn.binary ratio %w, %total : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %pv = attn.binary mul %p, %v : (!attn.q<[M, N], f32>, !attn.q<[N, E], f32>) -> !attn.q<[M, N, E], f32>
  %out = attn.reduce sum %pv over ["N"] where %c : !attn.q<[M, N, E], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, E], f32>
  attn.return %out : !attn.q<[M, E], f32>
}

// A factor of the row may be infinite; where the sum is 0 the product stays 0.
// CHECK-LABEL: attn.spec @row_factor
// CHECK: %[[ZERO:.*]] = attn.constant 0.0
// CHECK: %[[SUM:.*]] = attn.reduce sum %s over ["N"]
// CHECK: %[[PRODUCT:.*]] = attn.binary mul %[[SUM]], %g
// CHECK: %[[NONE:.*]] = attn.compare eq %[[SUM]], %[[ZERO]]
// CHECK: %[[OUT:.*]] = attn.select %[[NONE]], %[[ZERO]], %[[PRODUCT]]
// CHECK: attn.return %[[OUT]]
attn.spec @row_factor(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                      %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %0 = attn.binary mul %s, %g : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %out = attn.reduce sum %0 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// A number made of sizes and constants needs no guard, nor does a sum that is
// never empty.
// CHECK-LABEL: attn.spec @no_guard
// CHECK-NOT: attn.select
// CHECK: attn.return
attn.spec @no_guard(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                    %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]},
                    %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]},
                    %s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "a", attn.layout = ["M", "N"]},
        !attn.q<[M], f32> {attn.name = "b", attn.layout = ["M"]})
    attributes {dims = ["M", "N", "D"], sizes = {D = 64 : i64}} {
  %qk = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %qkg = attn.binary mul %qk, %g : (!attn.q<[M, N, D], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N, D], f32>
  %a = attn.reduce sum %qkg over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %n = attn.extent "N" : !attn.q<[], i64>
  %size = attn.cast %n : !attn.q<[], i64> -> !attn.q<[], f32>
  %scale = attn.unary rsqrt %size : !attn.q<[], f32>
  %0 = attn.binary mul %s, %scale : (!attn.q<[M, N], f32>, !attn.q<[], f32>) -> !attn.q<[M, N], f32>
  %b = attn.reduce sum %0 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %a, %b : !attn.q<[M, N], f32>, !attn.q<[M], f32>
}

// A factor of the key stays, and no factor leaves a maximum.
// CHECK-LABEL: attn.spec @stays
// CHECK: %[[SN:.*]] = attn.binary mul %s, %h
// CHECK: attn.reduce sum %[[SN]] over ["N"]
// CHECK: %[[SM:.*]] = attn.binary mul %s, %g
// CHECK: attn.reduce max %[[SM]] over ["N"]
attn.spec @stays(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                 %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]},
                 %h: !attn.q<[N], f32> {attn.name = "h", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "b", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %0 = attn.binary mul %s, %h : (!attn.q<[M, N], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
  %a = attn.reduce sum %0 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %1 = attn.binary mul %s, %g : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %b = attn.reduce max %1 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %a, %b : !attn.q<[M], f32>, !attn.q<[M], f32>
}
