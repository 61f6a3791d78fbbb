#!/bin/sh
# Stands for a ptxas that has too few registers for $SERIALIZED: says so, and
# writes what is no cubin.
while [ $# -gt 0 ]; do
  [ "$1" = -o ] && echo cubin >"$2"
  shift
done
for kernel in $SERIALIZED; do
  echo "ptxas info    : (C7512) Potential Performance Loss: wgmma.mma_async instructions are serialized due to insufficient register resources for the function '$kernel'"
  echo "ptxas info    : Compiling entry function '$kernel' for 'sm_90a'"
done
