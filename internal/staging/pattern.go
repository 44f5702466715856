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
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// Pattern is a compiled key pattern: `{account_id}/network-firewall/{region}/{yyyy}/{mm}/{dd}/`. A capture takes one or more
// characters other than a slash; yyyy, mm, dd and hh take digits. A pattern that ends in a slash matches keys below it; any
// other matches the whole key.
type Pattern struct {
	text     string
	names    []string
	re       *regexp.Regexp
	segments []segment // one for each complete path segment of the pattern, for pruning
	date     [3]int    // indexes into names of yyyy, mm, dd; -1: absent
	// dateDepth is the segment that holds yyyy, where dates come in the order of keys (year before month before day, with
	// nothing between their segments that could sort otherwise); -1 where they do not.
	dateDepth int
}

type segment struct {
	re    *regexp.Regexp
	names []string
}

var capture = regexp.MustCompile(`\{([^{}]*)\}`)
var captureName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// ParsePattern compiles a key pattern. The error names the part at fault.
func ParsePattern(text string) (*Pattern, error) {
	p := &Pattern{text: text, date: [3]int{-1, -1, -1}}
	if strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("%q begins with a slash; patterns are relative to staging", text)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, fmt.Errorf("%+q is not valid UTF-8, or contains control characters", text)
	}
	seen := map[string]bool{}
	expr := func(s string) (string, []string, error) {
		var b strings.Builder
		var names []string
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
	whole, names, err := expr(text)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if seen[n] {
			return nil, fmt.Errorf("{%s} is used twice", n)
		}
		seen[n] = true
	}
	p.names = names
	end := "$"
	if strings.HasSuffix(text, "/") {
		end = ""
	}
	if p.re, err = regexp.Compile("^" + whole + end); err != nil {
		return nil, fmt.Errorf("%.60q cannot be compiled: %w", text, err)
	}
	for i, n := range []string{"yyyy", "mm", "dd"} {
		p.date[i] = indexOf(names, n)
	}
	if p.date[1] >= 0 && p.date[0] < 0 || p.date[2] >= 0 && p.date[1] < 0 {
		return nil, fmt.Errorf("{dd} needs {mm}, and {mm} needs {yyyy}")
	}
	parts := strings.Split(text, "/")
	for _, s := range parts[:len(parts)-1] {
		e, n, err := expr(s)
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

// Names of the captures, in order.
func (p *Pattern) Names() []string { return p.names }

// Match gives the captures of a key, in the order of Names, or nil.
func (p *Pattern) Match(key string) []string {
	m := p.re.FindStringSubmatch(key)
	if m == nil {
		return nil
	}
	return m[1:]
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
	for i, name := range p.names {
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
