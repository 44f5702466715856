package lookup

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// records reads all records with a reader of this package: the line that each begins on and its values.
func records(src io.Reader) (lines []int, all [][]string, err error) {
	r := newCSVReader(src)
	for {
		if err = r.next(); err != nil {
			return lines, all, err
		}
		var values []string
		for _, c := range r.cells {
			values = append(values, string(c.text))
			if r.valid && !utf8.Valid(c.text) {
				return nil, nil, errors.New("a value is not UTF-8, but is said to be")
			}
		}
		lines, all = append(lines, r.start), append(all, values)
	}
}

// standardRecords is the same with encoding/csv. line is that of a mistake in quotes, or 0.
func standardRecords(src io.Reader) (lines []int, all [][]string, line int, err error) {
	r := csv.NewReader(src)
	r.FieldsPerRecord = -1
	for {
		values, err := r.Read()
		if err != nil {
			var e *csv.ParseError
			if errors.As(err, &e) {
				return lines, all, e.Line, e.Err
			}
			return lines, all, 0, err
		}
		at, _ := r.FieldPos(0)
		lines, all = append(lines, at), append(all, values)
	}
}

// sameAsStandard compares what the reader of this package makes of a text with what encoding/csv makes of it.
func sameAsStandard(t *testing.T, text string) {
	t.Helper()
	wantLines, want, wantLine, wantErr := standardRecords(strings.NewReader(text))
	for name, src := range map[string]io.Reader{"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
		lines, got, err := records(src)
		var e *csvError
		line := 0
		if errors.As(err, &e) {
			line, err = e.line, e.why
		}
		if !slices.Equal(lines, wantLines) || !slices.EqualFunc(got, want, slices.Equal[[]string]) || line != wantLine || !errors.Is(err, wantErr) {
			t.Fatalf("%q %s: %q from the lines %v, then %v on line %d\nwant %q from the lines %v, then %v on line %d", text, name, got, lines, err, line, want, wantLines, wantErr, wantLine)
		}
	}
}

// Any text is split as encoding/csv splits it, and mistakes are found on the same lines.
func TestCSVLikeStandard(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	parts := []string{"a", "bc", ",", ",", "\n", "\n", "\r\n", "\r", `"`, `"`, `""`, `","`, "\"\n", "é", "\xff", "\n\n", " "}
	mistakes, several := 0, 0
	for range 20_000 {
		var b strings.Builder
		for range random.IntN(14) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		text := b.String()
		sameAsStandard(t, text)
		_, all, _, err := standardRecords(strings.NewReader(text))
		if !errors.Is(err, io.EOF) {
			mistakes++
		} else if len(all) > 1 && strings.Contains(text, `"`) {
			several++
		}
	}
	if mistakes < 2000 || several < 500 {
		t.Errorf("%d texts with mistakes, %d with quotes and several records", mistakes, several)
	}
}

// Records that are longer than the buffer of the reader, or cross its end, are read whole.
func TestCSVBuffer(t *testing.T) {
	for _, size := range []int{csvBuffer - 3, csvBuffer, csvBuffer + 1, 3 * csvBuffer} {
		long := strings.Repeat("x", size)
		sameAsStandard(t, "a,"+long+"\nb,\""+long+"\n\",\"\"\"\"\r\nc\n"+long)
	}
	var many bytes.Buffer
	for many.Len() < 5*csvBuffer {
		many.WriteString("192.0.2.1,\"a \"\"b\"\"\",c\n198.51.100.0/24,d,é\n")
	}
	sameAsStandard(t, many.String())
	// The limit is for each record, not for all of them together.
	for _, text := range []string{"a\n" + strings.Repeat("x", maxRecord+1), "a\n\"" + strings.Repeat("x\n", maxRecord)} {
		if _, all, err := records(strings.NewReader(text)); !errors.Is(err, errRecordTooLong) || len(all) != 1 {
			t.Errorf("%.10q: %d records, %v", text, len(all), err)
		}
	}
	if _, _, err := records(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a,b\n")))); !errors.Is(err, iotest.ErrTimeout) {
		t.Error(err)
	}
	if _, _, err := records(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}
