// Package fields takes text apart into fields: delimited values, key=value pairs, CEF, LEEF, syslog headers, Windows event
// text, lines with a pattern. It works on bytes alone: what a value is, is decided by package decode.
//
// Invariants: nothing is read past the text that was given; a parser that refuses a text has no field of it; every part of
// an accepted text that is no separator, quote or escape is in exactly one field.
package fields

// Field is one named value. Both alias the text that was parsed, or the parser's own buffer; they are valid until its next
// call.
type Field struct {
	Key, Value []byte
}
