package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/mappings"
)

// errNoRevision is the cause if git cannot have the revision of a mapping, so that the text may mean something else.
var errNoRevision = errors.New("unknown git revision")

// mappingAt returns the mapping at a git revision. The error is errNoRevision if git does not have this revision.
func mappingAt(ctx context.Context, m *mappings.Mapping, rev string) (*mappings.Mapping, error) {
	if strings.HasPrefix(m.Origin, "shipped:") {
		return nil, noRevisionf("--against %s: %s comes with the program and has no revisions. Try: the folder of a mapping in a git work tree", rev, m.Name)
	}
	dir := m.Origin
	if dir == "" {
		dir = "."
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, noRevisionf("--against %s: git is not installed. Try: install git, or name a run of a job", rev)
	}
	commit, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		if _, inside := git(ctx, dir, "rev-parse", "--show-toplevel"); inside != nil {
			return nil, noRevisionf("--against %s: %s is not in a git work tree: %w", rev, dir, inside)
		}
		return nil, noRevisionf("--against %s: git does not know this revision in %s", rev, dir)
	}
	id := strings.TrimSpace(string(commit))
	list, err := git(ctx, dir, "ls-tree", "-z", "--name-only", id, "./")
	if err != nil {
		return nil, usagef("--against %s: %w", rev, err)
	}
	files := map[string]string{}
	for _, at := range strings.Split(string(list), "\x00") {
		name := path.Base(at)
		_, now := m.Files[name]
		if at == "" || m.Declarative() && !now || !m.Declarative() && path.Ext(name) != ".sql" {
			continue
		}
		text, err := git(ctx, dir, "show", id+":./"+name)
		if err != nil {
			return nil, usagef("--against %s: %w", rev, err)
		}
		files[name] = string(text)
	}
	if len(files) == 0 {
		return nil, usagef("--against %s: the mapping %s did not exist in %s at this revision", rev, m.Name, dir)
	}
	at := revision{dir, id, rev}
	old, packages, err := m.Earlier(files, func(name string) ([]byte, error) { return at.read(ctx, name) })
	if err != nil {
		return nil, usagef("--against %s: %w", rev, err)
	}
	old.Origin = rev + ":" + dir
	if err := old.FindLookups(ctx, lookupsAt{at, packages}, lookupsNow{m}); err != nil {
		return nil, usagef("--against %s: %w", rev, err)
	}
	return old, nil
}

// revision is a git commit, seen from a folder of the work tree.
type revision struct{ dir, id, rev string }

// read reads a file as it was. fs.ErrNotExist: it was not there, or is outside of the work tree.
func (r revision) read(ctx context.Context, name string) ([]byte, error) {
	dir, err := filepath.Abs(r.dir)
	if err != nil {
		return nil, err
	}
	if name, err = filepath.Abs(name); err != nil {
		return nil, err
	}
	at, err := filepath.Rel(dir, name)
	if err != nil {
		return nil, err
	}
	at = "./" + filepath.ToSlash(at)
	list, err := git(ctx, r.dir, "ls-tree", "--name-only", r.id, at)
	if err != nil || strings.TrimSpace(string(list)) == "" {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return git(ctx, r.dir, "show", r.id+":"+at)
}

// noRevision has errNoRevision as its cause, without the text of it.
type noRevision struct{ error }

func (e noRevision) Unwrap() error { return e.error }

func (noRevision) Is(target error) bool { return target == errNoRevision }

func noRevisionf(format string, args ...any) error {
	return usageError{noRevision{fmt.Errorf(format, args...)}}
}

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if line, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n"); line != "" {
			return nil, errors.New("git: " + strings.TrimPrefix(line, "fatal: "))
		}
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}
