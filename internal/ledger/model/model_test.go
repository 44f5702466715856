package main

import (
	"strings"
	"testing"
)

// TestProtocol walks every pair of operations as far as some hundred states, some of them whole. go run ./internal/ledger/model
// walks them on.
func TestProtocol(t *testing.T) {
	var out strings.Builder
	w := &walker{out: &out, limit: 250}
	for _, s := range sweeps {
		w.pairs(s.r)
	}
	w.more()
	t.Logf("%d scenarios, %d states, %d capped", w.scenarios, w.states, w.capped)
	if w.failed {
		t.Errorf("a counter-example:\n%s", out.String())
	}
	if whole := w.scenarios - w.capped; whole < 300 || w.states < 200_000 {
		t.Errorf("only %d of %d scenarios were walked whole, %d states", whole, w.scenarios, w.states)
	}
}

// TestEachRuleIsNeeded: a rule taken away gives a counter-example.
func TestEachRuleIsNeeded(t *testing.T) {
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			res, where := counter(b.r, 6_000, false)
			if res.bad == "" {
				t.Fatal("no counter-example")
			}
			t.Logf("%s: %s, %d steps", where, res.bad, len(res.trace))
		})
	}
}
