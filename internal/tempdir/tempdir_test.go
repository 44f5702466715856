package tempdir

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// states are the folders that Find finds, by name.
func states(t *testing.T, parent string) map[string]State {
	t.Helper()
	folders, err := Find(context.Background(), parent)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]State{}
	for _, f := range folders {
		out[filepath.Base(f.Path)] = f.State
	}
	return out
}

// want compares the folders that Find finds before and after a Clean.
func want(t *testing.T, parent string, before, after map[string]State) {
	t.Helper()
	if d := cmp.Diff(before, states(t, parent)); d != "" {
		t.Errorf("before Clean: %s", d)
	}
	if _, err := Clean(context.Background(), parent); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(after, states(t, parent)); d != "" {
		t.Errorf("after Clean: %s", d)
	}
}

// write makes a file of four bytes.
func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestChild is not a test: it is the process that TestKilled kills. It makes a folder, prints its path, and waits.
func TestChild(t *testing.T) {
	parent := os.Getenv("SILT_TEMPDIR_PARENT")
	if parent == "" {
		return
	}
	d, err := New(parent, "job")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.Path, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "spill"))
	os.Stdout.WriteString("folder " + d.Path + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// A folder is used as long as its process lives, and left behind once the process was killed.
func TestKilled(t *testing.T) {
	parent := t.TempDir()
	c := exec.Command(os.Args[0], "-test.run=^TestChild$")
	c.Env = append(os.Environ(), "SILT_TEMPDIR_PARENT="+parent)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	path, found := strings.CutPrefix(strings.TrimSpace(line), "folder ")
	if err != nil || !found {
		t.Fatalf("%q, %v", line, err)
	}
	name := filepath.Base(path)
	used := map[string]State{name: Used}
	want(t, parent, used, used)
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	folders, err := Find(context.Background(), parent)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Folder{{Path: path, SizeBytes: 4, State: Left}}, folders); d != "" {
		t.Error(d)
	}
	want(t, parent, map[string]State{name: Left}, map[string]State{})
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// A folder of this process is used until Remove, by other open files of the same process too.
func TestOwnFolder(t *testing.T) {
	parent := t.TempDir()
	d, err := New(parent, "a-1")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.Path, "x"))
	used := map[string]State{filepath.Base(d.Path): Used}
	want(t, parent, used, used)
	d.Remove()
	want(t, parent, map[string]State{}, map[string]State{})
}

// Folders without a lock are left behind only if they are old, not open, and look like those of a run.
func TestWithoutLock(t *testing.T) {
	const attempt = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	parent := t.TempDir()
	old := time.Now().Add(-2 * oldAge)
	age := func(name string) {
		t.Helper()
		err := filepath.WalkDir(filepath.Join(parent, name), func(p string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Chtimes(p, old, old))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"silt-old-1/" + attempt + "/duckdb/spill", "silt-new-2/" + attempt + "/spill", "silt-fresh-3/" + attempt + "/spill",
		"silt-open-4/" + attempt + "/spill", "silt-logs-2024/a.json", "silt-old/" + attempt + "/x", "other-5/" + attempt + "/x"} {
		write(t, filepath.Join(parent, f))
	}
	if err := os.Mkdir(filepath.Join(parent, "silt-empty-6"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(parent, "silt-logs-2024"), filepath.Join(parent, "silt-link-7")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"silt-old-1", "silt-fresh-3", "silt-open-4", "silt-logs-2024", "silt-old", "other-5", "silt-empty-6"} {
		age(name)
	}
	write(t, filepath.Join(parent, "silt-fresh-3", attempt, "spill")) // one file of it changed
	open, err := os.Open(filepath.Join(parent, "silt-open-4", attempt, "spill"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	unsure := map[string]State{"silt-new-2": Unsure, "silt-fresh-3": Unsure, "silt-open-4": Unsure}
	want(t, parent, map[string]State{"silt-old-1": Left, "silt-empty-6": Left, "silt-new-2": Unsure, "silt-fresh-3": Unsure, "silt-open-4": Unsure}, unsure)
	for _, name := range []string{"silt-logs-2024/a.json", "silt-old", "other-5", "silt-link-7"} {
		if _, err := os.Lstat(filepath.Join(parent, name)); err != nil {
			t.Error(err)
		}
	}
}

// A lock that is not a regular file, and a link in place of it, are not opened and not followed.
func TestOddLocks(t *testing.T) {
	parent := t.TempDir()
	free := filepath.Join(parent, "free")
	write(t, free)
	for _, name := range []string{"silt-link-1", "silt-folder-2"} {
		write(t, filepath.Join(parent, name, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "x"))
	}
	if err := os.Symlink(free, filepath.Join(parent, "silt-link-1", lockName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(parent, "silt-folder-2", lockName), 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, parent, map[string]State{}, map[string]State{})
}

func TestStopped(t *testing.T) {
	parent := t.TempDir()
	write(t, filepath.Join(parent, "silt-a-1", lockName))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	removed, err := Clean(ctx, parent)
	if !errors.Is(err, context.Canceled) || len(removed) > 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
}
