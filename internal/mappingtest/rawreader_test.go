package mappingtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/sample"
)

// rawLeaf is a value of a record as its format has it, and what it means by the type in raw.sql.
type rawLeaf struct {
	path, text, meaning string
	whole               string // the JSON that the value is a part of, if raw.sql declares that as one value
	list                bool
	parts               []rawLeaf // of a list or an object
}

// rawReader reads records as a mapping without fields would, for which everything goes to unmapped, and as the mapping's raw.sql has them.
type rawReader struct {
	*testing.T
	spec         decode.Spec
	left         []decode.Leaf // of plain
	typed, plain *decode.Records
	expand       *decode.Expander
	loose        bool // numbers are compared as numbers, whatever their type in raw.sql: a declarative mapping has casts instead
}

func newRawReader(t *testing.T, spec decode.Spec, records []sample.Record, loose bool) *rawReader {
	open := func(keys *decode.Keys, spec decode.Spec) *decode.Records {
		d := decode.NewRecords(&spec, keys, decode.Options{})
		d.OpenFramed(&framed{records: records})
		return d
	}
	keys := decode.NewKeys()
	without := spec
	without.Leaves, without.Nulls = nil, slices.Clone(spec.Nulls)
	for _, l := range spec.Leaves { // those that tell how another field is read
		if slices.ContainsFunc(spec.Parsers, func(p decode.Parser) bool { return slices.Equal(p.By, l.Path) }) {
			without.Leaves = append(without.Leaves, l)
		}
	}
	for _, n := range spec.Nulls {
		for _, l := range spec.Leaves {
			if slices.Equal(l.Path, n.Path) {
				for _, path := range l.Also {
					without.Nulls = append(without.Nulls, decode.Null{Path: path, Texts: n.Texts})
				}
			}
		}
	}
	return &rawReader{T: t, spec: spec, left: without.Leaves, typed: open(decode.NewKeys(), spec), plain: open(keys, without), expand: decode.NewExpander(keys), loose: loose}
}

// framed gives records that were framed before.
type framed struct {
	records []sample.Record
	next    int
}

func (f *framed) Next() (number int64, raw, context []byte, err error) {
	if f.next == len(f.records) {
		return 0, nil, nil, io.EOF
	}
	r := f.records[f.next]
	f.next++
	return int64(f.next), r.Raw, r.Context, nil
}

// next gives the values of the next record; nil if it is rejected.
func (r *rawReader) next() []rawLeaf {
	_, _, rej, err := r.typed.Next()
	_, _, plainRej, plainErr := r.plain.Next()
	if err != nil || plainErr != nil {
		r.Fatal(err, plainErr)
	}
	if rej != nil || plainRej != nil {
		return nil
	}
	typed, whole := map[string]string{}, map[string]string{}
	for i, v := range r.typed.Values() {
		l := r.spec.Leaves[i]
		if !v.Set {
			continue
		}
		meaning := ""
		switch l.Kind {
		case decode.Text:
			continue
		case decode.Timestamp: // milliseconds
			meaning = fmt.Sprint("ms", floorDiv(v.Int, 1000))
		case decode.Double:
			meaning = fmt.Sprint("n", v.Num)
		case decode.JSON:
			meaning = "j" + withoutNulls(v.Text)
		default:
			meaning = fmt.Sprint("n", v.Int)
		}
		for _, path := range append([][]string{l.Path}, l.Also...) {
			typed[strings.Join(path, ".")+"="+string(v.Text)] = meaning
			if l.Kind == decode.JSON {
				whole[strings.Join(path, ".")+"."] = string(v.Text)
			}
		}
	}
	meaning := func(path, text string) string {
		if m := typed[path+"="+text]; m != "" {
			return m
		}
		if n, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && r.loose {
			return fmt.Sprint("n", n)
		}
		return "t" + text
	}
	entries, err := r.expand.Expand(r.plain.Rest(), nil)
	if err != nil {
		r.Fatal(err)
	}
	var out []rawLeaf
	for i, v := range r.plain.Values() {
		if v.Set {
			path := strings.Join(r.left[i].Path, ".")
			out = append(out, rawLeaf{path: path, text: string(v.Text), meaning: meaning(path, string(v.Text))})
		}
	}
	for _, e := range entries {
		text := string(e.Value)
		l := rawLeaf{path: e.Key, text: text, meaning: meaning(e.Key, text)}
		for prefix, json := range whole {
			if strings.HasPrefix(e.Key+".", prefix) {
				l.whole = json
			}
		}
		var several []json.RawMessage // a list, or values of one key
		if l.meaning[0] != 'n' && (strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")) {
			l.meaning = "j" + withoutNulls(e.Value)
		}
		if l.meaning[0] != 'n' && strings.HasPrefix(text, "[") && json.Unmarshal(e.Value, &several) == nil {
			for _, v := range several {
				l.parts = append(l.parts, partsOf(v, func(text string) string { return meaning(e.Key, text) })...)
			}
			l.list = true
		}
		out = append(out, l)
	}
	return out
}

// scalars adds the values in a JSON text, and those in texts that are JSON. A time is also added as milliseconds.
func scalars(b []byte, to map[string]bool) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return
	}
	var walk func(v any)
	walk = func(v any) {
		switch x := v.(type) {
		case nil:
		case map[string]any:
			for _, e := range x {
				walk(e)
			}
		case []any:
			for _, e := range x {
				walk(e)
			}
		case string:
			to[x], to[oneNotation(x)] = true, true
			if at, err := time.Parse(time.RFC3339Nano, x); err == nil {
				to[fmt.Sprint(at.UnixMilli())] = true
			}
			if x != "" && strings.Contains("{[\"", x[:1]) {
				scalars([]byte(x), to)
			}
		default:
			to[fmt.Sprint(x)], to[oneNotation(fmt.Sprint(x))] = true, true
		}
	}
	walk(v)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// oneNotation is a text in the notation that all numbers have here, if it is a number.
func oneNotation(text string) string {
	if n, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
		return fmt.Sprint(n)
	}
	return text
}

// withoutNulls is a JSON text without blanks, and without the members that are null. Numbers have one notation.
func withoutNulls(b []byte) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return string(b)
	}
	var clean func(v any) any
	clean = func(v any) any {
		switch x := v.(type) {
		case map[string]any:
			for n, e := range x {
				if x[n] = clean(e); x[n] == nil {
					delete(x, n)
				}
			}
		case []any:
			for i, e := range x {
				x[i] = clean(e)
			}
		case json.Number:
			return oneNotation(x.String())
		case string:
			return oneNotation(x)
		}
		return v
	}
	out, err := json.Marshal(clean(v))
	if err != nil {
		return string(b)
	}
	return string(out)
}
