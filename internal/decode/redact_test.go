package decode

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/decode/redact"
)

// pairs shows entries as key=value.
func pairs(entries []Entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Key+"="+string(e.Value))
	}
	return strings.Join(out, " ")
}

// TestScanRedacted: leaves and the rest have what rules leave of a value, wherever in the record it is.
func TestScanRedacted(t *testing.T) {
	rules := []redact.Rule{
		{Path: []string{"token"}, How: redact.Discard},
		{Path: []string{"user", "mail"}, How: redact.Mask, Also: [][]string{{"mailbox"}}},
		{Path: []string{"card"}, How: redact.Last4},
		{Path: []string{"text", "pw"}, How: redact.Discard},
		{Path: []string{"packed", "pw"}, How: redact.Discard},
		{Path: []string{"all"}, How: redact.Mask},
	}
	spec := &Spec{Redact: rules,
		Leaves:  []Leaf{{Path: []string{"token"}}, {Path: []string{"user"}, Kind: JSON}, {Path: []string{"user", "name"}}, {Path: []string{"card"}}, {Path: []string{"text", "a"}}, {Path: []string{"packed", "a"}}},
		Parsers: []Parser{{Path: []string{"text"}, Name: ParseKV}, {Path: []string{"packed"}, Name: ParseJSON}}}
	for _, c := range []struct{ record, want string }{
		{`{"token":"SECRET","x":1}`, `/ x=1`},
		{`{"token":{"a":["SECRET"],"b":{}},"x":1}`, `/ x=1`},
		{`{"TOKEN":"SECRET","Token":["SECRET"],"token":7}`, `/`},
		{`{"token":"SECRET","token":"SECRET"}`, `/`},
		{`{"user":{"name":"ada","mail":"SECRET"}}`, `user="{\"name\":\"ada\",\"mail\":\"***\"}" user.name="ada" /`},
		{`{"user":{"name":"ada","Mail":["SECRET",7,null,""]}}`, `user="{\"name\":\"ada\",\"Mail\":[\"***\",\"***\",null,\"\"]}" user.name="ada" /`},
		{`{"user":{"name":"ada"},"user":{"mail":"SECRET","n":1}}`, `user="{\"name\":\"ada\"}" user.name="ada" / user.mail=*** user.n=1`},
		{`{"user":[{"mail":"SECRET","name":"ada"},{"mail":"SECRET"}]}`, `user="[{\"mail\":\"***\",\"name\":\"ada\"},{\"mail\":\"***\"}]" /`},
		{`{"user":"{\"mail\":\"SECRET\",\"name\":\"ada\"}"}`, `user="\"{\\\"mail\\\":\\\"***\\\",\\\"name\\\":\\\"ada\\\"}\"" /`},
		{`{"user":"{\"mail\":\"SECRET"}`, `/`},
		{`{"mailbox":"SECRET"}`, `/ mailbox=***`},
		{`{"card":4111111111111111}`, `card="***1111" /`},
		{`{"card":"SECRET"}`, `card="***" /`},
		{`{"card":"ü\"\\öäü\"\\öä"}`, `card="***\"\\öä" /`},
		{`{"text":"a=1 pw=SECRET b=2"}`, `text.a="1" / text.b=2`},
		{`{"text":"SECRET"}`, `!parser0 /`},
		{`{"text":"a=1","text":"pw=SECRET"}`, `text.a="1" /`},
		{`{"packed":"{\"a\":\"1\",\"pw\":\"SECRET\"}"}`, `packed.a="1" /`},
		{`{"packed":"pw SECRET"}`, `!parser1 /`},
		{`{"all":{"a":"SECRET","b":[true,{"c":"SECRET"}],"d":null}}`, `/ all.a=*** all.b=["***",{"c":"***"}]`},
	} {
		keys := NewKeys()
		s := NewScanner(spec, keys)
		if n, rej := s.Scan([]byte(c.record)); rej != nil || n != len(c.record) {
			t.Fatalf("%s: %d, %v", c.record, n, rej)
		}
		var out []string
		for i, v := range s.Values() {
			if v.Set {
				out = append(out, fmt.Sprintf("%s=%q", strings.Join(spec.Leaves[i].Path, "."), v.Text))
			}
		}
		for _, i := range s.Misfits() {
			if i >= len(spec.Leaves) {
				out = append(out, fmt.Sprintf("!parser%d", i-len(spec.Leaves)))
			}
		}
		rest, err := NewExpander(keys).Expand(s.Rest(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSpace(strings.Join(out, " ") + " / " + pairs(rest))
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.record, got, c.want)
		}
	}
}

// TestScanHashed: a hash is the HMAC-SHA-256 of the text (RFC 4231, test case 2), the same for a number and its text. Without a key, the
// value is masked.
func TestScanHashed(t *testing.T) {
	spec := &Spec{Leaves: []Leaf{{Path: []string{"v"}}}, Redact: []redact.Rule{{Path: []string{"v"}, How: redact.Hash}}}
	value := func(key, record string) string {
		r := NewRecords(spec, NewKeys(), Options{HashKey: []byte(key)})
		r.Open(strings.NewReader(record))
		if _, _, rej, err := r.Next(); rej != nil || err != nil {
			t.Fatal(rej, err)
		}
		return string(r.Values()[0].Text)
	}
	if got, want := value("Jefe", `{"v":"what do ya want for nothing?"}`), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if a, b := value("k", `{"v":443}`), value("k", `{"v":"443"}`); a != b {
		t.Errorf("a number is %s, its text %s", a, b)
	}
	if a, b := value("k", `{"v":443}`), value("other", `{"v":443}`); a == b {
		t.Error("two keys give the same hash")
	}
	if got := value("", `{"v":"SECRET"}`); got != "***" {
		t.Errorf("without a key: %q", got)
	}
}

// TestTextRedacted: formats of text, and what is in front of or around their records. A CSV record with more fields than columns is refused,
// because a value may be in another column.
func TestTextRedacted(t *testing.T) {
	hide := []redact.Rule{{Path: []string{"pw"}, How: redact.Discard}, {Path: []string{"syslog", "host"}, How: redact.Mask}, {Path: []string{"owner"}, How: redact.Mask}}
	for _, c := range []struct {
		format       Format
		object, want string
	}{
		{Format{Name: FormatCSV, Columns: []string{"a", "pw", "b"}}, "1,SECRET,2\n", "a=1 b=2"},
		{Format{Name: FormatCSV, Columns: []string{"a", "pw", "b"}}, "b,PW,a\n2,SECRET,1\n", "b=2 a=1"},
		{Format{Name: FormatCSV, Columns: []string{"a", "pw", "b"}}, "1,x,SECRET,2\n", "CSV_COLUMNS"},
		{Format{Name: FormatCSV, Columns: []string{"a", "pw", "b"}}, "1,SECRET,2,\n", "a=1 b=2"},
		{Format{Name: FormatKV}, "a=1 pw=\"SECRET x\" b=2\n", "a=1 b=2"},
		{Format{Name: FormatCEF}, "Jan  2 03:04:05 SECRET CEF:0|v|p|1|id|n|3|pw=SECRET x b=2\n", ""},
		{Format{Name: FormatJSON, Records: []string{"records"}}, `{"owner":"SECRET","records":[{"pw":"SECRET","a":1}]}`, "a=1 owner=***"},
	} {
		spec := &Spec{Format: c.format, Redact: hide}
		keys := NewKeys()
		r := NewRecords(spec, keys, Options{})
		r.Open(strings.NewReader(c.object))
		_, _, rej, err := r.Next()
		got := ""
		switch {
		case err != nil:
			t.Fatal(err)
		case rej != nil:
			got = rej.Code
		default:
			rest, err := NewExpander(keys).Expand(r.Rest(), nil)
			if err != nil {
				t.Fatal(err)
			}
			got = pairs(rest)
		}
		if c.want != "" && got != c.want || strings.Contains(got, "SECRET") {
			t.Errorf("%s: got %s, want %s", c.object, got, c.want)
		}
	}
}

// TestOffset: each record begins where Offset says.
func TestOffset(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, c := range []struct {
		name   string
		format Format
		object string
	}{
		{"lines", Format{}, "{\"a\":1}\n\n {\"a\":2}{\"a\":3} {\"a\":4}\r\nbroken\n{\"a\":5}"},
		{"values", Format{}, "[{\"a\":1},\n {\"a\":\n2} , {\"a\":3}]"},
		{"long", Format{}, "{\"a\":1}\n{\"a\":\"" + long + "\"}\n{\"a\":2}\n"},
		{"envelope", Format{Records: []string{"r"}}, "{\"o\":1,\"r\":[{\"a\":1}, {\"a\":2}]} {\"r\":[{\"a\":3}]}\n{\"r\":[{\"a\":4}]}"},
		{"long document", Format{Records: []string{"r"}}, "{\"r\":[{\"a\":0}]}\n{\"o\":1,\"r\":[{\"a\":1}, {\"a\":\"" + strings.Repeat("y", 900) + "\"},{\"a\":\"" + strings.Repeat("z", 900) + "\"}]}"},
		{"csv", Format{Name: FormatCSV, Columns: []string{"a", "b"}}, "a,b\n1,2\n\"x\ny\",3\n\n4,5\n\"open,1\n6,7"},
		{"kv", Format{Name: FormatKV}, "a=1\r\nb=2\n\nnothing\nc=3"},
		{"text", Format{Name: FormatLine, Columns: []string{"line"}}, "one\ntwo\n\nthree"},
	} {
		r := NewRecords(&Spec{Format: c.format}, NewKeys(), Options{MaxRecordBytes: 1000})
		r.Open(strings.NewReader(c.object))
		var got, want []string
		for {
			_, raw, _, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(c.name, err)
			}
			at := int(r.Offset())
			want = append(want, string(raw))
			got = append(got, c.object[at:min(len(c.object), at+len(raw))])
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) < 3 {
			t.Errorf("%s: %d records (-want +got):\n%s", c.name, len(got), diff)
		}
	}
}
