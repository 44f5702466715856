package lake

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// BatchError is a batch that does not fit its schema; it is the fault of what made it, never of the data.
type BatchError struct {
	Path   string
	Reason string
}

func (e *BatchError) Error() string { return fmt.Sprintf("batch for %s: %s", e.Path, e.Reason) }

// flatBatch is a batch with the presence of every field in every row.
type flatBatch struct {
	n     int
	cols  []arrow.Array
	masks []mask    // by field.id: the rows where the field is not NULL, and so are the groups around it
	nums  [][]int32 // by field.id: of lookups, the number of each row's text
	valid map[arrow.Array]mask
}

// validity of an array of the batch or inside one. It is worked out once: leaves of the same list have arrays in common, and
// the array itself notes its number of NULLs when it is asked, which goroutines must not do side by side.
func (flat *flatBatch) validity(a arrow.Array) mask {
	m, ok := flat.valid[a]
	if !ok {
		m = validity(a)
		flat.valid[a] = m
	}
	return m
}

func (fl *fileLayout) flatBatch(b arrow.RecordBatch) (*flatBatch, error) {
	flat := &flatBatch{n: int(b.NumRows()), cols: b.Columns(), masks: make([]mask, fl.count), nums: make([][]int32, fl.count), valid: map[arrow.Array]mask{}}
	for _, f := range fl.leaves {
		if f.fixed {
			continue
		}
		if f.node.Column >= len(flat.cols) {
			return nil, &BatchError{f.path, fmt.Sprintf("column %d is missing", f.node.Column)}
		}
		if c := flat.cols[f.node.Column]; !accepts(f.node, c.DataType()) {
			return nil, &BatchError{f.path, fmt.Sprintf("column %d is %s", f.node.Column, c.DataType())}
		}
	}
	for _, f := range fl.roots {
		if err := flat.setPresence(f); err != nil {
			return nil, err
		}
	}
	for _, f := range fl.roots {
		flat.hideInsideNulls(f)
	}
	return flat, nil
}

// setPresence sets the presence of f by the data alone.
func (flat *flatBatch) setPresence(f *field) error {
	n := f.node
	if n.Kind != Group {
		if f.fixed {
			return nil
		}
		c := flat.cols[n.Column]
		m := validity(c)
		if f.lookup != nil {
			m = flat.lookups(f, c, m)
		}
		flat.masks[f.id] = m
		return nil
	}
	var m mask
	first := true
	for _, k := range f.kids {
		if err := flat.setPresence(k); err != nil {
			return err
		}
		if k.fixed {
			continue
		}
		if first {
			m, first = flat.masks[k.id], false
		} else {
			m = m.or(flat.masks[k.id])
		}
	}
	if n.Present > 0 {
		if n.Present > len(flat.cols) {
			return &BatchError{f.path, fmt.Sprintf("column %d is missing", n.Present-1)}
		}
		c, ok := flat.cols[n.Present-1].(*array.Boolean)
		if !ok {
			return &BatchError{f.path, fmt.Sprintf("column %d says where it is present, and must be boolean, not %s", n.Present-1, flat.cols[n.Present-1].DataType())}
		}
		m = truth(c)
	}
	flat.masks[f.id] = m
	return nil
}

func (flat *flatBatch) lookups(f *field, c arrow.Array, m mask) mask {
	nums := make([]int32, flat.n)
	flat.nums[f.id] = nums
	unknown := false
	eachInt(c, func(i int, v int64) {
		k := f.lookup.number(v)
		nums[i] = k
		unknown = unknown || k < 0
	})
	if !unknown {
		return m
	}
	r := newMask(flat.n)
	for i, k := range nums {
		if k >= 0 && m.get(i) {
			r.set(i)
		}
	}
	return r
}

// hideInsideNulls takes the rows away from f where a group around it is NULL.
func (flat *flatBatch) hideInsideNulls(f *field) {
	if len(f.anc) > 0 && (f.hidden || f.fixed) {
		flat.masks[f.id] = flat.masks[f.id].and(flat.masks[f.anc[len(f.anc)-1].id])
	}
	for _, k := range f.kids {
		flat.hideInsideNulls(k)
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
