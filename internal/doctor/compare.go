package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// Places are where a job keeps its files, and what says which files belong there.
type Places struct {
	Ledger *ledger.Ledger
	// Lake is opened with the right to delete if the job has it: the permissions boundary of Security Lake lets a provider role
	// list objects, but not held uploads. Fix needs the right.
	Lake    ledger.Lake
	Catalog catalog.Catalog
	Targets map[string]lake.Target // by class
	// SourceFolder is the job's own folder in the lake (example: ext/firewall/).
	SourceFolder string
	// Location gives a folder of the lake as the catalog names it.
	Location func(folder string) string
	// Files reads files of the lake, and State those of quarantine. nil: their contents are not compared.
	Files, State objstore.Reader
	// Deep also reads all live files and quarantine files again.
	Deep bool
	// RollForward finishes committed entries, and returns how many. Only Fix calls it.
	RollForward func(ctx context.Context) (int, error)
	// LeftOut lists staging in full and compares it with what a run lists. nil: a run of the job lists all of staging.
	LeftOut func(ctx context.Context) (LeftOut, error)
	Log     zerolog.Logger
}

// Comparison is what a job's lake, state and catalog hold, compared with its ledger. Quarantine and Records are keys of the state,
// all other keys are of the lake.
type Comparison struct {
	Unknown    []string         `json:"unknown"`    // visible files that no entry names: they did not come from this job
	Dead       []string         `json:"dead"`       // visible files that an entry has removed
	Missing    []string         `json:"missing"`    // live files that are not visible, and that no roll-forward will publish
	Held       []HeldFile       `json:"held"`       // held files that can be dropped
	Foreign    []string         `json:"foreign"`    // held files of a batch that this ledger does not know
	Abandoned  []Abandoned      `json:"abandoned"`  // attempts that need a fence
	Quarantine []string         `json:"quarantine"` // quarantine files that are dead, or of a void attempt
	Records    []string         `json:"records"`    // records of void attempts
	Waiting    []ledger.Rolling `json:"waiting"`    // entries that are not done, and whose writers hold no lease
	LiveFiles  int              `json:"live_files"`
	// Damaged are leases and run records that cannot be read.
	Damaged []ledger.Damaged `json:"damaged"`
	// Partitions are folders of the lake with live files that the catalog does not have.
	Partitions []string `json:"partitions"`
	// DamagedFiles are live files, DamagedQuarantine quarantine files of batches, whose content is not that of their attempts' records.
	DamagedFiles      []DamagedFile `json:"damaged_files"`
	DamagedQuarantine []DamagedFile `json:"damaged_quarantine"`
	NotCompared       int           `json:"not_compared,omitempty"` // files whose attempt record does not exist any more
	Read              *ReadFiles    `json:"read,omitempty"`         // by a deep comparison
	// NotListed is why held files could not be listed; "" if they were.
	NotListed string `json:"not_listed,omitempty"`

	live              []string // visible live files whose entries are done, in order
	deadRefs          map[string]*ledger.AttemptRef
	deadQuarantine    []ledger.AttemptObject
	voidRecords       []ledger.AttemptObject
	missingPartitions map[string][]catalog.Partition // by table
}

// HeldFile is a held file that can be dropped.
type HeldFile struct {
	objstore.Held
	Why string `json:"why"` // void, dead, published
	// Listed says that the store lists the file as held. Otherwise only the record of its attempt names it.
	Listed bool `json:"listed"`
}

// Abandoned is an attempt that stopped before its entry, at a batch that no entry has moved since.
type Abandoned struct {
	Batch   string `json:"batch"`
	Attempt string `json:"attempt"`
	Files   int    `json:"files"` // held files, listed or named by its record
	// Busy says that a run holds the lease of the batch, so the attempt may still continue.
	Busy bool `json:"busy,omitempty"`
}

// Compare lists what the job's lake and state hold and compares it with the ledger and the catalog. It writes nothing.
func Compare(ctx context.Context, p Places) (*Comparison, error) {
	l, err := list(ctx, p)
	if err != nil {
		return nil, err
	}
	c, err := l.compare(ctx, p)
	if err != nil {
		return nil, err
	}
	return c, c.compareContents(ctx, p, l.objects)
}

// attemptID names an attempt by the ULIDs of its first batch and of itself.
type attemptID struct{ batch, attempt string }

func (a attemptID) compare(b attemptID) int {
	return cmp.Or(strings.Compare(a.batch, b.batch), strings.Compare(a.attempt, b.attempt))
}

// listing is what a job's lake and state hold. It is made before the ledger is read: a listed held file belongs to an attempt that
// began before the fold, so a fence that is written after the fold makes that attempt void.
type listing struct {
	visible    map[string]bool
	objects    map[string]objstore.Object // the visible files
	held       []objstore.Held
	records    map[attemptID]ledger.AttemptObject
	quarantine []ledger.AttemptObject
	folded     uint64 // the last entry of the first fold after the listing; 0: not folded yet
	notListed  error  // why held files could not be listed
}

// list reads nothing from the ledger's entries.
func list(ctx context.Context, p Places) (*listing, error) {
	l := &listing{visible: map[string]bool{}, objects: map[string]objstore.Object{}, records: map[attemptID]ledger.AttemptObject{}}
	for _, folder := range p.Folders() {
		err := p.Lake.List(ctx, objstore.ListOptions{Prefix: folder}, func(o objstore.Object) error {
			l.visible[o.Key], l.objects[o.Key] = true, o
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list the lake: %w", err)
		}
		held, err := p.Lake.HeldList(ctx, folder)
		if err != nil {
			l.notListed = err // the records of attempts still name their files
			if !errors.Is(err, objstore.ErrDenied) {
				return nil, fmt.Errorf("list held files: %w", err)
			}
		}
		l.held = append(l.held, held...)
	}
	records, err := p.Ledger.AttemptRecords(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		l.records[attemptID{r.Batch, r.Attempt}] = r
	}
	l.quarantine, err = p.Ledger.QuarantineFiles(ctx)
	return l, err
}

// Folders are those of the lake that the job writes to, without folders below another one.
func (p Places) Folders() []string {
	all := []string{p.SourceFolder}
	for _, t := range p.Targets {
		if t.Missing == "" {
			all = append(all, t.Folder)
		}
	}
	slices.Sort(all)
	var out []string
	for _, f := range all {
		if len(out) == 0 || !strings.HasPrefix(f, out[len(out)-1]) {
			out = append(out, f)
		}
	}
	return out
}

// comparing is one comparison of a listing with a fold of the ledger.
type comparing struct {
	*listing
	ledger  *ledger.Ledger
	state   *ledger.State
	leases  map[string]string                        // runs by lease
	named   map[string]map[string]*ledger.AttemptRef // by batch, by attempt
	pending map[string]bool                          // files that are left to whoever rolls their entry forward
	out     *Comparison
}

// compare folds the ledger and says what the listing means. It can be called again after a fence.
func (l *listing) compare(ctx context.Context, p Places) (*Comparison, error) {
	st, err := p.Ledger.Fold(ctx)
	if err != nil {
		return nil, err
	}
	if l.folded == 0 {
		l.folded = st.Seq()
	}
	leases, err := p.Ledger.Leases(ctx)
	if err != nil {
		return nil, err
	}
	out := &Comparison{Unknown: []string{}, Dead: []string{}, Missing: []string{}, Held: []HeldFile{}, Foreign: []string{}, Abandoned: []Abandoned{},
		Quarantine: []string{}, Records: []string{}, Waiting: []ledger.Rolling{}, Partitions: []string{},
		Damaged: []ledger.Damaged{}, DamagedFiles: []DamagedFile{}, DamagedQuarantine: []DamagedFile{}, deadRefs: map[string]*ledger.AttemptRef{}, missingPartitions: map[string][]catalog.Partition{}}
	if l.notListed != nil {
		out.NotListed = l.notListed.Error()
	}
	c := &comparing{listing: l, ledger: p.Ledger, state: st, leases: leases, named: map[string]map[string]*ledger.AttemptRef{}, pending: map[string]bool{}, out: out}
	c.entries()
	if err := c.visibleFiles(ctx); err != nil {
		return nil, err
	}
	if err := c.attempts(ctx); err != nil {
		return nil, err
	}
	if err := c.missingFiles(ctx, p.Lake); err != nil {
		return nil, err
	}
	damaged, err := p.Ledger.Damaged(ctx)
	if err != nil {
		return nil, err
	}
	out.Damaged = append(out.Damaged, damaged...)
	return out, out.comparePartitions(ctx, p)
}

// entries sorts the entries that are not done.
func (c *comparing) entries() {
	busy := map[string]bool{}
	for _, run := range c.leases {
		busy[run] = true
	}
	for _, r := range c.state.NotDone() {
		for _, k := range slices.Concat(r.Adds, r.Removes) {
			c.pending[k] = true
		}
		if !busy[r.Run] {
			c.out.Waiting = append(c.out.Waiting, r)
		}
	}
}

// fate is the result of an attempt.
type fate int

const (
	fateForeign   fate = iota // this ledger does not know its batch
	fateNamed                 // an entry names it
	fateVoid                  // no entry can name it any more
	fateAbandoned             // an entry could still name it
)

// fate gives the result of an attempt, and which record an entry names.
func (c *comparing) fate(ctx context.Context, id attemptID) (fate, *ledger.AttemptRef, error) {
	b, ok := c.state.Batch(id.batch)
	if !ok {
		return fateForeign, nil, nil
	}
	if c.named[b.ID] == nil {
		named, err := c.ledger.NamedAttempts(ctx, b)
		if err != nil {
			return fateForeign, nil, err
		}
		c.named[b.ID] = named
	}
	if ref := c.named[b.ID][id.attempt]; ref != nil {
		return fateNamed, ref, nil
	}
	base := c.records[id].Base
	if base == 0 { // without a record; but its files were held before the fold, so its base is not above the fold's last entry
		base = c.folded
	}
	if b.State == ledger.BatchReleased || b.Base > base {
		return fateVoid, nil, nil
	}
	return fateAbandoned, nil, nil
}

// fileFate is the fate of the attempt that a file of the lake is named after.
func (c *comparing) fileFate(ctx context.Context, key string) (attemptID, fate, *ledger.AttemptRef, error) {
	id, ok := attemptOf(key)
	if !ok {
		return id, fateForeign, nil, nil
	}
	f, ref, err := c.fate(ctx, id)
	return id, f, ref, err
}

// attemptOf reads batch and attempt off the name of a file of the lake.
func attemptOf(key string) (attemptID, bool) {
	batch, attempt, _, ok := ledger.ParseFileName(path.Base(key))
	return attemptID{batch, attempt}, ok && isULID(batch) && isULID(attempt)
}

func isULID(s string) bool {
	_, err := ulid.ParseStrict(s)
	return err == nil && s == strings.ToUpper(s)
}

// visibleFiles sorts what readers see.
func (c *comparing) visibleFiles(ctx context.Context) error {
	for _, key := range slices.Sorted(maps.Keys(c.visible)) {
		if c.pending[key] {
			continue
		}
		if c.state.Live(key) {
			c.out.live = append(c.out.live, key)
			continue
		}
		_, f, ref, err := c.fileFate(ctx, key)
		if err != nil {
			return err
		}
		if f == fateNamed {
			c.out.Dead = append(c.out.Dead, key)
			c.out.deadRefs[key] = ref
		} else {
			c.out.Unknown = append(c.out.Unknown, key)
		}
	}
	return nil
}

// attempts sorts held files, attempt records and quarantine by the results of their attempts.
func (c *comparing) attempts(ctx context.Context) error {
	abandoned := map[attemptID]int{} // how many files
	listed, err := c.heldFiles(ctx, abandoned)
	if err != nil {
		return err
	}
	if err := c.attemptRecords(ctx, listed, abandoned); err != nil {
		return err
	}
	if err := c.quarantineFiles(ctx, abandoned); err != nil {
		return err
	}
	for _, id := range slices.SortedFunc(maps.Keys(abandoned), attemptID.compare) {
		b, _ := c.state.Batch(id.batch)
		_, busy := c.leases[b.Manifest.ID]
		// A run that works on committed batches holds a lease of another name.
		busy = busy || b.State == ledger.BatchCommitted && len(c.leases) > 0
		c.out.Abandoned = append(c.out.Abandoned, Abandoned{Batch: id.batch, Attempt: id.attempt, Files: abandoned[id], Busy: busy})
	}
	return nil
}

func (c *comparing) heldFiles(ctx context.Context, abandoned map[attemptID]int) (listed map[string]bool, err error) {
	listed = map[string]bool{}
	for _, h := range c.held {
		listed[h.Key] = true
		if c.pending[h.Key] {
			continue
		}
		id, f, _, err := c.fileFate(ctx, h.Key)
		if err != nil {
			return nil, err
		}
		why := ""
		switch {
		case f == fateForeign:
			c.out.Foreign = append(c.out.Foreign, h.Key)
		case f == fateAbandoned:
			abandoned[id]++
		case f == fateVoid:
			why = "void"
		case !c.state.Live(h.Key):
			why = "dead"
		case c.visible[h.Key]: // its publication stopped between making it visible and dropping it
			why = "published"
		}
		if why != "" {
			c.out.Held = append(c.out.Held, HeldFile{Held: h, Why: why, Listed: true})
		}
	}
	return listed, nil
}

// attemptRecords also finds held files that the store does not list: those that the record of a void attempt names.
func (c *comparing) attemptRecords(ctx context.Context, listed map[string]bool, abandoned map[attemptID]int) error {
	for _, id := range slices.SortedFunc(maps.Keys(c.records), attemptID.compare) {
		record := c.records[id]
		f, _, err := c.fate(ctx, id)
		if err != nil {
			return err
		}
		if f != fateVoid && f != fateAbandoned {
			continue
		}
		a, err := c.ledger.ReadAttempt(ctx, record)
		if errors.Is(err, objstore.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if a == nil { // damaged, and no entry needs it
			continue
		}
		if f == fateAbandoned {
			abandoned[id] = len(a.Files)
			continue
		}
		c.out.Records = append(c.out.Records, record.Key)
		c.out.voidRecords = append(c.out.voidRecords, record)
		for _, file := range a.Files {
			if own, ok := attemptOf(file.Held.Key); ok && own == id && !listed[file.Held.Key] {
				c.out.Held = append(c.out.Held, HeldFile{Held: file.Held, Why: "void"})
			}
		}
	}
	return nil
}

func (c *comparing) quarantineFiles(ctx context.Context, abandoned map[attemptID]int) error {
	for _, q := range c.quarantine {
		if c.state.LiveQuarantine(q.Key) {
			continue
		}
		id := attemptID{q.Batch, q.Attempt}
		f, _, err := c.fate(ctx, id)
		if err != nil {
			return err
		}
		switch f {
		case fateNamed, fateVoid:
			c.out.Quarantine = append(c.out.Quarantine, q.Key)
			c.out.deadQuarantine = append(c.out.deadQuarantine, q)
		case fateAbandoned:
			abandoned[id] += 0
		}
	}
	return nil
}

// headsAtOnce bounds how many live files are asked for at the same time.
const headsAtOnce = 16

// missingFiles finds live files that are not visible, and that were not removed during the comparison.
func (c *comparing) missingFiles(ctx context.Context, store ledger.Lake) error {
	var unseen []string
	for _, key := range c.state.LiveFiles() {
		c.out.LiveFiles++
		if !c.visible[key] && !c.pending[key] {
			unseen = append(unseen, key)
		}
	}
	if len(unseen) == 0 {
		return nil
	}
	absent := make([]bool, len(unseen))
	var heads errgroup.Group
	heads.SetLimit(headsAtOnce)
	for i, key := range unseen {
		heads.Go(func() error {
			_, err := store.Head(ctx, key)
			if absent[i] = errors.Is(err, objstore.ErrNotExist); absent[i] {
				return nil
			}
			return err
		})
	}
	if err := heads.Wait(); err != nil {
		return err
	}
	st, err := c.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	for i, key := range unseen {
		if absent[i] && st.Live(key) {
			c.out.Missing = append(c.out.Missing, key)
		}
	}
	return nil
}

// comparePartitions finds the folders of live files that the catalog does not have.
func (c *Comparison) comparePartitions(ctx context.Context, p Places) error {
	want := map[string]map[string]catalog.Partition{} // by table and folder
	last := ""
	for _, key := range c.live {
		folder := key[:strings.LastIndexByte(key, '/')+1]
		if folder == last { // the keys are sorted
			continue
		}
		last = folder
		top, values, ok := lake.ParsePrefix(folder)
		if !ok {
			continue
		}
		for _, t := range p.Targets {
			if t.Folder != top {
				continue
			}
			if want[t.Table] == nil {
				want[t.Table] = map[string]catalog.Partition{}
			}
			want[t.Table][folder] = catalog.Partition{Values: values.Values(), Location: p.Location(folder)}
		}
	}
	for table, folders := range want {
		have := map[[3]string]bool{}
		err := p.Catalog.Partitions(ctx, table, func(p catalog.Partition) error { have[p.Values] = true; return nil })
		if err != nil && !errors.Is(err, catalog.ErrNoTable) {
			return err
		}
		for folder, partition := range folders {
			if !have[partition.Values] {
				c.Partitions = append(c.Partitions, folder)
				c.missingPartitions[table] = append(c.missingPartitions[table], partition)
			}
		}
	}
	slices.Sort(c.Partitions)
	return nil
}
