package infer

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
)

const (
	envelopeBytes = 1 << 20 // of a document, unpacked, that are looked at
	envelopeKeys  = 4       // an envelope says little besides its records
)

// envelope is the key of the array whose elements are the records, "" where documents are records. It is sure only where the
// array is all that the first document has, or is called what it is. The document may be cut off: what is seen of it counts.
func envelope(head []byte) string {
	dec := json.NewDecoder(bytes.NewReader(decode.Head(head, envelopeBytes)))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	found, keys := "", 0
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			break
		}
		key, _ := t.(string)
		if keys++; keys > envelopeKeys {
			return ""
		}
		if t, err = dec.Token(); err != nil {
			break
		}
		if t == json.Delim('[') && dec.More() {
			whole, objects := elements(dec)
			if !objects || found != "" {
				return ""
			}
			if found = key; !whole {
				break
			}
		}
		if t == json.Delim('[') || t == json.Delim('{') {
			if !leave(dec) {
				break
			}
		}
	}
	if keys > 1 && !slices.Contains([]string{"records", "events", "logevents"}, strings.ToLower(found)) {
		return ""
	}
	return found
}

// elements reads those of an array: whether it was read to its end, and whether they are objects, one at least.
func elements(dec *json.Decoder) (whole, objects bool) {
	for dec.More() {
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return false, objects
		}
		if v[0] != '{' {
			return true, false
		}
		objects = true
	}
	return true, objects
}

// leave reads to the end of the array or object it is in.
func leave(dec *json.Decoder) bool {
	for depth := 1; depth > 0; {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return true
}
