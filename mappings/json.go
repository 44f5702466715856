package mappings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/textfile"
)

// value is a JSON value with its place in the text. Objects keep the order their author gave them: it becomes the order of
// columns.
type value struct {
	at     int // byte offset
	object bool
	fields []member
	array  bool
	items  []*value
	scalar any // string, json.Number, bool, nil
}

type member struct {
	key   string
	at    int
	value *value
}

func (v *value) get(key string) *value {
	if v == nil {
		return nil
	}
	for _, f := range v.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// text gives a string, "" for anything else.
func (v *value) text() string {
	if v == nil {
		return ""
	}
	s, _ := v.scalar.(string)
	return s
}

// parseJSON reads one value; an error of the syntax is a diagnostic with its place.
func parseJSON(f diag.File) (*value, *diag.Diagnostic) {
	d := json.NewDecoder(bytes.NewReader([]byte(f.Text)))
	d.UseNumber()
	p := &jsonParser{d: d, text: f.Text}
	v, err := p.value()
	if err == nil {
		if _, e := d.Token(); e != io.EOF {
			err = &jsonError{"unexpected text after the closing brace of the mapping", p.next()}
		}
	}
	if err == nil {
		return v, nil
	}
	at := int(d.InputOffset())
	var syntax *json.SyntaxError
	var own *jsonError
	message := err.Error()
	switch {
	case errors.As(err, &syntax):
		// The decoder counts up to the wrong character, or with it.
		if at = int(syntax.Offset); at > 0 && (at >= len(f.Text) || !strings.Contains(message, strconv.QuoteRune(rune(f.Text[at])))) && !strings.Contains(message, `'"'`) {
			at--
		}
	case errors.As(err, &own):
		at = own.at
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		at, message = len(f.Text), "unexpected end of the file"
	}
	out := &diag.Diagnostic{File: f.Path, Code: diag.JSON, Message: "not JSON: " + message}
	out.Line, out.Column = diag.Position(f.Text, at)
	return nil, out
}

type jsonError struct {
	message string
	at      int
}

func (e *jsonError) Error() string { return e.message }

type jsonParser struct {
	d     *json.Decoder
	text  string
	depth int
}

// next is the offset of the next token: behind blanks and separators.
func (p *jsonParser) next() int {
	at := int(p.d.InputOffset())
	for at < len(p.text) {
		switch p.text[at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			at++
			continue
		}
		break
	}
	return at
}

func (p *jsonParser) value() (*value, error) {
	v := &value{at: p.next()}
	if p.depth++; p.depth > textfile.MaxDepth {
		return nil, &jsonError{fmt.Sprintf("nested deeper than %d levels", textfile.MaxDepth), v.at}
	}
	defer func() { p.depth-- }()
	t, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		v.object = true
		seen := map[string]bool{}
		for p.d.More() {
			at := p.next()
			k, err := p.d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := k.(string)
			if seen[key] {
				return nil, &jsonError{fmt.Sprintf("the key %q appears twice", key), at}
			}
			seen[key] = true
			c, err := p.value()
			if err != nil {
				return nil, err
			}
			v.fields = append(v.fields, member{key, at, c})
		}
		_, err = p.d.Token()
	case json.Delim('['):
		v.array = true
		for p.d.More() {
			c, err := p.value()
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, c)
		}
		_, err = p.d.Token()
	default:
		v.scalar = t
	}
	return v, err
}
