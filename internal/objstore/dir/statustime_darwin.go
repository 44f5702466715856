package dirstore

import (
	"io/fs"
	"syscall"
	"time"
)

// statusChanged is the ctime of a file.
func statusChanged(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctimespec.Sec, st.Ctimespec.Nsec)
	}
	return info.ModTime()
}
