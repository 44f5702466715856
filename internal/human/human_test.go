package human

import (
	"testing"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"},
		{Count(1234567), "1,234,567"},
		{Count(-1000), "-1,000"},
		{Plural(1, "file"), "1 file"},
		{Plural(2000, "file"), "2,000 files"},
		{Plural(0, "batch"), "0 batches"},
		{Plural(4, "entry"), "4 entries"},
		{Plural(5, "day"), "5 days"},
		{Size(0), "0 B"},
		{Size(999), "999 B"},
		{Size(1536), "1.5 KiB"},
		{Size(4 << 30), "4.0 GiB"},
		{Size(-2048), "-2.0 KiB"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, "- "},
		{"one two three", 20, "- one two three"},
		{"one two three", 9, "- one two\n  three"},
		{"one `two three` four", 24, "- one `two three` four"},
		{"one two `t f` four", 14, "- one two\n  `t f` four"},
		{"one `two three four five`", 14, "- one `two\n  three four\n  five`"},
		{"é é é é", 7, "- é é é\n  é"},
	} {
		if got := Wrap(c.text, "- ", "  ", c.width); got != c.want {
			t.Errorf("Wrap(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
