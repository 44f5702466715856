package parquet

import (
	"encoding/base64"

	"github.com/silt-etl/silt/internal/decode/jsonvalue"
)

// assembler writes one row. After its first error nothing it writes counts, and every loop ends.
type assembler struct {
	cols []*column
	most int // the longest row, in bytes
	keep int // bytes of a longer row that are kept
	err  error

	head []byte // the first bytes of a row that is longer; nil: it is not
	gone int64  // how many of its bytes are not in dst any more
}

// longBytes is the length from which the bytes of a value are written in parts.
const longBytes = 64 << 10

// drop keeps a row that is too long from growing: dst then continues with nothing.
func (a *assembler) drop(dst []byte) []byte {
	if len(dst) <= a.most && (a.head == nil || len(dst) <= longBytes) {
		return dst
	}
	if a.head == nil {
		a.head = append(make([]byte, 0, a.keep), dst[:min(len(dst), a.keep)]...)
	}
	a.gone += int64(len(dst))
	return dst[:0]
}

// at is how long the row is; back makes it as long as it was.
func (a *assembler) at(dst []byte) int64 { return a.gone + int64(len(dst)) }

func (a *assembler) back(dst []byte, at int64) []byte {
	if n := at - a.gone; n >= 0 {
		return dst[:n]
	}
	a.gone = at
	return dst[:0]
}

func (a *assembler) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// def is the definition level of a column's next entry.
func (a *assembler) def(i int) int16 {
	c := a.cols[i]
	if c.i == c.n {
		more, err := c.more()
		if err != nil {
			a.fail(err)
			return -1
		}
		if !more {
			a.fail(faultf("column %s has too few values", c.name))
			return -1
		}
	}
	return c.defAt(c.i)
}

// rep is the repetition level of a column's next entry, 0 at the end of the row group.
func (a *assembler) rep(i int) int16 {
	c := a.cols[i]
	if c.maxRep == 0 {
		return 0
	}
	if c.i == c.n {
		more, err := c.more()
		if err != nil {
			a.fail(err)
		}
		if err != nil || !more {
			return 0
		}
	}
	return c.reps[c.i]
}

// present tells whether a field is there; all its columns must agree. The entries of a field that is not there are consumed.
func (a *assembler) present(n *node) bool {
	is := a.def(n.from) >= n.def
	for i := n.from + 1; i < n.to; i++ {
		if (a.def(i) >= n.def) != is {
			a.fail(faultf("columns %s and %s disagree about which values are present", a.cols[n.from].name, a.cols[i].name))
		}
	}
	if a.err != nil {
		return false
	}
	if !is {
		for _, c := range a.cols[n.from:n.to] {
			c.i++
		}
	}
	return is
}

// again tells whether a repeated field has another element.
func (a *assembler) again(n *node) bool {
	is := a.rep(n.from) == n.rep
	for i := n.from; i < n.to; i++ {
		if r := a.rep(i); (r == n.rep) != is || r > n.rep {
			a.fail(faultf("columns %s and %s disagree about the number of values", a.cols[n.from].name, a.cols[i].name))
		}
	}
	return is && a.err == nil
}

// group writes a row or a group as an object.
func (a *assembler) group(dst []byte, n *node) []byte {
	dst = append(dst, '{')
	begin := a.at(dst)
	for _, k := range n.kids {
		back := a.at(dst)
		if back > begin {
			dst = append(dst, ',')
		}
		var is bool
		if dst, is = a.field(append(dst, k.key...), k); !is {
			dst = a.back(dst, back)
		}
		if a.err != nil {
			return dst
		}
	}
	return append(dst, '}')
}

// field writes the value of a field; is tells whether there is one.
func (a *assembler) field(dst []byte, n *node) (out []byte, is bool) {
	switch {
	case n.repeated: // without a LIST around it
		return a.elements(dst, n), true
	case n.optional && !a.present(n):
		return dst, false
	}
	return a.one(dst, n)
}

// elements writes a repeated field as an array.
func (a *assembler) elements(dst []byte, n *node) []byte {
	dst = append(dst, '[')
	begin := a.at(dst)
	for more := a.present(n); more && a.err == nil; more = a.again(n) {
		if a.at(dst) > begin {
			dst = append(dst, ',')
		}
		var is bool
		if dst, is = a.one(dst, n); !is {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, ']')
}

// one writes one value of a field that is there; is tells whether it is other than NULL.
func (a *assembler) one(dst []byte, n *node) (out []byte, is bool) {
	if a.err != nil {
		return dst, false
	}
	dst = a.drop(dst)
	switch n.shape {
	case shapeGroup:
		return a.group(dst, n), true
	case shapeOnly:
		return a.field(dst, n.kids[0])
	case shapeList:
		return a.elements(dst, n.kids[0]), true
	case shapeMap:
		return a.entries(dst, n.kids[0]), true
	}
	c := a.cols[n.from]
	if a.def(n.from) != c.maxDef {
		a.fail(faultf("column %s is required, but a value is missing", c.name))
		return dst, false
	}
	if v := c.bytes(); len(v) > longBytes {
		return a.long(dst, c, v), true
	}
	return c.value(dst), true
}

// long writes a value of many bytes in parts.
func (a *assembler) long(dst []byte, c *column, v []byte) []byte {
	form := c.form(v)
	c.v++
	c.i++
	if form == longRefused {
		a.fail(faultf("column %s has a number of %d bytes", c.name, len(v)))
		return dst
	}
	if form != longJSON {
		dst = append(dst, '"')
	}
	for len(v) > 0 {
		part := v[:min(len(v), longBytes/3*3)] // base64 has 3 bytes at a time
		v = v[len(part):]
		switch form {
		case longText:
			dst = jsonvalue.Escaped(dst, part)
		case longBase64:
			dst = base64.StdEncoding.AppendEncode(dst, part)
		default:
			dst = append(dst, part...)
		}
		dst = a.drop(dst)
	}
	if form != longJSON {
		dst = append(dst, '"')
	}
	return dst
}

// entries writes a map whose keys are texts as an object. Entries without a value are left out.
func (a *assembler) entries(dst []byte, n *node) []byte {
	dst = append(dst, '{')
	begin := a.at(dst)
	for more := a.present(n); more && a.err == nil; more = a.again(n) {
		back := a.at(dst)
		if back > begin {
			dst = append(dst, ',')
		}
		var key, is bool
		if dst, key = a.field(dst, n.kids[0]); !key { // against the format's rules
			dst = append(dst, `""`...)
		}
		if dst, is = a.field(append(dst, ':'), n.kids[1]); !is {
			dst = a.back(dst, back)
		}
	}
	return append(dst, '}')
}
