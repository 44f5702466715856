package decode

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/eventxml"
)

// windowsXMLFramer frames and scans objects whose records are Windows events in XML, one after the other. The tags of Events around them,
// declarations and comments between them are not part of any record.
type windowsXMLFramer struct {
	window
	s    *Scanner
	at   int64  // where the last record begins
	json []byte // the last record as JSON

	unclosed eventxml.Unclosed
}

func newWindowsXMLFramer(_ *Spec, s *Scanner, o Options) framer {
	return &windowsXMLFramer{window: newWindow(o), s: s}
}

func (f *windowsXMLFramer) open(r io.Reader) {
	f.reset(r)
	f.unclosed = eventxml.Unclosed{}
}

// continues reads an object that another framer has opened, from what is in its window.
func (f *windowsXMLFramer) continues(w window) {
	f.window = w
	f.unclosed = eventxml.Unclosed{}
}

func (f *windowsXMLFramer) next() (raw []byte, rej *Reject, err error) {
	if !f.begun {
		f.begun = true
		if err := f.begin(); err != nil {
			return nil, nil, err
		}
	}
	f.shrink()
	p, err := f.cut()
	if err != nil {
		return nil, nil, err
	}
	f.pieces++
	if p.reject == nil {
		p.bytes, p.reject = f.tooLong(p.bytes, p.at)
	}
	if p.reject == nil {
		p.reject = f.scan(p.bytes)
	}
	return p.bytes, p.reject, nil
}

func (f *windowsXMLFramer) kept(raw, _ []byte) *Reject {
	if _, rej := f.tooLong(raw, -1); rej != nil {
		return rej
	}
	return f.scan(raw)
}

func (f *windowsXMLFramer) context() []byte { return nil }

func (f *windowsXMLFramer) offset() int64 { return f.at }

// object is the last record as the scanner has seen it.
func (f *windowsXMLFramer) object() []byte { return f.json }

func (f *windowsXMLFramer) scan(b []byte) *Reject {
	if rej := badText(b); rej != nil {
		return rej
	}
	var fault *eventxml.Fault
	f.json, fault = eventxml.JSON(reuse(f.json), b)
	if fault != nil {
		code := map[eventxml.Code]string{eventxml.Broken: ReasonXML, eventxml.TooDeep: ReasonTooDeep, eventxml.TooLong: ReasonTooLong}[fault.Code]
		return &Reject{Code: code, Message: fault.Message}
	}
	return scanWhole(f.s, f.json)
}

// cut cuts out the next record.
func (f *windowsXMLFramer) cut() (piece, error) {
	if more, err := f.between(); err != nil || !more {
		if err == nil {
			err = io.EOF
		}
		return piece{}, err
	}
	f.at = f.window.offset()
	if !eventxml.Begins(f.buf[f.p:f.n]) {
		return f.other()
	}
	frame := eventxml.Frame{Unclosed: &f.unclosed}
	for {
		end := frame.Feed(f.buf[f.p:f.n])
		switch {
		case end < 0 && f.eof:
			end = frame.Cut(f.buf[f.p:f.n])
		case end < 0 && f.n-f.p > f.held:
			return f.longEvent(&frame)
		}
		if end >= 0 {
			return f.take(end), nil
		}
		if err := f.fill(); err != nil {
			return piece{}, err
		}
	}
}

// take cuts out so many bytes, and the blanks after them.
func (f *windowsXMLFramer) take(end int) piece {
	p := piece{at: f.window.offset(), bytes: trimRight(f.buf[f.p : f.p+end])}
	f.p += end
	return p
}

// betweenBytes is how long a comment or declaration between events can be.
const betweenBytes = 64 << 10

// between passes what belongs to no record. more is false at the end of the object.
func (f *windowsXMLFramer) between() (more bool, err error) {
	for {
		if f.p == f.n && f.eof {
			return false, nil
		}
		b := f.buf[f.p:f.n]
		if bytes.HasPrefix(b, []byte(bom)) {
			f.p += len(bom)
			continue
		}
		n, open := eventxml.Outside(b[:min(len(b), betweenBytes)])
		f.p += n
		switch {
		case n > 0:
			continue
		case f.eof:
			return true, nil
		case len(b) < headOfEvent || open && len(b) < betweenBytes:
			if err := f.fill(); err != nil {
				return false, err
			}
		default:
			return true, nil
		}
	}
}

// headOfEvent is how many bytes are enough to recognise the beginning of an event.
const headOfEvent = 16

// other cuts out text that is not an event, up to the next event or the end of its line.
func (f *windowsXMLFramer) other() (piece, error) {
	for seen := 1; ; {
		b := f.buf[f.p:f.n]
		for seen < len(b) {
			k := bytes.IndexAny(b[seen:], "<\n")
			if k < 0 {
				seen = len(b)
				break
			}
			if seen += k; b[seen] == '\n' || eventxml.Begins(b[seen:]) {
				return f.notEvent(seen), nil
			}
			if len(b)-seen < headOfEvent && !f.eof {
				break
			}
			seen++
		}
		switch {
		case f.eof:
			return f.notEvent(len(b)), nil
		case len(b) > f.lineMax:
			return f.notEvent(seen), nil
		}
		if err := f.fill(); err != nil {
			return piece{}, err
		}
	}
}

func (f *windowsXMLFramer) notEvent(end int) piece {
	p := f.take(end)
	head := p.bytes[:min(len(p.bytes), 20)]
	for len(head) < len(p.bytes) && !utf8.RuneStart(p.bytes[len(head)]) {
		head = p.bytes[:len(head)+1]
	}
	if p.reject = badText(p.bytes); p.reject == nil {
		p.reject = &Reject{Code: ReasonXML, Message: "text that is not in an <Event>: it begins with " + strconv.QuoteToGraphic(string(head))}
	}
	return p
}

// longEvent passes an event that is longer than held, to its end. frame has seen what is in buf.
func (f *windowsXMLFramer) longEvent(frame *eventxml.Frame) (piece, error) {
	at, length := f.window.offset(), int64(0)
	f.beginLong()
	for end := -1; end < 0; {
		n := frame.Pass()
		f.p += n
		length += int64(n)
		f.shrink()
		if err := f.fill(); err != nil {
			return piece{}, err
		}
		if end = frame.Feed(f.buf[f.p:f.n]); end < 0 && f.eof {
			end = f.n - f.p
		}
		if end >= 0 {
			f.p += end
			length += int64(end)
		}
	}
	return f.endLong(length, at), nil
}

func detectWindowsXML(sample *sample) (Detected, bool) {
	if !eventxml.Looks(sample.text) {
		return Detected{}, false
	}
	return Detected{Format{Name: FormatWindowsXML}, "it begins with an <Event> in XML"}, true
}

// errWindowsXML is the error of a jsonReader whose object holds Windows events in XML.
var errWindowsXML = errors.New("the object is Windows events in XML")

// jsonOrXMLFramer reads each object as JSON, or as Windows events in XML if it begins with one.
type jsonOrXMLFramer struct {
	json *jsonFramer
	xml  *windowsXMLFramer
	now  bool   // the object is XML
	last []byte // the record that was framed last
}

func (f *jsonOrXMLFramer) open(r io.Reader) {
	f.now = false
	f.json.open(r)
}

func (f *jsonOrXMLFramer) next() (raw []byte, rej *Reject, err error) {
	if !f.now {
		if raw, rej, err = f.json.next(); !errors.Is(err, errWindowsXML) {
			f.last = raw
			return raw, rej, err
		}
		f.now = true
		f.xml.continues(f.json.r.window)
	}
	return f.xml.next()
}

func (f *jsonOrXMLFramer) kept(raw, context []byte) *Reject {
	if f.now = eventxml.Looks(raw); f.now {
		return f.xml.kept(raw, context)
	}
	f.last = raw
	return f.json.kept(raw, context)
}

func (f *jsonOrXMLFramer) context() []byte { return nil }

func (f *jsonOrXMLFramer) offset() int64 {
	if f.now {
		return f.xml.offset()
	}
	return f.json.offset()
}

// object is the last record as the scanner has seen it.
func (f *jsonOrXMLFramer) object() []byte {
	if f.now {
		return f.xml.object()
	}
	return f.last
}
