#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.
#   test/run.sh            all suites
#   test/run.sh -R REGEX   only the suites whose name matches; any option of
#                          ctest serves (test/run.sh -N lists the suites)
# BUILD and ATTNC_CMAKE_FLAGS choose another build: see test/README.md.
source "$(dirname "$0")/../.ci/setup.sh"

build all

# A commit is judged by the same inputs each time; another seed tries others.
export ATTN_TEST_SEED=${ATTN_TEST_SEED:-1}
# Of sanitizer builds: LLVM and oneTBB come without instrumentation.
# Containers and allocators that both sides use are marked by one of them alone.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_container_overflow=0:allow_user_poisoning=0}
export TSAN_OPTIONS=${TSAN_OPTIONS:-suppressions=$ROOT/test/tsan.supp}

say "testing"
results=$BUILD/test/results
rm -f "$results"/*.xml
status=0
ctest --test-dir "$BUILD" --output-on-failure --no-tests=error \
  --parallel "$(nproc)" --output-junit "$results/ctest.xml" "$@" || status=$?
# What each suite counts itself, in one line, which is the last.
python3 "$ROOT/test/count.py" "$results" || status=1
exit "$status"
