package human

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks a text of Markdown into lines of at most width characters. It breaks at blanks, but not inside of a code span that
// is shorter than half a line. A longer word has a line of its own. The first line begins with first, the others with rest.
func Wrap(text, first, rest string, width int) string {
	var b strings.Builder
	b.WriteString(first)
	at, empty := utf8.RuneCountInString(first), true
	for _, w := range words(text, width/2) {
		n := utf8.RuneCountInString(w)
		switch {
		case empty:
		case at+1+n > width:
			b.WriteString("\n" + rest)
			at = utf8.RuneCountInString(rest)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at, empty = at+n, false
	}
	return b.String()
}

// words splits a text at its blanks, except for those of code spans that are shorter than long.
func words(text string, long int) []string {
	const kept = '\x00' // stands for a blank that stays
	var b strings.Builder
	for i, part := range strings.Split(strings.ReplaceAll(text, "\n", " "), "`") {
		if i > 0 {
			b.WriteByte('`')
		}
		if i%2 == 1 && utf8.RuneCountInString(part) < long {
			part = strings.ReplaceAll(part, " ", string(kept))
		}
		b.WriteString(part)
	}
	all := strings.Fields(b.String())
	for i, w := range all {
		all[i] = strings.ReplaceAll(w, string(kept), " ")
	}
	return all
}
