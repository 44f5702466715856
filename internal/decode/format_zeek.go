package decode

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// zeekFramer frames and scans logs of Zeek: lines of JSON, or of text whose columns the #fields line above them names. Both can be in one
// object, and the columns can change. A line of text is scanned as the JSON object that Zeek would have written.
type zeekFramer struct {
	lines lineReader
	s     *Scanner
	head  zeekHead
	json  []byte // the last record as the scanner has seen it
}

// zeekHead is what the lines that begin with # say of the lines after them.
type zeekHead struct {
	text      []byte   // the lines
	separator []byte   // between columns
	set       []byte   // between the elements of a set
	empty     string   // a set or a text that is empty
	unset     string   // a column without a value
	path      string   // the log
	names     [][]byte // of the columns, as JSON
	lists     []bool   // whether a column is a set or a vector
	begun     bool     // a record has followed, so that the next # line begins another head
}

func newZeekFramer(spec *Spec, s *Scanner, o Options) framer {
	return &zeekFramer{lines: newLineReader(&spec.Format, o), s: s}
}

func (f *zeekFramer) open(r io.Reader) {
	f.lines.reset(r)
	f.head = newZeekHead()
}

func newZeekHead() zeekHead {
	return zeekHead{separator: []byte("\t"), set: []byte(","), empty: "(empty)", unset: "-"}
}

func (f *zeekFramer) context() []byte { return f.head.text }

func (f *zeekFramer) offset() int64 { return f.lines.at }

// object is the last record as the scanner has seen it.
func (f *zeekFramer) object() []byte { return f.json }

func (f *zeekFramer) next() (raw []byte, rej *Reject, err error) {
	for {
		p, err := f.lines.next()
		if err != nil {
			return nil, nil, err
		}
		if p.reject == nil && len(p.bytes) > 0 && p.bytes[0] == '#' {
			f.head.add(p.bytes)
			continue
		}
		f.head.begun = true
		if p.reject == nil {
			p.reject = f.scan(p.bytes)
		}
		return p.bytes, p.reject, nil
	}
}

func (f *zeekFramer) kept(raw, context []byte) *Reject {
	f.head = newZeekHead()
	for line := range bytes.SplitSeq(context, []byte("\n")) {
		f.head.add(line)
	}
	if _, rej := f.lines.tooLong(raw, -1); rej != nil {
		return rej
	}
	return f.scan(raw)
}

func (f *zeekFramer) scan(b []byte) *Reject {
	if b[0] == '{' {
		f.json = append(reuse(f.json), b...)
		return scanWhole(f.s, f.json)
	}
	if rej := badText(b); rej != nil {
		return rej
	}
	if len(f.head.names) == 0 {
		return &Reject{Code: ReasonColumns, Message: "no #fields line above the record names its columns"}
	}
	if n := bytes.Count(b, f.head.separator) + 1; n != len(f.head.names) {
		return &Reject{Code: ReasonColumns, Message: fmt.Sprintf("the record has %d columns, but the #fields line above it names %d", n, len(f.head.names))}
	}
	f.json = f.head.object(reuse(f.json), b)
	return scanWhole(f.s, f.json)
}

// add takes a line that begins with #. What it says of the text of other lines is not taken from a line that Zeek does not write.
func (h *zeekHead) add(line []byte) {
	if h.begun {
		if bytes.HasPrefix(line, []byte("#close")) {
			return
		}
		path := h.path
		if bytes.HasPrefix(line, []byte("#separator")) {
			path = ""
		}
		*h = newZeekHead()
		if h.path = path; path != "" {
			h.text = append([]byte("#path\t"), path...)
		}
	}
	key, value, ok := bytes.Cut(line, h.separator)
	if name, text, blank := bytes.Cut(line, []byte(" ")); blank && string(name) == "#separator" {
		if sep := unescapeZeek(nil, text); len(sep) > 0 {
			h.separator = sep
		}
		key, ok = name, true
	}
	if !ok {
		return
	}
	if len(h.text) > 0 {
		h.text = append(h.text, '\n')
	}
	h.text = append(h.text, line...)
	switch string(key) {
	case "#set_separator":
		if len(value) > 0 {
			h.set = unescapeZeek(nil, value)
		}
	case "#empty_field":
		h.empty = string(value)
	case "#unset_field":
		h.unset = string(value)
	case "#path":
		h.path = string(unescapeZeek(nil, value))
	case "#fields":
		h.names, h.lists = nil, nil
		for name := range bytes.SplitSeq(value, h.separator) {
			h.names = append(h.names, appendText(nil, unescapeZeek(nil, name)))
		}
	case "#types":
		h.lists = nil
		for kind := range bytes.SplitSeq(value, h.separator) {
			h.lists = append(h.lists, bytes.HasPrefix(kind, []byte("set[")) || bytes.HasPrefix(kind, []byte("vector[")) || bytes.HasPrefix(kind, []byte("table[")))
		}
	}
}

// object appends a line as a JSON object. Columns without a value are left out, and _path is the log.
func (h *zeekHead) object(to, line []byte) []byte {
	to = append(to, '{')
	if h.path != "" {
		to = appendText(append(to, `"_path":`...), []byte(h.path))
	}
	at := 0
	for value := range bytes.SplitSeq(line, h.separator) {
		i := at
		at++
		if string(value) == h.unset {
			continue
		}
		if len(to) > 1 {
			to = append(to, ',')
		}
		to = append(append(to, h.names[i]...), ':')
		isEmpty := string(value) == h.empty
		switch {
		case i < len(h.lists) && h.lists[i]:
			to = append(to, '[')
			if !isEmpty && len(value) > 0 {
				for n, element := range bytes.Split(value, h.set) {
					if n > 0 {
						to = append(to, ',')
					}
					switch string(element) {
					case h.unset:
						to = append(to, "null"...)
					case h.empty:
						to = append(to, `""`...)
					default:
						to = appendText(to, unescapeZeek(nil, element))
					}
				}
			}
			to = append(to, ']')
		case isEmpty:
			to = append(to, `""`...)
		default:
			to = appendText(to, unescapeZeek(nil, value))
		}
	}
	return append(to, '}')
}

// unescapeZeek appends a value with \xHH and \\ decoded. A value stays as it is if its bytes would not be text.
func unescapeZeek(to, value []byte) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return append(to, value...)
	}
	begin := len(to)
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			if value[i+1] == '\\' {
				to = append(to, '\\')
				i++
				continue
			}
			if value[i+1] == 'x' && i+3 < len(value) {
				if n, err := strconv.ParseUint(string(value[i+2:i+4]), 16, 8); err == nil {
					to = append(to, byte(n))
					i += 3
					continue
				}
			}
		}
		to = append(to, value[i])
	}
	if got := to[begin:]; !utf8.Valid(got) || bytes.IndexByte(got, 0) >= 0 {
		return append(to[:begin], value...)
	}
	return to
}

func detectZeek(sample *sample) (Detected, bool) {
	if !bytes.HasPrefix(sample.text, []byte("#separator ")) || !bytes.Contains(sample.text, []byte("#fields")) {
		return Detected{}, false
	}
	return Detected{Format{Name: FormatZeek}, "it begins with a #separator line, as logs of Zeek do"}, true
}
