#!/usr/bin/env bash
# UAT-COMPUTE-001 and UAT-COMPUTE-002: launch, use, release; the cost agrees in command line and API.
. "$(dirname "$0")/lib.sh"
auth=(-H "Authorization: Bearer $(token)")
json=(-H 'Content-Type: application/json')
launched() { gpuaas launch sim-h100-slice -n "${1:-1}" --name "$FAIRWAY_ROW" --yes --output json >"$FAIRWAY_ROW_DIR/launched"; }
id() { python3 -c "import json,sys; print(json.load(open(sys.argv[1]))['id'])" "$FAIRWAY_ROW_DIR/launched"; }
state() {
  for _ in $(seq 150); do
    ask show 200 "${auth[@]}" "$UAT_URL/api/v1/allocations/$(id)" && [ "$(value show "d['state']")" = "$1" ] && return 0
    sleep 0.2
  done
  return 1
}
too_many() {
  ask blocked 409 "${auth[@]}" "${json[@]}" -H "X-Idempotency-Key: $FAIRWAY_ROW-too-many" "$UAT_URL/api/v1/allocations" \
    -d '{"sku":"sim-h100-slice","count":64,"name":"too many"}' && answer blocked | has blockers
}
unknown() { ask unknown 404 "${auth[@]}" "$UAT_URL/api/v1/allocations/alloc_01jd3x5gq8f9v7m2k4n6p8r0st"; }
shell() { printf 'echo uat-$((40+2))\nexit\n' | timeout 30 gpuaas shell "$(id)" | has uat-42; }
# The stock client, with a key made for this row and deleted after it.
over_ssh() {
  local key="$FAIRWAY_ROW_DIR/ssh-key"
  [ -e "$key" ] || { ssh-keygen -q -t ed25519 -N '' -C "$FAIRWAY_ROW" -f "$key" && gpuaas keys add "$key.pub" --name "$FAIRWAY_ROW"; } || return 1
  timeout 30 gpuaas ssh "$(id)" -i "$key" -o IdentitiesOnly=yes -o BatchMode=yes 'echo uat-$((40+3))' | has uat-43
}
key_gone() {
  local id
  id=$(gpuaas keys list --output json | python3 -c "import json,sys; print(next(k['id'] for k in json.load(sys.stdin)['items'] if k['name'] == sys.argv[1]))" "$FAIRWAY_ROW") || return 1
  gpuaas keys delete "$id" && ! over_ssh && rm -f "$FAIRWAY_ROW_DIR/ssh-key" "$FAIRWAY_ROW_DIR/ssh-key.pub"
}
released() { gpuaas release "$(id)" --wait && state released; }
twice() { gpuaas release "$(id)"; }
costs() {
  ask usage 200 "${auth[@]}" "$UAT_URL/api/v1/billing/usage"
  local api cli
  api=$(value show "d['charged']['micros']")
  cli=$(gpuaas show "$(id)" --output json | python3 -c "import json,sys; print(json.load(sys.stdin)['charged']['micros'])")
  [ "$api" = "$cli" ]
}
history() { ask history 200 "${auth[@]}" "$UAT_URL/api/v1/allocations?status=released"; }
restart() { kill -KILL "$(pgrep -P "$(cat "$FAIRWAY_UAT_DIR/pid")" -f ' server ' | head -1)"; sleep 1; state active; }

ready || { echo "blocked fixture no simulated node offered anything"; exit 0; }
check empty "history can be looked at with nothing running" history
check blocked "what does not fit is said before anything changes" too_many
check negative "what is not there is not there" unknown
check happy "launched" launched
check happy "it becomes active" state active
check happy "it is there: processes, groups, folders" something_there
check happy "a shell in it answers" shell
check happy "it opens with the stock SSH client and a key" over_ssh
check recovery "it goes on after the control plane was killed" restart
check cleanup "a deleted key opens nothing" key_gone
check cleanup "released" released
check cleanup "nothing of it is left: processes, groups, folders, mounts" nothing_left
check negative "asking twice is fine" twice
check happy "the cost is the same in command line and API" costs
ask audit 200 "${auth[@]}" "$UAT_URL/api/v1/admin/audit-logs?limit=50" && cp "$answers/$FAIRWAY_ROW-audit" "$FAIRWAY_ROW_DIR/attach/audit.json"
ask ops 200 "${auth[@]}" "$UAT_URL/api/v1/admin/ops/overview" && cp "$answers/$FAIRWAY_ROW-ops" "$FAIRWAY_ROW_DIR/attach/observability.json"
made "allocation $(id)" cleaned
manifest
