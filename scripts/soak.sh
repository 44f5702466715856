#!/usr/bin/env bash
# Runs the long tests in parts, and resumes where it stopped: each fault in turn, two hundred kills, hostile input at full size, the
# commit protocol's model with three operations at once, and each fuzz target for FUZZTIME (default: 3m).
# Fuzzing keeps an input that fails under testdata/fuzz of its package, where `make test` tries it again.
#
# usage: scripts/soak.sh [--list | --summary | --restart]
#   SOAK_DIR   folder of the log (default: .soak). log.tsv has a line for each part that ended; a part that passed is not run again.
#   SOAK_FOR   stop before a part once this many minutes have passed (example: 30). Default: run all parts.
#   SOAK_ONLY  run only parts whose name matches this pattern (example: '^fuzz').
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
fuzztime=${FUZZTIME:-3m}
dir=${SOAK_DIR:-.soak}
log=$dir/log.tsv

# parts prints a line for each part: its name, a tab, and its command.
parts() {
  local test="SILT_SOAK=1 $go test -count=1 -timeout 6h -v"
  local n world file package target
  for n in 1 2 3 4 5 6 7 8; do
    printf '%s\t%s\n' "kills $n of 8" "SILT_KILLS=25 $go test -count=1 -timeout 2h -v -run ^TestKilled\$ ./cmd/etl"
  done
  for target in TestRestarted TestStoppedHolder; do
    printf '%s\t%s\n' "kills: $target" "$test -run ^$target ./cmd/etl"
  done
  for world in memory folders S3; do
    printf '%s\t%s\n' "faults of $world" "$test -run ^TestFaults\$/^$world ./jobs"
  done
  for target in TestReplayFaults TestReplaceFaults TestRetentionFaults TestZombies TestManyRunners TestAnyInterleaving; do
    printf '%s\t%s\n' "faults: $target" "$test -run ^$target\$ ./jobs"
  done
  for target in $(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' internal/hostile/*_test.go 2>/dev/null | grep -v '^TestMain$' | sort -u); do
    printf '%s\t%s\n' "hostile: $target" "$test -run ^$target\$ ./internal/hostile"
  done
  printf '%s\t%s\n' "model: rules" "$go run ./internal/ledger/model -only rules"
  printf '%s\t%s\n' "model: triples" "$go run ./internal/ledger/model -only triples"
  sed -n '/^var sweeps/,/^}$/s/.*{"\([a-z -]*[a-z, -]*\)", rules.*/\1/p' internal/ledger/model/*.go | while read -r world; do
    printf '%s\t%s\n' "model: $world" "$go run ./internal/ledger/model -only '$world'"
  done
  grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
    package=$(dirname "$file")
    sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
      printf '%s\t%s\n' "fuzz: $target" "$go test -run ^\$ -fuzz ^$target\$ -fuzztime $fuzztime $package"
    done
  done
}

passed() { [ -f "$log" ] && awk -F'\t' -v part="$1" '$3 == part && $4 == "passed" { found = 1 } END { exit !found }' "$log"; }

# found prints what a part's output says about how much was tried.
found() {
  local out=$1
  awk '
    match($0, /[0-9]+ kills, [0-9]+ rows/)          { split(substr($0, RSTART), f, " "); kills += f[1] }
    match($0, /[0-9]+ operations$/)                 { split(substr($0, RSTART), f, " "); operations += f[1] }
    match($0, /: [0-9]+ cases$/)                    { split(substr($0, RSTART + 2), f, " "); cases += f[1] }
    match($0, /execs: [0-9]+/)                      { execs = substr($0, RSTART + 7, RLENGTH - 7) }
    match($0, /so far +[0-9]+ scenarios, +[0-9]+ states, [0-9]+ capped/) { split(substr($0, RSTART), f, " "); scenarios = f[3]; states = f[5]; capped = f[7] }
    / counter-example/                              { missing++ }
    /^--- PASS/                                     { tests++ }
    END {
      if (kills) printf "%d kills; ", kills
      if (operations) printf "%d operations; ", operations
      if (cases) printf "%d cases; ", cases
      if (execs) printf "%s inputs; ", execs
      if (states) printf "%s scenarios, %s states, %s stopped at the limit; ", scenarios, states, capped
      if (missing) printf "%d rules without a counterexample; ", missing
      if (tests) printf "%d tests; ", tests
    }' "$out" | sed 's/; $//'
}

run() {
  mkdir -p "$dir"
  local began=$SECONDS name command out started result commit
  while IFS=$'\t' read -r name command <&3; do
    if passed "$name" || ! grep -qE -- "${SOAK_ONLY:-.}" <<<"$name"; then
      continue
    fi
    if [ -n "${SOAK_FOR:-}" ] && [ $((SECONDS - began)) -ge $((SOAK_FOR * 60)) ]; then
      echo "stopped after $SOAK_FOR minutes. Start it again to continue with: $name"
      return
    fi
    out=$dir/$(tr -c 'A-Za-z0-9\n' '-' <<<"$name").log
    echo "== $name"
    started=$SECONDS result=passed
    commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
    bash -c "$command" >"$out" 2>&1 </dev/null || result=failed
    printf '%s\t%s\t%s\t%s\t%d\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$commit" "$name" "$result" $((SECONDS - started)) "$(found "$out")" >>"$log"
    tail -n 1 "$log"
    if [ "$result" = failed ]; then
      tail -n 60 "$out"
      echo "failed: $name. Its output is in $out. Try: fix the cause, then start again; parts that passed are not repeated"
      exit 1
    fi
  done 3< <(parts)
}

summary() {
  local name command line missing=0 all=0
  echo "| part | result | seconds | what was tried |"
  echo "| --- | --- | --- | --- |"
  while IFS=$'\t' read -r name command; do
    all=$((all + 1))
    # The last line about a part counts.
    line=$([ ! -f "$log" ] || awk -F'\t' -v part="$name" '$3 == part { last = "| " part " | " $4 " | " $5 " | " $6 " |" } END { print last }' "$log")
    [ -n "$line" ] && echo "$line" || missing=$((missing + 1))
  done < <(parts)
  echo
  echo "$missing of $all parts have not run yet."
}

case ${1:-} in
--list)
  while IFS=$'\t' read -r name command; do
    printf '%-8s%s\n' "$(passed "$name" && echo passed || echo -)" "$name"
  done < <(parts)
  ;;
--summary) summary ;;
--restart) rm -rf "$dir" && run ;;
"") run ;;
*) sed -n '2,/^set/p' "$0" | sed '$d' | sed 's/^# \{0,1\}//' && exit 2 ;;
esac
