//go:build unix

package dirstore

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// etag is size, modification time and inode number, in hex.
func etag(info fs.FileInfo) string {
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = uint64(st.Ino) //nolint:unconvert // another type on other systems
	}
	return strconv.FormatInt(info.Size(), 16) + "-" + strconv.FormatInt(info.ModTime().UnixNano(), 16) + "-" +
		strconv.FormatUint(inode, 16)
}

// flock waits for the lock of an open file. Closing the file frees it, as does the end of the process.
func flock(f *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
