package quarantine_test

import (
	"bytes"
	"context"
	"reflect"
	"testing"

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
	}
	var buf bytes.Buffer
	w, err := quarantine.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got []quarantine.Row
	if err := quarantine.Read(context.Background(), bytes.NewReader(buf.Bytes()), func(r quarantine.Row) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
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
