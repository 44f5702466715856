package jobs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// event is the netflow sample with parts of it replaced.
func event(oldNew ...string) string { return strings.NewReplacer(oldNew...).Replace(netflow) }

func (w *world) quarantined() []quarantine.Row {
	w.t.Helper()
	files, _ := filepath.Glob(filepath.Join(w.dir, "state/test/quarantine/*/*.parquet"))
	var rows []quarantine.Row
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := quarantine.Read(context.Background(), bytes.NewReader(b), func(r quarantine.Row) error { rows = append(rows, r); return nil }); err != nil {
			w.t.Fatal(err)
		}
	}
	return rows
}

func plain(parts ...string) []byte { return []byte(strings.Join(parts, "")) }

// TestBadInput: what is read as it is meant, what is quarantined record by record and why, what is kept with the value in
// unmapped, and what is refused whole.
func TestBadInput(t *testing.T) {
	whole := gz(netflow, alert)
	crc := bytes.Clone(whole)
	crc[len(crc)-6] ^= 0xff
	many := func() []byte {
		var b bytes.Buffer
		for _, s := range []string{netflow + "\n", alert + "\n", netflow} {
			z := gzip.NewWriter(&b)
			io.WriteString(z, s)
			z.Close()
		}
		return b.Bytes()
	}
	var long bytes.Buffer
	z := gzip.NewWriter(&long)
	fmt.Fprintf(z, "%s\n{\"firewall_name\":\"%s\"}\n%s\n", netflow, strings.Repeat("x", 64<<20), alert)
	z.Close()
	deep := `{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}"
	for _, c := range []struct {
		name      string
		data      []byte
		published int64
		reasons   string // "CODE@record ..." in order
		whole     bool
	}{
		{"plain text named .gz", plain(netflow, "\n", alert, "\n"), 2, "", false},
		{"several gzip members", many(), 3, "", false},
		{"BOM", plain("\ufeff", netflow, "\n"), 1, "", false},
		{"CRLF", plain(netflow, "\r\n", alert, "\r\n"), 2, "", false},
		{"blank lines", plain("\n\n", netflow, "\n  \n\n", alert, "\n\n"), 2, "", false},
		{"no final newline", plain(netflow, "\n", alert), 2, "", false},
		{"glued together", plain(netflow, alert, " ", netflow), 3, "", false},
		{"a JSON array", plain("[", netflow, ",\n", alert, "]"), 2, "", false},
		{"duplicate keys", plain(event(`"dest_port":16463`, `"dest_port":16463,"dest_port":1`)), 1, "", false},
		{"an empty object", nil, 0, "", false},
		{"an empty gzip", gz(), 0, "", false},

		{"a broken line", plain(netflow, "\n", `{"firewall_name":"x`, "\n", alert, "\n"), 2, "RECORD_NOT_JSON@2", false},
		{"an unclosed line", plain(netflow, "\n", netflow[:200], "\n", alert, "\n"), 2, "RECORD_NOT_JSON@2", false},
		{"a line of 64 MB", long.Bytes(), 2, "RECORD_TOO_LONG@2", false},
		{"invalid UTF-8", plain(netflow, "\n", event(`"firewall"`, "\"fire\xffwall\""), "\n"), 1, "RECORD_NOT_UTF8@2", false},
		{"NUL", plain(netflow, "\n", event(`"firewall"`, "\"fire\x00wall\""), "\n"), 1, "RECORD_HAS_NUL@2", false},
		{"escaped NUL", plain(netflow, "\n", event(`"firewall"`, `"fire\u0000wall"`), "\n"), 1, "RECORD_HAS_NUL@2", false},
		{"nested 10000 deep", plain(deep, "\n", netflow), 1, "RECORD_TOO_DEEP@1", false},
		{"no timestamp", plain(event(`"timestamp":"2020-10-01T21:26:05.007515+0000",`, "")), 0, "TIME_MISSING@1", false},
		{"a timestamp that is none", plain(netflow, "\n", event("2020-10-01T21:26:05.007515+0000", "yesterday")), 1, "TIME_UNREADABLE@2", false},
		{"an unknown event type", plain(event(`"netflow",`, `"tlsx",`), "\n", alert), 1, "NO_PROJECTION@1", false},
		{"a day in 1970", plain(event("2020-10-01T21:26:05.007515", "1970-01-01T00:00:00")), 0, "EVENT_DAY_OUT_OF_RANGE@1", false},
		{"a day in 2262", plain(event("2020-10-01T21:26:05.007515", "2262-04-12T00:00:00"), "\n", alert), 1, "EVENT_DAY_OUT_OF_RANGE@1", false},

		{"a port of 70000", plain(event("47047", "70000")), 1, "", false},
		{"a port of http", plain(event("47047", `"http"`)), 1, "", false},
		{"a number over 64 bits", plain(event(`"bytes":60`, `"bytes":123456789012345678901234567890`)), 1, "", false},

		{"a truncated gzip", whole[:len(whole)-20], 0, "OBJECT_UNREADABLE@0", true},
		{"a wrong CRC", crc, 0, "OBJECT_UNREADABLE@0", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "max_quarantine_ratio: 1", "max_broken_ratio: 1")
			w.put(key("a"), c.data)
			sum, err := w.run()
			if err != nil {
				t.Fatal(err)
			}
			if sum.Records.Published != c.published {
				t.Errorf("published %d, want %d", sum.Records.Published, c.published)
			}
			if r := sum.Records; r.Read != r.Published+r.Filtered+r.Quarantined {
				t.Errorf("the summary does not reconcile: %+v", r)
			}
			var got []string
			for _, q := range w.quarantined() {
				got = append(got, fmt.Sprintf("%s@%d", q.Reason, q.Record))
				if q.Message == "" || q.Object != key("a") || q.ETag == "" || q.Run != sum.Run {
					t.Errorf("row %+v", q)
				}
				if (q.Record > 0) != (len(q.Raw) > 0) {
					t.Errorf("record %d has %d raw bytes", q.Record, len(q.Raw))
				}
				if !strings.Contains(strings.Join(sum.Quarantine, " "), "quarantine") {
					t.Error("the summary does not name the quarantine")
				}
			}
			if s := strings.Join(got, " "); s != c.reasons {
				t.Errorf("quarantine %q, want %q", s, c.reasons)
			}
			if strings.HasPrefix(c.name, "a port of") && sum.Misses["event.src_port"]+sum.Misses["src_endpoint.port"] != 1 {
				t.Errorf("not counted: %v", sum.Misses)
			}
			if (sum.Objects.Quarantined == 1) != c.whole {
				t.Errorf("%d objects quarantined whole", sum.Objects.Quarantined)
			}
			again, err := w.run()
			if err != nil || again.Records.Read != 0 || again.Objects.Taken != 1 {
				t.Errorf("second run: %v, %+v", err, again)
			}
		})
	}
}

// TestQuarantineKeepsRawBytes: to the byte, for rejects of the scanner and of the projection.
func TestQuarantineKeepsRawBytes(t *testing.T) {
	w := newWorld(t, "max_quarantine_ratio: 1")
	bad := []string{"{\"firewall_name\":\"\xff\xfe\"}", event(`"timestamp":"2020-10-01T21:26:05.007515+0000",`, ""), `{"a":1`, event(`"netflow",`, `"x",`)}
	w.put(key("a"), gz(bad[0], netflow, bad[1], alert, bad[2], bad[3]))
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	got := map[int64]string{}
	for _, q := range w.quarantined() {
		got[q.Record] = string(q.Raw)
	}
	for i, record := range []int64{1, 3, 5, 6} {
		if got[record] != bad[i] {
			t.Errorf("record %d: %q, want %q", record, got[record], bad[i])
		}
	}
}

func TestOverTheQuarantineLimit(t *testing.T) {
	w := newWorld(t, "max_quarantine_ratio: 0.2")
	w.put(key("a"), gz(netflow, "broken", alert, netflow))
	sum, err := w.run()
	if !errors.Is(err, jobs.ErrQuarantine) || exitCodeOf(err) != 3 {
		t.Fatalf("error %v", err)
	}
	wantError(t, "the run", err, jobs.ErrQuarantine, 3, "1 of 4 records were rejected (25.00%), and limits.max_quarantine_ratio allows 20.00%", "RECORD_NOT_JSON 1",
		"Example: RECORD_NOT_JSON, "+key("a")+", record 2: broken. Try: ")
	if sum.State != "FAILED" {
		t.Error(sum.State)
	}
	files, _ := filepath.Glob(filepath.Join(w.dir, "lake/ext/*/*/*/*/*"))
	held, _ := filepath.Glob(filepath.Join(w.dir, "lake/.silt/held/*"))
	if len(files)+len(held) > 0 || len(w.quarantined()) > 0 {
		t.Errorf("left behind: %q %q", files, held)
	}
	w.spec.Limits.MaxQuarantineRatio = 0.25
	if sum.Records != (report.RecordCounts{}) || sum.Reasons["RECORD_NOT_JSON"] != 1 {
		t.Errorf("nothing was committed, but the summary says %+v, %v", sum.Records, sum.Reasons)
	}
	// the plan was given up with its mapping: what a corrected one takes is not in the way of the old one
	if l, err := ledger.Open(w.runner().State, "test", ledger.Options{}); err != nil {
		t.Fatal(err)
	} else if st, err := l.Fold(t.Context()); err != nil || len(st.OpenBatches()) != 0 {
		t.Errorf("open batches are left: %v", err)
	}
	if sum, err = w.run(); err != nil || sum.Records.Published != 3 || sum.Records.Quarantined != 1 {
		t.Errorf("with a higher limit: %v, %+v", err, sum.Records)
	}
}

// racing changes or deletes objects after they are listed.
type racing struct {
	objstore.Bucket
	before func(key string)
}

func (r racing) Local() bool { return true }

func (r racing) Get(ctx context.Context, key string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	r.before(key)
	return r.Bucket.Get(ctx, key, o)
}

func TestChangedBetweenListAndGet(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	w.put(key("b"), gz(netflow))
	w.put(key("c"), gz(netflow))
	r := w.runner()
	r.Staging = racing{r.Staging.(objstore.Bucket), func(k string) {
		switch k {
		case key("a"):
			w.put(k, gz(netflow, alert, netflow))
		case key("b"):
			os.Remove(filepath.Join(w.dir, "staging", k))
		}
	}}
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Records.Published != 1 || sum.Objects.Gone != 2 || sum.Records.Quarantined != 0 {
		t.Fatalf("%v, %+v", err, sum)
	}
	sum, err = w.run()
	if err != nil || sum.Records.Published != 3 || sum.Objects.Read != 1 {
		t.Errorf("the new version: %v, %+v", err, sum)
	}
}

func TestNoStaging(t *testing.T) {
	w := newWorld(t)
	r := w.runner()
	os.RemoveAll(filepath.Join(w.dir, "staging"))
	_, err := r.Run(t.Context(), jobs.RunOptions{})
	if !errors.Is(err, objstore.ErrNoStore) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestKeyNotUTF8: a file name that the ledger could not keep is left out with a warning, and keeps nothing else.
func TestKeyNotUTF8(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	w.put(key("b\xff"), gz(alert))
	sum, err := w.run()
	if err != nil || sum.Records.Published != 1 || sum.Objects.Gone != 0 || sum.Objects.New != 1 {
		t.Errorf("%v, %+v", err, sum)
	}
	if len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], `1 object of staging whose name is not UTF-8`) || !strings.Contains(sum.Warnings[0], `/b\xff.log.gz"`) {
		t.Errorf("warnings: %q", sum.Warnings)
	}
}
