package provenance

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

const (
	batchID   = "01KB6R8Y2N0000000000000001"
	attemptID = "01KB6R8Y2N0000000000000002"
)

func entry(objects int) *Entry {
	q := int64(1)
	e := &Entry{V: Version, Job: "j", Attempt: attemptID, Run: "r", Why: ledger.WhyRun, Manifest: batchID, Files: []File{
		{Key: "ext/t/region=r/" + ledger.FileName(batchID, attemptID, 0), Table: "t", Values: [3]string{"r", "a", "d"}, Rows: 3},
		{Key: "ext/t/region=s/" + ledger.FileName(batchID, attemptID, 1), Table: "t", Values: [3]string{"s", "a", "d"}, Rows: 4, SizeBytes: 5}}}
	b := Batch{Batch: batchID, Base: 7, Had: []string{batchID}, Quarantined: &q}
	for i := range objects {
		sum := ledger.ObjectID{Key: fmt.Sprint(i)}.Hash() // keys that do not compress well
		b.Objects = append(b.Objects, Object{Key: fmt.Sprintf("a/%x.gz", sum), ETag: fmt.Sprintf("%x", sum[:8]), SizeBytes: 10, Modified: 1e12, Read: 8, Published: 7, Quarantined: 1})
	}
	e.Batches = append(e.Batches, b)
	return e
}

func (e *Entry) text(t *testing.T) string {
	t.Helper()
	values, err := e.Values()
	if err != nil {
		t.Fatal(err)
	}
	return values[0].Value
}

// TestEntry: an entry is read as it was written.
func TestEntry(t *testing.T) {
	want := entry(3)
	got, err := decode(want.text(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEntryAboveOneMiB: an entry of many objects has a hash for each, and is smaller than with keys.
func TestEntryAboveOneMiB(t *testing.T) {
	want := entry(60_000)
	plain, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(plain) <= maxEntry {
		t.Fatalf("the entry has only %d bytes with keys", len(plain))
	}
	text := want.text(t)
	if len(text) >= len(plain) {
		t.Errorf("%d bytes with hashes, %d with keys", len(text), len(plain))
	}
	got, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	objects := got.Batches[0].Objects
	if len(objects) != 60_000 {
		t.Fatalf("%d objects", len(objects))
	}
	for i, o := range want.Batches[0].Objects {
		sum := ledger.ObjectID{Key: o.Key, ETag: o.ETag}.Hash()
		if diff := cmp.Diff(Object{Hash: sum[:], Read: 8, Published: 7, Quarantined: 1}, objects[i]); diff != "" {
			t.Fatalf("object %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestEntryRefused: an entry that is damaged or newer is an error, and never half an entry.
func TestEntryRefused(t *testing.T) {
	packed := func(text string) string {
		z, _ := zstd.NewWriter(nil)
		return base64.StdEncoding.EncodeToString(z.EncodeAll([]byte(text), nil))
	}
	good := entry(1).text(t)
	other := entry(1)
	other.Files[1].Key = "ext/t/region=s/" + ledger.FileName(batchID, batchID, 1)
	for name, text := range map[string]string{
		"not base64":                "~" + good,
		"not zstd":                  base64.StdEncoding.EncodeToString([]byte("plain")),
		"cut":                       good[:len(good)/2],
		"not JSON":                  packed("x"),
		"of no job":                 packed(`{"v":1}`),
		"with an unknown field":     packed(`{"v":1,"job":"j","x":1}`),
		"a file of another attempt": other.text(t),
		"with a batch without a ID": packed(`{"v":1,"job":"j","attempt":"` + attemptID + `","batches":[{"batch":"../x"}],"files":[{"key":"x"}]}`),
	} {
		if e, err := decode(text); err == nil || errors.Is(err, ErrNewer) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	if _, err := decode(packed(`{"v":2,"future":true}`)); !errors.Is(err, ErrNewer) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a newer version: %v", err)
	}
}

// TestNames: only files that Silt wrote have such names.
func TestNames(t *testing.T) {
	id, n, ok := Parse("ext/t/region=r/" + batchID + "-" + attemptID + "-12.parquet")
	if !ok || n != 12 || id != (ID{batchID, attemptID}) {
		t.Errorf("%v, %d, %v", id, n, ok)
	}
	if at := id.Time(); !at.Equal(time.Date(2025, 11, 29, 0, 0, 0, 0, time.UTC).Truncate(24*time.Hour)) && at.Year() < 2020 {
		t.Errorf("the attempt's time is %s", at)
	}
	for _, key := range []string{"ext/t/part-0.parquet", "ext/t/" + batchID + "-" + attemptID + "-0.csv", "ext/t/" + batchID + "-" + attemptID + "-01.parquet",
		"ext/t/" + strings.ToLower(batchID) + "-" + attemptID + "-0.parquet", "ext/t/a-b-0.parquet"} {
		if _, _, ok := Parse(key); ok {
			t.Errorf("%s counts as a file of Silt", key)
		}
	}
}

// TestUnreadableFooters: what is not a Parquet file is not an error of the store, and does not stop a search.
func TestUnreadableFooters(t *testing.T) {
	lake := memstore.New("mem://lake")
	for i, content := range []string{"", "PAR1", "PAR1\xff\xff\xff\x7fPAR1", strings.Repeat("x", 100) + "\x20\x00\x00\x00PAR1"} {
		key := fmt.Sprintf("ext/t/%s-%s-%d.parquet", batchID, attemptID[:25]+fmt.Sprint(i), 0)
		o, err := lake.Put(t.Context(), key, bytes.NewReader([]byte(content)), objstore.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if f, err := Read(t.Context(), lake, o); err != nil || f.Err == nil || f.Job != "" {
			t.Errorf("%q: %+v, %v", content, f, err)
		}
	}
	none := func(ID) bool { return false }
	if o, _, err := FirstUnknown(t.Context(), lake, []string{"ext/t/"}, none, "j"); err != nil || o.Key != "" {
		t.Errorf("of job j: %v, %v", o, err)
	}
	if o, _, err := FirstUnknown(t.Context(), lake, []string{"ext/t/"}, none, ""); err != nil || o.Key == "" {
		t.Errorf("of any job: %v, %v", o, err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := FirstUnknown(stopped, lake, []string{"ext/t/"}, none, "j"); err == nil {
		t.Error("a search that was stopped found nothing")
	}
}
