package decode

import (
	"bytes"
	"io"
	"strings"
)

// envelopeFramer frames and scans objects whose records are the elements of an array inside of JSON documents.
type envelopeFramer struct {
	r    jsonReader
	s    *Scanner
	env  envelope
	line []byte // what is left of a piece with several documents glued together
}

func newEnvelopeFramer(spec *Spec, s *Scanner, o Options) framer {
	w := newWindow(o)
	w.documents = true
	return &envelopeFramer{r: jsonReader{window: w}, s: s, env: envelope{path: spec.Format.Records, at: -1}}
}

func (f *envelopeFramer) open(r io.Reader) {
	f.r.open(r)
	f.line = nil
	f.env.at, f.env.context = -1, nil
}

func (f *envelopeFramer) context() []byte { return f.env.context }

func (f *envelopeFramer) kept(raw, context []byte) *Reject {
	if _, rej := f.r.tooLong(raw, -1); rej != nil {
		return rej
	}
	if len(context) == 0 {
		return f.env.missing()
	}
	f.env.more, f.env.context = true, append(f.env.context[:0], context...)
	if p := (parser{b: context}); p.skip(p.ws(0)) < 0 || context[p.ws(0)] != '{' {
		return &Reject{Code: ReasonJSON, Message: "the envelope that was kept with the record cannot be read"}
	}
	return f.scan(raw)
}

// next gives the next element of an array.
func (f *envelopeFramer) next() (raw []byte, rej *Reject, err error) {
	for {
		b, rej, ok := f.env.next()
		if ok {
			if rej == nil {
				b, rej = f.r.tooLong(b, -1)
			}
			if rej == nil {
				rej = f.scan(b)
			}
			return trimRight(b), rej, nil
		}
		if len(f.line) == 0 {
			p, err := f.r.next()
			if err != nil || p.reject != nil {
				return p.bytes, p.reject, err
			}
			f.line = p.bytes
		}
		n := len(f.line)
		if f.line[0] == '{' {
			n = valueLen(f.line)
		}
		doc := f.line[:n]
		f.line = bytes.TrimLeft(f.line[n:], " \t\r\n")
		if rej := f.env.open(doc); rej != nil {
			return doc, rej, nil
		}
	}
}

// scan scans an element, and what its envelope holds in addition.
func (f *envelopeFramer) scan(b []byte) *Reject {
	rej := scanWhole(f.s, b)
	if rej == nil && f.env.more {
		if rej = badText(f.env.context); rej == nil {
			f.s.also(f.env.context)
			rej = f.s.overBudget()
		}
	}
	return rej
}

// envelope gives the elements of an array inside a JSON document, each as a record. What else the document holds belongs to each of
// them: its context is the document with null in the array's place.
//
// Elements are separated by their brackets, so that a broken element does not affect the others.
type envelope struct {
	path    []string
	doc     []byte
	at      int // in the array; -1: there is none open
	context []byte
	more    bool // the context holds anything
}

// open begins a document: b, without what follows it. With a Reject, the document is one record.
func (e *envelope) open(b []byte) *Reject {
	e.doc, e.at, e.context, e.more = b, -1, nil, false
	p := parser{b: b}
	from, rej := e.find(&p)
	if rej != nil {
		return rej
	}
	var end int // after the array
	for i := from + 1; ; {
		if i = e.gap(i); i >= len(b) {
			end = -1
			break
		}
		if b[i] == ']' {
			end = i + 1
			break
		}
		i += e.element(i)
	}
	e.context = append(append([]byte(nil), b[:from]...), "null"...)
	if end < 0 { // it was cut: what came before the array holds
		e.context = append(e.context, strings.Repeat("}", len(e.path))...)
	} else {
		e.context = append(e.context, b[end:]...)
		e.more = e.more || bytes.IndexByte(b[end:], ',') >= 0
	}
	if c := (parser{b: e.context}); c.skip(c.ws(0)) < 0 {
		e.context = nil
		return c.reject("")
	}
	e.at = from + 1
	return nil
}

// find gives where the array begins, noting what else is there.
func (e *envelope) find(p *parser) (int, *Reject) {
	i := p.ws(0)
	for depth, key := range e.path {
		if i >= len(p.b) || p.b[i] != '{' {
			if depth == 0 {
				return 0, notObject(append([]byte(nil), p.b...), min(i, len(p.b)))
			}
			return 0, e.missing()
		}
		found := false
		if i = p.ws(i + 1); i < len(p.b) && p.b[i] == '}' {
			return 0, e.missing()
		}
		for !found {
			from := i
			if i = p.key(i); i < 0 {
				return 0, p.reject("")
			}
			k := p.b[from+1:]
			k = k[:bytes.LastIndexByte(p.b[from+1:i], '"')]
			if found = string(unescape(nil, k)) == key; found {
				break
			}
			e.more = true
			if i = p.skip(i); i < 0 {
				return 0, p.reject("")
			}
			if i = p.ws(i); i < len(p.b) && p.b[i] == '}' {
				return 0, e.missing()
			}
			if i >= len(p.b) || p.b[i] != ',' {
				p.wrong(i)
				return 0, p.reject("")
			}
			i = p.ws(i + 1)
		}
	}
	if i >= len(p.b) || p.b[i] != '[' {
		return 0, e.missing()
	}
	return i, nil
}

func (e *envelope) missing() *Reject {
	return &Reject{Code: ReasonRecords, Path: strings.Join(e.path, "."), Message: "the document has no array " + strings.Join(e.path, ".")}
}

// gap passes blanks and commas.
func (e *envelope) gap(i int) int {
	for i < len(e.doc) && (blank(e.doc[i]) || e.doc[i] == ',') {
		i++
	}
	return i
}

// element is how long the element at i is.
func (e *envelope) element(i int) int {
	f := valueEnd{bound: boundArray}
	if n := f.feed(e.doc[i:], 0); n > 0 {
		return n
	}
	return len(e.doc) - i
}

// next gives the next element; ok is false after the last. An array that is not closed ends with a Reject without bytes.
func (e *envelope) next() (b []byte, rej *Reject, ok bool) {
	if e.at < 0 {
		return nil, nil, false
	}
	i := e.gap(e.at)
	switch {
	case i >= len(e.doc):
		e.at = -1
		return nil, &Reject{Code: ReasonJSON, Message: "the array " + strings.Join(e.path, ".") + " is not closed: the object ends before its ]"}, true
	case e.doc[i] == ']':
		e.at = -1
		return nil, nil, false
	}
	n := e.element(i)
	e.at = i + n
	return e.doc[i : i+n], nil, true
}
