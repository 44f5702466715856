package decode

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/decode/avro"
	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/decode/parquet"
	"github.com/silt-etl/silt/internal/keypattern"
)

// FormatName is what a mapping's raw.sql calls a format.
type FormatName string

// The formats. What separates records: in JSON, the end of a value; in CSV, a newline outside quotes; in Parquet and Avro, rows; in XML,
// the end tag of an event; in the others, a newline.
const (
	FormatJSON    FormatName = "json"
	FormatCSV     FormatName = "csv"
	FormatLine    FormatName = "lines" // a column, or with a pattern its groups
	FormatKV      FormatName = "kv"    // key=value pairs
	FormatCEF     FormatName = "cef"
	FormatLEEF    FormatName = "leef"
	FormatParquet FormatName = "parquet"
	FormatAvro    FormatName = "avro" // object container files
	// FormatWindowsXML are Windows events in XML.
	FormatWindowsXML FormatName = "windows_xml"
	// FormatZeek are logs of Zeek, as text with a #fields line or as JSON.
	FormatZeek FormatName = "zeek"
)

// format is all that is known of a format of objects.
type format struct {
	name FormatName
	// framer prepares to frame and scan objects of the format. s has the spec's leaves.
	framer func(spec *Spec, s *Scanner, o Options) framer
	// text: records are text, which is parsed into named fields. Records of the other formats are JSON objects, or become them.
	text bool
	// magic is what every object of a binary format begins with. "": see detect.
	magic string
	// detect tells whether a sample is of the format, and how it is written. It is asked in the order of rank: a reader of CSV,
	// for example, also accepts lines of key=value pairs.
	detect func(*sample) (Detected, bool)
	rank   int
}

// formats is the table of formats. To add a format, write its framer in a file of its own and add an entry here; formats_test.go
// then asks for a sample. What a mapping can say about the format is read in sql/header.
func formats() []format {
	return []format{
		{name: FormatJSON, framer: newJSONFramer, detect: detectJSON, rank: 1},
		{name: FormatCSV, framer: newCSVFramer, text: true, detect: detectCSV, rank: 5},
		{name: FormatLine, framer: newLinesFramer, text: true, detect: detectLines, rank: 6},
		{name: FormatKV, framer: newKVFramer, text: true, detect: detectKV, rank: 4},
		{name: FormatCEF, framer: newCEFFramer, text: true, detect: detectCEF, rank: 2},
		{name: FormatLEEF, framer: newLEEFFramer, text: true, detect: detectLEEF, rank: 3},
		{name: FormatParquet, framer: newRowsFramer(newParquetRows), magic: parquet.Magic},
		{name: FormatAvro, framer: newRowsFramer(newAvroRows), magic: avro.Magic},
		{name: FormatWindowsXML, framer: newWindowsXMLFramer, detect: detectWindowsXML},
		{name: FormatZeek, framer: newZeekFramer, detect: detectZeek},
	}
}

// Formats are the names of all formats.
func Formats() (names []FormatName) {
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// lookup finds a format in the table. "" is JSON.
func (name FormatName) lookup() (format, bool) {
	if name == "" {
		name = FormatJSON
	}
	for _, f := range formats() {
		if f.name == name {
			return f, true
		}
	}
	return format{}, false
}

// framer cuts an object into records and scans each. There is one implementation for each family of formats.
type framer interface {
	// open begins another object, and reads nothing of it yet.
	open(r io.Reader)
	// next cuts out the next record and scans it. raw is the record without the blanks around it, valid until the next call. err
	// is io.EOF after the last record; a *Reject as err refuses the object.
	next() (raw []byte, rej *Reject, err error)
	// kept scans one record that quarantine kept, with the context that it had.
	kept(raw, context []byte) *Reject
	// context is what Records.Context describes.
	context() []byte
	// offset is where the record that next returned begins in the unpacked object, in bytes; -1: not known.
	offset() int64
}

// newFramer prepares for what a spec asks for. A format or parser that is not in its table gives a framer that refuses every
// object with an error: sqlgen checks both, so it is a bug of this program.
func newFramer(spec *Spec, s *Scanner, o Options) framer {
	f, ok := spec.Format.Name.lookup()
	if !ok {
		return unknownFramer{fmt.Errorf("format %q is not in decode's table of formats", spec.Format.Name)}
	}
	for _, p := range spec.Parsers {
		if p.Name.lookup() == nil {
			return unknownFramer{fmt.Errorf("parser %q is not in decode's table of parsers", p.Name)}
		}
	}
	return f.framer(spec, s, o)
}

type unknownFramer struct{ err error }

func (u unknownFramer) open(io.Reader)                 {}
func (u unknownFramer) next() ([]byte, *Reject, error) { return nil, nil, u.err }
func (u unknownFramer) context() []byte                { return nil }
func (u unknownFramer) offset() int64                  { return -1 }

func (u unknownFramer) kept([]byte, []byte) *Reject {
	return &Reject{Code: ReasonNoMatch, Message: u.err.Error()}
}

// SyslogKey is the key under which the fields of a syslog header are that stands before a record of kv, cef, leef or CSV.
const SyslogKey = "syslog"

// MatchedColumn says which of several patterns a line matches, unless a group has this name.
const MatchedColumn = "pattern"

// Header says whether the first record of a CSV object names the columns.
type Header uint8

const (
	HeaderAuto Header = iota // it does if its values can be names and one is of Format.Columns, or if more than half of its values are
	HeaderYes                // it always does
	HeaderNo                 // it never does
)

// Format says what the bytes of an object are. The zero Format is JSON.
type Format struct {
	Name FormatName // "": FormatJSON
	// Columns are the fields of a record without names of its own, in order: top-level keys, case ignored where a header
	// gives them.
	Columns []string
	Layouts []Layout // CSV without a header: which records have other columns
	// CSV, for records with one of Layouts:
	Braces  []string // columns that can hold a list in braces, whose commas are not delimiters
	Closed  bool     // a record with more fields than its layout is rejected
	Expects []Expect // what columns must look like

	Delimiter byte // CSV: 0 is a comma; KV: 0 is any number of blanks
	Quote     byte // CSV; 0: none
	Escape    byte // CSV: stands before a quote inside quotes, in addition to a doubled quote; 0: none
	Header    Header
	Syslog    bool     // CSV: a syslog header may stand in front of a record; its fields are below SyslogKey
	Comment   string   // lines that begin with it are not records; "": there are no comments
	Records   []string // JSON: the path of an array in each document whose elements are the records; nil: a document is one
	// OtherRecords are paths of the array in documents that do not have Records, in order.
	OtherRecords [][]string
	// RecordsOptional says that a document without any of these arrays is a record itself.
	RecordsOptional bool
	Events          []string       // JSON: the path of an array in each of these records. Each element makes a record of its own; nil: none is split
	Pattern         *regexp.Regexp // lines: all of a line, its named groups are columns; nil: a line is the one column
	// Counted says that the number of its bytes and a blank stand in front of each record, as syslog over TCP has it (RFC 5425, RFC 6587).
	Counted bool
	// Begins matches the beginning of the first line of a record of lines. The lines up to the next such line are part of it; nil: a line is
	// a record.
	Begins *regexp.Regexp
	// OtherPatterns are for lines that do not match Pattern, in order. The column MatchedColumn is then the number of the one that matches,
	// from 1 (Pattern), if Columns has it.
	OtherPatterns []*regexp.Regexp
	// Member is a pattern of the names of members of archives. Its captures are values of `key`. It may be nil.
	Member *keypattern.Pattern
	// OrWindowsXML says that an object can hold Windows events in XML instead of JSON.
	OrWindowsXML bool
	Null         []string // texts and JSON strings that mean that a value is missing, in addition to a text that is empty
}

// Expect says what a column must look like unless it is empty. A record in which it looks otherwise has other columns than its layout.
type Expect struct {
	Column  string
	Pattern *regexp.Regexp // of the whole value
}

// Layout gives the columns of the records of one type, in an object of several.
type Layout struct {
	At      int    // the index of the field that tells the type
	Value   string // its text
	Columns []string
}

// Text says whether records are text that is parsed into fields. Records of the other formats are JSON objects, or become them: see
// Records.Object.
func (f *Format) Text() bool {
	known, _ := f.Name.lookup()
	return known.text
}

// column is the index of a column by a header's name for it, or -1.
func (f *Format) column(name string) int {
	for i, c := range f.Columns {
		if strings.EqualFold(c, name) {
			return i
		}
	}
	return -1
}

func (f *Format) csv() *fields.CSV {
	c := &fields.CSV{Delimiter: f.Delimiter, Quote: f.Quote, Escape: f.Escape, Syslog: f.Syslog}
	if c.Delimiter == 0 {
		c.Delimiter = ','
	}
	c.Runs = c.Delimiter == ' '
	return c
}
