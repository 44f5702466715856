package staging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
)

// Each file is read once, under its own key if a run reads that key. A file that is only read through links keeps the key under which it
// was taken.
func TestLinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	for path, target := range map[string]string{"a/x.json": "", "a/y.json": "", "day": "a", "again": "a", "y.json": "a/y.json", "z.json": "a/y.json", "out": outside, "p.json": "/etc/passwd", "p.txt": "/etc/passwd"} {
		path = filepath.Join(root, path)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && target == "" {
			err = os.WriteFile(path, []byte("x"), 0o644)
		} else if err == nil {
			err = os.Symlink(target, path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := dirstore.Open(dirstore.Config{Root: root, Links: objstore.LinksInside})
	if err != nil {
		t.Fatal(err)
	}
	type found struct {
		New            string
		Linked, Taken  int
		LinksOut       string
		Listed, Exclud int
	}
	out := "out/ p.json p.txt"
	for name, c := range map[string]struct {
		options Options
		taken   string
		want    found
	}{
		"all":               {Options{}, "", found{"a/x.json a/y.json", 6, 0, out, 8, 0}},
		"own keys excluded": {Options{Exclude: []string{"a/**"}}, "", found{"again/x.json again/y.json", 4, 0, out, 8, 2}},
		"only links":        {Options{Include: []string{"*.json"}}, "", found{"y.json", 1, 0, "out/ p.json", 8, 6}},
		"taken link":        {Options{Include: []string{"*.json"}}, "z.json", found{"", 1, 1, "out/ p.json", 8, 6}},
		"taken folder":      {Options{Include: []string{"again/*", "day/*"}}, "day/x.json", found{"again/y.json", 2, 1, "out/", 8, 4}},
		"both were taken":   {Options{}, "a/x.json day/x.json", found{"a/y.json", 6, 1, out, 8, 0}},
	} {
		c.options.Taken = func(o objstore.Object) bool { return strings.Contains(" "+c.taken+" ", " "+o.Key+" ") }
		l, err := List(t.Context(), s, c.options)
		if err != nil {
			t.Fatal(err)
		}
		got := found{"", l.Linked, l.Taken, strings.Join(l.LinksOut, " "), l.Listed, l.Excluded}
		for _, f := range l.New {
			got.New = strings.TrimSpace(got.New + " " + f.Key)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
