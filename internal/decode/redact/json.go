package redact

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// JSON appends what is left of a valid JSON value to dst: the texts of rules are strings, and discarded members and elements are left
// out. keep is false if nothing is left.
func (r *Redactor) JSON(dst []byte, t *Tree, v []byte) (out []byte, keep bool) {
	if t == nil {
		return append(dst, v...), true
	}
	c := cursor{b: v}
	c.blanks()
	return r.value(dst, t, &c)
}

// cursor reads valid JSON.
type cursor struct {
	b []byte
	i int
}

func (c *cursor) blanks() {
	for c.i < len(c.b) && c.b[c.i] <= ' ' {
		c.i++
	}
}

// scalar passes a string, number, true, false or null.
func (c *cursor) scalar() []byte {
	from := c.i
	if c.b[c.i] == '"' {
		for c.i++; c.i < len(c.b) && c.b[c.i] != '"'; c.i++ {
			if c.b[c.i] == '\\' {
				c.i++
			}
		}
		c.i = min(c.i+1, len(c.b))
		return c.b[from:c.i]
	}
	for c.i < len(c.b) && c.b[c.i] > ' ' && c.b[c.i] != ',' && c.b[c.i] != '}' && c.b[c.i] != ']' {
		c.i++
	}
	return c.b[from:c.i]
}

// value reads the value at the cursor.
func (r *Redactor) value(dst []byte, t *Tree, c *cursor) (out []byte, keep bool) {
	if c.i >= len(c.b) {
		return dst, false
	}
	if first := c.b[c.i]; first == '{' || first == '[' {
		return r.inside(dst, t, c)
	}
	v := c.scalar()
	switch {
	case t == nil || v[0] == 'n':
		return append(dst, v...), true
	case v[0] != '"':
		if t.how == "" {
			return append(dst, v...), true
		}
	}
	text := unquote(v)
	left, keep := r.Text(nil, t, text)
	switch {
	case !keep:
		return dst, false
	case bytes.Equal(left, text):
		return append(dst, v...), true
	}
	return appendQuoted(dst, left), true
}

// inside reads the object or list at the cursor.
func (r *Redactor) inside(dst []byte, t *Tree, c *cursor) (out []byte, keep bool) {
	first := c.b[c.i]
	before := len(dst)
	dst = append(dst, first)
	c.i++
	for n := 0; ; {
		c.blanks()
		if c.i >= len(c.b) {
			return dst[:before], false
		}
		switch c.b[c.i] {
		case ',':
			c.i++
			continue
		case '}', ']':
			dst = append(dst, c.b[c.i])
			c.i++
			if t != nil && t.how == Discard {
				r.Note(t)
				return dst[:before], false
			}
			return dst, true
		}
		from := len(dst)
		if n > 0 {
			dst = append(dst, ',')
		}
		below := t
		if first == '{' {
			key := c.scalar()
			c.blanks()
			c.i++ // the colon
			c.blanks()
			dst = append(append(dst, key...), ':')
			below = t.Kid(string(unquote(key)))
		}
		var ok bool
		if dst, ok = r.value(dst, below, c); ok {
			n++
		} else {
			dst = dst[:from]
		}
	}
}

// inText looks for the fields of rules in a text that is JSON. A text that begins as JSON and is not is left out, since nothing can be
// found in it.
func (r *Redactor) inText(dst []byte, t *Tree, v []byte) (out []byte, keep bool) {
	inner := bytes.TrimSpace(v)
	if len(inner) == 0 || inner[0] != '{' && inner[0] != '[' {
		return append(dst, v...), true
	}
	if !json.Valid(inner) {
		return dst, false
	}
	return r.JSON(dst, t, inner)
}

// unquote is the text of a scalar.
func unquote(v []byte) []byte {
	if v[0] != '"' {
		return v
	}
	inside := v[1 : len(v)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return inside
	}
	return []byte(s)
}

// appendQuoted appends a text as a JSON string.
func appendQuoted(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return append(dst, '"')
}
