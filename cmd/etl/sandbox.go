package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/sandbox"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// confinement is the sandbox of this process. nil is that of a process that has other things to do, as a test has: it never enters one.
type confinement struct {
	enter  func(sandbox.Mode, sandbox.Rules) (sandbox.State, error)
	inside bool
}

func first(boxes []*confinement) *confinement {
	if len(boxes) == 0 {
		return nil
	}
	return boxes[0]
}

// runner builds the Runner of a job for a process that does nothing else: before it compiles the mapping or opens a store, the process
// enters the job's sandbox and stays in it.
func (c *confinement) runner(ctx context.Context, spec *jobfile.Spec, log io.Writer) (*jobs.Runner, error) {
	m, err := loadMapping(spec)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return newRunner(ctx, spec, m, log)
	}
	rules, err := sandboxRules(spec, m, os.Environ())
	if err != nil {
		return nil, err
	}
	// A folder that the stores are about to create cannot be allowed yet, so the folder around it is allowed first.
	early, whole := rules.Existing()
	state, err := c.restrict(spec, early)
	if err != nil {
		return nil, err
	}
	r, err := newRunner(ctx, spec, m, log)
	if err != nil {
		return nil, c.explain(err)
	}
	if !whole {
		if state, err = c.restrict(spec, rules); err != nil {
			return nil, err
		}
	}
	r.Sandbox = state.String()
	return r, nil
}

// restrict takes from the process what the rules do not allow.
func (c *confinement) restrict(spec *jobfile.Spec, rules sandbox.Rules) (sandbox.State, error) {
	state, err := c.enter(sandbox.Mode(spec.Sandbox), rules)
	if err != nil {
		d := spec.At("sandbox")
		return state, fmt.Errorf("%s:%d:%d: sandbox: %w", d.File, d.Line, d.Column, err)
	}
	c.inside = state.Files
	return state, nil
}

// explain adds to an error that the sandbox can be the reason why something was not permitted.
func (c *confinement) explain(err error) error {
	if c == nil || !c.inside || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w. If the sandbox forbids what the job needs, try: sandbox: off", err)
}

// sandboxRules works out what a run of a job with this mapping needs.
func sandboxRules(spec *jobfile.Spec, m *mappings.Mapping, environ []string) (sandbox.Rules, error) {
	j := sandbox.Job{Write: []string{spec.Limits.TempDir}}
	if spec.Limits.TempDir == "" {
		j.Write[0] = os.TempDir()
	}
	for _, p := range []struct {
		location string
		list     *[]string
	}{{spec.Source.Staging, &j.Read}, {spec.Lookups, &j.Read}, {spec.Lake.Location, &j.Write}, {spec.State, &j.Write}} {
		if p.location == "" {
			continue
		}
		at, kind, err := storeKinds().Find(p.location)
		if err != nil {
			return sandbox.Rules{}, err
		}
		j.UsesAWS = j.UsesAWS || kind.UsesAWS
		if at.IsFolder() {
			*p.list = append(*p.list, at.Path())
		}
		if at.IsFolder() && p.list == &j.Write {
			j.Write = append(j.Write, linkedFolders(at.Path())...)
		}
	}
	if spec.Source.FollowLinks {
		j.Read = append(j.Read, "/") // a link can lead anywhere
	}
	// The folders in which findMapping looks. A mapping in one of them can be a link to another folder.
	for _, root := range []string{".", filepath.Dir(spec.File)} {
		j.Read = append(j.Read, filepath.Join(root, "sql"), filepath.Join(root, "mappings"), filepath.Join(root, "sql", spec.Mapping))
		if isPath(spec.Mapping) {
			j.Read = append(j.Read, filepath.Join(root, spec.Mapping))
		}
	}
	if filepath.IsAbs(spec.Mapping) {
		j.Read = append(j.Read, spec.Mapping)
	}
	j.Read = append(j.Read, lookupPaths(m)...)
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return sandbox.For(j, environ, home), nil
}

// linkedFolders lists where links in the upper two levels of a lake or a state lead: people put parts of them on other disks.
func linkedFolders(root string) (targets []string) {
	for _, pattern := range []string{"*", "*/*", ".silt/*"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(root), pattern))
		if err != nil {
			continue
		}
		for _, path := range found {
			if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
				continue
			}
			if target, err := filepath.EvalSymlinks(path); err == nil {
				targets = append(targets, target)
			}
		}
	}
	return targets
}

// escapeGlob makes a path a pattern that matches only itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
