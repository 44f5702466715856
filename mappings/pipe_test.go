package mappings_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/silt-etl/silt/mappings"
)

// TestLoadOnlyRegularFiles: a pipe, a device and a file above the limit are refused, and nothing waits for a pipe's writer.
func TestLoadOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "raw.sql"), 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(large, make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		dir:         "mapping " + dir + ": raw.sql: it is a named pipe, not a regular file",
		"/dev/zero": "mapping /dev/zero: it is a device, not a regular file",
		large:       "mapping " + large + ": it is larger than 4 MiB",
	} {
		if _, err := mappings.Load(name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
