package hostile

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/silt-etl/silt/internal/decode/archive/archivetest"
)

type member = archivetest.Member

func written(t *testing.T, text string, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packs are all packings but bzip2, which Go does not write.
func packs(t *testing.T) map[string]func(string) []byte {
	return map[string]func(string) []byte{
		"gzip":   gz,
		"zstd":   func(s string) []byte { return zst(t, s) },
		"zip":    func(s string) []byte { return archivetest.Zip(t, member{"a.log", s}) },
		"tar.gz": func(s string) []byte { return gz(string(archivetest.Tar(t, member{"a.log", s}))) },
		"lz4": func(s string) []byte {
			return written(t, s, func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil })
		},
		"xz": func(s string) []byte {
			return written(t, s, func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 1 << 16}.NewWriter(w) })
		},
		"snappy": func(s string) []byte {
			return written(t, s, func(w io.Writer) (io.WriteCloser, error) { return snappy.NewBufferedWriter(w), nil })
		},
	}
}

// TestArchives: whatever is wrong with one member of an archive, the others are published, and the archive does not stop other objects.
func TestArchives(t *testing.T) {
	blanks := strings.Repeat(" ", size(80<<20, 1<<30))
	good := func(first int) member { return member{fmt.Sprint(first), ten(first)} }
	checksum := func(b []byte) string {
		b[len(b)-6] ^= 1
		return string(b)
	}
	var many []member
	for i := range size(1000, 10_000) {
		many = append(many, member{fmt.Sprintf("%05d", i), "\n"})
	}
	for name, bad := range map[string]member{
		"cut gzip":        {"bad", string(gz(ten(500))[:50])},
		"a checksum":      {"bad", checksum(gz(strings.Repeat(ten(500), 500)))},
		"an archive":      {"bad", string(archivetest.Zip(t, good(500)))},
		"a tar in gzip":   {"bad", string(gz(string(archivetest.Tar(t, good(500)))))},
		"Parquet":         {"bad", "PAR1...."},
		"a path":          {"../../../../tmp/bad", strings.Repeat("x\n", 10)},
		"a window":        {"bad", "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"},
		"an open bracket": {"bad", "[" + strings.Repeat("{},", size(1<<20, 64<<20))},
		"a long line":     {"bad", strings.Repeat("x", size(1<<20, 64<<20))},
		"nothing":         {"bad", ""},
		"a zip bomb":      {"bad", string(gz(blanks))},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("a.zip", archivetest.Zip(t, good(100), bad, good(200)))
			w.put("b.tar.gz", gz(string(archivetest.Tar(t, good(300), bad, good(400)))))
			w.put("later.log", []byte(ten(600)))
			for _, first := range []int{100, 200, 300, 400} {
				for i := range 10 {
					w.may[fmt.Sprint(first+i)] = true // a bomb is the archive's fault
				}
				if name != "a zip bomb" {
					w.wants(first, 10)
				}
			}
			w.wants(600, 10)
			peakBelow(t, maxPeak, func() { w.done() })
		})
	}
	t.Run("encrypted", func(t *testing.T) {
		w := newWorld(t)
		w.put("a.zip", archivetest.Encrypt(archivetest.Zip(t, good(100), member{"secret", ten(500)}, good(200)), "secret"))
		w.wants(100, 10)
		w.wants(200, 10)
		if sum := w.done(); sum.Reasons["MEMBER_ENCRYPTED"] != 1 {
			t.Errorf("%v", sum.Reasons)
		}
	})
	t.Run("many members", func(t *testing.T) {
		w := newWorld(t)
		w.put("a.zip", archivetest.Zip(t, append(many, good(100))...))
		w.put("b.tar", archivetest.Tar(t, append(many, good(200))...))
		w.wants(100, 10)
		w.wants(200, 10)
		w.done()
	})
}
