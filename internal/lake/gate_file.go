package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// fileMeta is what the gate reads of a footer, by a parser of its own: the library that wrote a file, or that reads it
// leniently, is not asked whether it keeps the rules.
type fileMeta struct {
	schema []schemaElement
	rows   int64
	groups []groupMeta
}

type schemaElement struct {
	name    string
	phys    int64 // -1: none
	rep     int64 // -1: none
	kids    int64
	conv    int64 // -1: none
	logical int64 // number of the union's member, 0: none
	local   bool  // a timestamp that is not adjusted to UTC
	scale   int64 // of a decimal
	digits  int64 // of a decimal
}

type groupMeta struct {
	chunks []chunkMeta
	rows   int64
}

type chunkMeta struct {
	foreign  bool // in another file, or encrypted
	has      bool
	phys     int64
	path     string
	codec    int64
	values   int64
	unc      int64
	comp     int64
	dataOff  int64
	dictOff  int64 // 0: none
	indexOff int64 // 0: none
	min, max []byte
	nulls    int64 // -1: not known
}

// start is where the chunk's pages begin.
func (c *chunkMeta) start() int64 {
	if c.dictOff > 0 {
		return min(c.dictOff, c.dataOff)
	}
	return c.dataOff
}

// maxFooter is far above the footer of any file of MaxFileBytes.
const maxFooter = 32 << 20

// readFooter also says where the footer begins.
func readFooter(r io.ReaderAt, size int64, file string) (*fileMeta, int64, error) {
	bad := func(rule Rule, msg string) (*fileMeta, int64, error) {
		return nil, 0, &GateError{Rule: rule, File: file, Message: msg}
	}
	if size < 12 {
		return bad(RuleMagic, fmt.Sprintf("a file of %d bytes is not a Parquet file", size))
	}
	var head [4]byte
	var tail [8]byte
	if err := readFull(r, head[:], 0); err != nil {
		return nil, 0, fmt.Errorf("%s: read its beginning: %w", file, err)
	}
	if err := readFull(r, tail[:], size-8); err != nil {
		return nil, 0, fmt.Errorf("%s: read its end: %w", file, err)
	}
	if string(head[:]) != "PAR1" || string(tail[4:]) != "PAR1" {
		return bad(RuleMagic, "it does not begin and end with PAR1")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 || n > maxFooter {
		return bad(RuleFooter, fmt.Sprintf("a footer of %d bytes cannot be in a file of %d", n, size))
	}
	b := make([]byte, n)
	if err := readFull(r, b, size-8-n); err != nil {
		return nil, 0, fmt.Errorf("%s: read its footer: %w", file, err)
	}
	t := &thriftReader{b: b}
	m := readFileMeta(t)
	if t.bad {
		return bad(RuleFooter, "it cannot be parsed")
	}
	return m, size - 8 - n, nil
}

// AmendFile is a finished file whose footer is written again: an *os.File.
type AmendFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
}

// Amend adds to the metadata of a finished file's footer, and returns the file's new size. Everything else that the footer says stays
// as it was, byte for byte, and the pages are not touched: what the gate found in the file stays true.
func Amend(f AmendFile, size int64, values []KeyValue) (int64, error) {
	before, at, err := readFooter(f, size, "the file")
	if err != nil {
		return 0, err
	}
	b := make([]byte, size-at)
	if err := readFull(f, b, at); err != nil {
		return 0, err
	}
	old, err := KeyValues(b)
	if err != nil {
		return 0, err
	}
	var all []KeyValue
	for _, k := range slices.Sorted(maps.Keys(old)) {
		all = append(all, KeyValue{k, old[k]})
	}
	all = append(all, values...)
	in, out := &thriftReader{b: b[:len(b)-8]}, &thriftWriter{}
	out.strct(func() {
		wrote := false
		in.fields(func(id int64, typ byte) bool {
			from := in.p
			in.skip(typ, 1)
			if id >= 5 && !wrote {
				out.keyValues(all)
				wrote = true
			}
			if id != 5 {
				out.field(int16(id), typ)
				out.b = append(out.b, in.b[from:in.p]...)
			}
			return true
		})
		if !wrote {
			out.keyValues(all)
		}
	})
	if in.bad {
		return 0, errors.New("the file's footer cannot be parsed")
	}
	n := len(out.b)
	text := append(binary.LittleEndian.AppendUint32(out.b, uint32(n)), "PAR1"...)
	if err := f.Truncate(at); err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(text, at); err != nil {
		return 0, err
	}
	size = at + int64(len(text))
	after, end, err := readFooter(f, size, "the file")
	if err != nil {
		return 0, err
	}
	if end != at || !reflect.DeepEqual(before, after) {
		return 0, errors.New("the file's footer says something else than before. Please report this")
	}
	return size, nil
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func readFileMeta(t *thriftReader) *fileMeta {
	m := &fileMeta{rows: -1}
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 2 && typ == tList:
			t.each(tStruct, func() { m.schema = append(m.schema, readElement(t)) })
		case id == 3 && typ == tI64:
			m.rows = t.int()
		case id == 4 && typ == tList:
			t.each(tStruct, func() { m.groups = append(m.groups, readGroup(t)) })
		default:
			return false
		}
		return true
	})
	return m
}

func readElement(t *thriftReader) schemaElement {
	e := schemaElement{phys: -1, rep: -1, conv: -1}
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tI32:
			e.phys = t.int()
		case id == 3 && typ == tI32:
			e.rep = t.int()
		case id == 4 && typ == tBinary:
			e.name = string(t.binary())
		case id == 5 && typ == tI32:
			e.kids = t.int()
		case id == 6 && typ == tI32:
			e.conv = t.int()
		case id == 7 && typ == tI32:
			e.scale = t.int()
		case id == 8 && typ == tI32:
			e.digits = t.int()
		case id == 10 && typ == tStruct:
			t.fieldsAt(1, func(id int64, typ byte) bool {
				if e.logical = id; id != logicalTime || typ != tStruct {
					return false
				}
				t.fieldsAt(2, func(id int64, typ byte) bool {
					e.local = e.local || id == 1 && typ == tFalse
					return id == 1 && (typ == tTrue || typ == tFalse)
				})
				return true
			})
		default:
			return false
		}
		return true
	})
	return e
}

func readGroup(t *thriftReader) groupMeta {
	g := groupMeta{rows: -1}
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tList:
			t.each(tStruct, func() { g.chunks = append(g.chunks, readChunk(t)) })
		case id == 3 && typ == tI64:
			g.rows = t.int()
		default:
			return false
		}
		return true
	})
	return g
}

func readChunk(t *thriftReader) chunkMeta {
	var c chunkMeta
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 1 || id == 8 || id == 9: // file_path, crypto_metadata, encrypted_column_metadata
			c.foreign = true
			return false
		case id == 3 && typ == tStruct:
			c.has = true
			readChunkMeta(t, &c)
		default:
			return false
		}
		return true
	})
	return c
}

func readChunkMeta(t *thriftReader, c *chunkMeta) {
	c.phys, c.codec, c.values, c.nulls = -1, -1, -1, -1
	t.fieldsAt(1, func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tI32:
			c.phys = t.int()
		case id == 3 && typ == tList:
			var path []string
			t.each(tBinary, func() { path = append(path, string(t.binary())) })
			c.path = strings.Join(path, ".")
		case id == 4 && typ == tI32:
			c.codec = t.int()
		case id == 5 && typ == tI64:
			c.values = t.int()
		case id == 6 && typ == tI64:
			c.unc = t.int()
		case id == 7 && typ == tI64:
			c.comp = t.int()
		case id == 9 && typ == tI64:
			c.dataOff = t.int()
		case id == 10 && typ == tI64:
			c.indexOff = t.int()
		case id == 11 && typ == tI64:
			c.dictOff = t.int()
		case id == 12 && typ == tStruct:
			t.fieldsAt(2, func(id int64, typ byte) bool {
				switch {
				case id == 3 && typ == tI64:
					c.nulls = t.int()
				case id == 5 && typ == tBinary:
					c.max = t.binary()
				case id == 6 && typ == tBinary:
					c.min = t.binary()
				default:
					return false
				}
				return true
			})
		default:
			return false
		}
		return true
	})
}

// pageHeader is what the gate reads of a page's header.
type pageHeader struct {
	kind      int64
	unc, comp int64
	values    int64
	encoding  int64
	levels    int64 // v2: bytes of levels before the compressed values
	plain     bool  // v2: not compressed
	size      int64 // of the header itself
}

// readPageHeader parses a header at the begin of b; more tells that b ended before it did.
func readPageHeader(b []byte) (h pageHeader, more, ok bool) {
	t := &thriftReader{b: b}
	h.kind, h.unc, h.comp, h.values = -1, -1, -1, -1
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tI32:
			h.kind = t.int()
		case id == 2 && typ == tI32:
			h.unc = t.int()
		case id == 3 && typ == tI32:
			h.comp = t.int()
		case (id == 5 || id == 7 || id == 8) && typ == tStruct:
			readPageKind(t, &h, id)
		default:
			return false
		}
		return true
	})
	h.size = int64(t.p)
	return h, t.short, !t.bad
}

func readPageKind(t *thriftReader, h *pageHeader, kind int64) {
	t.fieldsAt(1, func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tI32:
			h.values = t.int()
		case kind != 8 && id == 2 && typ == tI32, kind == 8 && id == 4 && typ == tI32:
			h.encoding = t.int()
		case kind == 8 && (id == 5 || id == 6) && typ == tI32:
			h.levels += t.int()
		case kind == 8 && id == 7 && typ == tFalse:
			h.plain = true
		default:
			return false
		}
		return true
	})
}
