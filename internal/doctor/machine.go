package doctor

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Disk compares the free room of the temp folder with what a batch may need: what is fetched and what is made of it.
func Disk(dir string, batchBytes int64) Check {
	const what = "disk"
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, "silt-doctor-*")
	if err != nil {
		return fail(what, err, "name a folder that can be written as limits.temp_dir")
	}
	f.Close()
	os.Remove(f.Name())
	free, err := freeBytes(dir)
	if err != nil {
		return Check{Warn, what, fmt.Sprintf("the free room of %s is not known: %v", dir, err), ""}
	}
	need := 2 * batchBytes
	detail := fmt.Sprintf("%s free in %s; a batch of limits.batch_bytes may need %s", size(free), dir, size(need))
	if free < need {
		return Check{Warn, what, detail, "free some, name another folder as limits.temp_dir, or lower limits.batch_bytes"}
	}
	return Check{OK, what, detail, ""}
}

// Memory compares the job's limit with the machine's memory and the container's limit, which are read below root ("/").
func Memory(root string, limitBytes int64) Check {
	const what = "memory"
	total, from := int64(math.MaxInt64), ""
	if t := meminfo(filepath.Join(root, "proc/meminfo")); t > 0 {
		total, from = t, "this machine has"
	}
	for _, f := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 && n < total {
			total, from = n, "this container is allowed"
		}
	}
	switch {
	case from == "":
		return Check{Warn, what, "how much there is is not known", ""}
	case limitBytes > total:
		return Check{Fail, what, fmt.Sprintf("limits.memory is %s, %s %s", size(limitBytes), from, size(total)), "lower limits.memory to 80 % of it"}
	case limitBytes > total/10*9:
		return Check{Warn, what, fmt.Sprintf("limits.memory is %s, %s %s: little is left for others", size(limitBytes), from, size(total)), "lower limits.memory to 80 % of it"}
	}
	return ok(what, "limits.memory is %s, %s %s", size(limitBytes), from, size(total))
}

// meminfo reads MemTotal in bytes; 0 where there is none.
func meminfo(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}

func size(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}
