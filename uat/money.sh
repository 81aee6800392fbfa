#!/usr/bin/env bash
# UAT-BILLING-001: no money, funds added, an exact charge with the sum behind it, the statement, the processor's account.
. "$(dirname "$0")/lib.sh"
auth() { printf 'Authorization: Bearer %s' "$(token)"; }
json=(-H 'Content-Type: application/json')
of() { python3 -c "import json,sys; d=json.load(open(sys.argv[1])); print($2)" "$FAIRWAY_ROW_DIR/$1"; }
# in_file NAME COMMAND…: keeps what a command prints.
in_file() { local name=$1; shift; "$@" >"$FAIRWAY_ROW_DIR/$name"; }
confirmed() { one_code "$FAIRWAY_UAT_DIR/ada" | gpuaas auth confirm; }
# projects EXPRESSION: prints what it says of a project it holds for.
projects() { gpuaas project list --output json | python3 -c "import json,sys; d=json.load(sys.stdin); print(next(p['id'] for p in (d['items'] if 'items' in d else d) if $1))"; }
micros() { gpuaas balance --output json | python3 -c "import json,sys; print(json.load(sys.stdin)['available']['micros'])"; }

# An organization of its own, which nobody gave anything.
poor() {
  home=$(projects True)
  org=$(gpuaas org create "Out of money") && gpuaas project create Paid --org "$org" || return 1
  gpuaas project use "$(projects "p['org_id'] == '$org'")" && [ "$(micros)" = 0 ]
}
refused() { ! gpuaas launch sim-h100-slice --name poor --yes 2>"$FAIRWAY_ROW_DIR/refused" && has -i 'balance\|funds\|cover' <"$FAIRWAY_ROW_DIR/refused"; }
asked() { in_file payment gpuaas payment create 20 && has /pay/simulated/ <"$FAIRWAY_ROW_DIR/payment"; }
payment() { sed -n 's/^payment *//p' "$FAIRWAY_ROW_DIR/payment"; }
form() { ask "$1" 303 -H "$(auth)" -H "Origin: $UAT_URL" "$UAT_URL/pay/simulated/$(payment)" -d "choice=$2&_key=$FAIRWAY_ROW-$2"; }
declined() { form declined decline && [ "$(micros)" = 0 ]; }
paid() {
  form paid pay || return 1
  for _ in $(seq 100); do [ "$(micros)" = 20000000 ] && return 0; sleep 0.2; done
  return 1
}
twice() { ! form again pay; [ "$(micros)" = 20000000 ]; }
launched() { in_file launched gpuaas launch sim-h100-slice --name measured --yes --output json && sleep 3; }
released() { gpuaas release "$(of launched "d['id']")" --wait; }
# What was paid in is what is left and what was charged, to the millionth; the command line's sum says the same.
exact() {
  in_file shown gpuaas show "$(of launched "d['id']")" --output json && in_file lines gpuaas statement --output json || return 1
  local charged; charged=$(of shown "d['charged']['micros']")
  [ "$charged" -gt 0 ] && [ $(($(micros) + charged)) = 20000000 ]
}
explained() {
  in_file explained gpuaas explain "$(of lines "next(l['txn_id'] for l in d['items'] if l['kind'] == 'usage')")" && has ' s' <"$FAIRWAY_ROW_DIR/explained"
}
agreed() { gpuaas finance reconciliation | has '^open cases  0'; }
audited() { ask audit 200 -H "$(auth)" "$UAT_URL/api/v1/admin/audit-logs?limit=50" && cp "$answers/$FAIRWAY_ROW-audit" "$FAIRWAY_ROW_DIR/attach/audit.json"; }
observed() { ask ops 200 -H "$(auth)" "$UAT_URL/api/v1/admin/ops/overview" && cp "$answers/$FAIRWAY_ROW-ops" "$FAIRWAY_ROW_DIR/attach/observability.json"; }
# Nobody sends money of their own organization back alone where others pay.
waits() { in_file refund gpuaas finance refund "$(payment)" 5 --reason Acceptance && has requested <"$FAIRWAY_ROW_DIR/refund"; }
taken_back() { gpuaas finance decline "$(sed -n 's/^refund *//p' "$FAIRWAY_ROW_DIR/refund")" | has declined; }

ready || { echo "blocked fixture no simulated node offered anything"; exit 0; }
check recovery "who spends proves that it is them" confirmed
check empty "a new organization has nothing, and says so" poor
check blocked "a launch waits for money before anything changes" refused
check happy "funds are asked for" asked
check negative "a declined card gives nothing" declined
check happy "paid, and in the balance" paid
check negative "paid once, however often one presses" twice
check recovery "the launch works now" launched
check happy "released" released
check happy "the charge is exact: paid in less charged is what is left" exact
check happy "the sum behind the charge" explained
check blocked "a refund of one's own organization waits for a second person" waits
check cleanup "and is taken back" taken_back
check happy "the processor's account agrees with the books" agreed
check happy "every act stands in the audit record" audited
check happy "operations are one call" observed
gpuaas project use "$home" >/dev/null
made "workload of the row" cleaned
made "organization Out of money" kept
manifest
