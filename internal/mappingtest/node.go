package mappingtest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
)

// node is a YAML value with the places its author wrote it at.
type node struct {
	line, column int
	kind         nodeKind
	text         string // of a scalar: the text, or the number as JSON has it, or true or false
	source       string // of a scalar that stands on one line: as it is written
	fields       []field
	items        []*node
	flow         bool
}

type field struct {
	key          string
	line, column int
	value        *node
}

type nodeKind uint8

const (
	null nodeKind = iota
	text
	number
	boolean
	mapping
	list
)

func (n *node) get(key string) *node {
	for _, f := range n.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// reader makes nodes of goccy's tree.
type reader struct {
	file    string
	anchors map[string]ast.Node
	depth   int
	aliases int // how many aliases are being read
	copied  int // what aliases have repeated so far: bytes of text, and one for each value
	err     *diag.Diagnostic
}

func (r *reader) fail(n ast.Node, format string, args ...any) *node {
	out := &node{}
	out.line, out.column = position(n)
	if r.err == nil {
		r.err = &diag.Diagnostic{File: r.file, Line: out.line, Column: out.column, Message: fmt.Sprintf(format, args...)}
	}
	return out
}

func position(n ast.Node) (line, column int) {
	switch t := n.(type) {
	case *ast.MappingNode:
		if !t.IsFlowStyle && len(t.Values) > 0 {
			return position(t.Values[0])
		}
	case *ast.MappingValueNode:
		return position(t.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

const (
	maxDepth  = 100
	maxCopied = 16 << 20 // a list of ten aliases of a list of ten aliases, and so on, would fill the memory
)

func (r *reader) read(n ast.Node) *node {
	if r.depth++; r.depth > maxDepth {
		return r.fail(n, "nested deeper than %d levels", maxDepth)
	}
	defer func() { r.depth-- }()
	out := &node{}
	if n == nil || r.err != nil {
		return out
	}
	out.line, out.column = position(n)
	if r.aliases > 0 && !r.copy(n) {
		return r.fail(n, "the aliases of the file repeat more than %s", human.Size(maxCopied))
	}
	scalar := func(k nodeKind, s string) *node {
		out.kind, out.text = k, s
		if t := n.GetToken(); t != nil {
			if src := strings.TrimSpace(t.Origin); !strings.Contains(src, "\n") {
				out.source = src
			}
		}
		return out
	}
	switch t := n.(type) {
	case *ast.NullNode:
		return scalar(null, "")
	case *ast.StringNode:
		return scalar(text, t.Value)
	case *ast.LiteralNode:
		out.kind, out.text = text, t.Value.Value
		return out
	case *ast.BoolNode:
		return scalar(boolean, fmt.Sprint(t.Value))
	case *ast.IntegerNode:
		if s := t.GetToken().Value; json.Valid([]byte(s)) {
			return scalar(number, s)
		}
		return scalar(number, fmt.Sprint(t.Value))
	case *ast.FloatNode:
		if s := t.GetToken().Value; json.Valid([]byte(s)) {
			return scalar(number, s)
		}
		b, err := json.Marshal(t.Value)
		if err != nil {
			return r.fail(n, "%s is not a number of JSON", t.GetToken().Value)
		}
		return scalar(number, string(b))
	case *ast.MappingNode:
		out.kind, out.flow = mapping, t.IsFlowStyle
		for _, v := range t.Values {
			r.field(out, v)
		}
		return out
	case *ast.MappingValueNode:
		out.kind = mapping
		r.field(out, t)
		return out
	case *ast.SequenceNode:
		out.kind, out.flow = list, t.IsFlowStyle
		for _, v := range t.Values {
			out.items = append(out.items, r.read(v))
		}
		return out
	case *ast.AnchorNode:
		r.anchors[t.Name.GetToken().Value] = t.Value
		return r.read(t.Value)
	case *ast.AliasNode:
		at := r.anchors[t.Value.GetToken().Value]
		if at == nil {
			return r.fail(n, "anchor &%s not found before this", t.Value.GetToken().Value)
		}
		r.aliases++
		v := *r.read(at)
		r.aliases--
		v.source = "" // an alias is not rewritten in place
		return &v
	}
	return r.fail(n, "%s is not used in tests: write plain values, objects and lists", strings.ToLower(n.Type().String()))
}

// copy counts a value that an alias repeats. It returns false if the aliases of the file have repeated too much.
func (r *reader) copy(n ast.Node) bool {
	r.copied++
	if t := n.GetToken(); t != nil {
		r.copied += len(t.Value)
	}
	if l, ok := n.(*ast.LiteralNode); ok {
		r.copied += len(l.Value.Value)
	}
	return r.copied <= maxCopied
}

func (r *reader) field(out *node, v *ast.MappingValueNode) {
	if _, ok := v.Key.(*ast.MergeKeyNode); ok {
		merged := r.read(v.Value)
		has := map[string]bool{}
		for _, f := range out.fields {
			has[f.key] = true
		}
		for _, f := range merged.fields {
			if !has[f.key] {
				has[f.key] = true
				out.fields = append(out.fields, f)
			}
		}
		return
	}
	f := field{value: r.read(v.Value)}
	f.line, f.column = position(v.Key)
	switch k := v.Key.(type) {
	case *ast.StringNode:
		f.key = k.Value
	default:
		f.key = v.Key.GetToken().Value
	}
	out.fields = append(out.fields, f)
}

// json gives the value as JSON text, its keys in their order.
func (n *node) json(dst []byte) []byte {
	switch n.kind {
	case text:
		return append(dst, quote(n.text)...)
	case number, boolean:
		return append(dst, n.text...)
	case mapping:
		dst = append(dst, '{')
		for i, f := range n.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, quote(f.key)...), ':')
			dst = f.value.json(dst)
		}
		return append(dst, '}')
	case list:
		dst = append(dst, '[')
		for i, v := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.json(dst)
		}
		return append(dst, ']')
	}
	return append(dst, "null"...)
}

// quote is a JSON string that leaves <, > and & alone.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // of a string it cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// sameNumber compares numbers as numbers, whatever their size.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, ok := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok && ok2 && x.Cmp(y) == 0
}
