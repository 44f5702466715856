// Package eventxml reads Windows events in XML, each as the text of one JSON object, for the scanner of internal/decode.
//
// The shape of the object is in docs/formats.md, and in event.go. The package reads what Windows and its tools write of XML: elements,
// attributes, character references, CDATA and comments. Document types are not read, so that no entity can be declared or loaded.
package eventxml

import "bytes"

const (
	startOfEvent = "<Event"
	endOfEvent   = "</Event"
	commentOpen  = "<!--"
	commentClose = "-->"
	cdataOpen    = "<![CDATA["
	cdataClose   = "]]>"
)

// Begins tells whether b begins with the start tag of an event.
func Begins(b []byte) bool { return tag(b, startOfEvent) }

// tag tells whether b begins with a tag of that name, and not of a longer one.
func tag(b []byte, name string) bool {
	return len(b) > len(name) && string(b[:len(name)]) == name && (b[len(name)] == '>' || b[len(name)] == '/' || blank(b[len(name)]))
}

// Outside is how many bytes b begins with that belong to no event: blanks, declarations, comments, and the tags of Events. It is 0 before
// anything else. more says that b ends within such a part.
func Outside(b []byte) (n int, more bool) {
	i := 0
	for i < len(b) && blank(b[i]) {
		i++
	}
	rest := b[i:]
	for _, part := range []struct{ open, end string }{{"<?xml", "?>"}, {commentOpen, commentClose}, {"<Events", ">"}, {"</Events", ">"}} {
		if len(rest) <= len(part.open) {
			more = more || len(rest) > 0 && string(rest) == part.open[:len(rest)]
			continue
		}
		if !bytes.HasPrefix(rest, []byte(part.open)) || part.end == ">" && !tag(rest, part.open) {
			continue
		}
		k := bytes.Index(rest[len(part.open):], []byte(part.end))
		if k < 0 {
			return i, true
		}
		return i + len(part.open) + k + len(part.end), false
	}
	return i, more
}

// Looks tells whether a text begins as events in XML do.
func Looks(b []byte) bool {
	for {
		n, _ := Outside(b)
		if n == 0 {
			return Begins(b)
		}
		b = b[n:]
	}
}

// Unclosed says which ends do not come any more in an object, so that they are looked for once.
type Unclosed struct{ cdata, comment bool }

// Frame finds where an event ends, in as many pieces as it comes. The zero Frame is at the beginning of an event.
type Frame struct {
	Unclosed *Unclosed // shared by the events of an object; nil: nothing is known
	at       int       // bytes that were looked at
	begun    bool
	until    string // the end of the CDATA section or comment that at is in
	open     int    // where that begins
}

// Feed looks at b, which begins with the event, and returns the index after it, or -1 if it does not end in b. The next call must have more
// of the same bytes. An event that another one follows before it has ended ends there, and is broken.
func (f *Frame) Feed(b []byte) int {
	if !f.begun {
		if f.at, f.begun = len(startOfEvent), true; bytes.HasPrefix(b, []byte(startOfEvent+"/>")) {
			return len(startOfEvent) + 2
		}
	}
	for {
		if f.until != "" {
			if u := f.Unclosed; u != nil && (f.until == cdataClose && u.cdata || f.until == commentClose && u.comment) {
				f.at = len(b)
				return -1
			}
			k := bytes.Index(b[min(f.at, len(b)):], []byte(f.until))
			if k < 0 {
				f.at = max(f.at, len(b)-len(f.until)+1)
				return -1
			}
			f.at, f.until = f.at+k+len(f.until), ""
		}
		k := bytes.IndexByte(b[min(f.at, len(b)):], '<')
		if k < 0 {
			f.at = len(b)
			return -1
		}
		f.at += k
		rest := b[f.at:]
		if Begins(rest) {
			return f.at
		}
		if len(rest) < len(cdataOpen) && !bytes.HasPrefix(rest, []byte(endOfEvent+">")) {
			return -1
		}
		switch {
		case rest[1] == '/' && tag(rest, endOfEvent):
			i := len(endOfEvent)
			for i < len(rest) && blank(rest[i]) {
				i++
			}
			if i == len(rest) {
				return -1
			}
			if rest[i] == '>' {
				return f.at + i + 1
			}
			f.at += i
		case string(rest[:len(commentOpen)]) == commentOpen:
			f.open, f.at, f.until = f.at, f.at+len(commentOpen), commentClose
		case string(rest[:len(cdataOpen)]) == cdataOpen:
			f.open, f.at, f.until = f.at, f.at+len(cdataOpen), cdataClose
		default:
			f.at++
		}
	}
}

// Pass is how many of the bytes that Feed has seen are not needed any more: the next call of Feed has the bytes after them.
func (f *Frame) Pass() int {
	n := f.at
	f.at, f.open = 0, 0
	return n
}

// Cut is where an event ends that was cut, if b is all that follows its beginning: before the next line that begins with an event, if it was
// cut inside of a CDATA section or a comment.
func (f *Frame) Cut(b []byte) int {
	if f.until == "" {
		return len(b)
	}
	if f.Unclosed != nil {
		f.Unclosed.cdata = f.Unclosed.cdata || f.until == cdataClose
		f.Unclosed.comment = f.Unclosed.comment || f.until == commentClose
	}
	for i := f.open; ; {
		k := bytes.Index(b[i:], []byte("\n"+startOfEvent))
		if k < 0 {
			return len(b)
		}
		if i += k + 1; Begins(b[i:]) {
			return i
		}
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
