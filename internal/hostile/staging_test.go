package hostile

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestManyObjects: very many small objects are one night's work.
func TestManyObjects(t *testing.T) {
	w := newWorld(t)
	n := size(300, 50_000)
	for i := range n {
		w.put(fmt.Sprintf("%03d/%05d.log", i%100, i), []byte(flow(100+i)))
	}
	w.wants(100, n)
	peakBelow(t, maxPeak, func() {
		if sum := w.done(); sum.Records.Published != int64(10+n) {
			t.Errorf("%+v", sum.Records)
		}
	})
}

// TestOddFiles: what is not a regular file in a staging folder does not stop or delay a run, whatever its name is.
func TestOddFiles(t *testing.T) {
	w := newWorld(t)
	in := func(name string) string { return filepath.Join(w.dir, "staging", name) }
	if err := errors.Join(syscall.Mkfifo(in("pipe.log"), 0o644), os.Symlink("/dev/zero", in("zero.log")), os.Symlink("nowhere", in("nowhere.log")), os.Symlink("circle.log", in("circle.log")),
		os.Symlink(".", in("again")), os.Mkdir(in("folder.log"), 0o755)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", in("socket.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	names := []string{"a\nb.log", "tab\there.log", "\x1b[31mred.log", "quote'\".log", "back\\slash.log", "star*.log", "%2e%2e.log", " .log", strings.Repeat("n", 250) + ".log", "ü.log", "{x}.log"}
	for i, name := range names {
		w.put(name, []byte(flow(100+i)))
	}
	w.wants(100, len(names))
	w.put("not-\xff-utf8.log", []byte(flow(200)))
	w.may["200"] = true
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	w.settled()
}

// TestClocks: a clock that jumps between runs neither loses a record nor repeats one.
func TestClocks(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	for i, jump := range []time.Duration{0, -48 * time.Hour, 24 * 365 * time.Hour, -24 * 365 * 40 * time.Hour, time.Minute} {
		w.now = func() time.Time { return now.Add(jump) }
		w.put(fmt.Sprintf("clock%d.log", i), []byte(flow(100+i)))
		w.may[fmt.Sprint(100+i)] = true // a clock of another year puts its day out of range
		if _, err := w.run(); err != nil {
			t.Errorf("a clock that is off by %s: %v", jump, err)
		}
	}
	w.now = time.Now
	w.settled()
}
