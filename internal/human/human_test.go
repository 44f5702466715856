package human

import "testing"

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"},
		{Count(1234567), "1,234,567"},
		{Count(-1000), "-1,000"},
		{Plural(1, "file"), "1 file"},
		{Plural(2000, "file"), "2,000 files"},
		{Plural(0, "batch"), "0 batches"},
		{Plural(4, "entry"), "4 entries"},
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
