package header

import (
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
)

// Package is a `-- package:` line. Above raw.sql's table, it says which package the mapping imports; at the beginning of a package's
// macros.sql, it says which package that is.
type Package struct {
	Name, Version string
	At            int // of the line's value
}

const packageKey = "package"

var packageWords = regexp.MustCompile(`^([a-z][a-z0-9_-]{0,62})[ \t]+(\S+)$`)

// Packages reads the `-- package:` lines of a file. What is wrong with a line is reported; r may be nil.
func Packages(f diag.File, r *diag.List) (all []Package) {
	headerLines(f.Text, func(_ int, key string, value word) {
		if key != packageKey {
			return
		}
		m := packageWords.FindStringSubmatch(value.Text)
		if m == nil {
			if r != nil {
				r.At(f, value.At, diag.Error, diag.Package, "example: `-- package: acme 1.2`; names have a-z, 0-9, _ and -", "a package line must say NAME VERSION, not %q", strings.TrimSpace(value.Text))
			}
			return
		}
		all = append(all, Package{Name: m[1], Version: m[2], At: value.At})
	})
	return all
}
