package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/ocsf/move"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// moveReport says what changes for a mapping that moves to another version of OCSF.
type moveReport struct {
	From     string        `json:"from"`
	To       string        `json:"to"`
	Classes  []*move.Class `json:"classes"`
	Problems diag.List     `json:"problems"` // of the mapping at the new version
	places   *places
	files    map[string]diag.Diagnostic // a file of each class
}

// moveTo compares the version of a mapping with another one. The mapping has to compile at its own version.
func moveTo(ctx context.Context, m *mappings.Mapping, version string) (*moveReport, error) {
	to, err := ocsf.Load(version)
	if err != nil {
		return nil, usagef("--ocsf: %w", err)
	}
	now, err := compile(ctx, m)
	if err != nil {
		return nil, err
	}
	from, err := ocsf.Load(now.Version)
	if err != nil {
		return nil, err
	}
	r := &moveReport{From: now.Version, To: version, Problems: diag.List{}, places: newPlaces(now), files: map[string]diag.Diagnostic{}}
	for _, p := range now.Projections {
		r.files[p.Class] = fileOf(now, p.Class, r.places.first)
		c, err := move.Compare(from, to, p.Class, move.Paths(&p.Schema), profilesOf(now, p.Class))
		if err != nil {
			return nil, err
		}
		r.Classes = append(r.Classes, c)
	}
	_, list, err := m.WithOCSF(version).Compile(ctx)
	r.Problems = append(r.Problems, list...)
	return r, err
}

// fileOf gives a file of a class, or the place of the mapping as a whole.
func fileOf(compiled *sqlgen.Compiled, class string, whole diag.Diagnostic) diag.Diagnostic {
	for _, l := range compiled.Lineage {
		for _, raw := range compiled.Flows {
			for _, f := range raw.Flows {
				if l.Class == class && path.Base(f.File) == l.File {
					return diag.Diagnostic{File: f.File}
				}
			}
		}
	}
	return whole
}

// profilesOf gives the profiles that the SELECTs of a class name.
func profilesOf(compiled *sqlgen.Compiled, class string) (all []string) {
	for _, l := range compiled.Lineage {
		if l.Class == class {
			all = append(all, l.Profiles...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// diagnostics are what etl check --ocsf adds to the problems that the mapping has at the new version.
func (r *moveReport) diagnostics() (list diag.List) {
	class := ""
	add := func(path string, severity diag.Severity, hint, format string, args ...any) {
		d, ok := r.places.at[path]
		if !ok {
			d = r.files[class]
		}
		d.Severity, d.Code, d.Hint, d.Message = severity, diag.OCSFMove, hint, fmt.Sprintf(format, args...)
		list.Add(d)
	}
	for _, c := range r.Classes {
		class = c.Name
		for _, ch := range c.Filled {
			switch {
			case ch.Column:
				add(ch.Path, diag.Warning, "load the class with a job of another name and lake.source_name, so that it gets a table of its own",
					"%s: %s is %s in OCSF %s and %s in %s; a table cannot change the type of a column", c.Name, ch.Path, ch.Before, r.From, ch.After, r.To)
			case ch.Kind == move.Type:
				add(ch.Path, diag.Note, "", "%s: the OCSF type of %s is %s, and %s in OCSF %s", c.Name, ch.Path, ch.Before, ch.After, r.To)
			case ch.Kind == move.Values && ch.Before != "":
				after := ch.After
				if after == "" {
					after = "not a value"
				}
				add(ch.Path, diag.Note, "", "%s: %s %s is %s in OCSF %s", c.Name, ch.Path, ch.Before, after, r.To)
			}
		}
		if n := len(c.Gained) + len(c.Lost); n > 0 {
			add("", diag.Note, "etl diff --ocsf "+r.To+" lists them", "%s: %s appear and %s disappear in what the mapping uses of OCSF %s", c.Name,
				human.Plural(int64(len(c.Gained)), "attribute"), human.Count(int64(len(c.Lost))), r.To)
		}
	}
	return list
}

// write prints the report of etl diff.
func (r *moveReport) write(w io.Writer, mapping string) {
	render.Fprintf(w, "%s, OCSF %s to %s\n", mapping, r.From, r.To)
	problems := r.Problems.Errors()
	for i, d := range problems {
		if i == movesShown {
			render.Fprintf(w, "  ... and %s (etl check --ocsf %s shows all)\n", human.Plural(int64(len(problems)-i), "more mistake"), r.To)
			break
		}
		render.Fprintf(w, "  %s\n", d.String())
	}
	for _, c := range r.Classes {
		render.Fprintf(w, "\n%s (%d)\n", c.Name, c.UID)
		switch {
		case c.Gone:
			render.Fprintf(w, "  class     OCSF %s does not have it\n", r.To)
			continue
		case c.Deprecated != "":
			render.Fprintf(w, "  class     deprecated %s\n", c.Deprecated)
		}
		if c.NewSource() {
			var all []string
			for _, ch := range c.Columns() {
				all = append(all, fmt.Sprintf("%s (%s to %s)", ch.Path, ch.Before, ch.After))
			}
			render.Fprintf(w, "  table     needs a new source: a table cannot change the type of %s\n", strings.Join(all, ", "))
		} else {
			fmt.Fprintln(w, "  table     can stay")
		}
		for _, line := range []struct {
			name  string
			paths []string
		}{{"required", c.Needs}, {"new", c.Gained}, {"gone", c.Lost}} {
			if len(line.paths) == 0 {
				continue
			}
			shown, more := line.paths, ""
			if n := len(shown) - pathsShown; n > 0 {
				shown, more = shown[:pathsShown], ", and "+human.Count(int64(n))+" more (--output json has all)"
			}
			text := human.Wrap(human.Count(int64(len(line.paths)))+": "+strings.Join(shown, ", ")+more, fmt.Sprintf("  %-9s ", line.name), strings.Repeat(" ", 12), 120)
			for text := range strings.Lines(text) {
				render.Fprintf(w, "%s\n", strings.TrimRight(text, "\n"))
			}
		}
		if len(c.Filled) == 0 {
			continue
		}
		fmt.Fprintln(w)
		t := render.Table{Header: []string{"attribute", "change", r.From, r.To}, MaxCell: 80}
		for _, ch := range c.Filled {
			t.Rows = append(t.Rows, []string{ch.Path, string(ch.Kind), ch.Before, ch.After})
		}
		_ = t.Write(w)
	}
}

// How much of a report is printed: mistakes of the mapping, and names in a line.
const (
	movesShown = 10
	pathsShown = 40
)

// securityLakeVersion is the newest OCSF version that Security Lake accepts from custom sources: 1.3 and earlier.
const securityLakeVersion = "1.3"

// tooNew says whether a job writes a version of OCSF to Security Lake that Security Lake does not accept.
func tooNew(spec *jobfile.Spec, version string) bool {
	lake := strings.HasPrefix(spec.Lake.Location, "s3://aws-security-data-lake-") ||
		spec.Catalog.Type == "glue" && strings.HasPrefix(spec.Catalog.Database, "amazon_security_lake_")
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return lake && ocsf.CompareVersions(major+"."+minor, securityLakeVersion) > 0
}
