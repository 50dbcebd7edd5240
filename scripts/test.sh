#!/usr/bin/env bash
# Everything a change must pass: format, lints, tests, documentation.
#
# Every step runs, so that one report shows all there is to do. One profile for all of them:
# llama.cpp is compiled once per profile.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/ensure-tools.sh
source scripts/ensure-tools.sh
ensure_rust_components

failed=()
step() {
    printf '\n==> %s\n' "$*"
    "$@" || failed+=("$*")
}

step cargo fmt --all --check
step cargo clippy --release --workspace --all-targets -- -D warnings
step cargo test --release --workspace --no-fail-fast
step env RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --no-deps

if [[ ${#failed[@]} -gt 0 ]]; then
    printf '\nfailed:\n'
    printf '    %s\n' "${failed[@]}"
    exit 1
fi
printf '\neverything passed\n'
