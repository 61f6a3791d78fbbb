#!/usr/bin/env bash
# Checks the style of the files that git tracks.
#   test/style.sh [format]     clang-format; seconds; part of the tests
#   test/style.sh fix          formats in place
#   test/style.sh tidy [FILE]  clang-tidy, from build/compile_commands.json; minutes
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}

mapfile -t sources < <(git ls-files '*.cpp' '*.h' '*.hpp' '*.c')

case "${1:-format}" in
format)
  # The names of the files first, each once; then what is wrong in them.
  if ! clang-format-22 --dry-run -Werror "${sources[@]}" 2>"${TMPDIR:-/tmp}/attnc-style.$$"; then
    sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: error.*/\1/p' "${TMPDIR:-/tmp}/attnc-style.$$" | sort | uniq -c >&2
    rm -f "${TMPDIR:-/tmp}/attnc-style.$$"
    echo "style: the files above are not formatted; test/style.sh fix formats them" >&2
    exit 1
  fi
  rm -f "${TMPDIR:-/tmp}/attnc-style.$$"
  echo "style: ${#sources[@]} files are formatted"
  ;;
fix)
  clang-format-22 -i "${sources[@]}"
  ;;
tidy)
  [ -f "$BUILD/compile_commands.json" ] || { echo "style: build first: test/run.sh" >&2; exit 1; }
  shift
  files=("$@")
  [ $# -gt 0 ] || mapfile -t files < <(printf '%s\n' "${sources[@]}" | grep '\.cpp$' | grep -v '^dialect/Pch.cpp$')
  status=0
  printf '%s\0' "${files[@]}" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy-22 -p "$BUILD" --quiet --warnings-as-errors='*' || status=$?
  exit "$status"
  ;;
*)
  sed -n '2,5p' "$0" >&2
  exit 2
  ;;
esac
