package syntax

import (
	"regexp"
	"strings"
)

// WithoutComments puts blanks in place of comments, so that all else stays in its place.
func WithoutComments(sql string) string { return blanked(sql, false) }

// WithoutTexts puts blanks in place of comments and of texts in single quotes, so that all else stays in its place.
func WithoutTexts(sql string) string { return blanked(sql, true) }

func blanked(sql string, texts bool) string {
	b := []byte(sql)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	for i := 0; i < len(b); i++ {
		from := i
		switch {
		case b[i] == '\'' || b[i] == '"':
			q := b[i]
			for i++; i < len(b) && b[i] != q; i++ {
			}
			if texts && q == '\'' {
				blank(from, min(i+1, len(b)))
			}
		case strings.HasPrefix(sql[i:], "--"):
			for ; i < len(b) && b[i] != '\n'; i++ {
			}
			blank(from, i)
		case strings.HasPrefix(sql[i:], "/*"):
			i = len(b) - 1
			if j := strings.Index(sql[from+2:], "*/"); j >= 0 {
				i = from + 2 + j + 1
			}
			blank(from, i+1)
		}
	}
	return string(b)
}

var asName = regexp.MustCompile(`(?i)\bas\s+("(?:[^"]|"")*"|[^\s,;()"]+)`)

// AliasAt is where the alias of a column stands in SQL without comments and texts (see WithoutTexts), behind the offset from, which is in
// the column's expression. It includes the quotes. AliasAt returns -1 if the column has no AS.
func AliasAt(sql, alias string, from int) int {
	depth, at := 0, from
	for _, m := range asName.FindAllStringSubmatchIndex(sql[from:], -1) {
		name := sql[from+m[2] : from+m[3]]
		depth += levels(sql[at : from+m[0]])
		at = from + m[1]
		if strings.HasPrefix(name, `"`) {
			name = strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
		}
		if depth <= 0 && strings.EqualFold(name, alias) {
			return from + m[2]
		}
	}
	return -1
}

// levels is how many brackets SQL opens more than it closes, outside of names in quotes.
func levels(sql string) (depth int) {
	quoted := false
	for _, c := range sql {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
	}
	return depth
}
