package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode/budget"
)

// avroFile is a file of internal/decode/avro, which fastavro wrote: null.avro has eight records, two.avro two.
func avroFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("avro/testdata/" + name + ".avro")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAvro: the records of an object with their values, and the reasons why an object is refused.
func TestAvro(t *testing.T) {
	spec := &Spec{Format: Format{Name: FormatAvro}, Leaves: []Leaf{{Path: []string{"at_us"}, Kind: Timestamp}, {Path: []string{"peer", "ip"}, Kind: Text}, {Path: []string{"body", "a"}, Kind: Int64}}, Parsers: []Parser{{Path: []string{"body"}, Name: ParseJSON}}}
	object := avroFile(t, "deflate")
	d := NewRecords(spec, NewKeys(), Options{})
	for range 2 { // the reader is used for several objects
		d.Open(strings.NewReader(object))
		for i := range int64(8) {
			n, raw, rej, err := d.Next()
			if rej != nil || err != nil || n != i+1 {
				t.Fatal(n, rej, err)
			}
			v := d.Values()
			if v[0].Int != -1 || string(v[1].Text) != fmt.Sprint("192.0.2.", i) || v[2].Set != (i%2 == 0) || !bytes.Contains(d.Rest(), []byte("443")) {
				t.Errorf("record %d: %v %s", n, v, raw)
			}
		}
		if _, _, _, err := d.Next(); err != io.EOF {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		object, code, want string
		o                  Options
	}{
		"cut":             {object[:len(object)-5], ReasonUnpack, "Avro: the object is truncated", Options{}},
		"text":            {"{\"a\":1}\n", ReasonUnpack, "Avro: it does not begin with Obj", Options{}},
		"packed":          {string(packed([]byte(object))), ReasonUnpack, "Avro: gzip: an Avro file is compressed inside", Options{}},
		"a small budget":  {object, ReasonTooLarge, "Avro: an Avro schema of", Options{Memory: budget.New(1, 1)}},
		"another mapping": {object, ReasonUnpack, "Avro: write `-- format: avro` into the mapping's raw.sql to read it", Options{MaxRecordBytes: -1}},
	} {
		s := spec
		if c.o.MaxRecordBytes < 0 {
			s = &Spec{}
		}
		var rej *Reject
		if _, err := readAll(strings.NewReader(c.object), s, c.o); !errors.As(err, &rej) || rej.Code != c.code || !strings.Contains(rej.Message, c.want) {
			t.Errorf("%s: %v, want %s %s", name, err, c.code, c.want)
		}
	}
	got, err := readAll(strings.NewReader(avroFile(t, "null")), spec, Options{MaxRecordBytes: 100})
	if err != nil || len(got) != 8 || !strings.HasPrefix(got[0], ReasonTooLong+` {"ok":true`) {
		t.Errorf("long records: %v %v", got, err)
	}
	stopped := errors.New("stopped")
	if _, err := readAll(strings.NewReader(object), spec, Options{Stopped: func() error { return stopped }}); !errors.Is(err, stopped) {
		t.Error(err)
	}
}
