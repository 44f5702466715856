// Package zeeklog reads the text of Zeek's logs: the lines that begin with # name the columns of the lines after them, each of which
// becomes the JSON object that Zeek would have written.
package zeeklog

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Head is what the lines that begin with # say of the lines after them.
type Head struct {
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

// New is the head of a log that has no lines which begin with #.
func New() Head {
	return Head{separator: []byte("\t"), set: []byte(","), empty: "(empty)", unset: "-"}
}

// Text are the lines of the head.
func (h *Head) Text() []byte { return h.text }

// Columns is how many columns a #fields line has named.
func (h *Head) Columns() int { return len(h.names) }

// Record says that a record follows the head. Count is how many columns the record has.
func (h *Head) Record(line []byte) (count int) {
	h.begun = true
	return bytes.Count(line, h.separator) + 1
}

// Add takes a line that begins with #. What it says of the text of other lines is not taken from a line that Zeek does not write.
func (h *Head) Add(line []byte) {
	if h.begun {
		if bytes.HasPrefix(line, []byte("#close")) {
			return
		}
		path := h.path
		if bytes.HasPrefix(line, []byte("#separator")) {
			path = ""
		}
		*h = New()
		if h.path = path; path != "" {
			h.text = append([]byte("#path\t"), path...)
		}
	}
	key, value, ok := bytes.Cut(line, h.separator)
	if name, text, blank := bytes.Cut(line, []byte(" ")); blank && string(name) == "#separator" {
		if sep := unescape(text); len(sep) > 0 {
			h.separator = bytes.Clone(sep)
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
			h.set = bytes.Clone(unescape(value))
		}
	case "#empty_field":
		h.empty = string(value)
	case "#unset_field":
		h.unset = string(value)
	case "#path":
		h.path = string(unescape(value))
	case "#fields":
		h.names, h.lists = nil, nil
		for name := range bytes.SplitSeq(value, h.separator) {
			h.names = append(h.names, appendText(nil, unescape(name)))
		}
	case "#types":
		h.lists = nil
		for kind := range bytes.SplitSeq(value, h.separator) {
			h.lists = append(h.lists, bytes.HasPrefix(kind, []byte("set[")) || bytes.HasPrefix(kind, []byte("vector[")) || bytes.HasPrefix(kind, []byte("table[")))
		}
	}
}

// Object appends a line as a JSON object. Columns without a value are left out, and _path is the log.
func (h *Head) Object(to, line []byte) []byte {
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
						to = appendText(to, unescape(element))
					}
				}
			}
			to = append(to, ']')
		case isEmpty:
			to = append(to, `""`...)
		default:
			to = appendText(to, unescape(value))
		}
	}
	return append(to, '}')
}

// unescape decodes \xHH and \\ in a value. The value stays as it is if its bytes would not be text.
func unescape(value []byte) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value
	}
	var to []byte
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
	if !utf8.Valid(to) || bytes.IndexByte(to, 0) >= 0 {
		return value
	}
	return to
}

// appendText appends a text as JSON.
func appendText(to, text []byte) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c < ' ':
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}
