#!/bin/sh
# Stands for a ptxas: what it writes are the names of the kernels, in brackets.
while [ $# -gt 1 ]; do
  [ "$1" = -o ] && output=$2
  shift
done
sed -n 's/.*\.entry \([a-z0-9_]*\).*/[\1]/p' "$1" | tr -d '\n' >"$output"
