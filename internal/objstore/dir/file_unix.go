//go:build unix

package dirstore

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/silt-etl/silt/internal/objstore/fileversion"
)

// etag is size, modification time and inode number, in hex.
func etag(info fs.FileInfo) string { return versionOf(info).String() }

// etagWithStatus also has the time of the last status change.
func etagWithStatus(info fs.FileInfo) string {
	v := versionOf(info)
	v.Old, v.Changed = false, statusChanged(info).UnixNano()
	return v.String()
}

func versionOf(info fs.FileInfo) fileversion.Version {
	v := fileversion.Version{SizeBytes: info.Size(), Modified: info.ModTime().UnixNano(), Old: true}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		v.Inode = uint64(st.Ino) //nolint:unconvert // another type on other systems
	}
	return v
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
