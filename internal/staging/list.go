package staging

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/silt-etl/silt/internal/objstore"
)

// Options choose what of staging a run reads.
type Options struct {
	Include []string // globs; none: everything
	Exclude []string
	Pattern *Pattern // nil: no captures
	// Unsettled objects, last modified after this, are left for the next run. Zero: none are.
	SettledBefore time.Time
	// Future: an object that was modified after this has a time of a wrong clock, and counts as settled. Zero: no time is too late.
	Future time.Time
	// Cutoff gives the first day to list below a folder that holds dated folders (Pattern.DatePrefix); zero:
	// all days. nil: nothing is left out. It is called only if the pattern's dates are in the order of keys.
	Cutoff func(prefix string) time.Time
	// Sweep also lists what Cutoff leaves out, and counts the new objects there as late.
	Sweep bool
	// Pruned is called for each folder that Cutoff leaves out. May be nil.
	Pruned func(folder string)
	// Through is the last day whose folders are listed, if Cutoff is set; zero: there is no last day.
	Through time.Time
	// Select says whether an object that include and exclude accept is listed. nil: all are.
	Select func(Found) bool
	// Taken says whether the ledger has an object already.
	Taken func(objstore.Object) bool
	// Changed says whether an earlier version of an object was taken. It is called for objects that are not taken. nil: none was.
	Changed       func(objstore.Object) bool
	IgnoreChanged bool // changed objects are left, and counted
	// Archived is called for each object that a read would be refused of until it is restored, and says whether the listing leaves it.
	// nil: it leaves all of them.
	Archived func(Found) bool
	// Seen is called for each object that no run has taken, also those that this listing leaves. nil: for none.
	Seen func(objstore.Object)
	// Progress is called now and then with the number of objects listed so far. May be nil.
	Progress func(listed int)
}

// Found is a staging object to read. Captures follow Pattern.Names; nil if the key does not match the pattern.
type Found struct {
	objstore.Object
	Captures []string
	Day      time.Time // the first day its key allows, or zero
	// Changed: an earlier version was taken. Late: it is in a folder before the cutoff. Unmatched: its key does not match the pattern.
	Changed, Late, Unmatched bool
}

// MatchObject is a listed object with the captures and the day of its key.
func MatchObject(p *Pattern, o objstore.Object) Found {
	f := Found{Object: o}
	if p != nil {
		if f.Captures = p.Match(o.Key); f.Captures != nil {
			if d, ok := p.Day(f.Captures); ok {
				f.Day = d
			}
		}
	}
	return f
}

// Sort puts objects in the order in which they go into batches: by day, then key.
func Sort(found []Found) {
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i], found[j]
		if !a.Day.Equal(b.Day) {
			return a.Day.Before(b.Day)
		}
		return a.Key < b.Key
	})
}

// Listing is what was found, and why the rest was left.
type Listing struct {
	New       []Found // ordered by day, then key
	Listed    int     // objects seen
	Excluded  int     // by include and exclude
	Taken     int     // known to the ledger
	Unsettled int
	Outside   int // by Select
	Changed   int // of New: an earlier version was taken
	Ignored   int // left, for an earlier version was taken
	Unmatched int // of New: the key does not match the pattern
	// Linked objects are left, because their key leads through a link to an object that is read under another key.
	Linked int
	// LinksOut are links that lead out of staging and are not followed, in the order of keys. A link to a folder ends in a slash.
	LinksOut []string
	Pruned   int // folders of days before the cutoff, not listed
	Late     int // of New: in a folder before the cutoff, with Options.Sweep. OneLate is the first
	OneLate  string
	// NotUTF8 keys are left: the ledger is JSON and could not tell them from others. OneNotUTF8 is the first.
	NotUTF8    int
	OneNotUTF8 string
	// Waiting has, by folder of dated folders, the earliest day with an object that is left for the next run.
	Waiting map[string]time.Time
	// Archived objects are left until they are restored.
	Archived  ArchivedObjects
	Watermark time.Time
	SizeBytes int64 // of New
	// Same and LeftAlone are counted by internal/identity: of Taken, objects that are known under another version, by their content;
	// objects that are neither new nor known to be the same.
	Same, LeftAlone int
}

// ArchivedObjects are objects that a store refuses to read until they are restored.
type ArchivedObjects struct {
	Objects     int
	Restoring   int // of Objects: a restore is in progress
	SizeBytes   int64
	First, Last time.Time // day; zero: no key has a day
	One         string    // the key of one of them
}

// Add counts one object.
func (a *ArchivedObjects) Add(f Found) {
	if a.Objects++; a.Objects == 1 {
		a.One = f.Key
	}
	a.SizeBytes += f.SizeBytes
	if f.Restoring() {
		a.Restoring++
	}
	if f.Day.IsZero() {
		return
	}
	if a.First.IsZero() || f.Day.Before(a.First) {
		a.First = f.Day
	}
	if f.Day.After(a.Last) {
		a.Last = f.Day
	}
}

// List finds what is new. It lists everything, or, where the pattern has dates and a cutoff is given, all but folders of days
// before it: folders are skipped by their date, never looked up by one, so that keys in unexpected places are found as well.
func List(ctx context.Context, store objstore.Reader, o Options) (*Listing, error) {
	l := &Listing{}
	late := false // what is listed is before the cutoff
	links := newLinks(&o)
	ctx = objstore.WithLinkReport(ctx, links.leadsOut)
	see := l.sees(&o, &late, links)
	var err error
	if o.Pattern != nil && o.Pattern.Prunable() && o.Cutoff != nil {
		w := &walker{o: o, store: store, see: see, l: l, late: &late}
		err = w.walk(ctx, "", 0, nil, time.Time{})
	} else {
		err = store.List(ctx, objstore.ListOptions{}, see)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range links.choose() {
		l.Listed-- // see counts it again
		late = c.late
		if err := see(c.Object); err != nil {
			return nil, err
		}
	}
	l.Linked, l.LinksOut = links.linked, slices.Sorted(maps.Keys(links.out))
	Sort(l.New)
	l.count()
	return l, nil
}

// listers is how many folders ListFolders lists at the same time.
const listers = 16

// ListFolders finds what is new in some folders before the cutoff, and counts it as late. If ctx ends, or a folder cannot be listed, the
// Listing has what was found until then. It leaves out what only links lead to: which of several keys counts shows in a whole listing.
func ListFolders(ctx context.Context, store objstore.Reader, o Options, folders []string) (*Listing, error) {
	l, late := &Listing{}, true
	see := l.sees(&o, &late, newLinks(&o))
	var mu sync.Mutex
	errs := make([]error, len(folders))
	var wg sync.WaitGroup
	slots := make(chan struct{}, listers)
	for i, f := range folders {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = store.List(ctx, objstore.ListOptions{Prefix: f}, func(obj objstore.Object) error {
				mu.Lock()
				defer mu.Unlock()
				return see(obj)
			})
		})
	}
	wg.Wait()
	Sort(l.New)
	l.count()
	return l, errors.Join(errs...)
}

// sees is what a listing does with each object. late says whether what it gets is before the cutoff.
func (l *Listing) sees(o *Options, late *bool, links *links) func(objstore.Object) error {
	return func(obj objstore.Object) error {
		l.Listed++
		if o.Progress != nil && l.Listed%1000 == 0 {
			o.Progress(l.Listed)
		}
		switch {
		case strings.HasSuffix(obj.Key, "/") && obj.SizeBytes == 0, !o.selected(obj.Key):
			l.Excluded++
			return nil
		case obj.Link != "" && links.postpone(obj, *late):
			return nil
		case !utf8.ValidString(obj.Key):
			if l.NotUTF8++; l.NotUTF8 == 1 {
				l.OneNotUTF8 = obj.Key
			}
			return nil
		}
		f := MatchObject(o.Pattern, obj)
		switch {
		case o.Select != nil && !o.Select(f):
			l.Outside++
			return nil
		case o.Taken != nil && o.Taken(obj):
			l.Taken++
			return nil
		}
		if o.Seen != nil {
			o.Seen(obj)
		}
		if !o.SettledBefore.IsZero() && obj.LastModified.After(o.SettledBefore) && (o.Future.IsZero() || !obj.LastModified.After(o.Future)) {
			l.Unsettled++
			l.Wait(o.Pattern, f)
			return nil
		}
		if o.Changed != nil && o.Changed(obj) {
			if o.IgnoreChanged {
				l.Ignored++
				return nil
			}
			f.Changed = true
		}
		if obj.Archived() && (o.Archived == nil || o.Archived(f)) {
			l.Archived.Add(f)
			l.Wait(o.Pattern, f)
			return nil
		}
		f.Late, f.Unmatched = *late, o.Pattern != nil && f.Captures == nil
		if obj.LastModified.After(l.Watermark) {
			l.Watermark = obj.LastModified
		}
		l.New = append(l.New, f)
		return nil
	}
}

// Wait notes that an object is left for the next run, which then lists its folder from the object's day on.
func (l *Listing) Wait(p *Pattern, f Found) {
	if p == nil || f.Day.IsZero() {
		return
	}
	folder := p.DatePrefix(f.Key)
	if folder == "" {
		return
	}
	l.WaitFor(folder, f.Day)
}

// WaitFor notes that the next run lists a folder of dated folders from a day on.
func (l *Listing) WaitFor(folder string, day time.Time) {
	if l.Waiting == nil {
		l.Waiting = map[string]time.Time{}
	}
	if first, ok := l.Waiting[folder]; !ok || day.Before(first) {
		l.Waiting[folder] = day
	}
}

// count counts the new objects again.
func (l *Listing) count() {
	l.Changed, l.Unmatched, l.Late, l.OneLate, l.SizeBytes = 0, 0, 0, "", 0
	for _, f := range l.New {
		l.SizeBytes += f.SizeBytes
		if f.Changed {
			l.Changed++
		}
		if f.Unmatched {
			l.Unmatched++
		}
		if f.Late {
			if l.Late++; l.Late == 1 {
				l.OneLate = f.Key
			}
		}
	}
}

// Leave removes objects from New, for a reason that the caller counts, and returns how many they were.
func (l *Listing) Leave(is func(Found) bool) int {
	before := len(l.New)
	l.New = slices.DeleteFunc(l.New, is)
	l.count()
	return before - len(l.New)
}

func (o *Options) selected(key string) bool {
	in := len(o.Include) == 0
	for _, g := range o.Include {
		if ok, _ := doublestar.Match(g, key); ok {
			in = true
			break
		}
	}
	if !in {
		return false
	}
	for _, g := range o.Exclude {
		if ok, _ := doublestar.Match(g, key); ok {
			return false
		}
	}
	return true
}

// walker goes down the pattern's segments one level at a time.
type walker struct {
	o     Options
	store objstore.Reader
	see   func(objstore.Object) error
	l     *Listing
	late  *bool // tells see that what it gets is before the cutoff
}

func (w *walker) walk(ctx context.Context, prefix string, depth int, date map[string]string, cutoff time.Time) error {
	segs := w.o.Pattern.segments
	if depth == w.o.Pattern.dateDepth {
		cutoff = w.o.Cutoff(prefix)
	}
	if depth >= w.o.Pattern.dateDepth && cutoff.IsZero() {
		return w.store.List(ctx, objstore.ListOptions{Prefix: prefix}, w.see)
	}
	if depth >= len(segs) || !w.moreDates(depth) {
		return w.store.List(ctx, objstore.ListOptions{Prefix: prefix}, w.see)
	}
	folders, err := w.store.Level(ctx, prefix, w.see)
	if err != nil {
		return err
	}
	for _, f := range folders {
		name := strings.TrimSuffix(strings.TrimPrefix(f, prefix), "/")
		m := segs[depth].re.FindStringSubmatch(name)
		if m == nil { // does not match the pattern: listed in full
			if err := w.store.List(ctx, objstore.ListOptions{Prefix: f}, w.see); err != nil {
				return err
			}
			continue
		}
		d := date
		for i, n := range segs[depth].names {
			switch n {
			case "yyyy", "mm", "dd":
				c := map[string]string{n: m[i+1]}
				for k, v := range d {
					if _, ok := c[k]; !ok {
						c[k] = v
					}
				}
				d = c
			}
		}
		if lastDay, ok := lastDay(d); ok && lastDay.Before(cutoff) {
			if err := w.leaveOut(ctx, f); err != nil {
				return err
			}
			continue
		}
		if first, ok := firstDay(d); ok && !w.o.Through.IsZero() && first.After(w.o.Through) {
			w.l.Pruned++
			continue
		}
		if err := w.walk(ctx, f, depth+1, d, cutoff); err != nil {
			return err
		}
	}
	return nil
}

// leaveOut passes over a folder before the cutoff, or with Options.Sweep lists it as late.
func (w *walker) leaveOut(ctx context.Context, folder string) error {
	if w.o.Pruned != nil {
		w.o.Pruned(folder)
	}
	if !w.o.Sweep {
		w.l.Pruned++
		return nil
	}
	*w.late = true
	defer func() { *w.late = false }()
	return w.store.List(ctx, objstore.ListOptions{Prefix: folder}, w.see)
}

// moreDates says whether a segment at depth or deeper names a part of the date.
func (w *walker) moreDates(depth int) bool {
	for _, s := range w.o.Pattern.segments[depth:] {
		for _, n := range s.names {
			if n == "yyyy" || n == "mm" || n == "dd" {
				return true
			}
		}
	}
	return false
}

// firstDay is the first day that the captured parts of a date allow.
func firstDay(d map[string]string) (time.Time, bool) {
	text := [3]string{d["yyyy"], "01", "01"}
	for i, n := range []string{"mm", "dd"} {
		v, ok := d[n]
		if !ok {
			break
		}
		text[i+1] = v
	}
	t, err := time.Parse(time.DateOnly, strings.Join(text[:], "-"))
	return t, err == nil
}

// lastDay is the last day that the captured parts of a date allow.
func lastDay(d map[string]string) (time.Time, bool) {
	y, ok := d["yyyy"]
	if !ok {
		return time.Time{}, false
	}
	layout, text := "2006", y
	next := func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }
	if m, ok := d["mm"]; ok {
		layout, text = layout+"01", text+m
		next = func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }
		if day, ok := d["dd"]; ok {
			layout, text = layout+"02", text+day
			next = func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
		}
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return time.Time{}, false
	}
	return next(t).AddDate(0, 0, -1), true
}

// Batches cuts objects, in their order, into batches of at most sizeBytes; an object that is larger is a batch of its own. Objects
// of two groups never share a batch, and the batches of a lower group come first. group may be nil: all objects are of one group.
func Batches(objects []Found, sizeBytes int64, group func(Found) int) [][]Found {
	if group == nil {
		return cut(objects, sizeBytes)
	}
	groups := map[int][]Found{}
	for _, f := range objects {
		g := group(f)
		groups[g] = append(groups[g], f)
	}
	var out [][]Found
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, cut(groups[g], sizeBytes)...)
	}
	return out
}

func cut(objects []Found, sizeBytes int64) [][]Found {
	var out [][]Found
	var size int64
	start := 0
	for i, f := range objects {
		if i > start && size+f.SizeBytes > sizeBytes {
			out = append(out, objects[start:i])
			start, size = i, 0
		}
		size += f.SizeBytes
	}
	if start < len(objects) {
		out = append(out, objects[start:])
	}
	return out
}
