package doctor

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/tempdir"
)

func checkDisk(_ context.Context, e *examination) []Result {
	return []Result{tryDisk(e.Job.Limits.TempDir, e.Job.Limits.BatchBytes)}
}

// tryDisk compares the free space of the temp folder with what a batch may need: its objects, and the files that are made of them.
func tryDisk(dir string, batchBytes int64) Result {
	const what = "disk"
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, "silt-doctor-*")
	if err != nil {
		return fail(what, err, "set limits.temp_dir to a folder in which etl can write")
	}
	f.Close()
	os.Remove(f.Name())
	free, err := tempdir.FreeBytes(dir)
	if err != nil {
		return warn(what, "", "the free space of %s is unknown: %v", dir, err)
	}
	r := ok(what, "%s free in %s; a batch of limits.batch_bytes may need %s", human.Size(free), dir, human.Size(2*batchBytes))
	if free < 2*batchBytes {
		r.Status, r.Try = Warn, "free some space, set limits.temp_dir to another folder, or lower limits.batch_bytes"
	}
	return r
}

// findTempFolders names the temp folders of processes that were killed. With fix it removes them.
func findTempFolders(ctx context.Context, dir string, fix bool) []Result {
	const what = "temp folders"
	var results []Result
	if fix {
		removed, err := tempdir.Clean(ctx, dir)
		if len(removed) > 0 {
			results = append(results, ok(what, "removed %s", describeFolders(removed)))
		}
		if err != nil {
			results = append(results, warn(what, "", "%v", err))
		}
	}
	folders, err := tempdir.Find(ctx, dir)
	if err != nil {
		return append(results, warn(what, "", "not known: %v", err)) // checkDisk fails if the folder cannot be used
	}
	byState := map[tempdir.State][]tempdir.Folder{}
	for _, f := range folders {
		byState[f.State] = append(byState[f.State], f)
	}
	if left := byState[tempdir.Left]; len(left) > 0 {
		results = append(results, warn(what, "etl doctor --fix, or wait for the next run", "processes that were killed have left %s", describeFolders(left)))
	}
	if unsure := byState[tempdir.Unsure]; len(unsure) > 0 {
		results = append(results, warn(what, "delete them if no older version of etl uses them", "%s without a lock", describeFolders(unsure)))
	}
	if len(results) == 0 {
		results = append(results, ok(what, "no killed process has left one"))
	}
	return results
}

// describeFolders gives the number of folders, their size, and the paths of some.
func describeFolders(folders []tempdir.Folder) string {
	var size int64
	var paths []string
	for _, f := range folders {
		size += f.SizeBytes
		paths = append(paths, f.Path)
	}
	return fmt.Sprintf("%s (%s): %s", human.Plural(int64(len(folders)), "folder"), human.Size(size), few(paths))
}

func checkMemory(_ context.Context, e *examination) []Result {
	return []Result{tryMemory(e.SystemRoot, e.Job.Limits.MemoryBytes)}
}

// tryMemory compares limits.memory with the memory of the machine and the limit of the container, which are read below root.
func tryMemory(root string, limitBytes int64) Result {
	const what, try = "memory", "lower limits.memory to 80% of that"
	total, owner := int64(math.MaxInt64), ""
	if t := memTotal(filepath.Join(root, "proc/meminfo")); t > 0 {
		total, owner = t, "this machine has"
	}
	for _, f := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 && n < total {
			total, owner = n, "this container is limited to"
		}
	}
	limit, memory := human.Size(limitBytes), owner+" "+human.Size(total)
	switch {
	case owner == "":
		return warn(what, "", "limits.memory is %s, and this machine's memory is unknown", limit)
	case limitBytes > total:
		r := warn(what, try, "limits.memory is %s, but %s", limit, memory)
		r.Status = Fail
		return r
	case limitBytes > total/10*9:
		return warn(what, try, "limits.memory is %s and %s, so little is left for other programs", limit, memory)
	}
	return ok(what, "limits.memory is %s, and %s", limit, memory)
}

// memTotal reads MemTotal in bytes; 0: unknown.
func memTotal(path string) int64 {
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
