package decode

import (
	"fmt"
	"strings"
	"testing"
)

// scanned shows what one record gives: leaf=value for the leaves that are set, !leaf for misfits, then the rest.
func scanned(t *testing.T, spec *Spec, record string) string {
	t.Helper()
	keys := NewKeys()
	s := NewScanner(spec, keys)
	if n, rej := s.Scan([]byte(record)); rej != nil || n != len(record) {
		t.Fatalf("%s: %d, %v", record, n, rej)
	}
	var out []string
	for i, v := range s.Values() {
		name := strings.Join(spec.Leaves[i].Path, ".")
		switch {
		case !v.Set:
		case spec.Leaves[i].Kind == Text || spec.Leaves[i].Kind == JSON:
			out = append(out, fmt.Sprintf("%s=%q", name, v.Text))
		case spec.Leaves[i].Kind == Double:
			out = append(out, fmt.Sprintf("%s=%g", name, v.Num))
		default:
			out = append(out, fmt.Sprintf("%s=%d", name, v.Int))
		}
	}
	for _, i := range s.Misfits() {
		out = append(out, "!"+strings.Join(spec.Leaves[i].Path, "."))
	}
	rest, err := NewExpander(keys).Expand(s.Rest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.Join(out, " ") + " / " + show(rest))
}

func TestScanKinds(t *testing.T) {
	names := map[Kind]string{Text: "Text", Bool: "Bool", Int32: "Int32", Int64: "Int64", Double: "Double", Timestamp: "Timestamp", JSON: "JSON"}
	for _, c := range []struct {
		kind       Kind
		json, want string // "" if it does not fit
	}{
		{Text, `"a\"\u00e9\ud83d\ude00\/"`, `"a\"é😀/"`}, {Text, `1.50`, `"1.50"`}, {Text, `true`, `"true"`}, {Text, `""`, `""`}, {Text, `{"a":1}`, ``}, {Text, `[]`, ``},
		{Bool, `true`, `1`}, {Bool, `false`, `0`}, {Bool, `"true"`, `1`}, {Bool, `"false"`, `0`}, {Bool, `"True"`, ``}, {Bool, `1`, ``},
		{Int32, `443`, `443`}, {Int32, `"443"`, `443`}, {Int32, `-0`, `0`}, {Int32, `-2147483648`, `-2147483648`}, {Int32, `2147483648`, ``}, {Int32, `1.0`, ``},
		{Int32, `1e3`, ``}, {Int32, `"http"`, ``}, {Int32, `""`, ``}, {Int32, `" 1"`, ``}, {Int32, `"+1"`, ``}, {Int32, `"007"`, ``}, {Int32, `"-"`, ``},
		{Int64, `9223372036854775807`, `9223372036854775807`}, {Int64, `-9223372036854775808`, `-9223372036854775808`}, {Int64, `9223372036854775808`, ``},
		{Int64, `-9223372036854775809`, ``}, {Int64, `18446744073709551617`, ``}, {Int64, `100000000000000000000`, ``},
		{Double, `1`, `1`}, {Double, `"-1.5e3"`, `-1500`}, {Double, `1e999`, ``}, {Double, `"NaN"`, ``}, {Double, `"0x1p3"`, ``}, {Double, `"1_0"`, ``}, {Double, `true`, ``},
		{Timestamp, `"2020-10-01T00:00:13.977896+0000"`, `1601510413977896`}, {Timestamp, `"2020-10-01T00:00:13Z"`, `1601510413000000`},
		{Timestamp, `"2020-10-01 00:00:13"`, `1601510413000000`}, {Timestamp, `"2020-10-01t02:30:13.5+02:30"`, `1601510413500000`},
		{Timestamp, `"2020-10-01 02:00:13 +0200"`, `1601510413000000`}, {Timestamp, `"2020-10-01 02:00:13.5 +02:00"`, `1601510413500000`}, {Timestamp, `"2020-10-01 02:00:13  +02:00"`, ``}, {Timestamp, `"2020-10-01 02:00:13 0200"`, ``},
		{Timestamp, `"2020-09-30T23:00:13.9778969-0100"`, `1601510413977896`}, {Timestamp, `"1969-12-31T23:59:59.999999999z"`, `-1`},
		{Timestamp, `"0001-01-01T00:00:00Z"`, `-62135596800000000`}, {Timestamp, `"9999-12-31T23:59:59.999999Z"`, `253402300799999999`},
		{Timestamp, `"2024-02-29T00:00:00Z"`, `1709164800000000`}, {Timestamp, `"1900-02-29T00:00:00Z"`, ``}, {Timestamp, `"2000-02-29T00:00:00Z"`, `951782400000000`},
		{Timestamp, `"2023-02-29T00:00:00Z"`, ``}, {Timestamp, `"2020-13-01T00:00:00Z"`, ``}, {Timestamp, `"2020-00-01T00:00:00Z"`, ``}, {Timestamp, `"2020-04-31T00:00:00Z"`, ``},
		{Timestamp, `"2016-12-31T23:59:60Z"`, ``}, {Timestamp, `"2020-10-01T24:00:00Z"`, ``}, {Timestamp, `"2020-10-01T00:00Z"`, ``}, {Timestamp, `"2020-10-01T00:00:13.Z"`, ``},
		{Timestamp, `"2020-10-01T00:00:13.1234567890Z"`, ``}, {Timestamp, `"2020-10-01T00:00:13+01"`, ``}, {Timestamp, `"2020-10-01T00:00:13+0060"`, ``},
		{Timestamp, `"2020-10-01T00:00:13+2400"`, ``}, {Timestamp, `"2020-10-01T00:00:13 Z"`, ``}, {Timestamp, `"2020-10-01"`, ``}, {Timestamp, `""`, ``},
		{Timestamp, `"0000-12-31T00:00:00Z"`, ``}, {Timestamp, `"0001-01-01T00:00:00+0001"`, ``}, {Timestamp, `"9999-12-31T23:59:59-00:01"`, ``}, {Timestamp, `1601510413`, ``},
		{JSON, `"a\n"`, `"\"a\\n\""`}, {JSON, `1.0`, `"1.0"`}, {JSON, `[1, 2]`, `"[1, 2]"`}, {JSON, "{\"a\":\t[1,\r\n2]}", `"{\"a\": [1,  2]}"`}, {JSON, `{}`, `"{}"`},
	} {
		for _, keep := range []bool{false, true} {
			spec := &Spec{Leaves: []Leaf{{Path: []string{"x"}, Kind: c.kind, Keep: keep}}}
			got := scanned(t, spec, `{"x":`+c.json+`}`)
			inRest := strings.TrimPrefix(scanned(t, &Spec{}, `{"x":`+c.json+`}`), "/ ")
			want := "x=" + c.want + " /"
			if c.want == "" {
				want = "!x / " + inRest // as it was written
			} else if keep {
				want += " " + inRest
			}
			if got != want {
				t.Errorf("%s of %s, keep %v: %s, want %s", names[c.kind], c.json, keep, got, want)
			}
		}
		if got := scanned(t, &Spec{Leaves: []Leaf{{Path: []string{"x"}, Kind: c.kind}}}, `{"x":null}`); got != "/" {
			t.Errorf("%s of null: %s", names[c.kind], got)
		}
	}
}

func TestScanRest(t *testing.T) {
	path := func(p string, k Kind, keep bool, name string) Leaf {
		return Leaf{Path: strings.Split(p, "."), Kind: k, Keep: keep, Name: name}
	}
	also := []Leaf{{Path: []string{"o", "aB"}, Kind: Text, Also: [][]string{{"o", "AB"}}}}
	event := []Leaf{path("event", JSON, false, ""), path("event.x", Text, false, ""), path("event.y", Int32, false, "")}
	for _, c := range []struct {
		leaves       []Leaf
		record, want string
	}{
		{nil, `{"a":{"b":[1, {"c":2}],"d":{},"e":null,"f":"x\ty"},"g":false}`, ""},
		{nil, `{"a.b":1,"a":{"b":2}}`, `/ "a.b"="[1,2]"`},
		{nil, `{"a":{"b":"x"},"a.b":[2],"c":3,"a":{"b":null,"b":"y"}}`, `/ "a.b"="[\"x\",[2],\"y\"]" "c"="3"`},
		{nil, `{"a":1,"\u0061":2}`, `/ "a"="[1,2]"`},
		{nil, `{"":{"":1},"a":{"":2}}`, `/ "."="1" "a."="2"`},
		{nil, `{"a":{"b":null},"c":[],"d":[null]}`, `/ "c"="[]" "d"="[null]"`},
		// The first of two counts, null or not; the later one goes to the rest under its path.
		{[]Leaf{path("a", Text, false, "")}, `{"a":"x","a":"y"}`, `a="x" / "a"="y"`},
		{[]Leaf{path("a", Text, false, "")}, `{"a":null,"a":"y"}`, `/ "a"="y"`},
		{[]Leaf{path("a", Int32, false, "")}, `{"a":"x","a":2}`, `!a / "a"="[\"x\",2]"`},
		{[]Leaf{path("a.b", Text, false, "")}, `{"a":{"c":1},"a":{"b":2}}`, `/ "a.c"="1" "a.b"="2"`},
		{[]Leaf{path("a.b", Text, false, "")}, `{"a":1,"a":{"b":2}}`, `/ "a"="1" "a.b"="2"`},
		{[]Leaf{path("a", JSON, false, "")}, `{"a":{"b":1},"a":{"b":2}}`, `a="{\"b\":1}" / "a.b"="2"`},
		// Another path of the same leaf: the first one met counts.
		{also, `{"o":{"aB":"x"},"z":1}`, `o.aB="x" / "z"="1"`},
		{also, `{"o":{"AB":"x"},"z":1}`, `o.aB="x" / "z"="1"`},
		{also, `{"o":{"AB":"x","aB":"y"}}`, `o.aB="x" / "o.aB"="y"`},
		{also, `{"o":{"aB":"x","AB":"y"},"o2":{"AB":"z"}}`, `o.aB="x" / "o.AB"="y" "o2.AB"="z"`},
		// Leaves above leaves.
		{event, `{"event":{"x":"1","y":"no","z":[3]},"o":0}`, `event="{\"x\":\"1\",\"y\":\"no\",\"z\":[3]}" event.x="1" !event.y / "o"="0"`},
		{event, `{"event":{"x":1,"x":2,"x":{"u":1}}}`, `event="{\"x\":1,\"x\":2,\"x\":{\"u\":1}}" event.x="1" /`},
		{event, `{"event":[{"x":1}]}`, `event="[{\"x\":1}]" /`},
		{event, `{"event":{"x":1},"event":{"x":2}}`, `event="{\"x\":1}" event.x="1" / "event.x"="2"`},
		{[]Leaf{path("event", JSON, true, ""), path("event.x", Text, false, "")}, `{"event":{"x":1,"y":2}}`, `event="{\"x\":1,\"y\":2}" event.x="1" / "event.y"="2"`},
		{[]Leaf{path("event", Text, false, ""), path("event.x", Text, false, "")}, `{"event":{"x":1,"y":2}}`, `event.x="1" !event / "event.y"="2"`},
		{[]Leaf{path("a", Text, false, ""), path("a.b", Text, false, "")}, `{"a":[{"b":1}]}`, `!a / "a"="[{\"b\":1}]"`},
		// Names.
		{[]Leaf{path("a.b", Text, true, "mine")}, `{"a":{"b":1}}`, `a.b="1" / "mine"="1"`},
		{[]Leaf{path("a", JSON, true, "mine")}, `{"a":{"b":1,"c":{}}}`, `a="{\"b\":1,\"c\":{}}" / "mine.b"="1" "mine.c"="{}"`},
		{[]Leaf{path("a.b", Int64, false, "mine")}, `{"a":{"b":"x"},"mine":2}`, `!a.b / "mine"="[\"x\",2]"`},
		// Two leaves of one path, a key with a dot, the record as a whole.
		{[]Leaf{path("a", Text, false, ""), path("a", Int64, false, "")}, `{"a":"5"}`, `a="5" a=5 /`},
		{[]Leaf{path("a", Text, false, ""), path("a", Int64, false, "")}, `{"a":"x"}`, `a="x" !a / "a"="x"`},
		{[]Leaf{{Path: []string{"a.b"}}}, `{"a":{"b":1},"a.b":2}`, `a.b="2" / "a.b"="1"`},
		{[]Leaf{{Kind: JSON}, path("a", Text, false, "")}, `{"a":1,"b":2}`, `="{\"a\":1,\"b\":2}" a="1" /`},
	} {
		if c.want == "" {
			c.want = `/ "a.b"="[1, {\"c\":2}]" "a.d"="{}" "a.f"="x\ty" "g"="false"`
		}
		if got := scanned(t, &Spec{Leaves: c.leaves}, c.record); got != c.want {
			t.Errorf("%s\n gives %s\n want  %s", c.record, got, c.want)
		}
	}
}

func TestRejectMessages(t *testing.T) {
	for _, c := range []struct{ record, want, path string }{
		{`{"a":{"b":tru}}`, `RECORD_NOT_JSON: not JSON: unexpected '}' at byte 14`, "a.b"},
		{`{"a":"b`, `RECORD_NOT_JSON: not a complete JSON object: it ends at byte 8`, "a"},
		{`{"a":é}`, `RECORD_NOT_JSON: not JSON: unexpected 'é' at byte 6`, "a"},
		{"{\"a\":\"\n\"}", `RECORD_NOT_JSON: not JSON: control character 0x0a at byte 7`, "a"},
		{`  so much text that nobody wants it in a message`, `RECORD_NOT_JSON: not a JSON object: it begins with "so much text that no" at byte 3`, ""},
		{"{\"a\":1,\"b\":\"\xe9\"}", `RECORD_NOT_UTF8: not UTF-8: byte 0xe9 at byte 13`, ""},
		{`{"a":["\u0000"]}`, `RECORD_HAS_NUL: a NUL character (written as \u0000) at byte 8`, "a"},
		{`{"a":"\udfff"}`, `RECORD_NOT_UTF8: half of a surrogate pair, which UTF-8 cannot encode, at byte 7`, "a"},
		{strings.Repeat(`{"a":`, 201), `RECORD_TOO_DEEP: nested deeper than 200 levels at byte 1001`, strings.Repeat("a.", 99) + "a."},
		{`{} x`, ``, ""},
		{``, `RECORD_NOT_JSON: not a JSON object: the record is blank`, ""},
	} {
		_, rej := NewScanner(&Spec{}, NewKeys()).Scan([]byte(c.record))
		if rej == nil {
			if c.want != "" {
				t.Errorf("%s is accepted", c.record)
			}
			continue
		}
		if rej.Error() != c.want || !strings.HasPrefix(rej.Path, c.path) || c.path == "" && rej.Path != "" {
			t.Errorf("%.60s: %v, path %q", c.record, rej, rej.Path)
		}
	}
}

// TestKeysFromData: keys that never come twice cost no memory that stays, and none is lost.
func TestKeysFromData(t *testing.T) {
	keys := NewKeys()
	s, e := NewScanner(&Spec{Leaves: []Leaf{{Path: []string{"late"}}}}, keys), NewExpander(keys)
	for i := range 30000 {
		record := fmt.Sprintf(`{"k%d":{"a":%d,"n":{"m":1}},"late":%d,"late":{"x":2}}`, i, i, i)
		if _, rej := s.Scan([]byte(record)); rej != nil {
			t.Fatal(rej)
		}
		got, err := e.Expand(s.Rest(), nil)
		want := fmt.Sprintf(`"k%d.a"="%d" "k%d.n.m"="1" "late.x"="2"`, i, i, i)
		if err != nil || show(got) != want || string(s.Values()[0].Text) != fmt.Sprint(i) {
			t.Fatalf("%s: %s, %v", record, show(got), err)
		}
	}
	for _, c := range []struct {
		what       string
		have, most int
	}{
		{"nodes", s.nodes, maxNodes}, {"keys", len(keys.names), MaxKeys}, {"inline keys", len(e.local), maxLocalKeys + 10}, {"spare nodes", len(s.spare), 5},
	} {
		if c.have > c.most {
			t.Errorf("%d %s, at most %d are allowed", c.have, c.what, c.most)
		}
	}
}

// TestRestBounded: dotted keys repeat what stands above them, so a small record could make a huge rest.
func TestRestBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"` + strings.Repeat("k", 1<<20) + `":{`)
	for i := range 100000 {
		fmt.Fprintf(&b, `"%d":1,`, i)
	}
	b.WriteString(`"":2}}{"a":1}`)
	s := NewScanner(&Spec{}, NewKeys())
	n, rej := s.Scan([]byte(b.String()))
	if rej == nil || rej.Code != ReasonTooLong {
		t.Fatalf("%v, want %s", rej, ReasonTooLong)
	}
	if left := b.String()[n:]; left != `{"a":1}` {
		t.Errorf("left is %.80q", left)
	}
	if cap(s.rest) > 2*maxRestBytes {
		t.Errorf("%d bytes of rest", cap(s.rest))
	}
	if _, rej = s.Scan([]byte(`{"a":1}`)); rej != nil || cap(s.rest) > keepBuffer {
		t.Fatalf("%v, %d bytes are still held", rej, cap(s.rest))
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	s := NewScanner(firewallSpec(), NewKeys())
	r := newRand()
	var lines [][]byte
	for range 200 {
		lines = append(lines, []byte(firewallLine(r)))
	}
	if n := testing.AllocsPerRun(10, func() {
		for _, l := range lines {
			s.Scan(l)
		}
	}); n > 0 {
		t.Fatalf("%v allocations", n)
	}
}
