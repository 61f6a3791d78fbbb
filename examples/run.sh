#!/usr/bin/env bash
# Installs what is missing, builds, and runs the attention of a real sentence
# encoder: compiled from examples/minilm.attn, on the inputs that the encoder
# had for a real text, against the output that it had.
source "$(dirname "$0")/../.ci/setup.sh"

build attnc minilm

picture=$BUILD/minilm.svg
cd "$ROOT"
say "compiling examples/minilm.attn and running it on examples/data/minilm"
"$BUILD/bin/minilm" examples/minilm.attn examples/data/minilm "$picture"
say "where the tokens look: ${picture#"$ROOT"/}"
say "next: ${BUILD#"$ROOT"/}/bin/attnc --help, and README.md"
