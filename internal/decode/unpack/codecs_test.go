package unpack

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/silt-etl/silt/internal/decode/budget"
)

// codecText is what bzipped has. Go has no writer of bzip2.
const codecText = "{\"a\":1}\n{\"b\":2}\n"

func bz(t testing.TB, text string) string {
	t.Helper()
	if text != codecText {
		t.Fatal("only one text is packed with bzip2")
	}
	b, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWQ/l9WEAAAZZgAAQEAAwEDAAAAogADEGTECUmh6eokxEgQXRdyRThQkA/l9WEA==")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func packWith(t testing.TB, text string, open func(io.Writer) (io.WriteCloser, error)) string {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func xzPacked(t testing.TB, text string) string {
	return packWith(t, text, func(w io.Writer) (io.WriteCloser, error) {
		return xz.WriterConfig{DictCap: 1 << 16, BlockSize: 20}.NewWriter(w) // of several blocks
	})
}

func lz(t testing.TB, text string) string {
	return packWith(t, text, func(w io.Writer) (io.WriteCloser, error) {
		z := lz4.NewWriter(w)
		return z, z.Apply(lz4.SizeOption(uint64(len(text))))
	})
}

func sn(t testing.TB, text string) string {
	return packWith(t, text, func(w io.Writer) (io.WriteCloser, error) { return snappy.NewBufferedWriter(w), nil })
}

// TestCodecs: each packing is unpacked, also several streams in a row, and inside of gzip.
func TestCodecs(t *testing.T) {
	for kind, pack := range map[Kind]func(testing.TB, string) string{bzipped: bz, xzed: xzPacked, lz4ed: lz, snapped: sn} {
		var u Reader
		object := pack(t, codecText)
		for what, c := range map[string]struct{ object, text, kind string }{
			"once":          {object, codecText, string(kind)},
			"two streams":   {object + object, codecText + codecText, string(kind)},
			"in gzip":       {gz(t, object), codecText, string(kind) + " inside of gzip"},
			"streams in it": {gz(t, object+object), codecText + codecText, string(kind) + " inside of gzip"},
		} {
			if got, err := unpacked(&u, c.object); got != c.text || err != nil || string(u.Kind()) != c.kind {
				t.Errorf("%s %s, as %s: %q, %v", kind, what, u.Kind(), got, err)
			}
			u.Close()
		}
	}
	padded := xzPacked(t, codecText) + "\x00\x00\x00\x00" + xzPacked(t, "") + strings.Repeat("\x00", 8)
	var u Reader
	if got, err := unpacked(&u, padded); got != codecText || err != nil {
		t.Errorf("xz with padding: %q, %v", got, err)
	}
}

// TestCodecsDamaged: an object that is cut anywhere, or in which any byte is changed, is a *Fault and never other text. Snappy has no mark
// at its end, so that an object that ends between two of its chunks looks whole.
func TestCodecsDamaged(t *testing.T) {
	for kind, pack := range map[Kind]func(testing.TB, string) string{bzipped: bz, xzed: xzPacked, lz4ed: lz, snapped: sn} {
		object := pack(t, codecText)
		var u Reader
		for cut := len(magicOf(kind)); cut < len(object); cut++ {
			got, err := unpacked(&u, object[:cut])
			var f *Fault
			if !errors.As(err, &f) && !(kind == snapped && cut == 10 && got == "") {
				t.Errorf("%s cut at %d of %d: %q, %v", kind, cut, len(object), got, err)
			}
			if two, err := unpacked(&u, object+object[:cut]); err == nil && !(kind == snapped && cut == 10) {
				t.Errorf("%s, a second one cut at %d: %q", kind, cut, two)
			}
		}
		for at := len(magicOf(kind)); at < len(object); at++ {
			for bit := range 8 {
				b := []byte(object)
				b[at] ^= 1 << bit
				if got, err := unpacked(&u, string(b)); err == nil && got != codecText {
					t.Errorf("%s, bit %d of byte %d: %q", kind, bit, at, got)
				}
			}
		}
		if got, err := unpacked(&u, object+"text"); err == nil {
			t.Errorf("%s, text behind it: %q", kind, got)
		}
		reset := errors.New("connection reset")
		err := u.Open(io.MultiReader(strings.NewReader(object[:len(object)/2]), &broken{reset}))
		if err == nil {
			_, err = io.ReadAll(&u)
		}
		if f := (*Fault)(nil); !errors.Is(err, reset) || errors.As(err, &f) {
			t.Errorf("%s, a failed read: %v", kind, err)
		}
	}
}

func magicOf(kind Kind) string {
	for _, k := range kinds {
		if k.kind == kind {
			return k.magic
		}
	}
	return ""
}

// TestCodecsBounded: an xz dictionary counts for the budget before it is allocated, and what unpacks to far more than its size ends.
func TestCodecsBounded(t *testing.T) {
	object := []byte(xzPacked(t, codecText))
	large := bytes.Clone(object)
	large[12+4] = 40 // 4 GiB; the checksum of the header is looked at later
	u := Reader{Memory: budget.New(0, 64<<20).NewUse(nil)}
	if _, err := unpacked(&u, string(large)); err == nil || !strings.Contains(err.Error(), "an xz dictionary of") {
		t.Errorf("4 GiB: %v", err)
	}
	second := append(bytes.Clone(object[:12+int(object[12]+1)*4]), large[12:]...) // behind the header of the first block is another header
	if _, err := unpacked(&u, string(second)); err == nil {
		t.Error("a block in the place of a chunk")
	}
	bomb, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWegs7hwAoKDIAMAAAAIACCAAMMwFKaaBIE2EEgTxdyRThQkOgs7hwA==")
	if err != nil {
		t.Fatal(err)
	}
	err = u.Open(bytes.NewReader(bytes.Repeat(bomb, 40)))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, &u)
	if want := fmt.Sprintf("bzip2: the object unpacks to more than %d times its size", twiceRatio); err == nil || err.Error() != want || n > 100<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}
