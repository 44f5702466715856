package decode

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readZeek gives the records of an object as JSON, or the codes of their rejections.
func readZeek(t *testing.T, text string) (got []string) {
	t.Helper()
	r := NewRecords(&Spec{Format: Format{Name: FormatZeek}}, NewKeys(), Options{})
	r.Open(strings.NewReader(text))
	for {
		_, raw, rej, err := r.Next()
		if err != nil {
			return got
		}
		shown := string(r.Object(raw))
		if rej != nil {
			shown = rej.Code
		}
		got = append(got, shown)
		again := NewRecords(&Spec{Format: Format{Name: FormatZeek}}, NewKeys(), Options{})
		again.OpenFramed(&keptList{{1, string(raw), string(r.Context())}})
		if _, _, back, err := again.Next(); err != nil || (back == nil) != (rej == nil) || back == nil && string(again.Object(raw)) != shown {
			t.Errorf("from quarantine, %q becomes %s (%v, %v), not %s", raw, again.Object(raw), back, err, shown)
		}
	}
}

// TestZeek: a log of Zeek is read by its #fields line, which can change within an object, and as JSON.
func TestZeek(t *testing.T) {
	const head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#open\t2025-06-01-10-00-00\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"columns, sets and escapes", head + "#fields\tts\tid.orig_h\tanswers\tTTLs\tnote\n#types\ttime\taddr\tvector[string]\tvector[interval]\tstring\n" +
			"1.5\t192.0.2.7\ta.example,b\\x2cc\t60.0,-\ta \\x22b\\x22 \\\\\\\\srv\\xc3\\xa9\n2.5\t-\t(empty)\t-\t(empty)\n#close\t2025-06-01-11-00-00\n",
			[]string{`{"_path":"dns","ts":"1.5","id.orig_h":"192.0.2.7","answers":["a.example","b,c"],"TTLs":["60.0",null],"note":"a \"b\" \\\\srvé"}`, `{"_path":"dns","ts":"2.5","answers":[],"note":""}`}},
		{"bytes that are not text", "#fields\tts\ta\n1\tx\\xff\\x00\n", []string{`{"ts":"1","a":"x\\xff\\x00"}`}},
		{"another log after the end of the first", head + "#fields\tts\tquery\n#types\ttime\tstring\n1\tq\n#close\tx\n#separator \\x09\n#path\tconn\n#fields\tuid\tts\n#types\tstring\ttime\nC1\t2\n",
			[]string{`{"_path":"dns","ts":"1","query":"q"}`, `{"_path":"conn","uid":"C1","ts":"2"}`}},
		{"other columns without a new path", head + "#fields\tts\tquery\n1\tq\n#fields\tquery\tts\n#types\tstring\ttime\nr\t2\n", []string{`{"_path":"dns","ts":"1","query":"q"}`, `{"_path":"dns","query":"r","ts":"2"}`}},
		{"another separator", "#separator |\n#path|conn\n#fields|ts|uid\n1|C1\n", []string{`{"_path":"conn","ts":"1","uid":"C1"}`}},
		{"JSON, and text in one object", `{"_path":"conn","ts":1.5}` + "\n" + head + "#fields\tts\tquery\n1\tq\n" + `{"ts":2}` + "\n", []string{`{"_path":"conn","ts":1.5}`, `{"_path":"dns","ts":"1","query":"q"}`, `{"ts":2}`}},
		{"no columns, too few, and broken JSON", "1\tC1\n" + head + "#fields\tts\tquery\n1\tq\tx\n1\n{\"ts\":\n2\tr\n", []string{ReasonColumns, ReasonColumns, ReasonColumns, ReasonJSON, `{"_path":"dns","ts":"2","query":"r"}`}},
	} {
		if diff := cmp.Diff(c.want, readZeek(t, c.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
