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

// lines reads the patterns, or finds the one column of a format without one.
func (x *Raw) lines() {
	dot := ""
	if w, ok := x.one("begins"); ok {
		dot = "(?s)" // a record has newlines
		x.Format.Begins = x.compile(w, "", "")
	}
	all := x.head["pattern"]
	if len(all) == 0 {
		if len(x.Format.Columns) != 1 {
			x.r.At(x.f, -1, diag.Error, diag.RawFormat, "declare one VARCHAR, or write a `-- pattern:`", "without a pattern a line is one column, but raw.sql has %d", len(x.Format.Columns))
		}
		return
	}
	x.Format.Pattern = x.pattern(all[0], dot)
	for _, w := range all[1:] {
		if re := x.pattern(w, dot); re != nil {
			x.Format.OtherPatterns = append(x.Format.OtherPatterns, re)
		}
	}
}

// compile reads a regular expression, which begins at the beginning of a text; nil: diagnostics say why it cannot be read.
func (x *Raw) compile(w word, flags, end string) *regexp.Regexp {
	text, err := fields.Expand(w.Text)
	var unknown *fields.UnknownPattern
	if errors.As(err, &unknown) {
		hint := "known: " + strings.Join(fields.GrokNames(), ", ")
		if n := suggest.Nearest(unknown.Name, fields.GrokNames()); n != "" {
			hint = "did you mean %{" + n + "}?"
		}
		x.r.At(x.f, w.At+unknown.At, diag.Error, diag.Pattern, hint, "unknown pattern %%{%s}", unknown.Name)
		return nil
	}
	re, err := regexp.Compile(flags + `\A(?:` + text + `)` + end)
	if err != nil {
		msg := err.Error()
		var syntaxErr *resyntax.Error
		if errors.As(err, &syntaxErr) {
			msg = syntaxErr.Code.String() + ": " + syntaxErr.Expr
		}
		x.r.At(x.f, w.At, diag.Error, diag.Pattern, "use RE2 syntax", "the pattern does not compile: %s", msg)
		return nil
	}
	return re
}

// pattern reads one pattern; nil: diagnostics say why it cannot be read.
func (x *Raw) pattern(w word, flags string) *regexp.Regexp {
	re := x.compile(w, flags, `\z`)
	if re == nil {
		return nil
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
	return re
}
