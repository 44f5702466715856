package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// The rights of Landlock. Neither set allows to start a program, or to make a device, a socket or a pipe.
const (
	readFile  = landlock.AccessFSSet(ll.AccessFSReadFile)
	readDir   = readFile | landlock.AccessFSSet(ll.AccessFSReadDir)
	writeFile = readFile | landlock.AccessFSSet(ll.AccessFSWriteFile|ll.AccessFSTruncate)
	writeDir  = readDir | writeFile | landlock.AccessFSSet(ll.AccessFSMakeDir|ll.AccessFSMakeReg|ll.AccessFSMakeSym|
		ll.AccessFSRemoveDir|ll.AccessFSRemoveFile|ll.AccessFSRefer)
)

// Version is the version of the kernel's Landlock interface, 0 without Landlock.
func Version() int {
	v, err := ll.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return v
}

// restrict applies rules to all threads of the process.
func restrict(r Rules) error {
	var rules []landlock.Rule
	for _, group := range []struct {
		paths     []string
		file, dir landlock.AccessFSSet
	}{{r.Read, readFile, readDir}, {r.Write, writeFile, writeDir}} {
		for _, p := range group.paths {
			info, err := os.Stat(p)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				continue
			}
			if err != nil {
				return fmt.Errorf("sandbox: %w", err)
			}
			access := group.file
			if info.IsDir() {
				access = group.dir
			}
			rules = append(rules, landlock.PathAccess(access, p).IgnoreIfMissing())
		}
	}
	for _, port := range r.Connect {
		rules = append(rules, landlock.ConnectTCP(port))
	}
	// Version 9 restricts sockets of the file system and version 10 UDP, which name resolution needs.
	if err := landlock.V8.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}
