// Tiles come from the record of the target; what will be slow is said.
// RUN: attn-opt %s --attn-expand-normalizers --attn-factor-sums --canonicalize --attn-schedule-sweeps --attn-tile-kernels=target=x86-64-v3 -o %t.v3 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --check-prefixes=CHECK,V3 < %t.v3
// RUN: attn-opt %s --attn-expand-normalizers --attn-factor-sums --canonicalize --attn-schedule-sweeps --attn-tile-kernels=target=x86-64-v4 -o %t.v4 2>/dev/null
// RUN: FileCheck %s --check-prefixes=CHECK,V4 < %t.v4
// RUN: attn-opt %s --attn-expand-normalizers --attn-factor-sums --canonicalize --attn-schedule-sweeps --attn-tile-kernels='target=x86-64-v3 small-tiles=false' 2>/dev/null | FileCheck %s --check-prefix=WHOLE
// RUN: not attn-opt %s --attn-tile-kernels=target=pdp-11 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: {{.*}}'pdp-11'

// 16 registers take 12 accumulators, 32 take 16.
// CHECK-LABEL: attn.spec @affine
// Where there are few tiles, they have fewer groups of lanes.
// V3: attn.kernel free ["M"] lanes ["M"] tile {{{.*}}fewest_groups = 1 : i64, groups = {{[48]}} : i64, {{.*}}rows = 4 : i64, {{.*}}vectors = 3 : i64, width = 8 : i64}
// V4: attn.kernel free ["M"] lanes ["M"] tile {{{.*}}rows = 4 : i64, {{.*}}vectors = 4 : i64, width = 16 : i64}
// WHOLE-NOT: fewest_groups
// REMARK-NOT: remark
attn.spec @affine(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
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

// A mask that reads a tensor of the keys says nothing about a tile.
// CHECK-LABEL: attn.spec @documents
// CHECK: attn.kernel
// REMARK: tile-kernels.mlir:[[#]]:{{.*}}: remark: performance: the mask depends on data of each pair: no tile is skipped, and every element is tested
attn.spec @documents(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                     %doc: !attn.q<[N], i64> {attn.name = "doc", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "total", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %own = attn.read %doc["N" = %m] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  %c = attn.compare eq %own, %doc : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i1>
  %total = attn.reduce sum %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %total : !attn.q<[M], f32>
}

// A distance is no product of a query side and a key side.
// CHECK-LABEL: attn.spec @distance
// CHECK: attn.kernel
// REMARK: remark: performance: in a sweep over N this sum is no product of a query side and a key side: it is computed element by element
attn.spec @distance(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
                    %k: !attn.q<[N, D], f32> {attn.name = "k", attn.layout = ["N", "D"]})
    -> (!attn.q<[M], f32> {attn.name = "nearest", attn.layout = ["M"]})
    attributes {dims = ["M", "N", "D"], sizes = {D = 64 : i64}} {
  %d = attn.binary sub %q, %k : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
  %a = attn.unary abs %d : !attn.q<[M, N, D], f32>
  %s = attn.reduce sum %a over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
  %min = attn.reduce min %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %min : !attn.q<[M], f32>
}
