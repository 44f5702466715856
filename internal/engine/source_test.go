package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// every is a Source with a column of each type; values follow from the row's number, NULL where null says.
func every(n int64) *fake {
	f := &fake{n: n, cols: []Column{{"id", BigInt}, {"t", Varchar}, {"b", Boolean}, {"i", Integer}, {"d", Double}, {"ts", Timestamp}, {"long", Varchar}}}
	f.fill = func(_ context.Context, c *Chunk, row int, id int64) error {
		c.SetInt64(0, row, id)
		for col := 1; col < 7; col++ {
			if (id+int64(col))%7 == 0 {
				c.SetNull(col, row)
			}
		}
		// Set also where it is NULL: the NULL stays.
		c.SetText(1, row, fmt.Appendf(nil, "%d", id*1000003))
		c.SetBool(2, row, id%2 == 0)
		c.SetInt32(3, row, int32(-id))
		c.SetDouble(4, row, float64(id)/4)
		c.SetInt64(5, row, id*1000000)
		c.SetText(6, row, fmt.Appendf(nil, "a text beyond twelve bytes, é, %d", id))
		return nil
	}
	return f
}

func TestSourceRoundTrip(t *testing.T) {
	for _, threads := range []int{1, 4} {
		d := openDB(t, Options{Threads: threads})
		f := every(100_003)
		if err := d.RegisterSource("records", f); err != nil {
			t.Fatal(err)
		}
		rows := collect(t, d, "SELECT id, t, b, i, d, epoch_us(ts), long FROM records() ORDER BY id")
		if len(rows) != 100_003 {
			t.Fatalf("%d rows", len(rows))
		}
		for k, r := range rows {
			id := int64(k)
			want := []string{fmt.Sprint(id), fmt.Sprint(id * 1000003), fmt.Sprint(id%2 == 0), fmt.Sprint(-id), fmt.Sprint(float64(id) / 4), fmt.Sprint(id * 1000000), fmt.Sprintf("a text beyond twelve bytes, é, %d", id)}
			for col := 1; col < 7; col++ {
				if (id+int64(col))%7 == 0 {
					want[col] = "(null)"
				}
			}
			if !slices.Equal(r, want) {
				t.Fatalf("row %d: %q\nwant %q", k, r, want)
			}
		}
		if f.opened.Load() == 0 || f.opened.Load() != f.closed.Load() || f.opened.Load() > int64(threads) {
			t.Errorf("%d cursors opened, %d closed, %d threads", f.opened.Load(), f.closed.Load(), threads)
		}
	}
}

// Texts that DuckDB keeps beyond one Fill (sort, aggregate, join, filter, streamed as they are) are whole.
func TestSourceTextIsKept(t *testing.T) {
	for _, sql := range []string{
		"SELECT long, id FROM records()",
		"SELECT long, id FROM records() WHERE id % 5 = 1",
		"SELECT any_value(long), id FROM records() GROUP BY id",
		"SELECT max(long), id FROM records() GROUP BY id",
		"SELECT a.long, a.id FROM records() a JOIN (SELECT range AS k FROM range(60000)) ON k = a.id",
		"SELECT unnest([long, long]), id FROM records()",
		"SELECT {'x': {'y': long}}.x.y, id FROM records() ORDER BY id DESC",
		"SELECT CASE WHEN id % 2 = 0 THEN long ELSE substr(long, 1, 200) END, id FROM records()",
		"SELECT map_extract_value(map {'k': long}, 'k'), id FROM records()",
	} {
		d := openDB(t, Options{Threads: 3})
		f := every(50_000)
		if err := d.RegisterSource("records", f); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range collect(t, d, sql) {
			if r[0] == "(null)" {
				continue
			}
			n++
			if r[0] != "a text beyond twelve bytes, é, "+r[1] {
				t.Fatalf("%s: %q", sql, r)
			}
		}
		if n < 8000 {
			t.Errorf("%s: %d rows", sql, n)
		}
	}
}

func TestProjectionPushdown(t *testing.T) {
	var mu sync.Mutex
	var seen []bool
	f := every(10_000)
	inner := f.fill
	f.fill = func(ctx context.Context, c *Chunk, row int, id int64) error {
		mu.Lock()
		seen = seen[:0]
		for i := range f.cols {
			seen = append(seen, c.Wanted(i))
		}
		mu.Unlock()
		return inner(ctx, c, row, id)
	}
	d := openDB(t, Options{Threads: 2})
	if err := d.RegisterSource("records", f); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sql, want string
		cols      []bool
	}{
		{"SELECT sum(i)::BIGINT FROM records() WHERE id < 10 AND i IS NOT NULL", "-41", []bool{true, false, false, true, false, false, false}},
		{"SELECT count(*) FROM records()", "10000", nil},
		{"SELECT count(long) FROM records()", "8571", []bool{false, false, false, false, false, false, true}},
		{"SELECT count(*) FROM (SELECT a.d FROM records() a) WHERE d IS NULL", "1429", []bool{false, false, false, false, true, false, false}},
	} {
		f.next.Store(0)
		if g := one(t, d, c.sql); g != c.want {
			t.Errorf("%s: %s, want %s", c.sql, g, c.want)
		}
		if c.cols != nil && !slices.Equal(seen, c.cols) {
			t.Errorf("%s: wanted %v, want %v", c.sql, seen, c.cols)
		}
	}
}

func TestSourceErrors(t *testing.T) {
	broken := errors.New("the object ends early")
	for _, c := range []struct {
		name string
		fill func(ctx context.Context, k *Chunk, row int, id int64) error
		is   func(error) bool
	}{
		{"error", func(_ context.Context, k *Chunk, row int, id int64) error {
			k.SetInt64(0, row, id)
			if id == 30_000 {
				return fmt.Errorf("object 7: %w", broken)
			}
			return nil
		}, func(err error) bool {
			return errors.Is(err, broken) && err.Error() == "object 7: the object ends early"
		}},
		{"panic", func(_ context.Context, k *Chunk, row int, id int64) error {
			var m map[string]int
			if id == 30_000 {
				m["x"] = 1 //nolint:staticcheck // it shall panic
			}
			k.SetInt64(0, row, id)
			return nil
		}, func(err error) bool {
			var p *PanicError
			return errors.As(err, &p) && bytes.Contains(p.Stack, []byte("source_test.go")) && !strings.Contains(err.Error(), "\n")
		}},
		{"wrong type", func(_ context.Context, k *Chunk, row int, id int64) error {
			k.SetInt32(0, row, 1)
			return nil
		}, func(err error) bool { return strings.Contains(err.Error(), "another type") }},
		{"row beyond", func(_ context.Context, k *Chunk, row int, id int64) error {
			k.SetInt64(0, k.Cap(), 1)
			return nil
		}, func(err error) bool { return strings.Contains(err.Error(), "out of range") }},
	} {
		for _, sql := range []string{"SELECT id FROM records()", "SELECT id FROM records() ORDER BY id", "SELECT count(*) FROM records() WHERE id > 5"} {
			d := openDB(t, Options{Threads: 3})
			f := &fake{n: 1_000_000, cols: []Column{{"id", BigInt}}, fill: c.fill}
			if err := d.RegisterSource("records", f); err != nil {
				t.Fatal(err)
			}
			_, err := collectErr(d, sql)
			if err == nil || !c.is(err) {
				t.Errorf("%s, %s: %v", c.name, sql, err)
			}
			if f.opened.Load() != f.closed.Load() {
				t.Errorf("%s, %s: %d cursors opened, %d closed", c.name, sql, f.opened.Load(), f.closed.Load())
			}
			if g := one(t, d, "SELECT 41 + 1"); g != "42" {
				t.Errorf("%s: afterwards %s", c.name, g)
			}
		}
	}
}

type badSource struct{}

func (badSource) Columns() []Column { return []Column{{"id", BigInt}} }
func (badSource) NewCursor() Cursor { panic("no cursor\ntoday") }

func TestSourceRegistration(t *testing.T) {
	d := openDB(t, Options{})
	if err := d.RegisterSource("none", &fake{}); err == nil {
		t.Error("a source without columns was taken")
	}
	if err := d.RegisterSource("odd", &fake{cols: []Column{{"x", 99}}}); err == nil {
		t.Error("a column of an unknown type was taken")
	}
	if err := d.RegisterSource("bad", badSource{}); err != nil {
		t.Fatal(err)
	}
	var p *PanicError
	if _, err := collectErr(d, "SELECT * FROM bad()"); !errors.As(err, &p) {
		t.Errorf("a panic in NewCursor: %v", err)
	}
	for _, name := range []string{"bad", "BAD", "range", "lower"} {
		if err := d.RegisterSource(name, every(1)); err == nil {
			t.Errorf("the name %s was taken again", name)
		}
	}
}

// A reader that is closed early tells its Cursors, waits for them and closes them.
func TestCloseEarly(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	f := &fake{n: 1 << 40, cols: []Column{{"id", BigInt}}}
	f.fill = func(ctx context.Context, c *Chunk, row int, id int64) error {
		c.SetInt64(0, row, id)
		if id > 1_000_000 && row == 0 { // blocked, as on a slow download
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	if err := d.RegisterSource("records", f); err != nil {
		t.Fatal(err)
	}
	r, err := d.Query(context.Background(), "SELECT id FROM records()")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	r.Close()
	if f.opened.Load() == 0 || f.opened.Load() != f.closed.Load() || time.Since(start) > 2*time.Second {
		t.Errorf("%d cursors opened, %d closed, in %s", f.opened.Load(), f.closed.Load(), time.Since(start))
	}
	// A caller's cancellation reaches a blocked Fill, and comes back as itself.
	f.next.Store(0)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if r, err = d.Query(ctx, "SELECT max(id) FROM records()"); err == nil {
		_, err = r.Next()
		r.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled while a Fill is blocked: %v", err)
	}
}

// Several databases and several queries of one, all at once.
func TestManyAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for k := range 3 {
		d := openDB(t, Options{Threads: 2})
		for q := range 3 {
			n := int64(20_000 + k*1000 + q)
			name := fmt.Sprintf("records%d", q)
			if err := d.RegisterSource(name, every(n)); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				rows, err := collectErr(d, "SELECT count(*), count(DISTINCT long) + count(*) - count(long) FROM "+name+"()")
				if err != nil || rows[0][0] != fmt.Sprint(n) || rows[0][1] != fmt.Sprint(n) {
					t.Errorf("%v %v, want %d", rows, err, n)
				}
			})
		}
	}
	wg.Wait()
}

// Forty queries leave nothing behind but what the first ones did.
func TestNoLeak(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	f := every(200_000)
	if err := d.RegisterSource("records", f); err != nil {
		t.Fatal(err)
	}
	var base int64
	for k := range 40 {
		f.next.Store(0)
		r, err := d.Query(context.Background(), "SELECT long FROM records() ORDER BY id LIMIT 10")
		if err != nil {
			t.Fatal(err)
		}
		if k%2 == 0 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
		if k == 15 {
			base = rss(t)
		}
	}
	if grown := rss(t) - base; grown > 64<<20 {
		t.Errorf("resident memory grew by %d MB over 25 queries", grown>>20)
	}
	if f.opened.Load() != f.closed.Load() {
		t.Errorf("%d cursors opened, %d closed", f.opened.Load(), f.closed.Load())
	}
}

// wideRows gives n rows of one wide text each, one for each Fill.
type wideRows struct {
	n, given int
	text     []byte
}

func (*wideRows) Columns() []Column   { return []Column{{"id", BigInt}, {"text", Varchar}} }
func (w *wideRows) NewCursor() Cursor { return w }
func (*wideRows) Close()              {}
func (w *wideRows) Fill(_ context.Context, c *Chunk) (int, error) {
	if w.given == w.n {
		return 0, nil
	}
	c.SetInt64(0, 0, int64(w.given))
	c.SetText(1, 0, w.text)
	w.given++
	return 1, nil
}

// TestStreamingWideRows: with Options.Streaming, wide rows are read as they come: the filter and the result do not gather them.
func TestStreamingWideRows(t *testing.T) {
	d := openDB(t, Options{Threads: 2, Streaming: true, BatchBytes: 1 << 20})
	w := &wideRows{n: 400, text: bytes.Repeat([]byte("x"), 1<<20)}
	if err := d.RegisterSource("wide", w); err != nil {
		t.Fatal(err)
	}
	r, err := d.Query(t.Context(), "SELECT id, text || id AS text FROM wide() WHERE id >= 0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := d.Query(t.Context(), "SELECT 1"); err == nil {
		t.Error("a second query at the same time was accepted")
	}
	for n := 0; ; n++ {
		b, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			if n != w.n {
				t.Errorf("%d batches of %d", n, w.n)
			}
			break
		}
		if ahead := w.given - n; ahead > 10 {
			t.Fatalf("%d rows were read ahead of row %d", ahead, n)
		}
		b.Release()
	}
	r.Close()
	if got := one(t, d, "SELECT 41 + 1"); got != "42" {
		t.Errorf("the next query: %s", got)
	}
}
