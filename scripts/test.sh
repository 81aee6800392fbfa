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
rm -f "$out"/*
keep() { cp target/nextest/default/junit.xml "$out/nextest.xml"; }
scripts/with-postgres.sh cargo nextest run --workspace --locked --no-fail-fast || { keep; exit 1; }
keep
cargo build --workspace --locked
export GPUAAS_BIN="$CARGO_TARGET_DIR/debug/gpuaas" GPUAAS_E2E_JUNIT="$out/browser.xml"
(cd web && npx playwright test)

# What was just run becomes evidence; what is written down must be sound and must agree with it. Whether UAT
# may begin is an answer, not a condition of this run.
fairway="$CARGO_TARGET_DIR/debug/fairway"
statement() { "$fairway" evidence make --lane build --runner "make test" --tier "$1" --out "$out/$1.json" "${@:2}"; }
statement unit "$out/nextest.xml" --except 'gpuaas-server::it#*' --except 'gpuaas::it#*' --except 'fairway::*'
statement integration "$out/nextest.xml" --only 'gpuaas-server::it#*' --only 'fairway::it#*'
statement smoke "$out/nextest.xml" --only 'gpuaas::it#*' --only 'fairway::cli#*'
statement e2e "$out/browser.xml"
"$fairway" --evidence "$out" check
"$fairway" --evidence "$out" gate review
for gate in reconciliation operations; do "$fairway" --evidence "$out" gate "$gate" || [ $? -eq 3 ]; done
"$fairway" prove
"$fairway" --evidence "$out" gate pre-uat || [ $? -ne 2 ]
echo "all green; results in $out"
