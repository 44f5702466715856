package sqlgen

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
)

// RawFlows says where the value of one field of raw.sql goes. A field that nothing reads has no Flows: its value goes to unmapped
// under its own name.
type RawFlows struct {
	Raw  string // its dotted path; key.<name> for a capture of the staging key
	Type string // as raw.sql has it
	// Leaf is its number in Compiled.Scan.Leaves, -1 where it is not read, or is a capture.
	Leaf int
	// File, Line and Column of its declaration; Line 0: it is not to be found there.
	File         string
	Line, Column int
	Flows        []Flow
}

// Flow is one output that a raw field goes into.
type Flow struct {
	Projection string // its name
	Class      string
	Path       string // OCSF path, or unmapped.<name>
	// Exact says that the output is the field's value, casts aside; else an expression reads it.
	Exact bool
	// Consumed says that an expression has used it up, so that it is not kept in unmapped besides.
	Consumed     bool
	File         string
	Line, Column int // of the column in its SELECT
}

// rawFlows follows every field of raw.sql, in its order, and the captures of the key.
func (c *compiler) rawFlows() []RawFlows {
	var all []RawFlows
	at := map[*leaf]int{}
	add := func(x RawFlows, l *leaf) {
		if l != nil {
			at[l] = len(all)
		}
		all = append(all, x)
	}
	finder := newFieldFinder(c.m.Raw)
	for _, f := range c.src.root.below() {
		if strings.EqualFold(f.path[0], keyTable) && len(f.path) > 1 {
			continue
		}
		x := RawFlows{Raw: strings.Join(f.path, "."), Type: f.typ.text, Leaf: -1, File: c.m.Raw.Path}
		x.Line, x.Column = finder.find(f.path)
		if f.leaf != nil && f.leaf.key == "" {
			x.Leaf = f.leaf.order
		}
		add(x, f.leaf)
	}
	for _, n := range c.src.keyNames() {
		add(RawFlows{Raw: keyTable + "." + n, Type: "VARCHAR", Leaf: -1}, c.src.keys[n])
	}
	for _, p := range c.projections {
		for _, o := range p.outs {
			reads := o.reads
			if o.group != nil {
				reads = nil
				for _, f := range o.group.below() {
					if f.leaf != nil {
						reads = append(reads, f.leaf)
					}
				}
			}
			flow := Flow{Projection: p.name, Class: p.class.Name, Path: o.alias, File: p.file.Path}
			flow.Line, flow.Column = diag.Position(p.file.Text, max(o.at, 0))
			for _, l := range reads {
				i, ok := at[l]
				if !ok {
					continue
				}
				flow.Exact = o.leaf == l || o.group != nil
				flow.Consumed = !flow.Exact && p.consumed[l]
				all[i].Flows = append(all[i].Flows, flow)
			}
		}
	}
	return all
}

// fieldFinder finds declarations in raw.sql's text.
type fieldFinder struct {
	file diag.File
	text string // without comments, in lower case, as long as the file's
}

var sqlComment = regexp.MustCompile(`--[^\n]*`)

func newFieldFinder(f diag.File) *fieldFinder {
	t := sqlComment.ReplaceAllStringFunc(f.Text, func(s string) string { return strings.Repeat(" ", len(s)) })
	low := strings.ToLower(t)
	if len(low) != len(t) {
		low = t
	}
	return &fieldFinder{file: f, text: low}
}

// find looks for each name of the path behind the one before it.
func (d *fieldFinder) find(path []string) (line, column int) {
	from := strings.Index(d.text, "(")
	if from < 0 {
		return 0, 0
	}
	at := -1
	for _, name := range path {
		name = strings.ToLower(name)
		for {
			i := strings.Index(d.text[from:], name)
			if i < 0 {
				return 0, 0
			}
			at = from + i
			from = at + len(name)
			if !nameByte(d.text, at-1) && !nameByte(d.text, from) {
				break
			}
		}
	}
	if at > 0 && d.text[at-1] == '"' {
		at--
	}
	return diag.Position(d.file.Text, at)
}

func nameByte(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || s[i] >= 0x80)
}

// checkUnread tells which fields of raw.sql no SELECT reads.
func (c *compiler) checkUnread(all []RawFlows) {
	var names []string
	var first *RawFlows
	fields := 0
	read := map[*leaf]bool{}
	for _, l := range c.conditionLeaves() {
		read[l] = true
	}
	for i, l := range all {
		if l.File == "" {
			continue
		}
		fields++
		if len(l.Flows) > 0 || l.Leaf >= 0 && read[c.src.leaves[l.Leaf]] {
			continue
		}
		if first == nil {
			first = &all[i]
		}
		names = append(names, l.Raw)
	}
	if first == nil {
		return
	}
	const most = 10
	shown := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		shown += ", ..."
	}
	c.report.Add(diag.Diagnostic{File: first.File, Line: first.Line, Column: first.Column, Severity: diag.Note, Code: diag.Unread,
		Message: fmt.Sprintf("no SELECT reads %d of %d fields, they go to unmapped: %s", len(names), fields, shown),
		Hint:    "etl check --sample shows how often each is filled"})
}
