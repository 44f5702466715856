// Package looks tells from a record's text what it is written in, so that a message can say that a mapping reads another format. It is for
// messages only, and decides nothing about how a record is read.
package looks

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/silt-etl/silt/internal/decode/eventxml"
)

// headBytes is how much of a record is looked at.
const headBytes = 4 << 10

// kind is what a text is written in.
type kind struct {
	name   string // as a person calls it
	format string // as -- format: calls it; "": no format reads it
}

// Hint says what a rejected record is written in, if that is not the format that the mapping reads. It is "" if the record can be of
// that format, or is of no format that is known. The text follows another one.
func Hint(reads string, raw []byte) string {
	if reads == "" {
		reads = "json"
	}
	k := of(raw)
	switch {
	case k.name == "" || k.format == reads || k.format != "" && reads == "lines" || reads == "parquet" || reads == "avro":
		return ""
	case k.format == "" && reads == "lines":
		return ""
	case k.format == "":
		return fmt.Sprintf("; the record looks like %s, which Silt does not read, and the mapping reads %s", k.name, reads)
	}
	return fmt.Sprintf("; the record looks like %s, and the mapping reads %s. Try: etl infer writes a mapping with `-- format: %s`", k.name, reads, k.format)
}

var (
	syslogHead = regexp.MustCompile(`^<\d{1,3}>`)
	pair       = regexp.MustCompile(`(?:^|[\s,;|>])[A-Za-z][\w.-]*=`)
	zeekHead   = regexp.MustCompile(`^#(?i:separator|fields|version|software)\b`)
	quotedCell = regexp.MustCompile(`^(?:"[^"]*"|[^,"]*)(?:,(?:"[^"]*"|[^,"]*)){3}`)
)

func of(raw []byte) kind {
	b := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \t\r\n")
	b = b[:min(len(b), headBytes)]
	if line, _, ok := bytes.Cut(b, []byte("\n")); ok && !JSON(b) && !XML(b) {
		b = line
	}
	switch {
	case len(b) == 0:
		return kind{}
	case JSON(b):
		return kind{"JSON", "json"}
	case eventxml.Looks(b):
		return kind{"Windows events in XML", "windows_xml"}
	case XML(b):
		return kind{"XML", ""}
	case header(b, "CEF:"):
		return kind{"CEF", "cef"}
	case header(b, "LEEF:"):
		return kind{"LEEF", "leef"}
	case len(pair.FindAllIndex(b, 3)) == 3:
		return kind{"key=value pairs", "kv"}
	case zeekHead.Match(b), bytes.Count(b, []byte("\t")) >= 3:
		return kind{"text with columns", "csv"}
	case syslogHead.Match(b):
		return kind{"syslog", "lines"}
	case quotedCell.Match(b):
		return kind{"text with columns", "csv"}
	}
	return kind{}
}

// header tells whether a CEF or LEEF header is at the beginning, or after a syslog header.
func header(b []byte, name string) bool {
	b = b[:min(len(b), 512)]
	i := bytes.Index(b, []byte(name))
	if i < 0 || i > 0 && b[i-1] != ' ' && b[i-1] != '>' {
		return false
	}
	b = b[i+len(name):]
	return len(b) > 1 && b[0] >= '0' && b[0] <= '9' && bytes.Count(b, []byte("|")) >= 3
}

// JSON tells whether a text begins as an object, or as an array of objects.
func JSON(b []byte) bool {
	if len(b) > 0 && b[0] == '[' {
		b = bytes.TrimLeft(b[1:], " \t\r\n")
	}
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	b = bytes.TrimLeft(b[1:], " \t\r\n")
	return len(b) > 0 && (b[0] == '"' || b[0] == '}')
}

// XML tells whether a text begins as XML does.
func XML(b []byte) bool {
	if len(b) < 2 || b[0] != '<' {
		return false
	}
	c := b[1] | 0x20
	return c >= 'a' && c <= 'z' || bytes.HasPrefix(b, []byte("<?xml")) || bytes.HasPrefix(b, []byte("<!--")) || bytes.HasPrefix(b, []byte("<!DOCTYPE"))
}

// RefusedXML is what a message says of an object that is XML, where the mapping reads another format. b is its beginning.
func RefusedXML(b []byte) string {
	if eventxml.Looks(b) {
		return "the object is Windows events in XML. Try: `-- format: windows_xml` in the mapping's raw.sql"
	}
	return "the object is XML, of which Silt reads Windows events only (<Event>). Try: have it written as JSON, one record a line"
}
