package decode

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestOverLinesAfterOneLine: an object over several lines is one record wherever it is, also if the first record is on one line.
func TestOverLinesAfterOneLine(t *testing.T) {
	const a, b, c = `{"id":1}`, "{\"id\":2,\n \"at\":\"2025-03-01T10:00:00Z\"}", "{\n\t\"id\": 3,\n\t\"list\": [\n\t\t{\"x\":\"}\"},\n\t\t{\"y\":[]}\n\t]\n}"
	for name, object := range map[string]string{
		"lines":              a + "\n" + b + "\n" + c + "\n" + a + "\n",
		"CRLF":               strings.ReplaceAll(a+"\n"+b+"\n"+c+"\n"+a, "\n", "\r\n"),
		"glued to the next":  a + "\n" + b + c + a,
		"glued to a line":    a + b + " " + c + "\n" + a,
		"blank lines inside": a + "\n\n" + b + "\n  \n" + c + "\n\n" + a + "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			want := []string{a, b, c, a}
			if name == "CRLF" {
				for i := range want {
					want[i] = strings.ReplaceAll(want[i], "\n", "\r\n")
				}
			}
			check(t, []byte(object), Options{}, want...)
			check(t, packed([]byte(object)), Options{}, want...)
			check(t, []byte(object), Options{MaxRecordBytes: 70}, want...)
		})
	}
	long := "{\"id\":2,\n\"text\":\"" + strings.Repeat("word ", 300<<10) + "\",\n\"more\":\"" + strings.Repeat("\\ud83d\\ude00", 100<<10) + "\"}"
	check(t, []byte(a+"\n"+long+"\n"+c+"\n"), Options{}, a, long, c)
	check(t, []byte(a+"\n"+b+"\n"+a), Options{MaxRecordBytes: 30}, a, ReasonTooLong+" "+b, a)
	check(t, []byte(a+"\n{\"id\":2,\n\"x\":\"\\u0000\"}\n"+b), Options{}, a, ReasonJSON+` {"id":2,`, ReasonJSON+` "x":"\u0000"}`, b)
}

// TestOverLinesBroken: an object that later lines do not complete costs its own lines only, and the message says so.
func TestOverLinesBroken(t *testing.T) {
	const a, c = `{"id":1}`, "{\n\"id\":3}"
	for _, broken := range []string{`{"id":2,`, `{"id":`, `{"id":"x`, `{"list":[`, `{"id":2`} {
		check(t, []byte(a+"\n"+broken+"\n"+a+"\n"+c+"\n"), Options{}, a, ReasonJSON+" "+broken, a, c)
		check(t, []byte(a+"\n"+broken), Options{}, a, ReasonJSON+" "+broken)
	}
	check(t, []byte(a+"\n{\"id\":2,\n \"x\":oops}\n"+c), Options{}, a, ReasonJSON+` {"id":2,`, ReasonJSON+` "x":oops}`, c)
	d := NewRecords(&Spec{}, NewKeys(), Options{})
	d.Open(strings.NewReader(a + "\n{\"id\":2,\n \"x\":oops}\n"))
	d.Next()
	if _, _, rej, _ := d.Next(); rej == nil || rej.Message != "not a complete JSON object: it ends at byte 9 of its line, and the lines after it do not complete it" {
		t.Errorf("%v", rej)
	}
}

// TestDocumentsOverLines: the same for documents that hold their records in an array.
func TestDocumentsOverLines(t *testing.T) {
	spec := &Spec{Format: Format{Records: []string{"Items"}}}
	object := "{\"Items\":[{\"id\":1}]}\n{\"day\":\"monday\",\n\"Items\":[\n{\"id\":2},\n{\"id\":\n3}]}\n{\"Items\":[{\"id\":4}]}\n"
	got, err := readAll(strings.NewReader(object), spec, Options{})
	if want := []string{`{"id":1}`, `{"id":2}`, "{\"id\":\n3}", `{"id":4}`}; err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// TestOverLinesBounded: an object that makes every line look like the beginning of a long record costs a fixed multiple of its size.
func TestOverLinesBounded(t *testing.T) {
	const opening, filler = "{\"x\":[1,\n", "[1],\n"
	object := strings.Repeat("{\"x\":1}\n", 3) + strings.Repeat(strings.Repeat(opening, 90)+strings.Repeat(filler, 100<<10)+"!\n", 8)
	o := Options{MaxRecordBytes: 1 << 20}
	d := NewRecords(&Spec{}, NewKeys(), o)
	d.Open(strings.NewReader(object))
	r := &d.framer.(*jsonFramer).r
	most := int64(0)
	for {
		_, _, _, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, r.spent)
	}
	if limit := int64(4*len(object) + 2*r.held + 2*r.base); most > limit || most < int64(len(object)) {
		t.Errorf("%d bytes were looked at in vain, in an object of %d", most, len(object))
	}
}

// TestOverLinesLoseNothing: the records of any mix of good and broken lines are all of its bytes but blanks, and each good object that
// begins a line is a record.
func TestOverLinesLoseNothing(t *testing.T) {
	good := []string{`{"a":1}`, "{\"a\":\n{\"b\":2}}", "{\n\"c\": [1,\n2]\n}", `{"d":"} {"}`, "{ }", "{\"e\":{\n}}"}
	bad := []string{`{"a":`, `{"a":[`, `"x"`, `}`, `{"s":"`, `text`, `{"a":1,`, `1,`, `{{`}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 24))
		var b strings.Builder
		b.WriteString(good[0] + "\n")
		want := map[string]int{}
		clean := true // no broken line came before
		for range 1 + r.IntN(8) {
			if r.IntN(3) > 0 {
				g := good[r.IntN(len(good))]
				b.WriteString(g)
				if clean {
					want[g]++
				}
			} else {
				b.WriteString(bad[r.IntN(len(bad))])
				clean = false
			}
			b.WriteString([]string{"\n", "\r\n", "\n \n"}[r.IntN(3)])
		}
		got, err := readAll(&chunked{[]byte(b.String()), 1 + r.IntN(9)}, &Spec{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, rec := range got {
			want[rec]--
			all.WriteString(strings.TrimPrefix(rec, ReasonJSON))
		}
		for g, n := range want {
			if n > 0 {
				t.Fatalf("%q: record %q is missing in %q", b.String(), g, got)
			}
		}
		if g, w := noBlanks(all.String()), noBlanks(b.String()); g != w {
			t.Fatalf("%q: records %q", b.String(), got)
		}
	}
}

func noBlanks(s string) string {
	return string(bytes.Join(bytes.Fields([]byte(s)), nil))
}
