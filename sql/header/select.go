// Package header reads the comment lines that mean something: those above a SELECT (-- class: network_activity) and those above the
// CREATE TABLE of raw.sql (-- format: csv). A new comment line is added here. What the lines ask for is done elsewhere: the
// format of records in internal/decode, the rest in package projection. Comments of any other form are left alone, and lines that look
// like these are reported.
package header

import (
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

// Select is what the comments above a SELECT say.
type Select struct {
	Class   string
	ClassAt int
	// Otherwise says that the SELECT takes only records that no other SELECT takes. Its line has the class, so that a version of etl
	// that does not know the line finds no class, and refuses the mapping.
	Otherwise bool
	Version   string
	VerAt     int
	Profiles  []word
	Drops     []word // predicates
	Consumes  []word // raw paths
	Rebuilds  []Rebuild
	Without   []word // OCSF paths of required attributes that the source does not have
	Redacts   []Redact
	// Observables says that the compiler fills the observables of the event, and ObservablesAt where the header says so.
	Observables   bool
	ObservablesAt int
}

// Rebuild is a raw path, and the expression over the event that gives its value.
type Rebuild struct{ Field, Expr word }

var selectKeys = []string{"class", "otherwise", "ocsf", "version", "profiles", "drop", "consumes", "without", "discard", "redact", lookupKey, "observables"}

var bareOtherwise = regexp.MustCompile(`(?im)^[ \t]*--[ \t]*otherwise[ \t]*:?[ \t\r]*$`)

// SelectKeys are the keys that the comments above a SELECT may have.
func SelectKeys() []string { return slices.Clone(selectKeys) }

// ReadSelect reads the comments above a SELECT. An unknown key (`-- profile: cloud`) is reported.
func ReadSelect(f diag.File, r *diag.List) Select {
	h := Select{Version: ocsf.DefaultVersion, ClassAt: -1, VerAt: -1}
	if at := bareOtherwise.FindStringIndex(f.Text[:headerEnd(f.Text)]); at != nil {
		r.At(f, at[0], diag.Error, diag.Class, "write `-- otherwise: base_event` instead of the line `-- class:`", "the line `-- otherwise:` must name the class")
	}
	headerLines(f.Text, func(start int, key string, value word) {
		switch key {
		case "class", "otherwise":
			if h.Class != "" {
				r.At(f, start, diag.Error, diag.Class, "keep one of the lines", "the header names a class twice")
			}
			h.Class, h.ClassAt, h.Otherwise = value.Text, value.At, key == "otherwise"
		case "ocsf", "version":
			h.Version, h.VerAt = strings.TrimPrefix(value.Text, "v"), value.At
		case "profiles":
			h.Profiles = append(h.Profiles, splitWords(value.Text, value.At)...)
		case "drop":
			h.Drops = append(h.Drops, value)
		case "consumes":
			if name, rest := cutField(value.Text); name != "" && strings.HasPrefix(rest, "=") {
				at := len(value.Text) - len(rest) + 1
				h.Rebuilds = append(h.Rebuilds, Rebuild{word{name, value.At}, trimWord(value.Text[at:], value.At+at)})
				break
			}
			h.Consumes = append(h.Consumes, splitNames(value.Text, value.At)...)
		case "discard", "redact":
			h.Redacts = append(h.Redacts, readRedact(f, r, key, value)...)
		case lookupKey: // see Lookups
		case "observables":
			if h.Observables, h.ObservablesAt = value.Text == "auto", value.At; !h.Observables {
				r.At(f, value.At, diag.Error, diag.HeaderKey, "write `-- observables: auto`, or leave the line out", "observables is %q, and can only be auto", value.Text)
			}
		case "without":
			h.Without = append(h.Without, splitWords(value.Text, value.At)...)
		default:
			reportUnknown(f, r, start, key, "a SELECT", selectKeys)
		}
	})
	return h
}
