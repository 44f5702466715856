// Package keypattern compiles patterns of keys and of the names of members of archives, such as
// `{account_id}/network-firewall/{region}/{yyyy}/{mm}/{dd}/`.
//
// A capture takes one or more characters other than a slash; yyyy, mm, dd and hh take digits. A pattern that ends in a slash matches names
// below it; any other matches the whole name.
package keypattern

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var capture = regexp.MustCompile(`\{([^{}]*)\}`)
var captureName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Pattern is a compiled pattern.
type Pattern struct {
	names []string
	re    *regexp.Regexp
}

// Parse compiles a pattern. The error names the part at fault.
func Parse(text string) (*Pattern, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, fmt.Errorf("%+q is not valid UTF-8, or contains control characters", text)
	}
	whole, names, err := Expr(text)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			return nil, fmt.Errorf("{%s} is used twice", n)
		}
		seen[n] = true
	}
	end := "$"
	if strings.HasSuffix(text, "/") {
		end = ""
	}
	re, err := regexp.Compile("^" + whole + end)
	if err != nil {
		return nil, fmt.Errorf("%.60q cannot be compiled: %w", text, err)
	}
	return &Pattern{names, re}, nil
}

// Expr is a part of a pattern as a regular expression, with a group for each of the names.
func Expr(s string) (expr string, names []string, err error) {
	var b strings.Builder
	at := 0
	for _, m := range capture.FindAllStringSubmatchIndex(s, -1) {
		lit := s[at:m[0]]
		if strings.ContainsAny(lit, "{}") {
			return "", nil, fmt.Errorf("%q has an unmatched brace", s)
		}
		b.WriteString(regexp.QuoteMeta(lit))
		name := s[m[2]:m[3]]
		if !captureName.MatchString(name) {
			return "", nil, fmt.Errorf("{%s} is not a capture; name it with a-z, 0-9 and _ (example: {account_id})", name)
		}
		names = append(names, name)
		switch name {
		case "yyyy":
			b.WriteString(`(\d{4})`)
		case "mm", "dd", "hh":
			b.WriteString(`(\d{2})`)
		default:
			b.WriteString(`([^/]+?)`)
		}
		at = m[1]
	}
	if strings.ContainsAny(s[at:], "{}") {
		return "", nil, fmt.Errorf("%q has an unmatched brace", s)
	}
	b.WriteString(regexp.QuoteMeta(s[at:]))
	return b.String(), names, nil
}

// Names of the captures, in order.
func (p *Pattern) Names() []string { return p.names }

// Match gives the captures of a name, in the order of Names, or nil.
func (p *Pattern) Match(name string) []string {
	m := p.re.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	return m[1:]
}
