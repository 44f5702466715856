package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"

	"github.com/silt-etl/silt/mappings"
)

// mappingAt returns the mapping at a git revision.
func mappingAt(ctx context.Context, m *mappings.Mapping, rev string) (*mappings.Mapping, error) {
	if strings.HasPrefix(m.Origin, "shipped:") {
		return nil, usagef("--against %s: %s comes with the program and has no revisions. Try: the folder of a mapping in a git work tree", rev, m.Name)
	}
	dir := m.Origin
	if dir == "" {
		dir = "."
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, usagef("--against %s: git is not installed. Try: install git, or name a run of a job", rev)
	}
	commit, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		if _, inside := git(ctx, dir, "rev-parse", "--show-toplevel"); inside != nil {
			return nil, usagef("--against %s: %s is not in a git work tree: %w", rev, dir, inside)
		}
		return nil, usagef("--against %s: git does not know this revision in %s", rev, dir)
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
	for name, text := range m.Files {
		if mappings.IsPackageFile(name) {
			files[name] = text // packages are not part of the folder
		}
	}
	old, err := mappings.LoadFiles(m.Name, files)
	if err != nil {
		return nil, usagef("--against %s: %w", rev, err)
	}
	old.Origin = rev + ":" + dir
	if err := old.FindLookups(ctx, lookupsAt{dir: dir, id: id, rev: rev}, lookupsNow{m}); err != nil {
		return nil, usagef("--against %s: %w", rev, err)
	}
	return old, nil
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
