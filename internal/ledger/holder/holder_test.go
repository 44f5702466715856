package holder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a machine says decides, and where it says nothing a process has not ended.
func TestWhatCountsAsEnded(t *testing.T) {
	h := Holder{Boot: "b", PIDNamespace: "pid:[1]", PID: 7, Started: 500}
	batch := func(job string, attempt int) Holder { return Holder{BatchJob: job, BatchAttempt: attempt} }
	change := func(f func(h *Holder)) Holder { c := h; f(&c); return c }
	stat := func(pid, state string, flags, started int) string {
		return fmt.Sprintf("%s (e ) (t) l) %s 1 7 7 0 -1 %d 0 0 0 0 1 1 0 0 20 0 9 0 %d 0 0\n", pid, state, flags, started)
	}
	alive := stat("7", "S", 0x400000, 500)
	for _, c := range []struct {
		name   string
		h, by  Holder
		exists bool
		stat   string // of process 7
		want   bool
	}{
		{"alive", h, h, true, alive, false},
		{"gone", h, h, false, "", true},
		{"another process has its ID", h, h, true, stat("7", "S", 0x400000, 501), true},
		{"killed, and not waited for", h, h, true, stat("7", "Z", 0x400000, 500), true},
		{"on its way out", h, h, true, stat("7", "R", 0x400004, 500), true},
		{"/proc hides it", h, h, true, "", false},
		{"/proc has half a line", h, h, true, alive[:30], false},
		{"/proc has another form", h, h, true, "7 (etl) S a b c d e f g h i j k l m n o p q r s t u v\n", false},
		{"/proc is another namespace's", h, h, true, stat("9", "S", 0, 501), false},
		{"another boot", change(func(h *Holder) { h.Boot = "a" }), h, false, "", false},
		{"another namespace", change(func(h *Holder) { h.PIDNamespace = "pid:[2]" }), h, false, "", false},
		{"an older version", Holder{}, h, false, "", false},
		{"no PID", change(func(h *Holder) { h.PID = 0 }), h, false, "", false},
		{"a group of processes", change(func(h *Holder) { h.PID = -7 }), h, false, "", false},
		{"no start", change(func(h *Holder) { h.Started = 0 }), h, false, "", false},
		{"the machine says nothing of either", Holder{PID: 7, Started: 500}, Holder{PID: 8, Started: 600}, false, "", false},
		{"an earlier attempt", batch("j", 1), batch("j", 2), true, alive, true},
		{"the same attempt", batch("j", 2), batch("j", 2), false, "", false},
		{"a later attempt", batch("j", 3), batch("j", 2), false, "", false},
		{"another job", batch("i", 1), batch("j", 2), false, "", false},
		{"another child of an array job", batch("j:1", 1), batch("j:2", 2), false, "", false},
		{"no job", batch("", 1), batch("", 2), false, "", false},
		{"no attempt", batch("j", 0), batch("j", 2), false, "", false},
	} {
		m := machine{proc: t.TempDir(), exists: func(int) bool { return c.exists }}
		if c.stat != "" {
			write(t, m, "7/stat", c.stat)
		}
		if got := c.h.ended(c.by, m); got != c.want {
			t.Errorf("%s: ended is %v", c.name, got)
		}
	}
}

// Self names what the machine tells, and AWS Batch's job only with its attempt.
func TestSelf(t *testing.T) {
	env := func(pairs map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
	}
	full := machine{proc: t.TempDir()}
	foreign := machine{proc: t.TempDir()}
	for _, p := range []struct {
		m   machine
		pid int
	}{{full, os.Getpid()}, {foreign, os.Getpid() + 1}} {
		write(t, p.m, "sys/kernel/random/boot_id", "4d5b\n")
		write(t, p.m, "self/stat", fmt.Sprintf("%d (etl) R 1 7 7 0 -1 0 0 0 0 0 1 1 0 0 20 0 9 0 500 0 0\n", p.pid))
		if err := os.MkdirAll(filepath.Join(p.m.proc, "self/ns"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("pid:[1]", filepath.Join(p.m.proc, "self/ns/pid")); err != nil {
			t.Fatal(err)
		}
	}
	process := Holder{Boot: "4d5b", PIDNamespace: "pid:[1]", PID: os.Getpid(), Started: 500}
	inBatch := process
	inBatch.BatchJob, inBatch.BatchAttempt = "j:3", 2
	for _, c := range []struct {
		name string
		m    machine
		env  map[string]string
		want Holder
	}{
		{"a machine", full, nil, process},
		{"AWS Batch", full, map[string]string{"AWS_BATCH_JOB_ID": "j:3", "AWS_BATCH_JOB_ATTEMPT": "2"}, inBatch},
		{"half of AWS Batch", full, map[string]string{"AWS_BATCH_JOB_ID": "j:3"}, process},
		{"an attempt that is not a number", full, map[string]string{"AWS_BATCH_JOB_ID": "j:3", "AWS_BATCH_JOB_ATTEMPT": "x"}, process},
		{"no /proc", machine{proc: filepath.Join(t.TempDir(), "none")}, nil, Holder{}},
		{"/proc of another namespace", foreign, nil, Holder{}},
	} {
		if diff := cmp.Diff(c.want, self(c.m, env(c.env))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func write(t *testing.T, m machine, name, text string) {
	t.Helper()
	path := filepath.Join(m.proc, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.TrimLeft(text, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
