package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/report"
)

// A batch whose records belong to too many partitions is refused in one line that names how many, and which field varies. With a higher
// limit, the next run loads it.
func TestMaxPartitions(t *testing.T) {
	for _, c := range []struct {
		name      string
		accounts  int
		days      int
		max       string
		says      string
		committed bool
	}{
		{"accounts", 6, 2, "5", `belong to 12 partitions, and limits.max_partitions allows 5; cloud.account.uid has 6 values (examples: external_a0, external_a1, external_a2); nothing of the batch was committed. Example: a.json, record `, false},
		{"days", 2, 4, "5", "belong to 8 partitions, and limits.max_partitions allows 5; the records are of 4 event days; ", false},
		{"just enough", 3, 4, "12", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var records strings.Builder
			for a := range c.accounts {
				for d := range c.days {
					fmt.Fprintf(&records, `{"ts":%q,"acct":"external_a%d"}`+"\n", time.Now().UTC().AddDate(0, 0, -d).Format(time.RFC3339), a)
				}
			}
			write := func(path, text string) {
				t.Helper()
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, dir := range []string{"staging", "m", "m/h"} {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write("m/h/raw.sql", "CREATE TABLE raw (ts TIMESTAMP, acct VARCHAR);\n")
			write("m/h/authentication.sql", "-- class: authentication\n-- profiles: cloud\nSELECT ts AS \"time\", 1 AS activity_id, 1 AS severity_id, acct AS \"cloud.account.uid\",\n"+
				"'AWS' AS \"cloud.provider\", 'u' AS \"user.name\", 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\" FROM raw\n")
			write("staging/a.json", records.String())
			job := "name: t\nsource: {staging: ./staging}\nmapping: ./m/h\nlake: {location: ./lake, source_name: t, region: us-east-1}\nlimits: {memory: 512MiB, max_partitions: %s}\n"
			write("job.yaml", fmt.Sprintf(job, c.max))
			_, errs, code := etl(t, "run", "job.yaml")
			last := errs[strings.LastIndex(strings.TrimSpace(errs), "\n")+1:]
			if c.committed != (code == exitDone) || !c.committed && code != exitQuarantine {
				t.Fatalf("exit code %d:\n%s", code, errs)
			}
			if !strings.Contains(last, c.says) {
				t.Errorf("%s\nwant %s", last, c.says)
			}
			if !c.committed {
				write("job.yaml", fmt.Sprintf(job, "100"))
			}
			out, errs, code := etl(t, "run", "job.yaml", "-o", "json")
			var sum report.Summary
			if err := json.Unmarshal([]byte(out), &sum); err != nil || code != exitDone {
				t.Fatalf("exit code %d, %v:\n%s", code, err, errs)
			}
			want := c.accounts * c.days
			if c.committed {
				want = 0 // the first run has loaded it
			}
			if d := cmp.Diff(want, len(sum.Partitions)); d != "" {
				t.Errorf("partitions of the next run: %s", d)
			}
		})
	}
}
