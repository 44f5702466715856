package fields

import "bytes"

// CSV cuts delimited text into fields. A field that begins with the quote continues up to the next quote, over delimiters and
// newlines; a quote inside it is written twice, or after the escape. A quote anywhere else is text.
type CSV struct {
	Delimiter byte
	Quote     byte // 0: none
	Escape    byte // before a quote or itself, inside quotes; 0: none
	// Runs takes several delimiters in a row for one, and those at either end for none, as people pad columns with blanks.
	Runs bool
	// Syslog: a syslog header may stand in front of the first field, which begins after it.
	Syslog bool

	spans []span
	head  []Field // of Syslog, kept for its memory alone
	text  []byte
	open  span // the field that is still open
	start int  // where the first field begins
	at    int  // Open: where to continue; Broken: the byte at fault
}

type span struct {
	from, to int
	escaped  bool
}

// State of a text after it was cut.
type State uint8

const (
	Whole  State = iota // it ends where a record may end
	Open                // it ends inside quotes
	Broken              // after a closing quote comes neither a delimiter nor the end
)

// Split cuts b, a record without the newline after it.
func (c *CSV) Split(b []byte) State {
	c.spans, c.text, c.start = c.spans[:0], c.text[:0], 0
	if c.Syslog {
		var rest []byte
		c.head, rest = Syslog(c.head[:0], b)
		c.start = len(b) - len(rest)
	}
	return c.split(b, c.start)
}

// Start is where the first field begins, after a syslog header; 0 without one.
func (c *CSV) Start() int { return c.start }

// More continues after Open with a longer b that begins with the earlier one.
func (c *CSV) More(b []byte) State {
	i, s := c.quoted(b, c.open, c.at)
	if s != Whole {
		return s
	}
	if i == len(b) {
		return Whole
	}
	return c.split(b, i+1)
}

// Len is how many fields there are.
func (c *CSV) Len() int { return len(c.spans) }

// Fault is where, after Open or Broken, the field at fault has its opening quote, and, after Broken, the byte that must not
// follow the closing one.
func (c *CSV) Fault() (quote, at int) { return c.open.from - 1, c.at }

// Field gives field i of b, the text that was cut last.
func (c *CSV) Field(b []byte, i int) []byte {
	s := c.spans[i]
	v := b[s.from:s.to]
	if !s.escaped {
		return v
	}
	from := len(c.text)
	for len(v) > 0 {
		if len(v) > 1 && (v[0] == c.Quote && v[1] == c.Quote || c.Escape != 0 && v[0] == c.Escape && (v[1] == c.Quote || v[1] == c.Escape)) {
			v = v[1:]
		}
		c.text = append(c.text, v[0])
		v = v[1:]
	}
	return c.text[from:len(c.text):len(c.text)]
}

// Join makes one field of field i and those after it if it begins with open and one of them ends with end: a list whose separators
// stand for themselves, though they are delimiters.
func (c *CSV) Join(b []byte, i int, open, end byte) {
	if i >= len(c.spans) {
		return
	}
	s := &c.spans[i]
	if s.escaped || s.from == s.to || b[s.from] != open {
		return
	}
	for j := i; j < len(c.spans); j++ {
		if last := c.spans[j]; last.to > last.from && b[last.to-1] == end {
			s.to = last.to
			c.spans = append(c.spans[:i+1], c.spans[j+1:]...)
			return
		}
	}
}

func (c *CSV) split(b []byte, i int) State {
	for {
		if c.Runs {
			for i < len(b) && b[i] == c.Delimiter {
				i++
			}
			if i == len(b) {
				return Whole
			}
		}
		if i < len(b) && b[i] == c.Quote && c.Quote != 0 {
			var s State
			if i, s = c.quoted(b, span{from: i + 1}, i+1); s != Whole {
				return s
			}
			if i == len(b) {
				return Whole
			}
			i++
			continue
		}
		j := bytes.IndexByte(b[i:], c.Delimiter)
		if j < 0 {
			c.spans = append(c.spans, span{from: i, to: len(b)})
			return Whole
		}
		c.spans = append(c.spans, span{from: i, to: i + j})
		i += j + 1
	}
}

// quoted reads on in the quoted field f at i, and returns the index after its closing quote.
func (c *CSV) quoted(b []byte, f span, i int) (int, State) {
	for {
		j := bytes.IndexByte(b[i:], c.Quote)
		if j < 0 {
			c.open, c.at = f, len(b)
			return 0, Open
		}
		q := i + j
		switch {
		case c.Escape != 0 && c.isEscaped(b, f.from, q):
			f.escaped, i = true, q+1
			continue
		case q+1 < len(b) && b[q+1] == c.Quote:
			f.escaped, i = true, q+2
			continue
		}
		f.to = q
		f.escaped = f.escaped || c.Escape != 0 && bytes.IndexByte(b[f.from:q], c.Escape) >= 0
		if q+1 < len(b) && b[q+1] != c.Delimiter {
			c.open, c.at = f, q+1
			return 0, Broken
		}
		c.spans = append(c.spans, f)
		return q + 1, Whole
	}
}

// isEscaped tells whether an odd number of escapes stands before q.
func (c *CSV) isEscaped(b []byte, from, q int) bool {
	n := 0
	for q-n > from && b[q-n-1] == c.Escape {
		n++
	}
	return n%2 == 1
}
