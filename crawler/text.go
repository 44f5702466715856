package crawler

import (
	"fmt"
	"io"
	"strings"

	"github.com/silt-etl/silt/internal/human"
)

// maxLines of the same kind are printed for a person. JSON has all of them.
const maxLines = 10

// WriteText prints a difference for a person.
func (d *Difference) WriteText(w io.Writer) {
	for i := range d.Tables {
		d.Tables[i].writeText(w)
	}
}

func (t *TableDifference) writeText(w io.Writer) {
	fmt.Fprintf(w, "%s: %s in the catalog; %s with %s (%s) in the lake\n", t.Table, human.Plural(int64(t.Partitions), "partition"),
		human.Plural(int64(t.Folders), "folder"), human.Plural(t.Files, "file"), human.Size(t.SizeBytes))
	if n := t.NextRun; n != nil {
		fmt.Fprintf(w, "  next run: %s columns or fields to add, and %s to update\n", human.Count(int64(len(n.Columns))), human.Plural(int64(n.Partitions), "partition"))
		few(w, n.Columns, "    + %s\n")
	}
	lines := map[Kind]int{}
	for _, c := range t.Changes {
		if lines[c.Kind]++; lines[c.Kind] > maxLines {
			continue
		}
		fmt.Fprintf(w, "  %s\n", c)
	}
	for _, k := range []Kind{AddPartition, UpdatePartition, DeletePartition, DeprecatePartition, RestorePartition} {
		if n := lines[k] - maxLines; n > 0 {
			fmt.Fprintf(w, "  %s: and %d more\n", k, n)
		}
	}
	for _, f := range t.Findings {
		fmt.Fprintf(w, "  %s\n", f)
	}
	if len(t.Changes)+len(t.Findings) == 0 && t.NextRun == nil {
		fmt.Fprintln(w, "  the catalog says what the lake holds")
	}
}

func few(w io.Writer, lines []string, format string) {
	for i, l := range lines {
		if i == maxLines {
			fmt.Fprintf(w, format, fmt.Sprintf("and %d more", len(lines)-maxLines))
			return
		}
		fmt.Fprintf(w, format, l)
	}
}

// String is the change as one line.
func (c Change) String() string {
	s := string(c.Kind)
	if c.Partition != "" {
		s += " " + c.Partition
	}
	detail := c.Detail
	if len(detail) > maxLines {
		detail = append(detail[:maxLines:maxLines], fmt.Sprintf("and %d more", len(c.Detail)-maxLines))
	}
	if len(detail) > 0 {
		s += ": " + strings.Join(detail, ", ")
	}
	if c.Error != "" {
		s += " (queries fail with " + c.Error + ")"
	}
	return s
}

// String is the finding as one line.
func (f Finding) String() string {
	s := string(f.Severity) + " " + string(f.Code) + ": " + f.Detail
	if len(f.Examples) > 0 {
		s += " (example: " + f.Examples[0] + ")"
	}
	if f.Error != "" {
		s += ". Queries fail with " + f.Error
	}
	if f.Try != "" {
		s += ". Try: " + f.Try
	}
	return s
}

// String is what was changed, as one line.
func (a Applied) String() string {
	var parts []string
	for _, x := range []struct {
		n    int
		noun string
		done string
	}{{a.Tables, "table", "created or changed"}, {a.Added, "partition", "added"}, {a.Updated, "partition", "updated"}, {a.Deleted, "partition", "deleted"},
		{a.Deprecated, "partition", "deprecated"}, {a.Restored, "partition", "restored"}} {
		if x.n > 0 {
			parts = append(parts, human.Plural(int64(x.n), x.noun)+" "+x.done)
		}
	}
	if len(parts) == 0 {
		return "nothing to change"
	}
	return strings.Join(parts, ", ")
}
