#!/bin/sh
# Runs the long tests: each fault of a run in turn, two hundred kills, and each fuzz target for FUZZTIME (default: 10m).
# Fuzzing keeps an input that fails under testdata/fuzz of its package, where `make test` tries it again.
set -eu
go=${GO:-go}
SILT_SOAK=1 $go test -count=1 -timeout 6h -run 'TestFaults|TestZombies|TestKilled|TestRestarted|TestStoppedHolder|TestManyRunners|TestAnyInterleaving' ./jobs ./cmd/etl
grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do
	package=$(dirname "$file")
	sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
		echo "$package $target"
		$go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10m}" "$package" </dev/null
	done
done
