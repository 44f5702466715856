package mappings_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

// shellRows runs the script of a mapping after what fills raw, and gives the rows of each SELECT as text.
func shellRows(t *testing.T, m *mappings.Mapping, fill string) (rows []string) {
	t.Helper()
	ctx := context.Background()
	script, problems, err := m.Shell(ctx)
	if err != nil || problems.Failed() {
		t.Fatal(err, problems)
	}
	before, selects, ok := strings.Cut(script, ";\n\n-- ")
	for ok && !strings.Contains(before, "CREATE TABLE raw") {
		var more string
		more, selects, ok = strings.Cut(selects, ";\n\n-- ")
		before += ";\n\n-- " + more
	}
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(ctx, before+";\n"+fill); err != nil {
		t.Fatalf("%s: %v\n%s", m.Name, err, before)
	}
	for _, s := range strings.Split(selects, ";\n\n-- ") {
		sql := "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n-- " + strings.TrimSuffix(strings.TrimSpace(s), ";") + "\n)"
		result, err := db.Query(ctx, sql)
		if err != nil {
			t.Fatalf("%s: %v\n%s", m.Name, err, sql)
		}
		for {
			batch, err := result.Next()
			if err != nil {
				t.Fatalf("%s: %v\n%s", m.Name, err, sql)
			}
			if batch == nil {
				break
			}
			for i := range int(batch.NumRows()) {
				var values []string
				for k, f := range batch.Schema().Fields() {
					if !batch.Column(k).IsNull(i) {
						values = append(values, f.Name+"="+batch.Column(k).ValueStr(i))
					}
				}
				rows = append(rows, strings.Join(values, " "))
			}
			batch.Release()
		}
		result.Close()
	}
	return rows
}

// The script of every shipped mapping runs in a DuckDB without Silt's functions, and gives no row of an empty table.
func TestShellOfShipped(t *testing.T) {
	for _, name := range mappings.Names() {
		m, err := mappings.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if rows := shellRows(t, m, ""); len(rows) > 0 {
			t.Errorf("%s: %v", name, rows)
		}
	}
}

const shellFill = `INSERT INTO raw VALUES ('2025-01-01 00:00:00', 'login', 'ada', '192.0.2.1', 'GW1', 5),
	('2025-01-01 00:00:00', 'traffic', NULL, '192.0.2.1', 'GW1', 5000000000), ('2025-01-01 00:00:00', 'keepalive', NULL, NULL, NULL, NULL),
	('2025-01-01 00:00:00', 'other', NULL, NULL, 'GW2', NULL);`

// A script has the shared columns, drop lines and the SELECT for what no other SELECT takes.
func TestShell(t *testing.T) {
	blocks := sqltest.PageBlocks(t, "../docs/mappings.md", "Shared columns")
	m := sqltest.Mapping(t, map[string]string{"_common.sql": blocks[0], "authentication.sql": blocks[1], "network_activity.sql": blocks[2], "raw.sql": blocks[3],
		"rest.sql": "-- otherwise: base_event\nSELECT 0 AS activity_id, lower(gateway) AS \"unmapped.gw\", kind || '@' || \"unmapped.gw\" AS message FROM raw"})
	var got []string
	for _, r := range shellRows(t, m, shellFill) {
		for _, path := range []string{"activity_id", "severity_id", "message", "device.hostname", "device", "src_endpoint.ip"} {
			_, value, ok := strings.Cut(r+" ", path+"=")
			if ok {
				value, _, _ = strings.Cut(value, " ")
				got = append(got, fmt.Sprint(path, "=", value))
			}
		}
		got = append(got, "")
	}
	want := []string{
		"activity_id=1", "severity_id=1", "message=ada@gw1", "device.hostname=gw1", "src_endpoint.ip=192.0.2.1", "",
		"activity_id=6", "severity_id=3", "device.hostname=gw1", "src_endpoint.ip=192.0.2.1", "",
		"activity_id=0", "severity_id=1", "message=other@gw2", "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
