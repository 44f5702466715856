package lake

import "sort"

// field is a Node, prepared for writing.
type field struct {
	node *Node
	path string // dotted
	id   int    // index into flatBatch.masks
	kids []*field
	anc  []*field // the groups around it, outermost first
	// fixed: presence does not depend on the data, only on the groups around.
	fixed bool
	// hidden: a group around it has a Present column, which can hide values.
	hidden bool
	konst  any // see constant
	lookup *lookup
}

// fileLayout is a Schema, prepared for writing: the columns of a file, in their order, and where their values come from.
type fileLayout struct {
	schema *Schema
	roots  []*field
	leaves []*field // fields that are not groups, in the order of the file
	count  int
	time   *field // the column `time`, if there is one that has values
}

func newFileLayout(s *Schema) (*fileLayout, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	fl := &fileLayout{schema: s}
	fl.roots = fl.add(s.Columns, nil, "", false)
	for _, f := range fl.roots {
		if f.node.Name == "time" && f.node.Kind == Int64 && f.node.Column >= 0 {
			fl.time = f
		}
	}
	return fl, nil
}

func (fl *fileLayout) add(ns []*Node, anc []*field, prefix string, hidden bool) []*field {
	fs := make([]*field, len(ns))
	for i, n := range ns {
		f := &field{node: n, path: prefix + n.Name, id: fl.count, anc: anc, hidden: hidden}
		fl.count++
		fs[i] = f
		if n.Kind == Group {
			f.kids = fl.add(n.Children, append(anc[:len(anc):len(anc)], f), f.path+".", hidden || n.Present > 0)
			f.fixed = n.Present <= 0
			for _, k := range f.kids {
				f.fixed = f.fixed && k.fixed
			}
			continue
		}
		fl.leaves = append(fl.leaves, f)
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
	dense []int32 // index low+i -> number in texts or -1; nil if the keys are too far apart
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
