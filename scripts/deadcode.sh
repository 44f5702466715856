#!/usr/bin/env bash
# Fails if a function is unreachable: first from the commands alone (code that only tests use), then from commands and tests.
# The first pass leaves out the packages that import "testing", because only tests use them.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
deadcode="$go run golang.org/x/tools/cmd/deadcode@v0.52.0"

module=$($go list -m)
tests=$($go list -tags verify -f '{{$p := .ImportPath}}{{range .Imports}}{{if eq . "testing"}}{{$p}} {{end}}{{end}}' ./...)
leave=()
for package in $tests; do
  leave+=(-e "^${package#"$module"/}/")
done
# Assignments of their own, so that a failed deadcode ends the script.
without_tests=$($deadcode -tags deadcode,verify ./...)
with_tests=$($deadcode -test -tags deadcode,verify ./...)
found=$(grep -v "${leave[@]}" <<<"$without_tests" || true)
found=$(sort -u <<<"$found"$'\n'"$with_tests" | sed '/^$/d')
if [ -n "$found" ]; then
  echo "unreachable functions: remove each, or move it into the tests that use it"
  echo "$found"
  exit 1
fi
