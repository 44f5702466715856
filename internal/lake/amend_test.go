package lake

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/google/go-cmp/cmp"
)

// memFile is a file in memory that Amend can change.
type memFile struct{ b []byte }

func (m *memFile) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(m.b).ReadAt(p, at) }
func (m *memFile) Truncate(n int64) error                 { m.b = m.b[:n]; return nil }
func (m *memFile) WriteAt(p []byte, at int64) (int, error) {
	if at != int64(len(m.b)) {
		return 0, io.ErrShortWrite
	}
	m.b = append(m.b, p...)
	return len(p), nil
}

// arrowValues are a footer's metadata as arrow-go reads it.
func arrowValues(t *testing.T, b []byte) map[string]string {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := map[string]string{}
	kv := r.MetaData().KeyValueMetadata()
	for i, k := range kv.Keys() {
		out[k] = kv.Values()[i]
	}
	return out
}

// TestAmend: what is added to a footer can be read, by us and by arrow-go, and the gate finds the same file as before.
func TestAmend(t *testing.T) {
	s, rows := small(), smallBatch(goodRows(500)...)
	plain, _ := write(t, writers["page"], s, WriterOptions{RowGroupRows: 100}, []arrow.RecordBatch{rows})
	named, _ := write(t, writers["page"], s, WriterOptions{RowGroupRows: 100, KeyValues: []KeyValue{{"silt.job", "a"}}}, []arrow.RecordBatch{rows})
	if diff := cmp.Diff(map[string]string{"silt.job": "a"}, arrowValues(t, named)); diff != "" {
		t.Errorf("a file that was written with metadata (-want +got):\n%s", diff)
	}
	long := strings.Repeat("x", 2<<20)
	for name, c := range map[string]struct {
		file []byte
		add  []KeyValue
		want map[string]string
	}{
		"a file of ours":                {plain, []KeyValue{{"k", "v"}}, map[string]string{"k": "v"}},
		"a file of ours with metadata":  {named, []KeyValue{{"k", long}, {"empty", ""}}, map[string]string{"silt.job": "a", "k": long, "empty": ""}},
		"a file of a foreign writer":    {raw(t, s, rows), []KeyValue{{"k", "v"}}, nil},
		"a file that was amended again": {amended(t, named, KeyValue{"k", "1"}), []KeyValue{{"l", "2"}}, map[string]string{"silt.job": "a", "k": "1", "l": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := verify(t, c.file, expect(s, 500))
			got := amended(t, c.file, c.add...)
			after := verify(t, got, expect(s, 500))
			if after.Bytes != int64(len(got)) {
				t.Errorf("the gate counts %d bytes of %d", after.Bytes, len(got))
			}
			before.Bytes = after.Bytes
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the gate's report (-before +after):\n%s", diff)
			}
			want := c.want
			if want == nil {
				want = arrowValues(t, c.file)
				want["k"] = "v"
			}
			if diff := cmp.Diff(want, arrowValues(t, got)); diff != "" {
				t.Errorf("arrow-go reads (-want +got):\n%s", diff)
			}
			n, err := FooterBytes(got[len(got)-8:])
			if err != nil {
				t.Fatal(err)
			}
			values, err := KeyValues(got[int64(len(got))-n:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, values); diff != "" {
				t.Errorf("KeyValues reads (-want +got):\n%s", diff)
			}
			if _, err := KeyValues(got[int64(len(got))-n+1:]); err == nil {
				t.Error("KeyValues took a tail that is a byte too short")
			}
		})
	}
}

func amended(t *testing.T, b []byte, values ...KeyValue) []byte {
	t.Helper()
	f := &memFile{bytes.Clone(b)}
	n, err := Amend(f, int64(len(b)), values)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(len(f.b)) {
		t.Fatalf("the size is %d, but the file has %d bytes", n, len(f.b))
	}
	return f.b
}

// TestAmendDamaged: a file that is cut or changed anywhere in its footer is refused or amended, and nothing panics. A file on disk is
// refused as one in memory is.
func TestAmendDamaged(t *testing.T) {
	s := small()
	good, _ := write(t, writers["page"], s, WriterOptions{KeyValues: []KeyValue{{"silt.job", "a"}}}, []arrow.RecordBatch{smallBatch(goodRows(3)...)})
	n, err := FooterBytes(good)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(good) - int(n); i < len(good); i++ {
		for _, bit := range []byte{1, 0x10, 0x80} {
			b := bytes.Clone(good)
			b[i] ^= bit
			f := &memFile{b}
			_, _ = Amend(f, int64(len(b)), []KeyValue{{"k", "v"}})
			_, _ = KeyValues(b[len(b)-int(n):])
		}
		if _, err := KeyValues(good[len(good)-int(n) : i]); err == nil {
			t.Errorf("KeyValues took a file that ends %d bytes too early", len(good)-i)
		}
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, good[:len(good)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := Amend(h, int64(len(good)-1), nil); err == nil {
		t.Error("a file that was cut was amended")
	}
}
