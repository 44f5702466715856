package infer

import (
	"bufio"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBackslashBeforeQuotes: lines of a load balancer, in which a user agent has \", are delimited text.
func TestBackslashBeforeQuotes(t *testing.T) {
	f, err := os.Open("../../testdata/aws-alb/access.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := detect(bufio.NewReaderSize(f, headBytes))
	format, header := s.format, s.header
	type found struct {
		Delimiter, Escape string
		Columns           int
		Header            bool // says how quotes are escaped
	}
	got := found{string(format.Delimiter), string(format.Escape), len(format.Columns), slices.Contains(header, "escape: backslash")}
	if diff := cmp.Diff(found{" ", `\`, 30, true}, got); diff != "" {
		t.Errorf("format (-want +got):\n%s", diff)
	}
}
