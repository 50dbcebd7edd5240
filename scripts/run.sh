#!/usr/bin/env bash
# Builds llmdeck and starts it: scripts/run.sh [arguments of llmdeck]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/ensure-tools.sh
source "$root/scripts/ensure-tools.sh"

# Built in its own folder, where cargo finds the project's settings; started where we are, so that
# relative paths among the arguments mean what they should.
target=$(cd "$root" && cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
[[ -x $target/release/llmdeck ]] || say "the first build compiles llama.cpp, which takes some minutes"
(cd "$root" && cargo build --release --bin llmdeck)
exec "$target/release/llmdeck" "$@"
