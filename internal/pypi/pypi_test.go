package pypi

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"
)

// TestOpen: a wheel is opened only if it has the digest that is expected.
func TestOpen(t *testing.T) {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	f, err := z.Create("data/a.json")
	if err == nil {
		_, err = f.Write([]byte("{}"))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(packed.Bytes())
	p := Package{Name: "a", Version: "1.0", SHA256: hex.EncodeToString(sum[:])}
	files, err := p.open("a-1.0.whl", packed.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(files, "data/a.json"); err != nil || string(text) != "{}" {
		t.Errorf("%q %v", text, err)
	}
	p.SHA256 = strings.Repeat("0", 64)
	if _, err := p.open("a-1.0.whl", packed.Bytes()); err == nil || !strings.Contains(err.Error(), "a-1.0.whl has the SHA-256 ") {
		t.Errorf("%v", err)
	}
}
