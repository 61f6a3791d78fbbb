// Dot products of bf16 pairs and conversions, for machines without them.
// RUN: attn-opt %s --attn-expand-dots | FileCheck %s
// RUN: attn-opt %s --attn-expand-dots | FileCheck %s --check-prefix=GONE
// GONE-NOT: x86vector
// GONE-NOT: x86.avx512

// The upper number of a pair is an f32 with the lower one taken out; the lower
// one is moved up.
// CHECK-LABEL: func.func @dot(
// CHECK-SAME:      %[[SUM:.*]]: vector<8xf32>, %[[A:.*]]: vector<16xbf16>, %[[B:.*]]: vector<16xbf16>
// CHECK:         %[[AI:.*]] = vector.bitcast %[[A]] : vector<16xbf16> to vector<8xi32>
// CHECK:         arith.andi %[[AI]], %{{.*}} : vector<8xi32>
// CHECK:         %[[UPPER:.*]] = math.fma %{{.*}}, %{{.*}}, %[[SUM]] : vector<8xf32>
// CHECK:         arith.shli
// CHECK:         %[[ALL:.*]] = math.fma %{{.*}}, %{{.*}}, %[[UPPER]] : vector<8xf32>
// CHECK:         return %[[ALL]]
func.func @dot(%sum: vector<8xf32>, %a: vector<16xbf16>, %b: vector<16xbf16>)
    -> vector<8xf32> {
  %0 = x86vector.avx512.dot %sum, %a, %b : vector<16xbf16> -> vector<8xf32>
  return %0 : vector<8xf32>
}

// NaN stays NaN; everything else is rounded to the nearest, to even on a tie.
// CHECK-LABEL: func.func @convert(
// CHECK:         arith.cmpf uno
// CHECK:         arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
// CHECK:         arith.bitcast %{{.*}} : vector<8xi16> to vector<8xbf16>
func.func @convert(%x: vector<8xf32>) -> vector<8xbf16> {
  %0 = x86vector.avx512.cvt.packed.f32_to_bf16 %x : vector<8xf32> -> vector<8xbf16>
  return %0 : vector<8xbf16>
}

// The second operand goes to the lower half.
// CHECK-LABEL: func.func @convert_two(
// CHECK-SAME:      %[[A:.*]]: vector<8xf32>, %[[B:.*]]: vector<8xf32>
// CHECK:         arith.cmpf uno, %[[A]]
// CHECK:         %[[UPPER:.*]] = arith.bitcast %{{.*}} : vector<8xi16> to vector<8xbf16>
// CHECK:         arith.cmpf uno, %[[B]]
// CHECK:         %[[LOWER:.*]] = arith.bitcast %{{.*}} : vector<8xi16> to vector<8xbf16>
// CHECK:         vector.shuffle %[[LOWER]], %[[UPPER]] [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
func.func @convert_two(%a: vector<8xf32>, %b: vector<8xf32>) -> vector<16xbf16> {
  %0 = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.256"(%a, %b)
    : (vector<8xf32>, vector<8xf32>) -> vector<16xbf16>
  return %0 : vector<16xbf16>
}
