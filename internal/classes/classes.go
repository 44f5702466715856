// Package classes gives each event class of a job its source, folder and table in the lake.
//
// What has rows stays where it is: the class in ext/<source>/ keeps that folder and its table, and so do classes in
// ext/<source>/<class>/ and ext/<source>-<class uid>/. Assign decides about the others, Reader reads from the ledger what has rows, and
// a manifest keeps what the settings of a job alone do not say (Record, Planned, Changed).
//
// The package reads and decides; it writes nothing. Invariant: the same job file, mapping and Live always give the same targets.
package classes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Live says which folders of a job's source have rows. The zero value is that of a new job.
type Live struct {
	// First is the class in ext/<source>/ itself. "": there is none, or newer classes are in folders of their own below it.
	First string
	// ByClass are the classes in ext/<source>/<class>/, and Own the sources <source>-<class uid>.
	ByClass, Own map[string]bool
}

// Of lists the event classes of a compiled mapping, in its order.
func Of(p *sqlgen.Compiled) (out []lake.Class) {
	for _, q := range p.Projections {
		if c := (lake.Class{Name: q.Class, UID: q.UID}); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

var layouts = map[string]lake.Layout{"auto": lake.LayoutByClass, "source-per-class": lake.LayoutSourcePerClass, "single": lake.LayoutSingle}

// assigner assigns the classes of one job.
type assigner struct {
	job     *jobfile.Spec
	classes []lake.Class
	live    Live
	first   string
}

// Assign gives each class its target. An error names the key of the job file that cannot be followed.
func Assign(s *jobfile.Spec, classes []lake.Class, live Live) (map[string]lake.Target, error) {
	a := &assigner{job: s, classes: classes, live: live, first: live.First}
	var rest []lake.Class // whose sources the job does not name
	for _, c := range classes {
		if e := s.Lake.Classes[c.Name]; e == nil || e.SourceName == "" {
			rest = append(rest, c)
		} else if e.SourceName == s.Lake.SourceName && a.first == "" {
			a.first = c.Name
		}
	}
	if layouts[s.Lake.Layout] != lake.LayoutSourcePerClass || len(classes) == 0 {
		rest = classes
	}
	byLayout, err := ByLayout(s, rest)
	if err != nil {
		return nil, err
	}
	out, owner := map[string]lake.Target{}, map[string]string{}
	for _, c := range classes {
		t, err := a.target(c, byLayout[c.Name])
		if err != nil {
			return nil, err
		}
		if other := owner[t.Folder]; other != "" && layouts[s.Lake.Layout] != lake.LayoutSingle {
			return nil, fmt.Errorf("lake.classes.%s.source_name: class %s has folder %s already. Try: another source", c.Name, other, t.Folder)
		}
		out[c.Name], owner[t.Folder] = t, c.Name
	}
	return out, nil
}

// ByLayout are the targets that lake.layout alone gives the classes of a new job.
func ByLayout(s *jobfile.Spec, classes []lake.Class) (map[string]lake.Target, error) {
	out := map[string]lake.Target{}
	layout := layouts[s.Lake.Layout]
	if layout == lake.LayoutSourcePerClass && len(classes) == 0 {
		return out, nil
	}
	ts, err := lake.Targets(s.Lake.SourceName, s.Lake.Region, layout, classes)
	if err != nil {
		return nil, err
	}
	for _, t := range ts {
		if s.Catalog.Table != "" && layout != lake.LayoutSourcePerClass {
			t.Table = s.Catalog.Table + strings.TrimPrefix(t.Table, lake.TableName(s.Lake.Region, s.Lake.SourceName))
		}
		if s.Catalog.TablePrefix != "" && len(ts) > 1 && layout == lake.LayoutByClass {
			t.Table = s.Catalog.TablePrefix + t.Class.Name
		}
		out[t.Class.Name] = t
	}
	return out, nil
}

// target is that of one class. byLayout is what lake.layout alone gives it.
func (a *assigner) target(c lake.Class, byLayout lake.Target) (lake.Target, error) {
	e := a.job.Lake.Classes[c.Name]
	if e == nil {
		e = &jobfile.Class{}
	}
	t, stays := byLayout, false
	if layouts[a.job.Lake.Layout] == lake.LayoutByClass {
		t, stays = a.auto(c, e, byLayout)
	} else if e.SourceName != "" {
		t = a.own(c, e, e.SourceName)
	}
	switch {
	case stays && e.SourceName != "" && e.SourceName != t.Source:
		return t, fmt.Errorf("lake.classes.%s.source_name: rows of the class are in %s already, where the class stays. Try: remove the key", c.Name, t.Folder)
	case stays && e.Table != "" && e.Table != t.Table:
		return t, fmt.Errorf("lake.classes.%s.table: rows of the class are in %s already, whose table is %s. Try: remove the key", c.Name, t.Folder, t.Table)
	case e.Table != "":
		t.Table = e.Table
	}
	if t.Source != a.job.Lake.SourceName && layouts[a.job.Lake.Layout] == lake.LayoutByClass {
		t.Missing = a.missing(t, e)
	}
	return t, lake.CheckTable(t.Table)
}

// auto is the target of a class with layout auto. stays: the class has rows there.
func (a *assigner) auto(c lake.Class, e *jobfile.Class, byLayout lake.Target) (t lake.Target, stays bool) {
	flat := lake.OwnTarget(a.job.Lake.SourceName, a.job.Lake.Region, c)
	if a.job.Catalog.Table != "" {
		flat.Table = a.job.Catalog.Table
	}
	own := lake.SourceOfClass(a.job.Lake.SourceName, c)
	switch {
	case a.first == c.Name:
		return flat, a.live.First == c.Name
	case a.live.ByClass[c.Name]:
		return a.below(c, flat), true
	case a.live.Own[own]:
		return a.own(c, e, own), e.SourceName != ""
	case e.SourceName != "":
		return a.own(c, e, e.SourceName), false
	case len(a.classes) == 1:
		return flat, false
	case a.first != "":
		return a.own(c, e, own), false
	case len(a.live.ByClass) > 0:
		return a.below(c, flat), false
	}
	return byLayout, false
}

// below is the target of a class that has a folder in that of the source.
func (a *assigner) below(c lake.Class, flat lake.Target) lake.Target {
	flat.Folder += c.Name + "/"
	flat.Table += "_" + c.Name
	if a.job.Catalog.TablePrefix != "" {
		flat.Table = a.job.Catalog.TablePrefix + c.Name
	}
	return flat
}

// own is the target of a class with a source for itself.
func (a *assigner) own(c lake.Class, e *jobfile.Class, source string) lake.Target {
	t := lake.OwnTarget(source, a.job.Lake.Region, c)
	if e.Table != "" {
		t.Table = e.Table
	}
	return t
}

// missing says what a class with a source for itself lacks.
func (a *assigner) missing(t lake.Target, e *jobfile.Class) string {
	key := "lake.classes." + t.Class.Name
	switch {
	case len(t.Source) > lake.MaxSourceName:
		return fmt.Sprintf("class %s has no source yet: the name %s has %d characters, and Security Lake allows %d. Try: set %s.source_name to a source that is registered, then etl replay",
			t.Class.Name, t.Source, len(t.Source), lake.MaxSourceName, key)
	case a.job.Lake.RoleARN != "" && e.RoleARN == "":
		return fmt.Sprintf("class %s has no provider role yet: lake.role_arn can write to source %s only. Try: register source %s in Security Lake, set %s to {source_name: %s, role_arn: <its provider role>}, then etl replay",
			t.Class.Name, a.job.Lake.SourceName, t.Source, key, t.Source)
	}
	return ""
}

// CheckNames refuses lake.classes with a class that the mapping does not have.
func CheckNames(s *jobfile.Spec, classes []lake.Class) error {
	var names []string
	for _, c := range classes {
		names = append(names, c.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Lake.Classes)) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("lake.classes.%s: the mapping does not have the class %s; it has %s", name, name, strings.Join(names, ", "))
		}
	}
	return nil
}

// Record is what a manifest keeps of the targets. It is nil if lake.layout alone gives the same, so that older versions of etl can read
// the manifest.
func Record(s *jobfile.Spec, targets map[string]lake.Target) map[string]ledger.ClassTarget {
	var all []lake.Class
	for _, t := range targets {
		all = append(all, t.Class)
	}
	byLayout, err := ByLayout(s, all)
	same := err == nil
	out := map[string]ledger.ClassTarget{}
	for name, t := range targets {
		same = same && byLayout[name] == t
		out[name] = ledger.ClassTarget{Source: t.Source, Folder: t.Folder, Table: t.Table, Missing: t.Missing}
	}
	if same {
		return nil
	}
	return out
}

// Planned are the targets that a manifest keeps, for the classes of its mapping. nil: it keeps none.
func Planned(m *ledger.Manifest, classes []lake.Class) (map[string]lake.Target, error) {
	if m.Classes == nil {
		return nil, nil
	}
	out := map[string]lake.Target{}
	for _, c := range classes {
		t, ok := m.Classes[c.Name]
		if !ok {
			return nil, fmt.Errorf("manifest %s does not say where class %s goes", m.ID, c.Name)
		}
		out[c.Name] = lake.Target{Class: c, Source: t.Source, Folder: t.Folder, Table: t.Table, Missing: t.Missing}
	}
	return out, nil
}

// Changed names the classes whose place is another one than a manifest says. A class that had no place yet can get one.
func Changed(m *ledger.Manifest, targets map[string]lake.Target) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(m.Classes)) {
		was := m.Classes[name]
		t, ok := targets[name]
		if !ok || was.Missing != "" || t.Missing == "" && t.Folder == was.Folder && t.Table == was.Table {
			continue
		}
		now := fmt.Sprintf("%q", t.Folder+" "+t.Table)
		if t.Missing != "" {
			now = "not set"
		}
		out = append(out, fmt.Sprintf("lake.classes.%s was %q and is %s", name, was.Folder+" "+was.Table, now))
	}
	return out
}
