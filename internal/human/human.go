// Package human writes numbers for people: counts, plurals, sizes and texts cut to a width.
//
// Every command, log line and page uses it, so that one unit convention holds: sizes are powers of 1,024 (KiB, MiB, GiB), as in
// the job file.
package human

import (
	"strings"

	"github.com/dustin/go-humanize"
)

// Count prints 1234567 as 1,234,567.
func Count(n int64) string { return humanize.Comma(n) }

// Plural prints 1 file, 2,000 files, 3 batches, 4 entries, 5 days. The noun is singular.
func Plural(n int64, noun string) string {
	if n != 1 {
		switch stem, y := strings.CutSuffix(noun, "y"); {
		case y && !strings.HasSuffix(stem, "a"):
			noun = stem + "ies"
		case strings.HasSuffix(noun, "ch"):
			noun += "es"
		default:
			noun += "s"
		}
	}
	return Count(n) + " " + noun
}

// Size prints bytes as 1.5 GiB.
func Size(n int64) string {
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n))
	}
	return humanize.IBytes(uint64(n))
}
