package jobs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/jobs"
)

const hideColumnsSelect = `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, name AS "user.name", mail AS "user.email_addr", 'h' AS "dst_endpoint.hostname",
  'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name" FROM raw WHERE kind = 'login'`

const hideColumnsRaw = "-- discard: token, more.secret\n-- redact: mail AS hash\nCREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, name VARCHAR, token VARCHAR, mail VARCHAR, more JSON);"

const hideDeclarative = `{"custom_source_events": {"source_name": "h", "matched_field": "$.kind", "timestamp": {"field": "$.ts", "format": "%%Y-%%m-%%dT%%H:%%M:%%SZ"},
  "discard": ["$.token", "$.more.secret"], "redact": {"$.mail": "hash"},
  "ocsf_mapping": {%s}}}`

const hideDeclarativePart = `"%s": {"schema": "authentication", "schema_mapping": {"activity_id": 1, "severity_id": 1,
  "user": {"name": "$.name", "email_addr": "$.mail"}, "dst_endpoint": {"hostname": "h"}, "metadata": {"product": {"name": "p", "vendor_name": "v"}}}}`

// TestInputsHide: nothing that a mapping discards or redacts can be found, with objects of JSON and of Parquet, in folders and on S3, with
// mappings in SQL and in JSON. Records are published, broken, cut, without a SELECT, and replayed from staging.
func TestInputsHide(t *testing.T) {
	forms := map[string]struct {
		head   string
		object func(rows [][]string) []byte
	}{
		"json": {"", func(rows [][]string) []byte {
			var lines []string
			for _, r := range rows {
				line, _ := json.Marshal(map[string]any{"ts": r[0], "kind": r[1], "name": r[2], "token": r[3], "mail": r[4], "more": map[string]any{"secret": r[5], "n": 1}})
				lines = append(lines, string(line))
			}
			return gz(lines...)
		}},
		"parquet": {"-- format: parquet\n", func(rows [][]string) []byte {
			for _, r := range rows {
				r[5] = `{"secret":"` + r[5] + `","n":1}`
			}
			return table(t, []string{"ts", "kind", "name", "token", "mail", "more"}, rows...)
		}},
	}
	for form, f := range forms {
		for place, onS3 := range map[string]bool{"folder": false, "s3": true} {
			for _, language := range []string{"sql", "json"} {
				if form == "parquet" && language == "json" {
					continue // a declarative mapping reads objects of JSON
				}
				t.Run(form+" "+place+" "+language, func(t *testing.T) {
					w := newHideWorldOn(t, onS3)
					w.spec.Limits.MaxUnmatchedRatio, w.spec.Limits.MaxQuarantineRatio = 0.1, 0.1
					part := fmt.Sprintf(hideDeclarativePart, "login")
					more := map[string]string{"more.sql": strings.Replace(hideColumnsSelect, "'login'", "'other'", 1)}
					w.files = map[string]string{"raw.sql": f.head + hideColumnsRaw, "authentication.sql": hideColumnsSelect}
					if language == "json" {
						w.files = map[string]string{"hide.json": fmt.Sprintf(hideDeclarative, part)}
						more = map[string]string{"hide.json": fmt.Sprintf(hideDeclarative, part+", "+fmt.Sprintf(hideDeclarativePart, "other"))}
					}
					row := func(ts, kind string) []string {
						return []string{ts, kind, "ada", w.plant(), w.plant(), w.plant()}
					}
					const ts = "2024-01-01T00:00:00Z"
					var rows [][]string
					for range 20 {
						rows = append(rows, row(ts, "login"))
					}
					for range 5 {
						rows = append(rows, row(ts, "other"))
					}
					rows = append(rows, row("never "+w.plant(), "login"))
					whole := f.object(rows)
					w.put(hideKey+"a.log", whole)
					w.put(hideKey+"cut.log", whole[:len(whole)-9])
					w.spec.Limits.MaxBrokenRatio = 1
					if _, err := w.run(); !errors.Is(err, jobs.ErrQuarantine) { // refused: too many have no SELECT
						t.Fatal(err)
					}
					w.spec.Limits.MaxUnmatchedRatio = 0.5
					sum, err := w.run()
					if err != nil {
						t.Fatal(err)
					}
					got := fields{"published": sum.Records.Published, "quarantined": sum.Records.Quarantined, "token": sum.Redacted["token"], "mail": sum.Redacted["mail"], "secret": sum.Redacted["more.secret"]}
					if diff := cmp.Diff(fields{"published": int64(20), "quarantined": int64(6), "token": int64(26), "mail": int64(26), "secret": int64(26)}, got); diff != "" {
						t.Errorf("-want +got:\n%s", diff)
					}
					for _, row := range w.quarantined() {
						if strings.HasSuffix(row.Object, "a.log") && !row.Hidden() || len(row.Raw)+len(row.Context) > 0 && bytes.Contains(append(row.Raw, row.Context...), []byte("S3")) {
							t.Errorf("%s record %d has %d bytes", row.Object, row.Record, len(row.Raw))
						}
					}
					for name, text := range more {
						w.files[name] = text
					}
					if sum = w.replay(); sum.Records.Published != 5 {
						t.Errorf("replay: %+v %v %v", sum.Records, sum.Reasons, sum.Warnings)
					}
					rows2 := w.published()
					if len(rows2) != 25 {
						t.Fatalf("%d rows", len(rows2))
					}
					for _, row := range rows2 {
						if user, _ := row["user"].(map[string]any); user["name"] != "ada" || len(fmt.Sprint(user["email_addr"])) != 64 {
							t.Fatalf("%v", row)
						}
					}
				})
			}
		}
	}
}
