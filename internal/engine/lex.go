package engine

import (
	"strings"
)

// token of a SQL text. DuckDB's parser tells whether a text is SQL; tokens tell what kind of statement its own API does not.
type token struct {
	text string // a word in lower case; a quoted identifier, a string, a number or a sign as written
	at   int    // bytes
	word bool
}

func (t token) is(word string) bool { return t.word && t.text == word }

// name is the identifier that t is, or "".
func (t token) name() string {
	if t.word {
		return t.text
	}
	if len(t.text) > 2 && t.text[0] == '"' {
		return strings.ReplaceAll(t.text[1:len(t.text)-1], `""`, `"`)
	}
	return ""
}

// lex splits SQL into tokens, leaving out blanks and comments.
func lex(sql string) ([]token, error) {
	var toks []token
	for i := 0; i < len(sql); {
		c := sql[i]
		rest := sql[i:]
		n := 1
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
			continue
		case strings.HasPrefix(rest, "--"):
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
			i += n
			continue
		case strings.HasPrefix(rest, "/*"):
			if n = comment(rest); n < 0 {
				return nil, &Error{Kind: "Parser", Message: "the comment is not closed", Offset: i}
			}
			i += n
			continue
		case c == '\'' || c == '"':
			n = quoted(rest, c, false)
		case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
			if n = quoted(rest[1:], '\'', true); n > 0 {
				n++
			}
		case c == '$':
			n = dollar(rest)
		case wordByte(c):
			for n < len(rest) && wordByte(rest[n]) {
				n++
			}
		}
		if n < 0 {
			return nil, &Error{Kind: "Parser", Message: "the quote is not closed", Offset: i}
		}
		t := token{text: rest[:n], at: i, word: wordByte(c) && c != '$' && (c < '0' || c > '9') && !strings.ContainsAny(rest[:n], `'"`)}
		if t.word {
			t.text = strings.ToLower(t.text)
		}
		toks = append(toks, t)
		i += n
	}
	return toks, nil
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// quoted gives the length of a quoted text, -1 where it does not end.
func quoted(s string, q byte, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == q:
			if i+1 < len(s) && s[i+1] == q {
				i++
				continue
			}
			return i + 1
		}
	}
	return -1
}

// comment gives the length of a /* comment */, which nests.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// dollar gives the length of a $tag$ text $tag$, 1 where it is a parameter's sign.
func dollar(s string) int {
	n := 1
	for n < len(s) && wordByte(s[n]) {
		n++
	}
	if n == len(s) || s[n] != '$' {
		return 1
	}
	tag := s[:n+1]
	end := strings.Index(s[n+1:], tag)
	if end < 0 {
		return -1
	}
	return n + 1 + end + len(tag)
}

// statements splits tokens at top-level semicolons; empty statements are left out.
func statements(toks []token) [][]token {
	var all [][]token
	from := 0
	for i := 0; i <= len(toks); i++ {
		if i == len(toks) || toks[i].text == ";" {
			if i > from {
				all = append(all, toks[from:i])
			}
			from = i + 1
		}
	}
	return all
}
