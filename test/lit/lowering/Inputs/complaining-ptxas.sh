#!/bin/sh
# Stands for a ptxas that has too few registers for $SERIALIZED, and spills some of
# $SPILLED: says so, and writes what is no cubin.
while [ $# -gt 0 ]; do
  [ "$1" = -o ] && echo cubin >"$2"
  shift
done
for kernel in $SERIALIZED; do
  echo "ptxas info    : (C7512) Potential Performance Loss: wgmma.mma_async instructions are serialized due to insufficient register resources for the function '$kernel'"
  echo "ptxas info    : Compiling entry function '$kernel' for 'sm_90a'"
done
for kernel in $SPILLED; do
  echo "ptxas info    : Compiling entry function '$kernel' for 'sm_90a'"
  echo "ptxas info    : Function properties for $kernel"
  echo "    48 bytes stack frame, 40 bytes spill stores, 48 bytes spill loads"
done
for kernel in $UNSPILLED; do
  echo "ptxas info    : Compiling entry function '$kernel' for 'sm_90a'"
  echo "ptxas info    : Function properties for $kernel"
  echo "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"
done
