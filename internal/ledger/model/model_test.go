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
	w.losses()
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

// TestAdopt lets an adopt and then a run end alone: each ledger that was lost is complete afterwards, or adopt has refused what two
// generations of a batch make uncertain.
func TestAdopt(t *testing.T) {
	adopted, refused := 0, 0
	for _, sc := range losses(rules{}) {
		s := runClean(runClean(sc.init, opAdopt, &sc.r, nil), opRun, &sc.r, nil)
		f := fold(&s, s.Len, &sc.r)
		switch bad := exact(&s, &f, &sc.r); {
		case orphans(&s, &f) != 0:
			t.Logf("%s: refused", sc.name)
			refused++
		case bad != "":
			t.Errorf("%s: %s", sc.name, bad)
		default:
			adopted++
		}
	}
	t.Logf("%d adopted, %d refused", adopted, refused)
	if adopted < 30 || refused > 0 {
		t.Errorf("%d adopted, %d refused", adopted, refused)
	}
}
