package engine

/*
#include <stdint.h>
#include <stdlib.h>
extern void siltEngineBind(void*);
extern void siltEngineInit(void*);
extern void siltEngineLocal(void*);
extern void siltEngineFill(void*, void*);
extern void siltEngineFree(void*);
static void *silt_bind(void) { return (void*)siltEngineBind; }
static void *silt_init(void) { return (void*)siltEngineInit; }
static void *silt_local(void) { return (void*)siltEngineLocal; }
static void *silt_fill(void) { return (void*)siltEngineFill; }
static void *silt_free(void) { return (void*)siltEngineFree; }
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime/cgo"
	"runtime/debug"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// What DuckDB holds of ours is a cell: C memory with the number of a cgo.Handle, so that no Go pointer is kept by C. It gives
// a cell back through siltEngineFree, on any of its threads.

type freer interface{ free() }

// table is a registered Source. It lives as long as the function in DuckDB's catalog.
type table struct {
	db   *DB
	name string
	src  Source
	cols []Column
}

// scan is one use of a table in one statement.
type scan struct {
	*table
	call *call // nil outside of Exec and Query: a statement that is only prepared
}

// local is a scan's part on one of DuckDB's threads.
type local struct {
	*scan
	cur   Cursor
	chunk Chunk
	// place is, for each column of DuckDB's chunk, the Source's column (-1: not ours).
	place []int
	ended bool
}

func (*table) free() {}
func (*scan) free()  {}
func (l *local) free() {
	defer l.chunk.arena.free()
	defer l.rescue(nil)
	l.cur.Close()
}

func newCell(v freer) unsafe.Pointer {
	p := C.malloc(C.size_t(unsafe.Sizeof(C.uintptr_t(0))))
	*(*C.uintptr_t)(p) = C.uintptr_t(cgo.NewHandle(v))
	return p
}

func cell[T freer](p unsafe.Pointer) T {
	return cgo.Handle(*(*C.uintptr_t)(p)).Value().(T)
}

//export siltEngineFree
func siltEngineFree(p unsafe.Pointer) {
	h := cgo.Handle(*(*C.uintptr_t)(p))
	C.free(p)
	v := h.Value().(freer)
	h.Delete()
	v.free()
}

// RegisterSource makes src the table function name(). Every scan of it asks for new Cursors, one for each of DuckDB's
// threads at most, and closes each. Only the columns that a statement reads are filled (Chunk.Wanted). A name can be
// given once: DuckDB keeps the first of two functions without a word.
func (d *DB) RegisterSource(name string, src Source) error {
	t := &table{db: d, name: name, src: src, cols: src.Columns()}
	if len(t.cols) == 0 {
		return fmt.Errorf("engine: source %s has no columns", name)
	}
	for _, c := range t.cols {
		if _, ok := duckType(c.Type); !ok {
			return fmt.Errorf("engine: source %s: column %s has the unknown type %d", name, c.Name, c.Type)
		}
	}
	known, err := d.side.text("SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE lower(function_name) = lower($1)", &name)
	if err != nil {
		return fmt.Errorf("engine: source %s: %w", name, err)
	}
	if len(known) > 0 {
		return fmt.Errorf("engine: source %s: DuckDB has a function of this name; choose another name", name)
	}
	d.main.mu.Lock()
	defer d.main.mu.Unlock()
	if d.main.c.Ptr == nil {
		return errClosed
	}
	f := bindings.CreateTableFunction()
	defer bindings.DestroyTableFunction(&f)
	bindings.TableFunctionSetName(f, name)
	bindings.TableFunctionSetExtraInfo(f, newCell(t), C.silt_free())
	bindings.TableFunctionSetBind(f, C.silt_bind())
	bindings.TableFunctionSetInit(f, C.silt_init())
	bindings.TableFunctionSetLocalInit(f, C.silt_local())
	bindings.TableFunctionSetFunction(f, C.silt_fill())
	bindings.TableFunctionSupportsProjectionPushdown(f, true)
	if bindings.RegisterTableFunction(d.main.c, f) != bindings.StateSuccess {
		return fmt.Errorf("engine: DuckDB refuses the source %s", name)
	}
	return nil
}

func duckType(t Type) (bindings.Type, bool) {
	switch t {
	case Varchar:
		return bindings.TypeVarchar, true
	case Boolean:
		return bindings.TypeBoolean, true
	case Integer:
		return bindings.TypeInteger, true
	case BigInt:
		return bindings.TypeBigInt, true
	case Double:
		return bindings.TypeDouble, true
	case Timestamp:
		return bindings.TypeTimestamp, true
	}
	return 0, false
}

//export siltEngineBind
func siltEngineBind(p unsafe.Pointer) {
	info := bindings.BindInfo{Ptr: p}
	s := &scan{table: cell[*table](bindings.BindGetExtraInfo(info))}
	var cc bindings.ClientContext
	bindings.TableFunctionGetClientContext(info, &cc)
	id := uint64(bindings.ClientContextGetConnectionId(cc))
	bindings.DestroyClientContext(&cc)
	s.db.mu.Lock()
	s.call = s.db.running[id]
	s.db.mu.Unlock()
	for _, c := range s.cols {
		t, _ := duckType(c.Type)
		lt := bindings.CreateLogicalType(t)
		bindings.BindAddResultColumn(info, c.Name, lt)
		bindings.DestroyLogicalType(&lt)
	}
	bindings.BindSetBindData(info, newCell(s), C.silt_free())
}

//export siltEngineInit
func siltEngineInit(p unsafe.Pointer) {
	info := bindings.InitInfo{Ptr: p}
	s := cell[*scan](bindings.InitGetBindData(info))
	bindings.InitSetMaxThreads(info, bindings.IdxT(s.db.threads))
}

//export siltEngineLocal
func siltEngineLocal(p unsafe.Pointer) {
	info := bindings.InitInfo{Ptr: p}
	l := &local{scan: cell[*scan](bindings.InitGetBindData(info))}
	l.chunk.cols = make([]slot, len(l.cols))
	for i, c := range l.cols {
		l.chunk.cols[i].typ = c.Type
	}
	for i := range bindings.InitGetColumnCount(info) {
		k := int(bindings.InitGetColumnIndex(info, i)) // a column of DuckDB's own (row id) is out of range
		if k < 0 || k >= len(l.cols) {
			k = -1
		}
		l.place = append(l.place, k)
	}
	for _, k := range l.place {
		if k < 0 {
			continue
		}
		if l.chunk.cols[k].wanted {
			bindings.InitSetError(info, "column "+l.cols[k].Name+" is asked for twice")
			return
		}
		l.chunk.cols[k].wanted = true
	}
	if err := l.open(); err != nil {
		bindings.InitSetError(info, err.Error())
		return
	}
	bindings.InitSetInitData(info, newCell(l), C.silt_free())
}

func (l *local) open() (err error) {
	defer l.rescue(&err)
	l.cur = l.src.NewCursor()
	return nil
}

// rescue turns a panic of the caller's code into the query's error.
func (l *local) rescue(err *error) {
	if r := recover(); r != nil {
		e := &PanicError{Source: l.name, Value: r, Stack: debug.Stack()}
		if l.call != nil {
			l.call.fail(e)
		}
		if err != nil {
			*err = e
		}
	}
}

//export siltEngineFill
func siltEngineFill(p, out unsafe.Pointer) {
	info := bindings.FunctionInfo{Ptr: p}
	ck := bindings.DataChunk{Ptr: out}
	l := cell[*local](bindings.FunctionGetLocalInitData(info))
	n, err := l.fill(ck)
	if err != nil {
		if l.call != nil {
			l.call.fail(err)
		}
		bindings.FunctionSetError(info, err.Error())
		n = 0
	}
	bindings.DataChunkSetSize(ck, bindings.IdxT(n))
}

func (l *local) fill(ck bindings.DataChunk) (n int, err error) {
	defer l.rescue(&err)
	if l.ended {
		return 0, nil
	}
	ctx := context.Background()
	if l.call != nil {
		if ctx = l.call.ctx; ctx.Err() != nil {
			return 0, errEnded
		}
	}
	l.chunk.reset(ck, l.place)
	n, err = l.cur.Fill(ctx, &l.chunk)
	if err == nil && (n < 0 || n > chunkRows) {
		err = fmt.Errorf("source %s: a cursor filled %d rows of %d", l.name, n, chunkRows)
	}
	if err != nil && errors.Is(err, context.Canceled) && ctx.Err() != nil && l.call.parent.Err() == nil {
		err = errEnded // the reader was closed early; nobody's error
	}
	l.ended = err != nil || n == 0
	return n, err
}
