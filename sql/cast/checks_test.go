package cast_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf/texttype"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/duckdb"
	"github.com/silt-etl/silt/sql/sqltest"
	"github.com/silt-etl/silt/sql/syntax"
)

// texts are values of the types, and others that are almost values of them.
var texts = []string{"192.0.2.7", "0.0.0.0", "192.0.02.7", "192.0.2.256", "2001:db8::7", "::", "1::", "::ffff:192.0.2.7", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "fe80::1%eth0", " 192.0.2.7\n",
	"02:00:5e:10:00:01", "0200.5e10.0001", "02005e-100001", "2-0-5e-10-0-1", "02005e100001", "02.00.5e.10.00.01", "02:00:5e:ff:fe:10:00:01", "0200-5eff-fe10-0001",
	"web-1.example.com", "WEB_1$", ".", "a..b", "example.", "[2001:db8::7]", `\052.example`, "*", "bücher.example", strings.Repeat("a", 63) + ".b", strings.Repeat("a", 64), strings.Repeat("ab.", 85), strings.Repeat("ab.", 85) + "a",
	"ada@example.com", "Ada L <ada@example.com>", `"ada l"@example.com`, "ada@[::1]", "<>", "a@b@c", "@", "a@b>",
	"https://web.example/a b?c#d", "https://", "/", "?x", "web.example:443/x", "urn:a:b", "-/", "http://ü", "//", "a b", "a/b\x01", "", " ", "-", "\x7f", "日本.example"}

// The functions in SQL, for a DuckDB shell, take the same texts as those in Go.
func TestShell(t *testing.T) {
	all := slices.Clone(texts)
	random := rand.New(rand.NewPCG(7, 11))
	const inserted = ":.-%@<>\"[]\\/?# \t\n,;019afgAZ_é"
	for range 6000 {
		text := []rune(texts[random.IntN(len(texts))])
		for range 1 + random.IntN(3) {
			at := random.IntN(len(text) + 1)
			switch c := []rune(inserted)[random.IntN(len([]rune(inserted)))]; {
			case random.IntN(3) == 0 && at < len(text):
				text = slices.Delete(text, at, at+1)
			case random.IntN(2) == 0 && at < len(text):
				text[at] = c
			default:
				text = slices.Insert(text, at, c)
			}
		}
		all = append(all, string(text))
	}
	db, err := duckdb.Open(t.Context(), []string{strings.ReplaceAll(cast.CheckMacros, "silt_", "shell_")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var quoted []string
	for _, s := range all {
		quoted = append(quoted, syntax.Quote(s))
	}
	taken := map[string]int{}
	for _, typ := range texttype.Checked() {
		shell := strings.ReplaceAll(texttype.Function(typ), "silt_", "shell_")
		rows, err := db.Rows(t.Context(), fmt.Sprintf("SELECT CASE WHEN %s(t) = t THEN 'takes' ELSE 'refuses' END FROM (SELECT unnest([%s]) AS t)", shell, strings.Join(quoted, ", ")))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			want := "refuses"
			if texttype.Of(typ)([]byte(all[i])) {
				want = "takes"
				taken[typ]++
			}
			if r[0] != want {
				t.Errorf("%s %s %q in a shell, and etl %s it", typ, r[0], all[i], want)
			}
		}
	}
	for _, typ := range texttype.Checked() {
		if taken[typ] < 50 {
			t.Errorf("only %d of %d texts are of type %s", taken[typ], len(all), typ)
		}
	}
}

// A text that is not of its attribute's type is left out, counted, and kept in unmapped: raw values, computed ones, elements of lists, and
// fields of objects in lists.
func TestChecked(t *testing.T) {
	m := sqltest.SmallMapping(t, `
  ev.b.d AS "src_endpoint.ip", ev.a AS "src_endpoint.hostname", lower(ev.a) AS "dst_endpoint.hostname", n AS "dst_endpoint.port", tags AS "src_endpoint.intermediate_ips",
  CASE WHEN n > 0 THEN ev.b.d ELSE 'a b' END AS "dst_endpoint.ip", "group" AS "src_endpoint.mac", 'x' AS "src_endpoint.uid", 'x' AS "dst_endpoint.uid"`, "")
	compiled := sqltest.Compile(t, m)
	for _, c := range []struct {
		name, line string
		want       map[string]any
		unmapped   map[string]any
		misses     []string
	}{
		{"all fit", `{"ts":"2025-06-01T10:00:00Z","n":443,"ev":{"b":{"d":"192.0.2.7"},"a":"WEB_1."},"tags":["192.0.2.9","::1"],"group":"0200.5e10.0001"}`,
			map[string]any{"src_endpoint.ip": "192.0.2.7", "src_endpoint.hostname": "WEB_1.", "dst_endpoint.hostname": "web_1.", "dst_endpoint.ip": "192.0.2.7", "src_endpoint.mac": "0200.5e10.0001", "src_endpoint.intermediate_ips": `["192.0.2.9","::1"]`},
			map[string]any{}, nil},
		{"not one fits", `{"ts":"2025-06-01T10:00:00Z","n":443,"ev":{"b":{"d":"192.0.2.7,192.0.2.8"},"a":"two words"},"tags":["a","b"],"group":"-"}`,
			map[string]any{"dst_endpoint.port": 443},
			map[string]any{"ev.b.d": "192.0.2.7,192.0.2.8", "ev.a": "two words", "tags": `["a","b"]`, "group": "-"},
			[]string{"src_endpoint.ip", "src_endpoint.hostname", "dst_endpoint.hostname", "dst_endpoint.ip", "src_endpoint.mac", "src_endpoint.intermediate_ips"}},
		{"one of a list", `{"ts":"2025-06-01T10:00:00Z","ev":{"b":{"d":"::1"}},"n":1,"tags":["192.0.2.9","unknown"]}`,
			map[string]any{"src_endpoint.ip": "::1", "dst_endpoint.ip": "::1", "src_endpoint.intermediate_ips": `["192.0.2.9"]`},
			map[string]any{"tags": `["192.0.2.9","unknown"]`}, []string{"src_endpoint.intermediate_ips"}},
		{"a literal", `{"ts":"2025-06-01T10:00:00Z","ev":{"b":{"d":"::1"}},"n":0,"tags":[]}`,
			map[string]any{"src_endpoint.ip": "::1", "src_endpoint.intermediate_ips": "[]"}, map[string]any{}, []string{"dst_endpoint.ip"}},
	} {
		e := sqltest.Run(t, compiled, nil, c.line)[0]
		if e.Reason != nil {
			t.Errorf("%s: rejected: %v", c.name, *e.Reason)
		}
		for _, path := range []string{"src_endpoint.ip", "src_endpoint.hostname", "dst_endpoint.hostname", "dst_endpoint.ip", "src_endpoint.mac", "src_endpoint.intermediate_ips"} {
			got, has := e.Fields[path]
			if b, ok := got.(interface{ MarshalJSON() ([]byte, error) }); ok {
				text, _ := b.MarshalJSON()
				got = string(text)
			}
			if want, wanted := c.want[path]; has != wanted || wanted && fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %s is %v, want %v", c.name, path, got, want)
			}
		}
		sqltest.Same(t, c.name+": unmapped", e.Unmapped, c.unmapped)
		slices.Sort(e.Misses)
		slices.Sort(c.misses)
		if !slices.Equal(e.Misses, c.misses) {
			t.Errorf("%s: misses %v, want %v", c.name, e.Misses, c.misses)
		}
	}
}

// A constant that is not of its attribute's type is left out with a warning: plans of older versions may have one.
func TestCheckedConstants(t *testing.T) {
	m := sqltest.SmallMapping(t, `name AS app_name, 'no address' AS "src_endpoint.ip", n AS "src_endpoint.port", ['192.0.2.7', 'x'] AS "src_endpoint.intermediate_ips", '192.0.2.9' AS "dst_endpoint.ip"`, "")
	diagnostics := sqltest.Diagnostics(t, m)
	if got := sqltest.Listed(diagnostics); diagnostics.Failed() || strings.Count(got, "is not a value of type ip_t") != 2 {
		t.Errorf("%s", got)
	}
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"ts":"2025-06-01T10:00:00Z","name":"a","n":80}`)[0]
	if _, has := e.Fields["src_endpoint.ip"]; has || fmt.Sprint(e.Fields["dst_endpoint.ip"]) != "192.0.2.9" || len(e.Misses) > 0 {
		t.Errorf("%v, misses %v", e.Fields, e.Misses)
	}
	if got := fmt.Sprint(e.Fields["src_endpoint.intermediate_ips"]); !strings.Contains(got, "192.0.2.7") || strings.Contains(got, "x") {
		t.Errorf("the list is %s", got)
	}
}

// What is left of a redacted value is not checked: an analyst finds the mask of a name where the name would be.
func TestRedactedTextsAreNotChecked(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{"raw.sql": "-- redact: ev.a AS hash\n" + sqltest.SmallRaw,
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, ev.a AS "src_endpoint.hostname", lower(ev.a) AS "dst_endpoint.hostname", ev.b.d AS "device.hostname", 0 AS "device.type_id" FROM raw`})
	m.Files["m.sql"] = "-- profiles: host\n" + m.Files["m.sql"]
	if n := strings.Count(sqltest.Compile(t, m).Projections[0].SQL, "silt_hostname("); n != 1 {
		t.Errorf("%d host names are checked, want 1", n)
	}
}
