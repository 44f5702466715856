package suggest

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"source.staging", "source.region", "lake.region", "lake.location"}
	for _, c := range []struct{ word, want string }{
		{"lake.regoin", "lake.region"},
		{"LAKE.REGION", "lake.region"},
		{"souce.staging", "source.staging"},
		{"retention", ""},
		{"x", ""},
		{"", ""},
	} {
		if got := Nearest(c.word, names); got != c.want {
			t.Errorf("%q: got %q, want %q", c.word, got, c.want)
		}
	}
}
