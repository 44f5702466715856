package header

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/rawtable"
)

// Redact is a field that a `-- discard:` or `-- redact:` line names. The lines may be above raw.sql's table and above a SELECT, and hold
// for every record of the source wherever they are: fields are removed before it is known which SELECT takes a record.
type Redact struct {
	Text string
	At   int
	Path []string
	How  redact.How
}

// redactKeys are the keys of both lines.
func redactKeys() []string { return []string{"discard", "redact"} }

// readRedact reads the value of such a line.
func readRedact(f diag.File, r *diag.List, key string, value word) (all []Redact) {
	for _, w := range splitNames(value.Text, value.At) {
		bad := func(hint, format string, args ...any) { r.At(f, w.At, diag.Error, diag.Redact, hint, format, args...) }
		name, rest := cutField(w.Text)
		path, more := rawtable.ParsePath(name)
		if path == nil || more != "" {
			bad("example: `-- discard: session.token, \"a b\".c`", "%q is not the name of a field", w.Text)
			continue
		}
		x := Redact{Text: name, At: w.At, Path: path, How: redact.Discard}
		words := strings.Fields(rest)
		switch {
		case key == "discard":
			if rest != "" {
				bad("separate fields with commas; to keep something of the value, write `-- redact: "+name+" AS hash`", "a discard line must only name fields, but %q follows %s", rest, name)
				continue
			}
		case len(words) != 2 || !strings.EqualFold(words[0], "AS"):
			bad("example: `-- redact: user.email AS hash`", "a redact line must say for each field AS %s", strings.Join(redact.Ways(), ", AS "))
			continue
		case !slices.Contains(redact.Ways(), strings.ToLower(words[1])):
			hint := "known: " + strings.Join(redact.Ways(), ", ")
			if n := suggest.Nearest(words[1], redact.Ways()); n != "" {
				hint = "did you mean " + n + "?"
			}
			bad(hint, "unknown way to redact: %q", words[1])
			continue
		default:
			x.How = redact.How(strings.ToLower(words[1]))
		}
		all = append(all, x)
	}
	return all
}

// redacts reads the lines of raw.sql.
func (x *Raw) redacts() {
	for _, key := range redactKeys() {
		for _, w := range x.head[key] {
			x.Redacts = append(x.Redacts, readRedact(x.f, x.r, key, w)...)
		}
	}
}
