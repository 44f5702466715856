package decode

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/decode/redact"
)

const (
	maxNodes     = 4096    // keys a scanner remembers; more (keys made from data) take a slower way
	fewKids      = 12      // children found by comparing, more by a map
	keepBuffer   = 4 << 20 // bytes; a buffer that a long record made larger is given up
	maxRestBytes = 64 << 20
)

// Scanner reads records against a Spec. Its knowledge of the keys met grows with the records, and stays bounded. A Scanner
// is used by one goroutine at a time; several share their Keys.
//
// Of a key that occurs twice in one object the first counts for the leaves, even if it is null; the later value goes to
// the rest, under its path. A leaf may be below another: if a JSON leaf takes an object, the leaves inside it are set
// too, and unless it has Keep nothing of the object is in the rest. Where any other leaf meets an object or array, it does
// not fit: an object goes to the rest as its own dotted keys, an array as JSON text; the leaves inside an array are not set.
type Scanner struct {
	parser
	keys      *Keys
	leaves    []leaf
	root      *node
	nodes     int
	spare     []*node // by depth: nodes for keys beyond maxNodes
	gen       uint64  // the number of this record, see node.gen
	values    []Value
	misfits   []int
	rest      []byte
	text      []byte // unescaped strings and cleaned JSON that values alias
	name      []byte // an unescaped key
	within    *node  // innermost key at a fault
	null      nullTexts
	alsoFirst *node          // the first key of the object that also scanned last
	fields    []fields.Field // of texts that are being parsed, a stack
	budget    int            // bytes the rest may have
	redactor  *redact.Redactor
}

type leaf struct {
	kind Kind
	keep bool
	list bool // declared as a list
	time *TimeFormat
	next int // another leaf of the same path, or -1
}

// node is a key in its place: those of the spec at first, then every key met.
type node struct {
	parent *node
	key    string
	raw    string // `"key":`, to be recognised without reading it; "" if it is never written so
	name   string // the leaf's own name for it, or ""
	length int    // bytes of the dotted path
	prefix string // of its entries; "" until there is one
	known  bool   // part of the tree, not a spare
	below  bool   // a leaf is below
	leaf   int    // or -1
	parser *textParser
	null   []string     // texts that are null here, and not everywhere
	hides  *redact.Tree // what must not be seen of its value; nil: all may be
	gen    uint64       // the last record it was met in
	also   *node        // the node whose leaf this one's path is another name of, or nil
	kids   []*node
	index  map[string]*node // kids by key, if many
	first  *node            // the key that came first inside when last met
	next   *node            // the key that came after this one when last met
}

// textParser parses the text of a key.
type textParser struct {
	parse  parseText
	json   bool // a text that is JSON is read as JSON
	xml    bool // an event in XML is read as such
	misfit int
	list   bool   // it parses arrays
	unless []byte // the key of records in which texts are left as they are, in quotes
}

// NewScanner prepares to read what the spec asks for. Two leaves of the same path are each set.
func NewScanner(spec *Spec, keys *Keys) *Scanner {
	hide := redact.New(spec.Redact)
	s := &Scanner{keys: keys, redactor: hide, root: &node{leaf: -1, known: true, hides: hide.Root()}, null: nullTexts{texts: spec.Format.Null, longest: -1}, values: make([]Value, len(spec.Leaves))}
	s.null.note(spec.Format.Null)
	for i, l := range spec.Leaves {
		n := s.path(l.Path)
		for up := n.parent; up != nil; up = up.parent {
			up.below = true
		}
		s.leaves = append(s.leaves, leaf{kind: l.Kind, keep: l.Keep, list: l.List, time: l.Time, next: -1})
		if n.name == "" {
			n.name = l.Name
		}
		if n.leaf < 0 {
			n.leaf = i
			continue
		}
		at := n.leaf
		for s.leaves[at].next >= 0 {
			at = s.leaves[at].next
		}
		s.leaves[at].next = i
	}
	for _, n := range spec.Nulls {
		s.path(n.Path).null = n.Texts
		s.null.note(n.Texts)
	}
	for _, l := range spec.Leaves {
		for _, path := range l.Also {
			n, k := s.path(l.Path), s.path(path)
			k.leaf, k.also, k.null, k.name = n.leaf, n, n.null, n.name
		}
	}
	for i, p := range spec.Parsers {
		t := &textParser{parse: p.Name.lookup(), json: p.Name == ParseJSON || p.Name == ParseAuto, xml: p.Name == ParseWindowsXML || p.Name == ParseAuto, misfit: len(spec.Leaves) + i}
		if p.By != nil {
			by := s.path(p.By)
			t.list = true
			t.parse = func(s *Scanner, v []byte) (fault string) {
				var names []string
				if by.leaf >= 0 && s.values[by.leaf].Set {
					names = fields.WindowsValues(s.values[by.leaf].Int)
				}
				s.fields, s.text, fault = listFields(s.fields, s.text, v, names)
				return fault
			}
		}
		if p.Unless != "" {
			t.unless = appendText(nil, []byte(p.Unless))
		}
		s.path(p.Path).parser = t
	}
	s.nodes = 0 // the spec's own are not counted
	return s
}

// path is the node of a path from the root, made where there is none.
func (s *Scanner) path(keys []string) *node {
	n := s.root
	for _, key := range keys {
		k := n.find([]byte(key))
		if k == nil {
			k = s.learn(n, key)
		}
		n = k
	}
	return n
}

// met notes that the record has the key, and tells whether it had it before.
func (s *Scanner) met(k *node) (again bool) {
	again = k.gen == s.gen
	k.gen = s.gen
	if k.also != nil {
		again = again || k.also.gen == s.gen
		k.also.gen = s.gen
	}
	return again
}

// Values are the leaves of the record scanned last, in the order of Spec.Leaves. They are valid until the next Scan, and
// only if it gave no Reject.
func (s *Scanner) Values() []Value { return s.values }

// Rest is what else the record holds, in the form that EntryEnd describes, in the record's order. Valid as Values are.
func (s *Scanner) Rest() []byte { return s.rest }

// Misfits are the numbers of the leaves whose value did not fit their Kind, in the record's order. Valid as Values are.
func (s *Scanner) Misfits() []int { return s.misfits }

// Scan reads the first JSON value of b, which must be an object, and the blanks around it: n is how many bytes that was, so
// that n < len(b) means more follows. With a Reject, n is how far what is rejected goes: to the end of the object where only
// its content is at fault, and all of b if it is not JSON, because its end is unknown.
func (s *Scanner) Scan(b []byte) (n int, rej *Reject) {
	return s.scan(b, utf8.Valid(b))
}

// scan is Scan; valid says that all of b is valid UTF-8.
func (s *Scanner) scan(b []byte, valid bool) (n int, rej *Reject) {
	s.reset(b)
	i := s.ws(0)
	if i >= len(b) {
		s.fail(0, faultNoValue)
		return len(b), s.reject("")
	}
	if !valid {
		end := len(b)
		if b[i] == '{' {
			end = i + valueLen(b[i:])
		}
		if !utf8.Valid(b[:end]) {
			return s.ws(end), notUTF8(b[:end])
		}
	}
	if b[i] != '{' {
		return len(b), notObject(b, i)
	}
	if i = s.nested(i, s.root, false, false); i < 0 {
		return s.broken()
	}
	if rej := s.overBudget(); rej != nil {
		return s.ws(i), rej
	}
	if i < len(b) {
		i = s.ws(i)
	}
	return i, nil
}

func (s *Scanner) overBudget() *Reject {
	if len(s.rest) <= s.budget {
		return nil
	}
	return &Reject{Code: ReasonTooLong, Message: "the dotted names of its keys take more than " + strconv.Itoa(maxRestBytes>>20) + " MiB"}
}

func (s *Scanner) reset(b []byte) {
	s.gen++
	s.b, s.depth, s.within = b, 0, nil
	s.budget = len(b) + maxRestBytes
	clear(s.values)
	if s.redactor != nil {
		s.redactor.Begin()
	}
	s.misfits, s.fields = s.misfits[:0], s.fields[:0]
	s.rest, s.text = reuse(s.rest), reuse(s.text)
}

func reuse(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}

// broken is the outcome after a fault.
func (s *Scanner) broken() (int, *Reject) {
	path := ""
	if s.within != nil {
		path = string(s.within.path(nil, true))
	}
	rej := s.reject(cut(path))
	if rej.Code == ReasonJSON {
		return len(s.b), rej
	}
	from := s.ws(0)
	return s.ws(from + valueLen(s.b[from:])), rej
}

// cut keeps a path short enough for a message.
func cut(path string) string {
	if len(path) <= 200 {
		return path
	}
	k := 200
	for k > 0 && !utf8.RuneStart(path[k]) {
		k--
	}
	return path[:k] + "..."
}

func notUTF8(b []byte) *Reject {
	i := 0
	for i < len(b) {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return &Reject{Code: ReasonUTF8, Message: "not UTF-8: byte 0x" + strconv.FormatUint(uint64(b[i]), 16) + " at byte " + strconv.Itoa(i+1)}
}

// notObject describes what is at i instead of an object.
func notObject(b []byte, i int) *Reject {
	rej := &Reject{Code: ReasonJSON}
	end := i
	for end < len(b) && end < i+20 {
		_, n := utf8.DecodeRune(b[end:])
		end += n
	}
	if k := bytes.IndexByte(b[i:end], 0); k >= 0 {
		rej.Code = ReasonNUL
	}
	rej.Message = "not a JSON object: it begins with " + strconv.QuoteToGraphic(string(b[i:end])) + " at byte " + strconv.Itoa(i+1)
	return rej
}

// also scans an object, valid JSON, as if its members came after those of the record scanned last.
func (s *Scanner) also(b []byte) {
	outer, first := s.parser, s.root.first
	s.parser, s.root.first = parser{b: b}, s.alsoFirst
	s.object(s.ws(0)+1, s.root, false, false)
	s.alsoFirst = s.root.first
	s.parser, s.root.first = outer, first
}

// object reads the members after a brace. dead: no leaf inside may be set (a key's second value). mute: nothing inside goes
// to the rest (a JSON leaf took all of it).
func (s *Scanner) object(i int, n *node, dead, mute bool) int {
	if s.depth++; s.depth > MaxDepth {
		return s.fail(i-1, faultDeep)
	}
	b := s.b
	i = s.ws(i)
	if i < len(b) && b[i] == '}' {
		s.depth--
		if !mute && n != s.root {
			s.emit(n, b[i:i], "{}")
		}
		return i + 1
	}
	var prev *node
	guess := n.first
	for {
		var k *node
		if guess != nil && len(b)-i > len(guess.raw) && string(b[i:i+len(guess.raw)]) == guess.raw {
			k = guess
			i += len(k.raw)
		} else {
			if k, i = s.member(i, n); i < 0 {
				return -1
			}
		}
		guess = k.next
		if k.known {
			if prev == nil {
				n.first = k
			} else if prev.next != k {
				prev.next = k
			}
			prev = k
		}
		if i < len(b) && b[i] <= ' ' {
			i = s.ws(i)
		}
		again := s.met(k) || dead
		if i = s.value(i, k, again, mute); i < 0 {
			if s.within == nil {
				s.within = k
			}
			return -1
		}
		if i < len(b) && b[i] <= ' ' {
			i = s.ws(i)
		}
		if i >= len(b) {
			return s.wrong(i)
		}
		if b[i] == '}' {
			s.depth--
			return i + 1
		}
		if b[i] != ',' {
			return s.wrong(i)
		}
		i++
		if i < len(b) && b[i] <= ' ' {
			i = s.ws(i)
		}
	}
}

// member reads a key that was not foreseen, and its colon.
func (s *Scanner) member(i int, n *node) (*node, int) {
	b := s.b
	if i >= len(b) || b[i] != '"' {
		return nil, s.wrong(i)
	}
	j := s.str(i + 1)
	if j < 0 {
		return nil, -1
	}
	key := b[i+1 : j-1]
	if s.esc {
		s.name = unescape(s.name[:0], key)
		key = s.name
	}
	if j = s.ws(j); j >= len(b) || b[j] != ':' {
		return nil, s.wrong(j)
	}
	return s.child(n, key), j + 1
}

// value reads the value of key k.
func (s *Scanner) value(i int, k *node, dead, mute bool) int {
	b := s.b
	if i >= len(b) {
		return s.wrong(i)
	}
	var end int
	esc := false
	switch b[i] {
	case '{':
		return s.nested(i, k, dead, mute)
	case '"':
		end = s.str(i + 1)
		esc = s.esc
		if s.null.longest >= 0 && end >= 0 && (end-i-2 <= s.null.longest || esc && end-i-2 <= 6*s.null.longest) && s.null.has(k, s.unquoted(b[i+1:end-1], esc)) {
			return end
		}
		if k.parser != nil && end >= 0 && !dead && !k.hidden() && s.parsed(k, s.unquoted(b[i+1:end-1], esc), mute) {
			return end
		}
	case '[':
		if end = s.skip(i); k.parser != nil && k.parser.list && end >= 0 && !dead && !k.hidden() && s.parsed(k, b[i:end], mute) {
			return end
		}
	case 'n':
		return s.literal(i, "null")
	default:
		end = s.scalar(i)
	}
	if end < 0 {
		return -1
	}
	v := b[i:end]
	if k.hides != nil {
		if v, esc = k.shown(s.redactor, &s.text, v, esc); v == nil {
			return end
		}
	}
	if (k.leaf < 0 || dead || s.take(k, v, esc)) && !mute {
		s.emit(k, v, "")
	}
	return end
}

// nested reads an object that is the value of key k.
func (s *Scanner) nested(i int, k *node, dead, mute bool) int {
	if k.hides != nil && k.hides.Discards() {
		s.redactor.Note(k.hides)
		return s.skip(i)
	}
	if dead || k.leaf < 0 {
		if mute && (dead || !k.below) {
			return s.skip(i)
		}
		return s.object(i+1, k, dead, mute)
	}
	toRest := false
	for l := k.leaf; l >= 0; l = s.leaves[l].next {
		if s.leaves[l].kind != JSON {
			s.misfits = append(s.misfits, l)
			toRest = true
		} else if s.leaves[l].keep {
			toRest = true
		}
	}
	mute = mute || !toRest
	var end int
	if mute && !k.below {
		end = s.skip(i)
	} else {
		end = s.object(i+1, k, false, mute)
	}
	if end < 0 {
		return -1
	}
	for l := k.leaf; l >= 0; l = s.leaves[l].next {
		if s.leaves[l].kind == JSON {
			v := s.b[i:end]
			if k.hides != nil {
				v, _ = s.redactor.JSON(nil, k.hides, v)
			}
			s.values[l] = Value{Set: true, Text: s.cleaned(v)}
		}
	}
	return end
}

// cleaned is v without control characters between its tokens.
func (s *Scanner) cleaned(v []byte) []byte {
	if !hasControls(v) {
		return v
	}
	from := len(s.text)
	s.text = append(s.text, v...)
	blankControls(s.text[from:])
	return s.text[from:]
}

// emit adds an entry to the rest: v, or text where v is empty. A record whose rest passes its budget is refused in the end,
// so nothing is added any more.
func (s *Scanner) emit(k *node, v []byte, text string) {
	if len(s.rest) > s.budget {
		return
	}
	s.key(k)
	from := len(s.rest)
	s.rest = append(append(s.rest, v...), text...)
	if len(v) > 0 && v[0] == '[' {
		blankControls(s.rest[from:])
	}
	s.rest = append(s.rest, entryEnd)
}

// key begins an entry of k.
func (s *Scanner) key(k *node) {
	if k.prefix == "" {
		s.prefix(k)
	}
	if k.prefix != "" {
		s.rest = append(s.rest, k.prefix...)
	}
}

// prefix finds what the entries of k begin with. A spare's is not kept: it goes into the rest at once.
func (s *Scanner) prefix(k *node) {
	s.name = k.path(s.name[:0], false)
	if k.known {
		k.prefix = s.keys.prefix(string(s.name))
	} else {
		s.rest = appendPrefix(s.rest, string(s.name))
	}
}

// path appends the key's dotted path: as it is in the record (raw), or as a leaf's Name has it in the rest.
func (k *node) path(dst []byte, raw bool) []byte {
	if k.name != "" && !raw {
		return append(dst, k.name...)
	}
	if k.parent.parent != nil {
		dst = append(k.parent.path(dst, raw), '.')
	}
	return append(dst, k.key...)
}

func (k *node) find(key []byte) *node {
	if k.index != nil {
		return k.index[string(key)]
	}
	for _, c := range k.kids {
		if c.key == string(key) {
			return c
		}
	}
	return nil
}

// child is the node of a key inside n: one of the tree, or a spare if the tree is full.
func (s *Scanner) child(n *node, key []byte) *node {
	if k := n.find(key); k != nil {
		return k
	}
	if n.known && s.nodes < maxNodes && n.length+len(key) < maxKeyName {
		return s.learn(n, string(key))
	}
	for len(s.spare) < s.depth {
		s.spare = append(s.spare, &node{leaf: -1})
	}
	k := s.spare[s.depth-1]
	k.parent, k.key = n, string(key)
	k.hides = n.hides.Kid(k.key)
	return k
}

// learn adds a key to the tree.
func (s *Scanner) learn(n *node, key string) *node {
	k := &node{parent: n, key: key, length: n.length + len(key) + 1, known: true, leaf: -1, hides: n.hides.Kid(key)}
	if special([]byte(key), 0) == len(key) {
		k.raw = `"` + key + `":`
	} else {
		k.raw = "\x00" // stands in no JSON text
	}
	n.kids = append(n.kids, k)
	if n.index != nil {
		n.index[key] = k
	} else if len(n.kids) > fewKids {
		n.index = make(map[string]*node)
		for _, c := range n.kids {
			n.index[c.key] = c
		}
	}
	s.nodes++
	return k
}
