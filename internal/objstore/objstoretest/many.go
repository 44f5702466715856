package objstoretest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// WriteMany fills dir with empty files d000/0000, d000/0001, ... in so many folders, for tests of long listings. The files of
// a folder are one file with many names, which is made and removed several times as fast.
func WriteMany(t testing.TB, dir string, folders, files int) {
	t.Helper()
	for d := range folders {
		sub := filepath.Join(dir, fmt.Sprintf("d%03d", d))
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		first := filepath.Join(sub, "0000")
		if err := os.WriteFile(first, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for f := 1; f < files; f++ {
			if err := os.Link(first, filepath.Join(sub, fmt.Sprintf("%04d", f))); err != nil {
				t.Fatal(err)
			}
		}
	}
}
