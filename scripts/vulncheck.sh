#!/usr/bin/env bash
# Fails if a function that Silt calls has a known vulnerability. If the database cannot be reached, it says so in one line and succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
database=${GOVULNDB:-https://vuln.go.dev}

# Building govulncheck takes a minute, so look first whether its database answers.
if command -v python3 >/dev/null; then
  python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=20).read(1)' "$database/index/db.json" >"$dir/log" 2>&1 || {
    echo "govulncheck did not run, because its database at $database cannot be reached: $(tail -n 1 "$dir/log")"
    exit 0
  }
fi

# The exit code of govulncheck tells findings (3) from other failures. go run would hide it.
if ! GOBIN="$dir" $go install golang.org/x/vuln/cmd/govulncheck@v1.9.0 >"$dir/log" 2>&1; then
  echo "govulncheck did not run, because it could not be installed: $(tail -n 1 "$dir/log")"
  exit 0
fi
code=0
timeout "${VULNCHECK_TIMEOUT:-600}" "$dir/govulncheck" -db "$database" ./... >"$dir/log" 2>&1 || code=$?
case $code in
0) echo "govulncheck: no known vulnerability is reachable" ;;
3)
  cat "$dir/log"
  echo "govulncheck found vulnerabilities. Try: go get MODULE@latest, or a newer version of Go"
  exit 1
  ;;
*)
  if [ "$code" -eq 124 ] || grep -qE 'vulndb|vuln\.go\.dev|dial tcp|fetching|no such host|Forbidden|Get "' "$dir/log"; then
    echo "govulncheck did not run, because its database at $database cannot be reached: $(tail -n 1 "$dir/log")"
    exit 0
  fi
  cat "$dir/log"
  echo "govulncheck failed with exit code $code"
  exit 1
  ;;
esac
