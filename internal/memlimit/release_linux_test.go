package memlimit

import (
	"slices"
	"strings"
	"testing"
)

// TestProgramMappings: only pages that equal the file may be dropped.
func TestProgramMappings(t *testing.T) {
	var b strings.Builder
	for _, m := range []struct{ head, anonymous string }{
		{"00200000-03195000 r--p 00000000 fe:00 10004546                           /usr/bin/etl", "0"},
		{"03195000-07161000 r-xp 02f94000 fe:00 10004546                           /usr/bin/etl", "0"},
		{"07161000-07165000 r--p 02f94000 fe:00 10004546                           /usr/bin/etl", "16"}, // relocated
		{"07165000-07169000 rw-p 02f94000 fe:00 10004546                           /usr/bin/etl", "0"},
		{"08000000-08001000 r--p 02f94000 fe:00 10004547                           /usr/lib/libc.so", "0"},
		{"14686f000000-146870000000 rw-p 00000000 00:00 0", "12"},
		{"x-y r--p 00000000 fe:00 10004546                           /usr/bin/etl", "0"},
	} {
		b.WriteString(m.head + "\nSize:  16 kB\nRss:  4 kB\nAnonymous:  " + m.anonymous + " kB\nAnonHugePages:  0 kB\nVmFlags: rd ex\n")
	}
	want := []mapping{{0x200000, 0x2f95000}, {0x3195000, 0x3fcc000}}
	if got := programMappings(strings.NewReader(b.String()), "/usr/bin/etl"); !slices.Equal(got, want) {
		t.Errorf("%x", got)
	}
	releaseProgram() // this program must continue to work
}
