# What every row's script uses. A row says `pass PART words`, `fail PART words`, `blocked PART words`.
set -uo pipefail
. "$FAIRWAY_UAT_DIR/env"
answers="$FAIRWAY_UAT_DIR/answers"
mkdir -p "$FAIRWAY_ROW_DIR/attach"

# check PART WORDS COMMAND…: passes when the command does.
check() {
  local part=$1 words=$2
  shift 2
  if "$@" >>"$FAIRWAY_ROW_DIR/commands.txt" 2>&1; then echo "pass $part $words"; else echo "fail $part $words"; fi
}

# ask NAME STATUS CURL-ARGUMENTS…: keeps the answer under a name; holds when its status is that.
ask() {
  local name=$1 wanted=$2 got
  shift 2
  got=$(curl -sS -o "$answers/$FAIRWAY_ROW-$name" -w '%{http_code}' "$@") || return 1
  [ "$got" = "$wanted" ]
}

# answer NAME: prints an answer that was kept.
answer() { cat "$answers/$FAIRWAY_ROW-$1"; }

# has PATTERN: holds when its input has a line that fits; reads all of it, so that nobody is cut off.
has() { grep "$@" >/dev/null; }

# value NAME EXPRESSION: prints a part of a JSON answer.
value() { answer "$1" | python3 -c "import json,sys; d=json.load(sys.stdin); print($2)"; }

token() { python3 -c "import json,os; d=json.load(open(os.environ['GPUAAS_CREDENTIALS'])); print(d.get('token') or next(iter(d.values()))['token'])"; }

# totp SEED: prints what an authenticator app with this seed shows now (RFC 6238).
totp() {
  python3 - "$1" <<'END'
import base64, hmac, struct, sys, time
seed = sys.argv[1]
key = base64.b32decode(seed + "=" * (-len(seed) % 8))
digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), "sha1").digest()
place = digest[19] & 15
print("%06d" % ((struct.unpack(">I", digest[place:place + 4])[0] & 0x7FFFFFFF) % 1_000_000))
END
}

# add_app NAME FILE: sets an authenticator app up on the command line; the file keeps its seed and codes.
add_app() {
  local seed from to
  coproc APP { gpuaas auth add-app --name "$1" 2>&1; }
  # Copies of its ends: they stay when the command is over.
  exec {from}<&"${APP[0]}" {to}>&"${APP[1]}"
  read -r _ seed <&"$from"
  echo "$seed" >"$2.seed"
  totp "$seed" >&"$to"
  exec {to}>&-
  cat <&"$from" >"$2.said"
  exec {from}<&-
  grep -E '^[0-9a-z]{5}(-[0-9a-z]{5}){3}$' "$2.said" >"$2.codes"
  [ "$(wc -l <"$2.codes")" = 10 ]
}

# one_code FILE: takes a recovery code off a file.
one_code() { head -n 1 "$1.codes" && sed -i 1d "$1.codes"; }

# made RESOURCE STATE: notes what the row made and what became of it.
made() { printf '%s\t%s\n' "$1" "$2" >>"$FAIRWAY_ROW_DIR/made"; }

# manifest: writes the clean-up manifest from what was noted.
manifest() {
  python3 - "$FAIRWAY_ROW_DIR" <<'END'
import json, sys
from pathlib import Path
folder = Path(sys.argv[1])
lines = (folder / "made").read_text().splitlines() if (folder / "made").exists() else []
rows = [line.split("\t") for line in lines]
out = [{"resource": name, "state": state, **({} if state == "cleaned" else {"owner": "engineering"})} for name, state in rows]
(folder / "cleanup.json").write_text(json.dumps(out))
END
}

# ready: waits until the simulated machine's hardware is offered.
ready() {
  for _ in $(seq 100); do
    gpuaas catalog --output json | has sim-h100-slice && return 0
    sleep 0.2
  done
  return 1
}

# left_of ID: prints what this machine holds of a workload: processes by their group, mounts, groups, folders.
left_of() {
  {
    # One that has ended and waits to be counted by its parent is no process any more.
    for group in $(grep -ls "$1" /proc/[0-9]*/cgroup); do
      grep -qs '^State:.Z' "${group%cgroup}status" || echo "$group"
    done
    grep "$1" /proc/mounts
    find /sys/fs/cgroup /run/gpuaas -maxdepth 6 -name "*$1*"
  } 2>/dev/null
}
# Both look at the workload the row launched; the first shows that the second can fail.
something_there() { [ -n "$(left_of "$(id)")" ]; }
nothing_left() { local left; left=$(left_of "$(id)"); echo "left: $left"; [ -z "$left" ]; }
