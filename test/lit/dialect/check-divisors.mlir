// RUN: attn-opt --attn-check-divisors --canonicalize --split-input-file --verify-diagnostics %s | FileCheck %s

// A scalar and a size are required not to be 0, once each; a number is known,
// and data may be anything.
// CHECK-LABEL: attn.spec @divisors
// CHECK: attn.require %{{.*}}, "the divisor 's' is 0{{.*}}"
// CHECK: attn.require %{{.*}}, "the divisor N is 0{{.*}}"
// CHECK-NOT: attn.require
attn.spec @divisors(%s: !attn.q<[], i64> {attn.name = "s"},
                    %t: !attn.q<[M], i64> {attn.name = "t", attn.layout = ["M"]})
    -> (!attn.q<[M], i64> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M", "N"]} {
  %m = attn.index "M" : !attn.q<[M], i64>
  %n = attn.extent "N" : !attn.q<[], i64>
  %four = attn.constant 4 : i64 -> !attn.q<[], i64>
  %0 = attn.binary mod %m, %s : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %1 = attn.binary floordiv %0, %s : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %2 = attn.binary floordiv %1, %n : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %3 = attn.binary floordiv %2, %four : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  %4 = attn.binary mod %3, %t : (!attn.q<[M], i64>, !attn.q<[M], i64>) -> !attn.q<[M], i64>
  attn.return %4 : !attn.q<[M], i64>
}

// -----

attn.spec @by_zero(%t: !attn.q<[M], i64> {attn.name = "t", attn.layout = ["M"]})
    -> (!attn.q<[M], i64> {attn.name = "out", attn.layout = ["M"]})
    attributes {dims = ["M"]} {
  %zero = attn.constant 0 : i64 -> !attn.q<[], i64>
  // expected-error@+1 {{a division by 0}}
  %0 = attn.binary floordiv %t, %zero : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  // expected-error@+1 {{the remainder of a division by 0}}
  %1 = attn.binary mod %0, %zero : (!attn.q<[M], i64>, !attn.q<[], i64>) -> !attn.q<[M], i64>
  attn.return %1 : !attn.q<[M], i64>
}
