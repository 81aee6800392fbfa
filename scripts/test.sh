#!/usr/bin/env bash
# Everything that gates a change: format, lints, tests on both databases, pages in a real browser.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gpuaas-target}"
node_bin="${XDG_DATA_HOME:-$HOME/.local/share}/gpuaas-node/node_modules/.bin"
[ -d "$node_bin" ] && export PATH="$node_bin:$PATH"
out="$CARGO_TARGET_DIR/evidence"
mkdir -p "$out"

cargo fmt --check
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo run -q --locked -p xtask -- deps
keep() { cp target/nextest/default/junit.xml "$out/nextest.xml"; }
scripts/with-postgres.sh cargo nextest run --workspace --locked --no-fail-fast || { keep; exit 1; }
keep
cargo build --workspace --locked
export GPUAAS_BIN="$CARGO_TARGET_DIR/debug/gpuaas" GPUAAS_E2E_JUNIT="$out/browser.xml"
(cd web && npx playwright test)
echo "all green; results in $out"
