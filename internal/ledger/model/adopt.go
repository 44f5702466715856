package main

import "math/bits"

// A ledger that is lost or an old copy, and etl adopt. What is left of an attempt is what the footer of its file 0 says: its batch, what
// it was for, the attempts whose files the batch had, and what it read. Quarantine files and held files that the copy does not name are
// lost. Runs that worked before the loss have ended.

// adopted is the mapping of a plan of batches that were processed before the ledger was lost.
const adopted = 3

// lakeSteps name the steps in which a process looks at the lake.
var lakeSteps = map[pc]string{
	again:  "reads the ledger again, because the lake has files",
	look:   "lists its partitions",
	seen:   "reads the ledger, looks for files that it does not name",
	survey: "reads the ledger, compares it with the lake",
}

func lakeStep(s *state, i int, r *rules) {
	p := &s.P[i]
	switch p.PC {
	case again:
		if f := fold(s, s.Len, r); f.nb > 0 {
			p.PC, p.Want = start, entry{}
			return
		}
		*p = proc{Op: p.Op, PC: fin} // refused
	case look:
		p.Finals, p.PC = s.Finals, seen
	case seen:
		f := fold(s, s.Len, r)
		var mine uint16 // its partitions, of all attempts
		for b := 0; b < 16; b++ {
			if filesOf(s, p.Attempt-1)&(0x5555<<(b%parts)) != 0 {
				mine |= 1 << b
			}
		}
		if p.Finals&mine&^f.named == 0 {
			p.PC, p.Finals = put, 0
			return
		}
		s.Holds &^= filesOf(s, p.Attempt-1)
		s.QFiles &^= 1 << (p.Attempt - 1)
		*p = proc{Op: p.Op, PC: fin} // refused: the batch stays open
	case survey:
		adopt(s, i, r)
	}
}

// attemptsOf are the attempts of files.
func attemptsOf(files uint16) (out uint8) {
	for b := 0; b < 16; b++ {
		out |= uint8(files>>b&1) << (b / parts)
	}
	return out
}

// visible says whether a file of a batch is visible.
func visible(s *state, k int) bool {
	for a := uint8(0); a < s.NA; a++ {
		if batchOf(s, nil, a) == k && s.Finals&filesOf(s, a) != 0 {
			return true
		}
	}
	return false
}

// batchOf is the batch of an attempt in this ledger; -1: the ledger does not have it.
func batchOf(s *state, f *folded, a uint8) int {
	at := &s.Attempts[a]
	if !at.Old || at.Batch[0] <= s.Kept {
		return int(at.Batch[0]) - 1
	}
	if f != nil {
		for k := range f.nb {
			if f.b[k].former == at.Batch[0] {
				return k
			}
		}
	}
	return -1
}

// A survey is what adopt finds out about a batch.
type found struct {
	former  uint8 // as attempts call it
	k       int   // in this ledger; -1: it does not have it
	commits []uint8
	dead    uint16 // files of attempts that a visible replace has replaced
	why     string // it cannot be adopted
}

// inLake groups the attempts that are visible and not named by the ledger. Everything is compared before anything is written.
func inLake(s *state, f *folded, files uint16) (out []found) {
	for former := uint8(1); former <= maxBatches; former++ {
		b := found{former: former, k: -2}
		var gone uint8 // attempts that a replace has replaced
		for a := uint8(0); a < s.NA; a++ {
			if at := &s.Attempts[a]; at.Old && at.Batch[0] == former && filesOf(s, a)&files != 0 && at.Why == replace {
				gone |= at.Had
			}
		}
		var root, replays []uint8
		for a := uint8(0); a < s.NA; a++ {
			at := &s.Attempts[a]
			own := filesOf(s, a)
			switch {
			case !at.Old || at.Batch[0] != former || own&files == 0 || own&f.named != 0:
			case gone>>a&1 == 1:
				b.dead |= own & files
			case at.Why == replay:
				replays = append(replays, a)
			default:
				root = append(root, a)
			}
		}
		if len(root)+len(replays) == 0 && b.dead == 0 {
			continue
		}
		if len(root) > 1 {
			b.why = "two attempts, and neither replaces the other"
		}
		b.commits = append(root, replays...)
		had := uint8(0)
		if len(b.commits) > 0 {
			b.k = batchOf(s, f, b.commits[0])
		}
		if b.k >= 0 && len(root) == 0 {
			had = attemptsOf(f.b[b.k].live)
		}
		for _, a := range b.commits {
			if at := &s.Attempts[a]; at.Why == replay && at.Had != had {
				b.why = "an attempt to which a replay added is not there"
			}
			had |= 1 << a
		}
		if b.k >= 0 && !f.b[b.k].open && !f.b[b.k].committed {
			b.why = "the ledger has released it"
		}
		out = append(out, b)
	}
	return out
}

// adopt writes the next entry of an adopt, or else does what is left: it deletes what was replaced and rolls forward.
func adopt(s *state, i int, r *rules) {
	p := &s.P[i]
	p.N = s.Len
	f := fold(s, p.N, r)
	lost := inLake(s, &f, p.Finals)
	want := func(e entry) {
		p.PC, p.Want = put, e
		p.Puts++
		p.Want.Nonce = uint8(i+1)<<5 | p.Puts
	}
	plans, n := entry{Kind: plan, Of: adopted}, 0
	var taken uint8
	for _, b := range lost {
		if len(b.commits) == 0 {
			continue
		}
		at := &s.Attempts[b.commits[0]]
		if b.k < 0 && at.Why == replay {
			b.why = "an attempt to which a replay added is not there"
		}
		if b.why != "" {
			*p = proc{Op: p.Op, PC: fin}
			return
		}
		if b.k >= 0 {
			continue
		}
		plans.Batch[n], plans.V[n] = b.former, at.Read
		n++
		taken |= at.Read
	}
	e, m := entry{Kind: release}, 0
	for k := range f.nb { // batches of the copy that the writer of the files must have released
		if b := &f.b[k]; (b.open && b.vers&taken != 0 || b.committed && b.inputs&taken != 0) && m < 2 {
			if visible(s, k) {
				*p = proc{Op: p.Op, PC: fin}
				return
			}
			e.Batch[m], e.Base[m] = uint8(k+1), b.cur
			m++
		}
	}
	switch {
	case m > 0 && p.Begun: // a run has planned what adopt has released: its plan must follow its release
		*p = proc{Op: p.Op, PC: fin}
		return
	case m > 0:
		p.Begun = true
		want(e)
		return
	case n > 0:
		want(plans)
		return
	}
	for _, b := range lost {
		if len(b.commits) == 0 {
			continue
		}
		a := b.commits[0]
		kd := s.Attempts[a].Why
		if f.b[b.k].open {
			kd = commit
		}
		want(entry{Kind: kd, Batch: [2]uint8{uint8(b.k + 1)}, Base: [2]uint8{f.b[b.k].cur}, Attempt: a + 1})
		return
	}
	for k := range f.nb {
		if b := &f.b[k]; b.committed && b.q != 0 && s.QFiles>>(b.q-1)&1 == 0 {
			want(entry{Kind: expire, Batch: [2]uint8{uint8(k + 1)}, Base: [2]uint8{b.cur}})
			return
		}
	}
	var dead uint16
	for _, b := range lost {
		dead |= b.dead
	}
	if dead != 0 { // before rolling forward: that may delete the replace that says what it has replaced
		s.Finals &^= dead
		p.PC = start
		return
	}
	if todo := f.moves &^ f.done; todo != 0 {
		p.PC, p.E, p.K = roll, lowest(todo), 0
		return
	}
	*p = proc{Op: p.Op, PC: fin}
}

// lose leaves the first n entries of a ledger, and what they name in the state. The lake stays as it is.
func lose(s state, n uint8, r *rules) state {
	f := fold(&s, n, r)
	for i := n; i < s.Len; i++ {
		s.Ledger[i] = entry{}
	}
	s.Len, s.Kept = n, uint8(f.nb)
	s.Holds &= f.named
	s.QFiles &= f.qnamed
	for a := range s.NA {
		s.Attempts[a].Old = true
		s.Attempts[a].Recorded = filesOf(&s, a)&f.named != 0
	}
	return s
}

// losses are ledgers that were lost after operations, at each length that a copy of them can have.
func losses(r rules) (out []scenario) {
	r.lost = true
	two := r
	two.twoBatches = true
	var empty state
	visible := func(n int) func(*state) bool {
		return func(s *state) bool { return bits.OnesCount16(s.Finals) == n }
	}
	base, pair := runClean(empty, opRun, &r, nil), runClean(empty, opRun, &two, nil)
	replaced := runClean(base, opReplace, &r, nil)
	rewound := runClean(base, opRewind, &r, nil)
	for _, w := range []struct {
		name string
		s    state
		r    rules
	}{
		{"all published", base, r},
		{"a file of two published", runClean(empty, opRun, &r, visible(1)), r},
		{"two batches", pair, two},
		{"replayed", runClean(base, opReplay, &r, nil), r},
		{"replaced", replaced, r},
		{"replaced, old files visible", runClean(base, opReplace, &r, func(s *state) bool { return bits.OnesCount16(s.Finals) > bits.OnesCount16(base.Finals) }), r},
		{"rewound, loaded again", runClean(rewound, opRun, &r, nil), r},
	} {
		for n := uint8(0); n < w.s.Len; n++ {
			out = append(out, scenario{w.name + ", entries left: " + string('0'+rune(n%10)), lose(w.s, n, &w.r), w.r})
		}
	}
	return out
}

// orphans are visible files that were made before the ledger was lost, and that it does not name.
func orphans(s *state, f *folded) (out uint16) {
	for a := range s.NA {
		if s.Attempts[a].Old {
			out |= s.Finals & filesOf(s, a) &^ f.named
		}
	}
	return out
}

// old are the attempts that were made before the ledger was lost.
func old(s *state) (out uint8) {
	for a := range s.NA {
		if s.Attempts[a].Old {
			out |= 1 << a
		}
	}
	return out
}
