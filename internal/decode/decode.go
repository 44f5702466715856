// Package decode turns the bytes of a staging object into records, and scans each record once: the leaves a mapping reads,
// typed, and the rest, which becomes `unmapped`.
//
// It verifies as it goes (gzip CRC and length, UTF-8, JSON), counts records, and gives each reject a stable reason code. It
// never imports DuckDB and decides nothing about OCSF: what a value is, is decided here and nowhere else.
//
// Invariants, for every format:
//   - Every byte of an object that is not blank is part of exactly one record or of exactly one reject. Exceptions: byte order
//     marks, the brackets and commas of a top-level array, comment lines and a header line are not part of any; what an envelope
//     holds in addition to its records is part of each of them.
//   - Every value in a record is in exactly one leaf, or in the rest, or (Leaf.Keep) in both. Only null values are left out.
package decode

import (
	"strings"

	"github.com/silt-etl/silt/internal/decode/redact"
)

// Kind is the type a leaf's value must have. A value that does not fit leaves the leaf NULL and goes to the rest as it was
// written, and is counted (Scanner.Misfits).
type Kind uint8

const (
	Text      Kind = iota // any scalar as text: strings without quotes and escapes; numbers and booleans as written
	Bool                  // true, false; the strings "true" and "false"
	Int32                 // an integer, or a string of one ("443"), in range; 1.0 and 1e3 do not fit
	Int64                 // likewise
	Double                // a number or a string of one
	Timestamp             // a string, ISO 8601 date and time, fraction of 0 to 9 digits, offset +hhmm, +hh:mm, Z or none (UTC); microseconds since 1970 in UTC
	JSON                  // any value but null, as its JSON text, unchanged but for control characters between tokens
)

// Leaf is one value a mapping reads. Path holds the keys from the record's root; a key may hold dots.
type Leaf struct {
	Path []string
	Kind Kind
	// Keep leaves the value in the rest as well (it is read, but its value is not itself an output).
	Keep bool
	// List says that the mapping declares a list. One without elements is not kept in the rest.
	List bool
	// Name is the key the value has in the rest: the mapping's own name for it (`AS "unmapped.x"`), or "" for the dotted path.
	// A leaf with a Name needs Keep, or SQL that adds its value as an inline entry (InlinePrefix).
	Name string
	// Time is how a Timestamp is written; nil: ISO 8601.
	Time *TimeFormat
	// Also are other paths that the value may be at instead. The first one met in a record counts; a value at another path is in the
	// rest, under its own path or the leaf's Name. No other leaf may be at such a path.
	Also [][]string
}

// Spec is what a mapping reads of a record, and what the record is written in.
type Spec struct {
	Leaves []Leaf
	Format Format
	// Parsers are texts inside of records that are parsed into fields below them. A text that cannot be parsed is left as it is,
	// and counts as a misfit with the number len(Leaves) + the parser's.
	Parsers []Parser
	// Nulls are texts that mean that a field has no value, for fields that have some of their own.
	Nulls []Null
	// Redact says of which fields nothing or little may be seen. Leaves and the rest only have what is left of their values.
	Redact []redact.Rule
}

// Parser names a text by its path from the record's root, and what it is written in.
type Parser struct {
	Path []string
	Name ParserName
	// By is the path of the number of the event, for ParseWindowsValues. It has to come before the list in the record.
	By []string
	// Unless is a key. In a record that has it, at the top or below, the text is left as it is; "": every text is parsed. It is for JSON.
	Unless string
}

// MisfitPath is the path of what misfit i did not fit.
func (s *Spec) MisfitPath(i int) []string {
	if i < len(s.Leaves) {
		return s.Leaves[i].Path
	}
	return s.Parsers[i-len(s.Leaves)].Path
}

// Misfits is how many different misfits there can be.
func (s *Spec) Misfits() int { return len(s.Leaves) + len(s.Parsers) }

// Value is a scanned leaf. Text is valid until the next Scan and aliases the record or the scanner's own buffer.
type Value struct {
	Set  bool
	Int  int64   // Bool (0, 1), Int32, Int64, Timestamp
	Num  float64 // Double
	Text []byte  // Text, JSON; for the other kinds too: the value as it was written, without quotes and escapes
}

// Reason codes of rejects found here. They are stable: quarantine files, replay filters and docs/quarantine.md name them.
const (
	ReasonJSON            = "RECORD_NOT_JSON"   // not one complete JSON object
	ReasonXML             = "RECORD_NOT_XML"    // not one complete Windows event in XML
	ReasonUTF8            = "RECORD_NOT_UTF8"   // invalid UTF-8
	ReasonNUL             = "RECORD_HAS_NUL"    // a NUL byte, raw or as \u0000
	ReasonTooLong         = "RECORD_TOO_LONG"   // longer than Options.MaxRecordBytes
	ReasonTooDeep         = "RECORD_TOO_DEEP"   // nested deeper than MaxDepth
	ReasonNoMatch         = "LINE_NO_MATCH"     // a line that does not fit its format
	ReasonRecords         = "RECORDS_MISSING"   // a document without the array that holds the records
	ReasonColumns         = "CSV_COLUMNS"       // a record has other columns than the list for its type
	ReasonQuote           = "CSV_QUOTE"         // a quote that does not close, or that is followed by more text of the field
	ReasonHeader          = "CSV_HEADER"        // a required header is missing: the object
	ReasonUnpack          = "OBJECT_UNREADABLE" // truncated or corrupt compression: the object
	ReasonMember          = "MEMBER_UNREADABLE" // a member of an archive is damaged, or packed in a way that is not read: the member
	ReasonEncrypted       = "MEMBER_ENCRYPTED"  // a member of an archive is encrypted: the member
	ReasonDenied          = "OBJECT_DENIED"     // access denied: the object
	ReasonTooLarge        = "OBJECT_TOO_LARGE"  // needs more than a limit of the job: the object
	MaxDepth              = 200                 // levels of objects and arrays
	DefaultMaxRecordBytes = 16 << 20            // bytes of one record
)

// Reject is why a record, or an object (Record 0), was refused.
type Reject struct {
	Code    string
	Path    string // dotted path of the value at fault, if one is
	Message string // one line for a person, without raw data longer than 80 bytes
	// Offset and Length are set if the raw bytes of the record are cut, because it is too long: where it begins in the unpacked object (-1:
	// not known), and how long it is.
	Offset, Length int64
}

// Hidden is the Reject of a record that is at offset and has so many bytes, without anything of what the record holds.
func (r *Reject) Hidden(offset, length int64) *Reject {
	h := &Reject{Code: r.Code, Message: r.Message, Offset: offset, Length: max(length, r.Length)}
	if strings.HasPrefix(r.Code, "RECORD") || strings.HasPrefix(r.Code, "LINE") || strings.HasPrefix(r.Code, "CSV") { // of this package
		h.Message = HiddenMessage(r.Code)
	}
	if r.Code == ReasonRecords {
		h.Path = r.Path
	}
	return h
}

// HiddenMessage says what a reason code means where the record must not be seen.
func HiddenMessage(code string) string {
	text := map[string]string{ReasonJSON: "not a complete JSON object", ReasonXML: "not a complete event in XML", ReasonUTF8: "invalid UTF-8", ReasonNUL: "a NUL character", ReasonTooLong: "longer than a record can be", ReasonTooDeep: "nested too deep",
		ReasonNoMatch: "the line does not fit its format", ReasonRecords: "the document does not have the array of records", ReasonColumns: "the record has other columns than its list",
		ReasonQuote: "a quote does not close, or text follows it", ReasonHeader: "the object does not have the header that it must have"}[code]
	if text == "" {
		return "nothing of the record is shown, because the mapping discards or redacts fields"
	}
	return text + "; nothing of the record is shown, because the mapping discards or redacts fields"
}

func (r *Reject) Error() string { return r.Code + ": " + r.Message }
