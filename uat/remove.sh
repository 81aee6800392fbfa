#!/usr/bin/env bash
# Ends what install.sh started, workloads a failed row left first, and says when something stays.
set -uo pipefail
pid=$(cat "$FAIRWAY_UAT_DIR/pid" 2>/dev/null) || exit 0
left=0
if [ -f "$FAIRWAY_UAT_DIR/env" ] && [ -f "$FAIRWAY_UAT_DIR/credentials.json" ]; then
  . "$FAIRWAY_UAT_DIR/env"
  pkill -CONT -P "$pid" 2>/dev/null
  running=$(gpuaas ls --output json | python3 -c "
import json, sys
over = ('released', 'failed')
print('\n'.join(one['id'] for one in json.load(sys.stdin)['items'] if one['state'] not in over))")
  for id in $running; do
    echo "a row left the workload $id"
    left=1
    timeout 60 gpuaas release "$id" --wait || echo "$id could not be released"
  done
fi
kill -TERM "$pid" 2>/dev/null
for _ in $(seq 100); do
  kill -0 "$pid" 2>/dev/null || exit $left
  sleep 0.1
done
echo "process $pid did not end"
kill -KILL "$pid"
exit 1
