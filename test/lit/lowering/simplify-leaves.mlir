// Patterns and folds of ops without regions, inside loops too; what holds other
// ops is left to the canonicaliser.
// RUN: attn-opt %s --attn-simplify-leaves | FileCheck %s

// CHECK-LABEL: func.func @loop(
// CHECK-SAME:      %[[P:.*]]: !llvm.ptr, %[[X:.*]]: i64
// CHECK:         %[[LAST:.*]] = arith.constant 3 : index
// CHECK:         scf.for %{{.*}} = %{{.*}} to %[[LAST]] step %{{.*}} {
// CHECK:           scf.if %{{.*}} {
// CHECK-NEXT:        llvm.store %[[X]], %[[P]]
func.func @loop(%p: !llvm.ptr, %x: i64) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %last = arith.addi %c1, %c2 : index
  scf.for %i = %c0 to %last step %c1 {
    %true = arith.constant true
    scf.if %true {
      %zero = arith.constant 0 : i64
      %one = arith.constant 1 : i64
      %y = arith.addi %x, %zero : i64
      %z = arith.muli %y, %one : i64
      %unused = arith.subi %z, %x : i64
      llvm.store %z, %p : i64, !llvm.ptr
    }
  }
  return
}
