package main

func (s *state) next(r *rules) []step[state] {
	var out []step[state]
	for i := range s.P {
		p := s.P[i]
		if p.Op == opNone || p.PC == fin {
			continue
		}
		who := byte('A' + i)
		add := func(what string, arg int, f func(*state, *proc)) {
			n := *s
			f(&n, &n.P[i])
			out = append(out, step[state]{who, opName[p.Op] + ": " + what, arg, n})
		}
		switch p.PC {
		case start:
			add("read the ledger, decide", -1, func(n *state, q *proc) { decide(n, i, r) })
		case read:
			add("read inputs, make files", -1, func(n *state, q *proc) { makeFiles(n, i, r) })
		case hold:
			todo := filesOf(s, p.Attempt-1)
			bit := -1
			for b := 0; b < 16; b++ {
				if todo>>b&1 == 1 && b >= int(p.K) {
					bit = b
					break
				}
			}
			switch {
			case bit >= 0 && r.visibleFirst:
				add("publish file (uncommitted)", bit, func(n *state, q *proc) { n.Finals |= 1 << bit; q.K = uint8(bit + 1) })
			case bit >= 0:
				add("upload held file", bit, func(n *state, q *proc) { n.Holds |= 1 << bit; q.K = uint8(bit + 1) })
			default:
				add("write quarantine file, attempt record", int(p.Attempt-1), func(n *state, q *proc) {
					if n.Attempts[q.Attempt-1].Q != 0 {
						n.QFiles |= 1 << (q.Attempt - 1)
					}
					n.Attempts[q.Attempt-1].Recorded = true
					q.PC = put
					if r.lost && !r.commitBlind {
						q.PC = look
					}
					q.Puts++
					q.Want.Nonce = uint8(i+1)<<5 | q.Puts
				})
			}
		case put:
			if s.Len == p.N {
				win := func(n *state) { n.Ledger[n.Len] = p.Want; n.Len++ }
				add("wins entry "+kindName[p.Want.Kind]+" at", int(p.N), func(n *state, q *proc) { win(n); after(n, i) })
				if r.lostResponses {
					add("wins entry "+kindName[p.Want.Kind]+", response lost, at", int(p.N), func(n *state, q *proc) { win(n); q.PC = unknown })
				}
			} else {
				add("loses entry "+kindName[p.Want.Kind]+" at", int(p.N), func(n *state, q *proc) { lost(n, i, r) })
			}
		case look, seen, again, survey:
			add(lakeSteps[p.PC], -1, func(n *state, _ *proc) { lakeStep(n, i, r) })
		case unknown:
			add("retries, 412, reads who won", int(p.N), func(n *state, q *proc) {
				if !r.noNonce && n.Ledger[q.N].Nonce == q.Want.Nonce {
					after(n, i)
				} else {
					lost(n, i, r)
				}
			})
		case cleanup:
			own := filesOf(s, p.Attempt-1)
			add("drops its own held files", int(p.Attempt-1), func(n *state, q *proc) {
				n.Holds &^= own
				n.QFiles &^= 1 << (q.Attempt - 1)
				if r.visibleFirst {
					n.Finals &^= own
				}
				q.PC, q.Attempt = start, 0
			})
		case roll:
			out = append(out, s.rollStep(i, r)...)
		case head:
			m := uint16(1) << s.publishing(i, r)
			if s.Finals&m != 0 {
				add("finds it visible", s.publishing(i, r), func(n *state, q *proc) { q.PC, q.K = roll, q.K+1 })
			} else {
				add("finds it is not visible", s.publishing(i, r), func(n *state, q *proc) { q.PC = reread })
			}
		case reread:
			m := uint16(1) << s.publishing(i, r)
			f := fold(s, s.Len, r)
			switch {
			case f.live&m == 0:
				add("reads the ledger: dead", -1, func(n *state, q *proc) { q.PC = start })
			case r.noHeal:
				add("reads the ledger: live, continues", -1, func(n *state, q *proc) { q.PC, q.K = roll, q.K+1 })
			default: // holds never come back and live files are not deleted: the store lost it
				add("reads the ledger: live, wants release", -1, func(n *state, q *proc) {
					q.N = n.Len
					e := entry{Kind: release}
					k, shared := 0, m
					for again := 0; again < 2; again++ { // every batch that shares a file with one that leaves, leaves too
						k = 0
						for b := 0; b < f.nb; b++ {
							if f.b[b].live&shared != 0 {
								shared |= f.b[b].live
								e.Batch[k], e.Base[k] = uint8(b+1), f.b[b].cur
								k++
							}
						}
					}
					q.PC, q.Want = put, e
					q.Puts++
					q.Want.Nonce = uint8(i+1)<<5 | q.Puts
				})
			}
		case listed: // doctor: the list first, the ledger after (decide has read it once, which foldThenList relies on)
			if p.Op == opFence && p.K == 2 { // the fence is in
				if r.fenceThenList {
					add("lists what is held, again", -1, func(n *state, q *proc) { q.Holds, q.QFiles, q.PC = n.Holds, n.QFiles, sweep; q.N = n.Len })
				} else {
					add("reads the ledger", -1, func(n *state, q *proc) { q.N, q.PC = n.Len, sweep })
				}
				break
			}
			if p.K == 0 {
				add("lists the lake", -1, func(n *state, q *proc) {
					q.Finals, q.Holds, q.QFiles, q.K = n.Finals, n.Holds, n.QFiles, 1
					if r.foldThenList {
						q.PC = sweep
					}
				})
			} else {
				add("reads the ledger", -1, func(n *state, q *proc) {
					q.N, q.E, q.PC = n.Len, n.Len, sweep
					if q.Op == opFence {
						fenceOrSweep(n, i, r)
					}
				})
			}
		case sweep:
			f := fold(s, p.N, r)
			dead := p.Finals & f.named &^ f.live
			if r.foldThenList {
				dead = p.Finals &^ f.live
			}
			drop, dropQ := uint16(0), p.QFiles&f.qnamed&^f.q
			for a := uint8(0); a < s.NA; a++ {
				files := filesOf(s, a)
				is := isVoid(s, &f, a, p.E)
				if is || files&f.named != 0 || r.dropUncommitted {
					drop |= files & p.Holds &^ f.live
				}
				if is && f.qnamed>>a&1 == 0 {
					dropQ |= p.QFiles & (1 << a)
				}
			}
			for b := 0; b < 16; b++ { // one request at a time, held file first
				if drop>>b&1 == 1 {
					add("drops held file", b, func(n *state, q *proc) { n.Holds &^= 1 << b; q.Holds &^= 1 << b })
					break
				}
				if dead>>b&1 == 1 {
					add("deletes file", b, func(n *state, q *proc) { n.Finals &^= 1 << b; q.Finals &^= 1 << b })
					break
				}
			}
			if drop|dead == 0 {
				add("ends", -1, func(n *state, q *proc) {
					n.QFiles &^= dropQ
					*q = proc{Op: q.Op, PC: fin}
				})
			}
		}
	}
	if r.overwrite > int(s.Object1) {
		n := *s
		n.Object1++
		out = append(out, step[state]{'E', "object 1 is overwritten", int(n.Object1), n})
	}
	if r.denied && s.Access < 2 {
		n := *s
		n.Access++
		out = append(out, step[state]{'E', []string{"", "the store gives object", "the store refuses object"}[n.Access], 2, n})
	}
	if r.lifecycle && !s.Aborted {
		for b := 0; b < 16; b++ {
			if s.Holds>>b&1 == 1 {
				n := *s
				n.Holds &^= 1 << b
				n.Aborted = true
				out = append(out, step[state]{'E', "the store drops held file", b, n})
			}
		}
	}
	return out
}

type act struct {
	what byte // p publish, d drop, x delete
	bit  int
}

// actions is what rolling entry e forward takes, seen from a fold.
func actions(f *folded, e uint8, r *rules) []act {
	var acts []act
	for b := 0; b < 16; b++ {
		if f.adds[e]>>b&1 == 1 {
			if f.live>>b&1 == 1 {
				acts = append(acts, act{'p', b})
			} else if r.deleteThenDrop {
				acts = append(acts, act{'x', b}, act{'d', b})
			} else {
				acts = append(acts, act{'d', b}, act{'x', b})
			}
		}
	}
	for b := 0; b < 16; b++ {
		if f.removes[e]>>b&1 == 1 {
			if r.deleteThenDrop {
				acts = append(acts, act{'x', b}, act{'d', b})
			} else {
				acts = append(acts, act{'d', b}, act{'x', b})
			}
		}
	}
	if r.copyPublish {
		for b := 0; b < 16; b++ {
			if f.adds[e]&f.live>>b&1 == 1 {
				acts = append(acts, act{'d', b})
			}
		}
	}
	return acts
}

// publishing is the file whose publication process i is in the middle of.
func (s *state) publishing(i int, r *rules) int {
	p := &s.P[i]
	f := fold(s, p.N, r)
	return actions(&f, p.E, r)[p.K].bit
}

// rollStep does one action of an entry's roll-forward with the fold the process holds, however old it is.
func (s *state) rollStep(i int, r *rules) []step[state] {
	p := s.P[i]
	f := fold(s, p.N, r)
	who := byte('A' + i)
	var out []step[state]
	add := func(what string, arg int, g func(*state, *proc)) {
		n := *s
		g(&n, &n.P[i])
		out = append(out, step[state]{who, opName[p.Op] + ": " + what, arg, n})
	}
	acts := actions(&f, p.E, r)
	if int(p.K) >= len(acts) {
		add("removes dead quarantine files, wants done of", int(p.E), func(n *state, q *proc) {
			n.QFiles &^= f.qdead[q.E] &^ f.q
			q.PC = put
			q.Puts++
			q.Want = entry{Kind: done, Of: q.E, Nonce: uint8(i+1)<<5 | q.Puts}
		})
		return out
	}
	a := acts[p.K]
	m := uint16(1) << a.bit
	switch a.what {
	case 'd':
		add("drops held file", a.bit, func(n *state, q *proc) { n.Holds &^= m; q.K++ })
	case 'x':
		add("deletes file", a.bit, func(n *state, q *proc) { n.Finals &^= m; q.K++ })
	case 'p':
		switch {
		case s.Holds&m != 0:
			add("publishes file", a.bit, func(n *state, q *proc) {
				n.Finals |= m
				if !r.copyPublish {
					n.Holds &^= m
				}
				q.K++
			})
		default:
			add("publishes file: nothing held", a.bit, func(n *state, q *proc) { q.PC = head })
		}
	}
	return out
}
