// Package staging finds the objects a run has to read: it lists the staging store, matches keys against globs and a key
// pattern, leaves out what the ledger has taken, and cuts what is left into batches.
//
// It only reads. Invariants: an object is left out only for a reason that Plan counts (excluded, taken, unsettled, before
// the cutoff); two listings of the same store give the same batches.
package staging

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/silt-etl/silt/internal/keypattern"
)

// Pattern is a compiled key pattern: `{account_id}/network-firewall/{region}/{yyyy}/{mm}/{dd}/`. A capture takes one or more
// characters other than a slash; yyyy, mm, dd and hh take digits. A pattern that ends in a slash matches keys below it; any
// other matches the whole key.
type Pattern struct {
	*keypattern.Pattern
	text     string
	segments []segment // one for each complete path segment of the pattern, for pruning
	date     [3]int    // indexes into Names of yyyy, mm, dd; -1: absent
	// dateDepth is the segment that holds yyyy, where dates come in the order of keys (year before month before day, with
	// nothing between their segments that could sort otherwise); -1 where they do not.
	dateDepth int
}

type segment struct {
	re    *regexp.Regexp
	names []string
}

// ParsePattern compiles a key pattern. The error names the part at fault.
func ParsePattern(text string) (*Pattern, error) {
	p := &Pattern{text: text, date: [3]int{-1, -1, -1}}
	if strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("%q begins with a slash; patterns are relative to staging", text)
	}
	whole, err := keypattern.Parse(text)
	if err != nil {
		return nil, err
	}
	p.Pattern = whole
	names := whole.Names()
	for i, n := range []string{"yyyy", "mm", "dd"} {
		p.date[i] = indexOf(names, n)
	}
	if p.date[1] >= 0 && p.date[0] < 0 || p.date[2] >= 0 && p.date[1] < 0 {
		return nil, fmt.Errorf("{dd} needs {mm}, and {mm} needs {yyyy}")
	}
	parts := strings.Split(text, "/")
	for _, s := range parts[:len(parts)-1] {
		e, n, err := keypattern.Expr(s)
		if err != nil {
			return nil, err
		}
		re, err := regexp.Compile("^" + e + "$")
		if err != nil {
			return nil, fmt.Errorf("%.60q cannot be compiled: %w", s, err)
		}
		p.segments = append(p.segments, segment{re, n})
	}
	p.dateDepth = p.findDates(parts[:len(parts)-1])
	return p, nil
}

// onlyDates is a segment of nothing but parts of a date, fixed text between them.
var onlyDates = regexp.MustCompile(`^(?:[^{}]|\{(?:yyyy|mm|dd|hh)\})*$`)

// findDates gives the segment with the year, if greater keys mean later days from there on.
func (p *Pattern) findDates(parts []string) int {
	if p.date[0] < 0 || p.date[1] >= 0 && p.date[1] < p.date[0] || p.date[2] >= 0 && p.date[2] < p.date[1] {
		return -1
	}
	lastPart := "{yyyy}"
	if p.date[2] >= 0 {
		lastPart = "{dd}"
	} else if p.date[1] >= 0 {
		lastPart = "{mm}"
	}
	from := -1
	for i, s := range parts {
		if strings.Contains(s, "{yyyy}") {
			from = i
		}
		if from < 0 {
			continue
		}
		if !onlyDates.MatchString(s) {
			return -1
		}
		if strings.Contains(s, lastPart) {
			return from
		}
	}
	return -1
}

// Prunable says whether the names of folders give their day, so that early days are skipped while listing.
func (p *Pattern) Prunable() bool { return p.dateDepth >= 0 }

// DatePrefix of a key is the folder that holds its dated folders, for example `{account}/x/` of `{account}/x/{yyyy}/`; "" if the
// key does not match or the pattern cannot be pruned. The greatest key below it is one of its latest day.
func (p *Pattern) DatePrefix(key string) string {
	if p.dateDepth < 0 || p.Match(key) == nil {
		return ""
	}
	at := 0
	for range p.dateDepth {
		at += strings.IndexByte(key[at:], '/') + 1
	}
	return key[:at]
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// Captures are the values that a key pattern took from one key, by the capture's name.
type Captures map[string]string

// Captures returns what the pattern takes from a key. It is nil if the key does not match, or where p is nil: a job without a
// key pattern captures nothing.
func (p *Pattern) Captures(key string) Captures {
	if p == nil {
		return nil
	}
	values := p.Match(key)
	if values == nil {
		return nil
	}
	c := make(Captures, len(values))
	for i, name := range p.Names() {
		c[name] = values[i]
	}
	return c
}

// With returns the captures with more values. A capture of the same name is kept.
func (c Captures) With(more map[string]string) Captures {
	all := make(Captures, len(c)+len(more))
	maps.Copy(all, more)
	maps.Copy(all, c)
	return all
}

// Columns returns one value for each wanted name, in their order; nil if the key has no such capture, which a mapping reads
// as NULL. The case of names does not matter, as in SQL.
func (c Captures) Columns(want []string) []*string {
	columns := make([]*string, len(want))
	for i, w := range want {
		for name, value := range c {
			if strings.EqualFold(name, w) {
				columns[i] = &value
			}
		}
	}
	return columns
}

// Dated says whether keys carry a date.
func (p *Pattern) Dated() bool { return p.date[0] >= 0 }

// Day of a matched key: the first day that its captures allow, in UTC. ok is false if they make no date.
func (p *Pattern) Day(captures []string) (day time.Time, ok bool) {
	if p.date[0] < 0 || captures == nil {
		return day, false
	}
	v := [3]int{1, 1, 1}
	for i, at := range p.date {
		if at >= 0 {
			v[i], _ = strconv.Atoi(captures[at])
		}
	}
	day = time.Date(v[0], time.Month(v[1]), v[2], 0, 0, 0, 0, time.UTC)
	return day, v[1] >= 1 && v[1] <= 12 && day.Day() == v[2]
}

// CheckGlob says whether a glob is well formed.
func CheckGlob(g string) error {
	if !doublestar.ValidatePattern(g) {
		return fmt.Errorf("%q is not a glob (example: **/*.log.gz)", g)
	}
	return nil
}
