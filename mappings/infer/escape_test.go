package infer

import (
	"bufio"
	"os"
	"slices"
	"testing"
)

// TestBackslashBeforeQuotes: lines of a load balancer, in which a user agent has \", are delimited text.
func TestBackslashBeforeQuotes(t *testing.T) {
	f, err := os.Open("../../testdata/aws-alb/access.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := (&inference{}).detect(bufio.NewReaderSize(f, 1<<20))
	if d.format.Delimiter != ' ' || d.format.Escape != '\\' || len(d.format.Columns) != 30 || !slices.Contains(d.header, "escape: backslash") {
		t.Errorf("%+v, %q", d.format, d.header)
	}
}
