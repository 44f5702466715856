package shipped_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/mappings"
	shipped "github.com/silt-etl/silt/sql"
)

// Every folder with a raw.sql is a mapping of the program, with all of its files and tests.
func TestEveryFolderIsShipped(t *testing.T) {
	folders, err := filepath.Glob("*/raw.sql")
	if err != nil || len(folders) < 8 {
		t.Fatalf("%v %v", folders, err)
	}
	for _, f := range folders {
		name := filepath.Dir(f)
		if !slices.Contains(mappings.Names(), name) {
			t.Errorf("sql/%s is not one of the mappings that come with the program: see the embed pattern of Mappings", name)
		}
		if have, want := texts(t, shipped.Mappings, name), texts(t, os.DirFS("."), name); !cmp.Equal(have, want) {
			t.Errorf("sql/%s is not embedded as it is:\n%s", name, cmp.Diff(want, have))
		}
		if _, err := mappings.Load(name); err != nil {
			t.Error(err)
		}
	}
	if slices.Contains(mappings.Names(), "macros") {
		t.Error("the library of macros is listed as a mapping")
	}
}

// texts are the files below a folder, by path.
func texts(t *testing.T, in fs.FS, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(in, folder, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(in, p)
		out[path.Clean(p)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
