package main

import (
	"errors"
	"os"
	"testing"
)

// etl doctor sees lake files and quarantine files that are missing, cut off or changed in size, and with --deep also those of which a
// bit was flipped.
func TestDamagedFiles(t *testing.T) {
	run := folderJob(t, oneRecord+"junk\n")
	lake, quarantine := glob(t, "lake/ext/*/*/*/*/*.parquet"), glob(t, "lake/.silt/nfw/quarantine/*/*.parquet")
	out, _ := run(0, "doctor", "job.yaml")
	contains(t, out, "ok   live files: 1 file in the ledger, 0 missing in the lake")
	out, _ = run(0, "doctor", "job.yaml", "--deep")
	contains(t, out, "ok   deep: 2 files (", "read again, and their SHA-256 is the one of the ledger")
	const live, rejected = "FAIL damaged files: 1 file of the ledger with another content than published: ext/", "FAIL quarantine files: 1 file of the ledger missing or damaged, so their records cannot be shown or replayed: nfw/quarantine/"
	for _, c := range []struct {
		name, path string
		damage     func(path string, text []byte) error
		plain      bool // seen without --deep
		says       []string
	}{
		{"empty file", lake, func(path string, _ []byte) error { return os.Truncate(path, 0) }, true, []string{live, "(it has 0 bytes, and its attempt wrote "}},
		{"cut file", lake, func(path string, text []byte) error { return os.Truncate(path, int64(len(text)-1)) }, true, []string{live}},
		{"flipped bit", lake, func(path string, text []byte) error {
			text[len(text)/2] ^= 1
			return os.WriteFile(path, text, 0o644)
		}, false, []string{live, "(its SHA-256 is not the one that its attempt recorded)"}},
		{"missing quarantine", quarantine, func(path string, _ []byte) error { return os.Remove(path) }, true, []string{rejected, "(not found)"}},
		{"cut quarantine", quarantine, func(path string, _ []byte) error { return os.Truncate(path, 10) }, true, []string{rejected, "(it has 10 bytes, and its attempt wrote "}},
		{"flipped bit of quarantine", quarantine, func(path string, text []byte) error {
			text[len(text)/2] ^= 1
			return os.WriteFile(path, text, 0o644)
		}, false, []string{rejected, "(its SHA-256 is not the one that its attempt recorded)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := os.ReadFile(c.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.damage(c.path, append([]byte(nil), text...)); err != nil {
				t.Fatal(err)
			}
			code := 0
			if c.plain {
				code = 1
			}
			out, _ := run(code, "doctor", "job.yaml")
			if c.plain {
				contains(t, out, c.says...)
			}
			out, _ = run(1, "doctor", "job.yaml", "--deep")
			contains(t, out, c.says...)
			if err := errors.Join(os.WriteFile(c.path, text, 0o644)); err != nil {
				t.Fatal(err)
			}
			run(0, "doctor", "job.yaml", "--deep")
		})
	}
}
