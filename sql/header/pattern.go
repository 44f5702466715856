package header

import (
	"errors"
	"regexp"
	resyntax "regexp/syntax"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/syntax"
)

// lines reads the pattern, or finds the one column of a format without one.
func (x *Raw) lines() {
	w, ok := x.one("pattern")
	if !ok {
		if len(x.Format.Columns) != 1 {
			x.r.At(x.f, -1, diag.Error, diag.RawFormat, "declare one VARCHAR, or write a `-- pattern:`", "without a pattern a line is one column, but raw.sql has %d", len(x.Format.Columns))
		}
		return
	}
	text, err := fields.Expand(w.Text)
	var unknown *fields.UnknownPattern
	if errors.As(err, &unknown) {
		hint := "known: " + strings.Join(fields.GrokNames(), ", ")
		if n := suggest.Nearest(unknown.Name, fields.GrokNames()); n != "" {
			hint = "did you mean %{" + n + "}?"
		}
		x.r.At(x.f, w.At+unknown.At, diag.Error, diag.Pattern, hint, "unknown pattern %%{%s}", unknown.Name)
		return
	}
	re, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		msg := err.Error()
		var syntaxErr *resyntax.Error
		if errors.As(err, &syntaxErr) {
			msg = syntaxErr.Code.String() + ": " + syntaxErr.Expr
		}
		x.r.At(x.f, w.At, diag.Error, diag.Pattern, "use RE2 syntax", "the pattern does not compile: %s", msg)
		return
	}
	named := 0
	for _, n := range re.SubexpNames() {
		if n == "" {
			continue
		}
		named++
		if !syntax.ContainsFold(x.Format.Columns, n) {
			hint := "add it to raw.sql"
			if near := suggest.Nearest(n, x.Format.Columns); near != "" {
				hint = "did you mean " + near + "?"
			}
			x.r.At(x.f, w.At+max(0, strings.Index(w.Text, n)), diag.Error, diag.Pattern, hint, "the pattern captures %s, which raw.sql does not declare", n)
		}
	}
	if named == 0 {
		x.r.At(x.f, w.At, diag.Error, diag.Pattern, "example: `(?P<src>\\S+)` or `%{IP:src}`", "the pattern has no named group, so no column would get a value")
	}
	x.Format.Pattern = re
}
