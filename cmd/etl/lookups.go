package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// findLookups finds the files of lookups that are where the job's key lookups says, and bounds the memory of all lookups.
func findLookups(ctx context.Context, spec *jobfile.Spec, m *mappings.Mapping) error {
	m.LimitLookups(spec.Limits.MemoryBytes / 2)
	if !m.MissingLookups() || spec.Lookups == "" {
		return nil
	}
	store, err := storeKinds().Open(ctx, spec.Lookups, objstore.Options{Region: spec.Lake.Region})
	if err != nil {
		return err
	}
	return m.FindLookups(ctx, storedLookups{store, spec.Limits.TempDir})
}

// lookupPaths are the files of lookups that a mapping has on disk, each of which can be a link, and their folders.
func lookupPaths(m *mappings.Mapping) (paths []string) {
	for _, l := range m.Lookups {
		if l.LookupFile != nil && l.Path != "" {
			paths = append(paths, filepath.Dir(l.Path), l.Path)
		}
	}
	return paths
}

// storedLookups is a store with files of lookups.
type storedLookups struct {
	store   objstore.Reader
	tempDir string
}

func (s storedLookups) String() string { return s.store.String() }

// Find implements mappings.LookupPlace. The file is copied to a temporary one that no folder has.
func (s storedLookups) Find(ctx context.Context, name string) (*mappings.LookupFile, error) {
	for _, ext := range lookup.Extensions() {
		key := name + ext
		in, _, err := s.store.Get(ctx, key, objstore.GetOptions{})
		if errors.Is(err, objstore.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer in.Close()
		f, err := os.CreateTemp(s.tempDir, "silt-lookup-")
		if err != nil {
			return nil, err
		}
		_ = os.Remove(f.Name()) // the open file stays as long as the process
		n, err := io.Copy(f, in)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s/%s: %w", s.store, key, err)
		}
		return &mappings.LookupFile{File: key, Place: s.store.String() + "/" + key, Open: func(context.Context) (mappings.Content, error) {
			return fileSection{io.NewSectionReader(f, 0, n)}, nil
		}}, nil
	}
	return nil, nil
}

// fileSection is a part of an open file that stays open.
type fileSection struct{ *io.SectionReader }

func (fileSection) Close() error { return nil }

// plannedMapping is the mapping that a manifest keeps, with its lookups.
func plannedMapping(ctx context.Context, spec *jobfile.Spec, planned *ledger.Manifest) (*mappings.Mapping, error) {
	files := map[string]string{}
	for _, f := range planned.Mapping.Files {
		files[f.Path] = f.Text
	}
	m, err := mappings.LoadFiles(planned.Mapping.Name, files)
	if err != nil || len(m.Lookups) == 0 {
		return m, err
	}
	state, err := openState(ctx, spec)
	if err != nil {
		return nil, err
	}
	m.LimitLookups(spec.Limits.MemoryBytes / 2)
	return m, m.FindLookups(ctx, jobs.PlannedLookups{State: state, Job: spec.Name, Lookups: planned.Lookups, TempDir: spec.Limits.TempDir})
}

// lookupsAt are the files of lookups of a mapping at a git commit.
type lookupsAt struct {
	revision
	packages []string // folders of the packages that it imports
}

func (l lookupsAt) String() string { return l.rev }

// Find implements mappings.LookupPlace.
func (l lookupsAt) Find(ctx context.Context, name string) (*mappings.LookupFile, error) {
	folders := []string{l.dir, filepath.Join(l.dir, "..")}
	for _, folder := range append(folders, l.packages...) {
		for _, ext := range lookup.Extensions() {
			at := filepath.Join(folder, "lookups", name+ext)
			text, err := l.read(ctx, at)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			return &mappings.LookupFile{File: name + ext, Place: l.rev + ":" + at, Open: func(context.Context) (mappings.Content, error) {
				return fileSection{io.NewSectionReader(bytes.NewReader(text), 0, int64(len(text)))}, nil
			}}, nil
		}
	}
	return nil, nil
}

// lookupsNow are the files that a mapping has now, for lookups that are not in git.
type lookupsNow struct{ m *mappings.Mapping }

func (lookupsNow) String() string { return "the mapping as it is now" }

// Find implements mappings.LookupPlace.
func (l lookupsNow) Find(_ context.Context, name string) (*mappings.LookupFile, error) {
	for _, x := range l.m.Lookups {
		if x.Name == name {
			return x.LookupFile, nil
		}
	}
	return nil, nil
}
