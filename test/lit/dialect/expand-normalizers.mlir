// RUN: attn-opt %s --attn-expand-normalizers | FileCheck %s

// The maximum is subtracted through neginf_to_zero and the quotient is a ratio:
// a row without a finite score gives 0.
// CHECK-LABEL: attn.spec @softmax
// CHECK-NEXT: %[[MAX:.*]] = attn.reduce max %s over ["N"] where %c
// CHECK-NEXT: %[[SHIFT:.*]] = attn.unary neginf_to_zero %[[MAX]] : !attn.q<[M], f32>
// CHECK-NEXT: %[[SHIFTED:.*]] = attn.binary sub %s, %[[SHIFT]]
// CHECK-NEXT: %[[EXP:.*]] = attn.unary exp %[[SHIFTED]]
// CHECK-NEXT: %[[SUM:.*]] = attn.reduce sum %[[EXP]] over ["N"] where %c
// CHECK-NEXT: %[[P:.*]] = attn.binary ratio %[[EXP]], %[[SUM]] : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
// CHECK-NEXT: attn.return %[[P]]
attn.spec @softmax(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                   %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %p = attn.normalize softmax %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, N], f32>
  attn.return %p : !attn.q<[M, N], f32>
}

// Over queries it is the same.
// CHECK-LABEL: attn.spec @softmax_columns
// CHECK: attn.reduce max %s over ["M"] : !attn.q<[M, N], f32> -> !attn.q<[N], f32>
// CHECK: attn.reduce sum %{{.*}} over ["M"] : !attn.q<[M, N], f32> -> !attn.q<[N], f32>
attn.spec @softmax_columns(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %p = attn.normalize softmax %s over ["M"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  attn.return %p : !attn.q<[M, N], f32>
}

// A domain with more dimensions than the operand: the result exists, and is 0
// outside of it.
// CHECK-LABEL: attn.spec @softmax_of_keys
// CHECK: %[[P:.*]] = attn.binary ratio %{{.*}}, %{{.*}} : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
// CHECK: attn.return %[[P]]
attn.spec @softmax_of_keys(%s: !attn.q<[N], f32> {attn.name = "s", attn.layout = ["N"]},
                           %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %p = attn.normalize softmax %s over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, N], f32>
  attn.return %p : !attn.q<[M, N], f32>
}

// CHECK-LABEL: attn.spec @l1
// CHECK-NEXT: %[[ABS:.*]] = attn.unary abs %s
// CHECK-NEXT: %[[SUM:.*]] = attn.reduce sum %[[ABS]] over ["N"]
// CHECK-NEXT: attn.binary ratio %s, %[[SUM]]
attn.spec @l1(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %p = attn.normalize l1 %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  attn.return %p : !attn.q<[M, N], f32>
}

// What is never negative is its own size.
// CHECK-LABEL: attn.spec @l1_not_negative
// CHECK-NOT: attn.unary abs
// CHECK: %[[POW:.*]] = attn.binary pow
// CHECK-NEXT: %[[SUM:.*]] = attn.reduce sum %[[POW]] over ["N"]
// CHECK-NEXT: attn.binary ratio %[[POW]], %[[SUM]]
attn.spec @l1_not_negative(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                           %x: !attn.q<[], f32> {attn.name = "x"})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %zero = attn.constant 0.0 : f32 -> !attn.q<[], f32>
  %relu = attn.binary max %s, %zero : (!attn.q<[M, N], f32>, !attn.q<[], f32>) -> !attn.q<[M, N], f32>
  %w = attn.binary pow %relu, %x : (!attn.q<[M, N], f32>, !attn.q<[], f32>) -> !attn.q<[M, N], f32>
  %p = attn.normalize l1 %w over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  attn.return %p : !attn.q<[M, N], f32>
}

// CHECK-LABEL: attn.spec @l1_of_squares
// CHECK-NEXT: %[[SQUARE:.*]] = attn.binary mul %s, %s
// CHECK-NEXT: %[[SUM:.*]] = attn.reduce sum %[[SQUARE]] over ["N"]
// CHECK-NEXT: attn.binary ratio %[[SQUARE]], %[[SUM]]
attn.spec @l1_of_squares(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %w = attn.binary mul %s, %s : (!attn.q<[M, N], f32>, !attn.q<[M, N], f32>) -> !attn.q<[M, N], f32>
  %p = attn.normalize l1 %w over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
  attn.return %p : !attn.q<[M, N], f32>
}

// Without a domain the count is known; with one it is a sum of ones.
// CHECK-LABEL: attn.spec @mean
// CHECK: %[[ONE:.*]] = attn.constant 1.0
// CHECK: %[[SUM:.*]] = attn.reduce sum %s over ["N"] : !attn.q<[M, N], f32>
// CHECK: %[[N:.*]] = attn.extent "N"
// CHECK: %[[COUNT:.*]] = attn.cast %[[N]] : !attn.q<[], i64> -> !attn.q<[], f32>
// CHECK: attn.binary ratio %[[SUM]], %[[COUNT]]
// CHECK: %[[PAIRS:.*]] = attn.reduce sum %[[ONE]] over ["N"] where %c : !attn.q<[], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
// CHECK: attn.binary ratio %{{.*}}, %[[PAIRS]]
attn.spec @mean(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "b", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %a = attn.reduce mean %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %b = attn.reduce mean %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %a, %b : !attn.q<[M], f32>, !attn.q<[M], f32>
}

// CHECK-LABEL: attn.spec @logsumexp
// CHECK: %[[MAX:.*]] = attn.reduce max %s over ["N"]
// CHECK: %[[SUM:.*]] = attn.reduce sum
// CHECK: %[[LOG:.*]] = attn.unary log %[[SUM]]
// CHECK: %[[SHIFT:.*]] = attn.unary neginf_to_zero %[[MAX]]
// CHECK: attn.binary add %[[SHIFT]], %[[LOG]]
attn.spec @logsumexp(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "lse", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %a = attn.reduce logsumexp %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %a : !attn.q<[M], f32>
}

// A maximum subtracted by hand gets the guard of softmax.
// CHECK-LABEL: attn.spec @by_hand
// CHECK: %[[MAX:.*]] = attn.reduce max %s over ["N"]
// CHECK: %[[SHIFT:.*]] = attn.unary neginf_to_zero %[[MAX]]
// CHECK: %[[SHIFTED:.*]] = attn.binary sub %s, %[[SHIFT]]
// CHECK: attn.unary exp %[[SHIFTED]]
attn.spec @by_hand(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %max = attn.reduce max %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %0 = attn.binary sub %s, %max : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %1 = attn.unary exp %0 : !attn.q<[M, N], f32>
  attn.return %1 : !attn.q<[M, N], f32>
}

// What is relative to more than the maximum of its own row, a sink here, is so
// to the maximum first: the rest is a factor of the row, 0 where nothing or
// nothing finite is added.
// CHECK-LABEL: attn.spec @sink
// CHECK: %[[MAX:.*]] = attn.reduce max %s over ["N"] where %c
// CHECK: %[[TOP:.*]] = attn.binary max %[[MAX]], %sink
// CHECK: %[[SHIFT:.*]] = attn.unary neginf_to_zero %[[MAX]]
// CHECK: %[[SHIFTED:.*]] = attn.binary sub %s, %[[SHIFT]]
// CHECK: %[[WEIGHT:.*]] = attn.unary exp %[[SHIFTED]]
// CHECK: %[[PV:.*]] = attn.binary mul %[[WEIGHT]], %v
// CHECK: %[[SUM:.*]] = attn.reduce sum %[[PV]] over ["N"] where %c
// CHECK: %[[BELOW:.*]] = attn.binary sub %[[MAX]], %[[TOP]]
// CHECK: %[[FACTOR:.*]] = attn.unary exp %[[BELOW]]
// CHECK: %[[NONE:.*]] = attn.compare eq %[[MAX]], %{{.*}}
// CHECK: %[[GUARDED:.*]] = attn.select %[[NONE]], %{{.*}}, %[[FACTOR]]
// CHECK: attn.binary mul %[[SUM]], %[[GUARDED]]
attn.spec @sink(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                %v: !attn.q<[N, E], f32> {attn.name = "v", attn.layout = ["N", "E"]},
                %sink: !attn.q<[], f32> {attn.name = "sink"},
                %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, E], f32> {attn.name = "out", attn.layout = ["M", "E"]})
    attributes {dims = ["M", "N", "E"]} {
  %max = attn.reduce max %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  %top = attn.binary max %max, %sink : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %0 = attn.binary sub %s, %top : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %1 = attn.unary exp %0 : !attn.q<[M, N], f32>
  %2 = attn.binary mul %1, %v : (!attn.q<[M, N], f32>, !attn.q<[N, E], f32>) -> !attn.q<[M, N, E], f32>
  %out = attn.reduce sum %2 over ["N"] where %c : !attn.q<[M, N, E], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, E], f32>
  attn.return %out : !attn.q<[M, E], f32>
}

// A maximum over other pairs helps nobody.
// CHECK-LABEL: attn.spec @sink_of_others
// CHECK-NOT: neginf_to_zero
attn.spec @sink_of_others(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                          %sink: !attn.q<[], f32> {attn.name = "sink"},
                          %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %max = attn.reduce max %s over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  %top = attn.binary max %max, %sink : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %0 = attn.binary sub %s, %top : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %1 = attn.unary exp %0 : !attn.q<[M, N], f32>
  %out = attn.reduce sum %1 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// Another quantity's maximum is no shift of this one.
// CHECK-LABEL: attn.spec @other_maximum
// CHECK-NOT: neginf_to_zero
attn.spec @other_maximum(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                         %t: !attn.q<[M, N], f32> {attn.name = "t", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, N], f32> {attn.name = "p", attn.layout = ["M", "N"]})
    attributes {dims = ["M", "N"]} {
  %max = attn.reduce max %t over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %0 = attn.binary sub %s, %max : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %1 = attn.unary exp %0 : !attn.q<[M, N], f32>
  attn.return %1 : !attn.q<[M, N], f32>
}

// The other reductions stay.
// CHECK-LABEL: attn.spec @unchanged
// CHECK-NEXT: attn.reduce sum
// CHECK-NEXT: attn.reduce min
// CHECK-NEXT: attn.return
attn.spec @unchanged(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "b", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %a = attn.reduce sum %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %b = attn.reduce min %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %a, %b : !attn.q<[M], f32>, !attn.q<[M], f32>
}
