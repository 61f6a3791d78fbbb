// Comparisons have keys on one side and lanes, in 32 bits, on the other.
// RUN: attn-opt %s --attn-expand-normalizers --attn-factor-sums --canonicalize --attn-schedule-sweeps --attn-separate-comparisons --canonicalize | FileCheck %s

// m - n < window: a number a lane, window taken into it, against n.
// CHECK-LABEL: attn.spec @window
// CHECK: attn.sweep over ["N"]
// CHECK: %[[N:.*]] = attn.index "N"
// CHECK: %[[LANES:.*]] = attn.binary sub %{{.*}}, %{{.*}} : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
// CHECK: attn.binary max %[[LANES]]
// CHECK: %[[CLAMPED:.*]] = attn.binary min {{.*}} -> !attn.q<[M], i64>
// CHECK: attn.compare lt %[[CLAMPED]], %[[N]] : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i1>
attn.spec @window(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                  %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]},
                  %window: !attn.q<[], i64> {attn.name = "window"})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N", "D"], sizes = {D = 64 : i64}} {
  %qk = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %s = attn.reduce sum %qk over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %n = attn.index "N" : !attn.q<[N], i64>
  %m = attn.index "M" : !attn.q<[M], i64>
  %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %c = attn.compare lt %d, %window : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
  %out = attn.reduce max %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// A term of both sides cannot be taken apart: the comparison stays.
// CHECK-LABEL: attn.spec @product
// CHECK: attn.sweep over ["N"]
// CHECK: %[[BOTH:.*]] = attn.binary mul {{.*}} -> !attn.q<[M, N], i64>
// CHECK: attn.compare lt %[[BOTH]], %{{.*}} : (!attn.q<[M, N], i64>, !attn.q<[], i64>)
attn.spec @product(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                   %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]},
                   %window: !attn.q<[], i64> {attn.name = "window"})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N", "D"], sizes = {D = 64 : i64}} {
  %qk = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %s = attn.reduce sum %qk over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %n = attn.index "N" : !attn.q<[N], i64>
  %m = attn.index "M" : !attn.q<[M], i64>
  %d = attn.binary mul %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %c = attn.compare lt %d, %window : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
  %out = attn.reduce max %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}
