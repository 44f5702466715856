package header

import (
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
)

// proseKeys begin comments for people. A note is not a slip of "quote".
var proseKeys = []string{"note", "example", "see", "todo", "fixme", "author", "owner"}

// likeKey is a line that looks like those of the header: one word in lower case, and text after the colon.
var likeKey = regexp.MustCompile(`^[ \t]*--[ \t]*[a-z_]+:[ \t]+\S`)

// reportUnknown reports a line of a header whose key is not one of keys. A near miss is a warning. If it only looks like a line of the
// header, it is a note, because it can be a comment.
func reportUnknown(f diag.File, r *diag.List, start int, key, of string, keys []string) {
	if slices.Contains(proseKeys, key) {
		return
	}
	hint := "the keys of " + of + " are " + strings.Join(keys, ", ")
	if n := suggest.Nearest(key, keys); n != "" {
		r.At(f, start, diag.Warning, diag.HeaderKey, hint, "unknown header key %q; did you mean %q?", key, n)
		return
	}
	if !likeKey.MatchString(f.Text[start:]) {
		return
	}
	switch {
	case slices.Contains(selectKeys, key):
		hint = "write it above a SELECT"
	case slices.Contains(RawKeys(), key):
		hint = "write it above the table of raw.sql"
	}
	r.At(f, start, diag.Note, diag.HeaderKey, hint, "%s has no header key %q: the line is a comment", of, key)
}
