package decode

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// pairsFramer frames and scans objects whose lines name their own fields, behind a syslog header or not: kv, CEF, LEEF.
type pairsFramer struct {
	lines lineReader
	s     *Scanner
	pairsFormat
}

// pairsFormat is what the formats of named fields differ in.
type pairsFormat struct {
	title string // for messages
	// find gives where the text that read takes begins, or -1. nil: it begins behind the syslog header.
	find func(b []byte) int
	// read takes the text apart, as the functions of package fields do.
	read func(dst []fields.Field, buf, b []byte) ([]fields.Field, []byte, string)
}

func newKVFramer(spec *Spec, s *Scanner, o Options) framer {
	delimiter := spec.Format.Delimiter
	return newPairsFramer(spec, s, o, pairsFormat{title: "KV", read: func(dst []fields.Field, buf, b []byte) ([]fields.Field, []byte, string) {
		return fields.KV(dst, buf, b, delimiter)
	}})
}

func newCEFFramer(spec *Spec, s *Scanner, o Options) framer {
	return newPairsFramer(spec, s, o, pairsFormat{title: "CEF", find: fields.FindCEF, read: fields.CEF})
}

func newLEEFFramer(spec *Spec, s *Scanner, o Options) framer {
	return newPairsFramer(spec, s, o, pairsFormat{title: "LEEF", find: fields.FindLEEF, read: fields.LEEF})
}

func newPairsFramer(spec *Spec, s *Scanner, o Options, p pairsFormat) framer {
	return &pairsFramer{lines: newLineReader(&spec.Format, o), s: s, pairsFormat: p}
}

func (f *pairsFramer) open(r io.Reader) { f.lines.reset(r) }

func (f *pairsFramer) next() (raw []byte, rej *Reject, err error) {
	p, err := f.lines.next()
	if err == nil && p.reject == nil {
		p.reject = f.scan(p.bytes)
	}
	return p.bytes, p.reject, err
}

func (f *pairsFramer) kept(raw, _ []byte) *Reject {
	if _, rej := f.lines.tooLong(raw, -1); rej != nil {
		return rej
	}
	return f.scan(raw)
}

func (f *pairsFramer) context() []byte { return nil }

func (f *pairsFramer) offset() int64 { return f.lines.at }

func (f *pairsFramer) scan(b []byte) *Reject {
	s := f.s
	if rej := s.beginText(b); rej != nil {
		return rej
	}
	base := len(s.fields)
	fault := f.pairs(b)
	s.fields = s.fields[:base]
	if fault != "" {
		return &Reject{Code: ReasonNoMatch, Message: "not " + f.title + ": " + fault}
	}
	return s.overBudget()
}

// pairs sets the fields of a record.
func (f *pairsFramer) pairs(b []byte) (fault string) {
	s := f.s
	base := len(s.fields)
	var head, body []byte
	if f.find == nil {
		s.fields, body = fields.Syslog(s.fields, b)
	} else {
		i := f.find(b)
		if i < 0 {
			return "it has no " + f.title + ": header"
		}
		s.fields, head = fields.Syslog(s.fields, b[:i])
		body = b[i:]
	}
	if head = bytes.TrimSpace(head); len(head) > 0 {
		s.fields = append(s.fields, fields.Field{Name: fields.MessageKey, Value: head})
	}
	of := len(s.fields)
	if s.fields, s.text, fault = f.read(s.fields, s.text, body); fault != "" {
		return fault
	}
	if of > base {
		s.below(s.childNamed(s.root, SyslogKey), base, of)
	}
	s.depth--
	s.below(s.root, of, len(s.fields))
	s.depth++
	return ""
}

func detectCEF(sample *sample) (Detected, bool) {
	return sample.headers(FormatCEF, "CEF", fields.FindCEF, 6)
}

func detectLEEF(sample *sample) (Detected, bool) {
	return sample.headers(FormatLEEF, "LEEF", fields.FindLEEF, 5)
}

// headers tells whether the lines hold a header of so many pipes.
func (s *sample) headers(name FormatName, title string, find func([]byte) int, pipes int) (Detected, bool) {
	n := 0
	for _, l := range s.lines {
		if i := find(l); i >= 0 && bytes.Count(l[i:], []byte("|")) >= pipes {
			n++
		}
	}
	if !mostLines(n, s.lines) {
		return Detected{}, false
	}
	return Detected{Format{Name: name}, fmt.Sprintf("%d of %d lines have a %s header", n, len(s.lines), title)}, true
}

func detectKV(sample *sample) (Detected, bool) {
	lines := sample.lines
	for _, delimiter := range []byte{0, ',', ';', '|', '\t'} {
		good := 0
		for _, l := range lines {
			_, body := fields.Syslog(nil, l)
			pairs, _, fault := fields.KV(nil, nil, body, delimiter)
			loose := 0
			for _, f := range pairs {
				if f.Name == fields.MessageKey {
					loose++
				}
			}
			if fault == "" && len(pairs)-loose >= 3 && 4*loose <= len(pairs) && !strings.ContainsAny(string(body[:bytes.IndexByte(body, '=')]), "\"'") {
				good++
			}
		}
		if mostLines(good, lines) {
			return Detected{Format{Name: FormatKV, Delimiter: delimiter}, fmt.Sprintf("%d of %d lines are key=value pairs", good, len(lines))}, true
		}
	}
	return Detected{}, false
}
