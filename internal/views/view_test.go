package views_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/views"
	"github.com/silt-etl/silt/sql/sqltest"
)

// Every attribute that a view reads is one of its class in some version of OCSF, with the type that the view declares.
func TestAttributesAreOCSF(t *testing.T) {
	all, err := views.All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 9 {
		t.Errorf("%d views", len(all))
	}
	for _, v := range all {
		for _, in := range v.Inputs {
			for _, a := range in.Attributes {
				if got := ocsfType(t, in.Class, a); got != a.As.Type.String() {
					t.Errorf("%s: %s.%s is %s in OCSF, and the view declares %s", v.Name, in.Class, a.Path, got, a.As.Type)
				}
			}
		}
	}
}

// ocsfType is the type of an attribute in Trino's words, "" if no version has it.
func ocsfType(t *testing.T, class string, a views.Attribute) string {
	t.Helper()
	for _, version := range ocsf.Versions() {
		schema, err := ocsf.Load(version)
		if err != nil {
			t.Fatal(err)
		}
		c := schema.Class(class)
		if c == nil {
			continue
		}
		before, after, isList := strings.Cut(a.Path, "[].")
		resolved, err := schema.ResolveAny(c, before)
		if err != nil {
			continue
		}
		leaf := resolved.Leaf
		if slices.ContainsFunc(resolved.Path, func(x *ocsf.Attribute) bool { return x.IsArray }) != isList {
			return "a list where the path has no [], or the reverse"
		}
		for _, name := range strings.FieldsFunc(after, func(r rune) bool { return r == '.' }) {
			if leaf = schema.Object(leaf.Object).Attribute(name); leaf == nil {
				break
			}
		}
		if leaf == nil {
			continue
		}
		typ := map[ocsf.Base]string{ocsf.String: "varchar", ocsf.Integer: "integer", ocsf.Long: "bigint", ocsf.Timestamp: "timestamp(3)"}[leaf.Base]
		if isList && a.As.Type.Elem != nil {
			typ = "array(" + typ + ")"
		}
		return typ
	}
	return ""
}

func TestParseRefuses(t *testing.T) {
	const good = "-- answers: A?\n-- cost: B.\n-- from: network_activity: time AS t timestamp(3)\n-- columns: region varchar\n-- pruned by: region\nSELECT region FROM network_activity\n"
	if _, err := views.Parse("v", good); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"-- cost: B.\n", "", "one of the headers answers, cost, from and columns is missing"},
		{"-- cost:", "-- price:", `view v, line 2: the header "price" is unknown`},
		{"t timestamp(3)", "t timestamp(6)", `view v, line 3: "timestamp(6)" is not a type that a view can use`},
		{"time AS t timestamp(3)", "a[].b AS t bigint", "a[].b has the type bigint; a path with one [] has the type array(...) or varchar"},
		{"time AS t timestamp(3)", "a.b AS t array(varchar)", "a.b has the type array(varchar)"},
		{"by: region", "by: eventday", `pruned by: "eventday" is not a partition key that the view has as a column`},
		{"SELECT region", "DELETE", "does not begin with SELECT or WITH"},
	} {
		text := strings.Replace(good, c[0], c[1], 1)
		if _, err := views.Parse("v", text); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%q: error is %v, want %q", text, err, c[2])
		}
	}
}

// A column that a view cannot read as the type that it declares is an error, not a NULL.
func TestColumnOfAnotherType(t *testing.T) {
	v, err := views.Find("top_talkers")
	if err != nil {
		t.Fatal(err)
	}
	table := views.Table{Class: "network_activity", Database: "db", Name: "t", Columns: []catalog.Column{{Name: "src_endpoint", Type: "struct<ip:struct<v4:string>>"}}}
	if _, err := v.SQL(views.Athena, []views.Table{table}); err == nil || !strings.Contains(err.Error(), "table t: src_endpoint.ip has the type struct<v4:string>, and the view reads varchar") {
		t.Errorf("error is %v", err)
	}
	table.Class = "dns_activity"
	if _, err := v.SQL(views.Athena, []views.Table{table}); !errors.Is(err, views.ErrNoTables) {
		t.Errorf("error is %v", err)
	}
}

// Names of sources, databases and tables cannot leave their quotes.
func TestNamesAreQuoted(t *testing.T) {
	v, err := views.Find("top_talkers")
	if err != nil {
		t.Fatal(err)
	}
	sql, err := v.SQL(views.Athena, []views.Table{{Source: "it's", Class: "network_activity", Database: `d"b`, Name: "t"}})
	if err != nil || !strings.Contains(sql, "SELECT 'it''s' AS source") || !strings.Contains(sql, `FROM "d""b"."t"`) {
		t.Errorf("%v\n%s", err, sql)
	}
}

// The text in Glue is what Athena decodes: the SQL, the database, and the columns with Trino's types.
func TestEntry(t *testing.T) {
	v, err := views.Find("top_talkers")
	if err != nil {
		t.Fatal(err)
	}
	tables := []views.Table{{Source: "s", Class: "network_activity", Database: "db", Name: "t"}}
	entry, err := v.Entry("db", tables)
	if err != nil {
		t.Fatal(err)
	}
	encoded := strings.TrimSuffix(strings.TrimPrefix(entry.OriginalText, "/* Presto View: "), " */")
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		OriginalSQL, Catalog, Schema string
		Columns                      []struct{ Name, Type string }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	sql, err := v.SQL(views.Athena, tables)
	if err != nil {
		t.Fatal(err)
	}
	if d.OriginalSQL != sql || d.Catalog != "awsdatacatalog" || d.Schema != "db" || len(d.Columns) != len(v.Columns) {
		t.Errorf("%+v", d)
	}
	if last := d.Columns[len(d.Columns)-1]; last.Name != "last_seen" || last.Type != "timestamp(3)" {
		t.Errorf("last column is %v", last)
	}
	if last := entry.Columns[len(entry.Columns)-1]; last != (catalog.Column{Name: "last_seen", Type: "timestamp"}) {
		t.Errorf("last column is %v", last)
	}
}

// docs/views.md shows a file of a view as it is.
func TestPageShowsTheFile(t *testing.T) {
	text, err := os.ReadFile("../../sql/views/top_talkers.sql")
	if err != nil {
		t.Fatal(err)
	}
	blocks := sqltest.PageBlocks(t, "../../docs/views.md", "How a view is made")
	if len(blocks) != 1 || strings.TrimSpace(blocks[0]) != strings.TrimSpace(string(text)) {
		t.Errorf("the page has %q", blocks)
	}
}
