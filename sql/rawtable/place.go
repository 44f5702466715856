package rawtable

import (
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
)

// Finder finds declarations in raw.sql's text.
type Finder struct {
	file diag.File
	text string // without comments, in lower case, as long as the file's
}

var sqlComment = regexp.MustCompile(`--[^\n]*`)

func NewFinder(f diag.File) *Finder {
	t := sqlComment.ReplaceAllStringFunc(f.Text, func(s string) string { return strings.Repeat(" ", len(s)) })
	low := strings.ToLower(t)
	if len(low) != len(t) {
		low = t
	}
	return &Finder{file: f, text: low}
}

// Find looks for each name of the path behind the one before it.
func (d *Finder) Find(path []string) (line, column int) {
	from := strings.Index(d.text, "(")
	if from < 0 {
		return 0, 0
	}
	at := -1
	for _, name := range path {
		name = strings.ToLower(name)
		for {
			i := strings.Index(d.text[from:], name)
			if i < 0 {
				return 0, 0
			}
			at = from + i
			from = at + len(name)
			if !nameByte(d.text, at-1) && !nameByte(d.text, from) {
				break
			}
		}
	}
	if at > 0 && d.text[at-1] == '"' {
		at--
	}
	return diag.Position(d.file.Text, at)
}

func nameByte(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || s[i] >= 0x80)
}
