package decode

import (
	"strconv"
	"sync"
)

// The rest of a record is a sequence of entries, one after the other, nothing between them. Together they are valid UTF-8
// without NUL, so that they can pass through a DuckDB VARCHAR. An entry is
//
//	key value EntryEnd
//
// where value is JSON text (a string with its quotes and escapes, a number, true, false, an array, {}; a null is left out
// when entries are read) without control characters between its tokens, and key is one of
//
//	two bytes from 0x23 to 0x7E   the number of a key of Keys
//	"..."                         (the inline form) the key as a JSON string, then a colon
//
// Keys of the inline form are what SQL can write: the constant InlinePrefix(key), to_json(v)::VARCHAR, and chr(2), with ||
// between them. `prefix || to_json(v)::VARCHAR || chr(2)` is NULL if v is.
const (
	// EntryEnd ends an entry. No JSON text holds it: inside strings it is written as an escape.
	EntryEnd = "\x02"

	entryEnd   = 0x02
	codeFirst  = 0x23                 // of the bytes a key's number is written with
	codeBase   = 0x7E - codeFirst + 1 // 92
	codeMax    = codeBase * codeBase  // 8464 numbers
	maxKeyName = 512                  // bytes; longer keys are always written inline
	hexDigits  = "0123456789abcdef"   // for escapes
)

// MaxKeys is how many keys a Keys numbers.
const MaxKeys = 8000

// Keys numbers the keys of the rest, for all scanners and expanders of a run. It is safe for concurrent use. It never
// forgets, so it is bounded: keys beyond MaxKeys, or longer than 512 bytes, are written inline in each entry.
type Keys struct {
	mu    sync.RWMutex
	ids   map[string]int
	names []string
	max   int
}

// NewKeys returns an empty dictionary. A rest can be read only with the Keys it was written with.
func NewKeys() *Keys {
	return &Keys{ids: make(map[string]int), max: MaxKeys}
}

// prefix returns what an entry of this key begins with, giving the key a number if there is room.
func (k *Keys) prefix(name string) string {
	if len(name) > maxKeyName {
		return InlinePrefix(name)
	}
	k.mu.Lock()
	id, ok := k.ids[name]
	if !ok && len(k.names) < k.max {
		id, ok = len(k.names), true
		k.ids[name] = id
		k.names = append(k.names, name)
	}
	k.mu.Unlock()
	if !ok {
		return InlinePrefix(name)
	}
	return string([]byte{byte(codeFirst + id/codeBase), byte(codeFirst + id%codeBase)})
}

// find returns the number of a key that has one.
func (k *Keys) find(name string) (int, bool) {
	k.mu.RLock()
	id, ok := k.ids[name]
	k.mu.RUnlock()
	return id, ok
}

// from returns the names numbered from id on.
func (k *Keys) from(id int) []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.names[id:len(k.names):len(k.names)]
}

// InlinePrefix is what an entry of the inline form begins with: the key as a JSON string, and a colon.
func InlinePrefix(key string) string { return string(appendPrefix(nil, key)) }

func appendPrefix(dst []byte, key string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, key)
	return append(dst, '"', ':')
}

// appendEscaped appends s as the inside of a JSON string, escaping only what must be. A NUL or broken UTF-8, which only a
// caller's own key could hold, becomes U+FFFD.
func appendEscaped(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == 0:
			dst = append(dst, "\uFFFD"...)
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		case r < 0x80:
			dst = append(dst, byte(r))
		default:
			dst = append(dst, string(r)...)
		}
	}
	return dst
}

// appendText appends v, valid UTF-8 without NUL, as a JSON string.
func appendText(dst, v []byte) []byte {
	dst = append(dst, '"')
	for {
		i := special(v, 0)
		dst = append(dst, v[:i]...)
		if i == len(v) {
			return append(dst, '"')
		}
		if c := v[i]; c < 0x20 {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
		v = v[i+1:]
	}
}

// blankControls replaces control characters by blanks. In JSON text they stand between tokens only.
func blankControls(v []byte) {
	for i, c := range v {
		if c < 0x20 {
			v[i] = ' '
		}
	}
}

func hasControls(v []byte) bool {
	for _, c := range v {
		if c < 0x20 {
			return true
		}
	}
	return false
}

// corruptRest is an error of reading entries: they were not made by a Scanner with the same Keys, or by SQL that does not keep to
// the inline form.
type corruptRest struct {
	what string
	at   int
}

func (e *corruptRest) Error() string {
	return "the unmapped values of a record cannot be read: " + e.what + " at byte " + strconv.Itoa(e.at+1) + " (a bug in the generated SQL, or unmapped values of another run)"
}
