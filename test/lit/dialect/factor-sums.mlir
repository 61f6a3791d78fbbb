// RUN: attn-opt %s --attn-factor-sums --canonicalize | FileCheck %s

// The normaliser of a row leaves the sum over the values.
// CHECK-LABEL: attn.spec @normalizer
// CHECK-NEXT: %[[TOTAL:.*]] = attn.reduce sum %w over ["N"] where %c
// CHECK-NEXT: %[[PV:.*]] = attn.binary mul %w, %v
// CHECK-NEXT: %[[SUM:.*]] = attn.reduce sum %[[PV]] over ["N"] where %c
// CHECK-NEXT: %[[OUT:.*]] = attn.binary ratio %[[SUM]], %[[TOTAL]] : (!attn.q<[M, E], f32>, !attn.q<[M], f32>) -> !attn.q<[M, E], f32>
// CHECK-NEXT: attn.return %[[OUT]]
attn.spec @normalizer(%w: !attn.q<[M, N], f32> {attn.name = "w", attn.layout = ["M", "N"]},
                      %v: !attn.q<[N, E], f32> {attn.name = "v", attn.layout = ["N", "E"]},
                      %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M, E], f32> {attn.name = "out", attn.layout = ["M", "E"]})
    attributes {dims = ["M", "N", "E"]} {
  %total = attn.reduce sum %w over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  %p = attn.binary ratio %w, %total : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %pv = attn.binary mul %p, %v : (!attn.q<[M, N], f32>, !attn.q<[N, E], f32>) -> !attn.q<[M, N, E], f32>
  %out = attn.reduce sum %pv over ["N"] where %c : !attn.q<[M, N, E], f32>, !attn.q<[M, N], i1> -> !attn.q<[M, E], f32>
  attn.return %out : !attn.q<[M, E], f32>
}

// That of other pairs may be no number where this sum is over nothing.
// CHECK-LABEL: attn.spec @normalizer_of_others
// CHECK: %[[RATIO:.*]] = attn.binary ratio %{{.*}}, %total
// CHECK: %[[COUNT:.*]] = attn.reduce sum %{{.*}} over ["N"] where %c
// CHECK: attn.select %{{.*}}, %{{.*}}, %[[RATIO]]
attn.spec @normalizer_of_others(%w: !attn.q<[M, N], f32> {attn.name = "w", attn.layout = ["M", "N"]},
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

// A factor of the row may be infinite or NaN; over nothing the sum stays 0. A sum
// of 0 over something does not: NaN reaches the row that reads it.
// CHECK-LABEL: attn.spec @row_factor
// CHECK: %[[SUM:.*]] = attn.reduce sum %s over ["N"]
// CHECK: %[[PRODUCT:.*]] = attn.binary mul %[[SUM]], %g
// CHECK: %[[N:.*]] = attn.extent "N"
// CHECK: %[[NONE:.*]] = attn.compare eq %[[N]], %{{.*}} : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i1>
// CHECK: %[[OUT:.*]] = attn.select %[[NONE]], %{{.*}}, %[[PRODUCT]]
// CHECK: attn.return %[[OUT]]
attn.spec @row_factor(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                      %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %0 = attn.binary mul %s, %g : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %out = attn.reduce sum %0 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// Within a domain, the pairs of the row are counted.
// CHECK-LABEL: attn.spec @row_factor_of_domain
// CHECK: %[[COUNT:.*]] = attn.reduce sum %{{.*}} over ["N"] where %c : !attn.q<[], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
// CHECK: %[[NONE:.*]] = attn.compare eq %[[COUNT]]
// CHECK: attn.select %[[NONE]]
attn.spec @row_factor_of_domain(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                                %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]},
                                %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %0 = attn.binary mul %s, %g : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %out = attn.reduce sum %0 over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  attn.return %out : !attn.q<[M], f32>
}

// A divisor that is 0 over nothing only, the sum over the same pairs of what is
// above 0, needs no guard: ratio's 0 / 0 is 0. Any other may be 0 elsewhere, and
// then the quotient is not hidden: an input, a sum of what may be 0, a sum over
// other pairs.
// CHECK-LABEL: attn.spec @divisors
// CHECK: %[[A:.*]] = attn.binary div %{{.*}}, %g
// CHECK: attn.select %{{.*}}, %{{.*}}, %[[A]]
// CHECK: %[[B:.*]] = attn.reduce sum %s over ["N"]
// CHECK: %[[B1:.*]] = attn.binary div %{{.*}}, %[[B]]
// CHECK: attn.select %{{.*}}, %{{.*}}, %[[B1]]
// CHECK: %[[C:.*]] = attn.reduce sum %[[E:.*]] over ["N"] : !attn.q<[M, N], f32>
// CHECK: %[[C1:.*]] = attn.binary add %[[C]], %{{.*}}
// CHECK: %[[C2:.*]] = attn.reduce sum %s over ["N"]
// CHECK: attn.binary ratio %[[C2]], %[[C1]]
// CHECK: %[[F:.*]] = attn.reduce sum %[[E]] over ["N"] where %c
// CHECK: %[[F1:.*]] = attn.binary div %{{.*}}, %[[F]]
// CHECK: attn.select %{{.*}}, %{{.*}}, %[[F1]]
attn.spec @divisors(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                    %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]},
                    %c: !attn.q<[M, N], i1> {attn.name = "c", attn.layout = ["M", "N"]})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "b", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "third", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "fourth", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %0 = attn.binary div %s, %g : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %a = attn.reduce sum %0 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>

  %total = attn.reduce sum %s over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %1 = attn.binary div %s, %total : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %b = attn.reduce sum %1 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>

  %e = attn.unary exp %s : !attn.q<[M, N], f32>
  %exps = attn.reduce sum %e over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %one = attn.constant 2.0 : f32 -> !attn.q<[], f32>
  %sink = attn.binary add %exps, %one : (!attn.q<[M], f32>, !attn.q<[], f32>) -> !attn.q<[M], f32>
  %2 = attn.binary div %s, %sink : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %c1 = attn.reduce sum %2 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>

  %some = attn.reduce sum %e over ["N"] where %c : !attn.q<[M, N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
  %3 = attn.binary div %s, %some : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %d = attn.reduce sum %3 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %a, %b, %c1, %d : !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>, !attn.q<[M], f32>
}

// A divisor of the key stays. The 1 that is left of a factor that went is no
// factor that leaves.
// CHECK-LABEL: attn.spec @reciprocal
// CHECK: %[[Q:.*]] = attn.binary div %{{.*}}, %x
// CHECK: %[[S:.*]] = attn.reduce sum %[[Q]] over ["N"]
// CHECK: attn.binary mul %[[S]], %g
attn.spec @reciprocal(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]},
                      %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %0 = attn.binary div %g, %x : (!attn.q<[M], f32>, !attn.q<[N], f32>) -> !attn.q<[M, N], f32>
  %a = attn.reduce sum %0 over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %a : !attn.q<[M], f32>
}

// A sum that is never empty needs no guard; a number made of sizes needs one
// only where a size is 0.
// CHECK-LABEL: attn.spec @sizes
// CHECK: %[[A:.*]] = attn.binary mul %{{.*}}, %g
// CHECK: %[[N:.*]] = attn.extent "N"
// CHECK: %[[NONE:.*]] = attn.compare eq %[[N]]
// CHECK: %[[B:.*]] = attn.select %[[NONE]]
// CHECK: attn.return %[[A]], %[[B]]
attn.spec @sizes(%q: !attn.q<[M, D], f32> {attn.name = "q", attn.layout = ["M", "D"]},
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

// The square of what divides each term may overflow where the terms do not: it
// stays. A number that is known leaves.
// CHECK-LABEL: attn.spec @squares
// CHECK: %[[SHARE:.*]] = attn.binary div %s, %g
// CHECK: %[[SQUARE:.*]] = attn.binary mul %[[SHARE]], %[[SHARE]]
// CHECK: %[[SUM:.*]] = attn.reduce sum %[[SQUARE]] over ["N"]
// CHECK: %[[OTHER:.*]] = attn.binary mul %s, %s
// CHECK: attn.reduce sum %[[OTHER]] over ["N"]
// CHECK: attn.return %[[SUM]], %{{.*}}
attn.spec @squares(%s: !attn.q<[M, N], f32> {attn.name = "s", attn.layout = ["M", "N"]},
                   %g: !attn.q<[M], f32> {attn.name = "g", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "a", attn.layout = ["M"]},
        !attn.q<[M], f32> {attn.name = "b", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %share = attn.binary div %s, %g : (!attn.q<[M, N], f32>, !attn.q<[M], f32>) -> !attn.q<[M, N], f32>
  %square = attn.binary mul %share, %share : (!attn.q<[M, N], f32>, !attn.q<[M, N], f32>) -> !attn.q<[M, N], f32>
  %a = attn.reduce sum %square over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  %half = attn.constant 0.5 : f32 -> !attn.q<[], f32>
  %x = attn.binary mul %s, %half : (!attn.q<[M, N], f32>, !attn.q<[], f32>) -> !attn.q<[M, N], f32>
  %y = attn.binary mul %x, %x : (!attn.q<[M, N], f32>, !attn.q<[M, N], f32>) -> !attn.q<[M, N], f32>
  %b = attn.reduce sum %y over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M], f32>
  attn.return %a, %b : !attn.q<[M], f32>, !attn.q<[M], f32>
}
