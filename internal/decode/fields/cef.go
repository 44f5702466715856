package fields

import "bytes"

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
// has does not end a value that can hold any text, such as msg or request: it is a part of the text.
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
	b = b[i:]
	from := 0 // of the value at hand
	var key []byte
	add := func(to int) {
		v := trim(b[from:to])
		if bytes.IndexByte(v, '\\') >= 0 {
			buf, v = unescape(buf, v, `=\|`, true)
		}
		if key == nil {
			if len(v) > 0 {
				dst = append(dst, field(MessageKey, v))
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
			key, from = b[k:at], at+1
		}
	}
	add(len(b))
	return dst, buf, ""
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
// version, eventID; attributes are key=value with a tab between them, or what LEEF 2.0 names in its sixth part, as itself or
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
	delimiter := byte('\t')
	if bytes.HasPrefix(dst[base].Value, []byte("2")) {
		if end := bytes.IndexByte(b[i:], '|'); end >= 0 {
			if c, ok := leefDelimiter(b[i : i+end]); ok {
				delimiter = c
				i += end + 1
			}
		}
	}
	for _, part := range bytes.Split(b[i:], []byte{delimiter}) {
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

// leefDelimiter reads the sixth part of a LEEF 2.0 header; ok is false if it is not a delimiter.
func leefDelimiter(v []byte) (c byte, ok bool) {
	switch {
	case len(v) == 0:
		return '\t', true
	case len(v) == 1:
		return v[0], true
	}
	v = bytes.TrimPrefix(v, []byte("0"))
	if len(v) < 2 || len(v) > 5 || v[0] != 'x' && v[0] != 'X' {
		return 0, false
	}
	n := 0
	for _, d := range v[1:] {
		switch {
		case d >= '0' && d <= '9':
			n = n<<4 | int(d-'0')
		case d|0x20 >= 'a' && d|0x20 <= 'f':
			n = n<<4 | int(d|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return byte(n), n > 0 && n < 0x80
}
