package decode

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/decode/parquet"
)

// Detected is what a sample looks like.
type Detected struct {
	// Format reads the sample. Of CSV without a header, Columns are column_1, column_2, ... .
	Format   Format
	Evidence string // one line for a person
}

const (
	detectBytes  = 1 << 20 // of a sample, unpacked, that are looked at
	detectLines  = 100
	envelopeKeys = 4 // an envelope says little besides its records
)

// Detect tells the format of a sample by its content, packed or not. It reads the beginning only. The error is the sample's own, as
// of Reader.Next, or says that nothing is told.
func Detect(sample io.Reader) (Detected, error) {
	head := bufio.NewReader(sample)
	if b, _ := head.Peek(len(parquet.Magic)); string(b) == parquet.Magic { // an error comes again
		return Detected{Format{Name: FormatParquet}, "it begins with " + parquet.Magic}, nil
	}
	r := newReader(&Format{Name: FormatLine}, Options{})
	r.Reset(head)
	if err := r.begin(); err != nil {
		return Detected{}, err
	}
	err := r.need(detectBytes)
	if err != nil && r.n == r.p {
		return Detected{}, err // else the sample is cut, as a beginning may be, and what there is counts
	}
	b := r.buf[r.p:min(r.n, r.p+detectBytes)]
	whole := err == nil && r.eof && len(b) == r.n-r.p
	text := bytes.TrimLeft(bytes.TrimPrefix(b, []byte(bom)), " \t\r\n")
	if len(text) > 0 && (text[0] == '{' || text[0] == '[' && jsonArray(text)) {
		return detectJSON(text), nil
	}
	lines := detectedLines(b, whole)
	if len(lines) == 0 {
		return Detected{}, errors.New("the sample holds no line")
	}
	for _, try := range []func([][]byte) (Detected, bool){detectHeaders, detectKV, detectCSV} {
		if d, ok := try(lines); ok {
			return d, nil
		}
	}
	if len(lines) == 1 || slices.ContainsFunc(lines, func(l []byte) bool { return bytes.ContainsAny(l, "\x00\x01\x02\x03\x04\x05") }) {
		return Detected{}, errors.New("the sample is of no format that is known here")
	}
	return Detected{Format{Name: FormatLine, Columns: []string{"line"}}, "its lines have no common shape: write a -- pattern: that takes them apart"}, nil
}

func jsonArray(text []byte) bool {
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(rest) == 0 || rest[0] == '{' || rest[0] == ']'
}

func detectJSON(text []byte) Detected {
	if text[0] == '[' {
		return Detected{Format{Name: FormatJSON}, "it begins with an array of objects"}
	}
	if key := envelopeOf(text); key != "" {
		return Detected{Format{Name: FormatJSON, Records: []string{key}}, fmt.Sprintf("the elements of the array %s are the records", key)}
	}
	return Detected{Format{Name: FormatJSON}, "it begins with an object"}
}

// envelopeOf is the key of the array whose elements are the records, "" where documents are records. It is sure only where the
// array is all that the first document has, or is called what it is. The document may be cut off: what is seen of it counts.
func envelopeOf(head []byte) string {
	dec := json.NewDecoder(bytes.NewReader(head))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	found, keys := "", 0
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			break
		}
		key, _ := t.(string)
		if keys++; keys > envelopeKeys {
			return ""
		}
		if t, err = dec.Token(); err != nil {
			break
		}
		if t == json.Delim('[') && dec.More() {
			whole, objects := elements(dec)
			if !objects || found != "" {
				return ""
			}
			if found = key; !whole {
				break
			}
		}
		if t == json.Delim('[') || t == json.Delim('{') {
			if !leave(dec) {
				break
			}
		}
	}
	if keys > 1 && !slices.Contains([]string{"records", "events", "logevents"}, strings.ToLower(found)) {
		return ""
	}
	return found
}

// elements reads those of an array: whether it was read to its end, and whether they are objects, one at least.
func elements(dec *json.Decoder) (whole, objects bool) {
	for dec.More() {
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return false, objects
		}
		if v[0] != '{' {
			return true, false
		}
		objects = true
	}
	return true, objects
}

// leave reads to the end of the array or object it is in.
func leave(dec *json.Decoder) bool {
	for depth := 1; depth > 0; {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return true
}

// detectedLines are the sample's first lines, without a last one that may be cut.
func detectedLines(b []byte, whole bool) (lines [][]byte) {
	b = bytes.TrimPrefix(b, []byte(bom))
	for len(b) > 0 && len(lines) < detectLines {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		if !ok && !whole && len(lines) > 0 {
			break
		}
		if b = rest; !allBlank(line) {
			lines = append(lines, withoutCR(line))
		}
	}
	return lines
}

// share tells whether at least nine of ten lines are so.
func share(n int, lines [][]byte) bool { return 10*n >= 9*len(lines) }

func detectHeaders(lines [][]byte) (Detected, bool) {
	cef, leef := 0, 0
	for _, l := range lines {
		if i := fields.FindCEF(l); i >= 0 && bytes.Count(l[i:], []byte("|")) >= 6 {
			cef++
		}
		if i := fields.FindLEEF(l); i >= 0 && bytes.Count(l[i:], []byte("|")) >= 5 {
			leef++
		}
	}
	switch {
	case share(cef, lines):
		return Detected{Format{Name: FormatCEF}, fmt.Sprintf("%d of %d lines have a CEF header", cef, len(lines))}, true
	case share(leef, lines):
		return Detected{Format{Name: FormatLEEF}, fmt.Sprintf("%d of %d lines have a LEEF header", leef, len(lines))}, true
	}
	return Detected{}, false
}

func detectKV(lines [][]byte) (Detected, bool) {
	for _, delimiter := range []byte{0, ',', ';', '|', '\t'} {
		good := 0
		for _, l := range lines {
			_, body := fields.Syslog(nil, l)
			pairs, _, fault := fields.KV(nil, nil, body, delimiter)
			loose := 0
			for _, f := range pairs {
				if f.Name == fields.MessageKey {
					loose++
				}
			}
			if fault == "" && len(pairs)-loose >= 3 && 4*loose <= len(pairs) && !strings.ContainsAny(string(body[:bytes.IndexByte(body, '=')]), "\"'") {
				good++
			}
		}
		if share(good, lines) {
			return Detected{Format{Name: FormatKV, Delimiter: delimiter}, fmt.Sprintf("%d of %d lines are key=value pairs", good, len(lines))}, true
		}
	}
	return Detected{}, false
}

// detectCSV takes the delimiter that gives most lines the same number of fields, and more than one.
func detectCSV(lines [][]byte) (Detected, bool) {
	comment := ""
	for len(lines) > 1 && lines[0][0] == '#' {
		comment, lines = "#", lines[1:]
	}
	best, width, same := Format{}, 0, 0
	var of [][]byte
	for _, escape := range []byte{0, '\\'} { // without one first: in quotes a Windows path may end in a backslash
		for _, delimiter := range []byte{'\t', ',', ';', '|', ' '} {
			f := Format{Name: FormatCSV, Delimiter: delimiter, Quote: '"', Escape: escape, Comment: comment}
			c := f.csv()
			counts := map[int]int{}
			records := joined(c, lines)
			for _, l := range records {
				if c.Split(l) == fields.Whole {
					counts[c.Len()]++
				}
			}
			least := 2
			if delimiter == ' ' { // prose has blanks, too
				least = 5
			}
			for n, k := range counts {
				if n >= least && share(k, records) && n > width {
					best, width, same, of = f, n, k, records
				}
			}
		}
		if width > 0 {
			break
		}
	}
	if width == 0 || len(lines) == 1 && best.Delimiter == ' ' {
		return Detected{}, false
	}
	names := map[byte]string{'\t': "tabs", ',': "commas", ';': "semicolons", '|': "pipes", ' ': "blanks"}
	evidence := fmt.Sprintf("%d of its first %d records have %d fields with %s between them", same, len(of), width, names[best.Delimiter])
	if dashes(best.csv(), of) {
		best.Null = []string{"-"}
	}
	best.Header = HeaderNo
	if header, ok := detectHeader(&best, of); ok {
		best.Header, best.Columns = HeaderYes, header
		return Detected{best, evidence + "; the first names them"}, true
	}
	for i := range width {
		best.Columns = append(best.Columns, extraColumn(i))
	}
	return Detected{best, evidence + "; no line names them: give the columns names"}, true
}

// dashes tells whether a field of a record is a dash alone, which says that there is no value.
func dashes(c *fields.CSV, records [][]byte) bool {
	for _, l := range records {
		if c.Split(l) != fields.Whole {
			continue
		}
		for i := range c.Len() {
			if string(c.Field(l, i)) == "-" {
				return true
			}
		}
	}
	return false
}

// joined puts lines together that a quoted field goes over, a few at most.
func joined(c *fields.CSV, lines [][]byte) (records [][]byte) {
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		for k := 1; k < 20 && i+k < len(lines) && c.Split(l) == fields.Open; k++ {
			l = append(append(bytes.Clone(l), '\n'), lines[i+k]...)
			if c.Split(l) == fields.Whole {
				i += k
				break
			}
		}
		if c.Split(l) != fields.Whole {
			l = lines[i]
		}
		records = append(records, l)
	}
	return records
}

// detectHeader tells whether the first line names the columns: different names that begin with a letter, none of which
// stands in the same place in another line.
func detectHeader(f *Format, lines [][]byte) (names []string, ok bool) {
	c := f.csv()
	c.Split(lines[0])
	seen := map[string]bool{}
	for i := range c.Len() {
		n := headerName(c.Field(lines[0], i))
		if n == "" || seen[n] || len(n) > 64 || !(n[0]|0x20 >= 'a' && n[0]|0x20 <= 'z' || n[0] == '_') || strings.ContainsAny(n, "=\"@") {
			return nil, false
		}
		seen[n] = true
		names = append(names, n)
	}
	different := false
	for _, l := range lines[1:] {
		c.Split(l)
		for i := range min(c.Len(), len(names)) {
			v := string(c.Field(l, i))
			if v == names[i] {
				return nil, false
			}
			different = different || v != "" && v[0] >= '0' && v[0] <= '9'
		}
	}
	return names, different
}
