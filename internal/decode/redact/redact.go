// Package redact removes or replaces values of a record before anything else sees them: `-- discard:` and `-- redact:` lines of a
// mapping. It knows which values, and what is left of them. It never decides which fields hold secrets, and never keeps a value or a key.
//
// Names of fields are compared without regard to case. A rule holds for everything below its field, and for all elements of lists on the
// way to it.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"unicode/utf8"
)

// How says what is left of a value.
type How string

// The ways. They are part of the language of mappings.
const (
	Discard How = "discard" // nothing
	Hash    How = "hash"    // the HMAC-SHA-256 of its text, as 64 hexadecimal digits
	Mask    How = "mask"    // three asterisks
	Last4   How = "last4"   // three asterisks and the last four characters; only the asterisks if it has fewer than eight
)

// Ways are what a redact line can ask for.
func Ways() []string { return []string{string(Hash), string(Mask), string(Last4)} }

// masked is what a mask shows, and shortest how many characters a value must have for Last4 to show the last of them.
const (
	masked   = "***"
	shortest = 8
)

// Rule says what is left of the values of a field. Also are other paths that its value may be at.
type Rule struct {
	Path []string
	Also [][]string
	How  How
}

// Hashes says whether rules need a key.
func Hashes(rules []Rule) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.How == Hash })
}

// Tree has the rules by the keys of records. A nil Tree has none.
type Tree struct {
	how  How // "": only below
	rule int
	kids map[string]*Tree
}

// NewTree makes a tree of rules. It is nil without any. If a rule holds for a field and another one for a field below it, the upper one
// decides; of two for the same field, discard and then the first one.
func NewTree(rules []Rule) *Tree {
	if len(rules) == 0 {
		return nil
	}
	root := &Tree{}
	for i, r := range rules {
		for _, path := range append([][]string{r.Path}, r.Also...) {
			t := root
			for _, key := range path {
				low := strings.ToLower(key)
				if t.kids[low] == nil {
					if t.kids == nil {
						t.kids = map[string]*Tree{}
					}
					t.kids[low] = &Tree{}
				}
				t = t.kids[low]
			}
			if t.how == "" || r.How == Discard {
				t.how, t.rule = r.How, i
			}
		}
	}
	return root
}

// Kid is what holds for a key below, or nil.
func (t *Tree) Kid(key string) *Tree {
	if t == nil || t.how != "" {
		return t
	}
	return t.kids[strings.ToLower(key)]
}

// Discards says whether nothing is left of the value.
func (t *Tree) Discards() bool { return t.how == Discard }

// Discarded says whether nothing is left of the value at a path. A nil Tree discards nothing.
func (t *Tree) Discarded(path []string) bool {
	for _, key := range path {
		t = t.Kid(key)
	}
	return t != nil && t.Discards()
}

// Whole says whether a rule holds for the value itself, not only for some of the fields in it.
func (t *Tree) Whole() bool { return t.how != "" }

// Redactor replaces the values of records. It is used by one goroutine at a time.
type Redactor struct {
	root *Tree
	mac  hash.Hash
	sum  []byte
	met  []bool // by rule, in this record
	hits []int
}

// New prepares for rules. It is nil without any.
func New(rules []Rule) *Redactor {
	t := NewTree(rules)
	if t == nil {
		return nil
	}
	return &Redactor{root: t, met: make([]bool, len(rules))}
}

// SetKey sets the key of hashes. Without one, values to hash are masked, so that a forgotten key never shows a value.
func (r *Redactor) SetKey(key []byte) {
	if r != nil && len(key) > 0 {
		r.mac = hmac.New(sha256.New, key)
	}
}

// Root is the tree of the rules. A nil Redactor has none.
func (r *Redactor) Root() *Tree {
	if r == nil {
		return nil
	}
	return r.root
}

// Begin begins a record.
func (r *Redactor) Begin() {
	for _, i := range r.hits {
		r.met[i] = false
	}
	r.hits = r.hits[:0]
}

// Hits are the numbers of the rules that met a value in the record. They are valid until Begin.
func (r *Redactor) Hits() []int {
	if r == nil {
		return nil
	}
	return r.hits
}

// Note counts a value that a rule met.
func (r *Redactor) Note(t *Tree) {
	if !r.met[t.rule] {
		r.met[t.rule] = true
		r.hits = append(r.hits, t.rule)
	}
}

// Text appends what is left of a text to dst. keep is false if nothing is left.
func (r *Redactor) Text(dst []byte, t *Tree, v []byte) (out []byte, keep bool) {
	if t.how == "" {
		return r.inText(dst, t, v)
	}
	if len(v) == 0 && t.how != Discard {
		return dst, true
	}
	r.Note(t)
	switch {
	case t.how == Discard:
		return dst, false
	case t.how == Hash && r.mac != nil:
		r.mac.Reset()
		r.mac.Write(v)
		r.sum = r.mac.Sum(r.sum[:0])
		return hex.AppendEncode(dst, r.sum), true
	}
	dst = append(dst, masked...)
	if t.how == Last4 && utf8.RuneCount(v) >= shortest {
		at := len(v)
		for range 4 {
			_, n := utf8.DecodeLastRune(v[:at])
			at -= n
		}
		dst = append(dst, v[at:]...)
	}
	return dst, true
}
