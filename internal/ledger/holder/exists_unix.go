//go:build unix

package holder

import (
	"errors"
	"syscall"
)

// exists says whether there may be a process. A process of another user exists too.
func exists(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
