// Conversions of bf16 to f32 become shifts, of numbers and of vectors; others stay.
// RUN: attn-opt %s --attn-widen-bfloats | FileCheck %s

// CHECK-LABEL: func.func @number(
// CHECK-SAME:      %[[X:.*]]: bf16
// CHECK:         %[[HALF:.*]] = arith.bitcast %[[X]] : bf16 to i16
// CHECK:         %[[WIDE:.*]] = arith.extui %[[HALF]] : i16 to i32
// CHECK:         %[[BITS:.*]] = arith.shli %[[WIDE]], %{{.*}} : i32
// CHECK:         arith.bitcast %[[BITS]] : i32 to f32
func.func @number(%x: bf16) -> f32 {
  %0 = arith.extf %x : bf16 to f32
  return %0 : f32
}

// CHECK-LABEL: func.func @vector(
// CHECK-NOT:     arith.extf
// CHECK:         arith.bitcast %{{.*}} : vector<8xi32> to vector<8xf32>
func.func @vector(%x: vector<8xbf16>) -> vector<8xf32> {
  %0 = arith.extf %x : vector<8xbf16> to vector<8xf32>
  return %0 : vector<8xf32>
}

// CHECK-LABEL: func.func @half(
// CHECK:         arith.extf
func.func @half(%x: f16) -> f32 {
  %0 = arith.extf %x : f16 to f32
  return %0 : f32
}
