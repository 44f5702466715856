package decode

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// envelopeFramer frames and scans objects whose records are the elements of an array inside of JSON documents.
type envelopeFramer struct {
	r    jsonReader
	s    *Scanner
	env  envelope
	line []byte        // what is left of a piece with several documents glued together
	long arrayElements // of a document that is longer than held
	at   int64         // where the record begins
	doc  int64         // where the document begins
	then int64         // where line begins

	optional bool // a document without an array is a record itself
}

func newEnvelopeFramer(spec *Spec, s *Scanner, o Options) *envelopeFramer {
	w := newWindow(o)
	w.documents = true
	paths := append([][]string{spec.Format.Records}, spec.Format.OtherRecords...)
	return &envelopeFramer{r: jsonReader{window: w}, s: s, env: envelope{paths: paths, path: paths[0], at: -1}, long: arrayElements{window: newWindow(o)},
		optional: spec.Format.RecordsOptional}
}

func (f *envelopeFramer) open(r io.Reader) {
	f.r.open(r)
	f.line = nil
	f.long.close()
	f.env.at, f.env.context = -1, nil
}

func (f *envelopeFramer) context() []byte { return f.env.context }

func (f *envelopeFramer) offset() int64 { return f.at }

func (f *envelopeFramer) kept(raw, context []byte) *Reject {
	if _, rej := f.r.tooLong(raw, -1); rej != nil {
		return rej
	}
	if len(context) == 0 && f.optional {
		f.env.more, f.env.context = false, nil
		return f.scan(raw)
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
	b, rej, err := f.element()
	if err == nil && rej == nil {
		rej = f.scan(b)
	}
	return trimRight(b), rej, err
}

// element gives the next element of an array. With a Reject, it may be a document instead.
func (f *envelopeFramer) element() (b []byte, rej *Reject, err error) {
	for {
		b, rej, ok := f.env.next()
		f.at = f.doc + int64(f.env.began)
		if !ok {
			if b, rej, ok, err = f.long.record(&f.env); err != nil {
				return nil, nil, err
			}
			f.at = f.long.at
		}
		if ok {
			if rej == nil {
				b, rej = f.r.tooLong(b, -1)
			}
			return b, rej, nil
		}
		doc, rej, err := f.document(&f.env)
		if err == nil && rej == nil && doc != nil {
			rej = f.env.open(doc)
		}
		if err == nil && rej != nil && rej.Code == ReasonRecords && f.optional {
			f.env.more, f.env.context = false, nil
			doc, rej = f.r.tooLong(doc, -1)
			return doc, rej, nil
		}
		if err != nil || rej != nil {
			return doc, rej, err
		}
	}
}

// document gives the next document. A document that is longer than held has no bytes: f.long has opened it for e.
func (f *envelopeFramer) document(e *envelope) (doc []byte, rej *Reject, err error) {
	if len(f.line) == 0 {
		p, err := f.r.next()
		if err == nil && p.document != nil {
			p.reject, err = f.long.open(p.document, e)
			if p.reject == nil && err == nil {
				return nil, nil, nil
			}
		}
		if f.at = p.at; err != nil || p.reject != nil {
			return p.bytes, p.reject, err
		}
		f.line, f.then = p.bytes, p.at
	}
	n := len(f.line)
	if f.line[0] == '{' {
		end := valueEnd{bound: boundTop}
		if k := end.feed(f.line, 0); k >= 0 {
			n = k
		} else if !f.r.values { // the next lines may complete it
			if f.line, _, err = f.r.over(f.line); err != nil {
				return nil, nil, err
			}
			n = len(f.line)
		}
	}
	doc, all := f.line[:n], len(f.line)
	f.line = bytes.TrimLeft(f.line[n:], " \t\r\n")
	f.doc, f.at, f.then = f.then, f.then, f.then+int64(all-len(f.line))
	return doc, nil, nil
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
	paths   [][]string // where the array can be; the first one that a document has is used
	path    []string   // the one of this document
	doc     []byte
	at      int // in the array; -1: there is none open
	began   int // where the last element begins
	context []byte
	hole    int  // where the array was in the context
	more    bool // the context holds anything
	// elements is how many the array has. With copied, each gets a copy of the context, so there are limits.
	elements int
	copied   bool
}

// open begins a document: b, without what follows it. With a Reject, the document is one record.
func (e *envelope) open(b []byte) *Reject {
	e.doc, e.at, e.context, e.more, e.elements = b, -1, nil, false, 0
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
		e.elements++
	}
	after := b[len(b):]
	if end >= 0 {
		after = b[end:]
	}
	if rej := e.surround(b[:from], after, end >= 0, int64(len(b))); rej != nil {
		return rej
	}
	e.at = from + 1
	return nil
}

// surround makes the context of what is before and after the array, in a document of so many bytes.
func (e *envelope) surround(before, after []byte, closed bool, length int64) *Reject {
	e.context = append(append([]byte(nil), before...), "null"...)
	if closed {
		e.context = append(e.context, after...)
		e.more = e.more || bytes.IndexByte(after, ',') >= 0
	} else { // it was cut: what came before the array holds
		e.context = append(e.context, strings.Repeat("}", len(e.path))...)
	}
	e.hole = len(before)
	if most := max(copiedBytes, copiedTimes*length); e.copied && int64(e.elements)*int64(len(e.context)) > most {
		rej := &Reject{Code: ReasonTooLong, Message: strconv.Itoa(e.elements) + " events would each have a copy of the " + strconv.Itoa(len(e.context)) + " bytes around " + strings.Join(e.path, ".") + "; at most " +
			strconv.FormatInt(most, 10) + " bytes are copied"}
		e.context = nil
		return rej
	}
	if c := (parser{b: e.context}); c.skip(c.ws(0)) < 0 {
		e.context = nil
		return c.reject("")
	}
	return nil
}

// find gives where the array begins, noting what else is there.
func (e *envelope) find(p *parser) (from int, rej *Reject) {
	for _, e.path = range e.paths {
		*p, e.more = parser{b: p.b}, false
		if from, rej = e.findPath(p); rej == nil || rej.Code != ReasonRecords {
			return from, rej
		}
	}
	e.path = e.paths[0]
	return 0, e.missing()
}

func (e *envelope) findPath(p *parser) (int, *Reject) {
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
	names := make([]string, len(e.paths))
	for i, p := range e.paths {
		names[i] = strings.Join(p, ".")
	}
	return &Reject{Code: ReasonRecords, Path: names[0], Message: "the document has no array " + strings.Join(names, " or ")}
}

func (e *envelope) notClosed() *Reject {
	return &Reject{Code: ReasonJSON, Message: "the array " + strings.Join(e.path, ".") + " is not closed: the object ends before its ]"}
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
		return nil, e.notClosed(), true
	case e.doc[i] == ']':
		e.at = -1
		return nil, nil, false
	}
	n := e.element(i)
	e.at, e.began = i+n, i
	return e.doc[i : i+n], nil, true
}

// document is a document that is longer than held. It is in a file.
type document struct {
	file           tempFile
	length, offset int64 // of the unpacked object
}

// longDocument puts a document that is longer than held into a file. f has seen what is in buf, and found its end there unless end is
// negative. ok is false if the rest of the object is read as lines.
func (r *jsonReader) longDocument(f valueEnd, end int) (p piece, ok bool, err error) {
	d := &document{offset: r.offset()}
	if d.file, err = r.putAside(); err != nil {
		return p, false, err
	}
	defer func() {
		if !ok && r.aside != d.file {
			d.file.close()
		}
	}()
	r.beginLong()
	for newline := false; ; {
		part := r.buf[r.p:r.n]
		if end >= 0 {
			part = part[:end]
		}
		newline = newline || bytes.IndexByte(part, '\n') >= 0
		if _, err := d.file.Write(part); err != nil {
			return p, false, err
		}
		d.length += int64(len(part))
		if end < 0 && r.eof && r.values && newline {
			r.values, r.array, r.fell = false, false, true
			return p, false, r.again(d.file, d.offset)
		}
		r.p += len(part)
		if end >= 0 || r.eof {
			break
		}
		if err := r.more(); err != nil {
			return p, false, err
		}
		end = f.feed(r.buf[r.p:r.n], 0)
	}
	p.bytes, p.document, r.head = r.head[:min(int64(len(r.head)), d.length)], d, nil
	return p, true, nil
}

// arrayElements reads the elements of an array in a long document, as envelope does for a document in memory.
type arrayElements struct {
	window
	document *document // nil: none is open
	closed   bool      // the array's end was found
	at       int64     // where the last element begins
}

func (a *arrayElements) close() {
	if a.document != nil {
		a.document.file.close()
	}
	a.document, a.buf = nil, nil
}

// restart reads the document from a place on.
func (a *arrayElements) restart(at int64) error {
	if a.buf == nil {
		a.buf = make([]byte, a.base)
	}
	a.in = &a.document.file
	a.from, a.p, a.n, a.eof, a.closed = a.document.offset+at, 0, 0, false, false
	return a.document.file.rewind(at)
}

// open begins a document, and makes its context. With a Reject, the document is one record.
func (a *arrayElements) open(d *document, e *envelope) (rej *Reject, err error) {
	a.close()
	a.document = d
	defer func() {
		if rej != nil || err != nil {
			a.close()
		}
	}()
	e.at, e.context, e.more, e.elements = -1, nil, false, 0
	if err := a.restart(0); err != nil {
		return nil, err
	}
	if err := a.need(a.kept); err != nil {
		return nil, err
	}
	p := parser{b: a.buf[:min(a.n, a.kept)]}
	from, rej := e.find(&p)
	if rej != nil {
		return a.tooLongAround(e, d), nil
	}
	before := append([]byte(nil), a.buf[:from]...)
	a.p = from + 1
	for more := true; more; {
		if _, _, more, err = a.next(); err != nil {
			return nil, err
		}
		if more {
			e.elements++
		}
	}
	if err := a.need(a.kept + 1); err != nil {
		return nil, err
	}
	if a.n-a.p > a.kept-len(before) {
		return a.tooLongAround(e, d), nil
	}
	if rej := e.surround(before, a.buf[a.p:a.n], a.closed, d.length); rej != nil {
		rej.Offset, rej.Length = d.offset, d.length
		rej.Message += "; the document has " + strconv.FormatInt(d.length, 10) + " bytes"
		return rej, nil
	}
	return nil, a.restart(int64(from + 1))
}

// tooLongAround refuses a document that is longer than a record and does not consist of its records.
func (a *arrayElements) tooLongAround(e *envelope, d *document) *Reject {
	rej := a.longer(d.length, d.offset)
	rej.Message += "; a longer document must have at most " + strconv.Itoa(a.kept) + " bytes around its array " + strings.Join(e.path, ".")
	return rej
}

// record gives the next element; ok is false after the last, and if no document is open. An array that is not closed ends with a Reject
// without bytes.
func (a *arrayElements) record(e *envelope) (b []byte, rej *Reject, ok bool, err error) {
	if a.document == nil {
		return nil, nil, false, nil
	}
	if b, rej, ok, err = a.next(); ok || err != nil {
		return b, rej, ok, err
	}
	if !a.closed {
		rej = e.notClosed()
	}
	a.close()
	return nil, rej, rej != nil, nil
}

// next passes the next element. ok is false after the last.
func (a *arrayElements) next() (b []byte, rej *Reject, ok bool, err error) {
	a.shrink()
	for {
		for a.p < a.n && (blank(a.buf[a.p]) || a.buf[a.p] == ',') {
			a.p++
		}
		if a.p < a.n {
			break
		}
		if a.eof {
			return nil, nil, false, nil
		}
		if err := a.fill(); err != nil {
			return nil, nil, false, err
		}
	}
	if a.buf[a.p] == ']' {
		a.p++
		a.closed = true
		return nil, nil, false, nil
	}
	a.at = a.offset()
	f := valueEnd{bound: boundArray}
	for i := 0; ; {
		end := f.feed(a.buf[a.p:a.n], i)
		if i = a.n - a.p; end < 0 && a.eof {
			end = i
		}
		switch {
		case end >= 0:
			at := a.offset()
			b = a.buf[a.p : a.p+end]
			a.p += end
			b, rej = a.tooLong(b, at)
			return b, rej, true, nil
		case i > a.held:
			p, err := a.longElement(f)
			return p.bytes, p.reject, true, err
		}
		if err := a.fill(); err != nil {
			return nil, nil, false, err
		}
	}
}

// longElement passes an element that is longer than held. f has seen what is in buf.
func (a *arrayElements) longElement(f valueEnd) (piece, error) {
	at, length := a.offset(), int64(a.n-a.p)
	a.beginLong()
	for end := -1; end < 0 && !a.eof; {
		if err := a.more(); err != nil {
			return piece{}, err
		}
		n := a.n - a.p
		if end = f.feed(a.buf[a.p:a.n], 0); end >= 0 {
			n = end
		}
		a.p += n
		length += int64(n)
	}
	return a.endLong(length, at), nil
}
