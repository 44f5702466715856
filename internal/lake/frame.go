package lake

import (
	"fmt"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// field is a Node made ready for writing.
type field struct {
	node *Node
	path string // dotted
	id   int    // index into frame.masks
	kids []*field
	anc  []*field // the groups around it, outermost first
	// fixed: presence does not depend on the data, only on the groups around.
	fixed bool
	// hidden: a group around it has a Present column, which can hide values.
	hidden bool
	konst  any // see constant
	lookup *lookup
}

// plan is a Schema made ready for writing.
type plan struct {
	schema *Schema
	roots  []*field
	leaves []*field // fields that are no groups, in the order of the file
	count  int
	time   *field // the column `time`, if there is one that has values
}

func newPlan(s *Schema) (*plan, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	p := &plan{schema: s}
	p.roots = p.add(s.Columns, nil, "", false)
	for _, f := range p.roots {
		if f.node.Name == "time" && f.node.Kind == Int64 && f.node.Column >= 0 {
			p.time = f
		}
	}
	return p, nil
}

func (p *plan) add(ns []*Node, anc []*field, prefix string, hidden bool) []*field {
	fs := make([]*field, len(ns))
	for i, n := range ns {
		f := &field{node: n, path: prefix + n.Name, id: p.count, anc: anc, hidden: hidden}
		p.count++
		fs[i] = f
		if n.Kind == Group {
			f.kids = p.add(n.Children, append(anc[:len(anc):len(anc)], f), f.path+".", hidden || n.Present > 0)
			f.fixed = n.Present <= 0
			for _, k := range f.kids {
				f.fixed = f.fixed && k.fixed
			}
			continue
		}
		p.leaves = append(p.leaves, f)
		if n.Column < 0 {
			f.fixed = true
			f.konst, _ = constant(n) // Validate saw it
		} else if n.Lookup != nil {
			f.lookup = newLookup(n)
		}
	}
	return fs
}

// lookup is a Node's table of texts, by their number in texts.
type lookup struct {
	texts []string
	low   int64
	dense []int32 // index low+i -> number in texts or -1; nil where the keys lie too far apart
	far   map[int64]int32
	other int32 // number of LookupElse or -1
}

func newLookup(n *Node) *lookup {
	l := &lookup{other: -1}
	keys := make([]int64, 0, len(n.Lookup))
	for k := range n.Lookup {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	by := map[string]int32{}
	number := func(s string) int32 {
		i, ok := by[s]
		if !ok {
			i = int32(len(l.texts))
			by[s] = i
			l.texts = append(l.texts, s)
		}
		return i
	}
	if k := len(keys); k > 0 && uint64(keys[k-1])-uint64(keys[0]) < 1<<12 {
		l.low, l.dense = keys[0], make([]int32, keys[k-1]-keys[0]+1)
		for i := range l.dense {
			l.dense[i] = -1
		}
		for _, k := range keys {
			l.dense[k-l.low] = number(n.Lookup[k])
		}
	} else {
		l.far = make(map[int64]int32, len(keys))
		for _, k := range keys {
			l.far[k] = number(n.Lookup[k])
		}
	}
	if n.LookupElse != "" {
		l.other = number(n.LookupElse)
	}
	return l
}

// number of v's text, -1 for NULL.
func (l *lookup) number(v int64) int32 {
	if l.dense != nil {
		if d := uint64(v) - uint64(l.low); d < uint64(len(l.dense)) && l.dense[d] >= 0 {
			return l.dense[d]
		}
		return l.other
	}
	if i, ok := l.far[v]; ok {
		return i
	}
	return l.other
}

// BatchError is a batch that does not fit its schema; it is the fault of what made it, never of the data.
type BatchError struct {
	Path   string
	Reason string
}

func (e *BatchError) Error() string { return fmt.Sprintf("batch for %s: %s", e.Path, e.Reason) }

// frame is a batch with the presence of every field in every row.
type frame struct {
	n     int
	cols  []arrow.Array
	masks []mask    // by field.id: the rows where the field is not NULL, and so are the groups around it
	nums  [][]int32 // by field.id: of lookups, the number of each row's text
	valid map[arrow.Array]mask
}

// validity of an array of the batch or inside one. It is worked out once: leaves of the same list have arrays in common, and
// the array itself notes its number of NULLs when it is asked, which goroutines must not do side by side.
func (fr *frame) validity(a arrow.Array) mask {
	m, ok := fr.valid[a]
	if !ok {
		m = validity(a)
		fr.valid[a] = m
	}
	return m
}

func (p *plan) frame(b arrow.RecordBatch) (*frame, error) {
	fr := &frame{n: int(b.NumRows()), cols: b.Columns(), masks: make([]mask, p.count), nums: make([][]int32, p.count), valid: map[arrow.Array]mask{}}
	for _, f := range p.leaves {
		if f.fixed {
			continue
		}
		if f.node.Column >= len(fr.cols) {
			return nil, &BatchError{f.path, fmt.Sprintf("there is no column %d", f.node.Column)}
		}
		if c := fr.cols[f.node.Column]; !accepts(f.node, c.DataType()) {
			return nil, &BatchError{f.path, fmt.Sprintf("column %d is %s", f.node.Column, c.DataType())}
		}
	}
	for _, f := range p.roots {
		if err := fr.own(f); err != nil {
			return nil, err
		}
	}
	for _, f := range p.roots {
		fr.inside(f)
	}
	return fr, nil
}

// own sets the presence of f by the data alone.
func (fr *frame) own(f *field) error {
	n := f.node
	if n.Kind != Group {
		if f.fixed {
			return nil
		}
		c := fr.cols[n.Column]
		m := validity(c)
		if f.lookup != nil {
			m = fr.lookups(f, c, m)
		}
		fr.masks[f.id] = m
		return nil
	}
	var m mask
	first := true
	for _, k := range f.kids {
		if err := fr.own(k); err != nil {
			return err
		}
		if k.fixed {
			continue
		}
		if first {
			m, first = fr.masks[k.id], false
		} else {
			m = m.or(fr.masks[k.id])
		}
	}
	if n.Present > 0 {
		if n.Present > len(fr.cols) {
			return &BatchError{f.path, fmt.Sprintf("there is no column %d", n.Present-1)}
		}
		c, ok := fr.cols[n.Present-1].(*array.Boolean)
		if !ok {
			return &BatchError{f.path, fmt.Sprintf("column %d says where it is present and is %s", n.Present-1, fr.cols[n.Present-1].DataType())}
		}
		m = truth(c)
	}
	fr.masks[f.id] = m
	return nil
}

func (fr *frame) lookups(f *field, c arrow.Array, m mask) mask {
	nums := make([]int32, fr.n)
	fr.nums[f.id] = nums
	unknown := false
	eachInt(c, func(i int, v int64) {
		k := f.lookup.number(v)
		nums[i] = k
		unknown = unknown || k < 0
	})
	if !unknown {
		return m
	}
	r := newMask(fr.n)
	for i, k := range nums {
		if k >= 0 && m.get(i) {
			r.set(i)
		}
	}
	return r
}

// inside takes the rows away from f where a group around it is NULL.
func (fr *frame) inside(f *field) {
	if len(f.anc) > 0 && (f.hidden || f.fixed) {
		fr.masks[f.id] = fr.masks[f.id].and(fr.masks[f.anc[len(f.anc)-1].id])
	}
	for _, k := range f.kids {
		fr.inside(k)
	}
}

// accepts tells whether a column of type t can give n's values.
func accepts(n *Node, t arrow.DataType) bool {
	switch n.Kind {
	case String:
		if n.Lookup != nil {
			return isInt(t.ID(), 8)
		}
		return t.ID() == arrow.STRING
	case Int32:
		return isInt(t.ID(), 4)
	case Int64, Timestamp:
		return isInt(t.ID(), 8)
	case Double:
		return t.ID() == arrow.FLOAT64 || t.ID() == arrow.FLOAT32
	case Bool:
		return t.ID() == arrow.BOOL
	case Map:
		m, ok := t.(*arrow.MapType)
		return ok && m.KeyType().ID() == arrow.STRING && m.ItemType().ID() == arrow.STRING
	case List:
		l, ok := t.(*arrow.ListType)
		return ok && accepts(n.Children[0], l.Elem())
	case Group: // inside a list
		s, ok := t.(*arrow.StructType)
		if !ok || s.NumFields() != len(n.Children) {
			return false
		}
		for _, c := range n.Children {
			i, ok := s.FieldIdx(c.Name)
			if !ok || !accepts(c, s.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}

// isInt tells whether every value of the type fits a signed integer of so many bytes.
func isInt(t arrow.Type, bytes int) bool {
	switch t {
	case arrow.INT8, arrow.INT16, arrow.UINT8, arrow.UINT16, arrow.INT32:
		return true
	case arrow.UINT32, arrow.INT64:
		return bytes == 8
	}
	return false
}

// eachInt calls fn with every row of an integer array, NULL or not.
func eachInt(a arrow.Array, fn func(i int, v int64)) {
	switch a := a.(type) {
	case *array.Int8:
		each(a.Int8Values(), fn)
	case *array.Int16:
		each(a.Int16Values(), fn)
	case *array.Int32:
		each(a.Int32Values(), fn)
	case *array.Int64:
		each(a.Int64Values(), fn)
	case *array.Uint8:
		each(a.Uint8Values(), fn)
	case *array.Uint16:
		each(a.Uint16Values(), fn)
	case *array.Uint32:
		each(a.Uint32Values(), fn)
	}
}

func each[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](vs []T, fn func(i int, v int64)) {
	for i, v := range vs {
		fn(i, int64(v))
	}
}
