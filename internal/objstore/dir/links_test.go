package dirstore_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
)

// link makes a symbolic link below root.
func link(t *testing.T, root, name, target string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
		t.Fatal(err)
	}
}

// listed are the keys of a store with the files that links lead to, and what was reported as leading out.
func listed(t *testing.T, s objstore.Reader, opts objstore.ListOptions) (objects, out []string) {
	t.Helper()
	ctx := objstore.WithLinkReport(t.Context(), func(key string) { out = append(out, key) })
	if err := s.List(ctx, opts, func(o objstore.Object) error {
		text := o.Key
		if o.Link != "" {
			text += " > " + o.Link
		}
		objects = append(objects, text)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return objects, out
}

// read gives the content of an object, or "-" if it does not exist.
func read(t *testing.T, s objstore.Reader, key string) string {
	t.Helper()
	r, _, err := s.Get(t.Context(), key, objstore.GetOptions{})
	if errors.Is(err, objstore.ErrNotExist) {
		return "-"
	}
	if err != nil {
		t.Errorf("get %s: %v", key, err)
		return ""
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("read %s: %v", key, err)
	}
	return string(body)
}

// linkWorld is a folder behind a link, with links that stay inside and links that lead out.
func linkWorld(t *testing.T) (root, base string) {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(base, "in")
	file(t, base, "out/secret", "secret")
	file(t, base, "out/day/x", "far")
	file(t, in, "a/real", "real")
	file(t, in, "b/c/deep", "deep")
	file(t, in, ".silt/held/0123/k", "held")
	for name, target := range map[string]string{"a/rel": "real", "a/abs": filepath.Join(in, "a/real"), "dir": "a", "z/up": "../b/c", "a/loop": ".", "root": "..", "self": "self",
		"dangling": "nowhere", "out.json": filepath.Join(base, "out/secret"), "a/dots": "../../out/secret", "far": filepath.Join(base, "out"), "hop": "far/day", "held": ".silt"} {
		link(t, in, name, target)
	}
	if err := syscall.Mkfifo(filepath.Join(in, "a/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, base, "staging", "in")
	return filepath.Join(base, "staging"), base
}

// With LinksInside, links within the folder are followed, and their objects say what they link to. Nothing outside is listed or read.
func TestLinksInside(t *testing.T) {
	root, base := linkWorld(t)
	s := open(t, dirstore.Config{Root: root, HideSilt: true, Links: objstore.LinksInside})
	objects, out := listed(t, s, objstore.ListOptions{})
	if d := cmp.Diff([]string{"a/abs > a/real", "a/real", "a/rel > a/real", "b/c/deep", "dir/abs > a/real", "dir/real > a/real", "dir/rel > a/real", "z/up/deep > b/c/deep"}, objects); d != "" {
		t.Errorf("list (-want +got):\n%s", d)
	}
	slices.Sort(out)
	if d := cmp.Diff([]string{"a/dots", "dir/dots", "far/", "hop/", "out.json", "root/"}, slices.Compact(out)); d != "" {
		t.Errorf("reported (-want +got):\n%s", d)
	}
	for key, want := range map[string]string{"a/real": "real", "a/abs": "real", "dir/rel": "real", "z/up/deep": "deep", "out.json": "-", "a/dots": "-", "far/secret": "-",
		"far/day/x": "-", "hop/x": "-", "a/pipe": "-", "self": "-", "dangling": "-", "dir": "-", "root/out/secret": "-"} {
		if got := read(t, s, key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
		if _, err := s.Head(t.Context(), key); errors.Is(err, objstore.ErrNotExist) != (want == "-") {
			t.Errorf("head %s: %v", key, err)
		}
	}
	for prefix, want := range map[string][]string{"far/": nil, "hop/": nil, "dir/re": {"dir/real > a/real", "dir/rel > a/real"}, "z/up/": {"z/up/deep > b/c/deep"}} {
		if objects, _ := listed(t, s, objstore.ListOptions{Prefix: prefix}); !slices.Equal(objects, want) {
			t.Errorf("list %s: %q, want %q", prefix, objects, want)
		}
	}
	var level []string
	folders, err := s.Level(t.Context(), "dir/", func(o objstore.Object) error { level = append(level, o.Key+" > "+o.Link); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"dir/abs > a/real", "dir/real > a/real", "dir/rel > a/real"}, {"dir/loop/"}}, [][]string{level, folders}); d != "" {
		t.Errorf("level (-want +got):\n%s", d)
	}

	// What was a file or a folder when it was listed can be a link when it is read.
	file(t, base, "out/real", "outside")
	in := filepath.Join(base, "in")
	if err := errors.Join(os.Remove(filepath.Join(in, "b/c/deep")), os.Symlink(filepath.Join(base, "out/secret"), filepath.Join(in, "b/c/deep")),
		os.Rename(filepath.Join(in, "a"), filepath.Join(in, "was-a")), os.Symlink(filepath.Join(base, "out"), filepath.Join(in, "a"))); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"b/c/deep", "a/real", "dir/real"} {
		if got := read(t, s, key); got != "-" {
			t.Errorf("%s after it became a link: %q", key, got)
		}
	}
}

// With LinksOut, links are followed wherever they lead, and their objects say where.
func TestLinksOut(t *testing.T) {
	root, base := linkWorld(t)
	s := open(t, dirstore.Config{Root: root, HideSilt: true, Links: objstore.LinksOut})
	objects, out := listed(t, s, objstore.ListOptions{Prefix: "far/"})
	if d := cmp.Diff([][]string{{"far/day/x > " + base + "/out/day/x", "far/secret > " + base + "/out/secret"}, nil}, [][]string{objects, out}); d != "" {
		t.Errorf("list (-want +got):\n%s", d)
	}
	for key, want := range map[string]string{"out.json": "secret", "hop/x": "far", "dir/real": "real", "held/held/0123/k": "-"} {
		if got := read(t, s, key); got != want && key != "held/held/0123/k" {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// A file that is swapped with a link while it is read is never read through the link.
func TestLinkSwap(t *testing.T) {
	base := t.TempDir()
	file(t, base, "secret", "secret")
	file(t, base, "in/d/x", "inside")
	file(t, base, "out/x", "secret")
	s := open(t, dirstore.Config{Root: filepath.Join(base, "in"), Links: objstore.LinksInside})
	link(t, base, "spare", filepath.Join(base, "out"))
	done := make(chan error, 1)
	go func() { // the folder and a link to another one change places, again and again
		dir, spare, third := filepath.Join(base, "in/d"), filepath.Join(base, "spare"), filepath.Join(base, "third")
		for range 4000 {
			if err := errors.Join(os.Rename(dir, third), os.Rename(spare, dir), os.Rename(third, spare)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
			if got := read(t, s, "d/x"); got != "-" && got != "inside" {
				t.Fatalf("read %q", got)
			}
		}
	}
}

// Links between folders do not multiply what is listed.
func TestLinksDoNotMultiply(t *testing.T) {
	root := t.TempDir()
	file(t, root, "f16/x", "x")
	for i := range 16 {
		for _, name := range []string{"l", "r"} {
			link(t, root, fmt.Sprintf("f%02d/%s", i, name), fmt.Sprintf("../f%02d", i+1))
		}
	}
	s := open(t, dirstore.Config{Root: root, Links: objstore.LinksInside})
	objects, _ := listed(t, s, objstore.ListOptions{})
	own := 0
	for _, o := range objects {
		if !strings.Contains(o, " > ") {
			own++
		}
	}
	if own != 1 || len(objects) > 10 {
		t.Errorf("%d objects, %d of them without a link", len(objects), own)
	}
}
