package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf/texttype"
)

// A check returns the texts that are of its type and NULL for others, in flat, constant, filtered and empty input, with and without
// NULLs, and leaves its input as it is.
func TestChecks(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	texts := []string{"192.0.2.7", "2001:db8:85a3:0:0:8a2e:370:7334", "", "server-b.example.com", "192.0.2.7,192.0.2.8", "02:00:5e:10:00:01", "ada@example.com", "https://web.example/a", "a b", "bücher.example"}
	const rows = 10_000
	for name, pick := range map[string]func(i int64) string{
		"all":   func(i int64) string { return texts[i%int64(len(texts))] },
		"first": func(int64) string { return texts[0] },
		"nulls": func(i int64) string {
			if i%3 == 0 {
				return "\x00"
			}
			return texts[(i/3)%int64(len(texts))]
		},
		"only nulls": func(int64) string { return "\x00" },
		"long": func(i int64) string {
			if i%2 == 0 {
				return "\x00"
			}
			return texts[1]
		},
	} {
		src := &fake{n: rows, cols: []Column{{"id", BigInt}, {"t", Varchar}}, fill: func(_ context.Context, c *Chunk, row int, id int64) error {
			c.SetInt64(0, row, id)
			if s := pick(id); s == "\x00" {
				c.SetNull(1, row)
			} else {
				c.SetText(1, row, []byte(s))
			}
			return nil
		}}
		table := "t_" + strings.ReplaceAll(name, " ", "_")
		if err := d.RegisterSource(table, src); err != nil {
			t.Fatal(err)
		}
		for _, typ := range texttype.Checked() {
			for _, where := range []string{"", " WHERE id % 7 <> 2", " WHERE id < 0"} {
				sql := fmt.Sprintf("SELECT id, t, %s(t) AS kept FROM %s()%s", texttype.Function(typ), table, where)
				src.next.Store(0)
				all := collect(t, d, sql)
				if where == "" && len(all) != rows {
					t.Errorf("%s: %d rows", sql, len(all))
				}
				for _, r := range all {
					id, _ := strconv.ParseInt(r[0], 10, 64)
					want := pick(id)
					kept := want
					if want == "\x00" {
						want, kept = "(null)", "(null)"
					} else if !texttype.Of(typ)([]byte(want)) {
						kept = "(null)"
					}
					if r[1] != want || r[2] != kept {
						t.Fatalf("%s, %s: row %s is %q, %q, want %q, %q", name, sql, r[0], r[1], r[2], want, kept)
					}
				}
			}
		}
	}
	for sql, want := range map[string]string{
		"SELECT silt_ip('192.0.2.7')": "192.0.2.7",
		"SELECT silt_ip('server-b')":  "(null)",
		"SELECT silt_ip(NULL)":        "(null)",
		"SELECT list_transform(['::1', 'x', NULL], lambda e: silt_ip(e))::VARCHAR":                       "['::1', NULL, NULL]",
		"SELECT silt_ip(t) FROM (SELECT '::1' AS t UNION ALL SELECT NULL) ORDER BY 1 NULLS LAST LIMIT 1": "::1",
	} {
		if got := one(t, d, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

// BenchmarkChecks measures the cost of a check for each value: the second query of a pair has one, the first does not.
func BenchmarkChecks(b *testing.B) {
	const rows = 4_000_000
	d := openDB(b, Options{Threads: 1})
	for name, text := range map[string]string{
		"ipv4": "'10.1.' || (i % 200) || '.' || (i % 250)", "ipv6": "'2001:db8:85a3:0:0:8a2e:' || (i % 999) || ':7334'", "null": "CASE WHEN i < 0 THEN 'x' END",
		"hostname": "'web-' || (i % 999) || '.eu-west-1.example.com'",
	} {
		if err := d.Exec(b.Context(), "CREATE OR REPLACE TABLE t AS SELECT "+text+" AS t FROM range("+fmt.Sprint(rows)+") r(i)"); err != nil {
			b.Fatal(err)
		}
		check := "silt_ip"
		if name == "hostname" {
			check = "silt_hostname"
		}
		for _, sql := range []string{"SELECT sum(strlen(t)) FROM t", "SELECT sum(strlen(" + check + "(t))) FROM t", "SELECT sum(strlen(" + check + "(t))), sum(CASE WHEN t IS NOT NULL AND " + check + "(t) IS NULL THEN 1 ELSE 0 END) FROM t"} {
			b.Run(name, func(b *testing.B) {
				before := cpuSeconds(b)
				for b.Loop() {
					collect(b, d, strings.ReplaceAll(sql, "sum(", "any_value("))
				}
				b.ReportMetric((cpuSeconds(b)-before)/float64(b.N)/rows*1e9, "cpu-ns/value")
			})
		}
	}
}
