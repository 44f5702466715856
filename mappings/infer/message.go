package infer

import (
	"fmt"
	"regexp"
	"slices"
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

// placeholders are texts that sources write where there is no value.
func placeholders() []string {
	return []string{"-", "--", "NA", "N/A", "n/a", "(null)", "null", "NULL", "nil"}
}

// nulls finds placeholders among values that are numbers, times or addresses otherwise. raw.sql declares them then, and the types are those
// of the other values.
func (in *inference) nulls(res *Result) {
	for _, text := range placeholders() {
		if text == in.nothing || slices.Contains(in.format.Null, text) {
			continue
		}
		var with []*field
		var among []string
		walkFields(in.root, func(f *field) {
			n := f.values[text]
			if n == 0 {
				return
			}
			with = append(with, f)
			for _, t := range []trait{isDouble, isIP, isMAC, isISOTime} {
				if f.scalars > n && f.has[t] == f.scalars-n {
					among = append(among, f.dotted())
				}
			}
		})
		if len(among) == 0 {
			continue
		}
		for _, f := range with {
			in.patterns.forget(f, text)
		}
		in.header = append(in.header, "null: "+text)
		among = among[:min(3, len(among))]
		res.Notes = append(res.Notes, fmt.Sprintf("%s is taken for \"no value\" (-- null: %[1]s in raw.sql), because all other values are of one type (%s)", text, strings.Join(among, ", ")))
	}
}

// walkFields calls do for every field below f, without those in lists.
func walkFields(f *field, do func(*field)) {
	for _, c := range f.children {
		do(c)
		walkFields(c, do)
	}
}

// forget takes back what was counted for a text of a field: the field has no value there.
func (p *patterns) forget(f *field, text string) {
	n := f.values[text]
	for i, yes := range p.traitsOf([]byte(text), true) {
		if yes {
			f.has[i] -= n
		}
	}
	f.seen, f.scalars, f.quoted, f.null = f.seen-n, f.scalars-n, f.quoted-n, f.null+n
	delete(f.values, text)
	f.order = slices.DeleteFunc(f.order, func(v string) bool { return v == text })
}
