package decode

import (
	"bytes"
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

const (
	maxLocalKeys  = 4096     // inline keys an Expander remembers between records
	maxOpenedSize = 64 << 20 // bytes of dotted keys that one object's opening may make
)

// Entry of a record's unmapped map.
type Entry struct {
	Key   string
	Value []byte // strings without quotes and escapes; numbers, booleans, arrays as they were written
}

// Expander turns rests into maps. It is used by one goroutine at a time.
//
// The entries of a record come in their order, those of `more` first, then those of the rest; each key once, at its first
// place. Several values of a key become a JSON array. Nulls are left out. An object (only SQL writes
// one; the scanner writes dotted keys) is opened into dotted keys, {} apart.
type Expander struct {
	keys  *Keys
	names []string         // names by number, as far as they are known here
	slots []int32          // by number: the key's slot
	local map[string]named // inline keys
	top   int32            // the next slot for an inline key
	seen  []mark           // by slot
	gen   uint64           // the number of this record, see mark
	ents  []ent
	vals  []val
	name  []byte // an unescaped inline key
	text  []byte // what Expand's values point into
	out   []Entry
	hint  int // bytes of keys in the last batch, for Map

	counted []int64 // by number: records of marks that forget has removed
	inline  int64   // keys of the inline form so far
	unnamed int64   // of them those that are a record's own: its Keys had no number for them
}

// named is an inline key and its slot.
type named struct {
	key  string
	slot int32
}

// mark records that a slot's key was met in record gen, as entry at, and in how many records it was met so far. Counting here costs
// nothing: the mark is written anyway.
type mark struct {
	gen     uint64
	at      int32
	records int32
}

type ent struct {
	key         string
	first, last int32 // its values
	slot        int32 // of the key
}

type val struct {
	json []byte
	next int32 // the same key's next value, or -1
}

// NewExpander reads rests written with these Keys.
func NewExpander(keys *Keys) *Expander {
	return &Expander{keys: keys, local: make(map[string]named), top: codeMax}
}

// Expand gives the entries of one record; more may be nil. Entries and values are valid until the next call. An error means
// that a rest or more is not what EntryEnd describes.
func (e *Expander) Expand(rest, more []byte) ([]Entry, error) {
	if err := e.read(more, rest); err != nil {
		return nil, err
	}
	e.out, e.text = e.out[:0], reuse(e.text)
	for i := range e.ents {
		from := len(e.text)
		e.text = e.appendValue(e.text, &e.ents[i])
		e.out = append(e.out, Entry{e.ents[i].key, e.text[from:len(e.text):len(e.text)]})
	}
	return e.out, nil
}

// read fills ents and vals.
func (e *Expander) read(more, rest []byte) error {
	e.gen++
	e.ents, e.vals = e.ents[:0], e.vals[:0]
	if len(e.local) > maxLocalKeys {
		e.forget()
	}
	if err := e.entries(more); err != nil {
		return err
	}
	inline := e.inline
	err := e.entries(rest)
	e.unnamed += e.inline - inline
	return err
}

// Counts calls fn for each key that a scanner gave a number, with the number of records that were expanded and have it. more says that
// records had other keys of their own, which nothing counts: there is a bound of names, and of the length of a name.
func (e *Expander) Counts(fn func(key string, records int64)) (more bool) {
	for id, name := range e.names {
		var n int64
		if id < len(e.counted) {
			n = e.counted[id]
		}
		if slot := int(e.slots[id]); slot < len(e.seen) {
			n += int64(e.seen[slot].records)
		}
		if n > 0 {
			fn(name, n)
		}
	}
	return e.unnamed > 0
}

// Uncount takes a record that was expanded out of what Counts gives.
func (e *Expander) Uncount(rest, more []byte) error {
	unnamed := e.unnamed
	if err := e.read(more, rest); err != nil {
		return err
	}
	e.unnamed = unnamed
	for i := range e.ents {
		e.seen[e.ents[i].slot].records -= 2 // it was counted once more just now
	}
	return nil
}

// forget gives up the slots of inline keys. Their numbers are free again, so keys with a number that had one of them get
// their own back.
func (e *Expander) forget() {
	e.counted = append(e.counted, make([]int64, len(e.names)-len(e.counted))...)
	for id, slot := range e.slots {
		if int(slot) < len(e.seen) {
			e.counted[id] += int64(e.seen[slot].records)
		}
	}
	e.local = make(map[string]named)
	e.top = codeMax
	for id := range e.slots {
		e.slots[id] = int32(id)
	}
	e.seen = nil
}

func (e *Expander) entries(b []byte) error {
	size := len(b)
	for len(b) > 0 {
		at := size - len(b)
		var slot int32
		var key string
		if b[0] == '"' {
			end := special(b, 1)
			for end+1 < len(b) && b[end] == '\\' {
				end = special(b, end+2)
			}
			if end+1 >= len(b) || b[end] != '"' || b[end+1] != ':' {
				return &corruptRest{"an inline key is not closed", at}
			}
			e.inline++
			slot, key = e.inlineKey(b[1:end])
			b = b[end+2:]
		} else {
			id := -1
			if len(b) > 1 {
				hi, lo := int(b[0])-codeFirst, int(b[1])-codeFirst
				if hi >= 0 && lo >= 0 && lo < codeBase {
					id = hi*codeBase + lo
				}
			}
			if id < 0 || id >= len(e.names) && !e.learn(id) {
				return &corruptRest{"a key has no number of this run", at}
			}
			slot, key = e.slots[id], e.names[id]
			b = b[2:]
		}
		end := bytes.IndexByte(b, entryEnd)
		if end <= 0 {
			return &corruptRest{"an entry has no value or no end", at}
		}
		e.add(slot, key, b[:end])
		b = b[end+1:]
	}
	return nil
}

// learn fetches the names up to number id; false if there is none.
func (e *Expander) learn(id int) bool {
	for _, name := range e.keys.from(len(e.names)) {
		slot := int32(len(e.names))
		if k, ok := e.local[name]; ok {
			slot = k.slot
		}
		e.names, e.slots = append(e.names, name), append(e.slots, slot)
	}
	return id < len(e.names)
}

// inlineKey finds the slot of an inline key, given as the inside of a JSON string.
func (e *Expander) inlineKey(raw []byte) (int32, string) {
	if bytes.IndexByte(raw, '\\') >= 0 {
		e.name = unescape(e.name[:0], raw)
		raw = e.name
	}
	return e.slotOf(raw)
}

// slotOf gives the slot of a key by its name: a new slot for a new key.
func (e *Expander) slotOf(name []byte) (int32, string) {
	k, ok := e.local[string(name)]
	if ok {
		return k.slot, k.key
	}
	k = named{string(name), e.top}
	if id, ok := e.keys.find(k.key); ok && (id < len(e.names) || e.learn(id)) {
		k.slot = e.slots[id]
	} else {
		e.top++
	}
	e.local[k.key] = k
	return k.slot, k.key
}

// entryOf returns the entry of a slot's key in this record.
func (e *Expander) entryOf(slot int32) (int32, bool) {
	if int(slot) < len(e.seen) && e.seen[slot].gen == e.gen {
		return e.seen[slot].at, true
	}
	return 0, false
}

// add adds a value to the entry of its key.
func (e *Expander) add(slot int32, key string, json []byte) {
	switch {
	case json[0] == 'n' && string(json) == "null":
		return
	case json[0] == '{' && len(json) > 2 && e.open(key, json):
		return
	}
	v := int32(len(e.vals))
	e.vals = append(e.vals, val{json, -1})
	if at, ok := e.entryOf(slot); ok {
		n := &e.ents[at]
		e.vals[n.last].next = v
		n.last = v
		return
	}
	for int(slot) >= len(e.seen) {
		e.seen = append(e.seen, mark{})
	}
	m := &e.seen[slot]
	m.gen, m.at = e.gen, int32(len(e.ents))
	m.records++
	e.ents = append(e.ents, ent{key, v, v, slot})
}

// open adds the values inside an object under dotted keys. It is false, and nothing is added, if json is not a JSON object
// (it is then kept as it is) or its dotted keys are too long together.
func (e *Expander) open(key string, json []byte) bool {
	p := parser{b: json}
	if p.skip(0) != len(json) {
		return false
	}
	room := maxOpenedSize
	if e.walk(&p, 0, len(key), nil, &room); room < 0 {
		return false
	}
	e.walk(&p, 0, 0, []byte(key), nil)
	return true
}

// walk goes through the valid object at i and returns the index after it. With room it only counts the bytes that its keys
// would come to, below one of length bytes; otherwise it adds its values under key.
func (e *Expander) walk(p *parser, i, length int, key []byte, room *int) int {
	b := p.b
	i = p.ws(i + 1)
	if b[i] == '}' {
		if room == nil {
			e.addNamed(key, []byte("{}"))
		}
		return i + 1
	}
	for {
		from := i + 1
		end := p.str(from) - 1
		inner := length + 1 + end - from
		below := append(key[:len(key):len(key)], '.')
		if room == nil {
			below = unescape(below, b[from:end])
		} else {
			*room -= inner
		}
		i = p.ws(p.ws(end+1) + 1)
		if b[i] == '{' {
			i = e.walk(p, i, inner, below, room)
		} else {
			from = i
			i = p.skip(i)
			if room == nil {
				e.addNamed(below, b[from:i])
			}
		}
		i = p.ws(i)
		if b[i] == '}' {
			return i + 1
		}
		i = p.ws(i + 1)
	}
}

func (e *Expander) addNamed(key, json []byte) {
	slot, name := e.slotOf(key)
	if json[0] == '{' {
		json = []byte("{}")
	}
	e.add(slot, name, json)
}

// maxValueBytes is the most bytes that appendValue appends.
func (e *Expander) maxValueBytes(n *ent) int {
	k := 2
	for at := n.first; at >= 0; at = e.vals[at].next {
		k += len(e.vals[at].json) + 1
	}
	return k
}

// appendValue appends an entry's value as text.
func (e *Expander) appendValue(dst []byte, n *ent) []byte {
	if n.first == n.last {
		v := e.vals[n.first].json
		if v[0] != '"' || len(v) < 2 {
			return append(dst, v...)
		}
		return unescape(dst, v[1:len(v)-1])
	}
	dst = append(dst, '[')
	for at := n.first; at >= 0; at = e.vals[at].next {
		if at != n.first {
			dst = append(dst, ',')
		}
		dst = append(dst, e.vals[at].json...)
	}
	return append(dst, ']')
}
