// RUN: attn-opt %s | FileCheck %s
// CHECK: attn.spec @empty
attn.spec @empty() attributes {dims = []} {
  attn.return
}
