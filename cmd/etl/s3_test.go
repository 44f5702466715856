package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/mappings"
)

const record = `{"firewall_name":"fw","event":{"timestamp":"2025-06-0%DT10:00:00+0000","event_type":"netflow","src_ip":"10.0.0.%D","dest_ip":"10.0.0.9","proto":"UDP"}}` + "\n"

// onS3 starts an S3 server with staging, lake and state, gives the process its credentials, and writes a job file.
func onS3(t *testing.T) (job string) {
	t.Helper()
	s := objstoretest.StartVersityGW(t)
	home := t.TempDir()
	for k, v := range map[string]string{"AWS_ACCESS_KEY_ID": s.AccessKey, "AWS_SECRET_ACCESS_KEY": s.SecretKey, "AWS_ENDPOINT_URL_S3": s.Endpoint,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_CONFIG_FILE": filepath.Join(home, "none"), "HOME": home, "XDG_CACHE_HOME": filepath.Join(home, "cache")} {
		t.Setenv(k, v)
	}
	os.Unsetenv("AWS_PROFILE")
	for _, b := range []string{"staging", "lake", "state"} {
		if err := os.Mkdir(filepath.Join(s.Dir, b), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	staging, err := storeKinds().Open(ctx, "s3://staging", objstore.Options{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []string{"1", "2", "3"} {
		if _, err := staging.Put(ctx, "logs/"+day+".log", strings.NewReader(strings.ReplaceAll(record, "%D", day)), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	job = filepath.Join(home, "job.yaml")
	text := `name: nfw
source: {staging: "s3://staging/logs/"}
mapping: network-firewall
lake: {location: "s3://lake/", source_name: nfw, region: us-east-1}
catalog: {type: local}
state: ` + filepath.Join(home, "state") + `
limits: {memory: 512MiB, batch_bytes: 1MiB}
`
	if err := os.WriteFile(job, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return job
}

func TestOnS3(t *testing.T) {
	job := onS3(t)
	lakeKeys := func() (keys []string) {
		t.Helper()
		ctx := context.Background()
		lake, err := storeKinds().Open(ctx, "s3://lake", objstore.Options{Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := lake.List(ctx, objstore.ListOptions{}, func(o objstore.Object) error { keys = append(keys, o.Key); return nil }); err != nil {
			t.Fatal(err)
		}
		held, err := lake.(objstore.Holder).HeldList(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range held {
			keys = append(keys, "held "+h.Key)
		}
		return keys
	}
	out, errs, code := etl(t, "doctor", job)
	for _, want := range []string{"ok   region of lake: bucket lake is in us-east-1\n", "ok   staging: s3://staging/logs can be listed and read; a run reads 3 of 3 objects\n",
		"ok   lake: s3://lake can hold files without showing them to readers, and drop them\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor does not say %q:\n%s", want, out)
		}
	}
	if code != 0 || errs != "" || len(lakeKeys()) > 0 {
		t.Errorf("doctor: code %d, %q, left %q", code, errs, lakeKeys())
	}
	if out, errs, code = etl(t, "run", job); code != 0 {
		t.Fatalf("run: code %d\n%s\n%s", code, out, errs)
	}
	if got := lakeKeys(); len(got) != 3 {
		t.Errorf("the lake has %q", got)
	}
	if out, _, code = etl(t, "doctor", job); code != 0 || !strings.Contains(out, "ok   live files: 3 files in the ledger, 0 missing in the lake\n") {
		t.Errorf("doctor after a run: code %d\n%s", code, out)
	}
	out, _, code = etl(t, "doctor", job, "--fix")
	if code != 1 || !strings.HasSuffix(out, "FAIL fix: the job does not have the right to delete in the lake. Try: set lake.delete_role_arn; etl run, replay, backfill and etl doctor without --fix do not need it\n") {
		t.Errorf("doctor --fix without the right to delete: code %d\n%s", code, out)
	}

	// A query fetches the partitions that it asks for, says so first, and once.
	const sql = "SELECT src_endpoint.ip AS ip FROM nfw WHERE eventday = '20250602'"
	for range 2 {
		out, errs, code = etl(t, "query", job, sql, "-o", "csv")
		if code != 0 || out != "ip\n10.0.0.2\n" || !strings.HasPrefix(errs, "etl: 1 partition, 1 file, ") {
			t.Errorf("query: code %d, %q, %q", code, out, errs)
		}
	}
	cached, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "silt/lake/lake/ext/nfw/*/*/*/*.parquet"))
	if len(cached) != 1 || !strings.Contains(cached[0], "eventDay=20250602") {
		t.Errorf("cached %q", cached)
	}
	_, errs, code = etl(t, "query", job, "--max-bytes", "1kB", "SELECT count(*) FROM nfw")
	if code != exitUsage || !strings.Contains(errs, "narrow it (WHERE eventday =") {
		t.Errorf("too much: code %d, %q", code, errs)
	}
	if out, _, code = etl(t, "query", job, "--max-bytes", "1kB", "--yes", "SELECT count(*) AS n FROM nfw", "-o", "csv"); code != 0 || out != "n\n3\n" {
		t.Errorf("--yes: code %d, %q", code, out)
	}
	if out, errs, code = etl(t, "preview", "network-firewall", "s3://staging/logs/2.log"); code != 0 || !strings.Contains(out, "1 of 1 records shown: 1 published") {
		t.Errorf("preview: code %d, %q, %q", code, out, errs)
	}
}

// The tables of a job can be on S3: a run reads and keeps them, and a table that is not there is a line that says where it was looked for.
func TestLookupsOnS3(t *testing.T) {
	job := onS3(t)
	dir := filepath.Dir(job)
	text, err := os.ReadFile(job)
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, job, strings.Replace(string(text), "mapping: network-firewall\n", "mapping: "+filepath.Join(dir, "apps")+"\nlookups: s3://staging/tables/\n", 1))
	m, err := mappings.Load("network-firewall")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range m.Files {
		if name != mappings.LibraryFile {
			text = strings.Replace(text, "CREATE TABLE raw", "-- lookup: networks by cidr network\nCREATE TABLE raw", 1)
			writeText(t, filepath.Join(dir, "apps", name), strings.ReplaceAll(text, "firewall_name AS app_name", "lookup('networks', event.src_ip).app AS app_name"))
		}
	}
	out, _, code := etl(t, "check", job)
	if want := "the file of the lookup networks was not found: looked for networks.csv, .parquet, .mmdb in " + dir + "/apps/lookups, " + dir + "/lookups, those that come with etl, s3://staging/tables ("; code != exitUsage || !strings.Contains(out, want) {
		t.Errorf("check: code %d, want %s\n%s", code, want, out)
	}
	tables, err := storeKinds().Open(t.Context(), "s3://staging/tables", objstore.Options{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	put := func(table string) {
		t.Helper()
		if _, err := tables.Put(t.Context(), "networks.csv", strings.NewReader(table), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put("network,app\n10.0.0.0/8,first\n10.0.0.2,second\n")
	if out, errs, code := etl(t, "run", job); code != 0 {
		t.Fatalf("run: code %d\n%s\n%s", code, out, errs)
	}
	out, _, code = etl(t, "query", job, "SELECT app_name, count(*) AS n FROM nfw GROUP BY ALL ORDER BY 1", "-o", "csv", "--yes")
	if code != 0 || out != "app_name,n\nfirst,2\nsecond,1\n" {
		t.Errorf("query: code %d\n%s", code, out)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "state/nfw/lookups/*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("%q are kept, %v", kept, err)
	}
	put("network,app\n10.0.0.0/8,first\n10.0.0.0/8,twice\n")
	out, _, code = etl(t, "check", job)
	if code != exitUsage || !strings.Contains(out, "s3://staging/tables/networks.csv:3:1: error: lookup networks: network: the same key is on line 2") {
		t.Errorf("check: code %d\n%s", code, out)
	}
}

func TestDoctorOnS3WithWhatIsWrong(t *testing.T) {
	job := onS3(t)
	text, err := os.ReadFile(job)
	if err != nil {
		t.Fatal(err)
	}
	state := strings.Replace(string(text), "state: "+filepath.Join(filepath.Dir(job), "state"), "state: s3://state/", 1)
	for _, c := range []struct {
		name, text, secret string
		want               []string
	}{
		{"no bucket", strings.Replace(string(text), "s3://lake/", "s3://lake-of-nobody/", 1), "", []string{"FAIL lake: ", "bucket or folder not found"}},
		{"a wrong secret", string(text), "wrong", []string{"FAIL staging: ", "AWS_SECRET_ACCESS_KEY", "FAIL lake: "}},
		{"state on S3, catalog not", state, "", []string{"ok   deleted files: publishing again does not restore a deleted file", "ok   create-only publishing", "FAIL catalog: ", "needs a folder, and neither the lake nor the state is one"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "job.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if c.secret != "" {
				t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
			}
			out, errs, code := etl(t, "doctor", file)
			if code != exitFailed || errs != "" {
				t.Errorf("code %d, %q", code, errs)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("does not say %q:\n%s", want, out)
				}
			}
		})
	}
}

// TestParquetOnS3: objects in a bucket are read where they were fetched to, also a second time for quarantine; one that is cut is
// there as a whole.
func TestParquetOnS3(t *testing.T) {
	job := onS3(t)
	staging, err := storeKinds().Open(t.Context(), "s3://staging", objstore.Options{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	rows := flows(t, 300)
	for name, data := range map[string][]byte{"a": rows, "b": rows, "cut": rows[:len(rows)-100]} {
		if _, err := staging.Put(t.Context(), "rows/"+name+".parquet", bytes.NewReader(data), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(job)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(job)
	for name, text := range map[string]string{
		"job.yaml": strings.NewReplacer("logs/", "rows/", "mapping: network-firewall", "mapping: flow", "{memory", "{max_quarantine_ratio: 1, max_broken_ratio: 1, memory").Replace(string(text)),
		"flow/raw.sql": `-- format: parquet
CREATE TABLE raw ("start" TIMESTAMP, srcaddr VARCHAR);`,
		"flow/network_activity.sql": `-- class: network_activity
SELECT "start" AS "time", 6 AS activity_id, 1 AS severity_id, srcaddr AS "src_endpoint.ip", '10.0.0.9' AS "dst_endpoint.ip",
  'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name" FROM raw;`,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := etl(t, "run", job)
	if code != 0 || !strings.Contains(out, "1,200 read = 1,196 published + 0 filtered + 4 quarantined") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if out, errs, _ = etl(t, "quarantine", "list", job); !strings.Contains(out, "quarantine has 4 records and 1 whole object") {
		t.Errorf("%s%s", out, errs)
	}
}
