#!/usr/bin/env bash
# UAT-OPS-001, UAT-OPS-002, UAT-TERMINAL-001, UAT-IAM-001, UAT-HARNESS-001: machines, a lost one, shells, projects, the gate.
. "$(dirname "$0")/lib.sh"
auth=(-H "Authorization: Bearer $(token)")
json=(-H 'Content-Type: application/json')
get() { ask "$1" "$2" "${auth[@]}" "$UAT_URL$3"; }
post() { ask "$1" "$2" "${auth[@]}" "${json[@]}" -H "X-Idempotency-Key: $FAIRWAY_ROW-$1" -X POST "$UAT_URL$3" -d "${4:-{\}}"; }
node() { get nodes 200 /api/v1/admin/nodes && value nodes "next(n['id'] for n in d['items'] if n['simulated'])"; }
node_is() { get node 200 "/api/v1/admin/nodes/$(node)" && [ "$(value node "d['status']")" = "$1" ]; }
launched() { gpuaas launch sim-h100-slice --name "$FAIRWAY_ROW" --yes --output json >"$FAIRWAY_ROW_DIR/launched"; }
id() { python3 -c "import json,sys; print(json.load(open(sys.argv[1]))['id'])" "$FAIRWAY_ROW_DIR/launched"; }
state() {
  for _ in $(seq 400); do
    get show 200 "/api/v1/allocations/$(id)" && [ "$(value show "d['state']")" = "$1" ] && return 0
    sleep 0.2
  done
  return 1
}
kept() { get audit 200 "/api/v1/admin/audit-logs?limit=50" && cp "$answers/$FAIRWAY_ROW-audit" "$FAIRWAY_ROW_DIR/attach/audit.json"
  get ops 200 /api/v1/admin/ops/overview && cp "$answers/$FAIRWAY_ROW-ops" "$FAIRWAY_ROW_DIR/attach/observability.json"; }

join() { post join 201 /api/v1/admin/nodes/join && answer join | has 'gpuaas agent'; }
stranger() { ask stranger 401 "$UAT_URL/api/v1/admin/nodes"; }
drained() { post drain 204 "/api/v1/admin/nodes/$(node)/drain" && node_is draining; }
full() { ! launched 2>"$FAIRWAY_ROW_DIR/full" && has -i 'capacity\|free\|sold out\|not enough' "$FAIRWAY_ROW_DIR/full"; }
back() { post resume 204 "/api/v1/admin/nodes/$(node)/resume" && node_is active; }
nobody() { get nobody 404 /api/v1/admin/nodes/node_01jd3x5gq8f9v7m2k4n6p8r0st; }

agents() { pkill "-$1" -P "$(cat "$FAIRWAY_UAT_DIR/pid")" -f ' agent'; }
lost() {
  agents STOP || return 1
  for _ in $(seq 90); do
    get show 200 "/api/v1/allocations/$(id)" && [ "$(value show "d['unreachable']")" = True ] && return 0
    sleep 1
  done
  return 1
}
no_reason() { post no-reason 422 "/api/v1/admin/allocations/$(id)/force-release" '{"reason":""}' || get show 200 "/api/v1/allocations/$(id)" && ! [ "$(value show "d['state']")" = releasing ]; }
forced() { post forced 202 "/api/v1/admin/allocations/$(id)/force-release" '{"reason":"its machine is lost"}'; }
found() { agents CONT && state released; }

shell() { printf 'echo uat-$((40+2))\nexit 7\n' | timeout 30 gpuaas shell "$(id)" >"$FAIRWAY_ROW_DIR/shell"; [ $? = 7 ] && has uat-42 "$FAIRWAY_ROW_DIR/shell"; }
# A shell at a keyboard: its keys come from a pipe that stays open while the machine's agent is killed.
goes_on() {
  local said="$FAIRWAY_ROW_DIR/goes-on"
  {
    echo 'mine=kept; echo begin-$((40+2))'
    for _ in $(seq 100); do grep -q begin-42 "$said" && break; sleep 0.1; done
    agents KILL
    for _ in $(seq 300); do grep -q 'connected again' "$said" && break; sleep 0.1; done
    sleep 0.5
    echo 'echo still-$mine-$((40+2)); exit'
    sleep 2
  } | timeout 60 script -qefc "gpuaas shell $(id)" /dev/null >"$said" 2>&1
  has still-kept-42 "$said"
}
unrecorded() { gpuaas recordings list --output json >"$FAIRWAY_ROW_DIR/recordings" && [ "$(python3 -c "import json,sys; print(len(json.load(open(sys.argv[1]))['items']))" "$FAIRWAY_ROW_DIR/recordings")" = 0 ]; }
recording() { gpuaas recordings policy "$1"; }
unasked() { ! printf 'exit\n' | timeout 30 gpuaas shell "$(id)" 2>"$FAIRWAY_ROW_DIR/unasked" && has -e --record "$FAIRWAY_ROW_DIR/unasked"; }
recorded() {
  printf 'echo taped-$((40+2))\nexit\n' | timeout 30 gpuaas shell --record "$(id)" >"$FAIRWAY_ROW_DIR/recorded" || return 1
  gpuaas recordings list --output json >"$FAIRWAY_ROW_DIR/recordings" || return 1
  python3 -c "import json,sys; print(json.load(open(sys.argv[1]))['items'][0]['id'])" "$FAIRWAY_ROW_DIR/recordings" >"$FAIRWAY_ROW_DIR/tape"
}
played() {
  for _ in $(seq 50); do
    rm -f "$FAIRWAY_ROW_DIR/attach/shell.cast"
    gpuaas recordings save "$(cat "$FAIRWAY_ROW_DIR/tape")" "$FAIRWAY_ROW_DIR/attach/shell.cast" && has taped-42 "$FAIRWAY_ROW_DIR/attach/shell.cast" && return 0
    sleep 0.2
  done
  return 1
}
erased() { gpuaas recordings erase "$(cat "$FAIRWAY_ROW_DIR/tape")" && ! gpuaas recordings play "$(cat "$FAIRWAY_ROW_DIR/tape")"; }
no_shell() { timeout 30 gpuaas shell alloc_01jd3x5gq8f9v7m2k4n6p8r0st </dev/null; [ $? = 4 ]; }
over() { gpuaas release "$(id)" --wait && ! timeout 30 gpuaas shell "$(id)" </dev/null; }

org() { get me 200 /api/v1/me && value me "d['organizations'][0]['id']"; }
made_project() { post project 201 /api/v1/projects "{\"name\":\"Row\",\"org_id\":\"$(org)\"}" && value project "d['id']" >"$FAIRWAY_ROW_DIR/project"; }
project() { cat "$FAIRWAY_ROW_DIR/project"; }
renamed() { ask renamed 200 "${auth[@]}" "${json[@]}" -X PATCH "$UAT_URL/api/v1/projects/$(project)" -d '{"name":"Row two"}'; }
other() { get other 404 /api/v1/projects/proj_01jd3x5gq8f9v7m2k4n6p8r0st; }
deleted() { ask deleted 204 "${auth[@]}" -X DELETE "$UAT_URL/api/v1/projects/$(project)" && get gone 404 "/api/v1/projects/$(project)"; }
blank() { post blank 422 /api/v1/projects "{\"name\":\"\",\"org_id\":\"$(org)\"}" && answer blank | has correlation_id; }

fairway() { "${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gpuaas-target}/release/fairway" "$@"; }
asked() { fairway gate product-flow; }
red() { fairway --no-gaps gate sellable; [ $? = 1 ]; }
empty_one() { local d; d=$(mktemp -d) && fairway --root "$d" check; [ $? = 3 ]; }

case $FAIRWAY_ROW in
UAT-OPS-001)
  ready || { echo "blocked fixture no simulated node offered anything"; exit 0; }
  check happy "a line to paste joins a machine" join
  check negative "a stranger is asked to sign in" stranger
  check negative "a machine that is not there is not there" nobody
  check happy "a machine drains" drained
  check blocked "nothing new starts on it, and it is said" full
  check recovery "it is put back" back
  check cleanup "it takes work again" launched
  gpuaas release "$(id)" --wait >/dev/null && made "allocation $(id)" cleaned
  kept ;;
UAT-OPS-002)
  ready && launched && state active || { echo "blocked fixture no workload became active"; exit 0; }
  check happy "it is there: processes, groups, folders" something_there
  check blocked "a silent machine's workload is unreachable" lost
  check negative "an operator who gives no reason is refused" no_reason
  check happy "an operator ends it with a reason" forced
  check recovery "the machine comes back and it is settled" found
  check cleanup "nothing of it is left: processes, groups, folders, mounts" nothing_left
  made "allocation $(id)" cleaned
  kept ;;
UAT-TERMINAL-001)
  ready && launched && state active || { echo "blocked fixture no workload became active"; exit 0; }
  check happy "it is there: processes, groups, folders" something_there
  check happy "a shell answers and ends with its own code" shell
  check recovery "another one opens after it" shell
  check recovery "one goes on when the machine's agent is killed" goes_on
  check empty "nothing is recorded before somebody wants it" unrecorded
  check happy "an organization records what terminals show" recording required
  check blocked "nothing opens before somebody agreed" unasked
  check happy "who agrees is recorded" recorded
  check happy "what was shown is in the file" played
  check cleanup "a recording is erased" erased
  check cleanup "the organization records no more" recording off
  check negative "a workload that is not there has none" no_shell
  check cleanup "after the release there is none" over
  check cleanup "nothing of it is left: processes, groups, folders, mounts" nothing_left
  made "allocation $(id)" cleaned
  kept ;;
UAT-IAM-001)
  check happy "a project is made" made_project
  check happy "it is renamed" renamed
  check blocked "one without a name is refused with an identifier to quote" blank
  check negative "another's project is not there" other
  check cleanup "it is deleted and gone" deleted
  made "project $(project)" cleaned
  kept ;;
UAT-HARNESS-001)
  check happy "everything people can reach belongs to a flow" asked
  check blocked "the gate names what is in the way" red
  check empty "of an empty folder nothing is known" empty_one ;;
esac
manifest
