package lookup

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// mmdbRowBytes is what a row takes while the places of records are collected.
const mmdbRowBytes = 64

// networkColumn is what the prefixes of a MaxMind database are called in a declaration.
const networkColumn = "network"

// Limits of a record of a MaxMind database. Pointers let a few bytes stand for any number of values.
const (
	maxRecordValues = 10_000
	maxRecordDepth  = 32
	maxRecordBytes  = 1 << 20
)

var (
	errRecordValues = errors.New("a record has more than 10,000 values")
	errRecordDepth  = errors.New("a record has more than 32 levels")
	errRecordBytes  = errors.New("a record has more than 1 MiB of texts")
)

// readMMDB reads a MaxMind database. Networks that have the same record share a row. A field of a record is a column, with a name like
// country.iso_code.
func readMMDB(ctx context.Context, d Declaration, src io.ReaderAt, o Options) (t *Table, err error) {
	bad := func(message, try string) error { return &Error{File: o.File, Message: message, Try: try} }
	switch {
	case d.How != CIDR || d.Columns[0] != networkColumn:
		return nil, bad("a MaxMind database is found by its networks only", "declare `-- lookup: "+d.Name+" by cidr "+networkColumn+"`")
	case d.Timed():
		return nil, bad("a MaxMind database has no times of validity", "declare `-- lookup: "+d.Name+" by cidr "+networkColumn+"`")
	}
	b := emptyBuilder(ctx, d, o)
	b.held = o.Size
	if o.MaxBytes > 0 && o.Size > o.MaxBytes {
		return nil, b.tooLarge(o.Size)
	}
	damaged := func(err any) error {
		text := fmt.Sprint(err)
		return bad(fmt.Sprintf("it is not a MaxMind database that can be read: %.200s", text), "download the file again")
	}
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, damaged(p)
		}
	}()
	m := &mmdbReader{builder: b, damaged: damaged, rows: map[uintptr]int32{}, byPath: map[string]int{}}
	file := make([]byte, o.Size)
	if _, err := src.ReadAt(file, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if m.db, err = maxminddb.OpenBytes(file); err != nil {
		return nil, damaged(err)
	}
	if err := m.networks(); err != nil {
		return nil, err
	}
	return m.table()
}

// mmdbReader makes the table of a database.
type mmdbReader struct {
	*builder
	db      *maxminddb.Reader
	damaged func(err any) error
	rows    map[uintptr]int32 // by the place of the record
	places  []uintptr         // of each row
	byPath  map[string]int
	columns []Column
	kinds   []mmdbKind // of the columns
}

// mmdbKind is what the values of a field are. Fields whose values are of several kinds are texts.
type mmdbKind struct {
	Type
	list  bool
	json  bool
	known bool
}

func (k mmdbKind) or(other mmdbKind) mmdbKind {
	switch {
	case !k.known || k == other:
		return other
	case k.list || other.list || k.json || other.json:
		return mmdbKind{json: true, known: true}
	}
	return mmdbKind{known: true}
}

// networks makes the index, and finds the rows and the columns.
func (m *mmdbReader) networks() error {
	x := &intervalIndex{}
	f := &flattener{x: x}
	record := &mmdbRecord{seen: m.see}
	n := 0
	for r := range m.db.Networks() {
		if err := r.Err(); err != nil {
			return m.damaged(err)
		}
		if n++; n > MaxRows {
			return m.fault(0, "", "use a database of fewer networks", "a lookup can have %d networks, and this database has more", MaxRows)
		}
		if n%checkEvery == 0 {
			if err := m.stopped(); err != nil {
				return err
			}
			if n := m.size() + x.bytes() + int64(len(m.places))*mmdbRowBytes; m.MaxBytes > 0 && n > m.MaxBytes {
				return m.tooLarge(n)
			}
		}
		row, ok := m.rows[r.Offset()]
		if !ok {
			row = int32(len(m.places))
			m.rows[r.Offset()], m.places = row, append(m.places, r.Offset())
			if err := record.read(r); err != nil {
				return m.recordError(err)
			}
		}
		network := r.Prefix()
		p := prefix{first: ofIP(network.Addr()), bits: uint8(network.Bits())}
		f.begin(p.first, row)
		x.four.merge()
		x.six.merge()
		f.end(p.last(), -1)
	}
	x.done()
	m.index, m.rows = x, nil
	return nil
}

func (m *mmdbReader) recordError(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for _, limit := range []error{errRecordValues, errRecordDepth, errRecordBytes} {
		if errors.Is(err, limit) {
			return m.fault(0, "", "use another database", "%s", limit)
		}
	}
	return m.damaged(err)
}

// see notes the kind of a field.
func (m *mmdbReader) see(path []byte, v mmdbValue) error {
	i, ok := m.byPath[string(path)]
	if !ok {
		if len(m.columns) == MaxColumns {
			return m.fault(0, "", "use another database", "a lookup can have %d columns, and this database has more fields", MaxColumns)
		}
		i = len(m.columns)
		m.byPath[string(path)] = i
		m.columns, m.kinds = append(m.columns, Column{Name: string(path)}), append(m.kinds, mmdbKind{})
	}
	m.kinds[i] = m.kinds[i].or(v.kind)
	return nil
}

// table reads the records into the columns.
func (m *mmdbReader) table() (*Table, error) {
	if len(m.columns) == 0 {
		return nil, m.fault(0, "", "use another database", "no record has a field")
	}
	order := make([]int, len(m.columns)) // by name, so that the order of records does not matter
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return bytes.Compare([]byte(m.columns[x].Name), []byte(m.columns[y].Name)) })
	columns := make([]Column, len(order))
	for to, from := range order {
		columns[to] = Column{Name: m.columns[from].Name, Type: m.kinds[from].Type, List: m.kinds[from].list}
		m.byPath[columns[to].Name] = to
	}
	if err := m.addColumns(columns, 0); err != nil {
		return nil, err
	}
	cells, lists, texts := make([]cell, len(columns)), make([]listBuilder, len(columns)), make([][]byte, len(columns))
	record := &mmdbRecord{seen: func(path []byte, v mmdbValue) error {
		i := m.byPath[string(path)]
		c := &cells[i]
		c.null = false
		switch {
		case columns[i].List:
			l := &lists[i]
			l.reset()
			for _, e := range v.elements {
				if columns[i].Type == Text {
					l.addText(e.text)
				} else {
					l.addNumber(e.number)
				}
			}
			c.text, c.elements = l.b, l.n
		case m.kinds[order[i]].json:
			texts[i] = v.appendJSON(texts[i][:0])
			c.text = texts[i]
		case columns[i].Type == Text:
			texts[i] = v.appendText(texts[i][:0])
			c.text = texts[i]
		default:
			c.number = v.number
		}
		return nil
	}}
	for _, place := range m.places {
		for i := range cells {
			cells[i] = cell{null: true}
		}
		if err := record.read(m.db.LookupOffset(place)); err != nil {
			return nil, m.recordError(err)
		}
		if err := m.add(0, cells); err != nil {
			return nil, err
		}
	}
	return m.done()
}

// mmdbValue is a value of a record that is not a map.
type mmdbValue struct {
	kind     mmdbKind
	text     []byte
	number   int64
	elements []mmdbValue // of a list of values of one kind
	json     []byte      // of any other list
}

// appendText appends the value as a text.
func (v *mmdbValue) appendText(b []byte) []byte {
	switch v.kind.Type {
	case Bool:
		return strconv.AppendBool(b, v.number != 0)
	case Int:
		return strconv.AppendInt(b, v.number, 10)
	case Uint:
		return strconv.AppendUint(b, uint64(v.number), 10)
	case Double:
		return strconv.AppendFloat(b, math.Float64frombits(uint64(v.number)), 'g', -1, 64)
	}
	return append(b, v.text...)
}

// appendJSON appends the value as JSON.
func (v *mmdbValue) appendJSON(b []byte) []byte {
	switch {
	case v.kind.json:
		return append(b, v.json...)
	case v.kind.list:
		b = append(b, '[')
		for i := range v.elements {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.elements[i].appendJSON(b)
		}
		return append(b, ']')
	case v.kind.Type == Text:
		return appendJSONText(b, v.text)
	case v.kind.Type == Double:
		if f := math.Float64frombits(uint64(v.number)); math.IsNaN(f) || math.IsInf(f, 0) {
			return append(b, "null"...)
		}
	}
	return v.appendText(b)
}

func appendJSONText(b, text []byte) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(string(text)) // a text can be encoded
	return append(b, bytes.TrimSpace(out.Bytes())...)
}

// mmdbRecord reads a record, and calls seen for each value that is not a map.
type mmdbRecord struct {
	seen   func(path []byte, v mmdbValue) error
	path   []byte
	values int
	bytes  int
}

func (r *mmdbRecord) read(from maxminddb.Result) error {
	r.path, r.values, r.bytes = r.path[:0], 0, 0
	return from.Decode(r)
}

// UnmarshalMaxMindDB implements mmdbdata.Unmarshaler.
func (r *mmdbRecord) UnmarshalMaxMindDB(d *mmdbdata.Decoder) error { return r.walk(d, 0) }

// count counts a value.
func (r *mmdbRecord) count(depth int) error {
	if r.values++; r.values > maxRecordValues {
		return errRecordValues
	}
	if depth > maxRecordDepth {
		return errRecordDepth
	}
	return nil
}

func (r *mmdbRecord) walk(d *mmdbdata.Decoder, depth int) error {
	if err := r.count(depth); err != nil {
		return err
	}
	kind, err := d.PeekKind()
	if err != nil {
		return err
	}
	if kind != mmdbdata.KindMap {
		v, err := r.value(d, kind, depth)
		if err != nil {
			return err
		}
		if v.kind.list && len(v.elements) == 0 {
			return nil
		}
		if len(r.path) == 0 {
			return r.seen([]byte("value"), v) // a record of one value
		}
		return r.seen(r.path, v)
	}
	fields, _, err := d.ReadMap()
	if err != nil {
		return err
	}
	base := len(r.path)
	for key, err := range fields {
		if err != nil {
			return err
		}
		if base > 0 {
			r.path = append(r.path, '.')
		}
		r.path = append(r.path, key...)
		if err := r.walk(d, depth+1); err != nil {
			return err
		}
		r.path = r.path[:base]
	}
	return nil
}

// value reads a value that is not a map.
func (r *mmdbRecord) value(d *mmdbdata.Decoder, kind mmdbdata.Kind, depth int) (v mmdbValue, err error) {
	if kind == mmdbdata.KindSlice {
		return r.list(d, depth)
	}
	v.kind = mmdbKind{Type: Int, known: true}
	switch kind {
	case mmdbdata.KindString:
		v.kind.Type = Text
		var s string
		s, err = d.ReadString()
		v.text = []byte(s)
	case mmdbdata.KindBytes:
		v.kind.Type = Text
		var b []byte
		b, err = d.ReadBytes()
		v.text = hex.AppendEncode(nil, b)
	case mmdbdata.KindBool:
		v.kind.Type = Bool
		var is bool
		if is, err = d.ReadBool(); is {
			v.number = 1
		}
	case mmdbdata.KindInt32:
		var n int32
		n, err = d.ReadInt32()
		v.number = int64(n)
	case mmdbdata.KindUint16:
		var n uint16
		n, err = d.ReadUint16()
		v.number = int64(n)
	case mmdbdata.KindUint32:
		var n uint32
		n, err = d.ReadUint32()
		v.number = int64(n)
	case mmdbdata.KindUint64:
		v.kind.Type = Uint
		var n uint64
		n, err = d.ReadUint64()
		v.number = int64(n)
	case mmdbdata.KindUint128:
		v.kind.Type = Text
		var b [16]byte
		hi, lo, e := d.ReadUint128()
		binary.BigEndian.PutUint64(b[:], hi)
		binary.BigEndian.PutUint64(b[8:], lo)
		v.text, err = new(big.Int).SetBytes(b[:]).Append(nil, 10), e
	case mmdbdata.KindFloat32:
		v.kind.Type = Double
		var f float32
		f, err = d.ReadFloat32()
		wide, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64) // 0.1 stays 0.1
		v.number = int64(math.Float64bits(wide))
	case mmdbdata.KindFloat64:
		v.kind.Type = Double
		var f float64
		f, err = d.ReadFloat64()
		v.number = int64(math.Float64bits(f))
	default:
		return v, fmt.Errorf("a value of an unknown type (%d)", kind)
	}
	if r.bytes += len(v.text); err == nil && r.bytes > maxRecordBytes {
		err = errRecordBytes
	}
	return v, err
}

// list reads a list. It is JSON if its elements are not values of one kind.
func (r *mmdbRecord) list(d *mmdbdata.Decoder, depth int) (v mmdbValue, err error) {
	elements, _, err := d.ReadSlice()
	if err != nil {
		return v, err
	}
	v.kind = mmdbKind{list: true, known: true}
	var parts [][]byte // as JSON, if there are others than plain values
	for err := range elements {
		if err != nil {
			return v, err
		}
		e, err := r.element(d, depth+1)
		if err != nil {
			return v, err
		}
		if len(v.elements) > 0 && v.elements[0].kind != e.kind || e.kind.list || e.kind.json {
			v.kind = mmdbKind{json: true, known: true}
		}
		v.elements = append(v.elements, e)
	}
	if v.kind.list && len(v.elements) > 0 {
		v.kind.Type = v.elements[0].kind.Type
	}
	if v.kind.json {
		for i := range v.elements {
			parts = append(parts, v.elements[i].appendJSON(nil))
		}
		v.json = append(append([]byte("["), bytes.Join(parts, []byte(","))...), ']')
		v.elements = nil
	}
	return v, nil
}

// element reads an element of a list. A map in a list is JSON.
func (r *mmdbRecord) element(d *mmdbdata.Decoder, depth int) (v mmdbValue, err error) {
	if err := r.count(depth); err != nil {
		return v, err
	}
	kind, err := d.PeekKind()
	if err != nil {
		return v, err
	}
	if kind != mmdbdata.KindMap {
		return r.value(d, kind, depth)
	}
	fields, _, err := d.ReadMap()
	if err != nil {
		return v, err
	}
	v.kind, v.json = mmdbKind{json: true, known: true}, []byte("{")
	for key, err := range fields {
		if err != nil {
			return v, err
		}
		if len(v.json) > 1 {
			v.json = append(v.json, ',')
		}
		v.json = append(appendJSONText(v.json, key), ':')
		e, err := r.element(d, depth+1)
		if err != nil {
			return v, err
		}
		v.json = e.appendJSON(v.json)
	}
	v.json = append(v.json, '}')
	return v, nil
}
