package decode

import (
	"bytes"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// constants of a string type that this package declares, in the order of their files and lines.
func constants(t *testing.T, typ string) (values []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range files {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := goparser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := v.Type.(*ast.Ident); !ok || id.Name != typ {
				return true
			}
			for _, x := range v.Values {
				text, err := strconv.Unquote(x.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
			return true
		})
	}
	return values
}

// TestTables: every format and every parser that has a name is in its table, once.
func TestTables(t *testing.T) {
	var formats, parsers []string
	for _, n := range Formats() {
		formats = append(formats, string(n))
	}
	for _, n := range Parsers() {
		parsers = append(parsers, string(n))
	}
	for _, c := range []struct {
		typ   string
		table []string
	}{{"FormatName", formats}, {"ParserName", parsers}} {
		want := constants(t, c.typ)
		slices.Sort(want)
		slices.Sort(c.table)
		if diff := cmp.Diff(want, c.table); diff != "" || len(want) == 0 {
			t.Errorf("the table of %s (-constants +table):\n%s", c.typ, diff)
		}
	}
}

// TestEveryFormat: each format of the table is recognised by a sample of it, and reads that sample's two records. A new format needs a
// sample here.
func TestEveryFormat(t *testing.T) {
	samples := map[FormatName]string{
		FormatJSON:    `{"a":1}` + "\n" + `{"a":2}`,
		FormatCSV:     "a,b\n1,x\n2,y\n",
		FormatLine:    "something happened here today\nand then more happened\n",
		FormatKV:      "a=1 b=2 c=3\na=2 b=2 c=3\n",
		FormatCEF:     "CEF:0|a|b|c|d|e|3|src=1\nCEF:0|a|b|c|d|e|3|src=2\n",
		FormatLEEF:    "LEEF:1.0|a|b|c|d|src=1\nLEEF:1.0|a|b|c|d|src=2\n",
		FormatParquet: string(rowsFile(t, "a", "b")),

		FormatAvro:       avroFile(t, "two"),
		FormatZeek:       "#separator \\x09\n#path\tconn\n#fields\tts\tuid\n#types\ttime\tstring\n1.5\tCa\n2.5\tCb\n#close\t2025\n",
		FormatWindowsXML: windowsXML + "<Event>\n</Event>",
	}
	for _, f := range formats() {
		sample, ok := samples[f.name]
		if !ok {
			t.Errorf("%s: no sample", f.name)
			continue
		}
		d, err := Detect(strings.NewReader(sample))
		if err != nil || d.Format.Name != f.name {
			t.Errorf("%s: detected as %q (%v)", f.name, d.Format.Name, err)
			continue
		}
		r := NewRecords(&Spec{Format: d.Format}, NewKeys(), Options{TempDir: t.TempDir()})
		r.Open(bytes.NewReader([]byte(sample)))
		var raws, contexts [][]byte
		for {
			_, raw, rej, err := r.Next()
			if err != nil {
				break
			}
			if rej != nil {
				t.Errorf("%s: %v", f.name, rej)
			}
			raws, contexts = append(raws, bytes.Clone(raw)), append(contexts, bytes.Clone(r.Context()))
		}
		if len(raws) != 2 {
			t.Errorf("%s: %d records, want 2", f.name, len(raws))
		}
		for i, raw := range raws {
			r.OpenFramed(&keptList{{int64(i + 1), string(raw), string(contexts[i])}})
			if _, _, rej, err := r.Next(); err != nil || rej != nil {
				t.Errorf("%s: record %d from quarantine: %v %v", f.name, i+1, rej, err)
			}
		}
	}
}

// TestUnknownFormat: a format or a parser that is in no table is an error, and never read as another one.
func TestUnknownFormat(t *testing.T) {
	for _, spec := range []*Spec{
		{Format: Format{Name: "orc"}},
		{Parsers: []Parser{{Path: []string{"a"}, Name: "yaml"}}},
	} {
		r := NewRecords(spec, NewKeys(), Options{})
		r.Open(strings.NewReader(`{"a":"x"}`))
		if _, _, _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "table of") {
			t.Errorf("%+v: %v", spec, err)
		}
	}
}
