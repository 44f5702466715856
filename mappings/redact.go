package mappings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
)

// redaction reads the keys discard and redact of a declarative mapping: the `-- discard:` and `-- redact:` lines of its raw.sql.
type redaction struct {
	*translator
}

// redactLine is one field of them.
type redactLine struct {
	path []string
	how  redact.How
	at   int // of the JSON
}

// read adds the fields that the document names, after the mappings have said which fields they read.
func (x redaction) read(doc *value) {
	if v := doc.get("discard"); v != nil {
		if !v.array || len(v.items) == 0 {
			x.fail(v.at, diag.Format, `example: "discard": ["$.session.token"]`, "discard must be a list of paths")
		}
		for _, item := range v.items {
			x.add(item, item.at, redact.Discard)
		}
	}
	v := doc.get("redact")
	if v == nil {
		return
	}
	if !v.object || len(v.fields) == 0 {
		x.fail(v.at, diag.Format, `example: "redact": {"$.user.email": "hash"}`, "redact must be an object with a path for each field")
	}
	for _, f := range v.fields {
		how := f.value.text()
		if !slices.Contains(redact.Ways(), how) {
			hint := "known: " + strings.Join(redact.Ways(), ", ")
			if n := suggest.Nearest(how, redact.Ways()); n != "" {
				hint = "did you mean " + n + "?"
			}
			x.fail(f.value.at, diag.Redact, hint, "unknown way to redact: %q", how)
			continue
		}
		x.add(&value{scalar: f.key, at: f.at}, f.at, redact.How(how))
	}
}

func (x redaction) add(v *value, at int, how redact.How) {
	path := x.rawPath(v)
	if path == nil {
		return
	}
	x.hidden = append(x.hidden, redactLine{path, how, at})
	for n := 1; n < len(path); n++ {
		if x.leaves[strings.Join(path[:n], ".")] != nil {
			return // a part of a field that a mapping reads as a whole
		}
	}
	x.use(path, "JSON")
}

// lines are the comment lines, each with the place in the JSON that it was made of.
func (x redaction) lines() (text string, places []int) {
	for _, l := range x.hidden {
		if l.how == redact.Discard {
			text += fmt.Sprintf("-- discard: %s\n", rawSQL(l.path))
		} else {
			text += fmt.Sprintf("-- redact: %s AS %s\n", rawSQL(l.path), l.how)
		}
		places = append(places, l.at)
	}
	return text, places
}
