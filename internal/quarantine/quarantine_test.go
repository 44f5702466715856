package quarantine_test

import (
	"bytes"
	"io"
	"reflect"
	"testing"

	parquetfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/quarantine"
)

func TestRoundTrip(t *testing.T) {
	big := bytes.Repeat([]byte{0xff, 0x00, '\n', 'x'}, 5<<20) // 20 MiB that is not UTF-8: over the row group bound when doubled
	rows := []quarantine.Row{
		{Job: "j", Run: "r", Object: "a/b.gz", ETag: "1", Record: 7, Class: "network_activity", Path: "time", Reason: "TIME_MISSING", Message: "no value", Raw: []byte(`{"a":1}`)},
		{Job: "j", Run: "r", Object: "a/c.gz", ETag: "2", Record: 0, Reason: "OBJECT_UNREADABLE", Message: "truncated gzip"},
		{Job: "j", Run: "r", Object: "a/d.gz", ETag: "3", Record: 1, Reason: "RECORD_NOT_UTF8", Message: "byte 0", Raw: big},
		{Job: "j", Run: "r", Object: "a/d.gz", ETag: "3", Record: 2, Reason: "RECORD_NOT_UTF8", Message: "byte 0", Raw: big},
		{Job: "j", Run: "r", Object: "a/d.gz", ETag: "3", Record: 3, Reason: "RECORD_NOT_JSON", Message: "empty", Raw: []byte{}},
		{Job: "j", Run: "r", Object: "a/d.gz", ETag: "3", Record: 4, Reason: "RECORD_TOO_LONG", Message: "long", Raw: []byte("the beginning"), Offset: 12, Length: 20 << 20},
	}
	got := readAll(t, file(t, quarantine.Has{Cut: true}, rows))
	if len(got) != len(rows) {
		t.Fatalf("%d rows of %d", len(got), len(rows))
	}
	for i := range rows {
		if len(rows[i].Raw) == 0 {
			rows[i].Raw, got[i].Raw = nil, append([]byte(nil), got[i].Raw...)
		}
		if !reflect.DeepEqual(got[i], rows[i]) {
			t.Errorf("row %d: got %.200v", i, got[i])
		}
	}
}

func readAll(t *testing.T, data []byte) (rows []quarantine.Row) {
	t.Helper()
	if err := quarantine.Read(t.Context(), bytes.NewReader(data), func(r quarantine.Row) error { rows = append(rows, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestMembers: a file for members has them and other records, with their places. A file that is not for members takes none.
func TestMembers(t *testing.T) {
	rows := []quarantine.Row{{Object: "a", Record: 1, Reason: "R", Raw: []byte("x")}, {Object: "a", Record: 2, Raw: []byte("x"), Length: 2}, {Object: "b", Member: "m", MemberNumber: 3, Record: 2, Raw: []byte("y")}, {Object: "b", Member: "n", MemberNumber: 4}, {Object: "c"}}
	got := readAll(t, file(t, quarantine.Has{Members: true}, rows))
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var places []string
	for _, r := range got {
		places = append(places, r.Place())
	}
	if diff := cmp.Diff([]string{"record 1", "record 2", "member m, record 2", "member n", ""}, places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	w, err := quarantine.NewWriter(io.Discard, quarantine.Has{Cut: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(rows[2]); err == nil {
		t.Error("a file for records took one of a member")
	}
}

// TestColumns: a file without cut records has the columns that earlier versions of etl read; a cut record is never in such a file, since
// they would take it for a whole one.
func TestColumns(t *testing.T) {
	for cut, want := range map[bool]int{false: 11, true: 13} {
		var buf bytes.Buffer
		w, err := quarantine.NewWriter(&buf, quarantine.Has{Cut: cut})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(quarantine.Row{Record: 1, Raw: []byte("x"), Length: 2}); (err == nil) != cut {
			t.Errorf("a cut record: %v", err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := parquetfile.NewParquetReader(bytes.NewReader(buf.Bytes()))
		if err != nil || r.MetaData().Schema.NumColumns() != want {
			t.Errorf("%d columns, want %d (%v)", r.MetaData().Schema.NumColumns(), want, err)
		}
	}
}
