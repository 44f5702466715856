package decode

import (
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// FormatName is what a mapping's raw.sql calls a format.
type FormatName string

// The formats. What separates records: JSON, the end of a value; CSV, a newline outside quotes;
// Parquet has rows; the others, a newline.
const (
	FormatJSON FormatName = "json"
	FormatCSV  FormatName = "csv"
	FormatLine FormatName = "lines" // a column, or with a pattern its groups
	FormatKV   FormatName = "kv"    // key=value pairs
	FormatCEF  FormatName = "cef"
	FormatLEEF FormatName = "leef"
	// FormatParquet has rows, each of which is scanned as the JSON object that internal/decode/parquet writes of it.
	FormatParquet FormatName = "parquet"
)

// ParserName is what a mapping's raw.sql calls a parser.
type ParserName string

// The parsers. A syslog text has its header's fields and MessageKey below it.
const (
	ParseWindows ParserName = "windows_event"
	ParseKV      ParserName = "kv"
	ParseCEF     ParserName = "cef"
	ParseLEEF    ParserName = "leef"
	ParseSyslog  ParserName = "syslog"
	ParseJSON    ParserName = "json"
	// ParseAuto is ParseJSON for a text that is a JSON object, and ParseWindows for any other.
	ParseAuto ParserName = "auto"
)

// Parsers are the names of all parsers.
func Parsers() []ParserName {
	return []ParserName{ParseWindows, ParseKV, ParseCEF, ParseLEEF, ParseSyslog, ParseJSON, ParseAuto}
}

// SyslogKey is the key under which the fields of a syslog header are that stands before a record of kv, cef, leef or CSV.
const SyslogKey = "syslog"

// Header says whether the first record of a CSV object names the columns.
type Header uint8

const (
	HeaderAuto Header = iota // it does where more than half of its values are names of Format.Columns
	HeaderYes                // it always does
	HeaderNo                 // it never does
)

// Format says what the bytes of an object are. The zero Format is JSON.
type Format struct {
	Name FormatName // "": FormatJSON
	// Columns are the fields of a record without names of its own, in order: top-level keys, case ignored where a header
	// gives them.
	Columns   []string
	Layouts   []Layout // CSV without a header: which records have other columns
	Delimiter byte     // CSV: 0 is a comma; KV: 0 is any number of blanks
	Quote     byte     // CSV; 0: none
	Escape    byte     // CSV: before a quote inside quotes, besides the quote itself; 0: none
	Header    Header
	Syslog    bool           // CSV: a syslog header may stand in front of a record; its fields are below SyslogKey
	Comment   string         // lines that begin with it are no records; "": none
	Records   []string       // JSON: the path of an array in each document whose elements are the records; nil: a document is one
	Pattern   *regexp.Regexp // lines: all of a line, its named groups are columns; nil: a line is the one column
	Null      []string       // texts that are no value, besides the empty one
}

// Layout gives the columns of the records of one type, in an object of several.
type Layout struct {
	At      int    // the index of the field that tells the type
	Value   string // its text
	Columns []string
}

// Text says whether the records are text that is taken apart into fields, and neither JSON nor rows.
func (f *Format) Text() bool {
	return f.Name != "" && f.Name != FormatJSON && f.Name != FormatParquet
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

// Formats are the names of all formats.
func Formats() []FormatName {
	return []FormatName{FormatJSON, FormatCSV, FormatLine, FormatKV, FormatCEF, FormatLEEF, FormatParquet}
}
