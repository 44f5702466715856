package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/silt-etl/silt/jobs"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"etl": main})
}

var update = flag.Bool("update", false, "write what the scripts compare with anew")

// TestScripts runs testdata/script: each is a folder of files and what etl says and does there. What a text file cannot hold
// is put beside: packed.log.gz is one good record, cut.log.gz its first half.
func TestScripts(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(`{"event":{"timestamp":"2025-06-01T10:00:00+0000","event_type":"netflow","src_ip":"10.0.0.1","dest_ip":"10.0.0.9","proto":"UDP"}}` + "\n"))
	z.Close()
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			half := packed.Bytes()[:packed.Len()/2]
			return errors.Join(os.WriteFile(filepath.Join(e.WorkDir, "packed.log.gz"), packed.Bytes(), 0o644),
				os.WriteFile(filepath.Join(e.WorkDir, "cut.log.gz"), half, 0o644))
		}})
}

// shipped is a file of the project, from this package's folder.
func shipped(path string) string { return filepath.Join("..", "..", filepath.FromSlash(path)) }

func TestSchemaOfJobFilesIsTheShippedOne(t *testing.T) {
	have, err := os.ReadFile(shipped("jobs/specs/job.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, jobs.JSONSchema()) {
		t.Error("jobs/specs/job.schema.json is not what etl check --schema prints; write it anew: etl check --schema > jobs/specs/job.schema.json")
	}
}

// etl runs a command in this process.
func etl(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs, os.LookupEnv)
	return out.String(), errs.String(), code
}
