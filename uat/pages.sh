#!/usr/bin/env bash
# UAT-EDGE-001, UAT-OBS-001: errors in plain words, operations and audit.
. "$(dirname "$0")/lib.sh"
auth=(-H "Authorization: Bearer $(token)")
get() { ask "$1" "$2" "${auth[@]}" "$UAT_URL$3"; }
problem() { get missing 404 /api/v1/tasks/none && answer missing | has '"correlation_id"'; }
page() { ask nowhere 404 "$UAT_URL/nowhere" && answer nowhere | has 'cor_'; }
method() { ask method 405 -X DELETE "${auth[@]}" "$UAT_URL/api/v1/catalog"; }
verify() { gpuaas audit verify; }
case $FAIRWAY_ROW in
UAT-EDGE-001)
  check happy "a missing thing is a problem with an identifier" problem
  check negative "a page that is not there says so in plain words" page
  check blocked "a method that is not there is refused" method
  ;;
UAT-OBS-001)
  check happy "operations are one call" get ops 200 /api/v1/admin/ops/overview
  check happy "the audit chain holds" verify
  check empty "a filter that finds nothing answers" get none 200 "/api/v1/admin/audit-logs?action=nothing.done"
  ;;
esac
manifest
