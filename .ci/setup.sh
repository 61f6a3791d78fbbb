# shellcheck shell=bash
# Sourced by test/run.sh and examples/run.sh: installs what is missing, then
# configures the build. Sets ROOT and BUILD.
#
#   BUILD=DIR  build there instead of in build/
#   ATTNC_CMAKE_FLAGS='-DATTNC_SANITIZE=thread'  more arguments for CMake

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(realpath -m "${BUILD:-$ROOT/build}")
PACKAGES=$ROOT/.ci/packages.txt
export CC=clang-22 CXX=clang++-22

say() { printf '==> %s\n' "$*"; }

# fail WHAT WHAT-TO-DO...
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

packages() { sed -e 's/#.*//' -e '/^ *$/d' "$PACKAGES"; }

# Names of the listed packages that are not installed.
missing_packages() {
  local name version
  while read -r name version; do
    dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$name"
  done < <(packages)
}

check_versions() {
  local name version found
  while read -r name version; do
    found=$(dpkg-query -W -f='${Version}' "$name")
    found=${found#*:}
    case "$found" in
    "$version"*) ;;
    *) fail "$name is $found, but attnc is built and tested with $version" \
      "Use Debian 12 (bookworm), or change the version in .ci/packages.txt and run the tests." ;;
    esac
  done < <(packages)
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

install_packages() {
  local missing=("$@") log
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "installing packages needs root, and there is no sudo here" \
        "Run this as root once:  apt-get update && apt-get install ${missing[*]}" \
        "Then run the command again as yourself."
    as_root true ||
      fail "installing packages needs root, and sudo refused" \
        "Have an administrator run:  apt-get update && apt-get install ${missing[*]}" \
        "Then run the command again as yourself."
  fi
  log=$(mktemp)
  # A third party's list that cannot be read is no reason to stop.
  as_root apt-get update -q >"$log" 2>&1 || true
  local name unknown=()
  for name in "${missing[@]}"; do
    apt-cache show "$name" >/dev/null 2>&1 || unknown+=("$name")
  done
  if [ ${#unknown[@]} -gt 0 ]; then
    if grep -qE 'Could not resolve|Temporary failure|Failed to fetch|Unable to connect|Could not connect' "$log"; then
      grep -E '^(E|W|Err)' "$log" | head -3 >&2 || true
      rm -f "$log"
      fail "apt-get could not reach Debian's archive, and these packages are missing: ${unknown[*]}" \
        "Check the network (and http_proxy, if you use one), then run the command again."
    fi
    rm -f "$log"
    fail "this system's archive does not have: ${unknown[*]}" \
      "They are in Debian 12 (bookworm) with its security archive; this is $(. /etc/os-release && echo "$PRETTY_NAME")." \
      "On Debian 12, /etc/apt/sources.list needs the line" \
      "  deb http://deb.debian.org/debian-security bookworm-security main"
  fi
  if ! as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install the packages; the last lines that it printed are above" \
      "No network or a full disk are the usual reasons; once mended, run the command again." \
      "By hand:  apt-get install ${missing[*]}"
  fi
  rm -f "$log"
}

setup_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this is $(. /etc/os-release 2>/dev/null && echo "$PRETTY_NAME" || uname -s), without apt" \
      "attnc is built and tested on Debian 12; elsewhere, install what .ci/packages.txt lists and build with CMake: README.md."
  fi
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
  check_versions
}

# Configures once; afterwards ninja sees by itself when CMake has to run again.
setup_build() {
  if [ -f "$BUILD/build.ninja" ] && [ -z "${ATTNC_CMAKE_FLAGS:-}" ]; then
    return
  fi
  say "configuring ${BUILD#"$ROOT"/}/"
  mkdir -p "$BUILD"
  local log=$BUILD/configure.log
  # shellcheck disable=SC2086  # flags are words
  if ! cmake -G Ninja -S "$ROOT" -B "$BUILD" \
    -DPython3_EXECUTABLE=/usr/bin/python3 ${ATTNC_CMAKE_FLAGS:-} >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    fail "CMake could not configure the build; the last lines that it printed are above" \
      "If $BUILD is from another compiler or another place, remove it and run the command again."
  fi
}

# build TARGET...
build() {
  say "building in ${BUILD#"$ROOT"/}/ (the first time takes minutes)"
  NINJA_STATUS='[%f/%t %es] ' ninja -C "$BUILD" "$@" ||
    fail "the build failed; the compiler's message is above"
}

setup_packages
setup_build
