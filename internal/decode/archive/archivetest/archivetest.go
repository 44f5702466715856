// Package archivetest writes zip and tar archives for tests.
package archivetest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
)

// Member is the name and the text of a member. A name that ends in a slash is that of a folder.
type Member [2]string

// Zip packs members with deflate.
func Zip(t testing.TB, members ...Member) []byte {
	t.Helper()
	return ZipBy(t, zip.Deflate, members...)
}

// ZipBy packs members with a method of archive/zip.
func ZipBy(t testing.TB, method uint16, members ...Member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		e, err := w.CreateHeader(&zip.FileHeader{Name: m[0], Method: method})
		if err == nil {
			_, err = io.WriteString(e, m[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Encrypt makes the directory of a zip archive say that a member is encrypted.
func Encrypt(archive []byte, name string) []byte {
	const entry = "PK\x01\x02"
	at := bytes.LastIndex(archive, []byte(entry))
	for !bytes.HasPrefix(archive[at+46:], []byte(name)) {
		at = bytes.LastIndex(archive[:at], []byte(entry))
	}
	archive[at+8] |= 1
	return archive
}

// Tar packs members without compression.
func Tar(t testing.TB, members ...Member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		kind := byte(tar.TypeReg)
		if strings.HasSuffix(m[0], "/") {
			kind = tar.TypeDir
		}
		err := w.WriteHeader(&tar.Header{Name: m[0], Size: int64(len(m[1])), Mode: 0o600, Typeflag: kind})
		if err == nil {
			_, err = io.WriteString(w, m[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
