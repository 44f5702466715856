package main

// exact tells what is wrong with the lake and quarantine against the objects, "" if nothing.
func exact(s *state, f *folded, r *rules) string {
	var n [6]int
	for b := 0; b < 16; b++ {
		if s.Finals>>b&1 == 1 {
			for k := 0; k < 6; k++ {
				n[k] += int(content(s, b) >> k & 1)
			}
		}
	}
	for a := 0; a < 8; a++ {
		if f.q>>a&1 == 1 && (s.QFiles|old(s))>>a&1 == 1 { // what was lost with the state counts as expired
			for k := 0; k < 6; k++ {
				n[k] += int(s.Attempts[a].Q >> k & 1)
			}
		}
	}
	for i := range f.nb {
		for k := range 6 {
			n[k] += int(f.b[i].expired >> k & 1)
		}
	}
	now := listing(s)
	if r.ignoreChanged {
		now &^= changed(f.taken) &^ f.taken
	}
	for v := 0; v < 3; v++ {
		lo, hi := 9, 0
		for k := 0; k < 6; k++ {
			if r.records(v)>>k&1 == 1 {
				lo, hi = min(lo, n[k]), max(hi, n[k])
			}
		}
		switch {
		case hi > 1:
			return "I1: a record is there twice"
		case f.skipped>>v&1 == 1 && r.touch && f.holding()&changed(1<<v) != 0: // the rows are those of the other version
			continue
		case f.skipped>>v&1 == 1 && hi > 0:
			return "I5: a record is there that was skipped"
		case f.skipped>>v&1 == 1:
			continue
		case r.ignoreChanged && v < 2 && hi > 0 && f.holding()&0b011 != 1<<v:
			return "I5: a record is there of a version that was to be ignored"
		case now>>v&1 == 1 && lo < 1 && r.bad && v == 0: // no batch with it commits
		case v == 2 && hi < 1 && refused(s, r) != 0 && f.taken>>2&1 == 0: // later runs try it again
		case now>>v&1 == 1 && lo < 1 && r.bad:
			return "I6: an object is not published because of another one"
		case now>>v&1 == 1 && lo < 1:
			return "I1: a record is lost"
		case lo != hi:
			return "I1: part of an object is lost"
		}
	}
	return ""
}

func (s *state) check(r *rules) string {
	f := fold(s, s.Len, r)
	todo := f.moves &^ f.done
	var leaving uint16
	for i := uint8(0); i < s.Len; i++ {
		if todo>>i&1 == 1 {
			leaving |= f.removes[i]
		}
	}
	if !r.lifecycle && !r.lost {
		if f.live&^(s.Holds|s.Finals) != 0 {
			return "I3: a file of a live batch is neither held nor visible"
		}
	}
	if f.q&^s.QFiles&^old(s) != 0 {
		return "I3: a live quarantine file is gone"
	}
	unknown := orphans(s, &f)
	if s.Finals&^f.live&^leaving&^unknown != 0 {
		return "I2: a reader sees a file that no live batch has, outside a window"
	}
	if leaving == 0 {
		var seen, before uint8 // before: in files that were there twice when the ledger was lost
		for b := 0; b < 16; b++ {
			if s.Finals>>b&1 == 1 {
				if again := seen & content(s, b); again != 0 && (!s.Attempts[b/parts].Old || again&^before != 0) {
					return "I2: a reader sees a record twice, outside a window"
				}
				seen |= content(s, b)
				if s.Attempts[b/parts].Old {
					before |= content(s, b)
				}
			}
		}
	}
	open := false
	for i := 0; i < f.nb; i++ {
		open = open || f.b[i].open
	}
	if todo == 0 && !open && listing(s)&^f.taken == 0 && unknown == 0 {
		if bad := exact(s, &f, r); bad != "" {
			return bad + " although the ledger says all is done"
		}
	}
	// everyone else stops here; one clean run must bring it right, or if a batch is refused, the one after it: the first may find the
	// objects of that batch together with others
	c := *s
	c.Access = 1
	quiet := *r
	quiet.lostResponses, quiet.overwrite, quiet.lifecycle, quiet.resumed, quiet.denied = false, 0, false, true, false
	for i := range c.P {
		c.P[i] = proc{}
	}
	runs := 1
	if r.bad {
		runs = 2
	}
	order := []op{opRun, opRun}[:runs]
	if r.lost {
		order = []op{opAdopt, opRun}
	}
	for _, o := range order {
		c.P[2] = proc{Op: o}
		for n := 0; ; n++ {
			next := c.next(&quiet)
			if len(next) == 0 {
				break
			}
			if n > 200 {
				return "I4: a clean run does not end"
			}
			c = next[0].next
		}
	}
	g := fold(&c, c.Len, r)
	if r.lost && orphans(&c, &g) != 0 { // adopt refuses, and runs refuse until somebody decides: nothing may be there twice, as above
		return twice(c.Finals, &c.Attempts)
	}
	if bad := exact(&c, &g, r); bad != "" {
		return bad + " after all stop here and a clean run ends"
	}
	return ""
}

// twice says that a file that a run has made has records that another visible file has, too.
func twice(files uint16, attempts *[maxAttempts]attempt) string {
	var n [6]int
	made := uint8(0)
	for b := 0; b < 16; b++ {
		if files>>b&1 == 1 {
			for k := range n {
				n[k] += int(attempts[b/parts].Files[b%parts] >> k & 1)
			}
			if !attempts[b/parts].Old {
				made |= attempts[b/parts].Files[b%parts]
			}
		}
	}
	for k := range n {
		if n[k] > 1 && made>>k&1 == 1 {
			return "I1: a record is there twice"
		}
	}
	return ""
}

func (s *state) final() string {
	for _, p := range s.P {
		if p.Op != opNone && p.PC != fin {
			return "I4: a process is stuck"
		}
	}
	return ""
}

// runClean lets one process run to its end, alone.
func runClean(s state, o op, r *rules, stopAt func(*state) bool) state {
	s.P[2] = proc{Op: o}
	for {
		next := s.next(r)
		if len(next) == 0 || stopAt != nil && stopAt(&s) {
			break
		}
		s = next[0].next
	}
	s.P[2] = proc{}
	return s
}
