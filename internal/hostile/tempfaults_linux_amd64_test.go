package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tempWrite is a call that changes something below a folder.
type tempWrite struct {
	n    int    // its number in the process
	call string // example: write
	kind string // the file's name, without digits
}

// tracer fails one call of a process and its threads, in the kernel's place: whoever makes the call, Go or DuckDB.
type tracer struct {
	below string // the folder
	at    int    // the call to fail; -1: none
	how   syscall.Errno
	calls []tempWrite
	count int
	inner map[int]bool // threads that are inside of a call
	fails map[int]bool // threads whose call is failing
}

const (
	sysPwritev   = 296
	traceClone   = 8
	walkAll      = 0x40000000 // __WALL
	syscallTrap  = syscall.SIGTRAP | 0x80
	traceOptions = syscall.PTRACE_O_TRACESYSGOOD | syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACEFORK | syscall.PTRACE_O_TRACEVFORK | 0x100000 // EXITKILL
)

var digits = regexp.MustCompile(`[0-9A-Z]{26}|[0-9]+`)

// run runs a command to its end.
func (tr *tracer) run(cmd *exec.Cmd) error {
	runtime.LockOSThread() // only this thread may trace the process
	defer runtime.UnlockOSThread()
	tr.inner, tr.fails = map[int]bool{}, map[int]bool{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, walkAll, nil); err != nil {
		return err
	}
	if err := errors.Join(syscall.PtraceSetOptions(pid, traceOptions), syscall.PtraceSyscall(pid, 0)); err != nil {
		return err
	}
	seen := map[int]bool{pid: true}
	for {
		tid, err := syscall.Wait4(-1, &status, walkAll, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		if status.Exited() || status.Signaled() {
			if tid == pid {
				if status.ExitStatus() != 0 {
					return fmt.Errorf("exit status %d, signal %v", status.ExitStatus(), status.Signal())
				}
				return nil
			}
			continue
		}
		signal := 0
		switch s := status.StopSignal(); {
		case s == syscallTrap:
			tr.stop(tid)
		case s == syscall.SIGTRAP, s == syscall.SIGSTOP && !seen[tid]: // a new thread
		default:
			signal = int(s)
		}
		seen[tid] = true
		_ = syscall.PtraceSyscall(tid, signal) // the thread may have ended
	}
}

// stop is called at the beginning and at the end of each call.
func (tr *tracer) stop(tid int) {
	tr.inner[tid] = !tr.inner[tid]
	var r syscall.PtraceRegs
	if tr.inner[tid] {
		if syscall.PtraceGetRegs(tid, &r) == nil && tr.counts(tid, &r) {
			r.Orig_rax = ^uint64(0) // no call at all
			tr.fails[tid] = syscall.PtraceSetRegs(tid, &r) == nil
		}
		return
	}
	if tr.fails[tid] {
		delete(tr.fails, tid)
		if syscall.PtraceGetRegs(tid, &r) == nil {
			r.Rax = -uint64(tr.how)
			_ = syscall.PtraceSetRegs(tid, &r)
		}
	}
}

// counts tells whether a call is about the folder, counts it if so, and says whether it has to fail.
func (tr *tracer) counts(tid int, r *syscall.PtraceRegs) bool {
	call, path := "", ""
	ofFD := func(name string) {
		call = name
		path, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, r.Rdi))
	}
	ofText := func(name string, at uint64) {
		call, path = name, text(tid, at)
	}
	switch r.Orig_rax {
	case syscall.SYS_WRITE, syscall.SYS_WRITEV:
		ofFD("write")
	case syscall.SYS_PWRITE64, sysPwritev:
		ofFD("pwrite")
	case syscall.SYS_FTRUNCATE:
		ofFD("truncate")
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		ofFD("sync")
	case syscall.SYS_OPENAT:
		if r.Rdx&syscall.O_CREAT == 0 {
			return false
		}
		ofText("create", r.Rsi)
	case syscall.SYS_OPEN:
		if r.Rsi&syscall.O_CREAT == 0 {
			return false
		}
		ofText("create", r.Rdi)
	case syscall.SYS_MKDIRAT, syscall.SYS_RENAMEAT:
		ofText("name", r.Rsi)
	case syscall.SYS_MKDIR, syscall.SYS_RENAME:
		ofText("name", r.Rdi)
	}
	if !strings.HasPrefix(path, tr.below+"/") {
		return false
	}
	tr.calls = append(tr.calls, tempWrite{tr.count, call, digits.ReplaceAllString(filepath.Base(strings.TrimSuffix(path, " (deleted)")), "")})
	tr.count++
	return tr.count-1 == tr.at
}

// text reads a path of the process.
func text(tid int, at uint64) string {
	b := make([]byte, 512)
	n, _ := syscall.PtracePeekData(tid, uintptr(at), b)
	path, _, _ := bytes.Cut(b[:max(0, n)], []byte{0})
	return string(path)
}

const tempChild = "SILT_HOSTILE_CHILD"

// tempWorld is a job whose runs use all of the temp folder: rejects, wide rows, and sorted places that do not fit in memory; or what
// DuckDB spills.
func tempWorld(t *testing.T, dir, kind string) *world {
	t.Helper()
	w := &world{t: t, dir: dir, lake: filepath.Join(dir, "lake"), want: map[string]bool{}, may: map[string]bool{}}
	w.spec = parse(t, "source: {staging: "+dir+"/staging}\nlake: {location: "+dir+"/lake, source_name: nf, region: us-east-1, account_id: \"111122223333\"}\n")
	w.spec.Limits.TempDir = filepath.Join(dir, "temp")
	w.spec.Limits.MemoryBytes, w.spec.Limits.Threads = 32<<20, 1
	w.wants(1, 10)
	if kind == "wide" {
		w.wants(1000, 15_000)
	} else {
		w.spec.Limits.MemoryBytes = 48 << 20
		w.wants(1000, 60_000)
	}
	return w
}

func (w *world) stageTemp(kind string) {
	w.t.Helper()
	w.put("first.log", []byte(ten(1)))
	if err := os.MkdirAll(w.spec.Limits.TempDir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for id := 1000; w.want[fmt.Sprint(id)]; id++ {
		b.WriteString(flow(id))
		if kind == "wide" && id%2 == 0 {
			b.WriteString("{}\n")
		}
	}
	if kind == "wide" {
		more := `,"more":"` + strings.Repeat("x", 700_000) + `"`
		for i := range 6 {
			b.WriteString(flowAt(500+i, "2025-06-02T10:00:00.000000+0000", more))
			w.wants(500+i, 1)
		}
	}
	w.put("many.gz", gz(b.String()))
}

// runTempChild is the process whose writes fail.
func runTempChild(t *testing.T, dir, kind string) {
	w := tempWorld(t, dir, kind)
	for i := range 6 {
		w.may[fmt.Sprint(500+i)] = true
	}
	_, err := w.run()
	said := ""
	if err != nil {
		said = err.Error()
	}
	if err := os.WriteFile(filepath.Join(dir, "said"), []byte(said), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTempFaults: at whichever write to the temp folder the disk is full or broken, the run says so in one line or succeeds all the same,
// and the next run completes the work. Writes of DuckDB are among them. With SILT_SOAK=1 every call that changes a
// file is tried, otherwise the first write to each file.
func TestTempFaults(t *testing.T) {
	if dir, kind, ok := strings.Cut(os.Getenv(tempChild), "|"); ok {
		runTempChild(t, dir, kind)
		return
	}
	for _, kind := range []string{"wide", "spilled"}[:size(1, 2)] {
		t.Run(kind, func(t *testing.T) {
			run := func(at int, how syscall.Errno) (*world, *tracer, string) {
				dir := t.TempDir()
				w := tempWorld(t, dir, kind)
				w.stageTemp(kind)
				tr := &tracer{below: w.spec.Limits.TempDir, at: at, how: how}
				cmd := exec.Command(os.Args[0], "-test.run=^TestTempFaults$")
				cmd.Env = append(os.Environ(), tempChild+"="+dir+"|"+kind, "GOMAXPROCS=1")
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := tr.run(cmd); err != nil {
					t.Fatalf("call %d: %v: %s", at, err, out.String())
				}
				said, err := os.ReadFile(filepath.Join(dir, "said"))
				if err != nil {
					t.Fatal(err)
				}
				return w, tr, string(said)
			}
			w, tr, said := run(-1, 0)
			if said != "" {
				t.Fatalf("without a fault: %s", said)
			}
			w.settled()
			try, kinds := map[int]tempWrite{}, map[string]int{}
			for _, c := range tr.calls {
				name := c.call + " " + c.kind
				if kinds[name]++; kinds[name] == 1 && strings.HasSuffix(c.call, "write") || size(0, 1) > 0 {
					try[c.n] = c
				}
			}
			t.Logf("%d calls: %v", len(tr.calls), kinds)
			for i, n := range slices.Sorted(maps.Keys(try)) {
				how := []syscall.Errno{syscall.ENOSPC, syscall.EIO}[i%2]
				w, _, said := run(n, how)
				if said != "" && !strings.Contains(strings.ToLower(said), how.Error()) || strings.Contains(said, "\n") {
					t.Errorf("%v, %v: the error does not say why: %q", try[n], how, said)
				}
				if _, err := w.run(); err != nil {
					t.Errorf("%v, %v: the next run: %v", try[n], how, err)
				}
				w.settled()
			}
		})
	}
}
