package quarantine_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/quarantine"
)

// FuzzRead: a file that is damaged anywhere is refused in one line or read as rows; rows that are read can be written again and
// come back the same.
func FuzzRead(f *testing.F) {
	for _, rows := range [][]quarantine.Row{{}, {{Job: "j", Run: "r", Object: "o", ETag: "e", Record: 1, Class: "c", Path: "a.b", Reason: "R", Message: "m", Raw: []byte("{}")}},
		{{Object: "whole", Reason: "OBJECT_UNREADABLE"}, {Object: "o", Record: 2, Raw: []byte("\xff\x00")}, {Object: "o", Record: 3, Raw: bytes.Repeat([]byte("x"), 3000)}}} {
		f.Add(file(f, quarantine.Has{Cut: true}, rows))
	}
	f.Add(file(f, quarantine.Has{Members: true}, []quarantine.Row{{Object: "o", Member: "m", MemberNumber: 2, Record: 1, Raw: []byte("{}")}}))
	f.Add([]byte("PAR1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var rows []quarantine.Row
		collect := func(r quarantine.Row) error { rows = append(rows, r); return nil }
		if err := quarantine.Read(t.Context(), bytes.NewReader(data), collect); err != nil {
			if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, "goroutine") {
				t.Errorf("not one line: %q", text)
			}
			return
		}
		first := rows
		rows = nil
		if err := quarantine.Read(t.Context(), bytes.NewReader(file(t, quarantine.Has{Members: true}, first)), collect); err != nil {
			t.Fatalf("written again: %v", err)
		}
		if len(rows) != len(first) {
			t.Fatalf("%d rows of %d came back", len(rows), len(first))
		}
		for i, r := range rows {
			w := first[i]
			if w.Record == 0 {
				w.Raw = nil // a whole object has none
			}
			if !bytes.Equal(r.Raw, w.Raw) {
				t.Errorf("row %d: raw %q is %q", i, w.Raw, r.Raw)
			}
			r.Raw, w.Raw = nil, nil
			r.Context, w.Context = nil, nil
			if diff := cmp.Diff(w, r); diff != "" {
				t.Errorf("row %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

func file(t testing.TB, has quarantine.Has, rows []quarantine.Row) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := quarantine.NewWriter(&b, has)
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
	return b.Bytes()
}
