// Package bound says how much memory and time an expression of a mapping can take at most for one record, from the sizes of the values
// that it reads. DuckDB's own memory limit and its interrupts do not reach into a call, so what is too much is not computed: the
// compiler puts a Guard in front of an expression that can take too much.
//
// How a function's result grows is the last word of its line in functions.txt of package allow. Bounds are upper bounds: the real size
// is often much smaller.
package bound

import (
	"strings"

	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

const (
	// MaxMemory is how many bytes the guarded expressions of a mapping may take together for one record.
	MaxMemory = 96 << 20
	// MaxWork is the same for time, in steps of about a nanosecond.
	MaxWork = 4e9
	// MaxConstant is how large what an expression makes of constants alone may become: DuckDB computes it when it plans the query, in
	// front of which no guard helps.
	MaxConstant = 64 << 20
	// MaxVectors is how many vectors of 2,048 values the lists and objects that an expression makes may take, and MaxNested how many
	// it may nest in each other.
	MaxVectors = 16384
	MaxNested  = 32

	slot = 16 // bytes of a value in a vector, without a longer text's own
)

// Estimate is what an expression takes at most for one record, beyond the vectors that every expression has.
type Estimate struct {
	Leaves []*rawtable.Leaf // that S is the size of
	Lists  []*rawtable.Leaf // of them those that N is the elements of
	Memory Poly
	Work   Poly
	// Fault says why the expression must be refused, "" if nothing is wrong. At is the place.
	Fault string
	At    syntax.Node
	// vectors counts those of nested lists and objects.
	vectors int
}

// value is what is known of a part of an expression.
type value struct {
	text    Poly        // bytes of its texts
	count   Poly        // elements of a list
	inner   Poly        // elements of the lists in those, or in an object
	slots   float64     // values that an element or object has
	vectors int         // of a column of it
	nested  int         // lists and objects that the expression nests in each other
	typ     syntax.Node // as a cast gives it, if known
	literal any         // of a constant
	fixed   bool        // reads nothing of the record
	rough   bool        // the bound is of lists or patterns, and most often far too large
}

// memory is what it takes to make the value.
func (v value) memory() Poly {
	return v.text.plus(v.count.plus(v.inner).scale(slot * max(1, v.slots)))
}

type analysis struct {
	src    *rawtable.Source
	macros *syntax.Macros
	growth map[string]allow.Growth
	est    *Estimate
	seen   map[*rawtable.Leaf]bool
	scope  []map[string]value
	deep   int // lambdas around
	again  int // a body is looked at a second time: nothing but its growth counts
}

// Of estimates an expression over `records`, with the bodies of macros in place where that is possible.
func Of(e syntax.Node, src *rawtable.Source, macros *syntax.Macros, growth map[string]allow.Growth) *Estimate {
	a := &analysis{src: src, macros: macros, growth: growth, est: &Estimate{}, seen: map[*rawtable.Leaf]bool{}}
	a.of(e)
	return a.est
}

// spend counts what a node makes, and the steps beyond one a byte.
func (a *analysis) spend(memory, work Poly) {
	a.est.Memory = a.est.Memory.plus(memory)
	a.est.Work = a.est.Work.plus(memory).plus(work)
}

func (a *analysis) fault(n syntax.Node, why string) {
	if a.est.Fault == "" && a.again == 0 {
		a.est.Fault, a.est.At = why, n
	}
}

// of is the value of a node, whose cost is added.
func (a *analysis) of(n syntax.Node) value {
	memory, work := a.est.Memory, a.est.Work
	v := a.node(n)
	if v.fixed { // DuckDB computes it once
		a.est.Memory, a.est.Work = memory, work
	}
	if v.fixed && !v.rough && v.memory().At(0, 0) > MaxConstant {
		a.fault(n, "its constants alone make a value of more than 64 MiB")
	}
	if a.again == 0 {
		a.est.vectors += max(0, v.vectors-1)
	}
	if a.est.vectors > MaxVectors || v.nested > MaxNested {
		a.fault(n, "too many lists and objects are nested in each other")
	}
	return v
}

func (a *analysis) all(list []any) (out []value) {
	for _, v := range list {
		if n, ok := v.(syntax.Node); ok && n != nil {
			out = append(out, a.of(n))
		}
	}
	return out
}

// joined bounds a value that all of several values go into.
func joined(all []value) (out value) {
	out.fixed = true
	for _, v := range all {
		out.text, out.count, out.inner = out.text.plus(v.text), out.count.plus(v.count), out.inner.plus(v.inner)
		out.fixed, out.vectors, out.slots = out.fixed && v.fixed, max(out.vectors, v.vectors), max(out.slots, v.slots)
		out.nested, out.rough = max(out.nested, v.nested), out.rough || v.rough
	}
	return out
}

// either bounds one of several values.
func either(all []value) (out value) {
	for i, v := range all {
		out.text, out.count, out.inner = out.text.largest(v.text), out.count.largest(v.count), out.inner.largest(v.inner)
		out.fixed, out.vectors, out.slots = v.fixed && (i == 0 || out.fixed), max(out.vectors, v.vectors), max(out.slots, v.slots)
		out.nested = max(out.nested, v.nested)
		if out.typ == nil {
			out.typ = v.typ
		}
	}
	return out
}

// scalar is a value of a few bytes.
func scalar(fixed bool) value { return value{fixed: fixed, vectors: 1, slots: 1} }

func (a *analysis) node(n syntax.Node) value {
	if lit, ok := syntax.Literal(n); ok {
		v := value{literal: lit, fixed: true, vectors: 1, slots: 1}
		switch x := lit.(type) {
		case string:
			v.text = constant(float64(len(x)))
		case []string:
			for _, s := range x {
				v.text = v.text.plus(constant(float64(len(s))))
			}
			v.count, v.vectors = constant(float64(len(x))), 2
		}
		return v
	}
	switch syntax.Str(n, "class") {
	case "CONSTANT":
		return value{text: constant(float64(len(syntax.Str(syntax.Child(n, "value"), "value")))), fixed: true, vectors: 1, slots: 1}
	case "COLUMN_REF":
		return a.column(n)
	case "CAST":
		return a.cast(n)
	case "FUNCTION":
		return a.call(n)
	case "LAMBDA": // where none is expected
		return a.of(syntax.Child(n, "expr"))
	case "CASE":
		var results []value
		var memory, work Poly // of one result: a record has one
		result := func(n any) {
			before := *a.est
			results = append(results, a.all([]any{n})...)
			memory, work = memory.largest(a.est.Memory.without(before.Memory)), work.largest(a.est.Work.without(before.Work))
			a.est.Memory, a.est.Work = before.Memory, before.Work
		}
		for _, v := range syntax.List(n, "case_checks") {
			check, _ := v.(syntax.Node)
			a.all([]any{check["when_expr"]})
			result(check["then_expr"])
		}
		result(n["else_expr"])
		a.est.Memory, a.est.Work = a.est.Memory.plus(memory), a.est.Work.plus(work)
		v := either(results)
		a.spend(v.memory(), nil)
		return v
	}
	var parts []value
	for _, k := range syntax.InOrder(n) {
		switch t := n[k].(type) {
		case syntax.Node:
			if syntax.Str(t, "class") != "" {
				parts = append(parts, a.of(t))
			}
		case []any:
			parts = append(parts, a.all(t)...)
		}
	}
	return a.operator(n, parts)
}

// operator gives the value of what is neither a call nor a CASE.
func (a *analysis) operator(n syntax.Node, parts []value) value {
	sum := joined(parts)
	switch syntax.Str(n, "type") {
	case "OPERATOR_COALESCE":
		v := either(parts)
		a.spend(v.memory(), nil)
		return v
	case "OPERATOR_TRY":
		return sum
	case "STRUCT_EXTRACT", "ARRAY_EXTRACT":
		return extracted(parts)
	case "ARRAY_SLICE":
		a.spend(sum.memory(), nil)
		return sum
	}
	if syntax.Str(n, "class") != "OPERATOR" || strings.Contains(syntax.Str(n, "type"), "NULL") || strings.Contains(syntax.Str(n, "type"), "IN") || syntax.Str(n, "type") == "OPERATOR_NOT" {
		a.spend(nil, sum.memory())
		return scalar(sum.fixed)
	}
	a.spend(sum.memory(), nil)
	return sum
}

// extracted is an element of a list, or a field of an object.
func extracted(args []value) value {
	if len(args) == 0 {
		return scalar(true)
	}
	of := args[0]
	out := value{text: of.text, count: of.inner, inner: of.inner, slots: of.slots, vectors: max(1, of.vectors-1), nested: max(0, of.nested-1), fixed: joined(args).fixed, rough: of.rough}
	switch syntax.Str(of.typ, "id") {
	case "LIST", "ARRAY":
		out.typ = syntax.Child(syntax.Child(of.typ, "type_info"), "child_type")
	case "STRUCT":
		name, _ := args[min(1, len(args)-1)].literal.(string)
		for _, v := range syntax.List(syntax.Child(of.typ, "type_info"), "child_types") {
			if field, _ := v.(syntax.Node); strings.EqualFold(syntax.Str(field, "first"), name) {
				out.typ = syntax.Child(field, "second")
			}
		}
	}
	return out.shaped()
}

// shaped gives a value that comes from a cast what its type says.
func (v value) shaped() value {
	if v.typ == nil {
		return v
	}
	t := v.typ
	v.vectors = vectors(t)
	if id := syntax.Str(t, "id"); id == "LIST" || id == "ARRAY" || id == "MAP" {
		t = syntax.Child(syntax.Child(t, "type_info"), "child_type")
	} else {
		v.count = nil
	}
	v.slots = slots(t)
	if !nested(t) {
		v.inner = nil
	}
	return v
}

// slots, vectors and nested are what the type of a cast says: the values of one element, the vectors of a column, whether there is
// a list in it.
func slots(t syntax.Node) float64 { return float64(max(1, count(t, false))) }
func vectors(t syntax.Node) int   { return max(1, count(t, true)) }

func count(t syntax.Node, lists bool) (n int) {
	n = 1
	info := syntax.Child(t, "type_info")
	if c := syntax.Child(info, "child_type"); c != nil && lists {
		n += count(c, lists)
	}
	for _, v := range syntax.List(info, "child_types") {
		field, _ := v.(syntax.Node)
		n += count(syntax.Child(field, "second"), lists)
	}
	return n
}

func nested(t syntax.Node) (found bool) {
	syntax.Walk(t, func(n syntax.Node) bool {
		id := syntax.Str(n, "id")
		found = found || id != "" && id != "STRUCT" && id != "VARCHAR" && !fixedTypes[id] // JSON has lists, too
		return !found
	})
	return found
}

func (a *analysis) column(n syntax.Node) value {
	names := syntax.ColumnNames(n)
	for i := len(a.scope) - 1; i >= 0 && len(names) > 0; i-- {
		v, ok := a.scope[i][strings.ToLower(names[0])]
		if !ok {
			continue
		}
		for _, name := range names[1:] {
			v = extracted([]value{v, {literal: name}})
		}
		return v
	}
	l := a.src.ByColumn(names)
	if l != nil && l.Type != "VARCHAR" {
		return scalar(false)
	}
	if l != nil && !a.seen[l] {
		a.seen[l] = true
		a.est.Leaves = append(a.est.Leaves, l)
		if strings.HasSuffix(l.Cast, "[]") {
			a.est.Lists = append(a.est.Lists, l)
		}
	}
	v := value{text: bytesRead(), vectors: 1, slots: 1}
	if l != nil && strings.HasSuffix(l.Cast, "[]") { // once it is cast
		v.count, v.inner = elementsRead(), elementsRead()
	}
	return v
}

// cast follows a cast. JSON of N bytes has N/2 elements at most, each with all fields of its type.
func (a *analysis) cast(n syntax.Node) value {
	child := a.of(syntax.Child(n, "child"))
	t := syntax.Child(n, "cast_type")
	v := value{text: child.text, count: child.count, inner: child.inner, fixed: child.fixed, rough: child.rough, typ: t, slots: 1, vectors: 1}
	column := syntax.Str(syntax.Child(n, "child"), "class") == "COLUMN_REF"
	switch id := syntax.Str(t, "id"); {
	case isJSON(t): // the value is as large as before
		v.typ = nil
	case nested(t) && id != "BIT" && id != "BIGNUM" || id == "STRUCT" || id == "UNION":
		if len(child.count)+len(child.inner) == 0 {
			v.count, v.inner = child.text.scale(0.5), child.text.scale(0.5)
		}
		v = v.shaped()
	case id == "BIGNUM" || id == "VARINT":
		a.spend(nil, child.text.times(child.text))
	case id == "BIT":
		v.text = child.text.scale(8)
	case id == "VARCHAR" && !column:
		v = value{text: child.memory().scale(4).plus(constant(64)), fixed: child.fixed, rough: child.rough, slots: 1, vectors: 1} // bytes become \x00
	case fixedTypes[id]:
		a.spend(nil, child.text)
		return scalar(child.fixed)
	}
	a.spend(v.memory(), nil)
	return v
}

// isJSON says that a type of a cast is JSON, which DuckDB's tree has as the name of a type.
func isJSON(t syntax.Node) (is bool) {
	syntax.Walk(t, func(n syntax.Node) bool {
		for _, v := range n {
			if s, ok := v.(string); ok && strings.EqualFold(s, "JSON") {
				is = syntax.Str(t, "id") != "LIST" && syntax.Str(t, "id") != "STRUCT" && syntax.Str(t, "id") != "MAP"
			}
		}
		return true
	})
	return is
}

var fixedTypes = map[string]bool{"BOOLEAN": true, "TINYINT": true, "SMALLINT": true, "INTEGER": true, "BIGINT": true, "HUGEINT": true,
	"UTINYINT": true, "USMALLINT": true, "UINTEGER": true, "UBIGINT": true, "UHUGEINT": true, "FLOAT": true, "DOUBLE": true, "DECIMAL": true,
	"DATE": true, "TIME": true, "TIME WITH TIME ZONE": true, "TIMESTAMP": true, "TIMESTAMP WITH TIME ZONE": true, "TIMESTAMP_S": true,
	"TIMESTAMP_MS": true, "TIMESTAMP_NS": true, "INTERVAL": true, "UUID": true, "ENUM": true}

// call follows a call of a function, or of a macro that could not be put in place.
func (a *analysis) call(n syntax.Node) value {
	name := strings.ToLower(syntax.Str(n, "function_name"))
	if a.macros != nil && a.macros.Is(name) {
		return a.macro(name, n)
	}
	growth := a.growth[name]
	if growth == allow.GrowsByLambda {
		return a.lambda(name, n)
	}
	children := syntax.List(n, "children")
	args := a.all(children)
	v, scratch, work := grow(name, growth, args)
	switch name {
	case "struct_pack", "row", "struct_insert", "struct_update", "struct_concat":
		v.slots, v.vectors, v.nested = 1, 1, v.nested+1
		v.inner, v.count = v.inner.plus(v.count), nil
		for _, x := range args {
			v.vectors += x.vectors
			if len(x.count) == 0 {
				v.slots += x.slots
			} else {
				v.slots++
			}
		}
		return v // its values are not copied
	case "list_value", "list_pack":
		v.inner = v.inner.plus(v.count)
		v.count, v.vectors, v.nested = constant(float64(len(args))), v.vectors+1, v.nested+1
	case "map", "map_from_entries", "list_zip", "array_zip":
		v.slots, v.vectors = v.slots+float64(len(args)), v.vectors+len(args)+1
	case "flatten":
		v.count, v.vectors = v.inner, max(1, v.vectors-1)
	case "struct_extract", "struct_extract_at", "array_extract", "list_extract", "element_at", "list_element", "list_any_value", "list_first", "list_last":
		return extracted(args)
	}
	if s, ok := folded(name, args); ok {
		v.literal, v.text = s, constant(float64(len(s)))
	}
	a.spend(v.memory().plus(scratch), work)
	return v
}

// folded is the text that a call makes of constants, as patterns are often put together.
func folded(name string, args []value) (string, bool) {
	var b strings.Builder
	for _, v := range args {
		switch x := v.literal.(type) {
		case string:
			b.WriteString(x)
		case int64:
			if name != "chr" || x < 0 || x > 0x10ffff {
				return "", false
			}
			b.WriteRune(rune(x))
		default:
			return "", false
		}
	}
	return b.String(), name == "||" || name == "concat" || name == "chr"
}

// macro follows a call into the bodies that the macro may have.
func (a *analysis) macro(name string, n syntax.Node) value {
	children := syntax.List(n, "children")
	args := a.all(children)
	var out []value
	for _, d := range a.macros.Definitions(name) {
		env := map[string]value{}
		for i, p := range d.Parameters {
			v := scalar(true) // its default
			if i < len(args) {
				v = args[i]
			}
			for k, c := range children { // named
				if c, _ := c.(syntax.Node); c != nil && strings.EqualFold(syntax.Str(c, "alias"), p) && k < len(args) {
					v = args[k]
				}
			}
			env[strings.ToLower(p)] = v
		}
		outer := a.scope
		a.scope = []map[string]value{env}
		out = append(out, a.of(a.macros.Body(d)))
		a.scope = outer
	}
	return either(out)
}

// maxLambdas is how deep lambdas may be nested to be looked at closely.
const maxLambdas = 3

// lambda follows a function that calls a lambda for each element of a list. What the elements have adds up to what the list has. So of
// what the body makes, the part that depends on the element adds up to what the body makes of the whole list, as no bound is
// smaller than linear; only the rest is there once for each element.
func (a *analysis) lambda(name string, n syntax.Node) value {
	var lists []value
	var body, params syntax.Node
	for _, c := range syntax.List(n, "children") {
		c, _ := c.(syntax.Node)
		if syntax.Str(c, "class") == "LAMBDA" {
			body, params = syntax.Child(c, "expr"), syntax.Child(c, "lhs")
			continue
		}
		if c != nil {
			lists = append(lists, a.of(c))
		}
	}
	list := joined(lists)
	if len(lists) > 0 {
		list.typ = lists[0].typ
	}
	if body == nil {
		a.spend(list.memory(), nil)
		return list
	}
	element := extracted([]value{list})
	whole, memory, work := a.body(params, body, element)
	part, partMemory, partWork := whole, memory, work
	if a.deep < maxLambdas {
		element.text, element.count, element.inner = nil, nil, nil
		a.again++
		part, partMemory, partWork = a.body(params, body, element)
		a.again--
	}
	sum := func(whole, part Poly) Poly { return list.count.times(part).plus(whole.without(part)) }
	out := value{text: sum(whole.text, part.text), count: list.count, inner: sum(whole.inner.plus(whole.count), part.inner.plus(part.count)),
		slots: whole.slots, vectors: whole.vectors + 1, fixed: list.fixed && whole.fixed, rough: true}
	if strings.Contains(name, "filter") {
		out = list
	}
	a.spend(out.memory().plus(sum(memory, partMemory)), sum(work, partWork.plus(constant(slot))))
	return out
}

// body gives what a lambda makes of an element and what that takes, which is not counted yet.
func (a *analysis) body(params, body syntax.Node, element value) (v value, memory, work Poly) {
	env := map[string]value{}
	syntax.Walk(params, func(p syntax.Node) bool {
		if names := syntax.ColumnNames(p); len(names) == 1 {
			if len(env) == 0 {
				env[strings.ToLower(names[0])] = element
			} else { // the index
				env[strings.ToLower(names[0])] = scalar(false)
			}
		}
		return true
	})
	before := *a.est
	a.est.Memory, a.est.Work = nil, nil
	a.scope = append(a.scope, env)
	a.deep++
	v = a.of(body)
	a.deep--
	a.scope = a.scope[:len(a.scope)-1]
	memory, work = a.est.Memory, a.est.Work
	a.est.Memory, a.est.Work = before.Memory, before.Work
	return v, memory, work
}
