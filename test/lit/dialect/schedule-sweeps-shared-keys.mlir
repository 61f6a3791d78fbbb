// RUN: attn-opt %s --attn-expand-normalizers --attn-factor-sums --canonicalize --attn-schedule-sweeps | FileCheck %s

// Heads share their keys, so no tensor has a row of keys for each head; the
// column sums have one all the same, and are kept: a tile of M cannot hold a sum
// over all of it.

// CHECK-LABEL: attn.spec @column_sums
// CHECK: attn.kernel free ["H", "N"]
// CHECK:   attn.sweep over ["M"]
// CHECK: attn.kernel free ["H", "M"]
// CHECK:   attn.sweep over ["N"]
// CHECK:     attn.unary tanh %{{.*}}
// CHECK-NOT: attn.reduce sum {{.*}} over ["M"]
// CHECK: attn.return
attn.spec @column_sums(
    %q: !attn.q<[H, M, D], f32> {attn.name = "q", attn.layout = ["H", "M", "D"]},
    %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]})
    -> (!attn.q<[H, M], f32> {attn.name = "x", attn.layout = ["H", "M"]})
    attributes {dims = ["H", "M", "N", "D"], sizes = {D = 64 : i64}} {
  %0 = attn.binary mul %q, %k : (!attn.q<[H, M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[H, M, N, D], f32>
  %s = attn.reduce sum %0 over ["D"] : !attn.q<[H, M, N, D], f32> -> !attn.q<[H, M, N], f32>
  %c = attn.reduce sum %s over ["M"] : !attn.q<[H, M, N], f32> -> !attn.q<[H, N], f32>
  %t = attn.unary tanh %c : !attn.q<[H, N], f32>
  %w = attn.binary mul %s, %t : (!attn.q<[H, M, N], f32>, !attn.q<[H, N], f32>) -> !attn.q<[H, M, N], f32>
  %a = attn.unary abs %w : !attn.q<[H, M, N], f32>
  %x = attn.reduce sum %a over ["N"] : !attn.q<[H, M, N], f32> -> !attn.q<[H, M], f32>
  attn.return %x : !attn.q<[H, M], f32>
}
