package engine

/*
extern void siltEngineRow(void*, void*, void*);
extern void siltEngineValue(void*, void*, void*);
extern void siltEngineNoLookup(void*, void*, void*);
extern void siltEngineFree(void*);
static void *silt_row(void) { return (void*)siltEngineRow; }
static void *silt_value(void) { return (void*)siltEngineValue; }
static void *silt_no_lookup(void) { return (void*)siltEngineNoLookup; }
static void *silt_free_lookup(void) { return (void*)siltEngineFree; }
*/
import "C"

import (
	"fmt"
	"slices"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/silt-etl/silt/internal/lookup"
)

// lookups makes the functions of lookups: lookup(name, ...), which the compiler of mappings replaces, and of each table one that finds the
// row of keys, and one for each column that gives the value of a row.
type lookups struct{ conn bindings.Connection }

// tableValues are the values of a column of a lookup.
type tableValues struct {
	table  *lookup.Table
	column int
	lookup.Column
}

// tableRows finds the rows of a lookup.
type tableRows struct{ table *lookup.Table }

func (tableValues) free() {}
func (tableRows) free()   {}

// register makes the functions of the tables.
func (l lookups) register(tables []*lookup.Table) error {
	// Any field can be taken from JSON, so that a macro with a lookup can be created.
	result := bindings.CreateLogicalType(bindings.TypeVarchar)
	defer bindings.DestroyLogicalType(&result)
	bindings.LogicalTypeSetAlias(result, "JSON")
	if err := l.function("lookup", nil, result, nil, C.silt_no_lookup()); err != nil {
		return err
	}
	for _, t := range tables {
		keys := make([]bindings.Type, t.Arguments())
		for i := range keys {
			keys[i] = bindings.TypeVarchar
		}
		if t.Timed() {
			keys = append(keys, bindings.TypeBigInt)
		}
		number := bindings.CreateLogicalType(bindings.TypeBigInt)
		err := l.function(lookup.RowFunction(t.Name), keys, number, tableRows{t}, C.silt_row())
		bindings.DestroyLogicalType(&number)
		if err != nil {
			return err
		}
		for i, c := range t.Columns() {
			if !t.Kept(i) {
				continue
			}
			typ := bindings.CreateLogicalType(lookupType(c.Type))
			if element := typ; c.List {
				typ = bindings.CreateListType(element)
				bindings.DestroyLogicalType(&element)
			}
			err := l.function(lookup.ValueFunction(t.Name, c.Name), []bindings.Type{bindings.TypeBigInt}, typ, tableValues{t, i, c}, C.silt_value())
			bindings.DestroyLogicalType(&typ)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func lookupType(t lookup.Type) bindings.Type {
	switch t {
	case lookup.Bool:
		return bindings.TypeBoolean
	case lookup.Int:
		return bindings.TypeBigInt
	case lookup.Uint:
		return bindings.TypeUBigInt
	case lookup.Double:
		return bindings.TypeDouble
	case lookup.Timestamp:
		return bindings.TypeTimestamp
	case lookup.Date:
		return bindings.TypeDate
	}
	return bindings.TypeVarchar
}

// function makes one. Without parameters it takes any arguments.
func (l lookups) function(name string, parameters []bindings.Type, result bindings.LogicalType, of freer, call unsafe.Pointer) error {
	f := bindings.CreateScalarFunction()
	defer bindings.DestroyScalarFunction(&f)
	bindings.ScalarFunctionSetName(f, name)
	for _, p := range parameters {
		typ := bindings.CreateLogicalType(p)
		bindings.ScalarFunctionAddParameter(f, typ)
		bindings.DestroyLogicalType(&typ)
	}
	if parameters == nil {
		anything := bindings.CreateLogicalType(bindings.TypeAny)
		bindings.ScalarFunctionSetVarargs(f, anything)
		bindings.DestroyLogicalType(&anything)
	}
	bindings.ScalarFunctionSetReturnType(f, result)
	bindings.ScalarFunctionSetSpecialHandling(f) // NULL is an argument like others
	if of != nil {
		bindings.ScalarFunctionSetExtraInfo(f, newCell(of), C.silt_free_lookup())
	}
	bindings.ScalarFunctionSetFunction(f, call)
	if bindings.RegisterScalarFunction(l.conn, f) != bindings.StateSuccess {
		return fmt.Errorf("engine: DuckDB refuses the function %s", name)
	}
	return nil
}

//export siltEngineNoLookup
func siltEngineNoLookup(info, in, out unsafe.Pointer) {
	bindings.ScalarFunctionSetError(bindings.FunctionInfo{Ptr: info}, "lookup can be used in a mapping only")
}

//export siltEngineRow
func siltEngineRow(info, in, out unsafe.Pointer) {
	t := cell[tableRows](bindings.ScalarFunctionGetExtraInfo(bindings.FunctionInfo{Ptr: info})).table
	chunk, result := bindings.DataChunk{Ptr: in}, bindings.Vector{Ptr: out}
	n := t.Arguments()
	if n == 1 && !t.Timed() {
		rowsOfOne(t, chunk, result)
		return
	}
	keys, times := make([]view, n), view{}
	for i := range keys {
		keys[i].load(bindings.DataChunkGetVector(chunk, bindings.IdxT(i)), &column{kind: kindText})
	}
	if t.Timed() {
		times.load(bindings.DataChunkGetVector(chunk, bindings.IdxT(n)), &column{kind: kindFixed})
	}
	rows := (*[chunkRows]int64)(bindings.VectorGetData(result))
	nulls := nullRows{vector: result}
	of, last, found := make([][]byte, n), -1, -1
	for i := range int(bindings.DataChunkGetSize(chunk)) {
		ok, same := true, last >= 0 && !t.Timed()
		for k := range keys {
			if ok = ok && keys[k].valid(i); ok {
				same = same && keys[k].same(i, last)
			}
		}
		if t.Timed() {
			ok = ok && times.valid(i)
		}
		switch {
		case !ok:
			rows[i] = 0
			nulls.set(i)
			continue
		case !same: // an address is often that of the record before
			for k := range keys {
				of[k] = keys[k].text(i)
			}
			at := int64(0)
			if t.Timed() {
				at = *(*int64)(unsafe.Add(times.data, i*8))
			}
			found, last = t.Find(of, at), i
		}
		rows[i] = int64(found)
		if found < 0 {
			nulls.set(i)
		}
	}
}

// rowsOfOne finds the rows of a table that has one argument and whose rows are valid at any time.
func rowsOfOne(t *lookup.Table, chunk bindings.DataChunk, result bindings.Vector) {
	var arguments view
	arguments.load(bindings.DataChunkGetVector(chunk, 0), &column{kind: kindText})
	rows := (*[chunkRows]int64)(bindings.VectorGetData(result))
	nulls := nullRows{vector: result}
	var keys [lookup.Batch][]byte
	var found [lookup.Batch]int64
	var of [lookup.Batch]int // of the rows: their keys
	size := int(bindings.DataChunkGetSize(chunk))
	for from := 0; from < size; from += lookup.Batch {
		to, n, last := min(from+lookup.Batch, size), 0, -1
		for i := from; i < to; i++ {
			switch {
			case !arguments.valid(i):
				of[i-from] = -1
				continue
			case last < 0 || !arguments.same(i, last): // an address is often that of the record before
				keys[n] = arguments.text(i)
				n++
			}
			of[i-from], last = n-1, i
		}
		t.FindAll(keys[:n], found[:n])
		for i := from; i < to; i++ {
			rows[i] = -1
			if k := of[i-from]; k >= 0 {
				rows[i] = found[k]
			}
			if rows[i] < 0 {
				nulls.set(i)
			}
		}
	}
}

// nullRows sets rows of a vector to NULL.
type nullRows struct {
	vector bindings.Vector
	words  unsafe.Pointer
}

func (n *nullRows) set(row int) {
	if n.words == nil {
		bindings.VectorEnsureValidityWritable(n.vector)
		n.words = bindings.VectorGetValidity(n.vector)
	}
	setNull(n.words, row)
}

//export siltEngineValue
func siltEngineValue(info, in, out unsafe.Pointer) {
	c := cell[tableValues](bindings.ScalarFunctionGetExtraInfo(bindings.FunctionInfo{Ptr: info}))
	chunk, result := bindings.DataChunk{Ptr: in}, bindings.Vector{Ptr: out}
	var rows view
	rows.load(bindings.DataChunkGetVector(chunk, 0), &column{kind: kindFixed})
	nulls := nullRows{vector: result}
	count := int(bindings.DataChunkGetSize(chunk))
	if c.List {
		c.lists(result, &nulls, &rows, count)
		return
	}
	if c.Type == lookup.Text {
		c.texts(result, &nulls, &rows, count)
		return
	}
	data := bindings.VectorGetData(result)
	for i := range count {
		if !rows.valid(i) {
			nulls.set(i)
			continue
		}
		v, ok := c.table.Number(c.column, int(*(*int64)(unsafe.Add(rows.data, i*8))))
		if !ok {
			nulls.set(i)
		}
		setNumber(data, i, v, c.Type)
	}
}

// texts sets the rows of a vector of texts.
func (c *tableValues) texts(result bindings.Vector, nulls *nullRows, rows *view, count int) {
	data := bindings.VectorGetData(result)
	var of [lookup.Batch]int64
	var texts [lookup.Batch][]byte
	for from := 0; from < count; from += lookup.Batch {
		to := min(from+lookup.Batch, count)
		for i := from; i < to; i++ {
			of[i-from] = -1
			if rows.valid(i) {
				of[i-from] = *(*int64)(unsafe.Add(rows.data, i*8))
			}
		}
		c.table.Texts(c.column, of[:to-from], texts[:to-from])
		for i := from; i < to; i++ {
			switch v := texts[i-from]; {
			case len(v) == 0:
				nulls.set(i)
			case len(v) > inlineText:
				setText(result, i, v)
			default:
				setInline(data, i, v)
			}
		}
	}
}

// setNumber sets a row of a vector of a type other than Text.
func setNumber(data unsafe.Pointer, row int, v int64, typ lookup.Type) {
	switch typ {
	case lookup.Bool:
		*(*byte)(unsafe.Add(data, row)) = byte(v)
	case lookup.Date:
		*(*int32)(unsafe.Add(data, row*4)) = int32(v)
	default:
		*(*int64)(unsafe.Add(data, row*8)) = v
	}
}

// lists sets the rows of a vector of lists.
func (c *tableValues) lists(result bindings.Vector, nulls *nullRows, rows *view, count int) {
	var all []lookup.Element
	entries := (*[chunkRows]entry)(bindings.VectorGetData(result))
	for i := range count {
		from := len(all)
		if rows.valid(i) {
			all = slices.AppendSeq(all, c.table.List(c.column, int(*(*int64)(unsafe.Add(rows.data, i*8)))))
		}
		if len(all) == from {
			nulls.set(i)
		}
		entries[i] = entry{uint64(from), uint64(len(all) - from)}
	}
	bindings.ListVectorReserve(result, bindings.IdxT(len(all)))
	bindings.ListVectorSetSize(result, bindings.IdxT(len(all)))
	child := bindings.ListVectorGetChild(result)
	data, unknown := bindings.VectorGetData(child), nullRows{vector: child}
	for i, e := range all {
		switch {
		case e.Null:
			unknown.set(i)
		case c.Type == lookup.Text:
			setText(child, i, e.Text)
		default:
			setNumber(data, i, e.Number, c.Type)
		}
	}
}
