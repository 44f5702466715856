package jobs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/tempdir"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

const netflow = `{"firewall_name":"firewall","availability_zone":"us-east-1b","event_timestamp":"1601587565","event":{"timestamp":"2020-10-01T21:26:05.007515+0000","flow_id":1770453319291727,"event_type":"netflow","src_ip":"45.129.33.153","src_port":47047,"dest_ip":"172.31.16.139","dest_port":16463,"proto":"TCP","netflow":{"pkts":1,"bytes":60,"start":"2020-10-01T21:25:04.070479+0000","end":"2020-10-01T21:25:04.070479+0000","age":0,"min_ttl":241,"max_ttl":241},"tcp":{"tcp_flags":"02","syn":true}}}`
const alert = `{"firewall_name":"firewall","availability_zone":"zone","event_timestamp":"1601074865","event":{"timestamp":"2020-09-25T23:01:05.598481+0000","flow_id":1111111111111111,"event_type":"alert","src_ip":"10.16.197.56","src_port":49157,"dest_ip":"10.16.197.55","dest_port":8883,"proto":"TCP","alert":{"action":"allowed","signature_id":2,"rev":0,"signature":"","category":"","severity":3}}}`

// kinds are the stores and catalogs of the etl program.
func kinds() jobfile.Kinds {
	return jobfile.Kinds{Stores: objstore.Registry{s3store.Kind(), dirstore.Kind()}, Catalogs: catalog.Registry{glue.Kind(), local.Kind()}}
}

// world is a job over folders.
type world struct {
	t    *testing.T
	dir  string
	spec *jobfile.Spec
}

func newWorld(t *testing.T, settings ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	text := `name: test
source:
  staging: ` + w.dir + `/staging
  include: ["**/*.log.gz"]
  key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"
mapping: network-firewall
lake: {location: ` + w.dir + `/lake, source_name: network-firewall, region: us-east-1, account_id: "111122223333"}
`
	if len(settings) > 0 {
		text += "limits: {" + strings.Join(settings, ", ") + "}\n"
	}
	s, err := jobfile.Parse("job.yaml", []byte(text), func(string) (string, bool) { return "", false }, kinds())
	if err != nil {
		t.Fatal(err)
	}
	w.spec = s
	return w
}

func (w *world) put(key string, data []byte) {
	w.t.Helper()
	p := filepath.Join(w.dir, "staging", filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func gz(lines ...string) []byte {
	return gzipText(strings.Join(lines, "\n") + "\n")
}

func gzipText(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

func key(name string) string {
	return "111122223333/network-firewall/flow/us-east-1/fw/2020/10/01/21/" + name + ".log.gz"
}

func compilePlan(ctx context.Context, m *mappings.Mapping) (*sqlgen.Compiled, error) {
	p, problems, err := m.Compile(ctx)
	if err != nil {
		return nil, err
	}
	if p == nil {
		var all []string
		for _, x := range problems {
			all = append(all, x.String())
		}
		return nil, errors.New(strings.Join(all, "\n"))
	}
	return p, nil
}

// fields are the values of a result that a test compares, by name.
type fields map[string]any

// wantError checks an error of a command: its sentinel, its exit code, and a message of one line that contains the texts.
func wantError(t *testing.T, what string, err, sentinel error, code int, texts ...string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Errorf("%s: the error is %v, want %v", what, err, sentinel)
		return
	}
	if got := exitCodeOf(err); got != code {
		t.Errorf("%s: exit code %d, want %d", what, got, code)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %q does not contain %q", what, err, text)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: the message has several lines: %q", what, err)
	}
}

func (w *world) runner() *jobs.Runner {
	w.t.Helper()
	m, err := mappings.Load("network-firewall")
	if err != nil {
		w.t.Fatal(err)
	}
	open := func(name string) *dirstore.Store {
		s, err := dirstore.Open(dirstore.Config{Root: filepath.Join(w.dir, name), Create: true})
		if err != nil {
			w.t.Fatal(err)
		}
		return s
	}
	cat, err := local.Open(filepath.Join(w.dir, "lake", "catalog"), w.spec.Catalog.Database)
	if err != nil {
		w.t.Fatal(err)
	}
	return &jobs.Runner{Spec: w.spec, ExitCode: exitCodeOf, Mapping: m, Compile: compilePlan, Staging: open("staging"), Lake: open("lake"), State: open("state"), Catalog: cat,
		LogTo: zerolog.NewTestWriter(w.t)}
}

func (w *world) run() (*report.Summary, error) {
	w.t.Helper()
	return w.runner().Run(context.Background(), jobs.RunOptions{Trigger: "ON_DEMAND"})
}

func TestRunTwice(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow, alert))
	sum, err := w.run()
	if err != nil {
		t.Fatal(err)
	}
	if sum.Records.Read != 2 || sum.Records.Published != 2 || sum.State != "SUCCEEDED" || len(sum.Partitions) != 2 {
		t.Errorf("first run: %+v", sum)
	}
	sum, err = w.run()
	if err != nil {
		t.Fatal(err)
	}
	if sum.Records.Read != 0 || sum.Objects.Taken != 1 || sum.Files != 0 {
		t.Errorf("second run: %+v", sum)
	}
	w.put(key("b"), gz(netflow))
	sum, err = w.run()
	if err != nil {
		t.Fatal(err)
	}
	if sum.Records.Published != 1 || sum.Objects.Read != 1 {
		t.Errorf("third run: %+v", sum)
	}
	files, _ := filepath.Glob(filepath.Join(w.dir, "lake/ext/network-firewall/region=us-east-1/accountId=111122223333/eventDay=*/*.parquet"))
	if len(files) != 3 {
		t.Errorf("files %q", files)
	}
}

// A run removes what a killed run left in limits.temp_dir, but not the folder of a run that works. A dry run removes nothing.
func TestRemovesLeftTemp(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	w.spec.Limits.TempDir = t.TempDir()
	used, err := tempdir.New(w.spec.Limits.TempDir, "other")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Remove()
	left := filepath.Join(w.spec.Limits.TempDir, "silt-other-1")
	if err := errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, ".silt-lock"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		var err error
		if dry {
			_, err = w.runner().DryRun(t.Context(), false)
		} else {
			_, err = w.run()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(left); errors.Is(err, os.ErrNotExist) == dry {
			t.Errorf("dry run %t: the folder of a killed run: %v", dry, err)
		}
		if _, err := os.Stat(used.Path); err != nil {
			t.Errorf("dry run %t: the folder of a run that works: %v", dry, err)
		}
	}
}
