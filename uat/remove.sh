#!/usr/bin/env bash
# Ends what install.sh started, and says when something stays.
set -uo pipefail
pid=$(cat "$FAIRWAY_UAT_DIR/pid" 2>/dev/null) || exit 0
kill -TERM "$pid" 2>/dev/null
for _ in $(seq 100); do
  kill -0 "$pid" 2>/dev/null || exit 0
  sleep 0.1
done
echo "process $pid did not end"
kill -KILL "$pid"
exit 1
