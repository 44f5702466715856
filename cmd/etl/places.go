package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/classes"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// classPlaces say where the classes of a job go.
type classPlaces struct {
	classes []lake.Class
	targets map[string]lake.Target
	known   bool // the ledger was read: it decides about classes that have rows
}

// jobPlaces compiles the mapping of a job and places its classes; see placeClasses.
func jobPlaces(ctx context.Context, spec *jobfile.Spec, remote bool) (classPlaces, error) {
	m, err := jobMapping(ctx, spec)
	if err != nil {
		return classPlaces{}, err
	}
	compiled, err := compile(ctx, m)
	if err != nil {
		return classPlaces{}, err
	}
	places, err := placeClasses(ctx, spec, m, compiled, remote)
	if err != nil {
		return classPlaces{}, usageError{err}
	}
	return places, nil
}

// placeClasses reads the job's ledger if its state is a folder that exists, or anywhere with remote. Without a ledger, the places are those
// of a new job.
func placeClasses(ctx context.Context, spec *jobfile.Spec, m *mappings.Mapping, compiled *sqlgen.Compiled, remote bool) (classPlaces, error) {
	p := classPlaces{classes: classes.Of(compiled)}
	err := classes.CheckNames(spec, p.classes)
	if err != nil {
		return p, err
	}
	if p.targets, err = classes.Assign(spec, p.classes, classes.Live{}); err != nil {
		return p, err
	}
	for _, place := range []string{spec.State, spec.Lake.Location} {
		at, _, err := storeKinds().Find(place)
		if err != nil || !at.IsFolder() && !remote {
			return p, nil
		}
		if at.IsFolder() && !exists(at.Path()) {
			p.known = true // a new job
			return p, nil
		}
	}
	r := &jobs.Runner{Spec: spec, Mapping: m, Compile: compile}
	if r.State, err = openState(ctx, spec); err != nil {
		return p, nil // etl doctor has a check of its own for it
	}
	if r.Lake, err = openLake(ctx, spec); err != nil {
		return p, nil
	}
	live, err := r.Live(ctx)
	if err != nil {
		return p, nil
	}
	p.known = true
	p.targets, err = classes.Assign(spec, p.classes, live)
	return p, err
}

// placeError is an error of placeClasses at its key of the job file.
func placeError(spec *jobfile.Spec, err error) diag.Diagnostic {
	key, message := "lake.source_name", "lake.source_name: "+err.Error()
	if strings.HasPrefix(err.Error(), "lake.classes.") {
		message = err.Error()
		key, _, _ = strings.Cut(message, ":")
		for spec.Pos[key].Line == 0 && key != "lake" {
			key = key[:strings.LastIndexByte(key, '.')]
		}
	}
	d := spec.At(key)
	d.Message = message
	return d
}

// note is a line of etl check about a class.
type note struct {
	severity diag.Severity
	text     string
}

// notes name the tables and sources that classes need, and what they lack.
func (p classPlaces) notes(spec *jobfile.Spec) (out []note) {
	var waiting []string
	for _, c := range p.classes {
		t := p.targets[c.Name]
		switch {
		case t.Missing != "":
			out = append(out, note{diag.Warning, t.Missing + ". Until then its records go to quarantine as CLASS_NOT_REGISTERED"})
		case t.Source != spec.Lake.SourceName && spec.Lake.Layout == "auto":
			out = append(out, note{diag.Note, fmt.Sprintf("class %s has table %s and the custom source %s of its own, which must be registered in Security Lake", c.Name, t.Table, t.Source)})
		}
		if e := spec.Lake.Classes[c.Name]; e == nil || e.SourceName == "" {
			waiting = append(waiting, fmt.Sprintf("%s for %s", lake.SourceOfClass(spec.Lake.SourceName, c), c.Name))
		}
	}
	if p.known || spec.Lake.Layout != "auto" || len(p.classes) < 2 || len(waiting) == 0 {
		return out
	}
	slices.Sort(waiting)
	return append(out, note{diag.Note, fmt.Sprintf("the mapping has several event classes. A job that has rows in ext/%s/ keeps that folder for their class, and needs a custom source for each of the others (%s). "+
		"Set lake.classes.<class>.source_name if a name has more than %d characters%s. etl doctor says which classes need it", spec.Lake.SourceName, strings.Join(waiting, ", "), lake.MaxSourceName,
		map[bool]string{true: ", and source_name with role_arn for each of them"}[spec.Lake.RoleARN != ""])})
}
