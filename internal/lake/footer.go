package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// FooterBytes is how many bytes at the end of a file KeyValues needs. tail is the end of the file, at least its last 8 bytes.
func FooterBytes(tail []byte) (int64, error) {
	if n := len(tail); n < 8 || string(tail[n-4:]) != "PAR1" {
		return 0, errors.New("it does not end as a Parquet file does")
	}
	n := int64(binary.LittleEndian.Uint32(tail[len(tail)-8:]))
	if n > maxFooter {
		return 0, fmt.Errorf("a footer of %d bytes is too large", n)
	}
	return n + 8, nil
}

// KeyValues reads the metadata of a footer. tail is the end of the file, at least FooterBytes.
func KeyValues(tail []byte) (map[string]string, error) {
	n, err := FooterBytes(tail)
	if err != nil {
		return nil, err
	}
	if n > int64(len(tail)) {
		return nil, io.ErrUnexpectedEOF
	}
	out := map[string]string{}
	t := &thriftReader{b: tail[int64(len(tail))-n : len(tail)-8]}
	t.fields(func(id int64, typ byte) bool {
		if id != 5 || typ != tList {
			return false
		}
		t.each(tStruct, func() {
			var v KeyValue
			t.fields(func(id int64, typ byte) bool {
				switch {
				case id == 1 && typ == tBinary:
					v.Key = string(t.binary())
				case id == 2 && typ == tBinary:
					v.Value = string(t.binary())
				default:
					return false
				}
				return true
			})
			out[v.Key] = v.Value
		})
		return true
	})
	if t.bad {
		return nil, errors.New("its footer cannot be parsed")
	}
	return out, nil
}

// ClassUID reads the event class of a file's rows from its footer. tail is the end of the file, at least FooterBytes.
func ClassUID(tail []byte) (int, error) {
	n, err := FooterBytes(tail)
	if err != nil {
		return 0, err
	}
	if n > int64(len(tail)) {
		return 0, io.ErrUnexpectedEOF
	}
	for _, g := range readFileMeta(&thriftReader{b: tail[int64(len(tail))-n : len(tail)-8]}).groups {
		for _, c := range g.chunks {
			if c.path == "class_uid" && len(c.min) == 4 {
				return int(int32(binary.LittleEndian.Uint32(c.min))), nil
			}
		}
	}
	return 0, errors.New("its footer does not say which event class its rows have")
}

// Footer is what the footer of a Parquet file says about its rows, whichever program wrote it.
type Footer struct {
	Rows int64
	// Columns in Glue's spelling. The type of a column that no table can declare begins with "parquet:".
	Columns []Column
	// HasValues says for each column whether a row has a value in it. A file without statistics counts as having them all.
	HasValues []bool
	// First and Last are the least and the greatest time in milliseconds. HasTimes: the statistics say so.
	First, Last int64
	HasTimes    bool
	// InOrder is false if the times of a row group begin before those of the row group ahead of it end.
	InOrder bool
	// FirstAccount and LastAccount are the least and the greatest cloud.account.uid, "" if the statistics do not say so.
	FirstAccount, LastAccount string
}

// maxColumnDepth of a file's schema. OCSF's deepest paths are under 20.
const maxColumnDepth = 60

// ReadFooter reads the end of a file, at least FooterBytes of it. It never panics, whatever the bytes are.
func ReadFooter(tail []byte) (*Footer, error) {
	n, err := FooterBytes(tail)
	if err != nil {
		return nil, err
	}
	if n > int64(len(tail)) {
		return nil, io.ErrUnexpectedEOF
	}
	t := &thriftReader{b: tail[int64(len(tail))-n : len(tail)-8]}
	m := readFileMeta(t)
	if t.bad || len(m.schema) == 0 {
		return nil, errors.New("its footer cannot be parsed")
	}
	f := &Footer{Rows: m.rows, InOrder: true}
	r := elementReader{schema: m.schema[1:]}
	for range m.schema[0].kids {
		name, typ, ok := r.next(0)
		if !ok {
			return nil, errors.New("the schema in its footer is incomplete")
		}
		f.Columns = append(f.Columns, Column{name, typ})
	}
	f.HasValues = make([]bool, len(f.Columns))
	f.readStatistics(m)
	return f, nil
}

// readStatistics reads the bounds and counts of the column chunks.
func (f *Footer) readStatistics(m *fileMeta) {
	index := make(map[string]int, len(f.Columns))
	for i, c := range f.Columns {
		index[c.Name] = i
	}
	f.HasTimes = len(m.groups) > 0
	accounts := len(m.groups) > 0
	for n, g := range m.groups {
		times, account := false, false
		for i := range g.chunks {
			c := &g.chunks[i]
			top, _, _ := strings.Cut(c.path, ".")
			if at, ok := index[top]; ok && (c.nulls < 0 || c.nulls < c.values) {
				f.HasValues[at] = true
			}
			switch {
			case c.path == "time" && len(c.min) == 8 && len(c.max) == 8:
				times = true
				lo, hi := int64(binary.LittleEndian.Uint64(c.min)), int64(binary.LittleEndian.Uint64(c.max))
				if n == 0 {
					f.First, f.Last = lo, hi
					continue
				}
				f.InOrder = f.InOrder && lo >= f.Last
				f.First, f.Last = min(f.First, lo), max(f.Last, hi)
			case c.path == "cloud.account.uid" && c.min != nil && c.max != nil:
				account = true
				if n == 0 {
					f.FirstAccount, f.LastAccount = string(c.min), string(c.max)
					continue
				}
				f.FirstAccount, f.LastAccount = min(f.FirstAccount, string(c.min)), max(f.LastAccount, string(c.max))
			}
		}
		f.HasTimes, accounts = f.HasTimes && times, accounts && account
	}
	if !accounts {
		f.FirstAccount, f.LastAccount = "", ""
	}
}

// elementReader reads the schema of a file, which is a tree in order of its nodes.
type elementReader struct {
	schema []schemaElement
	at     int
}

// next reads a field with all that is below it.
func (r *elementReader) next(depth int) (name, typ string, ok bool) {
	if r.at >= len(r.schema) || depth > maxColumnDepth {
		return "", "", false
	}
	e := r.schema[r.at]
	r.at++
	if e.phys >= 0 {
		typ = leafType(e)
		if e.rep == repRepeated {
			typ = "parquet:repeated " + typ
		}
		return e.name, typ, true
	}
	if e.kids < 0 || e.kids > int64(len(r.schema)-r.at) {
		return "", "", false
	}
	switch {
	case e.rep == repRepeated:
		typ, ok = r.group(e, depth)
		return e.name, "parquet:repeated " + typ, ok
	case e.conv == convList || e.logical == logicalList:
		typ, ok = r.list(e, depth)
	case e.conv == convMap || e.conv == convMapKeyValue || e.logical == logicalMap:
		typ, ok = r.mapping(e, depth)
	default:
		typ, ok = r.group(e, depth)
	}
	return e.name, typ, ok
}

// list reads what is below a list. A reader of Hive's needs three levels: the list, a repeated group, the element.
func (r *elementReader) list(e schemaElement, depth int) (string, bool) {
	if e.kids != 1 || r.at >= len(r.schema) {
		return "", false
	}
	if mid := r.schema[r.at]; mid.phys < 0 && mid.rep == repRepeated && mid.kids == 1 {
		r.at++
		_, typ, ok := r.next(depth + 1)
		return "array<" + typ + ">", ok
	}
	_, typ, ok := r.next(depth + 1)
	return "parquet:two-level list of " + strings.TrimPrefix(typ, "parquet:repeated "), ok
}

func (r *elementReader) mapping(e schemaElement, depth int) (string, bool) {
	if e.kids != 1 || r.at >= len(r.schema) {
		return "", false
	}
	mid := r.schema[r.at]
	if mid.phys >= 0 || mid.kids != 2 {
		_, typ, ok := r.next(depth + 1)
		return "parquet:map of " + typ, ok
	}
	r.at++
	_, key, ok := r.next(depth + 1)
	_, value, also := r.next(depth + 1)
	return "map<" + key + "," + value + ">", ok && also
}

func (r *elementReader) group(e schemaElement, depth int) (string, bool) {
	fields := make([]string, 0, e.kids)
	for range e.kids {
		name, typ, ok := r.next(depth + 1)
		if !ok {
			return "", false
		}
		fields = append(fields, name+":"+typ)
	}
	return "struct<" + strings.Join(fields, ",") + ">", true
}

// leafType is the type that a Glue table has for a column of this kind.
func leafType(e schemaElement) string {
	if e.conv == convDecimal || e.logical == logicalDecimal {
		return fmt.Sprintf("decimal(%d,%d)", e.digits, e.scale)
	}
	switch e.phys {
	case physBoolean:
		return "boolean"
	case physInt32:
		switch e.conv {
		case convDate:
			return "date"
		case convInt8:
			return "tinyint"
		case convInt16, convUint8:
			return "smallint"
		case convUint32:
			return "bigint"
		}
		if e.logical == logicalDate {
			return "date"
		}
		return "int"
	case physInt64:
		if e.conv == convTime || e.conv == convMicros || e.logical == logicalTime {
			return "timestamp"
		}
		return "bigint"
	case physInt96:
		return "timestamp"
	case physFloat:
		return "float"
	case physDouble:
		return "double"
	case physByteArray:
		if e.conv == convUTF8 || e.conv == convEnum || e.conv == convJSON || e.logical == logicalString || e.logical == logicalEnum || e.logical == logicalJSON {
			return "string"
		}
		return "binary"
	}
	return fmt.Sprintf("parquet:type %d", e.phys)
}
