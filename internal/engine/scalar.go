package engine

/*
extern void siltEngineCheck(void*, void*, void*);
extern void siltEngineFree(void*);
extern void siltEngineDirection(void*, void*, void*);
extern void siltEngineRegion(void*, void*, void*);
extern void siltEngineHashes(void*, void*, void*);
static void *silt_direction(void) { return (void*)siltEngineDirection; }
static void *silt_region(void) { return (void*)siltEngineRegion; }
extern void siltEngineTag(void*, void*, void*);
extern void siltEngineTactics(void*, void*, void*);
static void *silt_tag(void) { return (void*)siltEngineTag; }
static void *silt_tactics(void) { return (void*)siltEngineTactics; }
static void *silt_hashes(void) { return (void*)siltEngineHashes; }
static void *silt_check(void) { return (void*)siltEngineCheck; }
static void *silt_free_check(void) { return (void*)siltEngineFree; }
*/
import "C"

import (
	"bytes"
	"fmt"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/silt-etl/silt/internal/fastmacro"
	"github.com/silt-etl/silt/internal/ocsf/texttype"
)

// Every DB has the functions silt_ip(t), silt_mac(t), ...: they return t where it is a value of the OCSF type, and NULL where it is not.
// They are written in Go because regular expressions would cost more than all else that happens to an address.

// checker is such a function.
type checker struct{ takes texttype.Check }

func (checker) free() {}

// registerChecks makes the functions.
func (d *DB) registerChecks() error {
	text := bindings.CreateLogicalType(bindings.TypeVarchar)
	defer bindings.DestroyLogicalType(&text)
	for _, typ := range texttype.Checked() {
		f := bindings.CreateScalarFunction()
		bindings.ScalarFunctionSetName(f, texttype.Function(typ))
		bindings.ScalarFunctionAddParameter(f, text)
		bindings.ScalarFunctionSetReturnType(f, text)
		bindings.ScalarFunctionSetExtraInfo(f, newCell(checker{texttype.Of(typ)}), C.silt_free_check())
		bindings.ScalarFunctionSetFunction(f, C.silt_check())
		state := bindings.RegisterScalarFunction(d.main.c, f)
		bindings.DestroyScalarFunction(&f)
		if state != bindings.StateSuccess {
			return fmt.Errorf("engine: DuckDB refuses the function %s", texttype.Function(typ))
		}
	}
	return nil
}

//export siltEngineCheck
func siltEngineCheck(info, in, out unsafe.Pointer) {
	c := cell[checker](bindings.ScalarFunctionGetExtraInfo(bindings.FunctionInfo{Ptr: info}))
	chunk := bindings.DataChunk{Ptr: in}
	c.check(bindings.DataChunkGetVector(chunk, 0), bindings.Vector{Ptr: out}, int(bindings.DataChunkGetSize(chunk)))
}

// check fills out with the texts of in that are values of the type. DuckDB has made in flat.
func (c checker) check(in, out bindings.Vector, rows int) {
	var v view
	v.load(in, &column{kind: kindText})
	i, last := 0, -1
	for i < rows && (!v.valid(i) || last >= 0 && v.same(i, last) || c.takes(v.text(i))) {
		if v.valid(i) {
			last = i // a machine's name is the same in record after record
		}
		i++
	}
	if i == rows {
		bindings.VectorReferenceVector(out, in) // nothing is copied
		return
	}
	if v.ok == nil { // in has no bits that both would share
		bindings.VectorReferenceVector(out, in)
		bindings.VectorEnsureValidityWritable(out)
		nulls := bindings.VectorGetValidity(out)
		for ; i < rows; i++ {
			if !c.takes(v.text(i)) {
				setNull(nulls, i)
			}
		}
		return
	}
	bindings.VectorEnsureValidityWritable(out)
	nulls := bindings.VectorGetValidity(out)
	for k := range rows {
		if v.valid(k) && (k < i || c.takes(v.text(k))) {
			bindings.UnsafeVectorAssignStringElementLen(out, bindings.IdxT(k), v.text(k))
		} else {
			setNull(nulls, k)
		}
	}
}

// same says whether two texts are equal.
func (v *view) same(i, j int) bool {
	a, b := (*[2]uint64)(unsafe.Add(v.data, i*16)), (*[2]uint64)(unsafe.Add(v.data, j*16))
	if a[0] != b[0] { // the size, and the first four bytes
		return false
	}
	return a[1] == b[1] || uint32(a[0]) > inlineText && bytes.Equal(v.text(i), v.text(j))
}

func setNull(nulls unsafe.Pointer, row int) {
	*(*uint64)(unsafe.Add(nulls, row>>6*8)) &^= 1 << (row & 63)
}

// registerFastMacros makes the functions of package fastmacro: silt_direction_between(src, dst), which is 0 for NULL,
// silt_zone_region(zone), and silt_fingerprints(t).
func (d *DB) registerFastMacros() error {
	text, number := bindings.CreateLogicalType(bindings.TypeVarchar), bindings.CreateLogicalType(bindings.TypeInteger)
	defer bindings.DestroyLogicalType(&text)
	defer bindings.DestroyLogicalType(&number)
	hash := bindings.CreateStructType([]bindings.LogicalType{number, text, text}, []string{"algorithm_id", "algorithm", "value"})
	defer bindings.DestroyLogicalType(&hash)
	hashes := bindings.CreateListType(hash)
	defer bindings.DestroyLogicalType(&hashes)
	tactic := bindings.CreateStructType([]bindings.LogicalType{text, text}, []string{"uid", "name"})
	defer bindings.DestroyLogicalType(&tactic)
	tactics := bindings.CreateListType(tactic)
	defer bindings.DestroyLogicalType(&tactics)
	for _, fn := range []struct {
		name       string
		parameters int
		result     bindings.LogicalType
		call       unsafe.Pointer
	}{
		{"silt_direction_between", 2, number, C.silt_direction()},
		{"silt_zone_region", 1, text, C.silt_region()},
		{"silt_fingerprints", 1, hashes, C.silt_hashes()},
		{"silt_tag_value", 2, text, C.silt_tag()},
		{"silt_tactics", 1, tactics, C.silt_tactics()},
	} {
		f := bindings.CreateScalarFunction()
		bindings.ScalarFunctionSetName(f, fn.name)
		for range fn.parameters {
			bindings.ScalarFunctionAddParameter(f, text)
		}
		bindings.ScalarFunctionSetReturnType(f, fn.result)
		bindings.ScalarFunctionSetSpecialHandling(f) // NULL is an argument like others
		bindings.ScalarFunctionSetFunction(f, fn.call)
		state := bindings.RegisterScalarFunction(d.main.c, f)
		bindings.DestroyScalarFunction(&f)
		if state != bindings.StateSuccess {
			return fmt.Errorf("engine: DuckDB refuses the function %s", fn.name)
		}
	}
	return nil
}

//export siltEngineDirection
func siltEngineDirection(_, in, out unsafe.Pointer) {
	chunk := bindings.DataChunk{Ptr: in}
	var src, dst view
	src.load(bindings.DataChunkGetVector(chunk, 0), &column{kind: kindText})
	dst.load(bindings.DataChunkGetVector(chunk, 1), &column{kind: kindText})
	result := (*[chunkRows]int32)(bindings.VectorGetData(bindings.Vector{Ptr: out}))
	for i := range int(bindings.DataChunkGetSize(chunk)) {
		result[i] = 0
		if src.valid(i) && dst.valid(i) {
			result[i] = fastmacro.Direction(src.text(i), dst.text(i))
		}
	}
}

//export siltEngineRegion
func siltEngineRegion(_, in, out unsafe.Pointer) {
	chunk, result := bindings.DataChunk{Ptr: in}, bindings.Vector{Ptr: out}
	var zones view
	zones.load(bindings.DataChunkGetVector(chunk, 0), &column{kind: kindText})
	var nulls unsafe.Pointer
	for i := range int(bindings.DataChunkGetSize(chunk)) {
		n := 0
		if zones.valid(i) {
			n = fastmacro.Region(zones.text(i))
		}
		switch {
		case n == 0:
			if nulls == nil {
				bindings.VectorEnsureValidityWritable(result)
				nulls = bindings.VectorGetValidity(result)
			}
			setNull(nulls, i)
		default:
			setText(result, i, zones.text(i)[:n])
		}
	}
}

//export siltEngineHashes
func siltEngineHashes(_, in, out unsafe.Pointer) {
	chunk, result := bindings.DataChunk{Ptr: in}, bindings.Vector{Ptr: out}
	rows := int(bindings.DataChunkGetSize(chunk))
	var texts view
	texts.load(bindings.DataChunkGetVector(chunk, 0), &column{kind: kindText})
	var all []fastmacro.Hash
	var nulls unsafe.Pointer
	lists := (*[chunkRows]entry)(bindings.VectorGetData(result))
	for i := range rows {
		from := len(all)
		if texts.valid(i) {
			all = fastmacro.Hashes(all, texts.text(i))
		} else {
			if nulls == nil {
				bindings.VectorEnsureValidityWritable(result)
				nulls = bindings.VectorGetValidity(result)
			}
			setNull(nulls, i)
		}
		lists[i] = entry{uint64(from), uint64(len(all) - from)}
	}
	bindings.ListVectorReserve(result, bindings.IdxT(len(all)))
	bindings.ListVectorSetSize(result, bindings.IdxT(len(all)))
	child := bindings.ListVectorGetChild(result)
	ids := bindings.VectorGetData(bindings.StructVectorGetChild(child, 0))
	names, values := bindings.StructVectorGetChild(child, 1), bindings.StructVectorGetChild(child, 2)
	for i, h := range all {
		*(*int32)(unsafe.Add(ids, i*4)) = h.AlgorithmID
		setText(names, i, h.Algorithm)
		setText(values, i, h.Value)
	}
}

//export siltEngineTag
func siltEngineTag(_, in, out unsafe.Pointer) {
	chunk, result := bindings.DataChunk{Ptr: in}, bindings.Vector{Ptr: out}
	var texts, names view
	texts.load(bindings.DataChunkGetVector(chunk, 0), &column{kind: kindText})
	names.load(bindings.DataChunkGetVector(chunk, 1), &column{kind: kindText})
	nulls := nullRows{vector: result}
	var scratch, value []byte
	for i := range int(bindings.DataChunkGetSize(chunk)) {
		value = nil
		if texts.valid(i) && names.valid(i) {
			value, scratch = fastmacro.TagValue(scratch, texts.text(i), names.text(i))
		}
		if value == nil {
			nulls.set(i)
		} else {
			setText(result, i, value)
		}
	}
}

//export siltEngineTactics
func siltEngineTactics(_, in, out unsafe.Pointer) {
	chunk, result := bindings.DataChunk{Ptr: in}, bindings.Vector{Ptr: out}
	var texts view
	texts.load(bindings.DataChunkGetVector(chunk, 0), &column{kind: kindText})
	var all []fastmacro.Tactic
	nulls := nullRows{vector: result}
	lists := (*[chunkRows]entry)(bindings.VectorGetData(result))
	for i := range int(bindings.DataChunkGetSize(chunk)) {
		from := len(all)
		if texts.valid(i) {
			all = fastmacro.Tactics(all, texts.text(i))
		} else {
			nulls.set(i)
		}
		lists[i] = entry{uint64(from), uint64(len(all) - from)}
	}
	bindings.ListVectorReserve(result, bindings.IdxT(len(all)))
	bindings.ListVectorSetSize(result, bindings.IdxT(len(all)))
	child := bindings.ListVectorGetChild(result)
	uids, names := bindings.StructVectorGetChild(child, 0), bindings.StructVectorGetChild(child, 1)
	unknown := nullRows{vector: names}
	for i, t := range all {
		setText(uids, i, t.UID)
		if t.Name == nil {
			unknown.set(i)
		} else {
			setText(names, i, t.Name)
		}
	}
}

// setText sets a row of a vector of texts.
func setText(out bindings.Vector, row int, text []byte) {
	if len(text) > inlineText {
		bindings.UnsafeVectorAssignStringElementLen(out, bindings.IdxT(row), text)
		return
	}
	setInline(bindings.VectorGetData(out), row, text)
}

// setInline sets a row of a vector of texts to one of up to inlineText bytes.
func setInline(data unsafe.Pointer, row int, text []byte) {
	t := (*stringT)(unsafe.Add(data, row*16))
	t.size, t.rest = uint32(len(text)), [inlineText]byte{}
	copy(t.rest[:], text)
}
