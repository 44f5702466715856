package jobs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/classes"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// ErrInputsGone refuses a replace: an object that a batch was made from is not in staging any more.
var ErrInputsGone = errors.New("inputs are gone from staging")

// headAtMost is how many objects are looked up one by one; more are listed.
const headAtMost = 200

// versionID identifies one version of an object in few bytes, since there may be millions.
type versionID [16]byte

func versionOf(o objstore.Object) versionID {
	sum := sha256.Sum256([]byte(o.Key + "\x00" + o.ETag))
	return versionID(sum[:16])
}

// group is what one attempt replaces: one batch, or the batches that share files since a compaction.
type group struct {
	batches []ledger.Batch
	month   string
	objects int
	size    int64
	days    map[string]bool
}

// survey is the work of a replace.
type survey struct {
	groups []*group // in the order of the ledger
	fresh  int      // batches that the current mapping made
	open   int      // batches that are not committed yet
	lost   int      // batches whose manifest retention has removed
}

// batchInputs calls fn for each input of these batches: the objects of their plans without those that were gone. lost are batches whose
// manifest retention has removed.
func batchInputs(ctx context.Context, l *ledger.Ledger, st *ledger.State, batches []ledger.Batch, fn func(batch string, o objstore.Object)) (lost []string, err error) {
	byManifest := map[ledger.ManifestRef][]string{}
	var order []ledger.ManifestRef
	for _, b := range batches {
		if byManifest[b.Manifest] == nil {
			order = append(order, b.Manifest)
		}
		byManifest[b.Manifest] = append(byManifest[b.Manifest], b.ID)
	}
	for _, ref := range order {
		m, err := l.Manifest(ctx, ref, byManifest[ref]...)
		if errors.Is(err, objstore.ErrNotExist) {
			lost = append(lost, byManifest[ref]...)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, b := range m.Batches {
			for _, o := range b.Objects {
				if st.Holds(b.Batch, o) {
					fn(b.Batch, o)
				}
			}
		}
	}
	return lost, nil
}

// survey finds the batches that read objects of the range, of this shard.
func (r *replacement) survey(ctx context.Context, st *ledger.State) (*survey, error) {
	pattern := r.run.Spec.Pattern()
	all := r.options
	all.Shards = 0 // shards are made of batches, not of objects
	touched := map[string]*group{}
	var committed []ledger.Batch
	s := &survey{}
	for _, b := range st.Batches() {
		switch b.State {
		case ledger.BatchCommitted:
			committed = append(committed, b)
			touched[b.ID] = &group{days: map[string]bool{}}
		case ledger.BatchOpen:
			s.open++
		}
	}
	lost, err := batchInputs(ctx, r.run.ledger, st, committed, func(batch string, obj objstore.Object) {
		f := staging.MatchObject(pattern, obj)
		g := touched[batch]
		g.objects++
		g.size += obj.SizeBytes
		g.days[dayOf(f).Format(time.DateOnly)] = true
		if month := dayOf(f).Format("2006-01"); all.selects(f) && (g.month == "" || month < g.month) {
			g.month = month
		}
	})
	if err != nil {
		return nil, err
	}
	s.lost = len(lost)
	upToDate := newFreshness(r.run)
	seen := map[string]bool{}
	for _, b := range committed {
		if seen[b.ID] || touched[b.ID].month == "" {
			continue
		}
		g := &group{days: map[string]bool{}}
		ids := st.Sharing(b.ID)
		fresh := 0
		for _, id := range ids {
			seen[id] = true
			t := touched[id]
			one, _ := st.Batch(id)
			g.batches = append(g.batches, one)
			g.objects += t.objects
			g.size += t.size
			maps.Copy(g.days, t.days)
			if t.month != "" && (g.month == "" || t.month < g.month) {
				g.month = t.month
			}
			ok, err := upToDate.check(ctx, one)
			if err != nil {
				return nil, err
			}
			if ok {
				fresh++
			}
			if slices.Contains(lost, id) {
				return nil, fmt.Errorf("batch %s shares files with batch %s, whose manifest retention has removed. Both stay as they are", b.ID, id)
			}
		}
		if !r.options.inShard(ids[0]) {
			continue
		}
		if fresh == len(ids) {
			s.fresh += fresh
			continue
		}
		s.groups = append(s.groups, g)
	}
	return s, nil
}

// freshness says of batches whether the current mapping and settings made their files. It reads each manifest once.
type freshness struct {
	runner *Runner
	ledger *ledger.Ledger
	config *batchConfig
	known  map[string]bool // by manifest
}

func newFreshness(x *run) *freshness {
	return &freshness{x.Runner, x.ledger, x.config, map[string]bool{}}
}

// check returns ErrSettings if the files of the batch are in another place than the job names.
func (f *freshness) check(ctx context.Context, b ledger.Batch) (bool, error) {
	if b.Made == "" {
		return false, nil
	}
	if fresh, known := f.known[b.Made]; known {
		return fresh, nil
	}
	m, err := f.ledger.MadeFrom(ctx, b)
	if errors.Is(err, objstore.ErrNotExist) {
		f.known[b.Made] = false
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := checkSamePlace("replace", b, changedPlaces(f.config, m)); err != nil {
		return false, err
	}
	f.known[b.Made] = m.Mapping.Digest == f.runner.Mapping.Digest && m.SchemaVersion == f.config.compiled.Version && maps.Equal(m.Settings, plannedSettings(f.runner.Spec)) &&
		maps.Equal(m.Classes, classes.Record(f.runner.Spec, f.config.targets)) && m.Redaction.Equal(f.config.redaction()) && slices.Equal(m.Fills, f.config.compiled.Fills) && slices.Equal(m.Events, f.config.compiled.Scan.Format.Events)
	return f.known[b.Made], nil
}

// months are those that the survey has work in.
func (s *survey) months(newestFirst bool) []string {
	var out []string
	for _, g := range s.groups {
		out = append(out, g.month)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if newestFirst {
		slices.Reverse(out)
	}
	return out
}

func (s *survey) batches() (out []ledger.Batch) {
	for _, g := range s.groups {
		out = append(out, g.batches...)
	}
	return out
}

// warnings name what a replace leaves as it is.
func (s *survey) warnings() (out []string) {
	if s.lost > 0 {
		out = append(out, fmt.Sprintf("retention has removed the manifests of %s; it is not known whether they read objects of these days, and they stay as they are", human.Plural(int64(s.lost), "committed batch")))
	}
	if s.open > 0 {
		out = append(out, fmt.Sprintf("%s of the job are not committed yet. Try: run the job first if they may have objects of these days", human.Plural(int64(s.open), "batch")))
	}
	return out
}

// missingInputs names the inputs that were deleted or overwritten since they were read.
func missingInputs(ctx context.Context, x *run, st *ledger.State, batches []ledger.Batch) (out []string, err error) {
	pattern := x.Spec.Pattern()
	wanted := map[versionID]struct{}{}
	var first, last time.Time
	dated := pattern != nil
	if _, err = batchInputs(ctx, x.ledger, st, batches, func(_ string, o objstore.Object) {
		wanted[versionOf(o)] = struct{}{}
		f := staging.MatchObject(pattern, o)
		if f.Day.IsZero() {
			dated = false
			return
		}
		if first.IsZero() || f.Day.Before(first) {
			first = f.Day
		}
		if f.Day.After(last) {
			last = f.Day
		}
	}); err != nil {
		return nil, err
	}
	if len(wanted) > headAtMost {
		lo := staging.Options{Pattern: pattern, Select: func(f staging.Found) bool { delete(wanted, versionOf(f.Object)); return false }}
		if dated {
			lo.Cutoff, lo.Through = func(string) time.Time { return first }, last
		}
		if _, err := staging.List(ctx, x.Staging, lo); err != nil {
			return nil, err
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	var ask []objstore.Object
	if _, err = batchInputs(ctx, x.ledger, st, batches, func(_ string, o objstore.Object) {
		if _, ok := wanted[versionOf(o)]; ok {
			ask = append(ask, o)
		}
	}); err != nil {
		return nil, err
	}
	now, err := currentVersions(ctx, x.Staging, ask)
	for i, o := range ask {
		same := false
		if err == nil && now[i].ETag != "" {
			same, err = x.Staging.Same(ctx, o, now[i])
		}
		if err == nil && !same {
			out = append(out, o.Key+map[bool]string{true: " (deleted)", false: " (overwritten)"}[now[i].ETag == ""])
		}
	}
	return out, err
}

// currentVersions looks up what staging has at the keys of these objects now. One that was deleted has no ETag.
func currentVersions(ctx context.Context, store objstore.Reader, objects []objstore.Object) ([]objstore.Object, error) {
	out, errs := make([]objstore.Object, len(objects)), make([]error, len(objects))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, o := range objects {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if out[i], errs[i] = store.Head(ctx, o.Key); errors.Is(errs[i], objstore.ErrNotExist) {
				out[i], errs[i] = objstore.Object{}, nil
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

func inputsGone(gone []string) error {
	text := strings.Join(gone[:min(20, len(gone))], ", ")
	if n := len(gone) - 20; n > 0 {
		text += fmt.Sprintf(" and %s more", human.Count(int64(n)))
	}
	return fmt.Errorf("%w: %s of the batches to replace, so nothing was replaced: %s. Try: restore them, or narrow --from and --to", ErrInputsGone, human.Plural(int64(len(gone)), "object"), text)
}

// estimate counts the work of a replace. It needs the right to delete, since a replace would be refused without it.
func (r *replacement) estimate(ctx context.Context, st *ledger.State) (*report.Estimate, error) {
	x, o := r.run, r.options
	if x.Deleter == nil {
		return nil, fmt.Errorf("replace: %w", ErrNoDelete)
	}
	s, err := r.survey(ctx, st)
	if err != nil {
		return nil, err
	}
	gone, err := missingInputs(ctx, x, st, s.batches())
	if err != nil {
		return nil, err
	}
	e := &report.Estimate{Job: x.Spec.Name, From: o.From.Format(time.DateOnly), To: o.To.Format(time.DateOnly), Shards: o.Shards, Shard: o.Shard, Replace: true,
		Months: append([]string{}, s.months(o.NewestFirst)...), UpToDate: s.fresh, Batches: len(s.batches()), Warnings: s.warnings()}
	days, partitions := map[string]bool{}, map[string]bool{}
	for _, g := range s.groups {
		e.Objects += g.objects
		e.SizeBytes += g.size
		maps.Copy(days, g.days)
		for _, b := range g.batches {
			for _, f := range b.Files {
				partitions[f[:strings.LastIndexByte(f, '/')+1]] = true
			}
		}
	}
	e.Partitions = len(partitions)
	for d := range days {
		if d < e.From || d > e.To {
			e.OutsideRange++
		} else {
			e.Days++
		}
	}
	if len(gone) > 0 {
		e.Warnings = append(e.Warnings, "the replace will be refused: "+inputsGone(gone).Error())
	}
	return e, nil
}
