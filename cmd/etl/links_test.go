package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run reads each file of a staging folder once, whatever links lead to it, and does not leave the folder. It names the links that lead
// out, and so does etl doctor. source.follow_links follows them.
func TestStagingLinks(t *testing.T) {
	run := folderJob(t, oneRecord)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "b.log"), []byte(oneRecord), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"again.log": "a.log", "up": ".", "out": outside, "z.log": "/etc/passwd"} {
		if err := os.Symlink(target, filepath.Join("staging", name)); err != nil {
			t.Fatal(err)
		}
	}
	const named = "2 links of staging lead out of it and are not followed: out/, z.log"
	out, _ := run(0, "run", "job.yaml", "--dry-run")
	contains(t, out, "would read 0 objects", "1 object behind links are read", "out/ leads out of staging and is not followed")
	out, _ = run(0, "run", "job.yaml")
	contains(t, out, "0 objects read", "1 behind a link and read under another key", "2 links out of staging, not followed", named+". Try: copy the files into staging, or set source.follow_links: true")
	out, _ = run(0, "doctor", "job.yaml")
	contains(t, out, "warn links: "+named)
	text, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	following := strings.Replace(string(text), "{staging: ./staging}", "{staging: ./staging, follow_links: true, exclude: [z.log]}", 1)
	if err := os.WriteFile("job.yaml", []byte(following), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _ = run(0, "run", "job.yaml")
	contains(t, out, "1 object read", "1 read = 1 published")
	out, _ = run(0, "doctor", "job.yaml")
	if strings.Contains(out, "warn links") {
		t.Errorf("doctor still names links:\n%s", out)
	}
}
