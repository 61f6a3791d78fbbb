// The algebraic passes run first: what they leave is what this one plans.
// RUN: attn-opt %s --attn-expand-normalizers --attn-factor-sums --canonicalize --attn-schedule-sweeps | FileCheck %s

// Softmax takes one sweep: its maximum runs along, and both sums are relative
// to it. The normaliser is divided by once, after the sweep.
// CHECK-LABEL: attn.spec @causal
// CHECK: %[[OUT:.*]] = attn.kernel free ["M"] lanes ["M"] {
// CHECK:   %[[R:.*]]:3 = attn.sweep over ["N"] {
// CHECK:     %[[S:.*]] = attn.reduce sum %{{.*}} over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
// CHECK:     %[[C:.*]] = attn.compare le
// CHECK:     %[[MAX:.*]] = attn.accumulate max %[[S]] where %[[C]]
// CHECK:     %[[L:.*]] = attn.accumulate sum %{{.*}} where %[[C]] relative_to %[[MAX]]
// CHECK:     %[[A:.*]] = attn.accumulate sum %{{.*}} where %[[C]] relative_to %[[MAX]] : !attn.q<[M, N, E], f32> where !attn.q<[M, N], i1> relative_to !attn.q<[M], f32> -> !attn.q<[M, E], f32>
// CHECK:   }
// CHECK-NOT: attn.sweep
// CHECK:   attn.binary ratio %[[R]]#2, %[[R]]#1
// CHECK: attn.return %[[OUT]]
attn.spec @causal(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                  %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]},
                  %v: !attn.q<[N, E], f32> {attn.name = "v", attn.layout = ["N", "E"]})
    -> (!attn.q<[M, E], f32> {attn.name = "out", attn.layout = ["M", "E"]})
    attributes {dims = ["M", "N", "D", "E"], sizes = {D = 64 : i64, E = 64 : i64}} {
  %qk = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %s = attn.reduce sum %qk over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %n = attn.index "N" : !attn.q<[N], i64>
  %m = attn.index "M" : !attn.q<[M], i64>
  %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
  %p = attn.normalize softmax %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, N], f32>
  %pv = attn.binary mul %p, %v : (!attn.q<[M, N], f32>, !attn.q<[N, E], f32>) -> !attn.q<[M, N, E], f32>
  %out = attn.reduce sum %pv over ["N"] where %c : !attn.q<[M, N, E], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, E], f32>
  attn.return %out : !attn.q<[M, E], f32>
}

// Written out by hand it is the same kernel.
// CHECK-LABEL: attn.spec @causal_by_hand
// CHECK: attn.kernel free ["M"] lanes ["M"] {
// CHECK:   %[[R:.*]]:3 = attn.sweep over ["N"] {
// CHECK:     %[[MAX:.*]] = attn.accumulate max
// CHECK:     attn.accumulate sum %{{.*}} relative_to %[[MAX]]
// CHECK:     attn.accumulate sum %{{.*}} relative_to %[[MAX]]
// CHECK:   }
// CHECK-NOT: attn.sweep
// CHECK: attn.return
attn.spec @causal_by_hand(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                          %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]},
                          %v: !attn.q<[N, E], f32> {attn.name = "v", attn.layout = ["N", "E"]})
    -> (!attn.q<[M, E], f32> {attn.name = "out", attn.layout = ["M", "E"]})
    attributes {dims = ["M", "N", "D", "E"], sizes = {D = 64 : i64, E = 64 : i64}} {
  %qk = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %s = attn.reduce sum %qk over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %n = attn.index "N" : !attn.q<[N], i64>
  %m = attn.index "M" : !attn.q<[M], i64>
  %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
  %max = attn.reduce max %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  %shifted = attn.binary sub %s, %max : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %w = attn.unary exp %shifted : !attn.q<[M, N], f32>
  %total = attn.reduce sum %w over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  %p = attn.binary div %w, %total : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %pv = attn.binary mul %p, %v : (!attn.q<[M, N], f32>, !attn.q<[N, E], f32>) -> !attn.q<[M, N, E], f32>
  %out = attn.reduce sum %pv over ["N"] where %c : !attn.q<[M, N, E], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, E], f32>
  attn.return %out : !attn.q<[M, E], f32>
}

// A reduction that feeds a nonlinear function of the pair needs a sweep of its
// own first: here the l1 norm, and then the norm of the powers.
// CHECK-LABEL: attn.spec @two_stages
// CHECK: attn.kernel free ["M"] lanes ["M"] {
// CHECK:   %[[FIRST:.*]] = attn.sweep over ["N"] {
// CHECK:   attn.sweep over ["N"] {
// CHECK:     attn.binary ratio %{{.*}}, %[[FIRST]]
// CHECK:     attn.unary exp
// CHECK-NOT: relative_to
// CHECK-NOT: attn.sweep
// CHECK: attn.return
attn.spec @two_stages(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                      %v: !attn.q<[N, E], f32> {attn.name = "v", attn.layout = ["N", "E"]})
    -> (!attn.q<[M, E], f32> {attn.name = "out", attn.layout = ["M", "E"]})
    attributes {dims = ["M", "N", "E"], sizes = {E = 64 : i64}} {
  %a = attn.unary softplus %s : !attn.q<[M, N], f32>
  %b = attn.normalize l1 %a over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  %c = attn.unary exp %b : !attn.q<[M, N], f32>
  %p = attn.normalize l1 %c over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  %pv = attn.binary mul %p, %v : (!attn.q<[M, N], f32>, !attn.q<[N, E], f32>) -> !attn.q<[M, N, E], f32>
  %out = attn.reduce sum %pv over ["N"] : !attn.q<[M, N, E], f32> -> !attn.q<[M, E], f32>
  attn.return %out : !attn.q<[M, E], f32>
}

// A quantity of the keys is a sweep over the queries, in a kernel of its own,
// which reads what the first one kept.
// CHECK-LABEL: attn.spec @key_mass
// CHECK: %[[ROWS:.*]]:2 = attn.kernel free ["M"] lanes ["M"] {
// CHECK:   attn.sweep over ["N"] {
// CHECK: %[[MASS:.*]] = attn.kernel free ["N"] lanes ["N"] {
// CHECK:   attn.sweep over ["M"] {
// CHECK: attn.return %[[MASS]]
attn.spec @key_mass(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                    %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]})
    -> (!attn.q<[N], f32> {attn.name = "mass", attn.layout = ["N"]})
    attributes {dims = ["M", "N", "D"], sizes = {D = 64 : i64}} {
  %qk = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %s = attn.reduce sum %qk over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %p = attn.normalize softmax %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  %mass = attn.reduce sum %p over ["M"] : !attn.q<[M, N], f32> -> !attn.q<[N], f32>
  attn.return %mass : !attn.q<[N], f32>
}

// Pairs are kept only where they are an output.
// CHECK-LABEL: attn.spec @weights
// CHECK: attn.accumulate collect %{{.*}} -> !attn.q<[M, N], f32>
attn.spec @weights(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                   %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N", "D"], sizes = {D = 64 : i64}} {
  %qk = attn.binary mul %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %s = attn.reduce sum %qk over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %p = attn.normalize softmax %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  attn.return %p : !attn.q<[M, N], f32>
}
