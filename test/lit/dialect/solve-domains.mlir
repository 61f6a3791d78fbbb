// RUN: attn-opt %s --attn-solve-domains --canonicalize --cse | FileCheck %s

// Causal: keys up to the last lane; a tile is full when its last key is not
// beyond its first lane.
// CHECK-LABEL: attn.spec @causal
// CHECK:   } visits {
// CHECK-DAG: %[[N:.*]] = attn.extent "N"
// CHECK-DAG: %[[END:.*]] = attn.binary sub %[[N]], %{{.*}}
// CHECK-DAG: %[[M0:.*]] = attn.tile_bound least "M"
// CHECK-DAG: %[[M1:.*]] = attn.tile_bound greatest "M"
// CHECK-DAG: %[[N0:.*]] = attn.tile_bound least "N"
// CHECK-DAG: %[[N1:.*]] = attn.tile_bound greatest "N"
// CHECK-DAG: %[[TO:.*]] = attn.binary min %[[END]], %{{.*}}
// CHECK-DAG: %[[MAY:.*]] = attn.compare le %[[N0]], %[[M1]]
// CHECK-DAG: %[[MUST:.*]] = attn.compare le %[[N1]], %[[M0]]
// CHECK:     attn.visit from %{{.*}} to %[[TO]] step %{{.*}} may %[[MAY]] must %[[MUST]]
attn.spec @causal(
    %x: !attn.q<[M, N], f32> {attn.name = "x", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %out = attn.kernel free ["M"] lanes ["M"] {
    %r = attn.sweep over ["N"] {
      %m = attn.index "M" : !attn.q<[M], i64>
      %n = attn.index "N" : !attn.q<[N], i64>
      %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
      %sum = attn.accumulate sum %x where %c : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      attn.yield %sum : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    attn.yield %r : !attn.q<[M], f32>
  } : !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// A congruence of a lane and a key: lanes and keys of a tile are s apart, the
// condition is gone, and the first key has the residue of the lanes.
// CHECK-LABEL: attn.spec @dilated
// CHECK: %[[S:.*]] = attn.binary max %s, %{{.*}}
// CHECK: attn.stride "M" by %[[S]]
// CHECK-NOT: attn.binary mod
// CHECK: attn.accumulate sum %x where %[[C:.*]] :
// CHECK: } visits {
// CHECK: %[[STEP:.*]] = attn.binary max %[[S]], %{{.*}}
// CHECK: %[[M0:.*]] = attn.tile_bound least "M"
// CHECK: attn.binary mod %[[M0]], %[[STEP]]
// CHECK: attn.visit from %{{.*}} to %{{.*}} step %[[STEP]] may
attn.spec @dilated(
    %x: !attn.q<[M, N], f32> {attn.name = "x", attn.layout = ["M", "N"]},
    %s: !attn.q<[], i64> {attn.name = "s"})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %out = attn.kernel free ["M"] lanes ["M"] {
    %r = attn.sweep over ["N"] {
      %zero = attn.constant 0 : i64 -> !attn.q<[], i64>
      %m = attn.index "M" : !attn.q<[M], i64>
      %n = attn.index "N" : !attn.q<[N], i64>
      %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
      %c = attn.compare le %zero, %d : (!attn.q<[], i64>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], i1>
      %r1 = attn.binary mod %d, %s : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i64>
      %e = attn.compare eq %r1, %zero : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
      %both = attn.binary and %c, %e : (!attn.q<[M, N], i1>, !attn.q<[M, N], i1>) -> !attn.q<[M, N], i1>
      %sum = attn.accumulate sum %x where %both : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      attn.yield %sum : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    attn.yield %r : !attn.q<[M], f32>
  } : !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// A condition that holds by itself or with another keeps the keys of both: two
// boxes, and no stride.
// CHECK-LABEL: attn.spec @strided_or_local
// CHECK-NOT: attn.stride
// CHECK: attn.visit from %{{.*}}, %{{.*}} to %{{.*}}, %{{.*}} step
attn.spec @strided_or_local(
    %x: !attn.q<[M, N], f32> {attn.name = "x", attn.layout = ["M", "N"]},
    %s: !attn.q<[], i64> {attn.name = "s"})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %out = attn.kernel free ["M"] lanes ["M"] {
    %r = attn.sweep over ["N"] {
      %zero = attn.constant 0 : i64 -> !attn.q<[], i64>
      %m = attn.index "M" : !attn.q<[M], i64>
      %n = attn.index "N" : !attn.q<[N], i64>
      %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
      %c = attn.compare lt %d, %s : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
      %r1 = attn.binary mod %n, %s : (!attn.q<[N], i64>, !attn.q<[], i64>) -> !attn.q<[N], i64>
      %e = attn.compare eq %r1, %zero : (!attn.q<[N], i64>, !attn.q<[], i64>) -> !attn.q<[N], i1>
      %both = attn.binary or %c, %e : (!attn.q<[M, N], i1>, !attn.q<[N], i1>) -> !attn.q<[M, N], i1>
      %sum = attn.accumulate sum %x where %both : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      attn.yield %sum : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    attn.yield %r : !attn.q<[M], f32>
  } : !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// Labels: the tiles of a tensor of integers are compared by their least and
// greatest. Those of the keys are read once, by blocks.
// CHECK-LABEL: attn.spec @documents
// CHECK: attn.define_dim "N_blocks"
// CHECK: %[[BLOCKS:.*]]:2 = attn.kernel free ["N_blocks"] lanes ["N_blocks"] {
// CHECK:   attn.sweep over ["N_block"] {
// CHECK:     attn.accumulate min
// CHECK:     attn.accumulate max
// CHECK: } visits {
// CHECK-DAG: attn.box_reduce min %doc over ["N"] from %[[M0:.*]] to %[[M1:.*]] :
// CHECK-DAG: attn.box_reduce max %doc over ["N"] from %[[M0]] to %[[M1]] :
// CHECK-DAG: attn.box_reduce min %[[BLOCKS]]#0 over ["N_blocks"] from %[[B0:.*]] to %[[B1:.*]] :
// CHECK-DAG: attn.box_reduce max %[[BLOCKS]]#1 over ["N_blocks"] from %[[B0]] to %[[B1]] :
// CHECK: attn.visit
attn.spec @documents(
    %x: !attn.q<[M, N], f32> {attn.name = "x", attn.layout = ["M", "N"]},
    %doc: !attn.q<[N], i64> {attn.name = "doc", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %out = attn.kernel free ["M"] lanes ["M"] {
    %r = attn.sweep over ["N"] {
      %m = attn.index "M" : !attn.q<[M], i64>
      %own = attn.read %doc["N" = %m] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
      %c = attn.compare eq %own, %doc : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i1>
      %sum = attn.accumulate sum %x where %c : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      attn.yield %sum : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    attn.yield %r : !attn.q<[M], f32>
  } : !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// Two dimensions are bounded one by one.
// CHECK-LABEL: attn.spec @near
// CHECK: attn.visit from %{{.*}}, %{{.*}} to %{{.*}}, %{{.*}} step %{{.*}}, %{{.*}} may
attn.spec @near(
    %x: !attn.q<[Y, X, U, W], f32> {attn.name = "x", attn.layout = ["Y", "X", "U", "W"]})
    -> (!attn.q<[Y, X], f32> {attn.name = "out", attn.layout = ["Y", "X"]})
    attributes {dims = ["Y", "X", "U", "W"]} {
  %out = attn.kernel free ["Y", "X"] lanes ["Y", "X"] {
    %r = attn.sweep over ["U", "W"] {
      %six = attn.constant 6 : i64 -> !attn.q<[], i64>
      %y = attn.index "Y" : !attn.q<[Y], i64>
      %x1 = attn.index "X" : !attn.q<[X], i64>
      %u = attn.index "U" : !attn.q<[U], i64>
      %w = attn.index "W" : !attn.q<[W], i64>
      %dy = attn.binary sub %y, %u : (!attn.q<[Y], i64>, !attn.q<[U], i64>) -> !attn.q<[Y, U], i64>
      %ay = attn.unary abs %dy : !attn.q<[Y, U], i64>
      %cy = attn.compare le %ay, %six : (!attn.q<[Y, U], i64>, !attn.q<[], i64>) -> !attn.q<[Y, U], i1>
      %dx = attn.binary sub %x1, %w : (!attn.q<[X], i64>, !attn.q<[W], i64>) -> !attn.q<[X, W], i64>
      %ax = attn.unary abs %dx : !attn.q<[X, W], i64>
      %cx = attn.compare le %ax, %six : (!attn.q<[X, W], i64>, !attn.q<[], i64>) -> !attn.q<[X, W], i1>
      %c = attn.binary and %cy, %cx : (!attn.q<[Y, U], i1>, !attn.q<[X, W], i1>) -> !attn.q<[Y, X, U, W], i1>
      %sum = attn.accumulate sum %x where %c : !attn.q<[Y, X, U, W], f32> where !attn.q<[Y, X, U, W], i1> -> !attn.q<[Y, X], f32>
      attn.yield %sum : !attn.q<[Y, X], f32>
    } : !attn.q<[Y, X], f32>
    attn.yield %r : !attn.q<[Y, X], f32>
  } : !attn.q<[Y, X], f32>
  attn.return %out : !attn.q<[Y, X], f32>
}

// A sum without a domain needs every pair: tiles are only told full.
// CHECK-LABEL: attn.spec @partly
// CHECK: %[[TRUE:.*]] = attn.constant true
// CHECK: attn.visit from %{{.*}} to %{{.*}} step %{{.*}} may %[[TRUE]] must
attn.spec @partly(
    %x: !attn.q<[M, N], f32> {attn.name = "x", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %out = attn.kernel free ["M"] lanes ["M"] {
    %r = attn.sweep over ["N"] {
      %m = attn.index "M" : !attn.q<[M], i64>
      %n = attn.index "N" : !attn.q<[N], i64>
      %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
      %all = attn.accumulate sum %x : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
      %sum = attn.accumulate sum %x where %c : !attn.q<[M, N], f32> where !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      attn.yield %sum : !attn.q<[M], f32>
    } : !attn.q<[M], f32>
    attn.yield %r : !attn.q<[M], f32>
  } : !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}
