package dirstore

import (
	"io/fs"
	"syscall"
	"time"
)

// statusChanged is the ctime of a file.
func statusChanged(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(int64(st.Ctim.Sec), int64(st.Ctim.Nsec)) //nolint:unconvert // another type on 32-bit systems
	}
	return info.ModTime()
}
