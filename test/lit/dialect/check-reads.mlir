// RUN: attn-opt --attn-check-reads --canonicalize --split-input-file %s | FileCheck %s

// doc[n: m] reads key m: there must be as many keys as queries.
// CHECK-LABEL: attn.spec @same_index
// CHECK: attn.require %{{.*}}, "dimension N is not read at or beyond its end{{.*}}"
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
// CHECK-NOT: is not read below 0
// CHECK: attn.require %{{.*}}, "dimension R is not read at or beyond its end{{.*}}"
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

// Under n + 2 <= m, key n + 2 exists where m does: as many keys as queries.
// CHECK-LABEL: attn.spec @bounded_by_another_index
// CHECK-NOT: is not read below 0
// CHECK: %[[MINUS_M:.*]] = attn.binary mul %M
// CHECK: %[[ROOM:.*]] = attn.binary add %[[MINUS_M]], %N
// CHECK: attn.compare ge %[[ROOM]]
// CHECK: attn.require %{{.*}}, "dimension N is not read at or beyond its end{{.*}}"
// CHECK-NOT: attn.require
attn.spec @bounded_by_another_index(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %2 = attn.constant 2 : i64 -> !attn.q<[], i64>
  %next = attn.binary add %n, %2 : (!attn.q<[N], i64>, !attn.q<[], i64>) -> !attn.q<[N], i64>
  %c = attn.compare le %next, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
  %0 = attn.read %x["N" = %next] : (!attn.q<[N], f32>, !attn.q<[N], i64>) -> !attn.q<[N], f32>
  %1 = attn.reduce sum %0 over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %1 : !attn.q<[M], f32>
}

// -----

// A domain above another reduction over the same index says nothing about the
// index below: the maximum is over all n.
// CHECK-LABEL: attn.spec @domain_of_another_index
// CHECK: attn.require %{{.*}}, "dimension R is not read below 0{{.*}}"
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

// -----

// A window bounds the distance at both ends: the table has to have as many
// entries as the window is wide, and that is required of the call already.
// CHECK-LABEL: attn.spec @window_of_the_table
// CHECK: attn.require %{{.*}}, "S == w"
// CHECK-NOT: attn.require
attn.spec @window_of_the_table(
    %table: !attn.q<[S], f32> {attn.name = "table", attn.layout = ["S"]},
    %w: !attn.q<[], i64> {attn.name = "w"},
    %k: !attn.q<[N], f32> {attn.name = "k", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["S", "M", "N"]} {
  %s = attn.extent "S" : !attn.q<[], i64>
  %same = attn.compare eq %s, %w : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i1>
  attn.require %same, "S == w" : !attn.q<[], i1>
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %c0 = attn.compare le %z, %d : (!attn.q<[], i64>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], i1>
  %c1 = attn.compare lt %d, %w : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
  %c = attn.binary and %c0, %c1 : (!attn.q<[M, N], i1>, !attn.q<[M, N], i1>) -> !attn.q<[M, N], i1>
  %0 = attn.read %table["S" = %d] : (!attn.q<[S], f32>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], f32>
  %1 = attn.reduce sum %0 over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %1 : !attn.q<[M], f32>
}

// -----

// Without it, either the window or all distances have to fit.
// CHECK-LABEL: attn.spec @window_at_run_time
// CHECK-DAG: %[[S:.*]] = attn.extent "S"
// CHECK-DAG: attn.compare ge
// CHECK: attn.binary or
// CHECK-NOT: is not read below 0
// CHECK: attn.require %{{.*}}, "dimension S is not read at or beyond its end{{.*}}"
attn.spec @window_at_run_time(
    %table: !attn.q<[S], f32> {attn.name = "table", attn.layout = ["S"]},
    %w: !attn.q<[], i64> {attn.name = "w"},
    %k: !attn.q<[N], f32> {attn.name = "k", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["S", "M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %c0 = attn.compare le %z, %d : (!attn.q<[], i64>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], i1>
  %c1 = attn.compare lt %d, %w : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
  %c = attn.binary and %c0, %c1 : (!attn.q<[M, N], i1>, !attn.q<[M, N], i1>) -> !attn.q<[M, N], i1>
  %0 = attn.read %table["S" = %d] : (!attn.q<[S], f32>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], f32>
  %1 = attn.reduce sum %0 over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %1 : !attn.q<[M], f32>
}

// -----

// A step that is read at another index is not where the domain says.
// CHECK-LABEL: attn.spec @step_read_elsewhere
// CHECK: attn.require %{{.*}}, "dimension R is not read below 0{{.*}}"
attn.spec @step_read_elsewhere(
    %table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]},
    %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["R", "M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %c = attn.compare le %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
  %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %0 = attn.read %table["R" = %d] : (!attn.q<[R], f32>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], f32>
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %1 = attn.read %0["M" = %z] : (!attn.q<[M, N], f32>, !attn.q<[], i64>) -> !attn.q<[N], f32>
  %2 = attn.reduce sum %1 over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %2 : !attn.q<[M], f32>
}

// -----

// Extremes, magnitudes and whole blocks in a comparison are bounded by sums.
// CHECK-LABEL: attn.spec @blocks
// CHECK: attn.require
// CHECK-NOT: attn.require
attn.spec @blocks(
    %table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]},
    %b: !attn.q<[], i64> {attn.name = "b"},
    %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["R", "M", "N"], sizes = {R = 8 : i64}} {
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %four = attn.constant 4 : i64 -> !attn.q<[], i64>
  %positive = attn.compare gt %b, %z : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i1>
  %few = attn.compare le %b, %four : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i1>
  %fits = attn.binary and %positive, %few : (!attn.q<[], i1>, !attn.q<[], i1>) -> !attn.q<[], i1>
  attn.require %fits, "blocks of 1 to 4" : !attn.q<[], i1>
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %block = attn.binary floordiv %m, %b : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %start = attn.binary mul %block, %b : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %off = attn.binary sub %n, %start : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i64>
  %c0 = attn.compare le %z, %off : (!attn.q<[], i64>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], i1>
  %away = attn.binary sub %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i64>
  %far = attn.unary abs %away : !attn.q<[M, N], i64>
  %c1 = attn.compare lt %far, %four : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
  %c = attn.binary and %c0, %c1 : (!attn.q<[M, N], i1>, !attn.q<[M, N], i1>) -> !attn.q<[M, N], i1>
  %at = attn.binary add %away, %four : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i64>
  %0 = attn.read %table["R" = %at] : (!attn.q<[R], f32>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], f32>
  %behind = attn.binary add %away, %b : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i64>
  %1 = attn.read %table["R" = %behind] : (!attn.q<[R], f32>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], f32>
  %2 = attn.binary mul %0, %1 : (!attn.q<[M, N], f32>, !attn.q<[M, N], f32>) -> !attn.q<[M, N], f32>
  %3 = attn.reduce sum %2 over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %3 : !attn.q<[M], f32>
}

// -----

// A call could not evaluate 2^57 (M - 1) < N without overflow: such an index
// counts as one that depends on data, and is clamped.
// CHECK-LABEL: attn.spec @huge
// CHECK: attn.require %{{.*}}, "dimension N is not read while it is empty{{.*}}"
// CHECK-NOT: attn.require
attn.spec @huge(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["N", "M"]} {
  %c = attn.constant 524288 : i64 -> !attn.q<[], i64>
  %m = attn.index "M" : !attn.q<[M], i64>
  %0 = attn.binary mul %m, %c : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %1 = attn.binary mul %0, %c : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %2 = attn.binary mul %1, %c : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %3 = attn.read %x["N" = %2] : (!attn.q<[N], f32>, !attn.q<[M], i64>) -> !attn.q<[M], f32>
  attn.return %3 : !attn.q<[M], f32>
}

// -----

// An index that depends on data is clamped to the extent, which takes an
// element wherever there is a row.
// CHECK-LABEL: attn.spec @data_index
// CHECK: attn.require %{{.*}}, "dimension R is not read while it is empty{{.*}}"
// CHECK-NOT: attn.require
attn.spec @data_index(%table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]},
                      %at: !attn.q<[M], i64> {attn.name = "at", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["R", "M"]} {
  %0 = attn.read %table["R" = %at] : (!attn.q<[R], f32>, !attn.q<[M], i64>) -> !attn.q<[M], f32>
  attn.return %0 : !attn.q<[M], f32>
}

// -----

// The mask is looked at where there are rows and keys: without keys, nobody
// asks for one. What M, the rows, are alone demands nothing.
// CHECK-LABEL: attn.spec @mask_of_keys
// CHECK-NOT: attn.require
attn.spec @mask_of_keys(%there: !attn.q<[N], i64> {attn.name = "there", attn.layout = ["N"]},
                        %at: !attn.q<[M], i64> {attn.name = "at", attn.layout = ["M"]},
                        %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["N", "M"]} {
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %0 = attn.read %there["N" = %at] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  %c = attn.compare gt %0, %z : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i1>
  %1 = attn.reduce sum %x over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M], i1> -> !attn.q<[M], f32>
  attn.return %1 : !attn.q<[M], f32>
}

// -----

// An affine index is not out of range where there is no pair.
// CHECK-LABEL: attn.spec @position_among_keys
// CHECK-DAG: %[[N:.*]] = attn.extent "N"
// CHECK-DAG: %[[NONE:.*]] = attn.compare eq %[[N]], %{{.*}}
// CHECK: %[[UNUSED:.*]] = attn.binary or %[[NONE]], %{{.*}}
// CHECK: attn.binary or %{{.*}}, %[[UNUSED]]
// CHECK: attn.require %{{.*}}, "dimension N is not read at or beyond its end{{.*}}"
attn.spec @position_among_keys(%there: !attn.q<[N], i64> {attn.name = "there", attn.layout = ["N"]},
                        %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["N", "M"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %0 = attn.read %there["N" = %m] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  %c = attn.compare gt %0, %z : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i1>
  %1 = attn.reduce sum %x over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M], i1> -> !attn.q<[M], f32>
  attn.return %1 : !attn.q<[M], f32>
}

// -----

// Data decide which pairs exist: those of a call with an empty table may not.
// CHECK-LABEL: attn.spec @data_mask
// CHECK-NOT: attn.require
attn.spec @data_mask(%table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]},
                     %at: !attn.q<[N], i64> {attn.name = "at", attn.layout = ["N"]})
    -> (!attn.q<[], f32> {attn.name = "out", attn.layout = []})
    attributes {dims = ["R", "N"]} {
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %0 = attn.read %table["R" = %at] : (!attn.q<[R], f32>, !attn.q<[N], i64>) -> !attn.q<[N], f32>
  %c = attn.compare gt %at, %z : (!attn.q<[N], i64>, !attn.q<[], i64>) -> !attn.q<[N], i1>
  %1 = attn.reduce sum %0 over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[N], i1> -> !attn.q<[], f32>
  attn.return %1 : !attn.q<[], f32>
}

// -----

// A window is a matter of scalars: of one that holds no pair, nothing is read.
// CHECK-LABEL: attn.spec @window_of_scalars
// CHECK-DAG: %[[MINUS:.*]] = attn.constant -1
// CHECK-DAG: %[[ZERO:.*]] = attn.constant 0
// CHECK: attn.binary mul %w, %[[MINUS]]
// CHECK: %[[NEGATED:.*]] = attn.binary mul %w, %[[MINUS]]
// CHECK: %[[CLOSED:.*]] = attn.compare ge %[[NEGATED]], %[[ZERO]]
// CHECK: attn.binary or %{{.*}}, %[[CLOSED]]
// CHECK: attn.require %{{.*}}, "dimension R is not read while it is empty{{.*}}"
attn.spec @window_of_scalars(
    %table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]},
    %at: !attn.q<[N], i64> {attn.name = "at", attn.layout = ["N"]},
    %w: !attn.q<[], i64> {attn.name = "w"})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["R", "M", "N"]} {
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.index "N" : !attn.q<[N], i64>
  %d = attn.binary sub %m, %n : (!attn.q<[M], i64>, !attn.q<[N], i64>) -> !attn.q<[M, N], i64>
  %c0 = attn.compare le %z, %d : (!attn.q<[], i64>, !attn.q<[M, N], i64>) -> !attn.q<[M, N], i1>
  %c1 = attn.compare lt %d, %w : (!attn.q<[M, N], i64>, !attn.q<[], i64>) -> !attn.q<[M, N], i1>
  %c = attn.binary and %c0, %c1 : (!attn.q<[M, N], i1>, !attn.q<[M, N], i1>) -> !attn.q<[M, N], i1>
  %0 = attn.read %table["R" = %at] : (!attn.q<[R], f32>, !attn.q<[N], i64>) -> !attn.q<[N], f32>
  %1 = attn.reduce sum %0 over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %1 : !attn.q<[M], f32>
}

// -----

// Each way to an output is one to look at the element: the call runs where
// both are closed, one by M and one by N.
// CHECK-LABEL: attn.spec @two_ways
// CHECK-DAG: %[[M:.*]] = attn.extent "M"
// CHECK-DAG: %[[N:.*]] = attn.extent "N"
// CHECK-DAG: %[[NOM:.*]] = attn.compare eq %[[M]], %{{.*}}
// CHECK-DAG: %[[NON:.*]] = attn.compare eq %[[N]], %{{.*}}
// CHECK: %[[BOTH:.*]] = attn.binary and %[[NON]], %[[NOM]]
// CHECK: %[[HOLDS:.*]] = attn.binary or %{{.*}}, %[[BOTH]]
// CHECK: attn.require %[[HOLDS]], "dimension R is not read while it is empty{{.*}}"
attn.spec @two_ways(%table: !attn.q<[R], f32> {attn.name = "table", attn.layout = ["R"]},
                    %at: !attn.q<[], i64> {attn.name = "at"},
                    %x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]},
                    %y: !attn.q<[N], f32> {attn.name = "y", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[N], f32> {attn.name = "b", attn.layout = ["N"]})
    attributes {dims = ["R", "M", "N"]} {
  %two = attn.constant 2 : i64 -> !attn.q<[], i64>
  %half = attn.binary floordiv %at, %two : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
  %0 = attn.read %table["R" = %half] : (!attn.q<[R], f32>, !attn.q<[], i64>) -> !attn.q<[], f32>
  %a = attn.binary mul %x, %0 : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %b = attn.binary mul %y, %0 : (!attn.q<[N], f32>, !attn.q<[], f32>) -> !attn.q<[N], f32>
  attn.return %a, %b : !attn.q<[M], f32>, !attn.q<[N], f32>
}

// -----

// Whether a row exists says nothing about a sum over nothing; a maximum over
// nothing is another number than that of a row that does not exist.
// CHECK-LABEL: attn.spec @rows_of_a_sum
// CHECK-NOT: attn.require
// CHECK-LABEL: attn.spec @rows_of_a_maximum
// CHECK: attn.require %{{.*}}, "dimension N is not read while it is empty{{.*}}"
attn.spec @rows_of_a_sum(%there: !attn.q<[N], i64> {attn.name = "there", attn.layout = ["N"]},
                         %at: !attn.q<[M], i64> {attn.name = "at", attn.layout = ["M"]},
                         %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["N", "M"]} {
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %none = attn.constant 0.0 : f32 -> !attn.q<[], f32>
  %0 = attn.read %there["N" = %at] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  %c = attn.compare gt %0, %z : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i1>
  %1 = attn.reduce sum %x over ["N"] : !attn.q<[N], f32> -> !attn.q<[], f32>
  %2 = attn.select %c, %1, %none : (!attn.q<[M], i1>, !attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  attn.return %2 : !attn.q<[M], f32>
}
attn.spec @rows_of_a_maximum(%there: !attn.q<[N], i64> {attn.name = "there", attn.layout = ["N"]},
                         %at: !attn.q<[M], i64> {attn.name = "at", attn.layout = ["M"]},
                         %x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["N", "M"]} {
  %z = attn.constant 0 : i64 -> !attn.q<[], i64>
  %none = attn.constant 0.0 : f32 -> !attn.q<[], f32>
  %0 = attn.read %there["N" = %at] : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  %c = attn.compare gt %0, %z : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i1>
  %1 = attn.reduce max %x over ["N"] : !attn.q<[N], f32> -> !attn.q<[], f32>
  %2 = attn.select %c, %1, %none : (!attn.q<[M], i1>, !attn.q<[], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  attn.return %2 : !attn.q<[M], f32>
}
