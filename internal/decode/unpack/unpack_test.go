package unpack

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/silt-etl/silt/internal/decode/budget"
)

func gz(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zst(t *testing.T, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

// TestReader: one reader for all objects, whole and damaged ones in turn. A damaged one gives a *Fault, never a silent end.
func TestReader(t *testing.T) {
	const text = "{\"a\":1}\n{\"b\":2}\n"
	z, s := gz(t, text), zst(t, text)
	flip := func(b string, at int) string { return b[:at] + string(b[at]^1) + b[at+1:] }
	var u Reader
	for _, c := range []struct {
		name, object string
		kind         Kind
		fault        string // "": the text is read
	}{
		{"plain", text, Plain, ""},
		{"gzip", z, gzipped, ""},
		{"gzip, cut", z[:len(z)-3], gzipped, "gzip: the object is truncated"},
		{"gzip, cut in its header", z[:6], gzipped, "gzip: the object is truncated"},
		{"gzip, another checksum", flip(z, len(z)-5), gzipped, "gzip: the checksum or the length does not match"},
		{"gzip, then text", z + "text after it", gzipped, "gzip: a broken header, or bytes after the end that are not a gzip member"},
		{"zstd", s, zstded, ""},
		{"zstd, cut", s[:len(s)-3], zstded, "zstd: the object is truncated"},
		{"zstd behind a skippable frame", "\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + s, zstded, ""},
		{"zip", "PK\x03\x04....", "zip", "zip is not supported here; objects must be text, packed or not"},
		{"Parquet", "PAR1....", Parquet, "Parquet: write `-- format: parquet` into the mapping's raw.sql to read it"},
	} {
		err := u.Open(strings.NewReader(c.object))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(&u)
		}
		if u.Kind() != c.kind {
			t.Errorf("%s: kind %q, want %q", c.name, u.Kind(), c.kind)
		}
		var f *Fault
		switch {
		case c.fault == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.fault == "" && string(got) != text:
			t.Errorf("%s: %q", c.name, got)
		case c.fault != "" && (!errors.As(err, &f) || f.Message != c.fault):
			t.Errorf("%s: %v, want the fault %q", c.name, err, c.fault)
		}
	}
}

// TestMembers: a gzip object may have any number of members.
func TestMembers(t *testing.T) {
	var u Reader
	if err := u.Open(strings.NewReader(gz(t, "a") + gz(t, "") + gz(t, "bc"))); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(&u); err != nil || string(got) != "abc" {
		t.Errorf("%q, %v", got, err)
	}
}

// windowed is a frame with a window of so many bytes, whose content is longer than the window.
func windowed(t *testing.T, window, content int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("text ", 199) + "end.\n"
	for n := 0; n < content; n += len(line) {
		if _, err := w.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWindows: the budget decides about a window before it is allocated, in whichever frame it is, and whether it holds all of the content.
func TestWindows(t *testing.T) {
	small, large := windowed(t, 1<<20, 2<<20), windowed(t, 32<<20, 40<<20)
	single := zst(t, strings.Repeat("0123456789abcdef", 256<<10))
	claims := "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00" // 2 GiB, and an empty block
	for _, c := range []struct {
		name, object string
		most         int64
		fits         bool
	}{
		{"within", small, 1 << 20, true},
		{"above", small, 1<<20 - 1, false},
		{"a second frame", small + "\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + large, 1 << 20, false},
		{"a second frame within", small + large + small, 32 << 20, true},
		{"one segment", single, 4<<20 - 1, false},
		{"one segment within", single, 4 << 20, true},
		{"a claim", claims, 64 << 20, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := budget.New(0, c.most)
			use := b.NewUse(nil)
			u := Reader{Memory: use}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := u.Open(strings.NewReader(c.object))
			if err == nil {
				_, err = io.Copy(io.Discard, &u)
			}
			runtime.ReadMemStats(&after)
			large, refused := errors.AsType[*budget.TooLarge](err)
			if refused == c.fits || c.fits && err != nil {
				t.Errorf("%v (%v)", err, large)
			}
			if got := int64(after.TotalAlloc - before.TotalAlloc); got > c.most+4<<20 {
				t.Errorf("%d MiB allocated", got>>20)
			}
			u.Close()
			use.Release()
			if other := b.NewUse(nil); other.Need(c.most, "all") != nil {
				t.Error("the budget is still in use")
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestSourceError: the object's own read error is not a fault of its content, even if it looks like a truncation.
func TestSourceError(t *testing.T) {
	want := io.ErrUnexpectedEOF
	var u Reader
	err := u.Open(io.MultiReader(strings.NewReader(gz(t, strings.Repeat("text", 1000))[:20]), failing{want}))
	if err == nil {
		_, err = io.ReadAll(&u)
	}
	var f *Fault
	if !errors.Is(err, want) || errors.As(err, &f) {
		t.Errorf("%v", err)
	}
}

// TestRecode: UTF-16 is read again from its beginning, as UTF-8; UTF-8 is left alone.
func TestRecode(t *testing.T) {
	for object, want := range map[string]string{
		"\xff\xfea\x00\xe9\x00": "aé",
		"\x00a\x00b\x00c":       "abc",
		"a\x00b\x00":            "ab",
	} {
		var u Reader
		if err := u.Open(strings.NewReader(object)); err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 4)
		if _, err := io.ReadFull(&u, head); err != nil {
			t.Fatal(err)
		}
		if !u.Recode(head) {
			t.Fatalf("%q is not recognized as UTF-16", object)
		}
		if got, err := io.ReadAll(&u); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", object, got, err)
		}
	}
	var u Reader
	if err := u.Open(strings.NewReader("text")); err != nil || u.Recode([]byte("text")) {
		t.Errorf("UTF-8 is read as UTF-16 (%v)", err)
	}
}
