#!/usr/bin/env bash
# Builds what test/device/check.py needs on a machine with a GPU, PyTorch and no
# compiler: every example as a library for the GPU, their calls with reference
# values, libraries of larger sizes to time, the runtime, and check.py itself,
# in one archive.
#   test/device/build.sh ARCHIVE.tar.xz [REGEX]   only libraries that match
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}
TARGET=${TARGET:-sm_90a}
archive=$(realpath -m "$1")
filter=${2:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$ROOT"

"$BUILD/bin/attn-device-cases" "$work"
# NAME FILE SPEC TYPE SIZES of what is only timed: test/device/timed.txt.
grep -v '^#' test/device/timed.txt >>"$work/libraries.txt"
mkdir "$work/lib"
while read -r name file spec dtype sizes target; do
  [[ $name =~ $filter ]] || continue
  options=(--dtype "$dtype" --target "${target:-$TARGET}")
  [ "$sizes" = - ] || options+=(--set "$sizes")
  "$BUILD/bin/attnc" build "examples/$file" "$spec" "${options[@]}" \
    -o "$work/lib/$name.so" 2>>"$work/remarks.txt" ||
    { tail -3 "$work/remarks.txt" >&2; echo "build.sh: $name failed" >&2; exit 1; }
done <"$work/libraries.txt"

cp test/device/*.py "$work/"
"${CC:-clang-22}" -O2 -shared -fPIC test/device/peak.c -o "$work/lib/libpeak.so"
cp -L "$BUILD"/lib/libattn_runtime.so "$work/lib/"
# The runtime's one dependency, which the other machine may lack.
cp -L "$(ldd "$work/lib/libattn_runtime.so" | awk '/libtbb/ {print $3}')" "$work/lib/"
tar -C "$work" -cf - . | xz -T2 -3 >"$archive"
ls -l "$archive"
