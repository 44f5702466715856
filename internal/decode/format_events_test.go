package decode

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestEvents: each event is a record, the document with the event in place of its list; a broken one costs itself; a document without
// events is one record; kept by itself, a record says the same.
func TestEvents(t *testing.T) {
	plain := &Spec{Format: Format{Events: []string{"ev"}}, Leaves: leaves("id", "ev.a#")}
	scalar := &Spec{Format: Format{Events: []string{"ev"}}, Leaves: leaves("id", "ev")}
	both := &Spec{Format: Format{Records: []string{"R"}, Events: []string{"d", "ev"}}, Leaves: leaves("id", "owner", "d.ev.a#")}
	for _, c := range []struct {
		name      string
		spec      *Spec
		object    string
		want      []string
		documents int64
	}{
		{"one list", plain, `{"id":"x","ev":[{"a":1},{"a":2,"b":"y"}],"c":3}`, []string{`1 id=x ev.a=1 | c=3`, `2 id=x ev.a=2 | ev.b=y c=3`}, 1},
		{"documents by line, glued and in an array", plain, `{"id":"x","ev":[{"a":1}]}{"id":"y","ev":[{"a":2}]}` + "\n" + `{"id":"z","ev":[{"a":3}]}`, []string{`1 id=x ev.a=1 | `, `2 id=y ev.a=2 | `, `3 id=z ev.a=3 | `}, 3},
		{"an array of documents", plain, `[{"id":"x","ev":[{"a":1}]},{"id":"y","ev":[{"a":2},{"a":3}]}]`, []string{`1 id=x ev.a=1 | `, `2 id=y ev.a=2 | `, `3 id=y ev.a=3 | `}, 2},
		{"pretty", plain, "{\n \"id\": \"x\",\n \"ev\": [\n  {\"a\": 1},\n  {\"a\": 2}\n ]\n}\n", []string{`1 id=x ev.a=1 | `, `2 id=x ev.a=2 | `}, 1},
		{"without events", plain, `{"id":"x","ev":[]}{"id":"y"}` + "\n" + `{"id":"z","ev":null}{"id":"o","ev":{"a":5}}{}`, []string{`1 id=x | `, `2 id=y | `, `3 id=z | `, `4 id=o ev.a=5 | `, `5 | `}, 5},
		{"broken events", plain, `{"id":"x","ev":[{"a":1},{"a":},{"a":"\ud800"},{"a" 3},null,{"a":2}]}`, []string{`1 id=x ev.a=1 | `, `2 RECORD_NOT_JSON`, `3 RECORD_NOT_UTF8`, `4 RECORD_NOT_JSON`, `5 id=x | `, `6 id=x ev.a=2 | `}, 1},
		{"a list in the list", plain, `{"id":"x","ev":[[{"a":1}],{"a":2}]}`, []string{`1 RECORDS_MISSING`, `2 id=x ev.a=2 | `}, 1},
		{"scalars", scalar, `{"id":"x","ev":["one", 2,true]}`, []string{`1 id=x ev=one | `, `2 id=x ev=2 | `, `3 id=x ev=true | `}, 1},
		{"broken documents", plain, `{"id":,"ev":[{"a":1}]}` + "\n" + `{"ev":[{"a":1}],}` + "\ntext\n7\n" + `{"id":"y","ev":[{"a":2}]}`, []string{`1 RECORD_NOT_JSON`, `2 RECORD_NOT_JSON`, `3 RECORD_NOT_JSON`, `4 RECORD_NOT_JSON`, `5 id=y ev.a=2 | `}, 5},
		{"cut", plain, `{"id":"x","ev":[{"a":1},{"a":2`, []string{`1 id=x ev.a=1 | `, `2 RECORD_NOT_JSON`, `3 RECORD_NOT_JSON`}, 1},
		{"the name comes again", plain, `{"id":"x","ev":[{"a":1}],"ev":[{"a":2}]}`, []string{`1 id=x ev.a=1 | ev=[{"a":2}]`}, 1},
		{"in the records of documents", both, `{"owner":"o","R":[{"id":"x","d":{"ev":[{"a":1},{"a":2}],"k":1}},{"id":"y"},7,{"id":"z","owner":"mine","d":{"ev":[]}}]}{"R":[]}{"R":[{"d":{"ev":[{"a":3}]}}]}{"S":[]}`,
			[]string{`1 id=x owner=o d.ev.a=1 | d.k=1`, `2 id=x owner=o d.ev.a=2 | d.k=1`, `3 id=y owner=o | `, `4 RECORD_NOT_JSON`, `5 id=z owner=mine | owner=o`, `6 d.ev.a=3 | `, `7 RECORDS_MISSING`}, 6},
		{"many", plain, `{"id":"x","ev":[` + strings.Repeat(`{"a":1},`, 1<<16) + `{"a":2}]}`, append(many(1<<16, func(i int) string { return fmt.Sprint(i+1, " id=x ev.a=1 | ") }), fmt.Sprint(1<<16+1, " id=x ev.a=2 | ")), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, raws, contexts := listed(t, c.spec, []byte(c.object), 1<<20)
			if strings.Join(got, "¶") != strings.Join(c.want, "¶") {
				t.Fatalf("got\n%.3000q\nwant\n%.3000q", got, c.want)
			}
			keys := NewKeys()
			d, e := NewRecords(c.spec, keys, Options{}), NewExpander(keys)
			for i, raw := range raws {
				d.OpenFramed(&keptList{{int64(i + 1), raw, contexts[i]}})
				n, _, rej, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				if again := tell(t, c.spec, d, e, n, rej); again != got[i] && !(len(raw) == 0 || rej != nil && strings.Contains(got[i], "RECORD_NOT_JSON")) {
					t.Fatalf("kept: %q, want %q", again, got[i])
				}
			}
			d.Open(strings.NewReader(c.object))
			for {
				if _, _, _, err := d.Next(); err != nil {
					break
				}
			}
			if d.Documents() != c.documents {
				t.Errorf("%d documents, want %d", d.Documents(), c.documents)
			}
		})
	}
}

// TestEventsKeptWhole: a record that quarantine kept before the mapping had events does not become one event.
func TestEventsKeptWhole(t *testing.T) {
	spec := &Spec{Format: Format{Events: []string{"ev"}}, Leaves: leaves("ev.a#")}
	d := NewRecords(spec, NewKeys(), Options{})
	d.OpenFramed(&keptList{{1, `{"ev":[{"a":1},{"a":2}]}`, ""}, {2, `{"ev":[ ]}`, ""}})
	if _, _, rej, err := d.Next(); err != nil || rej == nil || rej.Code != ReasonRecords || !strings.Contains(rej.Message, "etl backfill --replace") {
		t.Errorf("%v %v", rej, err)
	}
	if _, _, rej, err := d.Next(); err != nil || rej != nil {
		t.Errorf("%v %v", rej, err)
	}
}

// TestEventsOffset: an event begins where it is in the object.
func TestEventsOffset(t *testing.T) {
	for _, spec := range []*Spec{{Format: Format{Events: []string{"ev"}}}, {Format: Format{Records: []string{"R"}, Events: []string{"ev"}}}} {
		object := `{"id":1,"ev":["A","B"]} {"ev":["C"]}` + "\n" + `{"ev":["D"]}`
		if spec.Format.Records != nil {
			object = `{"R":[{"ev":["A","B"]},{"ev":["C"]}]}` + "\n" + `{"R":[{"ev":["D"]}]}`
		}
		for _, held := range []int{0, 4} {
			d := NewRecords(spec, NewKeys(), Options{TempDir: t.TempDir()})
			if f := d.framer.(*eventsFramer); held > 0 {
				f.r.held, f.r.base, f.long.base = held, 16, 16
			}
			d.Open(strings.NewReader(object))
			for _, want := range []string{"A", "B", "C", "D"} {
				_, raw, _, err := d.Next()
				if at := d.Offset(); err != nil || object[at:at+3] != `"`+want+`"` || !bytes.Contains(raw, []byte(`"ev":"`+want+`"`)) {
					t.Errorf("%v, held %d: %s at %d: %v", spec.Format.Records, held, raw, at, err)
				}
			}
		}
	}
}

// TestEventsBounded: millions of events in one document take the memory of a few records, and a document cannot make more work than its
// length allows.
func TestEventsBounded(t *testing.T) {
	const n = 2 << 20
	spec := &Spec{Format: Format{Events: []string{"ev"}}, Leaves: leaves("id", "ev.a#")}
	event := `{"a":1,"b":"0123456789"},`
	for name, c := range map[string]struct {
		object  io.Reader
		records int
		code    string // of the rejects
		rejects int
	}{
		"long":            {repeated(`{"id":"x","ev":[`, event, n, `{"a":2}]}`), n + 1, "", 0},
		"much around":     {repeated(`{"id":"`+strings.Repeat("y", 1<<20-100)+`","ev":[`, `{},`, 1<<18, `{}]}`+"\n"+`{"id":"z","ev":[{"a":1}]}`), 2, ReasonTooLong, 1},
		"long and around": {repeated(`{"id":"`+strings.Repeat("y", 1<<20-100)+`","ev":[`, `{},`, 8<<20, `{}]}`+"\n"+`{"id":"z","ev":[{"a":1}]}`), 2, ReasonTooLong, 1},
		"blanks":          {repeated(`{"id":"x","ev":[`, ` `, 40<<20, `]}`), 1, "", 0},
		"no list":         {repeated(`{"id":"x","no":[`, event, n, `{"a":2}]}`), 1, ReasonTooLong, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			dir := t.TempDir()
			d := NewRecords(spec, NewKeys(), Options{TempDir: dir})
			d.Open(c.object)
			got, rejects := 0, 0
			for {
				_, _, rej, err := d.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if got++; rej != nil {
					if rejects++; rej.Code != c.code {
						t.Fatal(rej)
					}
				}
				f := d.framer.(*eventsFramer)
				if held := cap(f.r.buf) + cap(f.long.buf) + cap(f.buf); held > 2*(DefaultMaxRecordBytes+bufferBytes) {
					t.Fatalf("buffers of %d MiB", held>>20)
				}
			}
			if runtime.ReadMemStats(&after); (after.TotalAlloc-before.TotalAlloc)>>20 > 200 {
				t.Errorf("%d MiB allocated", (after.TotalAlloc-before.TotalAlloc)>>20)
			}
			if got != c.records || rejects != c.rejects {
				t.Errorf("%d records, want %d; %d rejects, want %d", got, c.records, rejects, c.rejects)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
}

// FuzzEvents: a document that is read from a file has the events of one in memory, records are numbered in order, and every letter and digit
// of an object is in a record.
func FuzzEvents(f *testing.F) {
	for _, s := range append([]string{`{"id":1,"R":[{"a":1},{"b":2}],"c":3}`, `{"R":[1}]}`, `{"R":["x,]",[2],{"a":"]"}]}{"c":1}`, `{"R":["a` + "\n" + `,"":1}]}`, `{"R":[]}`, `{"\u0052":[{}]}`}, readSeeds...) {
		f.Add([]byte(s))
	}
	spec := &Spec{Format: Format{Events: []string{"R"}}, Leaves: leaves("a#", "R.a#")}
	f.Fuzz(func(t *testing.T, object []byte) {
		sameLong(t, spec, object)
		d := NewRecords(spec, NewKeys(), Options{})
		d.Open(bytes.NewReader(object))
		have := map[byte]int{}
		for n := int64(1); ; n++ {
			number, raw, rej, err := d.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			if number != n || rej == nil && len(raw) == 0 {
				t.Fatalf("record %d %q, want number %d", number, raw, n)
			}
			if d.Documents() < 1 || d.Documents() > n {
				t.Fatalf("%d documents at record %d", d.Documents(), n)
			}
			for _, c := range letters(raw) {
				have[byte(c)]++
			}
		}
		if all, ok := unpacked(object); ok {
			for _, c := range letters(all) {
				if have[byte(c)] == 0 {
					t.Fatalf("%q is in no record of %q", c, all)
				}
			}
		}
	})
}
