package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/rawtable"
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
	// Consumed says that the value is kept in unmapped only where the event does not give it back.
	Consumed     bool
	File         string
	Line, Column int // of the column in its SELECT
}

// rawFlows follows every field of raw.sql, in its order, and the captures of the key.
func (c *emitter) rawFlows() []RawFlows {
	var all []RawFlows
	at := map[*rawtable.Leaf]int{}
	add := func(x RawFlows, l *rawtable.Leaf) {
		if l != nil {
			at[l] = len(all)
		}
		all = append(all, x)
	}
	finder := rawtable.NewFinder(c.Mapping.Raw)
	for _, f := range c.Src.Root.Values() {
		if strings.EqualFold(f.Path[0], rawtable.KeyTable) && len(f.Path) > 1 {
			continue
		}
		x := RawFlows{Raw: strings.Join(f.Path, "."), Type: f.Type.Text, Leaf: -1, File: c.Mapping.Raw.Path}
		x.Line, x.Column = finder.Find(f.Path)
		if f.Leaf != nil && f.Leaf.Key == "" {
			x.Leaf = f.Leaf.Order
		}
		add(x, f.Leaf)
	}
	for _, n := range c.Src.KeyNames() {
		add(RawFlows{Raw: rawtable.KeyTable + "." + n, Type: "VARCHAR", Leaf: -1}, c.Src.Keys[n])
	}
	for _, p := range c.Projections {
		for _, o := range p.Outs {
			reads := o.Reads
			if o.Group != nil {
				reads = nil
				for _, f := range o.Group.Values() {
					if f.Leaf != nil {
						reads = append(reads, f.Leaf)
					}
				}
			}
			flow := Flow{Projection: p.Name, Class: p.Class.Name, Path: o.Alias, File: o.File.Path}
			flow.Line, flow.Column = diag.Position(o.File.Text, max(o.At, 0))
			for _, l := range reads {
				i, ok := at[l]
				if !ok {
					continue
				}
				flow.Exact = o.Leaf == l || o.Group != nil
				flow.Consumed = !flow.Exact && p.Consumed[l] != nil
				all[i].Flows = append(all[i].Flows, flow)
			}
		}
	}
	return all
}

// checkUnread tells which fields of raw.sql no SELECT reads.
func (c *emitter) checkUnread(all []RawFlows) {
	var names []string
	var first *RawFlows
	tree := redact.NewTree(c.Redact)
	fields := 0
	read := map[*rawtable.Leaf]bool{}
	for _, l := range c.ConditionLeaves() {
		read[l] = true
	}
	for i, l := range all {
		if l.File == "" {
			continue
		}
		if tree.Discarded(strings.Split(l.Raw, ".")) {
			continue
		}
		fields++
		if len(l.Flows) > 0 || l.Leaf >= 0 && read[c.Src.Leaves[l.Leaf]] {
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
	c.Report.Add(diag.Diagnostic{File: first.File, Line: first.Line, Column: first.Column, Severity: diag.Note, Code: diag.Unread,
		Message: fmt.Sprintf("no SELECT reads %d of %d fields; they go to unmapped: %s", len(names), fields, shown),
		Hint:    "etl check --sample shows how often each is filled"})
}
