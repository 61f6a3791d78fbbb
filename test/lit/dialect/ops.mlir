// Every op is printed as it is parsed. (The suite runs attn-opt with
// --verify-roundtrip; the checks fix the form.)
// RUN: attn-opt %s | FileCheck %s

// CHECK-LABEL: attn.spec @empty() attributes {dims = [], sizes = {}} {
// CHECK-NEXT: attn.return
attn.spec @empty() attributes {dims = []} {
  attn.return
}

// The user's names of dimensions need not be identifiers of MLIR.
// CHECK-LABEL: attn.spec @interface
// CHECK-SAME: (%[[Q:.*]]: !attn.q<[M, D], bf16> {attn.layout = ["D", "M"], attn.name = "q"}
// CHECK-SAME:  %[[W:.*]]: !attn.q<[], i64> {attn.default = 1024 : i64, attn.name = "window"}
// CHECK-SAME:  %{{.*}}: !attn.q<["\CE\BA"], i8> {attn.layout = ["\CE\BA"], attn.name = "greek"})
// CHECK-SAME: -> (!attn.q<[M, D], f32> {attn.layout = ["M", "D"], attn.name = "out"})
// CHECK-SAME: attributes {dims = ["M", "D", "\CE\BA"], sizes = {D = 64 : i64}}
attn.spec @interface(
    %q: !attn.q<[M, D], bf16> {attn.name = "q", attn.layout = ["D", "M"]},
    %window: !attn.q<[], i64> {attn.name = "window", attn.default = 1024 : i64},
    %greek: !attn.q<["κ"], i8> {attn.name = "greek", attn.layout = ["κ"]})
    -> (!attn.q<[M, D], f32> {attn.name = "out", attn.layout = ["M", "D"]})
    attributes {dims = ["M", "D", "κ"], sizes = {D = 64 : i64}} {
  // CHECK: %[[CAST:.*]] = attn.cast %[[Q]] : !attn.q<[M, D], bf16> -> !attn.q<[M, D], f32>
  %0 = attn.cast %q : !attn.q<[M, D], bf16> -> !attn.q<[M, D], f32>
  // CHECK: attn.return %[[CAST]] : !attn.q<[M, D], f32>
  attn.return %0 : !attn.q<[M, D], f32>
}

// CHECK-LABEL: attn.spec @leaves
attn.spec @leaves() attributes {dims = ["M", "N", "BLK"]} {
  // CHECK: attn.constant 1.500000e+00 : f32 -> !attn.q<[], f32>
  %0 = attn.constant 1.5 : f32 -> !attn.q<[], f32>
  // CHECK: attn.constant 0xFF800000 : f32 -> !attn.q<[], f32>
  %inf = attn.constant 0xFF800000 : f32 -> !attn.q<[], f32>
  // CHECK: attn.constant -3 : i64 -> !attn.q<[], i64>
  %1 = attn.constant -3 : i64 -> !attn.q<[], i64>
  // CHECK: attn.constant true -> !attn.q<[], i1>
  %2 = attn.constant true -> !attn.q<[], i1>
  // CHECK: attn.index "M" : !attn.q<[M], i64>
  %3 = attn.index "M" : !attn.q<[M], i64>
  // CHECK: %[[EXTENT:.*]] = attn.extent "N" : !attn.q<[], i64>
  %4 = attn.extent "N" : !attn.q<[], i64>
  // CHECK: attn.define_dim "BLK" = %[[EXTENT]] : !attn.q<[], i64>
  attn.define_dim "BLK" = %4 : !attn.q<[], i64>
  // CHECK: attn.require %{{.*}}, "M == N" : !attn.q<[], i1>
  attn.require %2, "M == N" : !attn.q<[], i1>
  attn.return
}

// CHECK-LABEL: attn.spec @pointwise
attn.spec @pointwise(
    %x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]},
    %y: !attn.q<[N], f32> {attn.name = "y", attn.layout = ["N"]},
    %i: !attn.q<[N], i64> {attn.name = "i", attn.layout = ["N"]},
    %c: !attn.q<[M], i1> {attn.name = "c", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  // CHECK: attn.unary neg %{{.*}} : !attn.q<[M], f32>
  %neg = attn.unary neg %x : !attn.q<[M], f32>
  // CHECK: attn.unary abs %{{.*}} : !attn.q<[N], i64>
  %abs = attn.unary abs %i : !attn.q<[N], i64>
  // CHECK: attn.unary exp
  %exp = attn.unary exp %x : !attn.q<[M], f32>
  // CHECK: attn.unary exp2
  %exp2 = attn.unary exp2 %x : !attn.q<[M], f32>
  // CHECK: attn.unary log
  %log = attn.unary log %x : !attn.q<[M], f32>
  // CHECK: attn.unary log2
  %log2 = attn.unary log2 %x : !attn.q<[M], f32>
  // CHECK: attn.unary sqrt
  %sqrt = attn.unary sqrt %x : !attn.q<[M], f32>
  // CHECK: attn.unary rsqrt
  %rsqrt = attn.unary rsqrt %x : !attn.q<[M], f32>
  // CHECK: attn.unary tanh
  %tanh = attn.unary tanh %x : !attn.q<[M], f32>
  // CHECK: attn.unary sigmoid
  %sigmoid = attn.unary sigmoid %x : !attn.q<[M], f32>
  // CHECK: attn.unary softplus
  %softplus = attn.unary softplus %x : !attn.q<[M], f32>
  // CHECK: attn.unary erf
  %erf = attn.unary erf %x : !attn.q<[M], f32>
  // CHECK: attn.unary sin
  %sin = attn.unary sin %x : !attn.q<[M], f32>
  // CHECK: attn.unary cos
  %cos = attn.unary cos %x : !attn.q<[M], f32>
  // CHECK: attn.unary floor
  %floor = attn.unary floor %x : !attn.q<[M], f32>
  // CHECK: attn.unary ceil
  %ceil = attn.unary ceil %x : !attn.q<[M], f32>
  // CHECK: attn.unary not %{{.*}} : !attn.q<[M], i1>
  %not = attn.unary not %c : !attn.q<[M], i1>
  // CHECK: attn.unary neginf_to_zero
  %finite = attn.unary neginf_to_zero %x : !attn.q<[M], f32>

  // Operands broadcast by name.
  // CHECK: attn.binary add %{{.*}}, %{{.*}} : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
  %add = attn.binary add %x, %y : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
  // CHECK: attn.binary sub
  %sub = attn.binary sub %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  // CHECK: attn.binary mul
  %mul = attn.binary mul %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  // CHECK: attn.binary div
  %div = attn.binary div %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  // CHECK: attn.binary ratio
  %ratio = attn.binary ratio %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  // CHECK: attn.binary floordiv
  %floordiv = attn.binary floordiv %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i64>
  // CHECK: attn.binary mod
  %mod = attn.binary mod %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i64>
  // CHECK: attn.binary min
  %min = attn.binary min %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i64>
  // CHECK: attn.binary max
  %max = attn.binary max %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  // CHECK: attn.binary pow
  %pow = attn.binary pow %x, %x : (!attn.q<[M], f32>, !attn.q<[M], f32>) -> !attn.q<[M], f32>
  // CHECK: attn.binary and
  %and = attn.binary and %c, %c : (!attn.q<[M], i1>, !attn.q<[M], i1>) -> !attn.q<[M], i1>
  // CHECK: attn.binary or
  %or = attn.binary or %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i64>
  // CHECK: attn.binary xor
  %xor = attn.binary xor %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i64>
  // CHECK: attn.binary shl
  %shl = attn.binary shl %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i64>
  // CHECK: attn.binary shr
  %shr = attn.binary shr %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i64>

  // CHECK: attn.compare lt
  %lt = attn.compare lt %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i1>
  // CHECK: attn.compare le %{{.*}}, %{{.*}} : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], i1>
  %le = attn.compare le %x, %y : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], i1>
  // CHECK: attn.compare gt
  %gt = attn.compare gt %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i1>
  // CHECK: attn.compare ge
  %ge = attn.compare ge %i, %i : (!attn.q<[N], i64>, !attn.q<[N], i64>) -> !attn.q<[N], i1>
  // CHECK: attn.compare eq
  %eq = attn.compare eq %c, %c : (!attn.q<[M], i1>, !attn.q<[M], i1>) -> !attn.q<[M], i1>
  // CHECK: attn.compare ne
  %ne = attn.compare ne %c, %c : (!attn.q<[M], i1>, !attn.q<[M], i1>) -> !attn.q<[M], i1>

  // CHECK: attn.select %{{.*}}, %{{.*}}, %{{.*}} : (!attn.q<[M], i1>, !attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
  %select = attn.select %c, %x, %y : (!attn.q<[M], i1>, !attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
  attn.return
}

// CHECK-LABEL: attn.spec @reads
attn.spec @reads(
    %doc: !attn.q<[B, N], i64> {attn.name = "doc", attn.layout = ["B", "N"]},
    %seed: !attn.q<[], i64> {attn.name = "seed"})
    attributes {dims = ["B", "M", "N"]} {
  %zero = attn.constant 0 : i64 -> !attn.q<[], i64>
  // CHECK: %[[ROW:.*]] = attn.index "M"
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  // CHECK: attn.read %{{.*}}["N" = %[[ROW]]] : (!attn.q<[B, N], i64>, !attn.q<[M], i64>) -> !attn.q<[B, M], i64>
  %0 = attn.read %doc["N" = %m] : (!attn.q<[B, N], i64>, !attn.q<[M], i64>) -> !attn.q<[B, M], i64>
  // CHECK: attn.read %{{.*}}["N" = %[[ROW]], "B" = %{{.*}}] : (!attn.q<[B, N], i64>, !attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %1 = attn.read %doc["N" = %m, "B" = %zero] : (!attn.q<[B, N], i64>, !attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  // A dimension may be read at an index of its own.
  // CHECK: attn.read %{{.*}}["N" = %{{.*}}] : (!attn.q<[B, N], i64>, !attn.q<[N], i64>) -> !attn.q<[B, N], i64>
  %2 = attn.read %doc["N" = %n] : (!attn.q<[B, N], i64>, !attn.q<[N], i64>) -> !attn.q<[B, N], i64>
  // CHECK: attn.uniform %{{.*}}, %{{.*}}, %{{.*}} : (!attn.q<[], i64>, !attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], f32>
  %3 = attn.uniform %seed, %m, %n : (!attn.q<[], i64>, !attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], f32>
  // CHECK: attn.uniform %{{.*}} : (!attn.q<[], i64>) -> !attn.q<[], f32>
  %4 = attn.uniform %seed : (!attn.q<[], i64>) -> !attn.q<[], f32>
  attn.return
}

// CHECK-LABEL: attn.spec @reductions
attn.spec @reductions(
    %s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
    %i: !attn.q<[N], i64> {attn.name = "i", attn.layout = ["N"]},
    %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  // CHECK: attn.reduce sum %{{.*}} over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %0 = attn.reduce sum %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  // CHECK: attn.reduce max %{{.*}} over ["N"] where %{{.*}} : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  %1 = attn.reduce max %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  // CHECK: attn.reduce min %{{.*}} over ["M", "N"] : !attn.q<[M, N], f32> -> !attn.q<[], f32>
  %2 = attn.reduce min %s over ["M", "N"] : !attn.q<[M, N], f32> -> !attn.q<[], f32>
  // CHECK: attn.reduce mean
  %3 = attn.reduce mean %s over ["M"] : !attn.q<[M, N], f32> -> !attn.q<[N], f32>
  // CHECK: attn.reduce logsumexp
  %4 = attn.reduce logsumexp %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  // A domain gives the result its dimensions.
  // CHECK: attn.reduce sum %{{.*}} over ["N"] where %{{.*}} : !attn.q<[N], i64>, !attn.q<[M, N], i1> -> !attn.q<[M], i64>
  %5 = attn.reduce sum %i over ["N"] where %c : !attn.q<[N], i64>, !attn.q<[M, N], i1> -> !attn.q<[M], i64>
  // A dimension that neither has is counted.
  // CHECK: attn.reduce sum %{{.*}} over ["M"] : !attn.q<[N], i64> -> !attn.q<[N], i64>
  %6 = attn.reduce sum %i over ["M"] : !attn.q<[N], i64> -> !attn.q<[N], i64>
  // CHECK: attn.normalize softmax %{{.*}} over ["N"] where %{{.*}} : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, N], f32>
  %7 = attn.normalize softmax %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, N], f32>
  // CHECK: attn.normalize l1 %{{.*}} over ["M", "N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  %8 = attn.normalize l1 %s over ["M", "N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  attn.return
}

// CHECK-LABEL: attn.spec @scheduled
attn.spec @scheduled(
    %s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
    %v: !attn.q<[N, E], f32> {attn.name = "v", attn.layout = ["N", "E"]},
    %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, E], f32> {attn.name = "out", attn.layout = ["M", "E"]})
    attributes {dims = ["M", "N", "E"]} {
  // CHECK: %[[KERNEL:.*]]:2 = attn.kernel free ["M"] lanes ["M"] tile {M = 64 : i64} {
  %out:2 = attn.kernel free ["M"] lanes ["M"] tile {M = 64} {
    // CHECK: %[[SWEEP:.*]]:4 = attn.sweep over ["N"] {
    %r:4 = attn.sweep over ["N"] {
      // CHECK: %[[MAX:.*]] = attn.accumulate max %{{.*}} where %{{.*}} : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      %max = attn.accumulate max %s where %c : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      %base = attn.unary neginf_to_zero %max : !attn.q<[M], f32>
      %shifted = attn.binary sub %s, %base : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
      %p = attn.unary exp %shifted : !attn.q<[M, N], f32>
      %pv = attn.binary mul %p, %v : (!attn.q<[M, N], f32>, !attn.q<[N, E], f32>) -> !attn.q<[M, N, E], f32>
      // CHECK: %[[SUM:.*]] = attn.accumulate sum %{{.*}} where %{{.*}} relative_to %[[MAX]] : !attn.q<[M, N, E], f32> where !attn.q<[M, N], i1> relative_to !attn.q<[M], f32> -> !attn.q<[M, E], f32>
      %sum = attn.accumulate sum %pv where %c relative_to %max : !attn.q<[M, N, E], f32> where !attn.q<[M, N], i1> relative_to !attn.q<[M], f32> -> !attn.q<[M, E], f32>
      // CHECK: %[[NORM:.*]] = attn.accumulate sum %{{.*}} relative_to %[[MAX]] : !attn.q<[M, N], f32> relative_to !attn.q<[M], f32> -> !attn.q<[M], f32>
      %norm = attn.accumulate sum %p relative_to %max : !attn.q<[M, N], f32> relative_to !attn.q<[M], f32> -> !attn.q<[M], f32>
      // CHECK: %[[KEPT:.*]] = attn.accumulate collect %{{.*}} : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
      %kept = attn.accumulate collect %s : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
      // CHECK: attn.yield %[[MAX]], %[[SUM]], %[[NORM]], %[[KEPT]] : !attn.q<[M], f32>, !attn.q<[M, E], f32>, !attn.q<[M], f32>, !attn.q<[M, N], f32>
      attn.yield %max, %sum, %norm, %kept : !attn.q<[M], f32>, !attn.q<[M, E], f32>, !attn.q<[M], f32>, !attn.q<[M, N], f32>
    // CHECK: } : !attn.q<[M], f32>, !attn.q<[M, E], f32>, !attn.q<[M], f32>, !attn.q<[M, N], f32>
    } : !attn.q<[M], f32>, !attn.q<[M, E], f32>, !attn.q<[M], f32>, !attn.q<[M, N], f32>
    %o = attn.binary ratio %r#1, %r#2 : (!attn.q<[M, E], f32>, !attn.q<[M], f32>) -> !attn.q<[M, E], f32>
    attn.yield %o, %r#3 : !attn.q<[M, E], f32>, !attn.q<[M, N], f32>
  // CHECK: } : !attn.q<[M, E], f32>, !attn.q<[M, N], f32>
  } : !attn.q<[M, E], f32>, !attn.q<[M, N], f32>
  // A kernel of one number, without a sweep.
  // CHECK: attn.kernel free [] {
  // CHECK: } : !attn.q<[], i64>
  %size = attn.kernel free [] {
    %n = attn.extent "N" : !attn.q<[], i64>
    attn.yield %n : !attn.q<[], i64>
  } : !attn.q<[], i64>
  // CHECK: attn.return %[[KERNEL]]#0 : !attn.q<[M, E], f32>
  attn.return %out#0 : !attn.q<[M, E], f32>
}

// CHECK-LABEL: attn.spec @visits
attn.spec @visits(
    %x: !attn.q<[M, N], f32> {attn.name = "x", attn.layout = ["M", "N"]},
    %doc: !attn.q<[B, N], i64> {attn.name = "doc", attn.layout = ["B", "N"]},
    %s: !attn.q<[], i64> {attn.name = "s"})
    -> (!attn.q<[B, M], f32> {attn.name = "out", attn.layout = ["B", "M"]})
    attributes {dims = ["B", "M", "N"]} {
  // CHECK: attn.kernel free ["B", "M"] lanes ["M"] along ["B"] {
  %out = attn.kernel free ["B", "M"] lanes ["M"] along ["B"] {
    // CHECK: attn.stride "M" by %{{.*}} : !attn.q<[], i64>
    attn.stride "M" by %s : !attn.q<[], i64>
    // CHECK: attn.sweep over ["N"] {
    %r = attn.sweep over ["N"] {
      %m = attn.index "M" : !attn.q<[M], i64>
      %n = attn.index "N" : !attn.q<[N], i64>
      %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
      %one = attn.compare eq %doc, %n : (!attn.q<[B, N], i64>, !attn.q<[N], i64>) -> !attn.q<[B, N], i1>
      %both = attn.binary and %c, %one : (!attn.q<[M, N], i1>, !attn.q<[B, N], i1>) -> !attn.q<[B, M, N], i1>
      %sum = attn.accumulate sum %x where %both : !attn.q<[M, N], f32> where !attn.q<[B, M, N], i1> -> !attn.q<[B, M], f32>
      attn.yield %sum : !attn.q<[B, M], f32>
    // CHECK: } visits {
    } visits {
      // CHECK: attn.tile_bound least "M" : !attn.q<[], i64>
      %m0 = attn.tile_bound least "M" : !attn.q<[], i64>
      %m1 = attn.tile_bound greatest "M" : !attn.q<[], i64>
      %n0 = attn.tile_bound least "N" : !attn.q<[], i64>
      %n1 = attn.tile_bound greatest "N" : !attn.q<[], i64>
      // CHECK: attn.box_reduce min %{{.*}} over ["N"] from %{{.*}} to %{{.*}} : (!attn.q<[B, N], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[B], i64>
      %low = attn.box_reduce min %doc over ["N"] from %n0 to %n1 : (!attn.q<[B, N], i64>, !attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[B], i64>
      %may = attn.compare le %low, %n1 : (!attn.q<[B], i64>, !attn.q<[], i64>) -> !attn.q<[B], i1>
      %must = attn.constant false -> !attn.q<[], i1>
      // CHECK: attn.visit from %{{.*}}, %{{.*}} to %{{.*}}, %{{.*}} step %{{.*}} may %{{.*}} must %{{.*}} : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[B], i1>, !attn.q<[], i1>) -> ()
      attn.visit from %m0, %n0 to %m1, %n1 step %s may %may must %must : (!attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[], i64>, !attn.q<[B], i1>, !attn.q<[], i1>) -> ()
    } : !attn.q<[B, M], f32>
    attn.yield %r : !attn.q<[B, M], f32>
  } : !attn.q<[B, M], f32>
  attn.return %out : !attn.q<[B, M], f32>
}
