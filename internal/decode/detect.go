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

	"github.com/silt-etl/silt/internal/decode/archive"
	"github.com/silt-etl/silt/internal/decode/eventxml"
	"github.com/silt-etl/silt/internal/decode/looks"
)

// Detected is what a sample looks like.
type Detected struct {
	// Format reads the sample. Of CSV without a header, Columns are column_1, column_2, ... .
	Format   Format
	Evidence string // one line for a person
}

const (
	detectBytes  = 1 << 20 // of a sample, unpacked, that are looked at
	sampleLines  = 100
	envelopeKeys = 4 // a document with more keys is a record, not an envelope
)

// sample is the beginning of an object, unpacked, that formats are compared with.
type sample struct {
	text  []byte   // without what is blank before it
	lines [][]byte // the first ones, without a last one that may be cut
}

// binary tells that the lines hold bytes that stand in no text.
func (s *sample) binary() bool {
	return slices.ContainsFunc(s.lines, func(l []byte) bool { return bytes.ContainsAny(l, "\x00\x01\x02\x03\x04\x05") })
}

// Detect tells the format of a sample by its content, compressed or not. It reads the beginning only. The error is that of
// Records.Next, or says that no format is recognized.
func Detect(object io.Reader) (Detected, error) { return detect(object, true) }

// detect looks into archives if it may: an archive can hold itself.
func detect(object io.Reader, archives bool) (Detected, error) {
	head := bufio.NewReader(object)
	all := formats()
	for _, f := range all {
		if f.magic == "" {
			continue
		}
		if b, _ := head.Peek(len(f.magic)); string(b) == f.magic { // a read error comes again below
			return Detected{Format{Name: f.name}, "it begins with " + strings.TrimRight(f.magic, "\x01")}, nil
		}
	}
	w := newWindow(Options{})
	w.reset(head)
	if err := w.begin(); err != nil {
		if a, ok := errors.AsType[*foundArchive](err); ok && archives {
			return detectMember(a)
		}
		return Detected{}, err
	}
	err := w.need(detectBytes)
	if err != nil && w.n == w.p {
		return Detected{}, err
	} // otherwise the sample may be the beginning of an object: what was read counts
	b := w.buf[w.p:min(w.n, w.p+detectBytes)]
	whole := err == nil && w.eof && len(b) == w.n-w.p
	s := &sample{text: bytes.TrimLeft(bytes.TrimPrefix(b, []byte(bom)), " \t\r\n"), lines: detectedLines(b, whole)}
	if len(s.lines) == 0 {
		return Detected{}, errors.New("the sample has only blank lines")
	}
	if looks.XML(s.text) && !eventxml.Looks(s.text) {
		return Detected{}, unreadable(looks.RefusedXML(s.text))
	}
	slices.SortStableFunc(all, func(a, b format) int { return a.rank - b.rank })
	for _, f := range all {
		if f.detect == nil {
			continue
		}
		if d, ok := f.detect(s); ok {
			return d, nil
		}
	}
	var names []string
	for _, n := range Formats() {
		names = append(names, string(n))
	}
	return Detected{}, errors.New("the format of the sample is not recognized; known are " + strings.Join(names, ", "))
}

// detectMember tells the format of the first member of an archive that can be read.
func detectMember(a *foundArchive) (Detected, error) {
	r, file, err := a.read(nil, archive.Bounds{Stopped: func() error { return nil }, Need: func(int64) error { return nil }})
	defer file.close()
	for err == nil {
		var m *archive.Member
		if m, err = r.Next(); err == nil && m.Body != nil {
			d, err := detect(m.Body, false)
			if nested, ok := errors.AsType[*foundArchive](err); ok {
				err = unreadable(nested.inside(a.kind))
			}
			return d, err
		}
	}
	if err == io.EOF { //nolint:errorlint // the end of the archive
		return Detected{}, unreadable(a.kind + ": it has no member that can be read")
	}
	return Detected{}, a.fault(err)
}

// detectedLines are the sample's first lines, without a last one that may be cut.
func detectedLines(b []byte, whole bool) (lines [][]byte) {
	b = bytes.TrimPrefix(b, []byte(bom))
	for len(b) > 0 && len(lines) < sampleLines {
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

// mostLines tells whether at least nine of ten lines are so.
func mostLines(n int, lines [][]byte) bool { return 10*n >= 9*len(lines) }

func jsonArray(text []byte) bool {
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(rest) == 0 || rest[0] == '{' || rest[0] == ']'
}

func detectJSON(sample *sample) (Detected, bool) {
	text := sample.text
	if len(text) == 0 || text[0] != '{' && (text[0] != '[' || !jsonArray(text)) {
		return Detected{}, false
	}
	if text[0] == '[' {
		return Detected{Format{Name: FormatJSON}, "it begins with an array of objects"}, true
	}
	if key := envelopeOf(text); key != "" {
		return Detected{Format{Name: FormatJSON, Records: []string{key}}, fmt.Sprintf("the elements of the array %s are the records", key)}, true
	}
	return Detected{Format{Name: FormatJSON}, "it begins with an object"}, true
}

// envelopeOf is the key of the array whose elements are the records, "" where documents are records. It is sure only where the
// array is all that the first document has, or is called what it is. The document may be cut off: what is seen of it counts.
func envelopeOf(head []byte) string {
	dec := json.NewDecoder(bytes.NewReader(head))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	found, keys, odata := "", 0, false
	cloudWatch := false // documents of CloudWatch Logs have more keys
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			break
		}
		key, _ := t.(string)
		cloudWatch = cloudWatch || key == "messageType" || key == "logGroup"
		odata = odata || strings.HasPrefix(key, "@odata.") // answers of Microsoft's APIs
		if keys++; keys > envelopeKeys && !cloudWatch {
			return ""
		}
		if t, err = dec.Token(); err != nil {
			break
		}
		if t == json.Delim('[') && dec.More() {
			whole, objects := elements(dec)
			switch {
			case !objects && cloudWatch: // subscriptionFilters
			case !objects || found != "":
				return ""
			default:
				found = key
			}
			if !whole {
				break
			}
		}
		if t == json.Delim('[') || t == json.Delim('{') {
			if !skipToEnd(dec) {
				break
			}
		}
	}
	if keys > 1 && !slices.Contains([]string{"records", "events", "logevents", "items", "entries"}, strings.ToLower(found)) && !(odata && found == "value") {
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

// skipToEnd reads to the end of the array or object it is in.
func skipToEnd(dec *json.Decoder) bool {
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
