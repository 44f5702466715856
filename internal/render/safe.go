package render

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// isControl says whether a character could control a terminal, or could make a line look like another one: control characters, line
// and paragraph separators, and format characters, which have no width of their own or change the direction of the text.
func isControl(r rune) bool {
	switch {
	case r < 0x7f:
		return r < ' '
	case r < 0xa0:
		return true
	case r == 0x2028 || r == 0x2029 || r >= 0xe0000 && r < 0xe1000:
		return true
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// isPlain says whether every byte is printable ASCII, a line break or a tab.
func isPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

// appendEscaped appends a control character as JSON and people write it (example: \u001b).
func appendEscaped(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r > 0xffff: // a surrogate pair
		r -= 0x10000
		return fmt.Appendf(dst, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}

// appendSafe appends a text with control characters and bytes that are not UTF-8 escaped. keep says which of them stay.
func appendSafe(dst []byte, s string, keep func(rune) bool) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\x%02x`, s[i])
		case isControl(r) && !keep(r):
			dst = appendEscaped(dst, r)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

func none(rune) bool { return false }

func lineBreaks(r rune) bool { return r == '\n' || r == '\t' }

// Safe returns s as one line with control characters escaped, because log data must not control a terminal. Bytes that are not UTF-8
// are escaped too (example: \x9b).
func Safe(s string) string {
	if isPlain(s) && !strings.ContainsAny(s, "\n\t") {
		return s
	}
	return string(appendSafe(nil, s, none))
}

// SafeLines is Safe for a text of several lines: line breaks and tabs stay.
func SafeLines(s string) string {
	if isPlain(s) {
		return s
	}
	return string(appendSafe(nil, s, lineBreaks))
}

// Fprintf is fmt.Fprintf with each text among args made Safe: only format can break lines.
func Fprintf(w io.Writer, format string, args ...any) {
	safe := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			safe[i] = Safe(a)
		case error:
			safe[i] = Safe(a.Error())
		case fmt.Stringer:
			safe[i] = Safe(a.String())
		default:
			safe[i] = a
			if v := reflect.ValueOf(a); v.Kind() == reflect.String {
				safe[i] = Safe(v.String())
			}
		}
	}
	fmt.Fprintf(w, format, safe...)
}

// SafeWriter passes text on with control characters escaped as in JSON, except line breaks and tabs. JSON stays the same value. It
// is safe for several goroutines.
type SafeWriter struct {
	w    io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of a character
	out  []byte
}

// NewSafeWriter gives a SafeWriter to w. The caller calls Flush at the end.
func NewSafeWriter(w io.Writer) *SafeWriter { return &SafeWriter{w: w} }

// Unwrap gives the writer that the text is passed on to.
func (s *SafeWriter) Unwrap() io.Writer { return s.w }

// Write implements io.Writer. A character that p cuts is written with the next Write.
func (s *SafeWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) == 0 && isPlain(p) {
		return s.w.Write(p)
	}
	text := append(s.rest, p...)
	end := len(text)
	for i := max(0, end-utf8.UTFMax+1); i < end; i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			end = i
		}
	}
	s.out = appendSafe(s.out[:0], string(text[:end]), lineBreaks)
	s.rest = append([]byte(nil), text[end:]...)
	if _, err := s.w.Write(s.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is left of a character that was cut.
func (s *SafeWriter) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := appendSafe(nil, string(s.rest), lineBreaks)
	s.rest = nil
	_, err := s.w.Write(out)
	return err
}
