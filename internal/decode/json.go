package decode

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// fault is why a parser stopped.
type fault uint8

const (
	faultNone    fault = iota
	faultByte          // a byte that JSON does not allow there
	faultEnd           // the text ends inside a value
	faultDeep          // more than MaxDepth levels
	faultNUL           // \u0000
	faultLone          // half a surrogate pair: no UTF-8 can hold it
	faultNoValue       // nothing but blanks
)

// escapeBytes is how long the longest escape is: a surrogate pair.
const escapeBytes = 12

// parser checks JSON text (RFC 8259, strictly) and builds nothing. Its methods take the index of the first byte to look at
// and return the index after what they read, or -1 with at and why set.
type parser struct {
	b     []byte
	depth int
	at    int
	why   fault
	esc   bool // the last string read holds a backslash
}

func (p *parser) fail(i int, why fault) int {
	p.at, p.why = i, why
	return -1
}

// wrong fails at i, telling the end of the text from a byte that must not be there.
func (p *parser) wrong(i int) int {
	if i >= len(p.b) {
		return p.fail(len(p.b), faultEnd)
	}
	return p.fail(i, faultByte)
}

func (p *parser) ws(i int) int {
	for i < len(p.b) && blank(p.b[i]) {
		i++
	}
	return i
}

// Eight bytes at a time: the lowest set bit of the masks marks the first byte that is meant; higher bits may be wrong.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func below0x20(w uint64) uint64 { return (w - 0x20*ones) & ^w & highs }

func equals(w uint64, c byte) uint64 {
	w ^= uint64(c) * ones
	return (w - ones) & ^w & highs
}

// special returns the index of the first quote, backslash or control character of b from i on, or len(b).
func special(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		if m := below0x20(w) | equals(w, '"') | equals(w, '\\'); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// str reads a string whose opening quote is before i.
func (p *parser) str(i int) int {
	b := p.b
	p.esc = false
	for {
		i = special(b, i)
		if i >= len(b) {
			return p.wrong(i)
		}
		if b[i] == '"' {
			return i + 1
		}
		if b[i] != '\\' {
			return p.wrong(i)
		}
		p.esc = true
		if i = p.escape(i); i < 0 {
			return -1
		}
	}
}

// escape reads one escape (a surrogate pair is one) whose backslash is at i.
func (p *parser) escape(i int) int {
	b := p.b
	if i+1 >= len(b) {
		return p.wrong(i + 1)
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
	default:
		return p.wrong(i + 1)
	}
	r := p.hex(i + 2)
	switch {
	case r < 0:
		return -1
	case r == 0:
		return p.fail(i, faultNUL)
	case r >= 0xDC00 && r < 0xE000:
		return p.fail(i, faultLone)
	case r >= 0xD800 && r < 0xDC00:
		if i+7 >= len(b) || b[i+6] != '\\' || b[i+7] != 'u' {
			return p.fail(i, faultLone)
		}
		if r = p.hex(i + 8); r < 0 {
			return -1
		}
		if r < 0xDC00 || r >= 0xE000 {
			return p.fail(i, faultLone)
		}
		return i + 12
	}
	return i + 6
}

// hex returns the value of the four hexadecimal digits at i, or -1 with the fault set.
func (p *parser) hex(i int) int {
	r := 0
	for k := i; k < i+4; k++ {
		if k >= len(p.b) {
			return p.wrong(k)
		}
		d := hexDigit(p.b[k])
		if d < 0 {
			return p.wrong(k)
		}
		r = r<<4 | d
	}
	return r
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// digits reads at least one.
func (p *parser) digits(i int) int {
	from := i
	for i < len(p.b) && p.b[i]-'0' <= 9 {
		i++
	}
	if i == from {
		return p.wrong(i)
	}
	return i
}

func (p *parser) number(i int) int {
	b := p.b
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++ // and no digit may follow: whatever comes next is refused by the caller
	} else if i = p.digits(i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = p.digits(i + 1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return p.digits(i)
	}
	return i
}

func (p *parser) literal(i int, w string) int {
	for k := range len(w) {
		if i+k >= len(p.b) || p.b[i+k] != w[k] {
			return p.wrong(i + k)
		}
	}
	return i + len(w)
}

// scalar reads a string, number, true, false or null.
func (p *parser) scalar(i int) int {
	if i >= len(p.b) {
		return p.wrong(i)
	}
	switch p.b[i] {
	case '"':
		return p.str(i + 1)
	case 't':
		return p.literal(i, "true")
	case 'f':
		return p.literal(i, "false")
	case 'n':
		return p.literal(i, "null")
	}
	return p.number(i)
}

// skip reads any value.
func (p *parser) skip(i int) int {
	if i >= len(p.b) || p.b[i] != '{' && p.b[i] != '[' {
		return p.scalar(i)
	}
	c := p.b[i]
	end := c + 2 // ASCII: '}' and ']'
	if p.depth++; p.depth > MaxDepth {
		return p.fail(i, faultDeep)
	}
	i = p.ws(i + 1)
	if i < len(p.b) && p.b[i] == end {
		p.depth--
		return i + 1
	}
	for {
		if c == '{' {
			if i = p.key(i); i < 0 {
				return -1
			}
		}
		if i = p.skip(i); i < 0 {
			return -1
		}
		i = p.ws(i)
		if i < len(p.b) && p.b[i] == end {
			p.depth--
			return i + 1
		}
		if i >= len(p.b) || p.b[i] != ',' {
			return p.wrong(i)
		}
		i = p.ws(i + 1)
	}
}

// key reads a key, its colon and the blanks after.
func (p *parser) key(i int) int {
	if i >= len(p.b) || p.b[i] != '"' {
		return p.wrong(i)
	}
	if i = p.str(i + 1); i < 0 {
		return -1
	}
	i = p.ws(i)
	if i >= len(p.b) || p.b[i] != ':' {
		return p.wrong(i)
	}
	return p.ws(i + 1)
}

// unescape appends the text of a valid JSON string's inside to dst.
func unescape(dst, v []byte) []byte {
	for {
		k := bytes.IndexByte(v, '\\')
		if k < 0 || k+1 >= len(v) {
			return append(dst, v...)
		}
		dst = append(dst, v[:k]...)
		c := v[k+1]
		v = v[k+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hexRune(v)
			v = v[min(4, len(v)):]
			if r >= 0xD800 && r < 0xDC00 && len(v) >= 6 && v[0] == '\\' && v[1] == 'u' {
				if low := hexRune(v[2:]); low >= 0xDC00 && low < 0xE000 {
					r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
					v = v[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

func hexRune(v []byte) rune {
	var r rune
	for k := 0; k < 4 && k < len(v); k++ {
		r = r<<4 | rune(hexDigit(v[k])&15)
	}
	return r
}

// reject turns the parser's fault into a Reject. path is where, dotted, if known.
func (p *parser) reject(path string) *Reject {
	r := &Reject{Code: ReasonJSON, Path: path}
	at := " at byte " + strconv.Itoa(p.at+1)
	switch p.why {
	case faultDeep:
		r.Code, r.Message = ReasonTooDeep, "nested deeper than "+strconv.Itoa(MaxDepth)+" levels"+at
	case faultNUL:
		r.Code, r.Message = ReasonNUL, `a NUL character (written as \u0000)`+at
	case faultLone:
		r.Code, r.Message = ReasonUTF8, "half of a surrogate pair, which UTF-8 cannot encode,"+at
	case faultEnd:
		r.Message = "not a complete JSON object: it ends" + at
	case faultNoValue:
		r.Message = "not a JSON object: the record is blank"
	default:
		c := p.b[p.at]
		switch {
		case c == 0:
			r.Code, r.Message = ReasonNUL, "a NUL character"+at
		case c < 0x20:
			r.Message = "not JSON: control character 0x" + strconv.FormatUint(uint64(c)|0x100, 16)[1:] + at
		default:
			r.Message = "not JSON: unexpected " + quoteStart(p.b[p.at:]) + at
		}
	}
	return r
}

// quoteStart quotes the first character of b.
func quoteStart(b []byte) string {
	c, _ := utf8.DecodeRune(b)
	return strconv.QuoteRune(c)
}
