package shipped_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/mappings"
	shipped "github.com/silt-etl/silt/sql"
	"github.com/silt-etl/silt/sql/sqltest"
)

// Every example of every macro of the library gives what it says, and every macro has one.
func TestLibraryExamples(t *testing.T) {
	ctx := context.Background()
	library, err := shipped.Library()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, m := range library {
		all.WriteString(m.Text + "\n")
	}
	stmts, _, err := engine.CheckMacros(ctx, all.String())
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range stmts {
		if err := db.Exec(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(expr string) string {
		rows, err := db.Query(ctx, "SELECT CAST(("+expr+") AS VARCHAR)")
		if err != nil {
			return err.Error()
		}
		defer rows.Close()
		b, err := rows.Next()
		if err != nil {
			return err.Error()
		}
		defer b.Release()
		if b.Column(0).IsNull(0) {
			return "NULL"
		}
		return b.Column(0).ValueStr(0)
	}
	examples := 0
	for _, m := range library {
		if len(m.Examples) == 0 || m.Doc == "" {
			t.Errorf("%s: %s has no example, or says nothing", m.File, m.Name)
		}
		for _, e := range m.Examples {
			examples++
			if !strings.Contains(e.Expr, m.Name+"(") {
				t.Errorf("%s: the example %s does not call it", m.Name, e.Expr)
			}
			if got := ask(e.Expr); got != e.Value {
				t.Errorf("%s: %s\n   is %s\n want %s", m.File, e.Expr, got, e.Value)
			}
			// NULL in gives no error
		}
		args := strings.Split(m.Signature[len(m.Name)+1:len(m.Signature)-1], ",")
		if got := ask(m.Name + "(" + strings.TrimSuffix(strings.Repeat("NULL, ", len(args)), ", ") + ")"); strings.Contains(got, "error") && !strings.Contains(got, "constant") {
			t.Errorf("%s of NULL: %s", m.Name, got)
		}
	}
	if len(library) < 50 || examples < 100 {
		t.Errorf("%d macros with %d examples", len(library), examples)
	}
}

// The examples work in a mapping, too: nothing in the library is refused there.
func TestLibraryInMappings(t *testing.T) {
	library, err := shipped.Library()
	if err != nil {
		t.Fatal(err)
	}
	var more strings.Builder
	want := map[string]any{}
	for _, m := range library {
		for i, e := range m.Examples {
			key := fmt.Sprintf("%s.%d", m.Name, i)
			fmt.Fprintf(&more, ", CAST((%s) AS VARCHAR) AS \"unmapped.%s\"\n", e.Expr, key)
			if e.Value != "NULL" {
				want[key] = e.Value
			}
		}
	}
	e := sqltest.Run(t, sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.NestedRaw, "m.sql": sqltest.ProcessMapping(t, "", more.String()).Files["m.sql"]})), nil, `{`+sqltest.NestedRecord+`}`)[0]
	delete(e.Unmapped, "host.ip")
	sqltest.Same(t, "unmapped", e.Unmapped, want)
}

func TestLibraryOfMapping(t *testing.T) {
	m := sqltest.ProcessMapping(t, "-- consumes: md5 = hash_list(process.file.hashes)\n", `, fingerprints(md5) AS "process.file.hashes", user_of(sha256) AS "process.user.name", in_cidr(host.ip, '10.0.0.0/8') AS "unmapped.inside"`)
	text := m.Files[mappings.LibraryFile]
	for name, has := range map[string]bool{"fingerprints": true, "hash_algorithm_id": true, "user_of": true, "ipv6_groups": true, "kv": false} {
		if strings.Contains(text, "MACRO "+name+"(") != has {
			t.Errorf("%s is there: %t", name, !has)
		}
	}
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{`+sqltest.NestedRecord+`,"md5":"MD5=A,IMPHASH=B","sha256":"CORP\\ada"}`)[0]
	if got := sqltest.Shown(t, e, "process.file.hashes"); got != `[{"algorithm":"MD5","algorithm_id":1,"value":"A"},{"algorithm":"IMPHASH","algorithm_id":99,"value":"B"}]` {
		t.Error(got)
	}
	if e.Fields["process.user.name"] != "ada" || e.Unmapped["inside"] != "true" || e.Unmapped["md5"] != "" {
		t.Errorf("%v %v", e.Fields, e.Unmapped)
	}
	// A manifest's texts keep the library as it was, and another library is another mapping.
	old := map[string]string{}
	for n, text := range m.Files {
		old[n] = strings.Replace(text, "'MD5'", "'MD-5'", 1)
	}
	again, err := mappings.LoadFiles("m", old)
	if err != nil || again.Digest == m.Digest {
		t.Fatalf("the digest does not change with the library: %v", err)
	}
	e = sqltest.Run(t, sqltest.Compile(t, again), nil, `{`+sqltest.NestedRecord+`,"md5":"MD5=A"}`)[0]
	if got := sqltest.Shown(t, e, "process.file.hashes"); !strings.Contains(got, "MD-5") {
		t.Errorf("the library of the program was taken: %s", got)
	}
	// A macro of the mapping may call the library's.
	own := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.NestedRaw, "m.sql": m.Files["m.sql"], "macros.sql": "CREATE MACRO twice(x) AS user_of(user_of(x));\nCREATE MACRO bad(x) AS nosuch(x);"})
	if got := sqltest.Listed(sqltest.Diagnostics(t, own)); !strings.Contains(got, "macros.sql:2:24: error") {
		t.Error(got)
	}
}

// A macro of the mapping is called instead of the library's of the same name, but not by the library. A plan that was written before the
// library had the name is finished with the mapping's macro.
func TestOwnMacroWins(t *testing.T) {
	texts := map[string]string{"raw.sql": sqltest.SmallRaw,
		"m.sql":      sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, user_of(ev.a) AS app_name, known(ev.a) AS "unmapped.known", known_ip(ev.a) AS "unmapped.ip", known_mac(ev.a) AS "unmapped.mac" FROM raw`,
		"macros.sql": "-- CREATE MACRO known_mac(x) AS 'a comment';\nCREATE MACRO library_known(x) AS 'never' ;\nCREATE OR REPLACE MACRO \"USER_OF\"(x) AS 'own ' || x;\nCREATE MACRO known(x) AS user_of(x) || '!';"}
	folder := t.TempDir()
	for n, text := range texts {
		if err := os.WriteFile(filepath.Join(folder, n), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := mappings.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	notes := sqltest.Listed(sqltest.Diagnostics(t, loaded))
	for _, want := range []string{"macros.sql:3:26: note: macro user_of is used instead of the library's macro of this name", "macros.sql:4:14: note: macro known is used"} {
		if !strings.Contains(notes, want) {
			t.Errorf("want %s in %s", want, notes)
		}
	}
	if strings.Contains(notes, "known_mac is used") || strings.Contains(notes, "known_ip is used") {
		t.Error(notes)
	}
	again, err := mappings.LoadFiles("m", loaded.Files) // as a manifest has them
	if err != nil || again.Digest != loaded.Digest {
		t.Fatalf("the manifest has another mapping: %v", err)
	}
	for name, m := range map[string]*mappings.Mapping{"folder": loaded, "manifest": again, "older manifest": sqltest.Mapping(t, texts)} {
		compiled := sqltest.Compile(t, m)
		for value, want := range map[string]map[string]any{
			`CORP\\ada`: {"app_name": `own CORP\ada`, "known": `own CORP\ada!`, "ip": `CORP\ada`, "mac": `CORP\ada`},
			"N/A":       {"app_name": "own N/A", "known": "own N/A!"},
		} {
			e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"a","ev":{"a":"`+value+`"}}`)[0]
			got := map[string]any{"app_name": e.Fields["app_name"]}
			for _, k := range []string{"known", "ip", "mac"} {
				if v, has := e.Unmapped[k]; has {
					got[k] = v
				}
			}
			sqltest.Same(t, name, got, want)
		}
	}
}
