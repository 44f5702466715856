package decode

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSeveralPatterns: the first pattern that matches a whole line counts, its groups are the columns, and the column pattern is its number.
func TestSeveralPatterns(t *testing.T) {
	format := Format{Name: FormatLine, Columns: []string{"src", "Word", "pattern"}, Pattern: regexp.MustCompile(`\A(?:(?P<src>\d+) (?P<word>[a-z]+))\z`),
		OtherPatterns: []*regexp.Regexp{regexp.MustCompile(`\A(?:(?P<word>[a-z]+))\z`), regexp.MustCompile(`\A(?:(?P<word>[a-z ]+))\z`)}}
	read := func(format Format) (lines []string) {
		keys := NewKeys()
		r := NewRecords(&Spec{Format: format}, keys, Options{})
		r.Open(strings.NewReader("1 a\nb\nc d\n1 2\n"))
		for {
			_, raw, rej, err := r.Next()
			if errors.Is(err, io.EOF) {
				return lines
			}
			if err != nil {
				t.Fatal(err)
			}
			if rej != nil {
				lines = append(lines, rej.Code+" "+rej.Message)
				continue
			}
			entries, err := NewExpander(keys).Expand(r.Rest(), nil)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(raw)+": "+pairs(entries))
		}
	}
	if diff := cmp.Diff([]string{"1 a: src=1 Word=a pattern=1", "b: Word=b pattern=2", "c d: Word=c d pattern=3", "LINE_NO_MATCH the line does not match any of the 3 patterns"}, read(format)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	format.Columns = []string{"src", "Word"}
	if diff := cmp.Diff("b: Word=b", read(format)[1]); diff != "" {
		t.Errorf("without the column (-want +got):\n%s", diff)
	}
	format.OtherPatterns[0] = regexp.MustCompile(`\A(?:(?P<pattern>[a-z]+))\z`)
	format.Columns = []string{"src", "Word", "pattern"}
	if diff := cmp.Diff([]string{"1 a: src=1 Word=a", "b: pattern=b"}, read(format)[:2]); diff != "" {
		t.Errorf("a group of that name (-want +got):\n%s", diff)
	}
}
