package decode

import (
	"io"
	"strings"
)

// Limits of what events copy of the document around them: a few bytes of an object must not become hours of work.
const (
	copiedBytes = 256 << 20
	copiedTimes = 64 // the length of the document
)

// eventsFramer frames and scans objects whose records each hold a list of events. Each event is a record: the document that holds it, with
// the event in place of the list. A document without events is one record.
//
// Documents are those of the object, or the elements of the array Format.Records.
type eventsFramer struct {
	envelopeFramer
	list  envelope // of the document that is open
	from  int64    // where the document begins
	split int64    // documents, of all objects
	buf   []byte   // the event
}

// newEventsFramer splits the documents that outer gives.
func newEventsFramer(outer *envelopeFramer, path []string) framer {
	return &eventsFramer{envelopeFramer: *outer, list: envelope{paths: [][]string{path}, path: path, at: -1, copied: true}}
}

func (f *eventsFramer) open(r io.Reader) {
	f.envelopeFramer.open(r)
	f.list.at = -1
}

func (f *eventsFramer) documents() int64 { return f.split }

// next gives the next event.
func (f *eventsFramer) next() (raw []byte, rej *Reject, err error) {
	for {
		b, rej, ok := f.list.next()
		if ok {
			f.at = f.from + int64(f.list.began)
		} else if f.env.path == nil {
			if b, rej, ok, err = f.long.record(&f.list); err != nil {
				return nil, nil, err
			}
			if ok {
				f.at = f.long.at
			}
		}
		if ok {
			raw, rej = f.event(b, rej)
			return raw, rej, nil
		}
		if raw, rej, err = f.begin(); err != nil || rej != nil || raw != nil {
			return raw, rej, err
		}
	}
}

// begin opens the next document. If it has no events, or with a Reject, it is the record.
func (f *eventsFramer) begin() (raw []byte, rej *Reject, err error) {
	if f.env.path != nil {
		raw, rej, err = f.element()
	} else {
		raw, rej, err = f.document(&f.list)
	}
	if err != nil {
		return nil, nil, err
	}
	f.split++
	raw = trimRight(raw)
	if rej != nil {
		return raw, rej, nil
	}
	if f.from = f.at; raw != nil {
		if rej = f.list.open(raw); rej != nil {
			if rej.Code == ReasonRecords {
				raw, rej = f.alone(raw)
			}
			return raw, rej, nil
		}
	}
	if f.list.elements > 0 {
		return nil, nil, nil
	}
	f.list.at = -1
	if raw == nil {
		f.at = f.long.document.offset
		f.long.close()
	}
	raw, rej = f.alone(f.list.context)
	return raw, rej, nil
}

// alone scans a document without events.
func (f *eventsFramer) alone(b []byte) ([]byte, *Reject) {
	if b, rej := f.r.tooLong(b, f.at); rej != nil {
		return b, rej
	}
	return b, f.scan(b)
}

// event scans the document with an element in place of its list.
func (f *eventsFramer) event(b []byte, rej *Reject) ([]byte, *Reject) {
	if rej != nil {
		return b, rej
	}
	context, hole := f.list.context, f.list.hole
	f.buf = append(append(append(reuse(f.buf), context[:hole]...), b...), context[hole+len("null"):]...)
	if b[0] == '[' {
		return f.buf, f.listed("an event is a list")
	}
	return f.alone(f.buf)
}

func (f *eventsFramer) kept(raw, context []byte) *Reject {
	if i, rej := f.list.find(&parser{b: raw}); rej == nil {
		p := parser{b: raw}
		if i = p.ws(i + 1); i < len(raw) && raw[i] != ']' {
			return f.listed("the record was kept as a whole, and has a list of events. Try: etl backfill --replace")
		}
	}
	if f.env.path != nil {
		return f.envelopeFramer.kept(raw, context)
	}
	return keptObject(f.r.limits, f.s, raw)
}

// listed refuses a record whose events are not single ones.
func (f *eventsFramer) listed(why string) *Reject {
	path := strings.Join(f.list.path, ".")
	return &Reject{Code: ReasonRecords, Path: path, Message: path + ": " + why}
}
