// Package header reads the comment lines that mean something: those above a SELECT (-- class: network_activity) and those above the
// CREATE TABLE of raw.sql (-- format: csv). A new comment line is added here. What the lines ask for is done elsewhere: the
// format of records in internal/decode, the rest in package projection. Comments of any other form are left alone, except that
// a near miss of a key is reported.
package header

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/suggest"
)

// header is what the comments above a SELECT say.
type Select struct {
	Class    string
	ClassAt  int
	Version  string
	VerAt    int
	Profiles []word
	Drops    []word // predicates
	Consumes []word // raw paths
	Without  []word // OCSF paths of required attributes that the source does not have
}

// word is a piece of a header and its byte offset.
type word struct {
	Text string
	At   int
}

var selectKeys = []string{"class", "ocsf", "version", "profiles", "drop", "consumes", "without"}

// HeaderKeys are the keys that the comments above a SELECT may have.
func SelectKeys() []string { return slices.Clone(selectKeys) }

// headerLines calls fn for each `-- key: value` line before the first line that is neither blank nor a comment: where the line
// begins, its key in lower case, and its value, which may be empty. Comments of any other form are left alone.
func headerLines(text string, fn func(start int, key string, value word)) {
	at := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		start := at
		at += len(line)
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			continue
		}
		if !strings.HasPrefix(trimmed, "--") {
			return
		}
		key, _, ok := strings.Cut(strings.TrimLeft(trimmed[2:], "- "), ":")
		if !ok || strings.ContainsAny(key, " \t.") {
			continue
		}
		valueAt := start + strings.Index(line, ":") + 1
		fn(start, strings.ToLower(key), trimWord(strings.TrimRight(line[valueAt-start:], " \t\r\n"), valueAt))
	}
}

// parseHeader reads the comments above a SELECT; a near miss of a key (`-- profile: cloud`) is reported.
func ReadSelect(f diag.File, r *diag.List) Select {
	h := Select{Version: ocsf.DefaultVersion, ClassAt: -1, VerAt: -1}
	headerLines(f.Text, func(start int, key string, value word) {
		switch key {
		case "class":
			h.Class, h.ClassAt = value.Text, value.At
		case "ocsf", "version":
			h.Version, h.VerAt = strings.TrimPrefix(value.Text, "v"), value.At
		case "profiles":
			h.Profiles = append(h.Profiles, splitWords(value.Text, value.At)...)
		case "drop":
			h.Drops = append(h.Drops, value)
		case "consumes":
			h.Consumes = append(h.Consumes, splitNames(value.Text, value.At)...)
		case "without":
			h.Without = append(h.Without, splitWords(value.Text, value.At)...)
		default:
			if n := suggest.Nearest(key, selectKeys); n != "" {
				r.At(f, start, diag.Warning, diag.HeaderKey, "the keys are "+strings.Join(selectKeys, ", "), "unknown header key %q; did you mean %q?", key, n)
			}
		}
	})
	return h
}

func trimWord(s string, at int) word {
	t := strings.TrimLeft(s, " \t")
	return word{strings.TrimSpace(t), at + len(s) - len(t)}
}

func splitWords(s string, at int) (words []word) {
	for _, part := range strings.Split(s, ",") {
		if w := trimWord(part, at); w.Text != "" {
			words = append(words, w)
		}
		at += len(part) + 1
	}
	return words
}

// splitNames cuts at commas that are not within double quotes.
func splitNames(s string, at int) (words []word) {
	from, quoted := 0, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i < len(s) && s[i] == '"':
			quoted = !quoted
		case i == len(s) || s[i] == ',' && !quoted:
			if w := trimWord(s[from:i], at+from); w.Text != "" {
				words = append(words, w)
			}
			from = i + 1
		}
	}
	return words
}
