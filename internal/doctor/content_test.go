package doctor

import "testing"

// The ETag of several parts is the MD5 of their MD5s. ETags of another form say nothing.
func TestETagOfParts(t *testing.T) {
	const a, b = "5d41402abc4b2a76b9719d911017c592", "7d793037a0760186574b0282f2f435e7"
	for _, c := range []struct {
		parts []string
		want  string
	}{
		{[]string{a}, "62109206880d38a4010a98e11243924a-1"},
		{[]string{a, `"` + b + `"`}, "065947336a2f2a95ba8899f3675c3be6-2"},
		{nil, ""},
		{[]string{a, "not-md5"}, ""},
	} {
		if got := etagOfParts(c.parts); got != c.want {
			t.Errorf("%v: %q, want %q", c.parts, got, c.want)
		}
	}
	x := &contents{Comparison: &Comparison{}}
	for _, c := range []struct {
		is, want string
		bad      bool
	}{{`"x-2"`, "y-2", true}, {"y-2", "y-2", false}, {"x", "y-2", false}, {"x-3", "y-2", false}, {"x-2", "", false}} {
		if got := x.suspicious(c.is, c.want); got != c.bad {
			t.Errorf("%s, expected %s: %t", c.is, c.want, got)
		}
	}
	if x.sameETags = true; x.suspicious("x-2", "y-2") {
		t.Error("ETags of a store that are not MD5 are compared")
	}
}
