package jobs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/runs"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// table is a Parquet file of texts.
func table(t *testing.T, names []string, rows ...[]string) []byte {
	t.Helper()
	var fields []arrow.Field
	for _, name := range names {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, row := range rows {
		for i, v := range row {
			b.Field(i).(*array.StringBuilder).Append(v)
		}
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(batch.Schema(), &out, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestNewFields: in every format the first run names the fields that the mapping does not read, a later run reports a new one with the
// number of published records that have it, and no run reports it again. Its record has it, and so has what etl runs show prints.
func TestNewFields(t *testing.T) {
	const login = `-- class: authentication
-- drop: id = 'dropped'
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", id AS "user.name" FROM raw`
	const raw = "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR, spare VARCHAR);"
	const ts = "2026-02-03T04:05:06Z"
	cef := func(ext string) string { return "CEF:0|Acme|Door|1|7|Opened|3|" + ext }
	for name, c := range map[string]struct {
		raw           string
		before, after []byte
		first, news   string
	}{
		"json": {raw,
			plain(`{"ts":"` + ts + `","id":"a","site":"x","in":{"room":3}}`),
			plain(strings.Join([]string{
				`{"ts":"` + ts + `","id":"a","site":"x","in":{"room":3,"floor":1}}`,
				`{"ts":"` + ts + `","id":"b","in":{"floor":1,"floor":2},"spare":"known"}`,
				`{"ts":"` + ts + `","id":"dropped","in":{"floor":1},"only here":1}`, // filtered
				`{"ts":"never","id":"c","in":{"floor":1},"only there":1}`,           // no time
				`{"ts":"1960-01-01T00:00:00Z","id":"d","in":{"floor":1},"old":1}`,   // outside of event_days
				`{"ts":"` + ts + `","id":"e","cut":1`,
			}, "\n")),
			"2 fields that the mapping does not read, kept in unmapped: in.room, site", "new field in.floor in 2 records, kept in unmapped"},
		"csv": {"-- format: csv\n-- header: yes\n" + raw,
			plain("ts,id,site\n" + ts + ",a,x\n"),
			plain("ts,site,badge,id\n" + ts + ",x,7,a\n" + ts + ",x,8,a\n" + ts + ",x,,a\n"),
			"1 field that the mapping does not read, kept in unmapped: site", "new field badge in 2 records, kept in unmapped"},
		"kv": {"-- format: kv\n" + raw,
			plain("ts=" + ts + " id=a site=x"),
			plain("ts=" + ts + " id=a badge=7\nts=" + ts + " id=a"),
			"1 field that the mapping does not read, kept in unmapped: site", "new field badge in 1 record, kept in unmapped"},
		"cef": {"-- format: cef\n" + raw,
			plain(cef("ts=" + ts + " id=a site=x")),
			plain(cef("ts="+ts+" id=a badge=7") + "\n" + cef("ts="+ts+" id=a badge=7 site=x")),
			"", "new field badge in 2 records, kept in unmapped"},
		"parquet": {"-- format: parquet\n" + raw,
			table(t, []string{"ts", "id", "site"}, []string{ts, "a", "x"}),
			table(t, []string{"ts", "id", "badge"}, []string{ts, "a", "7"}, []string{ts, "b", "8"}),
			"1 field that the mapping does not read, kept in unmapped: site", "new field badge in 2 records, kept in unmapped"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := mappings.LoadFiles("test", map[string]string{"raw.sql": c.raw, "authentication.sql": login})
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, "max_quarantine_ratio: 1")
			w.spec.Source.Include = nil
			night := func(n int, data []byte) (*report.Summary, []string) {
				w.put(fmt.Sprintf("111122223333/network-firewall/flow/us-east-1/fw/2026/02/03/%02d/a.log", n), data)
				r := w.runner()
				r.Mapping = m
				sum, err := r.Run(t.Context(), jobs.RunOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return sum, slices.DeleteFunc(slices.Clone(sum.Warnings), func(s string) bool { return !strings.Contains(s, "field") })
			}
			sum, warnings := night(1, c.before)
			if len(warnings) > 0 || sum.Fields == nil || !sum.Fields.First || c.first != "" && sum.Fields.String() != c.first {
				t.Fatalf("first night: %v, %v", sum.Fields, warnings)
			}
			var text bytes.Buffer
			sum.WriteText(&text)
			if !strings.Contains(text.String(), "  fields      "+sum.Fields.String()+"\n") {
				t.Errorf("the first run does not name its fields:\n%s", &text)
			}
			sum, warnings = night(2, c.after)
			if !slices.Equal(warnings, []string{c.news}) {
				t.Errorf("second night: %q, want %q", warnings, c.news)
			}
			l, err := ledger.Open(w.runner().State, "test", ledger.Options{})
			if err != nil {
				t.Fatal(err)
			}
			shown, err := runs.Find(t.Context(), l, "last")
			if err != nil {
				t.Fatal(err)
			}
			text.Reset()
			shown.WriteText(&text, "test")
			var record report.Summary
			if err := json.Unmarshal(shown.End.Summary, &record); err != nil || !maps.Equal(record.Fields.Records, sum.Fields.Records) || !strings.Contains(text.String(), c.news) {
				t.Errorf("the run's record: %v, %v\n%s", record.Fields, err, &text)
			}
			if sum, warnings = night(3, c.after); len(warnings) > 0 || sum.Fields != nil {
				t.Errorf("third night: %v, %q", sum.Fields, warnings)
			}
			// what earlier runs had is gone: a new beginning, without a warning
			if err := w.runner().State.Delete(t.Context(), "test/fields.json"); err != nil {
				t.Fatal(err)
			}
			if sum, warnings = night(4, c.after); len(warnings) > 0 || sum.Fields == nil || !sum.Fields.First {
				t.Errorf("fourth night: %v, %q", sum.Fields, warnings)
			}
		})
	}
}
