package infer

import (
	"bufio"
	"bytes"
	"regexp"

	"github.com/silt-etl/silt/internal/decode"
)

// headBytes of a sample are inspected, as they are stored.
const headBytes = 256 << 10

// word is a name that raw.sql's header can hold as it is.
var word = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// detect looks at the beginning of a sample, and leaves it unread.
// What has no form is taken for JSON, whose reader has a reason for each record that is none.
func detect(r *bufio.Reader) shape {
	head, _ := r.Peek(headBytes)
	d, err := decode.Detect(bytes.NewReader(head))
	if err != nil {
		d.Format.Name = decode.FormatLine // a line alone can have a form
	}
	if s, ok := shapeOf(headLines(head), d.Format); ok {
		return s
	}
	if err != nil || d.Format.Name == decode.FormatJSON && (len(d.Format.Records) == 0 || !word.MatchString(d.Format.Records[0])) {
		return shape{format: decode.Format{Name: decode.FormatJSON}}
	}
	return shape{format: d.Format, header: headerOf(&d.Format), why: d.Evidence}
}

// headerOf is a format in lines of raw.sql's header, what goes without saying left out.
func headerOf(f *decode.Format) (lines []string) {
	add := func(key, value string) { lines = append(lines, key+": "+value) }
	if f.Name != decode.FormatJSON {
		add("format", string(f.Name))
	}
	if len(f.Records) > 0 {
		add("records", f.Records[0])
	}
	if name := map[byte]string{'\t': "tab", ',': "comma", ';': "semicolon", '|': "pipe", ' ': "space"}[f.Delimiter]; name != "" && !(f.Name == decode.FormatCSV && f.Delimiter == ',') {
		add("delimiter", name)
	}
	if f.Escape == '\\' {
		add("escape", "backslash")
	}
	if f.Name == decode.FormatCSV {
		add("header", map[bool]string{true: "yes", false: "no"}[f.Header == decode.HeaderYes])
	}
	if f.Comment != "" {
		add("comment", f.Comment)
	}
	for _, n := range f.Null {
		add("null", n)
	}
	return lines
}
