package textfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml/parser"

	"github.com/silt-etl/silt/internal/textfile"
)

// TestRead: only regular files are read, none above its limit, and a named pipe without a writer does not block.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("fits", "12345")
	write("long", "123456")
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Mkdir(filepath.Join(dir, "folder"), 0o700),
		os.Symlink("fits", filepath.Join(dir, "link")), os.Symlink("/dev/zero", filepath.Join(dir, "zero")),
		os.Symlink("pipe", filepath.Join(dir, "topipe"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"fits": "", "link": "", "long": "it is larger than 5 B", "pipe": "named pipe",
		"topipe": "named pipe", "zero": "device", "folder": "folder", "missing": "no such file"} {
		for kind, read := range map[string]func() ([]byte, error){
			"Read":   func() ([]byte, error) { return textfile.Read(filepath.Join(dir, name), 5) },
			"ReadFS": func() ([]byte, error) { return textfile.ReadFS(os.DirFS(dir), name, 5) },
		} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				b, err := read()
				if want == "" && (err != nil || string(b) != "12345") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("%s of %s: %q, %v", kind, name, b, err)
				}
				if name == "missing" && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s of %s: %v", kind, name, err)
				}
			}()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatalf("%s of %s hangs", kind, name)
			}
		}
	}
}

// TestTooDeep: nesting of every kind is found at its place, and text that only looks nested is not.
func TestTooDeep(t *testing.T) {
	const n = 100_000
	indented := func(levels int, line string) string {
		var b strings.Builder
		for i := range levels {
			b.WriteString(strings.Repeat(" ", i) + line + "\n")
		}
		return b.String()
	}
	for _, c := range []struct {
		name, text   string
		line, column int // 0: it is not too deep
	}{
		{"flow lists", "a: " + strings.Repeat("[", n) + strings.Repeat("]", n), 1, 130},
		{"flow objects", "é: \n  x: " + strings.Repeat("{é: ", n), 2, 626},
		{"flow lists on lines", strings.Repeat("[\n", n), 129, 1},
		{"block lists", strings.Repeat("- ", n), 1, 257},
		{"explicit keys", strings.Repeat("? ", n), 1, 257},
		{"indented objects", indented(1000, "a:"), 128, 129},
		{"indented lists", indented(1000, "-"), 129, 129},
		{"as deep as allowed", indented(100, "a:"), 0, 0},
		{"brackets in text", "a: |\n  " + strings.Repeat("[{", n) + "\nb: \"" + strings.Repeat("[", n) + "\"\nc: x" + strings.Repeat("[", n) + "\n# " + strings.Repeat("{", n), 0, 0},
		{"lists next to each other", strings.Repeat("- [a, {b: c}]\n", n), 0, 0},
		{"a wide list", "[" + strings.Repeat("[a],", n) + "]", 0, 0},
		{"closed without an opening", strings.Repeat("]", n) + strings.Repeat("[", 1000), 1, 100128},
	} {
		began := time.Now()
		line, column, deep := textfile.TooDeep([]byte(c.text))
		if deep != (c.line > 0) || line != c.line || column != c.column && c.name != "closed without an opening" {
			t.Errorf("%s: %d:%d %v, want %d:%d", c.name, line, column, deep, c.line, c.column)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", c.name, took)
		}
	}
}

// FuzzTooDeep: what passes is parsed without much memory or time, so the scan sees all nesting that the parser sees.
func FuzzTooDeep(f *testing.F) {
	for _, s := range []string{"[", "{", "{a: ", "- ", "? ", "!!a ", "&a ", "*a ", "a: ", "- [\n", "a:\n", "- |\n", "\"", "'", "- - a\n", "{? ", "[? ", "[a: ", "&a [", "!!x {", "- &a\n", "{a: [", "? - "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, unit string) {
		if len(unit) == 0 || len(unit) > 64 {
			return
		}
		text := []byte(strings.Repeat(unit, 20_000/len(unit)))
		if _, _, deep := textfile.TooDeep(text); deep {
			return
		}
		began := time.Now()
		_, _ = parser.ParseBytes(text, 0)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q repeated: %s", unit, took)
		}
	})
}
