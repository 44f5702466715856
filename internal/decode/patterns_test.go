package decode

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

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

// TestNeededTexts: a line that lacks a text of the pattern is not matched, and no text is needed that a line can match without.
func TestNeededTexts(t *testing.T) {
	for pattern, want := range map[string]string{
		`\A(?:.*-(?P<id>30201[357]): Built (?P<n>\d+) for)\z`: "-30201|: Built | for",
		`(?P<a>user) (?:name )?is`:                            "user ",
		`(?i)user name`:                                       "",
		`user|name`:                                           "",
		`(?:user){2,3}(?:name)*(?:word)+(?:none){0,2}x`:       "user|word",
		`[a-z]+abcd$`:                                         "abcd",
	} {
		re := regexp.MustCompile(pattern)
		if got := strings.Join(textsOf(neededTexts(re)), "|"); got != want {
			t.Errorf("%s needs %q, want %q", pattern, got, want)
		}
	}
	p := linePattern{needs: neededTexts(regexp.MustCompile(`.*user .* name`))}
	for line, want := range map[string]bool{"the user has a name": true, "the user": false, "a name": false} {
		if p.possible([]byte(line)) != want {
			t.Errorf("%q: want %t", line, want)
		}
	}
}

func textsOf(all [][]byte) (texts []string) {
	for _, b := range all {
		texts = append(texts, string(b))
	}
	return texts
}

// offsets gives each record of the open object with its place, and the code of one that is rejected.
func offsets(t *testing.T, r *Records) (lines []string) {
	t.Helper()
	for {
		_, raw, rej, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%d %s", r.Offset(), raw)
		if rej != nil {
			line = rej.Code + " " + line
		}
		lines = append(lines, line)
	}
}

// TestBegins: the lines up to the next one that begins a record are one record. Its place, its bytes and its bounds are those of the record.
func TestBegins(t *testing.T) {
	format := Format{Name: FormatLine, Columns: []string{"at", "text"}, Begins: regexp.MustCompile(`\A(?:\d\d:)`), Pattern: regexp.MustCompile(`(?s)\A(?:(?P<at>\d\d):(?P<text>.*))\z`)}
	long := strings.Repeat("x", 700)
	for name, c := range map[string]struct {
		object string
		want   []string
	}{
		"one line each":     {"01:a\n02:b\n", []string{"0 01:a", "5 02:b"}},
		"several":           {"01:a\n at b\n\n at c\n\n\n02:b\n", []string{"0 01:a\n at b\n\n at c", "20 02:b"}},
		"carriage returns":  {"01:a\r\n at b\r\n02:b", []string{"0 01:a\r\n at b", "13 02:b"}},
		"at the end":        {"\n\n01:a\n at b", []string{"2 01:a\n at b"}},
		"none begins":       {"a\nb\n", []string{"LINE_NO_MATCH 0 a\nb"}},
		"the first one cut": {"a\nb\n01:c\nd\n", []string{"LINE_NO_MATCH 0 a\nb", "4 01:c\nd"}},
		"too long":          {"01:a\n" + long + "\n" + long + "\n02:b\nc\n", []string{"RECORD_TOO_LONG 0 01:a\n" + long, "LINE_NO_MATCH 706 " + long, "1407 02:b\nc"}},
		"a long line":       {"01:a\n" + strings.Repeat("y", 3<<20) + "\n02:b\n", []string{"RECORD_TOO_LONG 0 01:a", "RECORD_TOO_LONG 5 " + strings.Repeat("y", 1<<20), "3145734 02:b"}},
	} {
		r := NewRecords(&Spec{Format: format}, NewKeys(), Options{MaxRecordBytes: 1000})
		r.Open(strings.NewReader(c.object))
		if diff := cmp.Diff(c.want, offsets(t, r)); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", name, diff)
		}
	}
	// the same records, however the object is read
	var object strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&object, "%02d:%d\n%s", i%100, i, strings.Repeat(" more\n", i%7))
	}
	r := NewRecords(&Spec{Format: format}, NewKeys(), Options{})
	r.Open(iotest.OneByteReader(strings.NewReader(object.String())))
	n, bytes := 0, 0
	for {
		_, raw, rej, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if rej != nil || err != nil {
			t.Fatal(rej, err)
		}
		n++
		bytes += len(raw) + 1
	}
	if n != 20_000 || bytes != object.Len() {
		t.Errorf("%d records, %d of %d bytes", n, bytes, object.Len())
	}
}

// TestCounted: the number in front of a record says where it ends. A number that cannot be rejects its line only, and a record that the object
// does not have to its end is rejected.
func TestCounted(t *testing.T) {
	for name, c := range map[string]struct {
		object string
		want   []string
	}{
		"two":            {"5 a=1 x6 b=2\ny ", []string{"2 a=1 x", "9 b=2\ny"}},
		"with newlines":  {"4 a=1\n\n4 b=2\n\n", []string{"2 a=1", "9 b=2"}},
		"cut":            {"3 a=19 b=2", []string{"2 a=1", "LINE_NO_MATCH 5 9 b=2"}},
		"cut number":     {"3 a=112", []string{"2 a=1", "LINE_NO_MATCH 5 12"}},
		"no number":      {"a=1\n3 b=2", []string{"LINE_NO_MATCH 0 a=1", "6 b=2"}},
		"negative":       {"-3 a=1\n3 b=2", []string{"LINE_NO_MATCH 0 -3 a=1", "9 b=2"}},
		"too long":       {"2000 a=1\n3 b=2", []string{"LINE_NO_MATCH 0 2000 a=1", "11 b=2"}},
		"a large number": {"99999999999999999999 a=1\n3 b=2", []string{"LINE_NO_MATCH 0 99999999999999999999 a=1", "27 b=2"}},
		"syslog":         {"21 <34>1 - h - - - - a=17 b=2 c=3", []string{"3 <34>1 - h - - - - a=1", "26 b=2 c=3"}},
		"nothing":        {"\n \n", nil},
	} {
		for _, r2 := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
			r := NewRecords(&Spec{Format: Format{Name: FormatKV, Counted: true}}, NewKeys(), Options{MaxRecordBytes: 1000})
			r.Open(r2(strings.NewReader(c.object)))
			if diff := cmp.Diff(c.want, offsets(t, r)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}
