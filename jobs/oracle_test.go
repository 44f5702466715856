package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	validate "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.1"

	"github.com/silt-etl/silt/internal/ocsf"
)

// published reads every row of the lake as JSON objects, NULLs left out and unmapped an object.
func (w *world) published() []map[string]any {
	w.t.Helper()
	var rows []map[string]any
	err := filepath.WalkDir(filepath.Join(w.dir, "lake", "ext"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		pr, err := file.NewParquetReader(bytes.NewReader(b))
		if err != nil {
			return err
		}
		fr, err := pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{BatchSize: 1024}, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		rr, err := fr.GetRecordReader(context.Background(), nil, nil)
		if err != nil {
			return err
		}
		defer rr.Release()
		for rr.Next() {
			var buf bytes.Buffer
			if err := array.RecordToJSON(rr.RecordBatch(), &buf); err != nil {
				return err
			}
			dec := json.NewDecoder(&buf)
			dec.UseNumber()
			for dec.More() {
				var row map[string]any
				if err := dec.Decode(&row); err != nil {
					return err
				}
				if pairs, ok := row["unmapped"].([]any); ok {
					m := map[string]any{}
					for _, kv := range pairs {
						kv := kv.(map[string]any)
						m[kv["key"].(string)] = kv["value"]
					}
					row["unmapped"] = m
				}
				rows = append(rows, prune(row).(map[string]any))
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// prune leaves NULLs out.
func prune(v any) any {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			if x == nil {
				delete(m, k)
			} else {
				m[k] = prune(x)
			}
		}
	}
	if l, ok := v.([]any); ok {
		for i, x := range l {
			l[i] = prune(x)
		}
	}
	return v
}

// generate makes events with the project's generator.
func generate(t *testing.T, dir string, args ...string) {
	t.Helper()
	c := exec.Command("go", append([]string{"run", "../scripts/nfwgen", "-out", dir}, args...)...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// missing are the attributes that a validator misses, and the place of the object that lacks them, as /http_response.
var missing = regexp.MustCompile(`'([^' ]*)'[^']* missing properties: ([^\n]*)$`)

// onlyUndeclared says whether a validator's complaint is about nothing but what profiles require that are not declared, and attributes
// that the mapping lets records lack, which it counts.
func onlyUndeclared(t *testing.T, class string, complaint error, declared []string, without map[string]int64) bool {
	t.Helper()
	schema, err := ocsf.Load("1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	m := missing.FindStringSubmatch(complaint.Error())
	if m == nil {
		return false
	}
	for _, name := range strings.Split(m[2], ", ") {
		name = strings.Trim(name, `'"`)
		if waived(strings.TrimPrefix(strings.ReplaceAll(m[1]+"/"+name, "/", "."), "."), without) {
			continue
		}
		a := schema.Class(class).Attribute(name)
		if m[1] != "" || a == nil || a.Profile == "" || slices.Contains(declared, a.Profile) {
			return false
		}
	}
	return true
}

// waived counts a path down if it, or the one attribute below it that a record may lack, is among those that may be missing.
func waived(path string, without map[string]int64) bool {
	for p := range without {
		if p == path || strings.HasPrefix(p, path+".") {
			without[p]--
			return true
		}
	}
	return false
}

// TestThirdPartyValidator: every row of the shipped mapping passes a JSON Schema validator that is not ours. That validator
// applies all profiles at once: what only an undeclared profile requires is discounted, nothing else.
func TestThirdPartyValidator(t *testing.T) {
	w := newWorld(t)
	w.spec.Source.Include = nil
	generate(t, filepath.Join(w.dir, "generated"), "-events", "3000", "-window", "24h")
	if err := os.Rename(filepath.Join(w.dir, "generated", "AWSLogs"), filepath.Join(w.dir, "staging")); err != nil {
		t.Fatal(err)
	}
	w.put("111122223333/network-firewall/flow/us-east-1/fw/2025/06/01/00/odd.log", plain(netflow, "\n", alert, "\n",
		event("47047", "70000"), "\n", event(`"proto":"TCP"`, `"proto":"ICMP"`, `"src_port":47047,`, "", `"dest_port":16463,`, ""), "\n",
		strings.Replace(alert, `"severity":3}`, `"severity":3},"tls":{"sni":"a.example"}`, 1), "\n",
		strings.Replace(alert, `"severity":3}`, `"severity":3},"http":{"hostname":"a.example","url":"/x?y=1","http_method":"GET"}`, 1), "\n"))
	sum, err := w.run()
	if err != nil {
		t.Fatal(err)
	}
	if sum.Records.Published != 3006 || sum.Records.Quarantined != 0 {
		t.Fatalf("%+v", sum.Records)
	}
	declared := []string{"cloud", "security_control"}
	rows := w.published()
	if len(rows) != 3006 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		err = validate.Validate("network_activity", text)
		if err == nil {
			continue
		}
		if onlyUndeclared(t, "network_activity", err, declared, nil) {
			continue
		}
		t.Fatalf("row %d: %v\n%s", i, err, text)
	}
	// the judge judges
	bad := rows[0]
	delete(bad, "metadata")
	text, _ := json.Marshal(bad)
	if validate.Validate("network_activity", text) == nil {
		t.Error("the validator takes an event without metadata")
	}
}
