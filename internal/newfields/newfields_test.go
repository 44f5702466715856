package newfields_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/newfields"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/sql/sqltest"
)

// night is one run with these counts.
func night(t *testing.T, store objstore.Bucket, counts newfields.Counts) *newfields.News {
	t.Helper()
	m, err := newfields.Load(t.Context(), store, "job")
	if err != nil {
		t.Fatal(err)
	}
	n := m.Since(counts)
	if err := m.Save(t.Context(), store, "job"); err != nil {
		t.Fatal(err)
	}
	return n
}

func text(n *newfields.News) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// TestSince: the first run names the fields it has, later runs each field once, and the message is one line without control characters.
func TestSince(t *testing.T) {
	store := memstore.New("mem://state")
	for i, c := range []struct {
		counts newfields.Counts
		want   string
	}{
		{newfields.Counts{"age": 3, "event.ttl": 7}, "2 fields that the mapping does not read, kept in unmapped: event.ttl, age"},
		{newfields.Counts{"age": 3, "event.ttl": 7}, ""},
		{newfields.Counts{"age": 3, "verdict.by": 1204}, "new field verdict.by in 1,204 records, kept in unmapped"},
		{newfields.Counts{"verdict.by": 9}, ""},
		{newfields.Counts{"a\x1b[2J\nb": 1, "c": 2}, `new fields, kept in unmapped: c in 2 records, a\u001b[2J\nb in 1 record`},
		{newfields.Counts{}, ""},
		{newfields.Counts{strings.Repeat("ä", 300): 1}, "new field " + strings.Repeat("ä", 100) + "... in 1 record, kept in unmapped"},
	} {
		counts := newfields.Counts{}
		counts.Add(c.counts)
		if got := text(night(t, store, counts)); got != c.want {
			t.Errorf("night %d: %q, want %q", i, got, c.want)
		}
	}
	for _, damaged := range []string{"", "{", `{"v":2,"fields":["age"]}`, `{"v":1,"fields":[1]}`} {
		if _, err := store.Put(t.Context(), "job/fields.json", strings.NewReader(damaged), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if n := night(t, store, newfields.Counts{"age": 1}); n == nil || !n.First {
			t.Errorf("%q: %+v", damaged, n)
		}
	}
	store = memstore.New("mem://state") // a job whose mapping reads everything
	if n := night(t, store, newfields.Counts{}); n != nil {
		t.Errorf("%+v", n)
	}
	if got, want := text(night(t, store, newfields.Counts{"late": 1})), "new field late in 1 record, kept in unmapped"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNamesOfData: an object with a key for each session is one field once it has had many, a few names are still news elsewhere.
// The number of names does not make messages or the state larger.
func TestNamesOfData(t *testing.T) {
	store := memstore.New("mem://state")
	flood := func(from, n int) newfields.Counts {
		c := newfields.Counts{"event.kind": 5}
		for i := range n {
			c[fmt.Sprintf("event.sessions.%08d.state", from+i)] = 1
		}
		return c
	}
	night(t, store, newfields.Counts{"event.kind": 5})
	n := night(t, store, flood(0, 30))
	if len(n.Records) != 30 || !strings.HasSuffix(n.String(), "in 1 record, and 20 more") {
		t.Errorf("%d fields: %s", len(n.Records), n)
	}
	n = night(t, store, flood(1000, 600))
	if got, want := text(n), "new field event.sessions.* (names that vary, so that later runs do not report new ones there), kept in unmapped"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n = night(t, store, flood(9000, 5000)); n != nil {
		t.Errorf("reported again: %s", n)
	}
	counts := flood(0, 10)
	counts["event.verdict"] = 7
	if got, want := text(night(t, store, counts)), "new field event.verdict in 7 records, kept in unmapped"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	counts = newfields.Counts{}
	for i := range 1_000_000 { // at the top, where no field stands above them
		counts.Add(newfields.Counts{fmt.Sprintf("%s-%d", strings.Repeat("x", 190), i): 1})
	}
	if len(counts) > 8000 {
		t.Errorf("%d counts", len(counts))
	}
	n = night(t, store, counts)
	if got, want := text(n), "new field names that vary, so that later runs do not report new ones, kept in unmapped"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n = night(t, store, newfields.Counts{"other": 1}); n != nil {
		t.Errorf("reported: %s", n)
	}
}

// TestReportIsBounded: a run names at most 100 fields, those in most records.
func TestReportIsBounded(t *testing.T) {
	store := memstore.New("mem://state")
	night(t, store, newfields.Counts{})
	counts := newfields.Counts{}
	for i := range 400 {
		counts[fmt.Sprintf("f%03d", i)] = int64(1 + i)
	}
	n := night(t, store, counts)
	if len(n.Records) != 100 || n.More != 300 || n.Records["f300"] != 301 || n.Records["f299"] != 0 {
		t.Errorf("%d, %d more", len(n.Records), n.More)
	}
	if got := n.String(); !strings.HasPrefix(got, "new fields, kept in unmapped: f399 in 400 records, f398 in 399 records") || !strings.HasSuffix(got, ", and 390 more") {
		t.Error(got)
	}
}

// TestMappingKnows: fields that a mapping declares or reads are not new, and all that is in a field that it takes as JSON.
func TestMappingKnows(t *testing.T) {
	c := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
		"raw.sql": "-- also: id other.id\nCREATE TABLE raw (ts TIMESTAMP, id VARCHAR, who STRUCT(name VARCHAR, age INTEGER), doc JSON, spare VARCHAR);",
		"authentication.sql": `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", who.name AS "user.name", doc AS "unmapped.all", id AS "unmapped.number" FROM raw`}))
	m := newfields.Of(c)
	got := map[string]bool{}
	for _, name := range []string{"ts", "id", "other.id", "number", "who.name", "who.age", "doc.a.b", "spare", "who", "who.city", "docs", "other"} {
		got[name] = m.Knows(name)
	}
	want := map[string]bool{"ts": true, "id": true, "other.id": true, "number": true, "who.name": true, "who.age": true, "doc.a.b": true, "spare": true,
		"who": false, "who.city": false, "docs": false, "other": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
