// Package trinotest starts Trino, the engine that Athena is made of, for tests that `make verify` runs.
package trinotest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Options say where Trino finds the catalog and the files.
type Options struct {
	Glue, S3                     string // endpoints
	Region, AccessKey, SecretKey string
}

// Server is a running Trino.
type Server struct{ url string }

// startTimeout is long because a machine that runs other tests at the same time starts Trino slowly.
const startTimeout = 4 * time.Minute

// Start runs Trino until the test ends. Its catalog has the name that Athena gives the Glue Data Catalog.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	home, err := install(t.Context())
	if err != nil {
		t.Fatalf("Trino: %v", err)
	}
	java, err := findJava(t.Context())
	if err != nil {
		t.Fatalf("Trino: %v", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/node.properties", "node.environment=test\nnode.internal-address=127.0.0.1\nnode.data-dir="+filepath.Join(dir, "data")+"\nplugin.dir="+filepath.Join(home, "plugin")+"\n")
	write("etc/config.properties", "coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port="+port+"\ndiscovery.uri=http://"+address+"\n")
	write("etc/log.properties", "io.trino=WARN\n")
	write("etc/catalog/awsdatacatalog.properties", strings.Join([]string{
		"connector.name=hive",
		"hive.metastore=glue",
		"hive.metastore.glue.region=" + o.Region,
		"hive.metastore.glue.endpoint-url=" + o.Glue,
		"hive.metastore.glue.aws-access-key=" + o.AccessKey,
		"hive.metastore.glue.aws-secret-key=" + o.SecretKey,
		"fs.native-s3.enabled=true",
		"s3.endpoint=" + o.S3,
		"s3.path-style-access=true",
		"s3.region=" + o.Region,
		"s3.aws-access-key=" + o.AccessKey,
		"s3.aws-secret-key=" + o.SecretKey,
		"hive.table-statistics-enabled=false",
	}, "\n")+"\n")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// As the launcher of the distribution does, which would leave the server running when the test ends.
	server := exec.Command(java, "-cp", filepath.Join(home, "lib", "*"), "-Xmx1G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djdk.attach.allowAttachSelf=true", "--enable-native-access=ALL-UNNAMED",
		"-Dconfig="+filepath.Join(dir, "etc/config.properties"), "-Dnode.data-dir="+filepath.Join(dir, "data"),
		"-Dnode.environment=test", "-Dnode.internal-address=127.0.0.1", "-Dplugin.dir="+filepath.Join(home, "plugin"),
		"-Dcatalog.config-dir="+filepath.Join(dir, "etc/catalog"), "-Dlog.levels-file="+filepath.Join(dir, "etc/log.properties"), "io.trino.server.TrinoServer")
	server.Dir, server.Stdout, server.Stderr = dir, log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = server.Wait() // says that it was killed
		close(exited)
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may be gone already
		<-exited
	})
	s := &Server{url: "http://" + address}
	deadline := time.After(startTimeout)
	for {
		select {
		case <-exited:
			t.Fatalf("Trino ended:\n%s", tail(log.Name()))
		case <-deadline:
			t.Fatalf("Trino did not start in %s:\n%s", startTimeout, tail(log.Name()))
		case <-time.After(500 * time.Millisecond):
		}
		var info struct{ Starting bool }
		if err := s.call(t.Context(), http.MethodGet, s.url+"/v1/info", "", nil, &info); err == nil && !info.Starting {
			return s
		}
	}
}

func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-6000):])
}

// Stats are what Trino counts of a query.
type Stats struct {
	Rows   int64 `json:"processedRows"` // read from files
	Splits int   `json:"totalSplits"`
}

type result struct {
	NextURI string
	Columns []struct{ Name, Type string }
	Data    [][]any
	Stats   Stats
	Error   *struct{ Message string }
}

func (s *Server) run(t testing.TB, schema, sql string) (rows [][]any, types []string, stats Stats) {
	t.Helper()
	var r result
	header := map[string]string{"X-Trino-User": "test", "X-Trino-Catalog": "awsdatacatalog", "X-Trino-Schema": schema, "X-Trino-Time-Zone": "Pacific/Auckland",
		"X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}
	err := s.call(t.Context(), http.MethodPost, s.url+"/v1/statement", sql, header, &r)
	for err == nil && r.Error == nil {
		rows = append(rows, r.Data...)
		if len(types) == 0 {
			for _, c := range r.Columns {
				types = append(types, c.Name+" "+c.Type)
			}
		}
		stats = r.Stats
		if r.NextURI == "" {
			return rows, types, stats
		}
		next := r.NextURI
		r = result{}
		err = s.call(t.Context(), http.MethodGet, next, "", header, &r)
	}
	if err == nil {
		err = fmt.Errorf("%s", r.Error.Message)
	}
	t.Fatalf("Trino: %v\n%s", err, sql)
	return nil, nil, stats
}

// Rows are the rows of a query as text, NULL for NULL. The session has a time zone far from UTC: no value must depend on it.
func (s *Server) Rows(t testing.TB, schema, sql string) [][]string {
	t.Helper()
	rows, _, _ := s.run(t, schema, sql)
	out := make([][]string, len(rows))
	for i, r := range rows {
		for _, v := range r {
			text := "NULL"
			if v != nil {
				text = fmt.Sprint(v)
			}
			out[i] = append(out[i], text)
		}
	}
	return out
}

// Types are the columns of a query, each with its type.
func (s *Server) Types(t testing.TB, schema, sql string) []string {
	t.Helper()
	_, types, _ := s.run(t, schema, sql)
	return types
}

// Read says what Trino read for a query.
func (s *Server) Read(t testing.TB, schema, sql string) Stats {
	t.Helper()
	_, _, stats := s.run(t, schema, sql)
	return stats
}

func (s *Server) call(ctx context.Context, method, url, body string, header map[string]string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	for k, v := range header {
		request.Header.Set(k, v)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, text)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	return d.Decode(into)
}
