package eventxml

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Bounds of an event. JSON of an event is longer than its XML where it has control characters, or many attributes of an element with text.
const (
	maxDepth   = 200
	maxTimes   = 8 // as long as the XML
	leastBytes = 1 << 20
)

// Code says what kind of fault an event has.
type Code uint8

// The codes.
const (
	Broken  Code = iota // it is not one complete event
	TooDeep             // its elements are nested deeper than maxDepth
	TooLong             // its JSON is more than maxTimes as long as the event
)

// Fault is what is wrong with an event.
type Fault struct {
	Code    Code
	Message string // one line
}

// place is the element that an element is in, where that decides how it is written.
type place uint8

const (
	anywhere place = iota
	inEvent
	inEventData
	inRendering
	inKeywords
)

// textKey is the key of text that stands where only elements are expected, or in an element of a list that has attributes.
const textKey = "#text"

// JSON appends the event that b is to dst, as a JSON object. Blanks, a declaration and comments can stand around it.
func JSON(dst, b []byte) ([]byte, *Fault) {
	r := reader{writer: writer{out: dst}, b: b, most: len(dst) + leastBytes + maxTimes*len(b)}
	for {
		n, more := Outside(b[r.i:])
		r.i += n
		if n == 0 || more {
			break
		}
	}
	if !Begins(b[r.i:]) {
		return dst, &Fault{Broken, "no <Event> at the beginning"}
	}
	r.event()
	for r.fault == nil && r.i < len(b) {
		if n, _ := Outside(b[r.i:]); n > 0 {
			r.i += n
			continue
		}
		r.fail("more follows the end of the event, at byte %d", r.i+1)
	}
	if r.fault != nil {
		return dst, r.fault
	}
	return r.out, nil
}

type attribute struct{ name, value []byte }

// reader reads one event. After its first fault, nothing that it writes counts.
type reader struct {
	writer
	b     []byte
	i     int
	most  int // bytes of out
	depth int
	attrs []attribute // of the elements that are open, a stack
	list  []byte      // elements of the list of the EventData or Keywords that is open, with commas
}

func (r *reader) cut() bool { return r.fail("the event is cut: it ends before </Event>") }

// event reads all of it.
func (r *reader) event() {
	name, closed, ok := r.startTag()
	if !ok {
		return
	}
	r.depth = 1
	r.out = append(r.out, '{')
	r.outside(name, r.attrs)
	if r.attrs = r.attrs[:0]; closed || r.children(name, inEvent) {
		r.out = append(r.out, '}')
	}
}

// startTag reads the start tag at i, and appends its attributes to attrs, without empty ones and namespaces. closed: the element has no content.
func (r *reader) startTag() (name []byte, closed, ok bool) {
	r.i++
	if name = r.name(); name == nil {
		return nil, false, false
	}
	for {
		if r.blanks(); r.i >= len(r.b) {
			return nil, false, r.cut()
		}
		switch {
		case r.b[r.i] == '>':
			r.i++
			return name, false, true
		case r.b[r.i] == '/':
			if r.i+1 < len(r.b) && r.b[r.i+1] == '>' {
				r.i += 2
				return name, true, true
			}
			return nil, false, r.fail("a / in the tag <%.40s>, at byte %d", name, r.i+1)
		}
		var a attribute
		if a.name = r.name(); a.name == nil {
			return nil, false, false
		}
		if a.value, ok = r.attributeValue(a.name); !ok {
			return nil, false, false
		}
		if len(a.value) > 0 && string(a.name) != "xmlns" && !bytes.HasPrefix(a.name, []byte("xmlns:")) {
			r.attrs = append(r.attrs, a)
		}
	}
}

func (r *reader) attributeValue(name []byte) (value []byte, ok bool) {
	r.blanks()
	if r.i >= len(r.b) || r.b[r.i] != '=' {
		return nil, r.fail("no = after the attribute %.40s, at byte %d", name, r.i+1)
	}
	r.i++
	r.blanks()
	if r.i >= len(r.b) || r.b[r.i] != '"' && r.b[r.i] != '\'' {
		return nil, r.fail("the value of the attribute %.40s is not in quotes, at byte %d", name, r.i+1)
	}
	end := bytes.IndexByte(r.b[r.i+1:], r.b[r.i])
	if end < 0 {
		return nil, r.fail("the value of the attribute %.40s has no closing quote", name)
	}
	value = r.b[r.i+1 : r.i+1+end]
	if bytes.IndexByte(value, '<') >= 0 {
		return nil, r.fail("a < in the value of the attribute %.40s", name)
	}
	r.i += end + 2
	return value, true
}

func (r *reader) blanks() {
	for r.i < len(r.b) && blank(r.b[r.i]) {
		r.i++
	}
}

// name reads a name. It is nil, with a fault, if there is none.
func (r *reader) name() []byte {
	from := r.i
	for r.i < len(r.b) && nameByte(r.b[r.i], r.i == from) {
		r.i++
	}
	switch {
	case r.i == len(r.b):
		r.cut()
		return nil
	case r.i == from:
		r.fail("a name is expected at byte %d", r.i+1)
		return nil
	}
	return r.b[from:r.i]
}

func nameByte(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':', c >= utf8.RuneSelf:
		return true
	case c >= '0' && c <= '9', c == '-', c == '.':
		return !first
	}
	return false
}

// element reads the element at i, and writes it as a member of the object that is open.
func (r *reader) element(in place) bool {
	if r.depth++; r.depth > maxDepth {
		r.fault = &Fault{TooDeep, fmt.Sprintf("its elements are nested deeper than %d levels", maxDepth)}
		return false
	}
	base, mark := len(r.attrs), len(r.out)
	name, closed, ok := r.startTag()
	if !ok {
		return false
	}
	key, listed, inside := name, false, anywhere
	switch in {
	case inEvent:
		switch string(name) {
		case "EventData":
			inside = inEventData
		case "RenderingInfo":
			inside = inRendering
		}
	case inRendering:
		if string(name) == "Keywords" {
			inside = inKeywords
		}
	case inKeywords:
		listed = string(name) == "Keyword"
	case inEventData:
		if string(name) == "Data" || string(name) == "ComplexData" {
			key = r.named(base)
			listed = key == nil
		}
	}
	attrs := r.attrs[base:]
	if !listed {
		r.key(key, nil)
	}
	at := len(r.out)
	text, ok := r.value(name, attrs, closed, inside)
	if !ok {
		return false
	}
	if listed {
		r.listed(at, text, attrs)
	} else {
		if len(r.out) == at {
			r.out = r.out[:mark]
		}
		if text || inside == inEventData {
			r.outside(key, attrs)
		}
	}
	if len(r.out)+len(r.list) > r.most {
		r.fault = &Fault{TooLong, fmt.Sprintf("its JSON is more than %d times as long as the event", maxTimes)}
		return false
	}
	r.depth--
	r.attrs = r.attrs[:base]
	return true
}

// named takes the attribute Name away from those of the element, and returns its value; nil: there is none.
func (r *reader) named(base int) []byte {
	for i, a := range r.attrs[base:] {
		if string(a.name) == "Name" {
			r.attrs = append(r.attrs[:base+i], r.attrs[base+i+1:]...)
			return a.value
		}
	}
	return nil
}

// listed moves the value at to the list that is open. An element without one is an empty text.
func (r *reader) listed(at int, text bool, attrs []attribute) {
	if len(r.list) > 0 {
		r.list = append(r.list, ',')
	}
	value := append([]byte(nil), r.out[at:]...)
	switch r.out = r.out[:at]; {
	case len(value) == 0:
		value = []byte(`""`)
	case text && len(attrs) > 0:
		r.out = append(r.out, '{')
		r.attributes(attrs)
		r.key([]byte(textKey), nil)
		r.list = append(append(append(r.list, r.out[at:]...), value...), '}')
		r.out = r.out[:at]
		return
	}
	r.list = append(r.list, value...)
}

// value reads the content of an element whose start tag was read, and writes its value: a text, an object, or nothing.
func (r *reader) value(name []byte, attrs []attribute, closed bool, inside place) (text, ok bool) {
	at := len(r.out)
	if inside == inEventData { // its attributes could have the names of its Data
		attrs = nil
	}
	if closed {
		r.object(at, attrs)
		return false, true
	}
	r.out = append(r.out, '"')
	leaf, before, ok := r.leaf(name)
	switch {
	case !ok:
		return false, false
	case leaf && len(r.out) > at+1:
		r.out = append(r.out, '"')
		return true, true
	case leaf:
		r.out = r.out[:at]
		r.object(at, attrs)
		return false, true
	}
	var mixed []byte
	if before {
		mixed = append(mixed, r.out[at+1:]...)
	}
	r.out = append(r.out[:at], '{')
	r.attributes(attrs)
	if before {
		r.key([]byte(textKey), nil)
		r.out = append(append(append(r.out, '"'), mixed...), '"')
	}
	if !r.children(name, inside) {
		return false, false
	}
	r.close(at)
	return false, true
}

// leaf writes the text of an element, without quotes, up to and with its end tag. leaf is false at the start tag of an element inside of it;
// before then says that the text is more than blanks.
func (r *reader) leaf(name []byte) (leaf, before, ok bool) {
	for {
		text, what := r.upTo()
		before = before || !allBlank(text)
		r.text(text)
		switch what {
		case nextEnd:
			return true, before, r.endTag(name)
		case nextCDATA:
			if text, ok = r.cdata(); !ok {
				return false, false, false
			}
			before = before || !allBlank(text)
			r.raw(text)
		case nextComment:
			if !r.comment() {
				return false, false, false
			}
		case nextStart:
			return false, before, true
		default:
			return false, false, false
		}
	}
}

// children reads what else is inside of an element with elements, as members of the object that is open, up to and with its end tag.
func (r *reader) children(name []byte, inside place) bool {
	for {
		text, what := r.upTo()
		if !allBlank(text) {
			r.key([]byte(textKey), nil)
			r.quoted(text)
		}
		switch what {
		case nextEnd:
			switch inside {
			case inEventData:
				r.endList("Data")
			case inKeywords:
				r.endList("Keyword")
			}
			return r.endTag(name)
		case nextCDATA:
			text, ok := r.cdata()
			if !ok {
				return false
			}
			if !allBlank(text) {
				r.key([]byte(textKey), nil)
				r.out = append(r.out, '"')
				r.raw(text)
				r.out = append(r.out, '"')
			}
		case nextComment:
			if !r.comment() {
				return false
			}
		case nextStart:
			if !r.element(inside) {
				return false
			}
		default:
			return false
		}
	}
}

// endList writes the list that is open, if it has elements.
func (r *reader) endList(key string) {
	if len(r.list) > 0 {
		r.key([]byte(key), nil)
		r.out = append(append(append(r.out, '['), r.list...), ']')
		r.list = r.list[:0]
	}
}

// next is what follows a text.
type next uint8

const (
	nextNothing next = iota
	nextStart
	nextEnd
	nextComment
	nextCDATA
)

// upTo passes text, and says what it ends at.
func (r *reader) upTo() ([]byte, next) {
	k := bytes.IndexByte(r.b[r.i:], '<')
	if k < 0 || r.i+k+1 >= len(r.b) {
		r.cut()
		return nil, nextNothing
	}
	text := r.b[r.i : r.i+k]
	r.i += k
	rest := r.b[r.i:]
	switch {
	case rest[1] == '/':
		return text, nextEnd
	case bytes.HasPrefix(rest, []byte(commentOpen)):
		return text, nextComment
	case bytes.HasPrefix(rest, []byte(cdataOpen)):
		return text, nextCDATA
	case rest[1] == '!', rest[1] == '?':
		r.fail("a declaration inside of the event, at byte %d", r.i+1)
		return nil, nextNothing
	}
	return text, nextStart
}

func (r *reader) endTag(name []byte) bool {
	at := r.i
	r.i += 2
	end := r.name()
	switch {
	case end == nil:
		return false
	case !bytes.Equal(end, name):
		return r.fail("</%.40s> where </%.40s> is expected, at byte %d", end, name, at+1)
	}
	if r.blanks(); r.i >= len(r.b) {
		return r.cut()
	}
	if r.b[r.i] != '>' {
		return r.fail("no > after </%.40s, at byte %d", name, r.i+1)
	}
	r.i++
	return true
}

func (r *reader) cdata() (text []byte, ok bool) {
	from := r.i + len(cdataOpen)
	k := bytes.Index(r.b[from:], []byte(cdataClose))
	if k < 0 {
		return nil, r.cut()
	}
	r.i = from + k + len(cdataClose)
	return r.b[from : from+k], true
}

func (r *reader) comment() bool {
	from := r.i + len(commentOpen)
	k := bytes.Index(r.b[from:], []byte(commentClose))
	if k < 0 {
		return r.cut()
	}
	r.i = from + k + len(commentClose)
	return true
}
