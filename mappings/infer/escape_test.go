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
	format, header, _ := detect(bufio.NewReaderSize(f, headBytes))
	if format.Delimiter != ' ' || format.Escape != '\\' || len(format.Columns) != 30 || !slices.Contains(header, "escape: backslash") {
		t.Errorf("%+v, %q", format, header)
	}
}
