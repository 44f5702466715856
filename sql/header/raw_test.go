package header

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/rawtable"
)

// readRaw reads the comment lines above the CREATE TABLE of a raw.sql with these columns, written as name:TYPE.
func readRaw(t *testing.T, lines string, columns ...string) (*Raw, diag.List) {
	t.Helper()
	var declared []ducktype.Column
	text := lines + "\nCREATE TABLE raw (\n"
	for _, c := range columns {
		name, typ, _ := strings.Cut(c, ":")
		declared = append(declared, ducktype.Column{Name: name, Type: typ})
		text += "  " + name + " " + typ + ",\n"
	}
	root, err := rawtable.Build(declared)
	if err != nil {
		t.Fatal(err)
	}
	var found diag.List
	return ReadRaw(diag.File{Path: "raw.sql", Text: text + ");\n"}, root, &found), found
}

// TestMemberLine: -- member: has the syntax of key patterns.
func TestMemberLine(t *testing.T) {
	got, found := readRaw(t, "-- member: logs/{host}/{yyyy}.log", "a:VARCHAR")
	if len(found) > 0 || got.Format.Member == nil {
		t.Fatalf("%v", found)
	}
	if d := cmp.Diff([]string{"fw1", "2024"}, got.Format.Member.Match("logs/fw1/2024.log")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for lines, want := range map[string]string{"-- member: {Host}.log": "{Host} is not a capture", "-- member: {a}/{a}": "{a} is used twice", "-- format: parquet\n-- member: {a}": "-- member: belongs to the format"} {
		if _, found := readRaw(t, lines, "a:VARCHAR"); len(found) != 1 || !strings.Contains(found[0].Message, want) {
			t.Errorf("%s: %v", lines, found)
		}
	}
}

// TestEventsLine: -- events: names a field that raw.sql declares as one event.
func TestEventsLine(t *testing.T) {
	got, found := readRaw(t, "-- records: Records\n-- events: detail.Items", "detail:STRUCT(items STRUCT(a VARCHAR))")
	if len(found) > 0 {
		t.Fatalf("%v", found)
	}
	if d := cmp.Diff([]string{"detail", "items"}, got.Format.Events); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for lines, want := range map[string]string{
		"-- events: detail.item":                "did you mean detail.items?",
		"-- events: b":                          "declare it with the type of one event",
		"-- events: list":                       "declare it without []",
		"-- format: parquet\n-- events: detail": "belongs to the format json",
		"-- records: a\n-- records: a.b":        "write `-- events:`",
		"-- records: a.b\n-- records: a":        "write `-- events:`",
		"-- records: a\n-- records: a":          "write `-- events:`",
		"-- events: detail\n-- events: detail":  "appears twice",
	} {
		if _, found := readRaw(t, lines, "detail:STRUCT(items STRUCT(a VARCHAR))", "list:STRUCT(a VARCHAR)[]"); len(found) != 1 || !strings.Contains(found[0].Message+found[0].Hint, want) {
			t.Errorf("%s: %v", lines, found)
		}
	}
}

// What the lines of each format come to.
func TestFormatLines(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		columns     []string
		want        decode.Format
	}{
		{"none", "", []string{"a:VARCHAR"}, decode.Format{Name: decode.FormatJSON}},
		{"an array of records", `-- records: Records."a b"`, []string{"a:VARCHAR"}, decode.Format{Name: decode.FormatJSON, Records: []string{"Records", "a b"}}},
		{"arrays that not all documents have", "-- records: Records optional\n-- records: detail.findings", []string{"a:VARCHAR"},
			decode.Format{Name: decode.FormatJSON, Records: []string{"Records"}, OtherRecords: [][]string{{"detail", "findings"}}, RecordsOptional: true}},
		{"csv", "-- format: csv", []string{"a:VARCHAR", "b:INTEGER"}, decode.Format{Name: decode.FormatCSV, Columns: []string{"a", "b"}, Delimiter: ',', Quote: '"'}},
		{"csv with all", "-- format: csv\n-- delimiter: tab\n-- quote: single\n-- escape: backslash\n-- header: no\n-- syslog: yes\n-- comment: #\n-- null: -, none", []string{"a:VARCHAR"},
			decode.Format{Name: decode.FormatCSV, Columns: []string{"a"}, Delimiter: '\t', Quote: '\'', Escape: '\\', Header: decode.HeaderNo, Syslog: true, Comment: "#", Null: []string{"-", "none"}}},
		{"csv with an order", "-- format: csv\n-- header: yes\n-- columns: b, future, a", []string{"a:VARCHAR", "b:INTEGER"},
			decode.Format{Name: decode.FormatCSV, Columns: []string{"b", "future", "a"}, Delimiter: ',', Quote: '"', Header: decode.HeaderYes}},
		{"csv with layouts", "-- format: csv\n-- columns: kind=T: kind, a\n-- columns: kind=U: kind, b", []string{"kind:VARCHAR", "a:VARCHAR", "b:VARCHAR"},
			decode.Format{Name: decode.FormatCSV, Columns: []string{"kind", "a", "b"}, Delimiter: ',', Quote: '"',
				Layouts: []decode.Layout{{At: 0, Value: "T", Columns: []string{"kind", "a"}}, {At: 0, Value: "U", Columns: []string{"kind", "b"}}}}},
		{"kv", "-- format: kv\n-- delimiter: ;", []string{"a:VARCHAR"}, decode.Format{Name: decode.FormatKV, Columns: []string{"a"}, Delimiter: ';'}},
		{"lines", "-- format: lines", []string{"line:VARCHAR"}, decode.Format{Name: decode.FormatLine, Columns: []string{"line"}}},
	} {
		got, found := readRaw(t, c.lines, c.columns...)
		if len(found) > 0 {
			t.Errorf("%s: %v", c.name, found)
		}
		if d := cmp.Diff(c.want, got.Format); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	got, found := readRaw(t, `-- format: lines
-- pattern: %{IP:src} (?P<word>\S+)`, "src:VARCHAR", "word:VARCHAR")
	if len(found) > 0 || got.Format.Pattern == nil || got.Format.Pattern.FindStringSubmatch("10.0.0.1 x") == nil {
		t.Errorf("pattern: %v %v", got.Format.Pattern, found)
	}
	got, found = readRaw(t, "-- format: lines\n-- pattern: %{IP:src} (?P<word>\\d+)\n-- pattern: (?P<word>\\S+)\n-- pattern: %{WORD:src}", "src:VARCHAR", "word:VARCHAR", "pattern:INTEGER")
	if len(found) > 0 || len(got.Format.OtherPatterns) != 2 || !got.Format.OtherPatterns[0].MatchString("x") {
		t.Errorf("patterns: %v %v", got.Format.OtherPatterns, found)
	}
	if got, found = readRaw(t, "-- format: cef\n-- framing: octets", "a:VARCHAR"); len(found) > 0 || !got.Format.Counted {
		t.Errorf("framing: %v", found)
	}
	for _, lines := range []string{"-- format: csv\n-- framing: octets", "-- format: kv\n-- framing: bytes"} {
		if _, found = readRaw(t, lines, "a:VARCHAR"); len(found) != 1 {
			t.Errorf("%s: %v", lines, found)
		}
	}
	got, found = readRaw(t, "-- format: lines\n-- begins: %{INT}:\n-- pattern: (?P<word>.*)", "word:VARCHAR")
	if len(found) > 0 || !got.Format.Begins.MatchString("12:x") || got.Format.Begins.MatchString("x 12:") || !got.Format.Pattern.MatchString("a\nb") {
		t.Errorf("begins: %v %v", got.Format.Begins, found)
	}
	if _, found = readRaw(t, "-- format: lines\n-- pattern: %{IP:src}\n-- pattern: (?P<wrod>\\S+)", "src:VARCHAR", "word:VARCHAR"); len(found) != 1 || found[0].Line != 3 {
		t.Errorf("a mistake in the second pattern: %v", found)
	}
}

// Lines about one field: a parser, the format of a time, another path.
func TestFieldLines(t *testing.T) {
	got, found := readRaw(t, "-- parse: text windows_event\n-- timestamp: \"a b\".at %Y/%m/%d 'Europe/Berlin'\n-- timestamp: ms epoch_ms\n-- also: id ID.other\n-- null: \"\", -, a=b\n-- null: id = none, \"\"\n-- null: \"a b\".at = x\n-- null: id = n=a",
		"text:STRUCT(Image VARCHAR)", `a b:STRUCT("at" TIMESTAMP)`, "ms:TIMESTAMP", "id:VARCHAR")
	if len(found) > 0 {
		t.Fatal(found)
	}
	if d := cmp.Diff([]decode.Parser{{Path: []string{"text"}, Name: decode.ParseWindows}}, got.Parsers); d != "" {
		t.Errorf("parsers (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{`""`, "", "-", "a=b"}, got.Format.Null); d != "" {
		t.Errorf("null (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]decode.Null{{Path: []string{"id"}, Texts: []string{"none", `""`, "", "n=a"}}, {Path: []string{"a b", "at"}, Texts: []string{"x"}}}, got.Nulls); d != "" {
		t.Errorf("null of a field (-want +got):\n%s", d)
	}
	if len(got.Times) != 2 {
		t.Errorf("%d times", len(got.Times))
	}
	if id, _ := got.find("id"); !cmp.Equal(id.Also, [][]string{{"ID", "other"}}) {
		t.Errorf("also: %q", id.Also)
	}
}

// Each mistake is reported with its place and with what to do.
func TestLinesThatCannotBeRead(t *testing.T) {
	columns := []string{"a:VARCHAR", "b:INTEGER", "s:STRUCT(x VARCHAR)", "at:TIMESTAMP"}
	for _, c := range []struct{ lines, want string }{
		{"-- format: tsv", "raw.sql:1:12: error: unknown format \"tsv\" (write `-- format: csv` with `-- delimiter: tab`)"},
		{"-- format: cvs", `raw.sql:1:12: error: unknown format "cvs" (did you mean csv?)`},
		{"-- delimeter: ;", `raw.sql:1:1: warning: unknown header key "delimeter"; did you mean "delimiter"?`},
		{"-- delimiter: ;", "raw.sql:1:15: error: -- delimiter: belongs to the format csv or kv, but the format is json"},
		{"-- format:", "raw.sql:1:1: error: -- format: has no value"},
		{"-- format: csv\n-- format: kv", "raw.sql:2:12: error: -- format: appears twice (remove one)"},
		{"-- format: csv\n-- delimiter: ,,", `raw.sql:2:15: error: ",," is not a single character`},
		{"-- format: csv\n-- quote: ,", "the quote and the delimiter are the same character"},
		{"-- format: csv\n-- header: perhaps", `-- header: "perhaps" is not auto, yes or no`},
		{"-- format: csv\n-- syslog: perhaps", `-- syslog: "perhaps" is not yes or no`},
		{"-- format: csv\n-- extra: perhaps\n-- columns: a, b, at", `-- extra: "perhaps" is not keep or quarantine`},
		{"-- format: csv\n-- expect: a\n-- columns: a=T: a, b, at", `-- expect: "a" does not name a column and a pattern (RE2) of its values`},
		{"-- format: csv\n-- expect: c x\n-- columns: a=T: a, b, at", "-- expect: no list of columns for one type has c"},
		{"-- format: csv\n-- braces: b\n-- columns: a, b, at", "-- braces: no list of columns for one type has b"},
		{"-- format: csv\n-- columns: a, a", "a appears twice in one list of columns"},
		{"-- format: csv\n-- columns: kind=T: a, b", "the columns for kind=T do not include kind"},
		{"-- format: csv\n-- columns: a, b", "no `-- columns:` line names at"},
		{"-- format: csv", "fields of csv are texts, but s is a STRUCT"},
		{"-- format: lines", "without a pattern a line is one column, but raw.sql has 4"},
		{"-- format: lines\n-- pattern: (", "the pattern does not compile: missing closing )"},
		{"-- format: lines\n-- pattern: x", "the pattern has no named group"},
		{"-- format: lines\n-- pattern: (?P<c>x)", "the pattern captures c, which raw.sql does not declare"},
		{"-- format: lines\n-- pattern: %{IPP:a}", "unknown pattern %{IPP} (did you mean %{IP}?)"},
		{"-- records: a b", `-- records: must name one path, not "a b"`},
		{"-- parse: s", "a parse line must name a field and a parser"},
		{"-- parse: s jsn", `unknown parser "jsn" (did you mean json?)`},
		{"-- parse: q json", "raw has no field q"},
		{"-- parse: a kv", "a is VARCHAR, but kv reads several fields"},
		{"-- timestamp: at", "a timestamp line must name a field and a format"},
		{"-- timestamp: q clf", "raw has no field q"},
		{"-- timestamp: a clf", "a is VARCHAR, not a TIMESTAMP"},
		{"-- timestamp: at epoch_sec", `unknown time format "epoch_sec" (did you mean epoch_s?)`},
		{"-- timestamp: at %Y 'Mars/Olympus'", "the time format of at: "},
		{"-- null: q = x", "raw.sql:1:10: error: raw has no field q"},
		{"-- null: s = x", "s has fields of its own"},
		{"-- also: a", "an also line must name a field and a second path for its value"},
		{"-- also: q x", "raw has no field q"},
		{"-- also: a *", "a has no fields"},
		{"-- also: s other\n-- also: b other.x", "other.x is already another path of s.x"},
		{"-- parse: s windows_values", "windows_values needs the field with the number of the event, an INTEGER"},
		{"-- parse: s windows_values q", "windows_values needs the field with the number of the event, an INTEGER"},
		{"-- parse: s kv unless", "a parse line must name a field and a parser"},
		{"-- format: json, csv", `unknown formats "json, csv"`},
		{"-- format: json, windows_xml\n-- records: Records", "-- records: and -- events: cannot be read with `json, windows_xml`"},
		{"-- also: a b", "raw.sql already declares b as a field"},
	} {
		_, found := readRaw(t, c.lines, columns...)
		if !strings.Contains(found.Error(), c.want) {
			t.Errorf("%q:\nwant %s\ngot  %s", c.lines, c.want, found.Error())
		}
	}
}
