package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// walker walks scenarios and adds up.
type walker struct {
	out     io.Writer
	verbose bool
	limit   int // states of a scenario

	scenarios, states, capped int
	failed                    bool
}

type scenario struct {
	name string
	init state
	r    rules
}

// starts are the states that operations meet.
func starts(r rules) []scenario {
	var empty state
	two := r
	two.twoBatches = true
	base := runClean(empty, opRun, &r, nil)
	pair := runClean(empty, opRun, &two, nil)
	return []scenario{
		{"fresh", empty, r},
		{"planned, runner dead", runClean(empty, opRun, &r, func(s *state) bool { return s.Len == 1 }), r},
		{"committed, not rolled forward, runner dead", runClean(empty, opRun, &r, func(s *state) bool { return s.Len == 2 }), r},
		{"committed, with quarantine", base, r},
		{"two batches", pair, two},
		{"two batches, compacted", runClean(pair, opCompact, &two, nil), two},
	}
}

func names(ops []op) string {
	var out []string
	for _, o := range ops {
		out = append(out, opName[o])
	}
	return strings.Join(out, " | ")
}

// roomToEnd is how many entries are left for the clean runs of a check.
const roomToEnd = 12

// explored walks one scenario.
func explored(sc scenario, limit int, cycles bool, ops ...op) result {
	s := sc.init
	for i, o := range ops {
		s.P[i] = proc{Op: o}
	}
	r := sc.r
	full := func(s *state) bool { return s.Len > maxEntries-roomToEnd } // only with a rule taken away: a process writes its entry without end
	m := model[state]{init: s, next: func(s *state) []step[state] {
		if full(s) {
			return nil
		}
		return s.next(&r)
	}, check: func(s *state) string {
		if full(s) {
			return ""
		}
		return s.check(&r)
	}}
	if cycles {
		m.final = func(s *state) string { return s.final() }
	}
	return explore(m, limit, cycles)
}

func (w *walker) walk(sc scenario, ops ...op) {
	res := explored(sc, w.limit, true, ops...)
	w.scenarios++
	w.states += res.states
	note := ""
	if res.capped {
		w.capped++
		note = " (capped)"
	}
	if w.verbose || res.bad != "" {
		fmt.Fprintf(w.out, "  %-44s %-26s %8d states%s %s\n", sc.name, names(ops), res.states, note, res.bad)
	}
	if res.bad != "" {
		w.failed = true
		w.show(res)
	}
}

func (w *walker) show(res result) {
	for i, t := range res.trace {
		fmt.Fprintf(w.out, "      %2d %s\n", i+1, t)
	}
}

// operations are walked in pairs with each other. Those of the second list leave files alone, and are walked with the first.
var (
	operations = []op{opRun, opReplan, opReplace, opReplay, opRewind, opCompact, opDoctor, opFence}
	besides    = []op{opSkip, opPause, opShard0, opShard1, opSplit}
)

// sweeps are the worlds that every pair of operations is walked in.
var sweeps = []struct {
	label string
	r     rules
}{
	{"lost answers", rules{lostResponses: true}},
	{"nobody rolls forward for others", rules{lazy: true}},
	{"object overwritten", rules{overwrite: 1}},
	{"a batch with version 0 is refused", rules{bad: true, overwrite: 1}},
	{"object denied for a time", rules{denied: true}},
	{"object overwritten, and then left", rules{overwrite: 1, ignoreChanged: true}},
	{"object touched", rules{overwrite: 2, touch: true}},
	{"publish by server-side copy", rules{copyPublish: true, lazy: true}},
	{"store drops a held file", rules{lifecycle: true}},
	{"all but overwriting", rules{lazy: true, lifecycle: true, lostResponses: true}},
}

func (w *walker) pairs(r rules) {
	for _, sc := range starts(r) {
		for i, a := range operations {
			for _, b := range operations[i:] {
				w.walk(sc, a, b)
			}
			for _, b := range besides {
				w.walk(sc, a, b)
			}
		}
		w.walk(sc, opShard0, opShard1)
		w.walk(sc, opSkip, opShard0)
	}
}

// more are pairs and triples in addition to the sweeps.
func (w *walker) more() {
	for _, sc := range starts(rules{overwrite: 2})[:3] { // overwritten, and then back to the first content
		for _, o := range []op{opRun, opReplan, opRewind, opReplace, opSkip} {
			w.walk(sc, opRun, o)
		}
	}
	for _, sc := range starts(rules{}) {
		for _, o := range [][]op{{opRun, opRun, opRun}, {opRun, opReplan, opDoctor}, {opReplace, opReplay, opDoctor}, {opReplace, opRewind, opRun},
			{opReplay, opRewind, opRun}, {opCompact, opReplace, opDoctor}, {opRun, opRun, opFence}, {opShard0, opShard1, opSkip}, {opRun, opPause, opRewind}} {
			w.walk(sc, o...)
		}
	}
}

// losses are walked with an adopt next to what an operator may start.
func (w *walker) losses() {
	for _, sc := range losses(rules{}) {
		for _, ops := range lostPairs() {
			w.walk(sc, ops[:]...)
		}
	}
}

// lostPairs are what an operator may start with a ledger that was lost.
func lostPairs() (out [][2]op) {
	for _, a := range []op{opAdopt, opRun} {
		for _, b := range []op{opAdopt, opRun, opReplan, opReplace, opReplay, opRewind, opDoctor} {
			if a != opRun || b != opAdopt {
				out = append(out, [2]op{a, b})
			}
		}
	}
	return out
}

func (w *walker) sum(label string, since time.Time) {
	fmt.Fprintf(w.out, "  %-34s so far %4d scenarios, %9d states, %d capped, %s\n", label, w.scenarios, w.states, w.capped, time.Since(since).Round(time.Second))
}

// broken are the rules, each taken away.
var broken = []struct {
	name string
	r    rules
}{
	{"publish before commit", rules{visibleFirst: true}},
	{"delete the visible file before dropping the held one", rules{deleteThenDrop: true, lazy: true}},
	{"doctor reads the ledger before it lists, removes the unknown", rules{foldThenList: true}},
	{"doctor lists what is held after its fence", rules{fenceThenList: true}},
	{"doctor drops held files that no commit knows", rules{dropUncommitted: true}},
	{"a 412 is a loss, nobody reads who won", rules{noNonce: true, lostResponses: true}},
	{"a lost commit is written again without looking at the batch", rules{noBase: true}},
	{"a lost plan is written again unchanged", rules{planAgain: true}},
	{"a skip covers what is held or committed, too", rules{skipHeld: true}},
	{"an object gone when read stays taken", rules{goneIsTaken: true, overwrite: 2}},
	{"a touched object is taken without comparing its content", rules{overwrite: 1, touch: true, touchIsChange: true}},
	{"a same entry takes a version for good", rules{overwrite: 1, touch: true, sameForever: true}},
	{"a held file the store dropped is passed over", rules{noHeal: true, lifecycle: true}},
	{"compaction takes a file that another batch still has", rules{noClosure: true, overwrite: 1}},
	{"replay commits as a batch of its own", rules{replayKeepsOld: true}},
	{"objects of a refused batch share their next batch with others", rules{retryTogether: true, bad: true}},
	{"an object that the store refused counts as taken", rules{deniedIsTaken: true, denied: true}},
	{"a replace leaves out an input that the store refuses", rules{replaceDenied: true, denied: true}},
	{"a refused batch ends its run, which releases all open batches", rules{refuseAll: true, bad: true}},
	{"a commit does not look for files that the ledger does not name", rules{lost: true, commitBlind: true}},
	{"a replan releases batches of which files are visible", rules{lost: true, releaseBlind: true, commitBlind: true}},
	{"runs process the batches of an adopt", rules{lost: true, adoptedIsOpen: true, commitBlind: true}},
	{"a plan of an adopt that lost its number is written again unchanged", rules{lost: true, planAgain: true, commitBlind: true}},
}

// counter finds a counter-example: the shortest, or any.
func counter(r rules, limit int, shortest bool) (best result, where string) {
	scenarios, pairs := starts(r), [][2]op{}
	for i, a := range operations {
		for _, b := range append(append([]op{}, operations[i:]...), besides...) {
			pairs = append(pairs, [2]op{a, b})
		}
	}
	if r.lost {
		scenarios, pairs = losses(r), lostPairs()
	}
	for _, sc := range scenarios {
		for _, ops := range pairs {
			res := explored(sc, limit, false, ops[:]...)
			if res.bad == "" || best.bad != "" && len(res.trace) >= len(best.trace) {
				continue
			}
			best, where = res, sc.name+": "+names(ops[:])
			if !shortest {
				return best, where
			}
		}
	}
	return best, where
}

func (w *walker) rules() {
	for _, b := range broken {
		res, where := counter(b.r, 60_000, true)
		if res.bad == "" {
			w.failed = true
			fmt.Fprintf(w.out, "  %s: NO counter-example (the rule is not needed in this model)\n", b.name)
			continue
		}
		fmt.Fprintf(w.out, "  %s: %s\n    %s\n", b.name, res.bad, where)
		w.show(res)
	}
}

func main() {
	limit := flag.Int("limit", 250_000, "states of a scenario before it is given up")
	verbose := flag.Bool("v", false, "a line for each scenario")
	only := flag.String("only", "", "protocol, rules, triples, or the name of one world")
	flag.Parse()
	w := &walker{out: os.Stdout, verbose: *verbose, limit: *limit}
	began := time.Now()
	wanted := func(part string) bool { return *only == "" || *only == part }
	for _, s := range sweeps {
		if wanted("protocol") || wanted(s.label) {
			fmt.Println("The protocol, every pair of operations from every start:")
			w.pairs(s.r)
			w.sum(s.label, began)
		}
	}
	if wanted("protocol") || wanted("triples") {
		w.more()
		w.sum("overwritten and back; three at once", began)
	}
	if wanted("protocol") || wanted("lost ledgers") {
		w.losses()
		w.sum("lost ledgers", began)
	}
	if wanted("rules") {
		fmt.Println("Each rule taken away, shortest counter-example:")
		w.rules()
	}
	if w.failed {
		os.Exit(1)
	}
}
