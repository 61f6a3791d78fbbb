// The pass says which one has to run before it.
// RUN: attn-opt %s --attn-lower-to-vectors --verify-diagnostics --split-input-file

attn.spec @formula(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
    -> (!attn.q<[], f32> {attn.name = "total"}) attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.reduce' op is in no kernel: attn-schedule-sweeps runs before attn-lower-to-vectors}}
  %0 = attn.reduce sum %x over ["M"] : !attn.q<[M], f32> -> !attn.q<[], f32>
  attn.return %0 : !attn.q<[], f32>
}

// -----

attn.spec @untiled(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "y", attn.layout = ["M"]}) attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.kernel' op has no tile: attn-tile-kernels runs before attn-lower-to-vectors}}
  %0 = attn.kernel free ["M"] lanes ["M"] {
    %1 = attn.unary exp %x : !attn.q<[M], f32>
    attn.yield %1 : !attn.q<[M], f32>
  } : !attn.q<[M], f32>
  attn.return %0 : !attn.q<[M], f32>
}

// -----

attn.spec @half_a_tile(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
    -> (!attn.q<[M], f32> {attn.name = "y", attn.layout = ["M"]}) attributes {dims = ["M"]} {
  // expected-error@+1 {{'attn.kernel' op has no positive 'rows' in its tile}}
  %0 = attn.kernel free ["M"] lanes ["M"] tile {chunk = 1, groups = 1, keys = 128, rows = 0, sub = 32, vectors = 4, width = 16} {
    %1 = attn.unary exp %x : !attn.q<[M], f32>
    attn.yield %1 : !attn.q<[M], f32>
  } : !attn.q<[M], f32>
  attn.return %0 : !attn.q<[M], f32>
}
