package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/silt-etl/silt/internal/decode/budget"
)

func unpacked(u *Reader, object string) (string, error) {
	if err := u.Open(strings.NewReader(object)); err != nil {
		return "", err
	}
	got, err := io.ReadAll(u)
	return string(got), err
}

// TestTwice: an object that is packed twice is unpacked twice, and not a third time.
func TestTwice(t *testing.T) {
	const text = "{\"a\":1}\n{\"b\":2}\n"
	var u Reader
	for name, object := range map[string]string{
		"gzip inside of gzip": gz(t, gz(t, text)), "zstd inside of gzip": gz(t, zst(t, text)), "gzip inside of zstd": zst(t, gz(t, text)), "zstd inside of zstd": zst(t, zst(t, text)),
	} {
		if got, err := unpacked(&u, object); got != text || err != nil || string(u.Kind()) != name {
			t.Errorf("%s, as %s: %q, %v", name, u.Kind(), got, err)
		}
	}
	members := gz(t, gz(t, text)[:9]) + gz(t, gz(t, text)[9:]+gz(t, "")+gz(t, text))
	if got, err := unpacked(&u, members); got != text+text || err != nil {
		t.Errorf("members: %q, %v", got, err)
	}
	if got, err := unpacked(&u, gz(t, gz(t, gz(t, text)))); got != gz(t, text) || err != nil {
		t.Errorf("three times: %q, %v", got, err)
	}
	for _, short := range []string{"", "\n", "a", "\x1f"} {
		for _, object := range []string{gz(t, short), zst(t, short), gz(t, gz(t, short))} {
			if got, err := unpacked(&u, object); got != short || err != nil {
				t.Errorf("%q: %q, %v", short, got, err)
			}
		}
	}
}

// TestTwiceDamaged: an object that is cut or changed at either level is a *Fault, and never shorter text.
func TestTwiceDamaged(t *testing.T) {
	text := strings.Repeat("{\"a\":1}\n", 20)
	var u Reader
	faulty := func(what, object string) {
		t.Helper()
		var f *Fault
		if got, err := unpacked(&u, object); !errors.As(err, &f) {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
	}
	for name, pack := range map[string][2]func(*testing.T, string) string{"gzip in gzip": {gz, gz}, "zstd in gzip": {zst, gz}, "gzip in zstd": {gz, zst}} {
		inner := pack[0](t, text)
		object := pack[1](t, inner)
		for cut := 4; cut < len(object); cut++ {
			faulty(fmt.Sprintf("%s cut at %d of %d", name, cut, len(object)), object[:cut])
		}
		for cut := 4; cut < len(inner); cut++ {
			faulty(fmt.Sprintf("%s cut inside at %d", name, cut), pack[1](t, inner[:cut]))
		}
		flip := func(b string, at int) string { return b[:at] + string([]byte{b[at] ^ 1}) + b[at+1:] }
		faulty(name+", checksum", flip(object, len(object)-1))
		faulty(name+", checksum inside", pack[1](t, flip(inner, len(inner)-1)))
		faulty(name+", text after it", object+"text")
		faulty(name+", text after it inside", pack[1](t, inner+"text"))
	}
	if _, err := unpacked(&u, gz(t, gz(t, text)[:30])); err == nil || err.Error() != "gzip inside of gzip: the object is truncated" {
		t.Errorf("%v", err)
	}
	object := gz(t, gz(t, text))
	if _, err := unpacked(&u, object[:len(object)-3]); err == nil || err.Error() != "gzip: the object is truncated" {
		t.Errorf("%v", err)
	}
	reset := errors.New("connection reset")
	if err := u.Open(io.MultiReader(strings.NewReader(object[:40]), &broken{reset})); err != nil || u.Kind() == gzipped {
		t.Fatalf("%v", err)
	}
	if _, err := io.ReadAll(&u); !errors.Is(err, reset) || strings.Count(err.Error(), "read the object") != 1 {
		t.Errorf("%v", err)
	}
}

type broken struct{ err error }

func (b *broken) Read([]byte) (int, error) { return 0, b.err }

// TestTwiceBounded: what is packed twice unpacks to no more than what is packed once can, and a stop ends it although no byte comes of it.
func TestTwiceBounded(t *testing.T) {
	var inner bytes.Buffer
	w := gzip.NewWriter(&inner)
	zeros := make([]byte, 1<<20)
	for range 200 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	object := gz(t, inner.String())
	if len(object)*twiceRatio > 100<<20 {
		t.Fatalf("the object has %d bytes", len(object))
	}
	var u Reader
	if err := u.Open(strings.NewReader(object)); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, &u)
	if want := fmt.Sprintf("gzip inside of gzip: the object unpacks to more than %d times its size", twiceRatio); err == nil || err.Error() != want || n > twiceBytes+twiceRatio*int64(len(object)) {
		t.Errorf("%d bytes, %v", n, err)
	}
	stop := errors.New("stopped")
	asked := 0
	u.Stopped = func() error {
		if asked++; asked > 3 {
			return stop
		}
		return nil
	}
	if err := u.Open(strings.NewReader(gz(t, strings.Repeat(gz(t, ""), 200_000)))); err == nil {
		_, err = io.ReadAll(&u)
		if !errors.Is(err, stop) {
			t.Errorf("%v", err)
		}
	} else if !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// TestTwiceWindows: the windows of both levels count together.
func TestTwiceWindows(t *testing.T) {
	random := make([]byte, 6<<20) // a frame of it has it as it is, so that the windows of both levels are large
	rand.NewChaCha8([32]byte{}).Read(random)
	object := zst(t, zst(t, string(random)))
	for most, fits := range map[int64]bool{64 << 20: true, 10 << 20: false} {
		u := Reader{Memory: budget.New(0, most).NewUse(nil)}
		_, err := unpacked(&u, object)
		if _, large := errors.AsType[*budget.TooLarge](err); (err == nil) != fits || !fits && !large {
			t.Errorf("with %d bytes: %v", most, err)
		}
	}
}
