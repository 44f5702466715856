package fields

import "bytes"

// TitleKey is the key of the first line of a Windows event's text.
const TitleKey = "title"

// maxKey is the longest key of a Windows event's text, in bytes: what is longer before a colon is prose.
const maxKey = 64

// Windows reads the text of a Windows event, lines of "Key: value" with \n or \r\n between them. The first line, where it has no
// value, is the TitleKey, without its colon. Indented keys after a key without a value are below that key, as in the Security log ("Subject:", then
// "\tAccount Name:\t\tada"). A line that is not a key continues the value before it; after an empty line it is prose, a
// MessageKey.
//
// In the text of a Sysmon event, which its title or its first keys tell, the manifest of Sysmon decides what is a key: see sysmon.
func Windows(dst []Field, buf, b []byte) ([]Field, []byte, string) {
	base := len(dst)
	var section []byte
	keys, gap := 0, false
	plain := true // nothing but a title and lines of "Key: value"
	manifest, after := "", 0
	var title []byte
	started, crlf := false, false
	for i := 0; i < len(b); {
		end := bytes.IndexByte(b[i:], '\n')
		next := len(b)
		if end < 0 {
			end = len(b)
		} else {
			end += i
			next = end + 1
		}
		start, line := i, trim(b[i:end])
		indented := i < len(b) && (b[i] == '\t' || b[i] == ' ')
		first := !started && len(line) > 0
		if ended := end > i && b[end-1] == '\r' && end < len(b); first {
			started, crlf = true, ended
		} else if crlf && !ended && end < len(b) {
			plain = false // a line break inside of a value: the others are \r\n
		}
		key, value, ok := windowsKey(line)
		i = next
		switch {
		case len(line) == 0:
			gap = true
			continue
		case first && (!ok || len(value) == 0 && !(next < len(b) && (b[next] == '\t' || b[next] == ' '))):
			title = trim(bytes.TrimSuffix(line, []byte(":")))
			dst = append(dst, field(TitleKey, title))
			manifest, after = sysmonKeys(title), next
		case ok:
			keys++
			plain = plain && !gap
			f := Field{Key: key, Value: value}
			if manifest != "" {
				f.Value = notBlank(valueOf(bytes.TrimSuffix(b[start:end], []byte("\r"))))
			}
			switch {
			case indented:
				f.Section = section
			case len(value) == 0:
				section = key
			default:
				section = nil
			}
			dst = append(dst, f)
		case gap || len(dst) == base:
			plain = false
			dst = append(dst, field(MessageKey, line))
		default: // this line continues the value before it, which is adjacent in b
			plain = false
			last := &dst[len(dst)-1]
			if len(last.Value) == 0 {
				last.Value = line
			} else {
				from := cap(b) - cap(last.Value)
				to := cap(b) - cap(line) + len(line)
				last.Value = b[from:to]
			}
		}
		gap = false
	}
	if manifest != "" && keys > 0 && !(plain && inOrder(manifest, dst[base+1:])) {
		dst = sysmon(append(dst[:base], field(TitleKey, title)), b[after:], manifest, crlf) // a line that continued the title is not a part of it
	}
	if manifest == "" && looksLikeSysmon(dst[base:]) {
		dst = untitledSysmon(dst[:base], b, crlf)
	}
	if keys == 0 {
		return dst[:base], buf, `no "Key: value" line in it`
	}
	return dst, buf, ""
}

// windowsKey cuts "Key: value"; after the colon comes a blank or nothing.
func windowsKey(line []byte) (key, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || i > maxKey || i+1 < len(line) && !isBlank(line[i+1]) {
		return nil, nil, false
	}
	for _, c := range line[:i] {
		if c < ' ' {
			return nil, nil, false
		}
	}
	return trim(line[:i]), trim(line[i+1:]), true
}

// valueOf is the value of a line "Key: value" of Sysmon, with all of its blanks: only one blank after the colon is not a part of it.
func valueOf(line []byte) []byte {
	value := line[bytes.IndexByte(line, ':')+1:]
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return value
}

// notBlank is v, or nothing if v has only blanks.
func notBlank(v []byte) []byte {
	if len(trim(v)) == 0 {
		return nil
	}
	return v
}
