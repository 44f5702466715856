package crawler

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/provenance"
)

const (
	listsAtOnce   = 16 // requests that list, at the same time
	footersAtOnce = 32 // footers that are read at the same time
)

// scanner reads what the lake holds for one table.
type scanner struct {
	places  Places
	options Options
	table   Table
	state   *ledger.State
	pending map[string]bool // files of entries that are not done

	mu  sync.Mutex
	out *seen

	progress *progress
}

// file is an object whose footer is to be read.
type file struct {
	object objstore.Object
	part   lake.Partition
	fate   fate
	unit   *unit
}

// unit is a part of the listing: the days of a month of an account.
type unit struct {
	prefix string
	mu     sync.Mutex
	seen   *seen
	reads  sync.WaitGroup
	newest map[string]file // by partition, for Options.Newest
}

type fate int

const (
	fateLive fate = iota
	fateDead
	fatePending
	fateOther
)

// scan lists the folder of a table, by prefix in parallel, and reads the footers of its files. An error means that nothing can be said.
func scan(ctx context.Context, p Places, o Options, t Table, st *ledger.State) (*seen, error) {
	s := &scanner{places: p, options: o, table: t, state: st, pending: map[string]bool{}, out: newSeen()}
	for _, r := range st.NotDone() {
		for _, k := range slices.Concat(r.Adds, r.Removes) {
			s.pending[k] = true
		}
	}
	var err error
	if s.progress, err = openProgress(ctx, p, o, t); err != nil {
		return nil, err
	}
	s.out.merge(s.progress.body.Seen)
	prefixes, err := s.prefixes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", t.Folder, err)
	}
	prefixes = slices.DeleteFunc(prefixes, func(prefix string) bool { return s.progress.body.Done[prefix] })
	files := make(chan file, footersAtOnce)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var readers sync.WaitGroup
	for range footersAtOnce {
		readers.Go(func() {
			for f := range files { // to the end, so that no listing waits
				if ctx.Err() == nil {
					if err := s.read(ctx, f); err != nil {
						cancel(err)
					}
				}
				f.unit.reads.Done()
			}
		})
	}
	var lists errgroup.Group
	lists.SetLimit(listsAtOnce)
	for _, prefix := range prefixes {
		lists.Go(func() error {
			err := s.unit(ctx, prefix, files)
			if err != nil {
				cancel(err)
			}
			return err
		})
	}
	err = lists.Wait()
	close(files)
	readers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return nil, errors.Join(cause, s.progress.saveAtEnd(ctx))
	}
	return s.out, err
}

// prefixes are those of the units. What is in other places below the folder of the table is of no partition.
func (s *scanner) prefixes(ctx context.Context) ([]string, error) {
	regions, err := s.level(ctx, s.table.Folder, "region=")
	if err != nil {
		return nil, err
	}
	var accounts []string
	for _, r := range regions {
		below, err := s.level(ctx, r, "")
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, below...)
	}
	months := make([][]string, len(accounts))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(listsAtOnce)
	for i, a := range accounts {
		work.Go(func() error {
			days, err := s.level(ctx, a, "")
			for _, d := range days {
				if name := path.Base(d); strings.HasPrefix(name, "eventDay=") && len(name) == len("eventDay=YYYYMMDD") {
					d = d[:len(d)-len("DD/")]
				}
				if n := len(months[i]); n == 0 || months[i][n-1] != d {
					months[i] = append(months[i], d)
				}
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(months...), nil
}

// level lists the folders right below a folder. Files there belong to no partition.
func (s *scanner) level(ctx context.Context, folder, start string) (out []string, err error) {
	folders, err := s.places.Lake.Level(ctx, folder, func(o objstore.Object) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if o.SizeBytes > 0 || !strings.HasSuffix(o.Key, "/") { // else it is the mark of a folder
			s.out.Stray.add(o.Key)
		}
		return nil
	})
	if errors.Is(err, objstore.ErrNoStore) || errors.Is(err, objstore.ErrNotExist) { // nothing was ever written
		return nil, nil
	}
	for _, f := range folders {
		if strings.HasPrefix(path.Base(f), start) {
			out = append(out, f)
		}
	}
	return out, err
}

// unit lists one prefix, and waits until the footers of its files are read.
func (s *scanner) unit(ctx context.Context, prefix string, files chan<- file) error {
	u := &unit{prefix: prefix, seen: newSeen(), newest: map[string]file{}}
	send := func(f file) error {
		u.reads.Add(1)
		select {
		case files <- f:
			return nil
		case <-ctx.Done():
			u.reads.Done()
			return ctx.Err()
		}
	}
	err := s.places.Lake.List(ctx, objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error {
		if o.SizeBytes == 0 && strings.HasSuffix(o.Key, "/") {
			return nil
		}
		f, wanted := s.classify(u, o)
		if !wanted {
			return nil
		}
		if s.options.Newest {
			name := catalog.PartitionName(f.part.Values())
			if have, ok := u.newest[name]; !ok || have.object.LastModified.Before(o.LastModified) {
				u.newest[name] = f
			}
			return nil
		}
		return send(f)
	})
	for _, f := range u.newest {
		if err == nil {
			err = send(f)
		}
	}
	u.reads.Wait()
	if err != nil {
		return fmt.Errorf("list the lake: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.progress.add(ctx, u.prefix, u.seen); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.merge(u.seen)
	return nil
}

// classify counts a file in its folder. wanted: its footer says something about the table.
func (s *scanner) classify(u *unit, o objstore.Object) (f file, wanted bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	folder, part, ok := lake.ParsePrefix(o.Key)
	if !ok || folder != s.table.Folder || !strings.HasSuffix(o.Key, ".parquet") {
		u.seen.Stray.add(o.Key)
		return f, false
	}
	f = file{object: o, part: part, unit: u, fate: s.fate(o.Key)}
	x := u.seen.folder(part, o.Key[:strings.LastIndexByte(o.Key, '/')+1])
	switch f.fate {
	case fateDead:
		x.Dead++
	case fatePending:
		x.Pending++
	case fateOther:
		x.Other++
		if id, _, ours := provenance.Parse(o.Key); ours {
			if u.seen.ByBatch[id.Batch] == nil {
				u.seen.ByBatch[id.Batch] = &samples{}
			}
			u.seen.ByBatch[id.Batch].add(o.Key)
		} else {
			u.seen.Others.add(o.Key)
		}
		return f, false
	case fateLive:
		x.Live++
		x.Size += o.SizeBytes
	}
	return f, true
}

// fate says what the ledger says of a visible file.
func (s *scanner) fate(key string) fate {
	switch {
	case s.pending[key]:
		return fatePending
	case s.state.Live(key):
		return fateLive
	}
	if id, _, ok := provenance.Parse(key); ok {
		if _, known := s.state.Batch(id.Batch); known {
			return fateDead
		}
	}
	if s.options.OtherWriters {
		return fateLive
	}
	return fateOther
}

// read reads the footer of a file. A file that was deleted meanwhile says nothing.
func (s *scanner) read(ctx context.Context, f file) error {
	content, bad, err := provenance.Content(ctx, s.places.Lake, f.object)
	if errors.Is(err, objstore.ErrNotExist) || errors.Is(err, objstore.ErrChanged) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the footer of %s: %w", f.object.Key, err)
	}
	f.unit.mu.Lock()
	defer f.unit.mu.Unlock()
	out := f.unit.seen
	if bad != nil {
		if f.fate == fateLive {
			out.Unreadable.add(f.object.Key)
		}
		return nil
	}
	columns := make([]catalog.Column, len(content.Columns))
	for i, c := range content.Columns {
		columns[i] = catalog.Column{Name: strings.ToLower(c.Name), Type: c.Type}
	}
	first := "~" + f.object.Key // after every ULID
	if id, _, ours := provenance.Parse(f.object.Key); ours {
		first = id.Attempt
	}
	n := out.schema(columns, first)
	if f.fate != fateLive {
		return nil
	}
	out.Schemas[n].Live.add(f.object.Key)
	out.folder(f.part, "").addSchema(n)
	out.Rows += content.Rows
	for i, c := range columns {
		out.Filled[c.Name] = out.Filled[c.Name] || content.HasValues[i]
	}
	if !content.InOrder {
		out.Unsorted.add(f.object.Key)
	}
	inDay := !content.HasTimes || content.Rows == 0 || lake.EventDay(content.First) == f.part.EventDay && lake.EventDay(content.Last) == f.part.EventDay
	ofAccount := content.FirstAccount == "" || content.FirstAccount == f.part.AccountID && content.LastAccount == f.part.AccountID
	if !inDay || !ofAccount {
		out.Wrong.add(f.object.Key)
	}
	return nil
}
