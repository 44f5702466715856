package main

// decide is what a process does after it has read the ledger.
func decide(s *state, i int, r *rules) {
	p := &s.P[i]
	p.N = s.Len
	f := fold(s, p.N, r)
	p.Attempt, p.K, p.Want = 0, 0, entry{}
	if p.Op == opAdopt {
		p.Finals, p.PC = s.Finals, survey
		return
	}
	if p.Op == opDoctor || p.Op == opFence {
		p.PC = listed
		return
	}
	if f.paused && !p.Begun && !r.resumed && (p.Op == opRun || p.Op == opReplan || p.Op == opShard0 || p.Op == opShard1 || p.Op == opSplit) {
		*p = proc{Op: p.Op, PC: fin}
		return
	}
	p.Begun = true
	todo := f.moves &^ f.done
	if r.lazy && p.Op != opCompact && i < 2 { // leave entries of others to whoever wrote them, or to a later run
		for k := uint8(0); k < s.Len; k++ {
			if s.Ledger[k].Nonce>>5 != uint8(i+1) {
				todo &^= 1 << k
			}
		}
	}
	if todo != 0 {
		p.PC, p.E, p.K = roll, lowest(todo), 0
		return
	}
	want := func(e entry) {
		p.PC, p.Want = put, e
		p.Puts++
		p.Want.Nonce = uint8(i+1)<<5 | p.Puts
	}
	first := func(ok func(*batch) bool) int {
		for k := 0; k < f.nb; k++ {
			if ok(&f.b[k]) {
				return k
			}
		}
		return -1
	}
	one := func(kd kind, k int) entry {
		return entry{Kind: kd, Batch: [2]uint8{uint8(k + 1)}, Base: [2]uint8{f.b[k].cur}}
	}
	// with what shares a file with it: those move together
	closure := func(kd kind, k int) entry {
		e := one(kd, k)
		for j := 0; j < f.nb; j++ {
			if j != k && f.b[j].committed && f.b[j].live&f.b[k].live != 0 {
				e.Batch[1], e.Base[1] = uint8(j+1), f.b[j].cur
			}
		}
		return e
	}
	committed := func(b *batch) bool { return b.committed && b.vers != 0 }
	switch p.Op {
	case opSkip:
		if v := listing(s) & 0b011 &^ f.taken; v&^f.touched(v) != 0 {
			want(entry{Kind: skip, V: [2]uint8{v}})
			return
		}
	case opPause:
		if !f.paused {
			want(entry{Kind: pause})
			return
		}
	case opRun, opRun2, opReplan, opShard0, opShard1, opSplit:
		mapping := uint8(1)
		if p.Op == opRun2 || p.Op == opReplan {
			mapping = 2
		}
		if p.Op == opReplan { // releases once, in one entry, what it finds open: otherwise run and replan chase each other forever
			e, n := entry{Kind: release}, 0
			for k := 0; k < f.nb && n < 2; k++ {
				if f.b[k].open && f.b[k].mapping == 1 && (!r.lost || r.releaseBlind || !visible(s, k)) {
					e.Batch[n], e.Base[n] = uint8(k+1), f.b[k].cur
					n++
				}
			}
			if n > 0 {
				want(e)
				return
			}
			p.Op = opRun2
		}
		if p.Op == opSplit { // releases once, as opReplan does
			if k := first(func(b *batch) bool { return b.open && b.vers&0b100 != 0 && b.vers&0b011 != 0 }); k >= 0 {
				p.Again = f.b[k].vers
				want(one(release, k))
				return
			}
			p.Op = opRun
		}
		// What is new comes before what earlier runs left open. What this run has released is for the next one.
		free := listing(s) &^ f.taken &^ p.Left
		switch p.Op {
		case opShard0:
			free &= 0b011
		case opShard1:
			free &= 0b100
		}
		if r.ignoreChanged {
			free &^= changed(f.taken)
		}
		if r.touch && !r.touchIsChange {
			if v := f.touched(free); v != 0 {
				want(entry{Kind: same, V: [2]uint8{v}})
				return
			}
		}
		if free != 0 {
			e := entry{Kind: plan, Of: mapping, V: [2]uint8{free}}
			if (r.twoBatches || f.retried&free != 0 && !r.retryTogether) && free&0b100 != 0 && free&0b011 != 0 {
				e.V = [2]uint8{free & 0b011, free & 0b100}
			}
			want(e)
			if r.lost && f.nb == 0 && s.Finals != 0 {
				p.PC = again
			}
			return
		}
		if k := first(func(b *batch) bool { return b.open && (b.mapping != adopted || r.adoptedIsOpen) }); k >= 0 {
			p.PC, p.Want = read, one(commit, k)
			return
		}
	case opReplace:
		if k := first(committed); k >= 0 {
			p.PC, p.Want = read, closure(replace, k)
			return
		}
	case opReplay:
		if k := first(func(b *batch) bool { return b.committed && b.q != 0 }); k >= 0 {
			p.PC, p.Want = read, one(replay, k)
			return
		}
	case opRewind:
		if k := first(committed); k >= 0 {
			want(closure(release, k))
			return
		}
	case opCompact:
		// An entry that takes a file from a batch names every batch that has it. Entries have two places here, so
		// what was compacted before is left alone.
		alone := func(k int) bool {
			for j := 0; j < f.nb; j++ {
				if j != k && f.b[j].live&f.b[k].live != 0 {
					return r.noClosure
				}
			}
			return true
		}
		a := -1
		for j := 0; j < f.nb && a < 0; j++ {
			if f.b[j].committed && f.b[j].live&0x5555 != 0 && alone(j) {
				a = j
			}
		}
		for j := a + 1; a >= 0 && j < f.nb; j++ {
			if f.b[j].committed && alone(j) && f.b[j].live&0x5555 != 0 && f.b[j].live&f.b[a].live&0x5555 == 0 {
				e := one(compact, a)
				e.Batch[1], e.Base[1] = uint8(j+1), f.b[j].cur
				p.PC, p.Want = read, e
				return
			}
		}
	}
	*p = proc{Op: p.Op, PC: fin}
}

func makeFiles(s *state, i int, r *rules) {
	p := &s.P[i]
	f := fold(s, p.N, r)
	e := p.Want
	a := attempt{Batch: e.Batch, Base: e.Base}
	b := &f.b[e.Batch[0]-1]
	vers := b.vers
	if e.Batch[1] != 0 {
		vers |= f.b[e.Batch[1]-1].vers
	}
	switch e.Kind {
	case commit:
		a.Read = vers & listing(s) &^ refused(s, r) // ETag-pinned: what was overwritten is gone
		p.Left |= vers & refused(s, r)
		if r.bad && a.Read&1 != 0 {
			refuse(&f, p, i, r)
			return
		}
		a.Files, a.Q = split(recordsIn(a.Read, r), b.mapping)
	case replace:
		inputs := b.inputs
		if e.Batch[1] != 0 {
			inputs |= f.b[e.Batch[1]-1].inputs
		}
		if inputs&^atContent(s, r) != 0 || inputs&refused(s, r) != 0 && !r.replaceDenied { // refused: an input is gone or denied
			*p = proc{Op: p.Op, PC: fin}
			return
		}
		a.Read = inputs &^ refused(s, r)
		a.Files, a.Q = split(recordsIn(a.Read, r), 2)
	case replay:
		if s.QFiles>>(b.q-1)&1 == 0 { // somebody moved the batch and removed it
			if p.PC = start; r.lost {
				*p = proc{Op: p.Op, PC: fin} // or the state is an old copy
			}
			return
		}
		a.Files, _ = split(s.Attempts[b.q-1].Q, 2)
	case compact:
		in := (b.live | f.b[e.Batch[1]-1].live) & 0x5555
		if s.Finals&in != in {
			p.PC = start
			return
		}
		for bit := 0; bit < 16; bit++ {
			if in>>bit&1 == 1 {
				a.Files[0] |= content(s, bit)
			}
		}
	}
	if r.lost {
		a.Why = e.Kind
		for k := range e.Batch {
			if e.Batch[k] != 0 {
				a.Had |= attemptsOf(f.b[e.Batch[k]-1].live)
			}
		}
	}
	s.Attempts[s.NA] = a
	s.NA++
	p.Attempt, p.K, p.PC = s.NA, 0, hold
	p.Want.Attempt = s.NA
}

// refuse gives up an attempt at a batch: the run releases the batch, and continues with the others.
func refuse(f *folded, p *proc, i int, r *rules) {
	e := entry{Kind: release, Batch: p.Want.Batch, Base: p.Want.Base}
	p.Left |= f.b[e.Batch[0]-1].vers
	if r.refuseAll {
		for k, n := 0, 1; k < f.nb; k++ {
			if f.b[k].open && k != int(e.Batch[0]-1) && n < 2 {
				e.Batch[n], e.Base[n] = uint8(k+1), f.b[k].cur
				n++
			}
		}
		p.Op = opRoll
	}
	p.PC, p.Want = put, e
	p.Puts++
	p.Want.Nonce = uint8(i+1)<<5 | p.Puts
}

// after: the process knows its entry is in.
func after(s *state, i int) {
	p := &s.P[i]
	if p.Want.Kind != done {
		switch p.Op {
		case opReplan:
			if p.Want.Kind == release {
				p.Op = opRun2
			}
		case opSplit:
			p.Op = opRun
		case opReplace, opReplay, opRewind, opCompact:
			p.Op = opRoll
		}
	}
	if p.Op == opSkip || p.Op == opPause {
		*p = proc{Op: p.Op, PC: fin}
		return
	}
	p.PC, p.Attempt = start, 0
	if p.Want.Kind == fence { // once is enough: otherwise it could chase a live attempt forever
		p.PC, p.K = listed, 2
	}
	p.Want = entry{}
}

// fenceOrSweep is what doctor --fix does after a fold: one fence, for a batch of an attempt that was seen and may still be named.
func fenceOrSweep(s *state, i int, r *rules) {
	p := &s.P[i]
	f := fold(s, p.N, r)
	p.PC = sweep
	for a := uint8(0); a < s.NA; a++ {
		files, at := filesOf(s, a), &s.Attempts[a]
		if p.Holds&files == 0 && p.QFiles>>a&1 == 0 || f.named&files != 0 || f.qnamed>>a&1 == 1 || isVoid(s, &f, a, p.E) {
			continue
		}
		p.Want = entry{Kind: fence}
		p.Want.Batch[0], p.Want.Base[0] = at.Batch[0], f.b[at.Batch[0]-1].cur
		p.PC = put
		p.Puts++
		p.Want.Nonce = uint8(i+1)<<5 | p.Puts
		return
	}
}

// isVoid says whether an attempt that was listed can never be named. Without its record what it started from is not known; it
// is not above first, the ledger's length in the first fold after the list.
func isVoid(s *state, f *folded, a, first uint8) bool {
	at := &s.Attempts[a]
	for k := 0; k < 2; k++ {
		if at.Batch[k] == 0 || !at.Recorded && k > 0 { // a file's name has one batch
			continue
		}
		b := &f.b[at.Batch[k]-1]
		base := first
		if at.Recorded {
			base = at.Base[k]
		}
		if b.cur > base || !b.open && !b.committed {
			return true
		}
	}
	return false
}

// lost: another entry took the number. Read on, decide again.
func lost(s *state, i int, r *rules) {
	p := &s.P[i]
	old := p.N
	p.N = s.Len
	f := fold(s, p.N, r)
	switch p.Want.Kind {
	case fence:
		fenceOrSweep(s, i, r)
	case plan, release:
		p.PC = start
		if r.planAgain && p.Want.Kind == plan {
			p.PC = put
		}
	case done: // still true if nobody moved the files in the meantime: write it again, else look again
		g := fold(s, old, r)
		e := p.Want.Of
		if f.done>>e&1 == 0 && f.live&f.adds[e] == g.live&g.adds[e] {
			p.PC = put
		} else {
			p.PC = start
		}
	default:
		switch {
		case r.noBase || valid(&f, &p.Want):
			p.PC = put
		case p.Op == opAdopt: // it has made no files
			p.PC = start
		default:
			p.PC = cleanup
		}
	}
}
