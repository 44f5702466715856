package holder

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// child starts this test binary as a process that waits until it is killed, and gives its Holder.
func child(t *testing.T) (*exec.Cmd, Holder) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "TestChild")
	c.Env = append(os.Environ(), "SILT_TEST_CHILD=1")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	var h Holder
	if _, err := fmt.Fscanf(out, "%s %s %d %d\n", &h.Boot, &h.PIDNamespace, &h.PID, &h.Started); err != nil {
		t.Fatal(err)
	}
	return c, h
}

// TestChild is the process of child.
func TestChild(t *testing.T) {
	if os.Getenv("SILT_TEST_CHILD") == "" {
		return
	}
	h := Self()
	fmt.Println(h.Boot, h.PIDNamespace, h.PID, h.Started)
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent ends it
	os.Exit(0)
}

// A process has ended once it was killed, whether or not its parent has asked for its exit code. One that is stopped has not.
func TestEnded(t *testing.T) {
	me := Self()
	if me.PID != os.Getpid() || me.Boot == "" || me.PIDNamespace == "" || me.Started == 0 {
		t.Fatalf("Self is %+v", me)
	}
	if me.Ended(me) {
		t.Error("the process that asks has ended")
	}
	c, h := child(t)
	if h.Boot != me.Boot || h.PIDNamespace != me.PIDNamespace {
		t.Fatalf("%+v is a child of %+v", h, me)
	}
	alive := func(when string) {
		t.Helper()
		if h.Ended(me) {
			t.Errorf("%s: the process has ended", when)
		}
	}
	alive("at work")
	if err := c.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(h.PID, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("waiting for the stop: %v, %v", err, status)
	}
	alive("stopped")
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for !h.Ended(me) { // before anybody waits for it
		runtime.Gosched()
	}
	if err := c.Wait(); err == nil {
		t.Error("the process was not killed")
	}
	if !h.Ended(me) {
		t.Error("a process that was killed and waited for has not ended")
	}
}
