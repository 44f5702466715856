package header

import (
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/internal/suggest"
)

// Lookup is a `-- lookup:` line.
type Lookup struct {
	lookup.Declaration
	At int // of the line's value
}

const (
	lookupKey     = "lookup"
	lookupExample = "example: `-- lookup: assets by cidr network`, or `-- lookup: owners by equal account, user valid since..until`"
)

var (
	lookupName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	lookupWords = regexp.MustCompile(`(?i)^(\S+)\s+by\s+(\S+)\s+(.+)$`)
	lookupValid = regexp.MustCompile(`(?i)^(.*?)\s+valid\s+(\S.*?)\s*\.\.\s*(\S.*)$`)
)

// Lookups reads the `-- lookup:` lines of a file. The lines may be above raw.sql's table and above a SELECT, and hold for all files of a
// mapping. What is wrong with a line is reported; r may be nil.
func Lookups(f diag.File, r *diag.List) (all []Lookup) {
	headerLines(f.Text, func(_ int, key string, value word) {
		if key != lookupKey {
			return
		}
		bad := func(hint, format string, args ...any) {
			if r != nil {
				r.At(f, value.At, diag.Error, diag.Lookup, hint, format, args...)
			}
		}
		m := lookupWords.FindStringSubmatch(value.Text)
		if m == nil {
			bad(lookupExample, "a lookup line must say NAME by equal, cidr or range COLUMN")
			return
		}
		l := Lookup{At: value.At, Declaration: lookup.Declaration{Name: m[1], How: lookup.How(strings.ToLower(m[2]))}}
		columns := m[3]
		if v := lookupValid.FindStringSubmatch(columns); v != nil {
			columns, l.From, l.To = v[1], unquote(v[2]), unquote(v[3])
		}
		for _, w := range splitNames(columns, 0) {
			l.Columns = append(l.Columns, unquote(w.Text))
		}
		switch n := len(l.Columns); {
		case !lookupName.MatchString(l.Name):
			bad("use a-z, 0-9 and _", "%q is not the name of a lookup", l.Name)
		case !slices.Contains(lookup.Hows(), string(l.How)):
			hint := "known: " + strings.Join(lookup.Hows(), ", ")
			if near := suggest.Nearest(m[2], lookup.Hows()); near != "" {
				hint = "did you mean " + near + "?"
			}
			bad(hint, "a lookup cannot be by %s", m[2])
		case l.How == lookup.CIDR && n != 1:
			bad(lookupExample, "a lookup by cidr must name one column")
		case l.How == lookup.Range && n != 2:
			bad("example: `-- lookup: ports by range first, last`", "a lookup by range must name two columns, of the first and of the last value")
		default:
			all = append(all, l)
		}
	})
	return all
}

// unquote removes the double quotes around a name.
func unquote(s string) string {
	if s = strings.TrimSpace(s); len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
	}
	return s
}
