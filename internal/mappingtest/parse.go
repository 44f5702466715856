package mappingtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/internal/textfile"
)

// keys of a case, in the order in which docs/mappings.md lists them.
var caseKeys = []string{"name", "key", "raw", "raw_file", "class", "match", "expect", "quarantine", "filtered", "events"}

// parse reads the file's cases. dir holds the files that raw_file names.
func (f *File) parse(dir fs.FS) diag.List {
	if line, column, deep := textfile.TooDeep(f.Text); deep {
		return diag.List{{File: f.Path, Line: line, Column: column, Message: fmt.Sprintf("nested deeper than %d levels", textfile.MaxDepth)}}
	}
	tree, err := parser.ParseBytes(f.Text, parser.ParseComments)
	if err != nil {
		return diag.List{yamlProblem(f.Path, err)}
	}
	p := &caseParser{f: f, dir: dir, names: map[string]int{}}
	for _, d := range tree.Docs {
		if d.Body == nil {
			continue
		}
		seq, ok := d.Body.(*ast.SequenceNode)
		if !ok {
			if _, comment := d.Body.(*ast.CommentGroupNode); !comment {
				line, column := position(d.Body)
				p.bad(line, column, "the file is a list of tests: begin each with `- name: ...`")
			}
			continue
		}
		r := &reader{file: f.Path, anchors: map[string]ast.Node{}}
		for i, v := range seq.Values {
			last := bytes.Count(f.Text, []byte("\n")) + 1
			if i+1 < len(seq.Values) {
				line, _ := position(seq.Values[i+1])
				last = line - 1
			}
			n := r.read(v)
			if r.err != nil {
				p.problems = append(p.problems, *r.err)
				r.err = nil
				continue
			}
			p.read(n, last)
		}
	}
	return p.problems
}

var yamlPlace = regexp.MustCompile(`^\[(\d+):(\d+)\] (.*)`)

func yamlProblem(file string, err error) diag.Diagnostic {
	p := diag.Diagnostic{File: file}
	var e yaml.Error
	if errors.As(err, &e) { // the text of Error quotes the source, at a cost that grows with it
		if t := e.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
		p.Message = "not YAML: " + e.GetMessage()
	} else {
		p.Message = "not YAML: " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	if m := yamlPlace.FindStringSubmatch(p.Message); m != nil {
		p.Message = "not YAML: " + m[3]
	}
	return p
}

type caseParser struct {
	f        *File
	dir      fs.FS
	names    map[string]int // line of each
	problems diag.List
}

func (p *caseParser) bad(line, column int, format string, args ...any) {
	p.problems = append(p.problems, diag.Diagnostic{File: p.f.Path, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

func (p *caseParser) read(n *node, last int) {
	if n.kind != mapping {
		p.bad(n.line, n.column, "a test is an object: name, raw, and what is expected")
		return
	}
	before := len(p.problems)
	c := &Case{File: p.f.Path, Line: n.line, Column: n.column, flow: n.flow, entries: map[string]span{}, indent: n.column - 1, lastLine: p.trim(n.line, last)}
	var wants []string
	for i, f := range n.fields {
		to := last
		if i+1 < len(n.fields) {
			to = n.fields[i+1].line - 1
		}
		c.entries[f.key] = span{f.line, p.trim(f.line, to)}
		if !slices.Contains(caseKeys, f.key) {
			p.bad(f.line, f.column, "unknown key %q; the keys are %s", f.key, strings.Join(caseKeys, ", "))
			continue
		}
		switch f.key {
		case "expect", "quarantine", "filtered", "events":
			wants = append(wants, f.key)
			if len(wants) > 1 {
				p.bad(f.line, f.column, "%s, and %s above it: a record becomes one thing", f.key, wants[0])
			}
		}
		p.key(c, f)
	}
	switch {
	case c.Name == "" && n.get("name") == nil:
		p.bad(n.line, n.column, "the test has no name")
	case p.names[c.Name] > 0:
		p.bad(n.line, n.column, "a second test of the name %q, the first is in line %d", c.Name, p.names[c.Name])
	default:
		p.names[c.Name] = n.line
	}
	p.records(c, n)
	if len(p.problems) > before {
		return
	}
	if c.rawFile == nil { // else it is counted when it is framed
		if prob := c.counted(len(c.Records)); prob != nil {
			p.problems = append(p.problems, *prob)
			return
		}
	}
	p.f.Cases = append(p.f.Cases, c)
}

// counted holds the expectations to the number of records.
func (c *Case) counted(records int) *diag.Diagnostic {
	switch {
	case len(c.Wants) > 0 && !c.several && records > 1:
		return &diag.Diagnostic{File: c.File, Line: c.Line, Column: c.Column, Message: fmt.Sprintf("the raw data holds %d records: expect them as a list, `events:`", records)}
	case c.several && len(c.Wants) != records:
		return &diag.Diagnostic{File: c.File, Line: c.Line, Column: c.Column, Message: fmt.Sprintf("%d records, but events holds %d: every record becomes one event, or is in quarantine, or filtered", records, len(c.Wants))}
	}
	return nil
}

// trim gives the last line of a span that has more than blanks and a comment.
func (p *caseParser) trim(from, to int) int {
	lines := strings.Split(string(p.f.Text), "\n")
	for to > from {
		if to <= len(lines) {
			if t := strings.TrimSpace(lines[to-1]); t != "" && !strings.HasPrefix(t, "#") {
				break
			}
		}
		to--
	}
	return to
}

func (p *caseParser) text(f field) string {
	if f.value.kind != text && f.value.kind != number || f.value.text == "" {
		p.bad(f.line, f.column, "%s is a text", f.key)
	}
	return f.value.text
}

func (p *caseParser) key(c *Case, f field) {
	switch f.key {
	case "name":
		c.Name = p.text(f)
	case "key":
		if f.value.kind != mapping {
			p.bad(f.line, f.column, "key holds the captures of the staging key, as key: {account_id: \"111122223333\", region: us-east-1}")
			return
		}
		c.Captures = staging.Captures{}
		for _, g := range f.value.fields {
			c.Captures[g.key] = p.text(g)
		}
	case "raw":
		c.raw = f.value
	case "raw_file":
		if p.text(f) != "" {
			c.rawFile = f.value
		}
	case "class":
		c.Class = p.text(f)
	case "match":
		switch f.value.text {
		case "whole":
			c.Whole = true
		case "partial":
		default:
			p.bad(f.line, f.column, "match is partial (the default) or whole")
		}
	case "expect", "quarantine", "filtered":
		if w, ok := p.want(f); ok {
			c.Wants = []Want{w}
		}
	case "events":
		c.several = true
		if f.value.kind != list {
			p.bad(f.line, f.column, "events is a list: of each record, in their order, what is expected of it")
			return
		}
		for _, n := range f.value.items {
			if n.kind != mapping || len(n.fields) != 1 || !slices.Contains([]string{"expect", "quarantine", "filtered"}, n.fields[0].key) {
				p.bad(n.line, n.column, "each of events has one key: expect, quarantine or filtered")
				continue
			}
			if w, ok := p.want(n.fields[0]); ok {
				c.Wants = append(c.Wants, w)
			}
		}
	}
}

func (p *caseParser) want(f field) (Want, bool) {
	w := Want{Line: f.line, Column: f.column}
	v := f.value
	switch f.key {
	case "expect":
		if v.kind != mapping {
			p.bad(f.line, f.column, "expect is an object of OCSF attributes, nested or with dotted names")
			return w, false
		}
		n, prob := nested(v)
		if prob != nil {
			p.bad(prob.Line, prob.Column, "%s", prob.Message)
			return w, false
		}
		w.event = n
	case "quarantine":
		w.Kind = Quarantine
		switch v.kind {
		case text:
			w.Code = v.text
		case mapping:
			for _, g := range v.fields {
				switch g.key {
				case "code":
					w.Code = p.text(g)
				case "path":
					w.Path = p.text(g)
				default:
					p.bad(g.line, g.column, "unknown key quarantine.%s; the keys are code, path", g.key)
				}
			}
		}
		if w.Code == "" {
			p.bad(f.line, f.column, "quarantine names the reason: a code, or {code, path}")
			return w, false
		}
	case "filtered":
		w.Kind = Filtered
		if v.kind != boolean || v.text != "true" {
			p.bad(f.line, f.column, "filtered is true, or left out")
			return w, false
		}
	}
	return w, true
}

// nested takes dotted names apart: "file.name" is name in file. Below unmapped names stay as they are, joined with dots: it is
// one object of texts.
func nested(v *node) (*node, *diag.Diagnostic) {
	out := &node{line: v.line, column: v.column, kind: mapping}
	var put func(to *node, f field, path []string) *diag.Diagnostic
	put = func(to *node, f field, path []string) *diag.Diagnostic {
		for i := range to.fields {
			g := &to.fields[i]
			if g.key != path[0] {
				continue
			}
			if len(path) == 1 && (f.value.kind != mapping || g.value.kind != mapping) || g.value.kind != mapping {
				return &diag.Diagnostic{Line: f.line, Column: f.column, Message: fmt.Sprintf("%s is named twice, first in line %d", f.key, g.line)}
			}
			if len(path) > 1 {
				return put(g.value, f, path[1:])
			}
			for _, h := range f.value.fields {
				if err := put(g.value, h, strings.Split(h.key, ".")); err != nil {
					return err
				}
			}
			return nil
		}
		g := field{key: path[0], line: f.line, column: f.column}
		switch {
		case len(path) > 1:
			g.value = &node{line: f.line, column: f.column, kind: mapping}
			if err := put(g.value, f, path[1:]); err != nil {
				return err
			}
		case f.value.kind == mapping:
			n, err := nested(f.value)
			if err != nil {
				return err
			}
			g.value = n
		case f.value.kind == list:
			items := *f.value
			items.items = slices.Clone(items.items)
			for i, item := range items.items {
				if item.kind == mapping {
					n, err := nested(item)
					if err != nil {
						return err
					}
					items.items[i] = n
				}
			}
			g.value = &items
		default:
			g.value = f.value
		}
		to.fields = append(to.fields, g)
		return nil
	}
	for _, f := range v.fields {
		if head, rest, dotted := strings.Cut(f.key, "."); head == unmapped {
			flat := &node{line: f.value.line, column: f.value.column, kind: mapping}
			if dotted {
				flatten(flat, rest, f)
			} else if f.value.kind == mapping {
				for _, g := range f.value.fields {
					flatten(flat, g.key, g)
				}
			} else {
				return nil, &diag.Diagnostic{Line: f.line, Column: f.column, Message: "unmapped is an object of texts; {} where nothing is left"}
			}
			if old := out.get(unmapped); old != nil {
				old.fields = append(old.fields, flat.fields...)
			} else {
				out.fields = append(out.fields, field{key: unmapped, line: f.line, column: f.column, value: flat})
			}
			continue
		}
		if err := put(out, f, strings.Split(f.key, ".")); err != nil {
			return nil, err
		}
	}
	return out, nil
}

const unmapped = "unmapped"

func flatten(to *node, key string, f field) {
	if f.value.kind == mapping && len(f.value.fields) > 0 {
		for _, g := range f.value.fields {
			flatten(to, key+"."+g.key, g)
		}
		return
	}
	to.fields = append(to.fields, field{key: key, line: f.line, column: f.column, value: f.value})
}

// records finds the bytes of the case's records; those of raw_file are framed when the mapping is known.
func (p *caseParser) records(c *Case, n *node) {
	switch {
	case c.raw != nil && c.rawFile != nil:
		p.bad(n.line, n.column, "raw or raw_file, not both")
	case c.rawFile != nil:
		b, err := textfile.ReadFS(p.dir, c.rawFile.text, textfile.MaxRecords)
		const try = "Try: a file in the folder of this one (example: raw_file: records.log)"
		switch {
		case !fs.ValidPath(c.rawFile.text) || c.rawFile.text == ".":
			p.bad(c.rawFile.line, c.rawFile.column, "raw_file %q is not the path of a file in the folder of this one. %s", c.rawFile.text, try)
			return
		case errors.Is(err, fs.ErrNotExist):
			p.bad(c.rawFile.line, c.rawFile.column, "raw_file %s not found. %s", c.rawFile.text, try)
			return
		case err != nil:
			p.bad(c.rawFile.line, c.rawFile.column, "raw_file: %v. %s", err, try)
			return
		}
		c.Records = [][]byte{b}
	case c.raw == nil:
		p.bad(n.line, n.column, "the test has no record: give raw (an object, or the record's own text) or raw_file")
	case c.raw.kind == list:
		for _, item := range c.raw.items {
			p.record(c, item)
		}
		if len(c.Records) == 0 {
			p.bad(c.raw.line, c.raw.column, "raw is an empty list")
		}
	default:
		p.record(c, c.raw)
	}
}

func (p *caseParser) record(c *Case, n *node) {
	raw := n.json(nil)
	if n.kind == text {
		raw = []byte(strings.TrimRight(n.text, "\r\n"))
	}
	if len(bytes.TrimSpace(raw)) == 0 || n.kind == null {
		p.bad(n.line, n.column, "the record is empty")
		return
	}
	c.Records = append(c.Records, raw)
}
