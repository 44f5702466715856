// Package mappingtest holds the tests of a mapping: raw records, and what they have to become. It reads tests/*.yaml, runs the records
// as a run would (package sample), compares, and rewrites expectations.
//
// A case is compared with what the Parquet file holds, not with what the mapping's SQL says.
package mappingtest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/internal/textfile"
	"github.com/silt-etl/silt/mappings"
)

// File of tests.
type File struct {
	Path  string // what people call it
	Text  []byte
	Cases []*Case
}

// Case is one test: a record, or several, and what is expected of each.
type Case struct {
	Name         string
	File         string
	Line, Column int
	Records      [][]byte
	Captures     staging.Captures // of the staging key
	Class        string           // "": any
	Whole        bool             // all of the event is compared, not only what is named
	Wants        []Want           // one for each record; empty: nothing is expected yet
	several      bool             // they are written as a list, events

	entries      map[string]span // lines of each key
	lastLine     int
	indent       int
	flow         bool
	raw, rawFile *node
}

// span of lines, from 1, both included.
type span struct{ from, to int }

// Kind of what is expected.
type Kind uint8

const (
	Event Kind = iota
	Quarantine
	Filtered
)

// Want is what is expected of one record.
type Want struct {
	Kind         Kind
	Code, Path   string // of Quarantine; Path "": any
	Line, Column int
	event        *node // of Event
}

// Load reads the tests of a mapping: no file where there are none. Mistakes in the files are returned as a diag.List.
func Load(m *mappings.Mapping) ([]*File, error) {
	dir, at := m.Tests()
	if dir == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(dir, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tests of %s: %w", m.Name, err)
	}
	var files []*File
	var problems diag.List
	for _, e := range entries {
		if ext := path.Ext(e.Name()); e.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		text, err := textfile.ReadFS(dir, e.Name(), textfile.MaxTests)
		if err != nil {
			problems.Add(diag.Diagnostic{File: at + "/" + e.Name(), Line: 1, Column: 1, Message: fmt.Sprintf("the file cannot be read: %v", errors.Unwrap(err))})
			continue
		}
		f := &File{Path: at + "/" + e.Name(), Text: text}
		problems = append(problems, f.parse(dir)...)
		files = append(files, f)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, nil
}
