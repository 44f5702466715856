package infer

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/fields"
)

// detected is what a sample's bytes are, by its first lines.
type detected struct {
	format decode.Format
	header []string // lines for raw.sql
	why    string
}

const (
	headBytes = 256 << 10 // of a sample that are looked at, as they lie there
	headLines = 100
)

// detect looks at the beginning of a sample, and leaves it unread.
func (in *inference) detect(r *bufio.Reader) detected {
	head, _ := r.Peek(headBytes)
	if d, err := decode.Detect(bytes.NewReader(head)); err == nil && d.Format.Name == decode.FormatParquet {
		return detected{d.Format, []string{"format: parquet"}, d.Evidence}
	}
	lines := firstLines(head)
	json := detected{format: decode.Format{Name: decode.FormatJSON}}
	if key := envelope(head); word.MatchString(key) {
		json.format.Records = []string{key}
		json.header = []string{"records: " + key}
		json.why = fmt.Sprintf("the elements of the array %s are the records", key)
		return json
	}
	if len(lines) == 0 {
		return json
	}
	if c := lines[0][0]; c == '{' || c == '[' {
		return json
	}
	for _, f := range []struct {
		name decode.FormatName
		line *regexp.Regexp
		why  string
	}{{"cef", cefLine, "CEF:version|vendor|..."}, {"leef", leefLine, "LEEF:version|vendor|..."}, {"kv", kvLine, "key=value pairs"}} {
		n := 0
		for _, l := range lines {
			if f.line.Match(l) {
				n++
			}
		}
		if n*10 >= len(lines)*9 && slices.Contains(decode.Formats(), f.name) {
			return detected{decode.Format{Name: f.name}, []string{"format: " + string(f.name)}, fmt.Sprintf("%d of its first %d lines are %s", n, len(lines), f.why)}
		}
	}
	if d, ok := in.csv(lines); ok {
		return d
	}
	if slices.Contains(decode.Formats(), decode.FormatName("lines")) && text(lines) {
		return detected{decode.Format{Name: "lines", Columns: []string{"line"}}, []string{"format: lines"}, "its lines have no common shape: write a -- pattern: that takes them apart"}
	}
	return json
}

var (
	cefLine  = regexp.MustCompile(`(^|[\s:])CEF:\s*\d+\|`)
	leefLine = regexp.MustCompile(`(^|[\s:])LEEF:\s*\d+(\.\d+)?\|`)
	kvLine   = regexp.MustCompile(`^[^=]*?([A-Za-z_][\w.-]*=("[^"]*"|[^\s"]*)\s+){2,}[A-Za-z_][\w.-]*=`)
	word     = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	nameLike = regexp.MustCompile(`^#?[A-Za-z_][\w .()/:-]*$`)
)

// firstLines unpacks the beginning of an object as far as it goes.
func firstLines(head []byte) (lines [][]byte) {
	d := decode.NewRecords(&decode.Spec{}, decode.NewKeys(), decode.Options{})
	d.Open(bytes.NewReader(head))
	for len(lines) < headLines {
		_, raw, rej, err := d.Next()
		if err != nil {
			break // it is only the beginning
		}
		if rej != nil && rej.Code != decode.ReasonJSON {
			continue
		}
		for _, l := range bytes.Split(raw, []byte("\n")) {
			if l = bytes.TrimRight(l, "\r"); len(bytes.TrimSpace(l)) > 0 {
				lines = append(lines, bytes.Clone(l))
			}
		}
	}
	return lines
}

// text says whether lines are printable.
func text(lines [][]byte) bool {
	for _, l := range lines {
		if bytes.ContainsAny(l, "\x00\x01\x02\x03\x04\x05") || len(l) > 64<<10 {
			return false
		}
	}
	return len(lines) > 1
}

// csv finds the delimiter that cuts (nearly) all lines into the same number of fields, most of them.
func (in *inference) csv(lines [][]byte) (detected, bool) {
	comment := ""
	if lines[0][0] == '#' {
		comment = "#"
		lines = slices.DeleteFunc(slices.Clone(lines), func(l []byte) bool { return l[0] == '#' })
		if len(lines) == 0 {
			return detected{}, false
		}
	}
	var best, escape byte
	most, name := 0, ""
	delimiters := []struct {
		char, escape byte
		name         string
		min          int
	}{{'\t', 0, "tab", 2}, {',', 0, "comma", 2}, {';', 0, "semicolon", 3}, {'|', 0, "pipe", 3}, {' ', 0, "space", 5}}
	for _, d := range delimiters { // where a backslash is no escape is tried first: a Windows path may end in one
		d.escape = '\\'
		delimiters = append(delimiters, d)
	}
	for _, d := range delimiters {
		if d.escape != 0 && most > 0 {
			break
		}
		c := fields.CSV{Delimiter: d.char, Quote: '"', Escape: d.escape, Runs: d.char == ' '}
		counts := map[int]int{}
		whole := joined(&c, lines)
		for _, l := range whole {
			if c.Split(l) == fields.Whole {
				counts[c.Len()]++
			}
		}
		for n, times := range counts {
			if n >= d.min && times*100 >= len(whole)*95 && (n > most && d.char != ' ' || most == 0) {
				best, escape, most, name = d.char, d.escape, n, d.name
			}
		}
	}
	if most == 0 || len(lines) < 2 {
		return detected{}, false
	}
	c := fields.CSV{Delimiter: best, Quote: '"', Escape: escape, Runs: best == ' '}
	lines = joined(&c, lines)
	out := detected{format: decode.Format{Name: decode.FormatCSV, Delimiter: best, Quote: '"', Escape: escape, Header: decode.HeaderNo, Comment: comment}, header: []string{"format: csv"},
		why: fmt.Sprintf("its first %d records have %d fields each, with a %s between them", len(lines), most, name)}
	if best != ',' {
		out.header = append(out.header, "delimiter: "+name)
	}
	if escape != 0 {
		out.header = append(out.header, "escape: backslash")
	}
	if names := in.names(&c, lines, most); names != nil {
		out.format.Columns, out.format.Header = names, decode.HeaderYes
		out.header = append(out.header, "header: yes")
		out.why += "; the first names them"
	} else {
		for i := range most {
			out.format.Columns = append(out.format.Columns, fmt.Sprintf("column_%d", i+1))
		}
		out.header = append(out.header, "header: no")
		out.why += "; no line names them: give the columns names"
	}
	if comment != "" {
		out.header = append(out.header, "comment: #")
	}
	dashes := 0
	for _, l := range lines {
		if c.Split(l) != fields.Whole {
			continue
		}
		for i := range c.Len() {
			if string(c.Field(l, i)) == "-" {
				dashes++
			}
		}
	}
	if dashes > 0 {
		out.format.Null = []string{"-"}
		out.header = append(out.header, "null: -")
	}
	return out, true
}

// joined puts lines together where quotes go on over their ends.
func joined(c *fields.CSV, lines [][]byte) (out [][]byte) {
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		for j := i + 1; j < len(lines) && j < i+20 && c.Split(l) == fields.Open; j++ {
			l = append(append(bytes.Clone(l), '\n'), lines[j]...)
			if c.Split(l) == fields.Whole {
				i = j
			}
		}
		if c.Split(l) != fields.Whole {
			l = lines[i]
		}
		out = append(out, l)
	}
	return out
}

// names are the columns that the first line names, nil where it is a record like the others: names are words, all different, and
// one of them at least stands above values that are none.
func (in *inference) names(c *fields.CSV, lines [][]byte, most int) (names []string) {
	if c.Split(lines[0]) != fields.Whole || c.Len() != most {
		return nil
	}
	seen := map[string]bool{}
	for i := range most {
		n := strings.TrimSpace(string(c.Field(lines[0], i)))
		if !nameLike.MatchString(n) || seen[strings.ToLower(n)] || strings.EqualFold(n, "true") || strings.EqualFold(n, "false") {
			return nil
		}
		seen[strings.ToLower(n)] = true
		names = append(names, n)
	}
	for _, l := range lines[1:] {
		if c.Split(l) != fields.Whole {
			continue
		}
		for i := range min(c.Len(), most) {
			v := c.Field(l, i)
			set := in.traitsOf(v, true)
			if set[isDouble] || set[isIP] || set[isISOTime] || set[isUUID] || set[isURL] || !nameLike.Match(v) && len(v) > 1 {
				return names
			}
		}
	}
	return nil
}
