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

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// ErrInputsGone refuses a replace: what a batch was made from is not in staging any more.
var ErrInputsGone = errors.New("inputs are gone from staging")

// headAtMost is how many objects are asked for one by one; more are listed.
const headAtMost = 200

// versionID is a short name of one version of an object: a million of them fit into memory.
type versionID [16]byte

func versionOf(o objstore.Object) versionID {
	sum := sha256.Sum256([]byte(o.Key + "\x00" + o.ETag))
	return versionID(sum[:16])
}

// group are batches that are replaced by one attempt: one, or those that share files since a compaction.
type group struct {
	batches []ledger.Batch
	month   string
	objects int
	size    int64
	days    map[string]bool
}

// survey is what a replace has to do.
type survey struct {
	groups []*group // in the order of the ledger
	fresh  int      // batches that the mapping as it is now has made
	open   int      // batches of other plans that are not committed yet
	lost   int      // batches whose manifest is not there any more
}

// inputs calls fn for each input of these batches: the objects of their plans without those that were gone.
func (x *run) inputs(ctx context.Context, st *ledger.State, batches []ledger.Batch, fn func(batch string, o objstore.Object)) (lost []string, err error) {
	byManifest := map[ledger.ManifestRef][]string{}
	var order []ledger.ManifestRef
	for _, b := range batches {
		if byManifest[b.Manifest] == nil {
			order = append(order, b.Manifest)
		}
		byManifest[b.Manifest] = append(byManifest[b.Manifest], b.ID)
	}
	for _, ref := range order {
		m, err := x.ledger.Manifest(ctx, ref, byManifest[ref]...)
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

// survey finds the batches that read objects of the range, of this share.
func (x *run) survey(ctx context.Context, st *ledger.State, o BackfillOptions) (*survey, error) {
	pattern := x.Spec.Pattern()
	all := o
	all.Shards = 0 // shares are of batches, not of objects
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
	lost, err := x.inputs(ctx, st, committed, func(batch string, obj objstore.Object) {
		f := staging.Of(pattern, obj)
		g := touched[batch]
		g.objects++
		g.size += obj.SizeBytes
		g.days[dayOf(f).Format(time.DateOnly)] = true
		if month := dayOf(f).Format("2006-01"); all.has(f) && (g.month == "" || month < g.month) {
			g.month = month
		}
	})
	if err != nil {
		return nil, err
	}
	s.lost = len(lost)
	fresh := x.freshness()
	seen := map[string]bool{}
	for _, b := range committed {
		if seen[b.ID] || touched[b.ID].month == "" {
			continue
		}
		g := &group{days: map[string]bool{}}
		ids := st.Sharing(b.ID)
		made := 0
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
			ok, err := fresh(ctx, one)
			if err != nil {
				return nil, err
			}
			if ok {
				made++
			}
			if slices.Contains(lost, id) {
				return nil, fmt.Errorf("batch %s shares files with batch %s, whose manifest retention has removed; they cannot be replaced", b.ID, id)
			}
		}
		if !o.shares(ids[0]) {
			continue
		}
		if made == len(ids) {
			s.fresh += made
			continue
		}
		s.groups = append(s.groups, g)
	}
	return s, nil
}

// freshness tells of batches whether their files were made by the mapping as it is now, under the settings of now. It reads each
// manifest once. ErrSettings: the files lie in another place than the job names.
func (x *run) freshness() func(context.Context, ledger.Batch) (bool, error) {
	known := map[string]bool{}
	return func(ctx context.Context, b ledger.Batch) (bool, error) {
		if b.Made == "" {
			return false, nil
		}
		if ok, has := known[b.Made]; has {
			return ok, nil
		}
		m, err := x.ledger.MadeFrom(ctx, b)
		if errors.Is(err, objstore.ErrNotExist) {
			known[b.Made] = false
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err := keepsPlace("replace", b, movedPlaces(x.Spec, m)); err != nil {
			return false, err
		}
		known[b.Made] = m.Mapping.Digest == x.Mapping.Digest && m.SchemaVersion == x.compiled.Version && maps.Equal(m.Settings, plannedSettings(x.Spec))
		return known[b.Made], nil
	}
}

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

// warnings about what a replace leaves.
func (s *survey) warnings() (out []string) {
	if s.lost > 0 {
		out = append(out, fmt.Sprintf("the manifests of %s are not there any more: whether they read objects of these days is not known, and they stay as they are", human.Plural(int64(s.lost), "committed batch")))
	}
	if s.open > 0 {
		out = append(out, fmt.Sprintf("%s not committed yet: run the job first where that may be of these days", human.Plural(int64(s.open), "batch")))
	}
	return out
}

// missing names inputs that are not in staging any more as they were read, each with what became of it.
func (x *run) missing(ctx context.Context, st *ledger.State, batches []ledger.Batch) (out []string, err error) {
	pattern := x.Spec.Pattern()
	wanted := map[versionID]struct{}{}
	var first, last time.Time
	dated := pattern != nil
	if _, err = x.inputs(ctx, st, batches, func(_ string, o objstore.Object) {
		wanted[versionOf(o)] = struct{}{}
		f := staging.Of(pattern, o)
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
	if _, err = x.inputs(ctx, st, batches, func(_ string, o objstore.Object) {
		if _, ok := wanted[versionOf(o)]; ok {
			ask = append(ask, o)
		}
	}); err != nil {
		return nil, err
	}
	now, err := x.heads(ctx, ask)
	for i, o := range ask {
		if err == nil && now[i].ETag != o.ETag {
			out = append(out, o.Key+map[bool]string{true: " (deleted)", false: " (overwritten)"}[now[i].ETag == ""])
		}
	}
	return out, err
}

// heads asks staging for what lies at the keys of these objects now; one that is not there any more has no ETag.
func (x *run) heads(ctx context.Context, objects []objstore.Object) ([]objstore.Object, error) {
	out, errs := make([]objstore.Object, len(objects)), make([]error, len(objects))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, o := range objects {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if out[i], errs[i] = x.Staging.Head(ctx, o.Key); errors.Is(errs[i], objstore.ErrNotExist) {
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
	return fmt.Errorf("%w: %s of the batches to replace; nothing was replaced. Restore them, or narrow --from and --to: %s", ErrInputsGone, human.Plural(int64(len(gone)), "object"), text)
}

// estimateReplace is what a replace has to do. It needs the right to delete, for the answer without it is no.
func (x *run) estimateReplace(ctx context.Context, st *ledger.State, o BackfillOptions) (*report.Estimate, error) {
	if x.Deleter == nil {
		return nil, fmt.Errorf("replace: %w", ErrNoDelete)
	}
	s, err := x.survey(ctx, st, o)
	if err != nil {
		return nil, err
	}
	gone, err := x.missing(ctx, st, s.batches())
	if err != nil {
		return nil, err
	}
	e := &report.Estimate{Job: x.Spec.Name, From: o.From.Format(time.DateOnly), To: o.To.Format(time.DateOnly), Shards: o.Shards, Shard: o.Shard, Replace: true,
		Months: append([]string{}, s.months(o.NewestFirst)...), UpToDate: s.fresh, Batches: len(s.batches()), Warnings: s.warnings()}
	days, places := map[string]bool{}, map[string]bool{}
	for _, g := range s.groups {
		e.Objects += g.objects
		e.SizeBytes += g.size
		maps.Copy(days, g.days)
		for _, b := range g.batches {
			for _, f := range b.Files {
				places[f[:strings.LastIndexByte(f, '/')+1]] = true
			}
		}
	}
	e.Partitions = len(places)
	for d := range days {
		if d < e.From || d > e.To {
			e.OutsideRange++
		} else {
			e.Days++
		}
	}
	if len(gone) > 0 {
		e.Warnings = append(e.Warnings, "it will be refused: "+inputsGone(gone).Error())
	}
	return e, nil
}
