package infer

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// address is the first IPv4 address of a text, and the word before it.
var address = regexp.MustCompile(`(?:([A-Za-z]{2,20})[ =:]{1,2})?\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b`)

// syslogMessage says what to do with the text after a syslog header: its form is the application's own. If the messages have addresses,
// the SELECT gets a column for them as a comment.
func (in *inference) syslogMessage(res *Result) {
	if !in.shape.syslog || len(in.root.children) == 0 {
		return
	}
	line := in.root.children[0]
	f := line.byName[fields.MessageKey]
	if f == nil || f.scalars == 0 {
		return
	}
	at := f.dotted()
	res.Notes = append(res.Notes, fmt.Sprintf("%s has the text after the syslog header, whose form is the application's own. Try: regexp_extract(%[1]s, 'from (\\S+)', 1) in a column, "+
		"a WHERE for each kind of message, or -- pattern: lines in raw.sql (docs/formats.md#lines)", at))
	words := map[string]int{}
	best, n := "", 0
	for _, v := range f.order {
		if m := address.FindStringSubmatch(v); m != nil {
			if words[m[1]]++; words[m[1]] > n {
				best, n = m[1], words[m[1]]
			}
		}
	}
	if n == 0 {
		return
	}
	pattern := `((?:[0-9]{1,3}[.]){3}[0-9]{1,3})`
	if best != "" {
		pattern = best + `[ =:]+` + pattern
	}
	in.hints = append(in.hints, fmt.Sprintf("%s: addresses in the text (example: %s). If they are the sources: nullif(regexp_extract(%[1]s, '%[3]s', 1), '') AS \"src_endpoint.ip\"",
		at, strings.TrimSpace(address.FindString(firstWith(f.order))), pattern))
}

// firstWith is the first text that has an address.
func firstWith(texts []string) string {
	for _, t := range texts {
		if address.MatchString(t) {
			return t
		}
	}
	return ""
}
