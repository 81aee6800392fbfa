#!/usr/bin/env bash
# What a change costs: CPU seconds of rebuilding after an edit inside a function, and after an edit of a
# signature, in the product crate.
set -euo pipefail
cd "$(dirname "$0")/.."
file=crates/server/src/billing/rating.rs
keep=$(mktemp); cp "$file" "$keep"; trap 'cp "$keep" "$file"; rm "$keep"' EXIT
cargo build --workspace -q
TIMEFORMAT='%U + %S cpu-s'
sed -i 's|let product = i128::from(price_per_hour.0)|let _cost = 1;\n    let product = i128::from(price_per_hour.0)|' "$file"
echo -n "body edit: "; time cargo build --workspace -q
sed -i 's|pub fn lasts(|pub fn lasts_of(_: i64) {}\npub fn lasts(|' "$file"
echo -n "signature edit: "; time cargo build --workspace -q
