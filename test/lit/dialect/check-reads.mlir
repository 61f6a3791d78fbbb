// RUN: attn-opt --attn-check-reads --canonicalize --split-input-file %s | FileCheck %s

// doc[n: m] reads key m: there must be as many keys as queries.
// CHECK-LABEL: attn.spec @same_index
// CHECK: attn.require %{{.*}}, "dimension N is read at or beyond its end{{.*}}"
// CHECK-NOT: attn.require
attn.spec @same_index(%doc: !attn.q<[N], i64> {attn.name = "doc", attn.layout = ["N"]})
    -> (!attn.q<[M], i64> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["N", "M"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %0 = attn.read %doc["N" = %m] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  attn.return %0 : !attn.q<[M], i64>
}

// -----

// Under n <= m, m - n is not negative; the other end still has to hold.
// CHECK-LABEL: attn.spec @domain_bounds
// CHECK-NOT: is read below 0
// CHECK: attn.require %{{.*}}, "dimension R is read at or beyond its end{{.*}}"
// CHECK-NOT: attn.require
attn.spec @domain_bounds(%table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["R", "M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
  %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %0 = attn.read %table["R" = %d] : (!attn.q<[R], f32>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], f32>
  %1 = attn.reduce sum %0 over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %1 : !attn.q<[M], f32>
}

// -----

// A domain above another reduction over the same index says nothing about the
// index below: the maximum is over all n.
// CHECK-LABEL: attn.spec @domain_of_another_index
// CHECK: attn.require %{{.*}}, "dimension R is read below 0{{.*}}"
attn.spec @domain_of_another_index(
    %table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]},
    %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["R", "M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
  %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %0 = attn.read %table["R" = %d] : (!attn.q<[R], f32>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], f32>
  %1 = attn.reduce max %0 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %2 = attn.binary mul %1, %x : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
  %3 = attn.reduce sum %2 over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %3 : !attn.q<[M], f32>
}

// -----

// Fixed sizes are compared here, not at run time.
// CHECK-LABEL: attn.spec @fixed
// CHECK-NOT: attn.require
attn.spec @fixed(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]})
    -> (!attn.q<[M, D], f32> {attn.name = "out", attn.layout = ["M", "D"]})
    attributes {dims = ["M", "D"], sizes = {D = 64 : i64}} {
  %d = attn.index "D" : !attn.q<[D], i64>
  %0 = attn.read %q["D" = %d] : (!attn.q<[M, D], f32>, !attn.q<[D], i64>) -> !attn.q<[M, D], f32>
  attn.return %0 : !attn.q<[M, D], f32>
}
