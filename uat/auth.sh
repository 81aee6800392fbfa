#!/usr/bin/env bash
# UAT-AUTH-001: sign up by the first link, sign in, sign out.
. "$(dirname "$0")/lib.sh"
link=$(cat "$FAIRWAY_UAT_DIR/first")
secret=${link##*token=}
first() {
  ask first 303 -c "$FAIRWAY_ROW_DIR/jar" -H "Origin: $UAT_URL" "$UAT_URL/auth/first" \
    --data-urlencode "token=$secret" --data-urlencode "display_name=Ada" \
    --data-urlencode "email=$UAT_EMAIL" --data-urlencode "password=$UAT_PASSWORD"
}
again() {
  ask again 410 -H "Origin: $UAT_URL" "$UAT_URL/auth/first" --data-urlencode "token=$secret" \
    --data-urlencode "display_name=Eve" --data-urlencode "email=eve@example.com" --data-urlencode "password=$UAT_PASSWORD" \
    || has -i "used\|no longer\|not valid\|expired" "$answers/$FAIRWAY_ROW-again"
}
wrong() {
  ask wrong 401 -H 'Content-Type: application/json' "$UAT_URL/api/v1/auth/personal/login" \
    -d "{\"email\":\"$UAT_EMAIL\",\"password\":\"not the password\"}" && answer wrong | has correlation_id
}
factor() { printf '%s\n' "$UAT_PASSWORD" | gpuaas login --server "$UAT_URL" --email "$UAT_EMAIL" && add_app Phone "$FAIRWAY_UAT_DIR/ada"; }
login() { printf '%s\n%s\n' "$UAT_PASSWORD" "$(one_code "$FAIRWAY_UAT_DIR/ada")" | gpuaas login --server "$UAT_URL" --email "$UAT_EMAIL"; }
guarded() { ask guarded 303 -D "$FAIRWAY_ROW_DIR/head" "$UAT_URL/workloads" && grep -qi 'location: /auth/login?return=%2Fworkloads' "$FAIRWAY_ROW_DIR/head"; }
out() { gpuaas logout && ! gpuaas whoami; }
blocked() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    ask guess 401 -H 'Content-Type: application/json' "$UAT_URL/api/v1/auth/personal/login" \
      -d '{"email":"nobody@example.com","password":"not the password"}' || break
  done
  answer guess | has '"code":"rate_limit_exceeded"'
}
check happy "the first link makes the first account" first
check negative "the link works once" again
check empty "without a session a page leads to sign-in and back" guarded
check negative "a wrong password is refused with an identifier to quote" wrong
check happy "whoever runs the site sets a second factor up" factor
check recovery "signing in again takes it" login
check blocked "guessing is slowed down" blocked
check cleanup "signing out ends the session" out
login >/dev/null
made "session of the row" cleaned
manifest
