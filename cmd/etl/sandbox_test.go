package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/sandbox"
)

const sandboxFlow = `{"firewall_name":"fw","event":{"timestamp":"2025-06-02T10:00:00+0000","flow_id":1,"event_type":"netflow","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.9","dest_port":2,"proto":"UDP"}}` + "\n"

// TestSandbox: the real binary runs in a sandbox, replays in it, and writes nowhere else. Without Landlock it runs as well and says so.
func TestSandbox(t *testing.T) {
	etl := goBuild(t, t.TempDir(), "github.com/silt-etl/silt/cmd/etl")
	confined := sandbox.Version() >= 2
	at := func(t *testing.T, key string) *place {
		p := &place{t: t, etl: etl, dir: t.TempDir()}
		p.write("job.yaml", strings.Replace(placeJob, `["**/*.log.gz"]`, `["**/*.log"]`, 1)+key+"limits: {max_quarantine_ratio: 1, temp_dir: ./temp}\n") // other tests are in the temp folder of the system
		p.write("temp/keep", "")
		p.write("staging/AWSLogs/111122223333/network-firewall/flow/us-east-1/fw/2025/06/02/10/a.log", sandboxFlow+"broken\n")
		return p
	}
	// outside makes a folder of the lake a link that leads out of the lake.
	outside := func(t *testing.T, p *place, folder string) string {
		t.Helper()
		other, link := t.TempDir(), filepath.Join(p.dir, "lake", folder)
		if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(other, link)); err != nil {
			t.Fatal(err)
		}
		return other
	}

	t.Run("a run and a replay", func(t *testing.T) {
		p := at(t, "")
		for _, args := range [][]string{{"run", "job.yaml", "--dry-run"}, {"run", "job.yaml"}, {"replay", "job.yaml"}, {"backfill", "job.yaml", "--from", "2025-06-01", "--to", "2025-06-03", "--yes"}} {
			code, out, errs := p.run(args...)
			if code != 0 {
				t.Fatalf("%v: exit %d\n%s%s", args, code, out, errs)
			}
			if want := `"sandbox":"on"`; args[len(args)-1] != "--dry-run" && sandbox.Version() >= 4 && !strings.Contains(errs, want) {
				t.Errorf("%v: the log lacks %s:\n%s", args, want, errs)
			}
		}
		if n := total(p.published()); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
	t.Run("a lake that leads elsewhere", func(t *testing.T) {
		p := at(t, "")
		other := outside(t, p, "ext/network-firewall/region=us-east-1")
		code, out, errs := p.run("run", "job.yaml")
		written, err := os.ReadDir(other)
		if err != nil {
			t.Fatal(err)
		}
		switch lines := reported(errs); {
		case !confined:
			if code != 0 || len(written) == 0 {
				t.Errorf("without Landlock: exit %d\n%s%s", code, out, errs)
			}
		case code != 1 || len(written) > 0:
			t.Errorf("exit %d, %d entries were written outside\n%s%s", code, len(written), out, errs)
		case len(lines) != 1 || !strings.Contains(lines[0], "try: sandbox: off"):
			t.Errorf("the error is %q", lines)
		}
	})
	t.Run("a part of the lake on another disk", func(t *testing.T) {
		p := at(t, "")
		outside(t, p, "ext")
		if code, out, errs := p.run("run", "job.yaml"); code != 0 {
			t.Errorf("exit %d\n%s%s", code, out, errs)
		}
	})
	t.Run("links that are followed", func(t *testing.T) {
		p := at(t, "")
		job, err := os.ReadFile(filepath.Join(p.dir, "job.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		p.write("job.yaml", strings.Replace(string(job), "  include:", "  follow_links: true\n  include:", 1))
		p.write("elsewhere/b.log", strings.Replace(sandboxFlow, `"flow_id":1`, `"flow_id":2`, 1))
		if err := os.Symlink(filepath.Join(p.dir, "elsewhere"), filepath.Join(p.dir, "staging/AWSLogs/link")); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := p.run("run", "job.yaml"); code != 0 || total(p.published()) != 2 {
			t.Errorf("exit %d\n%s%s", code, out, errs)
		}
	})
	t.Run("lookups elsewhere and of a package", func(t *testing.T) {
		shared := t.TempDir()
		p := at(t, "lookups: "+shared+"\n")
		job, err := os.ReadFile(filepath.Join(p.dir, "job.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		p.write("job.yaml", strings.Replace(string(job), "mapping: network-firewall", "mapping: ./own/vpn", 1))
		p.write("own/packages/acme/macros.sql", "-- package: acme 1\n-- lookup: packed by equal k\nCREATE MACRO acme_name(k) AS lookup('packed', k).v;")
		p.write("own/packages/acme/lookups/packed.csv", "k,v\nfw,packed\n")
		p.write("own/vpn/raw.sql", "-- package: acme 1\n-- lookup: near by equal k\n-- lookup: far by equal k\nCREATE TABLE raw (firewall_name VARCHAR, event STRUCT(\"timestamp\" TIMESTAMP, src_ip VARCHAR));")
		p.write("own/vpn/m.sql", "-- class: network_activity\n-- without: dst_endpoint\nSELECT event.\"timestamp\" AS \"time\", 6 AS activity_id, 1 AS severity_id, 'v' AS \"metadata.product.vendor_name\", 'p' AS \"metadata.product.name\", event.src_ip AS \"src_endpoint.ip\", lookup('near', firewall_name).v AS \"src_endpoint.name\", lookup('far', firewall_name).v AS \"dst_endpoint.name\", acme_name(firewall_name) AS message FROM raw")
		p.write("own/lookups/near.csv", "k,v\nfw,near\n")
		if err := os.WriteFile(filepath.Join(shared, "far.csv"), []byte("k,v\nfw,far\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out, errs := p.run("run", "job.yaml")
		files, err := filepath.Glob(filepath.Join(p.dir, "lake/ext/network-firewall/*/*/*/*.parquet"))
		if code != 0 || err != nil || len(files) != 1 {
			t.Errorf("exit %d, %d files, %v\n%s%s", code, len(files), err, out, errs)
		}
	})
	t.Run("off", func(t *testing.T) {
		p := at(t, "sandbox: off\n")
		other := outside(t, p, "ext/network-firewall/region=us-east-1")
		code, out, errs := p.run("run", "job.yaml")
		written, err := os.ReadDir(other)
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 || len(written) == 0 || !strings.Contains(errs, `"sandbox":"off: the job has sandbox: off"`) {
			t.Errorf("exit %d, %d entries were written outside\n%s%s", code, len(written), out, errs)
		}
	})
	t.Run("required", func(t *testing.T) {
		p := at(t, "sandbox: required\n")
		code, out, errs := p.run("run", "job.yaml")
		if want := map[bool]int{true: 0, false: 1}[sandbox.Version() >= 4]; code != want {
			t.Errorf("exit %d, want %d\n%s%s", code, want, out, errs)
		}
		p.write("job.yaml", strings.NewReplacer("./staging/AWSLogs", "s3://bucket/").Replace(placeJob)+"sandbox: required\n")
		p.write("config", "[default]\ncredential_process = /bin/true\n")
		p.env = []string{"AWS_CONFIG_FILE=config", "AWS_ACCESS_KEY_ID=", "AWS_PROFILE="}
		code, _, errs = p.run("run", "job.yaml")
		if lines := reported(errs); code != 1 || len(lines) != 1 || !strings.Contains(lines[0], "credential_process") {
			t.Errorf("required, with a program for credentials: exit %d, %q", code, lines)
		}
	})
}
