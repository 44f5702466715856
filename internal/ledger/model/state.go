package main

const (
	maxEntries  = 31
	maxBatches  = 16
	maxAttempts = 8
	parts       = 2 // partitions (days)
)

// Object versions: 0 = object 1 ETag a, 1 = object 1 ETag b, 2 = object 2. Records: bit 2v is a good one, bit 2v+1 one that
// mapping 1 rejects and mapping 2 takes; object 2 has two good ones, in two partitions.
var recordsOf = [3]uint8{0b000011, 0b001100, 0b110000}

const badRecords = 0b001010

func split(records, mapping uint8) (files [parts]uint8, quarantined uint8) {
	if mapping == 1 {
		quarantined = records & badRecords
		records &^= badRecords
	}
	files[0] = records & 0b010101
	files[1] = records & (badRecords | 0b100000)
	return
}

type kind uint8

const (
	none kind = iota
	plan
	commit  // first outcome of a batch
	replace // re-projected
	replay  // quarantined records run again, files added
	compact // one file for two batches
	release // supersede and rewind: the batch ends, its objects are free
	fence   // nothing changes but the batch's base
	done    // entry Of is rolled forward
	skip    // versions V are done without being read, unless they are taken
	same    // versions V have the content of another version, and are taken with it
	pause   // runs that begin from here on end at once
	expire  // the quarantine of a batch ends
)

var kindName = []string{"-", "plan", "commit", "replace", "replay", "compact", "release", "fence", "done", "skip", "same", "pause", "expire"}

type entry struct {
	Kind    kind
	Nonce   uint8
	Batch   [2]uint8 // batch + 1, 0 none; plan that adopts: what the batches were called in the ledger that was lost
	Base    [2]uint8 // sequence + 1 of the entry that last moved that batch
	Attempt uint8    // attempt + 1
	V       [2]uint8 // plan: versions of one or two batches; skip, same: versions
	Of      uint8    // plan: mapping, adopted; done: sequence
}

type attempt struct {
	Batch [2]uint8
	Base  [2]uint8
	Files [parts]uint8
	Q     uint8
	Read  uint8 // versions read

	Recorded bool // its record is written: doctor knows what it started from

	// with rules.lost: what the footer says
	Why kind
	Had uint8 // attempts whose files the batch had
	Old bool  // it was made before the ledger was lost, so Batch and Base are those of another ledger
}

type pc uint8

const (
	start pc = iota
	read
	hold
	put
	unknown
	cleanup
	roll
	head   // publish said that nothing is held: is the file visible?
	reread // neither held nor visible: is it live in a ledger read after that?
	listed
	sweep
	survey // adopt: has listed the lake
	again  // a first plan has listed the lake and found a file
	look   // an attempt will list its partitions before its commit
	seen   // it has listed them
	fin
)

type op uint8

const (
	opNone op = iota
	opRun
	opReplan
	opReplace
	opReplay
	opRewind
	opCompact
	opDoctor
	opFence // doctor --fix with fencing: ends attempts that stopped before their entry
	opRun2  // a run with mapping 2: what a replan is once it has released
	opRoll  // what is left of an operation whose entry is in: roll forward, then end
	opSkip  // marks object 1 as done
	opPause
	opShard0 // a run that plans object 1 only
	opShard1 // a run that plans object 2 only
	opSplit  // a run that plans the objects of an open batch again, each in a batch of its own
	opAdopt  // rebuilds the ledger from the footers of the lake's files
)

var opName = []string{"-", "run", "replan", "replace", "replay", "rewind", "compact", "doctor", "fence", "run2", "roll", "skip", "pause", "shard 0", "shard 1", "split", "adopt"}

type proc struct {
	Op      op
	PC      pc
	N       uint8 // how much of the ledger it has read
	Want    entry // entry it is writing
	Puts    uint8
	Attempt uint8
	E, K    uint8 // entry being rolled forward, next action; doctor: E is how long the ledger was in its first fold after the list
	Begun   bool
	Left    uint8 // versions in batches that this run has released: later runs plan them again
	Again   uint8 // opSplit: versions that it has released to plan them again
	Finals  uint16
	Holds   uint16
	QFiles  uint8
}

type state struct {
	Len      uint8
	Ledger   [maxEntries]entry
	NA       uint8
	Attempts [maxAttempts]attempt
	Holds    uint16 // bit attempt*2+part: uploaded, invisible
	Finals   uint16 // visible to readers
	QFiles   uint8
	Object1  uint8 // 0 ETag a, 1 ETag b, 2 ETag a again
	Aborted  bool
	Access   uint8 // to object 2, with rules.denied: 0 refused, 1 given, 2 refused again
	Kept     uint8 // batches of the copy of the ledger that is left
	P        [3]proc
}

// rules are the decisions under test; the zero value is the protocol.
type rules struct {
	visibleFirst    bool // publish before the commit
	deleteThenDrop  bool // remove: delete the visible file first, drop the held one after
	foldThenList    bool // doctor reads the ledger first, lists after, and removes what it does not know
	dropUncommitted bool // doctor drops held files that no commit knows
	noNonce         bool // a 412 is taken for a loss without reading who won
	noBase          bool // after a lost race the entry is written again without looking at the batch
	goneIsTaken     bool // a version that was gone when read stays taken
	copyPublish     bool // publish is a server-side copy: the held file stays until the end
	lostResponses   bool
	overwrite       int  // 0 none, 1 object 1 gets ETag b, 2 and then ETag a again
	lifecycle       bool // the store drops one held file by itself
	twoBatches      bool
	lazy            bool // nobody but its writer, a clean later run, and compaction rolls an entry forward
	noClosure       bool // an entry may take a file from one batch while another still has it
	noHeal          bool
	planAgain       bool // a plan that lost its number is written again unchanged
	skipHeld        bool // a skip also covers what is held or committed
	fenceThenList   bool // doctor lists what is held after its fence
	ignoreChanged   bool // on_change: ignore: a version is left while another of its object is taken
	resumed         bool // nobody looks at a pause any more
	touch           bool // what overwrites object 1 is a touch: its versions have one content, and a run compares it
	touchIsChange   bool // a touched object is taken without comparing its content
	sameForever     bool // a same entry takes a version for good, also after the batch with its content is released
	replayKeepsOld  bool // replay commits as a batch of its own, not as a move of the batch it came from
	bad             bool // a batch that reads version 0 is refused: its run releases it
	retryTogether   bool // objects of a refused batch share their next batch with others
	denied          bool // the store refuses to read object 2, at first
	deniedIsTaken   bool // an object that the store refused counts as taken
	replaceDenied   bool // a replace leaves out an input that the store refuses
	refuseAll       bool // a refused batch ends its run, which releases all open batches
	lost            bool // the ledger was lost, or is an old copy: files say what they were made from, and runs look at the lake
	commitBlind     bool // a commit does not look at the lake
	releaseBlind    bool // open batches of which files are visible are released
	adoptedIsOpen   bool // runs process batches that an adopt has planned
}

type batch struct {
	vers, mapping, cur uint8
	open, committed    bool
	live               uint16
	q                  uint8 // attempt + 1
	inputs             uint8
	same               uint8 // versions that have the content of its inputs
	former             uint8 // what it was called in the ledger that was lost
	expired            uint8 // records of its quarantine that were lost
}

type folded struct {
	nb      int
	b       [maxBatches]batch
	done    uint32
	named   uint16 // files some entry has named
	moves   uint32 // entries that need rolling forward
	removes [maxEntries]uint16
	adds    [maxEntries]uint16
	qdead   [maxEntries]uint8
	q       uint8 // live quarantine files
	qnamed  uint8
	live    uint16
	taken   uint8
	skipped uint8
	known   uint8 // by a same entry, forever
	awaited bool  // the last attempt at object 2 was refused
	retried uint8 // versions of batches that were released before they were committed
	paused  bool
}

func filesOf(s *state, a uint8) uint16 {
	var m uint16
	for p := 0; p < parts; p++ {
		if s.Attempts[a].Files[p] != 0 {
			m |= 1 << (uint(a)*parts + uint(p))
		}
	}
	return m
}

func content(s *state, bit int) uint8 { return s.Attempts[bit/parts].Files[bit%parts] }

func fold(s *state, n uint8, r *rules) (f folded) {
	for i := uint8(0); i < n; i++ {
		e := &s.Ledger[i]
		switch e.Kind {
		case plan:
			for k := 0; k < 2; k++ {
				if e.V[k] != 0 {
					f.b[f.nb] = batch{vers: e.V[k], mapping: e.Of, cur: i + 1, open: true, former: e.Batch[k]}
					f.nb++
				}
			}
		case done:
			f.done |= 1 << e.Of
		case skip:
			if v := e.V[0]; r.skipHeld {
				f.skipped |= v
			} else {
				f.skipped |= v &^ f.holding()
			}
		case same:
			for v := uint8(1); v <= 2; v <<= 1 {
				k := f.contentIn(v)
				switch {
				case e.V[0]&v == 0 || f.holding()&v != 0:
				case r.sameForever:
					f.known |= v
				case k >= 0: // else its content is free by now: the next plan takes it
					f.b[k].same |= v
				}
			}
		case pause:
			f.paused = true
		default:
			var before, after uint16
			var qb, qa uint8
			for k := 0; k < 2; k++ {
				if e.Batch[k] == 0 {
					continue
				}
				b := &f.b[e.Batch[k]-1]
				before |= b.live
				if b.q != 0 {
					qb |= 1 << (b.q - 1)
				}
			}
			var own uint16
			if e.Attempt != 0 {
				own = filesOf(s, e.Attempt-1)
			}
			for k := 0; k < 2; k++ {
				if e.Batch[k] == 0 {
					continue
				}
				b := &f.b[e.Batch[k]-1]
				b.cur = i + 1
				switch e.Kind {
				case commit, replace:
					b.open, b.committed = false, true
					b.live = own
					b.q, b.expired = 0, 0
					if s.Attempts[e.Attempt-1].Q != 0 {
						b.q = e.Attempt
					}
					b.inputs = s.Attempts[e.Attempt-1].Read & b.vers
					if r.goneIsTaken {
						b.inputs = b.vers
					}
					if r.deniedIsTaken || r.replaceDenied && e.Kind == replace {
						b.inputs |= b.vers & 0b100
					}
					if b.vers&0b100 != 0 && e.Kind == commit {
						f.awaited = s.Attempts[e.Attempt-1].Read&0b100 == 0
					}
				case replay:
					if !r.replayKeepsOld {
						b.live |= own
					}
					b.q = 0
				case expire:
					b.expired, b.q = s.Attempts[b.q-1].Q, 0
				case compact:
					b.live = b.live&^0x5555 | own // partition 0 only
				case release:
					if b.open {
						f.retried |= b.vers
					}
					b.open, b.committed = false, false
					b.live, b.q, b.inputs, b.same, b.expired = 0, 0, 0, 0, 0
				}
				after |= b.live
				if b.q != 0 {
					qa |= 1 << (b.q - 1)
				}
			}
			if r.replayKeepsOld && e.Kind == replay {
				after |= own
				f.b[f.nb] = batch{cur: i + 1, committed: true, live: own}
				f.nb++
			}
			f.adds[i], f.removes[i], f.qdead[i] = own, before&^after, qb&^qa
			f.named |= own
			if e.Attempt != 0 && s.Attempts[e.Attempt-1].Q != 0 {
				f.qnamed |= 1 << (e.Attempt - 1)
			}
			if f.adds[i]|f.removes[i] != 0 || f.qdead[i] != 0 {
				f.moves |= 1 << i
			}
		}
	}
	f.taken = f.holding() | f.skipped | f.known
	for i := 0; i < f.nb; i++ {
		b := &f.b[i]
		if b.committed {
			f.live |= b.live
			if b.q != 0 {
				f.q |= 1 << (b.q - 1)
			}
		}
	}
	return
}

// holding are the versions in open batches and those that committed ones have read.
func (f *folded) holding() (taken uint8) {
	for i := 0; i < f.nb; i++ {
		if b := &f.b[i]; b.open {
			taken |= b.vers
		} else if b.committed {
			taken |= b.inputs | b.same
		}
	}
	return
}

// contentIn is the committed batch that has read the other version of object 1, which was touched; -1: none.
func (f *folded) contentIn(v uint8) int {
	for i := 0; i < f.nb; i++ {
		if b := &f.b[i]; b.committed && (b.inputs|b.same)&changed(v) != 0 {
			return i
		}
	}
	return -1
}

// touched are the versions of object 1 whose content a committed batch has read as the other version.
func (f *folded) touched(free uint8) (out uint8) {
	for v := uint8(1); v <= 2; v <<= 1 {
		if free&v != 0 && f.contentIn(v) >= 0 {
			out |= v
		}
	}
	return out
}

// changed are the versions of object 1 whose other version is taken.
func changed(taken uint8) uint8 {
	return taken&1<<1 | taken>>1&1
}

// atContent are the versions that a read finds: the one that is listed, and, if object 1 was touched, the one with the same content.
func atContent(s *state, r *rules) uint8 {
	if now := listing(s); r.touch {
		return now | changed(now)
	}
	return listing(s)
}

func listing(s *state) uint8 {
	if s.Object1 == 1 {
		return 0b110
	}
	return 0b101
}

// refused are the versions that the store does not give although it lists them.
func refused(s *state, r *rules) uint8 {
	if r.denied && s.Access != 1 {
		return 0b100
	}
	return 0
}

func recordsIn(vers uint8, r *rules) (m uint8) {
	for v := 0; v < 3; v++ {
		if vers>>v&1 == 1 {
			m |= r.records(v)
		}
	}
	return
}

// records are those of a version.
func (r *rules) records(v int) uint8 {
	if r.touch && v == 1 {
		v = 0
	}
	return recordsOf[v]
}

func lowest(m uint32) uint8 {
	for i := uint8(0); i < 32; i++ {
		if m>>i&1 == 1 {
			return i
		}
	}
	return 255
}

// valid tells whether every batch an entry moves still stands where the writer saw it.
func valid(f *folded, e *entry) bool {
	for k := 0; k < 2; k++ {
		if e.Batch[k] != 0 && f.b[e.Batch[k]-1].cur != e.Base[k] {
			return false
		}
	}
	return true
}
