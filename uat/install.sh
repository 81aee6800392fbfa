#!/usr/bin/env bash
# Installs the release build into a clean folder and starts it with simulated GPUs; what rows need to reach
# it is left in $FAIRWAY_UAT_DIR/env.
set -euo pipefail
target="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gpuaas-target}"
cargo build --release --locked -q -p gpuaas -p fairway
dir="$FAIRWAY_UAT_DIR"
mkdir -p "$dir/bin" "$dir/logs" "$dir/answers"
install -m 755 "$target/release/gpuaas" "$dir/bin/gpuaas"
GPUAAS_LOG=info setsid "$dir/bin/gpuaas" up --data "$dir/data" --http 127.0.0.1:0 --agent-listen 127.0.0.1:0 \
  --simulate 1x4xH100 --first-link-file "$dir/first" >"$dir/started" 2>"$dir/logs/gpuaas.log" </dev/null &
echo $! >"$dir/pid"
for _ in $(seq 300); do
  url=$(sed -n 's/^Listening: //p' "$dir/started")
  [ -n "$url" ] && [ -s "$dir/first" ] && break
  sleep 0.1
done
[ -n "$url" ]
cat >"$dir/env" <<END
export UAT_URL="$url" GPUAAS_CREDENTIALS="$dir/credentials.json" PATH="$dir/bin:\$PATH"
export UAT_EMAIL=ada@example.com UAT_PASSWORD="river stone lantern"
END
echo "installed at $url"
