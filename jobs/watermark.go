package jobs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/recheck"
	"github.com/silt-etl/silt/internal/staging"
)

// watermarks say from which day on the folders of staging are listed. A day in a key moves the watermark of its folder only if it is
// credible: not later than the time at which it was planned plus event_days.max_future, at most one day. Otherwise one key of a wrong
// clock would put every real day before the lookback, and no run would list them.
type watermarks struct {
	pattern  *staging.Pattern
	future   time.Duration        // how far after now a day is credible
	planning time.Time            // of what is planned now
	first    map[string]time.Time // by folder of dated folders: the first day of the lookback. None: all days
	awaited  map[string]time.Time // by folder: the first day with an object that was seen and not taken
	ignored  []string             // of each folder with a day that is not credible, the greatest key
}

// maxFutureDay bounds event_days.max_future for watermarks: a job that allows records of next year must not stop listing this one.
const maxFutureDay = 24 * time.Hour

// watermarks reads the watermarks off the ledger. nil: the keys of the job have no days that could leave a folder out.
func (x *run) watermarks(ctx context.Context, st *ledger.State) (*watermarks, error) {
	p := x.Spec.Pattern()
	if p == nil || !p.Prunable() {
		return nil, nil
	}
	now, err := x.storeTime(ctx)
	if err != nil {
		return nil, err
	}
	w := &watermarks{pattern: p, future: min(x.Spec.EventDays.MaxFuture, maxFutureDay), planning: now, first: map[string]time.Time{}}
	if local := time.Now(); local.Before(now) { // the time in the IDs of batches that are planned now
		w.planning = local
	}
	latest := map[string]string{}
	for _, m := range st.Marks(func(batch string, m ledger.Mark) bool {
		_, ok := w.day(m.Key, plannedAt(batch, now))
		if !ok && m.Prefix != "" {
			latest[m.Prefix] = max(latest[m.Prefix], m.Key)
		}
		return ok
	}) {
		if day, ok := w.day(m.Key, now); ok && m.Prefix != "" && m.FreedFrom.IsZero() {
			if day.After(now) { // credible, and perhaps of another time zone: the days until then have not come
				day = now
			}
			w.first[m.Prefix] = day.Add(-x.Spec.Source.Lookback).Truncate(24 * time.Hour)
		}
	}
	if x.memo == nil {
		memo, err := recheck.Load(ctx, x.State, x.Spec.Name)
		if err != nil {
			return nil, err
		}
		x.memo = &memo
	}
	for folder, day := range x.memo.Waiting { // an object was left there for this run
		if first, ok := w.first[folder]; ok && day.Before(first) {
			w.first[folder] = day
		}
	}
	w.ignored = slices.Sorted(maps.Values(latest))
	w.awaited = map[string]time.Time{}
	for folder, text := range st.Awaited.Folders() {
		if day, err := time.Parse(time.DateOnly, text); err == nil {
			w.await(folder, day)
		}
	}
	for _, o := range st.Awaited.Objects() {
		if day, ok := p.Day(p.Match(o.Key)); ok {
			w.await(p.DatePrefix(o.Key), day)
		}
	}
	return w, nil
}

// storeTime is the time of the state's store. It is asked once in a run.
func (x *run) storeTime(ctx context.Context) (time.Time, error) {
	if x.askedTime.IsZero() {
		now, err := x.State.Now(ctx)
		if err != nil {
			return now, fmt.Errorf("read the time of the store: %w", err)
		}
		x.timeThen, x.askedTime = now, time.Now()
	}
	return x.timeThen.Add(time.Since(x.askedTime)), nil
}

// plannedAt is when a batch was planned, by its ID, but not later than now. It keeps a future day from moving the watermark when that
// day has come, past days on which no run has listed the folder.
func plannedAt(batch string, now time.Time) time.Time {
	id, err := ulid.ParseStrict(batch)
	if at := ulid.Time(id.Time()); err == nil && at.Before(now) {
		return at
	}
	return now
}

// day returns the day of a key, and whether it moves a watermark if it was planned at a certain time.
func (w *watermarks) day(key string, planned time.Time) (time.Time, bool) {
	day, ok := w.pattern.Day(w.pattern.Match(key))
	return day, ok && !day.After(planned.Add(w.future))
}

// await makes listings of a folder begin with a day at the latest.
func (w *watermarks) await(folder string, day time.Time) {
	if first, ok := w.awaited[folder]; !ok || day.Before(first) {
		w.awaited[folder] = day
	}
}

// cutoff is the first day that is listed of a folder of dated folders: that of the lookback, or of an object that was seen and not taken.
// A folder from which no run has taken a credible day, or from which a release set objects free, is listed in full.
func (w *watermarks) cutoff(folder string) time.Time {
	first := w.first[folder]
	if day, ok := w.awaited[folder]; ok && day.Before(first) {
		return day
	}
	return first
}

// afterPlan is the first day of the lookback of each folder once found is taken.
func (w *watermarks) afterPlan(found []staging.Found, lookback time.Duration) map[string]time.Time {
	first := maps.Clone(w.first)
	for _, f := range found {
		if folder := w.pattern.DatePrefix(f.Key); folder != "" {
			if day, ok := w.day(f.Key, w.planning); ok && day.Add(-lookback).Truncate(24*time.Hour).After(first[folder]) {
				first[folder] = day.Add(-lookback).Truncate(24 * time.Hour)
			}
		}
	}
	return first
}

// group keeps objects whose days are not credible out of the batches of other objects, so that those move the watermark.
func (w *watermarks) group(f staging.Found) int {
	if w == nil || w.pattern.DatePrefix(f.Key) == "" {
		return groupCredible
	}
	if _, ok := w.day(f.Key, w.planning); ok {
		return groupCredible
	}
	return groupNotCredible
}

// The groups of staging.Batches.
const (
	groupCredible = iota
	groupNotCredible
	groupRetried // and those after it: one for each batch of objects that were in a batch that was released
)

// warnFuture reports new objects whose days are too far in the future.
func (w *watermarks) warnFuture(warn func(string), found []staging.Found) {
	if w == nil {
		return
	}
	n, example := 0, ""
	for _, f := range found {
		if !f.Day.IsZero() && w.group(f) == groupNotCredible {
			if n++; n == 1 {
				example = f.Key
			}
		}
	}
	if n > 0 {
		warn(fmt.Sprintf("%s in staging named by a day in the future (example: %s). Such a day does not move the watermark of its folder. Try: correct the clock, or the name, of what wrote the objects",
			human.Plural(int64(n), "new object"), example))
	}
}

// wholeListing is what a listing of an ordinary run saw of what is awaited.
type wholeListing struct {
	at   uint64          // the entry through which the ledger was read before
	seen map[string]bool // awaited objects that are there
}

// await writes into a plan what later runs must look for: the plan moves watermarks past objects that this listing has left. It also
// says which awaited objects the listing did not find any more.
func (p *planner) await(st *ledger.State, l *staging.Listing, w *watermarks, m *ledger.Manifest) {
	if w == nil {
		return
	}
	had, first, current := st.Awaited.Folders(), w.afterPlan(l.New, p.run.Spec.Source.Lookback), p.upToDate(st)
	want := map[string]string{}
	for folder, day := range l.Waiting {
		if day.Before(first[folder]) && !day.Before(w.cutoff(folder)) { // what is before the cutoff is not looked for anyway
			want[folder] = day.Format(time.DateOnly)
		}
	}
	for folder, day := range had {
		if !current && (want[folder] == "" || day < want[folder]) {
			want[folder] = day
		} else if _, ok := want[folder]; !ok {
			want[folder] = ""
		}
	}
	m.ListFrom = map[string]string{}
	for folder, day := range want {
		if day != had[folder] {
			m.ListFrom[folder] = day
		}
	}
	if !current {
		return
	}
	for _, o := range st.Awaited.Objects() {
		if !p.whole.seen[o.Key] {
			m.Missing = append(m.Missing, o.Key)
		}
	}
}

// upToDate says whether the listing saw all that is awaited now: nobody has written to the ledger since, and it was not of chosen days.
func (p *planner) upToDate(st *ledger.State) bool { return p.whole != nil && p.whole.at == st.Seq() }
