package main

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// A batch that needs more than limits.temp_bytes is refused, and the next run tries its objects apart: one that needs more alone goes to
// quarantine as a whole, and the others are loaded. It counts in limits.max_broken_ratio. Once the limit is raised, a replay reads it.
func TestTempBytes(t *testing.T) {
	run := folderJob(t, oneRecord)
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var junk strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	line := make([]byte, 512)
	for range 4096 {
		for i := range line {
			line[i] = byte(random.Uint32())
		}
		junk.WriteString(hex.EncodeToString(line) + "\n")
	}
	write("staging/b.log", junk.String())
	write("staging/c.log", oneRecord)
	text, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write("job.yaml", strings.Replace(string(text), "memory: 512MiB, max_quarantine_ratio: 1", "memory: 512MiB, temp_bytes: 1MiB", 1))
	_, errs := run(3, "run", "job.yaml")
	contains(t, errs, "2 objects in one batch: the batch needs more space in the temp folder than limits.temp_bytes (1.0 MiB), and nothing of it was committed; "+
		"the next run tries smaller batches. Its largest object is b.log (4.0 MiB). Try: raise limits.temp_bytes")
	out, errs := run(3, "run", "job.yaml")
	contains(t, out, "OBJECT_TOO_LARGE 1", "b.log: the object alone needs more space in the temp folder than limits.temp_bytes (1.0 MiB)", "1 read = 1 published")
	contains(t, errs, "1 of 1 object is too large (100.00%), and limits.max_broken_ratio allows 5.00%; the others are committed, and these are in quarantine: b.log")
	out, _ = run(0, "run", "job.yaml")
	contains(t, out, "0 objects read")
	write("job.yaml", string(text))
	out, _ = run(0, "replay", "job.yaml")
	contains(t, out, "4,096 read = 0 published + 0 filtered + 4,096 quarantined")
}
