package attempt_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

const logins = `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, coalesce(id, 'x') AS "user.name", 'P' AS "metadata.product.name", 'V' AS "metadata.product.vendor_name" FROM raw`

func compiled(t *testing.T, header string) *sqlgen.Compiled {
	return sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": header + "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR);", "a.sql": logins}))
}

// bodies is a store whose objects are what get returns. place "local" is read in place, others are fetched first.
type bodies struct {
	objstore.Reader
	local bool
	get   func(key string) io.ReadCloser
}

func (b bodies) Local() bool { return b.local }
func (b bodies) Get(_ context.Context, key string, _ objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	return b.get(key), objstore.Object{Key: key}, nil
}

func options(t *testing.T, c *sqlgen.Compiled, staging objstore.Reader) attempt.Options {
	return attempt.Options{Job: "t", Run: "r", Compiled: c, Staging: staging, TempDir: t.TempDir(), MemoryBytes: 512 << 20, Threads: 2,
		Region: "us-east-1", Account: "111122223333", MaxDay: 30000}
}

func object(keys ...string) (out []attempt.Object) {
	for _, k := range keys {
		out = append(out, attempt.Object{Object: objstore.Object{Key: k, ETag: "e"}})
	}
	return out
}

// repeated is an object of n times the same text. It calls stop once it has given `at` of them, and counts what is read afterwards.
type repeated struct {
	text  string
	n, at int
	given int
	stop  func()
	after atomic.Int64
	left  []byte
}

func (r *repeated) Close() error { return nil }
func (r *repeated) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		switch {
		case r.given == r.n:
			return 0, io.EOF
		case r.given == r.at:
			r.stop()
		case r.given > r.at:
			r.after.Add(1)
		}
		r.given++
		r.left = []byte(r.text)
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

// TestStopWhileNothingComesOut: an attempt that is stopped ends although its object gives only rejects, or nothing at all, and is
// not read any further.
func TestStopWhileNothingComesOut(t *testing.T) {
	rejects := strings.Repeat("\"\n", 32<<10)
	for _, c := range []struct {
		name, header, text string
		fetched            bool
		unpacks            int // of text, for each byte
	}{
		{name: "rejects", text: rejects},
		{name: "blank lines", text: strings.Repeat("\n", 64<<10)},
		{name: "comments", header: "-- format: csv\n-- columns: ts, id\n-- comment: #\n", text: strings.Repeat("# nothing\n", 6<<10)},
		{name: "an array without elements", text: "[" + strings.Repeat(",", 64<<10)},
		{name: "gzip members of rejects", text: gzipped(strings.Repeat("\"\n", 16<<10))},
		{name: "gzip members without content", text: strings.Repeat(gzipped(""), 3<<10)},
		{name: "UTF-16", text: strings.Repeat("\"\x00\n\x00", 16<<10)},
		{name: "an object that is fetched", text: rejects, fetched: true},
		{name: "Parquet that is copied", header: "-- format: parquet\n", text: strings.Repeat("PAR1", 16<<10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			why := errors.New("stopped by the test")
			body := &repeated{text: c.text, n: 200, at: 20, stop: func() { stop(why) }}
			staging := bodies{local: !c.fetched, get: func(string) io.ReadCloser { return body }}
			_, err := attempt.Run(ctx, options(t, compiled(t, c.header), staging), object("a"))
			if err == nil || ctx.Err() == nil {
				t.Fatalf("it was not stopped: %v", err)
			}
			if n := body.after.Load(); n > 8 { // what one buffer takes
				t.Errorf("%d parts were read after the stop", n)
			}
		})
	}
}

// TestStopInsideAnObject: a small object that unpacks to millions of rejects is left in the middle.
func TestStopInsideAnObject(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	text := gzipped(strings.Repeat("\"\n", 8<<20))
	o := options(t, compiled(t, ""), bodies{local: true, get: func(string) io.ReadCloser {
		return &repeated{text: text, n: 1, at: 0, stop: stop}
	}})
	var seen atomic.Int64
	o.Progress = func(s attempt.Stage, n int64) {
		if s == attempt.StageRecords {
			seen.Add(n)
		}
	}
	if _, err := attempt.Run(ctx, o, object("a")); err == nil {
		t.Fatal("it was not stopped")
	}
	if n := seen.Load(); n > 0 {
		t.Errorf("%d records were scanned after the stop", n)
	}
}

// TestStopWhileQuarantineIsWritten: the second reading of an object, for the raw bytes of its rejects, can be stopped as well.
func TestStopWhileQuarantineIsWritten(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	reads := 0
	var second *repeated
	o := options(t, compiled(t, ""), bodies{local: true, get: func(string) io.ReadCloser {
		if reads++; reads == 1 {
			return &repeated{text: "{}\n" + strings.Repeat(" \n", 32<<10), n: 200, at: -1}
		}
		second = &repeated{text: strings.Repeat(" \n", 32<<10), n: 200, at: 20, stop: stop}
		return second
	}})
	if _, err := attempt.Run(ctx, o, object("a")); err == nil || reads != 2 {
		t.Fatalf("it was not stopped: %v, %d reads", err, reads)
	}
	if n := second.after.Load(); n > 8 {
		t.Errorf("%d parts were read after the stop", n)
	}
}
