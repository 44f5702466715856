package fields

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

var (
	cefHeader  = [...]string{"cefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity"}
	leefHeader = [...]string{"leefVersion", "vendor", "product", "version", "eventID"}
)

// FindCEF gives the index of "CEF:" at the beginning of b or after a blank, or -1.
func FindCEF(b []byte) int { return find(b, "CEF:") }

// FindLEEF likewise.
func FindLEEF(b []byte) int { return find(b, "LEEF:") }

func find(b []byte, what string) int {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(what))
		if i < 0 {
			return -1
		}
		if at += i; at == 0 || isBlank(b[at-1]) {
			return at
		}
		at++
	}
}

// parts cuts n pieces that end at a pipe; \| and \\ are escapes in them. i is where the text continues, -1 if there are fewer.
func parts(dst []Field, buf, b []byte, names []string) (out []Field, outBuf []byte, i int) {
	for n, name := range names {
		from, escaped := i, false
		for i < len(b) && b[i] != '|' {
			if b[i] == '\\' && i+1 < len(b) {
				escaped = true
				i++
			}
			i++
		}
		i = min(i, len(b))
		if i == len(b) && n < len(names)-1 {
			return dst, buf, -1
		}
		v := trim(b[from:i])
		if escaped {
			buf, v = unescape(buf, v, `|\`, false)
		}
		dst = append(dst, field(name, v))
		i = min(i+1, len(b))
	}
	return dst, buf, i
}

// CEF reads ArcSight's common event format from "CEF:" on. The header's parts have ArcSight's names (deviceVendor, deviceProduct,
// deviceVersion, deviceEventClassId, name, severity, and cefVersion); the extension's keys stay as they are. A value
// of the extension continues up to the blank before the next key; \=, \\, \|, \n and \r are escapes in it. A key that the record already
// has does not end a value that can hold any text, such as msg or request: it is a part of the text. If a key behind such a text comes
// again where it cannot be text, all before it is text.
func CEF(dst []Field, buf, b []byte) ([]Field, []byte, string) {
	base := len(dst)
	if !bytes.HasPrefix(b, []byte("CEF:")) {
		return dst, buf, "it does not begin with CEF:"
	}
	b = b[len("CEF:"):]
	dst, buf, i := parts(dst, buf, b, cefHeader[:])
	if i < 0 {
		return dst[:base], buf, "the CEF header has fewer than 7 parts"
	}
	if n := severityAfter(b[i:]); n > 0 { // pipes in the name, without escapes
		var at int
		dst, buf, at = parts(dst[:base], buf, b, cefHeader[:5])
		end := at + bytes.LastIndexByte(b[at:i+n-1], '|')
		dst = append(dst, field(cefHeader[5], trim(b[at:end])), field(cefHeader[6], trim(b[end+1:i+n-1])))
		i += n
	}
	b = b[i:]
	from := 0 // of the value at hand
	var key []byte
	var room [48]int
	starts := room[:0] // of the values, by field
	add := func(to int) {
		starts = append(starts, from)
		v := trim(b[from:to])
		if bytes.IndexByte(v, '\\') >= 0 {
			buf, v = unescape(buf, v, `=\|`, true)
		}
		if key == nil {
			if len(v) > 0 {
				dst = append(dst, field(MessageKey, v))
			} else {
				starts = starts[:0]
			}
			return
		}
		dst = append(dst, Field{Key: key, Value: v})
	}
	for at := 0; at < len(b); at++ {
		switch b[at] {
		case '\\':
			at++
		case '=':
			k := at
			for k > from && isKeyByte(b[k-1]) {
				k--
			}
			if k == at || k > 0 && !isBlank(b[k-1]) {
				continue // an equals sign without an escape
			}
			if isFreeText(key) && (bytes.Equal(key, b[k:at]) || hasKey(dst[base:], b[k:at])) {
				continue // a URL or a message with what looks like a key
			}
			add(k)
			if n := keyInText(dst[base+len(cefHeader):], b[k:at], b[at+1:]); n > 0 {
				first := base + len(cefHeader) + n - 1 // the text that continues up to here
				key, from = dst[first].Key, starts[n-1]
				dst, starts = dst[:first], starts[:n-1]
				add(k)
			}
			key, from = b[k:at], at+1
		}
	}
	add(len(b))
	return dst, buf, ""
}

// severityAfter is the length of a severity and the pipe after it that a CEF extension begins with; 0: it begins as it should.
func severityAfter(b []byte) int {
	from := 0
	for i := range b {
		switch b[i] {
		case '=':
			return 0
		case '|':
			if isSeverity(trim(b[from:i])) {
				return i + 1
			}
			from = i + 1
		}
	}
	return 0
}

func isSeverity(v []byte) bool {
	switch string(bytes.ToLower(v)) {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "unknown", "low", "medium", "high", "very-high":
		return true
	}
	return false
}

// keyInText is the index of the first field with a key if a text that anybody can choose stands before it, and its value differs
// from the one that rest begins with: a product writes a key once, so the first one is a part of that text. 0: there is none.
func keyInText(fs []Field, key, rest []byte) int {
	for i := 1; i < len(fs); i++ {
		if bytes.Equal(fs[i].Key, key) {
			v := fs[i].Value
			if !isChosen(fs[i-1].Key) || bytes.HasPrefix(rest, v) && (len(rest) == len(v) || isBlank(rest[len(v)])) {
				return 0
			}
			return i
		}
	}
	return 0
}

// isChosen tells whether the value of a key is chosen by whoever causes the event.
func isChosen(key []byte) bool {
	switch string(key) {
	case "msg", "request", "requestClientApplication", "requestContext", "requestCookies", "requestUrl", "reason", "fname", "filePath", "oldFileName", "oldFilePath",
		"sproc", "dproc", "suser", "duser", "message", "rawEvent":
		return true
	}
	return false
}

// hasKey tells whether one of the fields has the key.
func hasKey(fields []Field, key []byte) bool {
	for i := range fields {
		if bytes.Equal(fields[i].Key, key) || fields[i].Name == string(key) {
			return true
		}
	}
	return false
}

// isFreeText tells whether the dictionary lets a key hold any text, which a user or an attacker can choose.
func isFreeText(key []byte) bool {
	switch string(key) {
	case "msg", "request", "requestClientApplication", "requestContext", "requestCookies", "requestUrl", "reason", "fname", "filePath", "oldFileName", "oldFilePath",
		"cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "flexString1", "flexString2", "sproc", "dproc", "suser", "duser", "message", "rawEvent", "deviceFacility", "cat":
		return true
	}
	return false
}

func isKeyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || has("_.-[]", c)
}

// LEEF reads QRadar's log event extended format, 1.0 or 2.0, from "LEEF:" on. The header's parts are leefVersion, vendor, product,
// version, eventID; attributes are key=value with a tab between them, or what the sixth part names (of LEEF 2.0), as itself or
// in hexadecimal (x5E, 0x5E).
func LEEF(dst []Field, buf, b []byte) ([]Field, []byte, string) {
	base := len(dst)
	if !bytes.HasPrefix(b, []byte("LEEF:")) {
		return dst, buf, "it does not begin with LEEF:"
	}
	b = b[len("LEEF:"):]
	dst, buf, i := parts(dst, buf, b, leefHeader[:])
	if i < 0 {
		return dst[:base], buf, "the LEEF header has fewer than 5 parts"
	}
	delimiter := []byte{'\t'}
	if end := bytes.IndexByte(b[i:], '|'); end >= 0 { // some products write it with version 1.0 too
		if d := leefDelimiter(b[i : i+end]); d != nil {
			delimiter = d
			i += end + 1
		}
	}
	for _, part := range bytes.Split(b[i:], delimiter) {
		key, v, ok := bytes.Cut(part, []byte("="))
		switch {
		case ok && len(trim(key)) > 0:
			dst = append(dst, Field{Key: trim(key), Value: trim(v)})
		case len(trim(part)) > 0:
			dst = append(dst, field(MessageKey, trim(part)))
		}
	}
	return dst, buf, ""
}

// leefDelimiter reads the sixth part of a LEEF header; nil if it is not a delimiter.
func leefDelimiter(v []byte) []byte {
	switch {
	case len(v) == 0 || string(v) == `\t`:
		return []byte{'\t'}
	case utf8.RuneCount(v) == 1:
		return v
	}
	v = bytes.TrimPrefix(v, []byte("0"))
	if len(v) < 2 || len(v) > 5 || v[0] != 'x' && v[0] != 'X' {
		return nil
	}
	n, err := strconv.ParseUint(string(v[1:]), 16, 16)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return nil
	}
	return utf8.AppendRune(nil, rune(n))
}
