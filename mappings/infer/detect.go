package infer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/looks"
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
	lines := headLines(head)
	return formOf(lines, d, err)
}

// formOf is the form of a sample whose format was detected, unless err says otherwise.
func formOf(lines [][]byte, d decode.Detected, err error) shape {
	if s, ok := shapeOf(lines, d.Format); ok {
		return s
	}
	if d.Format.Name == decode.FormatJSON && len(d.Format.Records) == 0 && isWindowsLog(lines) {
		f := decode.Format{Name: decode.FormatJSON, Null: []string{"-"}}
		return shape{format: f, header: headerOf(&f), why: "it begins with an object; its records are Windows events", windows: true}
	}
	if d.Format.Name == decode.FormatWindowsXML {
		d.Format.Null = []string{"-"}
		return shape{format: d.Format, header: headerOf(&d.Format), why: d.Evidence, windows: true}
	}
	if err != nil && len(lines) > 0 && !looks.JSON(lines[0]) && !looks.XML(lines[0]) && lines[0][0] != '{' && utf8.Valid(lines[0]) {
		f := decode.Format{Name: decode.FormatLine, Columns: []string{"line"}}
		return shape{format: f, header: headerOf(&f), why: "its lines have no form that is known"}
	}
	if err != nil || d.Format.Name == decode.FormatJSON && (len(d.Format.Records) == 0 || !word.MatchString(d.Format.Records[0])) {
		return shape{format: decode.Format{Name: decode.FormatJSON}}
	}
	d.Format.RecordsOptional = len(d.Format.Records) == 1 && slices.ContainsFunc(lines, func(l []byte) bool {
		var document map[string]json.RawMessage
		return json.Unmarshal(l, &document) == nil && document[d.Format.Records[0]] == nil
	})
	s := shape{format: d.Format, header: headerOf(&d.Format), why: d.Evidence}
	s.cloudWatch = len(d.Format.Records) > 0 && d.Format.Records[0] == "logEvents" && bytes.Contains(bytes.Join(lines, nil), []byte(`"messageType"`))
	return s
}

// headerOf is a format in lines of raw.sql's header, what goes without saying left out.
func headerOf(f *decode.Format) (lines []string) {
	add := func(key, value string) { lines = append(lines, key+": "+value) }
	if f.Name != decode.FormatJSON {
		add("format", string(f.Name))
	}
	if len(f.Records) > 0 {
		add("records", f.Records[0]+map[bool]string{true: " optional"}[f.RecordsOptional])
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
