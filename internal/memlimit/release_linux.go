package memlimit

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// releaseProgram drops the pages of the executable that are in memory and that equal the file. The kernel maps them again from its
// cache when they are used. It does nothing if the list of mappings cannot be read.
func releaseProgram() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	for _, m := range programMappings(f, exe) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.size, syscall.MADV_DONTNEED) // nothing is lost if it fails
	}
}

type mapping struct{ from, size uintptr }

// programMappings reads a list of mappings, and returns those of exe that are read-only and without a page that differs from the file:
// tables of addresses are read-only too, but were filled in when the program was loaded.
func programMappings(smaps io.Reader, exe string) (out []mapping) {
	at, ok := mapping{}, false
	for s := bufio.NewScanner(smaps); s.Scan(); {
		f := strings.Fields(s.Text())
		switch {
		case len(f) >= 2 && f[0] == "Anonymous:":
			if ok && f[1] == "0" {
				out = append(out, at)
			}
			ok = false
		case len(f) >= 5 && !strings.HasSuffix(f[0], ":"):
			at, ok = readMapping(f, exe)
		}
	}
	return out
}

// readMapping reads the first line of a mapping. ok says that it is one of exe that is read-only.
func readMapping(f []string, exe string) (m mapping, ok bool) {
	if strings.Join(f[5:], " ") != exe || f[1] != "r--p" && f[1] != "r-xp" {
		return m, false
	}
	a, b, _ := strings.Cut(f[0], "-")
	start, err := strconv.ParseUint(a, 16, 64)
	if err != nil {
		return m, false
	}
	end, err := strconv.ParseUint(b, 16, 64)
	if err != nil || end <= start {
		return m, false
	}
	return mapping{uintptr(start), uintptr(end - start)}, true
}
