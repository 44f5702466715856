package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// loadMapping finds the mapping of a job: by path (from the current folder, else from that of the job file), by name in ./sql and
// ./mappings of both folders, else among the shipped mappings.
func loadMapping(spec *jobfile.Spec) (*mappings.Mapping, error) {
	packages := make([]string, len(spec.Packages))
	for i, p := range spec.Packages {
		if packages[i] = p; !filepath.IsAbs(p) && !exists(p) {
			packages[i] = filepath.Join(filepath.Dir(spec.File), p)
		}
	}
	m, err := findMapping(spec.Mapping, filepath.Dir(spec.File), packages...)
	if err == nil {
		return m, nil
	}
	d := spec.At("mapping")
	d.Message = fmt.Sprintf("mapping: %v", err)
	return nil, diag.List{d}
}

// jobMapping is loadMapping, and finds the files of lookups that are where the job's key lookups says.
func jobMapping(ctx context.Context, spec *jobfile.Spec) (*mappings.Mapping, error) {
	m, err := loadMapping(spec)
	if err != nil {
		return nil, err
	}
	return m, findLookups(ctx, spec, m)
}

// findMapping finds a mapping by name or path. folder is another folder to look in, or "".
func findMapping(name, jobFolder string, packages ...string) (*mappings.Mapping, error) {
	roots := []string{"."}
	if jobFolder != "" && jobFolder != "." {
		roots = append(roots, jobFolder)
		if isPath(name) && !filepath.IsAbs(name) {
			if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
				if there := filepath.Join(jobFolder, name); exists(there) {
					name = there
				}
			}
		}
	}
	return mappings.LoadWith(packages, name, roots...)
}

func isPath(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// namedMapping is findMapping for an argument of a command. Its errors are usage errors.
func namedMapping(name string) (*mappings.Mapping, error) {
	m, err := findMapping(name, "")
	if err != nil {
		return nil, usageError{err}
	}
	return m, nil
}

// mappingArg is an argument that names a mapping, or a job with its mapping.
type mappingArg struct {
	app  *app
	what string
}

// isJob says whether an argument is a job file.
func isJob(what string) bool {
	ext := filepath.Ext(what)
	return ext == ".yaml" || ext == ".yml"
}

// find finds the mapping. The job is nil if the argument is not a job file.
func (n mappingArg) find(ctx context.Context) (*mappings.Mapping, *jobfile.Spec, error) {
	if !isJob(n.what) {
		m, err := namedMapping(n.what)
		return m, nil, err
	}
	spec, err := n.app.loadSpec(n.what)
	if err != nil {
		return nil, nil, err
	}
	m, err := jobMapping(ctx, spec)
	return m, spec, err
}

// compile compiles the mapping of a run. Its mistakes are returned as a diag.List; only etl check prints warnings.
func compile(ctx context.Context, m *mappings.Mapping) (*sqlgen.Compiled, error) {
	compiled, list, err := m.Compile(ctx)
	if err != nil {
		return nil, err
	}
	if compiled == nil || list.Failed() {
		return nil, list.Errors()
	}
	return compiled, nil
}

// duckdbVersion returns the version of the linked DuckDB.
func duckdbVersion() string {
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		return "unknown: " + err.Error()
	}
	defer func() { _ = db.Close() }()
	res, err := db.Query(context.Background(), "SELECT version()")
	if err != nil {
		return "unknown: " + err.Error()
	}
	defer res.Close()
	b, err := res.Next()
	if err != nil || b == nil || b.NumRows() != 1 {
		return "unknown"
	}
	defer b.Release()
	return b.Column(0).ValueStr(0)
}
