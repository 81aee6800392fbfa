#!/usr/bin/env bash
# Runs a command with a throw-away PostgreSQL server on a unix socket: GPUAAS_TEST_POSTGRES names it.
# The server refuses to run as root, so it runs as an unprivileged user; it is ended by its own pid.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "PostgreSQL's server is missing: scripts/setup.sh test installs it" >&2; exit 1; }
dir=$(mktemp -d /tmp/gpuaas-pg.XXXXXX)
as=()
if [ "$(id -u)" = 0 ]; then
  chown nobody "$dir"
  as=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
fi
"${as[@]}" "$bin/initdb" -D "$dir/data" -A trust -U gpuaas --no-sync -E UTF8 --locale=C >/dev/null
stop() {
  "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o \
  "-c listen_addresses='' -k $dir -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=400" start >/dev/null
export GPUAAS_TEST_POSTGRES="postgres://gpuaas@%2Ftmp%2F$(basename "$dir")"
"$@"
