package bound

import "testing"

// A search for all matches is linear where it stops near the end of each match.
func TestOverrun(t *testing.T) {
	for _, c := range []struct {
		pattern string
		chars   int // -1: without a bound
	}{
		{`a`, 0},
		{`a+`, 1},
		{`(^|,)\s*([A-Za-z0-9_]+)=`, 0},
		{`"([^"\\]|\\.)*"`, 0},
		{`[0-9]+(\.[0-9]+)?`, 2},
		{`\s+$`, 0},
		{`\bfoo\b`, 0},
		{`^\s+|\s+$`, 1},
		{`a(b{20}x)?`, 21},
		{`(a|b)*?c`, 0},
		{``, 0},
		{`a(.*x)?`, -1},
		{`a(.*x|)`, -1},
		{`a|.*x`, -1},
		{`a*x|b*`, -1},
		{`(?s)a(.*$)?`, -1},
		{`\w+(\s+\w+)*`, -1},
		{`a(.{500}x)?`, 501},
		{`[ab]*a[ab]{18}c`, -1}, // too many states
		{`a(\C*x)?`, -1},        // not known here
	} {
		chars, ok := overrun(c.pattern)
		if !ok {
			chars = -1
		}
		if chars != c.chars {
			t.Errorf("%s: %d characters, not %d", c.pattern, chars, c.chars)
		}
	}
}
