package mappingtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// TestKept changes values of the records in the tests of every shipped mapping, and looks for what the rows lose. In every record that is
// published, a raw value is in unmapped, or a column has it, or the mapping says how to rebuild it; and two records that differ in a value
// never become the same row, so what is rebuilt is what was there. A value that became 99 Other is therefore in the row too.
//
// With SILT_SOAK=1 it tries many more values, and others each time.
func TestKept(t *testing.T) {
	soak := os.Getenv("SILT_SOAK") != ""
	folders, err := filepath.Glob("../../sql/*/raw.sql")
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("../../mappings/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		all = append(all, filepath.Dir(f))
	}
	seed := uint64(1)
	if soak {
		seed = uint64(time.Now().UnixNano())
	}
	if s := os.Getenv("SILT_SEED"); s != "" {
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range all {
		t.Run(filepath.Base(at), func(t *testing.T) {
			m, err := mappings.Load(at)
			if err != nil {
				t.Fatal(err)
			}
			compiled, diagnostics, err := m.Compile(context.Background())
			if err != nil || compiled == nil {
				t.Fatal(err, diagnostics)
			}
			files, err := Load(m)
			if err != nil {
				t.Fatal(err)
			}
			k := &keptTest{T: t, compiled: compiled, loose: strings.HasSuffix(at, ".json"), r: rand.New(rand.NewPCG(seed, 1))}
			perRecord := 16
			if m.Name == "guardduty" { // its long lists are read a few records at a time
				perRecord, k.batch = 1, 32
			}
			if soak {
				perRecord *= 20
			}
			for _, f := range files {
				for _, c := range f.Cases {
					rs, problem := c.records(context.Background(), compiled)
					if problem != nil {
						t.Fatal(problem)
					}
					for i, r := range rs {
						if k.batch == 0 || soak || (c.Line+i)%2 == 0 {
							k.add(r, perRecord)
						}
					}
				}
			}
			k.run()
			t.Logf("%d records, %d of them published (SILT_SEED=%d)", len(k.records), k.published, seed)
			if k.published < len(k.records)/3 {
				t.Errorf("only %d of %d records are published", k.published, len(k.records))
			}
		})
	}
}

type keptTest struct {
	*testing.T
	compiled  *sqlgen.Compiled
	loose     bool // see rawReader
	batch     int  // records in a batch; 0: the default
	r         *rand.Rand
	records   []sample.Record
	groups    []int // by record: the records of a group differ in one value
	published int
	failures  map[string]bool
}

// add makes records of one, each with another value in one place.
func (k *keptTest) add(base sample.Record, n int) {
	spots := spotsOf(&k.compiled.Scan.Format, base.Raw)
	if len(spots) == 0 {
		return
	}
	each := max(min(2, n), n/len(spots))
	for _, at := range k.r.Perm(len(spots)) {
		group := len(k.records)
		put := func(raw []byte) {
			r := base
			r.Raw, r.Number = raw, int64(len(k.records)+1)
			k.records, k.groups = append(k.records, r), append(k.groups, group)
		}
		put(base.Raw)
		for range each {
			put(spots[at].replaced(base.Raw, k.r))
		}
		if len(k.records) > group+n {
			return
		}
	}
}

// run runs all records and checks their rows.
func (k *keptTest) run() {
	day := func(year int32) int32 { return (year - 1970) * 366 }
	o := sample.Options{Compiled: k.compiled, Region: "us-east-1", Account: "external", TempDir: k.TempDir(), BatchRecords: k.batch, MinDay: day(1900), MaxDay: day(2200)}
	type row struct {
		leaves []rawLeaf
		raw    []byte
	}
	rows := map[string]row{} // by group and row
	i, reader := 0, newRawReader(k.T, k.compiled.Scan, k.records, k.loose)
	err := sample.Run(context.Background(), o, func(yield func(sample.Record, error) bool) {
		for _, r := range k.records {
			if !yield(r, nil) {
				return
			}
		}
	}, func(rec sample.Record, out *sample.Outcome) error {
		group := k.groups[i]
		i++
		leaves := reader.next()
		if out.Reason == attempt.ReasonExpression {
			k.fail("an expression fails", out.Path+"="+out.Message, "", string(rec.Raw), out)
		}
		if out.OCSF == nil {
			return nil // the record is in quarantine, or is counted as filtered
		}
		k.published++
		there := k.shown(rec, out, leaves)
		key := fmt.Sprint(group, "\x00", out.Class, string(out.OCSF), string(out.Unmapped))
		this := row{leaves, rec.Raw}
		old, ok := rows[key]
		if !ok {
			rows[key] = this
			return nil
		}
		if where := k.differing(old.leaves, leaves, there); where != "" {
			k.fail("two records become the same row", where, string(old.raw), string(rec.Raw), out)
		}
		return nil
	})
	if err != nil {
		k.Fatal(err)
	}
}

// fail reports one failure of each kind.
func (k *keptTest) fail(what, where, a, b string, out *sample.Outcome) {
	if k.failures == nil {
		k.failures = map[string]bool{}
	}
	kind, _, _ := strings.Cut(where, "=")
	if kind = what + out.Class + kind; k.failures[kind] {
		return
	}
	k.failures[kind] = true
	k.Errorf("%s: %s\n%s\n%s\n=> %s %s\nunmapped %s", what, where, a, b, out.Class, out.OCSF, out.Unmapped)
}

// shown looks for the values of a record in its row. A value that is not there must be of a field that the mapping says how to rebuild.
func (k *keptTest) shown(rec sample.Record, out *sample.Outcome, leaves []rawLeaf) map[string]bool {
	there := map[string]bool{}
	scalars(out.OCSF, there)
	var unmapped map[string]string
	if len(out.Unmapped) > 0 {
		if err := json.Unmarshal(out.Unmapped, &unmapped); err != nil {
			k.Fatal(err)
		}
	}
	for _, v := range unmapped { // it may be a time, or several values of one key
		text, err := json.Marshal(v)
		if err != nil {
			k.Fatal(err)
		}
		scalars(text, there)
	}
	for _, l := range leaves {
		if l.in(there) || k.rebuilt(l.path) {
			continue
		}
		k.fail("a value is lost", l.path+"="+l.text, "", string(rec.Raw), out)
	}
	return there
}

// partsOf gives the element of a list, with its own elements or members.
func partsOf(v json.RawMessage, meaning func(string) string) []rawLeaf {
	var list []json.RawMessage
	var object map[string]json.RawMessage
	var text string
	l := rawLeaf{}
	switch {
	case string(v) == "null":
		return nil
	case json.Unmarshal(v, &text) == nil:
	case json.Unmarshal(v, &list) == nil:
		text, l.list = string(v), true
		for _, e := range list {
			l.parts = append(l.parts, partsOf(e, meaning)...)
		}
	case json.Unmarshal(v, &object) == nil:
		text, l.list = string(v), true
		for _, e := range object {
			l.parts = append(l.parts, partsOf(e, meaning)...)
		}
	default:
		text = string(v)
	}
	l.text, l.meaning = text, meaning(text)
	return []rawLeaf{l}
}

// in says whether a row has the value.
func (l rawLeaf) in(row map[string]bool) bool {
	return row[l.text] || l.whole != "" && row[l.whole] || row[strings.TrimPrefix(strings.TrimPrefix(l.meaning, "ms"), "n")] ||
		l.list && !slices.ContainsFunc(l.parts, func(p rawLeaf) bool { return !p.in(row) && !row[oneNotation(p.text)] })
}

// rebuilt says whether the mapping names an expression that rebuilds the field.
func (k *keptTest) rebuilt(path string) bool {
	for _, l := range k.compiled.Scan.Leaves { // a flow has the first path of a field that can be at several
		if slices.ContainsFunc(l.Also, func(p []string) bool { return strings.Join(p, ".") == path }) {
			path = strings.Join(l.Path, ".")
		}
	}
	for _, f := range k.compiled.Flows {
		if f.Raw != path {
			continue
		}
		for _, to := range f.Flows {
			if to.Consumed {
				return true
			}
		}
	}
	return false
}

// differing gives a value in which two records differ whose row is the same, or "". A value that only one of them has does not count if the
// row has it, or if its field can be rebuilt: what it is rebuilt from can come from other fields.
func (k *keptTest) differing(a, b []rawLeaf, row map[string]bool) string {
	only := func(a, b []rawLeaf) string {
		for _, l := range a {
			if slices.ContainsFunc(b, func(m rawLeaf) bool { return l.path == m.path && l.meaning == m.meaning }) {
				continue
			}
			if slices.ContainsFunc(b, func(m rawLeaf) bool { return l.path == m.path }) || !l.in(row) && !k.rebuilt(l.path) {
				return l.path + "=" + l.text
			}
		}
		return ""
	}
	if d := only(a, b); d != "" {
		return d
	}
	return only(b, a)
}

// spot is a place in a record where another value can stand.
type spot struct {
	from, to int
	value    string
	numbers  bool                      // the value is a number in a list
	write    func(value string) string // nil: a value of JSON
	twice    string                    // what to write in front of a second value with the same key; "": there is none
}

// replaced is the record with another value.
func (s spot) replaced(raw []byte, r *rand.Rand) []byte {
	v := s.other(r)
	if s.twice != "" && r.IntN(8) == 0 {
		v = string(raw[s.from:s.to]) + s.twice + v
	}
	return slices.Concat(raw[:s.from], []byte(v), raw[s.to:])
}

func (s spot) other(r *rand.Rand) string {
	if s.write == nil && r.IntN(4) == 0 {
		others := []string{"1", "-1", "0", "1.5", "1.0", "1e3", "70000", "255", "2147483648", "99999999999999999999", "true", "false", "null", "{}", `{"a":"b"}`, "[]",
			`["x"]`, `[1,null,"y"]`, `[{"a":null,"name":"n"}]`}
		if s.numbers { // true would be 1
			others = others[:10]
		}
		return others[r.IntN(len(others))]
	}
	v := otherText(s.value, r)
	if s.write != nil {
		return s.write(v)
	}
	b := &bytes.Buffer{}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// otherText is a text that is like a value and differs from it, or that somebody could send instead.
func otherText(v string, r *rand.Rand) string {
	flip := func(c rune) rune {
		if unicode.IsUpper(c) {
			return unicode.ToLower(c)
		}
		return unicode.ToUpper(c)
	}
	half := len(v) / 2
	for half > 0 && v[half]&0xc0 == 0x80 {
		half--
	}
	like := []string{strings.ToUpper(v), strings.ToLower(v), strings.Map(flip, v), v + " ", " " + v, v + v, v[:half], v[half:], `"` + v + `"`, "'" + v + "'", v + ",x", "0" + v, v + ".0", v + "\u00a0",
		strings.ReplaceAll(v, " ", "  "), strings.ReplaceAll(v, ":", "."), strings.ReplaceAll(v, "=", ":"), strings.ReplaceAll(v, `\`, "/"), strings.ReplaceAll(v, "-", "_"), v + " x", "x" + v, v + `\`, `\` + v,
		v[:half] + " " + v[half:], v[:half] + `"` + v[half:], v[:half] + `\` + v[half:], v[:half] + "@" + v[half:], v[:half] + "\u00fc" + v[half:], v[:half] + "=" + v[half:], v[:half] + ";" + v[half:],
		"+" + v, v + "Z", v + "%20", v + "?a=b", v + "#", v + ":80", "[" + v + "]", v + "/", v + "()", v + "(1)"}
	any := []string{"x", "unheard of", "A", "-", "--", "N/A", "n/a", "null", "(null)", "unknown", "Unknown", "undefined", "none", "nil", "0.0.0.0", "::", "0:0:0:0:0:0:0:0", "00:00:00:00:00:00", "0", "1", "-1", "01", "1.0", "1.5", "1e3", "443", "70000",
		"2147483648", "99999999999999999999", "true", "TRUE", "false", "AppContainer", "Other", "99", "Protected", "Medium", "high", "High", "tcp", "TCP", "Tcp", "udp", "6", "06", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00",
		"2024-01-01T00:00:00.123456Z", "2024-01-01T01:00:00+01:00", "2024-02-30T00:00:00Z", "1704067200", "1704067200000", "1704067200000000000", `DOM\user`, `a\b\c`, `\user`, `DOM\`, "user@dom.example", "a@b@c", "@", `\`,
		"10.0.0.1", "10.0.0.1:80", "[::1]:443", "[::1]", "::ffff:10.0.0.1", "2001:DB8::1", "2001:db8::1", "fe80::1%eth0", "host.example", "host.example:80", "10.0.0.1,10.0.0.2", "224.0.0.1",
		"MD5=AA", "md5=aa", "MD5=AA,SHA256=BB", "MD5=AA, SHA256=BB", "MD5=AA,MD5=BB", "SHA-256=aa", "MD5=", "=AA", "AA", "MD5=A=B", "MD5=AA,", "/a", "/a?b", "/a?", "?", "/a?b?c=d", "http://a.example/b?c=d#e", "HTTP://A.example", "/a?u=http://b.example/c",
		"GET / HTTP/1.1", "get / HTTP/1.1", "GET /a b HTTP/1.1", "GET  / HTTP/1.1", "GET /", "GET", "- - -", "GET / HTTP/1.1 ", "GET / http/1.1", "GET / HTTP/1.1 x HTTP/1.1", "type:  5 a.example;::ffff:10.0.0.1;", "type: 5 a.example;", "type:  5 a.example",
		"10.0.0.1;", "::ffff:10.0.0.1;;", "type:  1 10.0.0.1;", "type:  257 x;", "technique_id=T1,technique_name=x", "tab\there", "line\nbreak", "line\r\nUser: eve", "\x01\x1f", "\x7f", "漢字", "😀", "ﬁ", "ß", "İ", "é", "e\u0301", strings.Repeat("long ", 160),
		"{\"a\":1}", "[1,2]", "a=b", "a|b", `a\|b`, `a\=b`, "'", `"`, `""`, `\"`, "$1", "%", "%25", "%s", "<38>", "#", "//", "02", "2", "0x2", "ff", "FF", "zz", "1f", "us-east-1a", "us-east-1", "CreateKey", "SetValue", "setvalue", "9001", "9003", "allow", "deny", "Allow", "drop", "reset-both"}
	if v != "" && r.IntN(2) == 0 {
		return like[r.IntN(len(like))]
	}
	return any[r.IntN(len(any))]
}

// spotsOf finds the values of a record.
func spotsOf(f *decode.Format, raw []byte) []spot {
	switch f.Name {
	case decode.FormatCSV:
		return csvSpots(f, raw)
	case decode.FormatZeek:
		if raw[0] != '{' {
			return tabSpots(raw)
		}
	case decode.FormatKV:
		return pairSpots(raw, 0, func(v string) string {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ").Replace(v) + `"`
		})
	case decode.FormatCEF:
		return pairSpots(raw, bytes.LastIndexByte(raw, '|')+1, func(v string) string {
			return strings.NewReplacer(`\`, `\\`, "=", `\=`, "\n", `\n`, "\r", `\r`).Replace(v)
		})
	}
	return jsonSpots(raw)
}

func jsonSpots(raw []byte) []spot {
	var out []spot
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	type level struct {
		list bool
		key  string // "": a key is next
	}
	var stack []level
	before := 0
	for {
		tok, err := d.Token()
		if err != nil {
			return out
		}
		from, to := before, int(d.InputOffset())
		before = to
		for strings.IndexByte(" \t\r\n:,", raw[from]) >= 0 {
			from++
		}
		top := len(stack) - 1
		isKey := top >= 0 && !stack[top].list && stack[top].key == ""
		switch v := tok.(type) {
		case json.Delim:
			switch v {
			case '{', '[':
				stack = append(stack, level{list: v == '['})
				continue
			}
			stack = stack[:top]
			top--
		default:
			if isKey {
				stack[top].key = string(raw[from:to])
				continue
			}
			s := spot{from: from, to: to, value: fmt.Sprint(v)}
			if top >= 0 && stack[top].list {
				_, s.numbers = v.(json.Number)
			}
			if top >= 0 && !stack[top].list {
				s.twice = "," + stack[top].key + ":"
			}
			out = append(out, s)
			if text, ok := v.(string); ok && strings.Contains(text, "\n") { // the text of an event: its lines
				out = append(out, lineSpots(from, to, text)...)
			}
		}
		if top >= 0 {
			stack[top].key = ""
		}
	}
}

// lineSpots are the values of the lines "Key: value" of a text.
func lineSpots(from, to int, text string) []spot {
	var out []spot
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		key, value, ok := strings.Cut(l, ": ")
		if !ok {
			continue
		}
		value = strings.TrimRight(value, "\r")
		out = append(out, spot{from: from, to: to, value: value, write: func(v string) string {
			changed := slices.Clone(lines)
			changed[i] = key + ": " + v
			b, err := json.Marshal(strings.Join(changed, "\n"))
			if err != nil {
				panic(err)
			}
			return string(b)
		}})
	}
	return out
}

// csvSpots are the fields of a line.
func csvSpots(f *decode.Format, raw []byte) []spot {
	c := fields.CSV{Delimiter: f.Delimiter, Quote: f.Quote, Escape: f.Escape, Syslog: f.Syslog, Runs: f.Delimiter == ' '}
	if c.Delimiter == 0 {
		c.Delimiter = ','
	}
	if c.Split(raw) != fields.Whole {
		return nil
	}
	var out []spot
	at := c.Start()
	for i := range c.Len() {
		value := string(c.Field(raw, i))
		n := bytes.Index(raw[at:], []byte(value))
		if n < 0 {
			return out
		}
		from := at + n
		to := from + len(value)
		if from > 0 && raw[from-1] == '"' && to < len(raw) && raw[to] == '"' {
			from, to = from-1, to+1
		}
		at = to
		out = append(out, spot{from: from, to: to, value: value, write: func(v string) string {
			if f.Escape != 0 {
				v = strings.ReplaceAll(v, string(f.Escape), string(f.Escape)+string(f.Escape))
			}
			return `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
		}})
	}
	return out
}

// tabSpots are the values between tabs.
func tabSpots(raw []byte) (out []spot) {
	at := 0
	for _, value := range strings.Split(string(raw), "\t") {
		out = append(out, spot{from: at, to: at + len(value), value: value, write: strings.NewReplacer("\t", `\x09`, "\n", `\x0a`, "\r", `\x0d`).Replace})
		at += len(value) + 1
	}
	return out
}

// pairSpots are the values of key=value pairs.
func pairSpots(raw []byte, from int, write func(string) string) []spot {
	var out []spot
	all := regexp.MustCompile(`(?:^|[\s>])([A-Za-z0-9_]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)`).FindAllSubmatchIndex(raw[from:], -1)
	for _, m := range all {
		out = append(out, spot{from: from + m[4], to: from + m[5], value: strings.Trim(string(raw[from+m[4]:from+m[5]]), `"`), write: write, twice: " " + string(raw[from+m[2]:from+m[3]]) + "="})
	}
	return out
}
