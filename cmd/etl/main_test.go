package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/registration/lakefake"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"etl": main})
}

var update = flag.Bool("update", false, "write the expected output of the scripts and the generated tables")

// TestScripts runs testdata/script: each is a folder of files, commands, and their expected output. Binary files are added:
// packed.log.gz is one good record, cut.log.gz its first half; flows.parquet has two row groups of 300 flows, cut.parquet is
// flows.parquet without its end, and two.parquet has two row groups of one flow.
func TestScripts(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(`{"event":{"timestamp":"2025-06-01T10:00:00+0000","event_type":"netflow","src_ip":"10.0.0.1","dest_ip":"10.0.0.9","proto":"UDP"}}` + "\n"))
	z.Close()
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			lake, err := lakefake.New() // Security Lake, for scripts that set AWS_ENDPOINT_URL to it
			if err != nil {
				return err
			}
			server := httptest.NewServer(lake)
			e.Defer(server.Close)
			e.Setenv("SECURITY_LAKE", server.URL)
			half := packed.Bytes()[:packed.Len()/2]
			rows := flows(t, 300)
			return errors.Join(os.WriteFile(filepath.Join(e.WorkDir, "flows.parquet"), rows, 0o644),
				os.WriteFile(filepath.Join(e.WorkDir, "two.parquet"), flows(t, 1), 0o644),
				os.WriteFile(filepath.Join(e.WorkDir, "cut.parquet"), rows[:len(rows)-100], 0o644),
				os.WriteFile(filepath.Join(e.WorkDir, "packed.log.gz"), packed.Bytes(), 0o644),
				os.WriteFile(filepath.Join(e.WorkDir, "cut.log.gz"), half, 0o644))
		}})
}

// flows returns VPC flow logs in Parquet, in two row groups of n; the eighth flow of each group has no start.
func flows(t *testing.T, n int) []byte {
	t.Helper()
	field := func(name string, typ arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: typ, Nullable: true}
	}
	sc := arrow.NewSchema([]arrow.Field{field("start", arrow.FixedWidthTypes.Timestamp_us), field("srcaddr", arrow.BinaryTypes.String), field("dstport", arrow.PrimitiveTypes.Int32),
		field("bytes", arrow.PrimitiveTypes.Int64), field("tags", arrow.ListOf(arrow.BinaryTypes.String)), field("hash", arrow.BinaryTypes.Binary)}, nil)
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(sc, &out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy)), pqarrow.NewArrowWriterProperties())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
		for i := range n {
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("192.0.2.%d", i%250))
			if i == 7 {
				b.Field(0).AppendNull()
			} else {
				b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(1748772000000000 + int64(i)*1000250))
			}
			b.Field(2).(*array.Int32Builder).Append(443)
			b.Field(3).(*array.Int64Builder).Append(int64(i))
			tags := b.Field(4).(*array.ListBuilder)
			tags.Append(true)
			tags.ValueBuilder().(*array.StringBuilder).Append("a")
			b.Field(5).(*array.BinaryBuilder).Append([]byte{0xff, byte(i)})
		}
		if err := w.Write(b.NewRecordBatch()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// shipped returns the path of a file of the project, relative to this folder.
func shipped(path string) string { return filepath.Join("..", "..", filepath.FromSlash(path)) }

func TestSchemaOfJobFilesIsTheShippedOne(t *testing.T) {
	have, err := os.ReadFile(shipped("jobs/specs/job.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, jobfile.Schema(jobKinds())) {
		t.Error("jobs/specs/job.schema.json is not what etl check --schema prints; write it again: etl check --schema > jobs/specs/job.schema.json")
	}
}

// writeText writes a file, and the folders above it.
func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// etl runs a command in this process.
func etl(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs, os.LookupEnv)
	return out.String(), errs.String(), code
}
