package mappings

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/sql/header"
	shippedfiles "github.com/silt-etl/silt/sql/lookups"
	"github.com/silt-etl/silt/sql/projection"
)

// lookupFolder is where the files of lookups are: next to the texts of a mapping, or in a folder that several mappings share.
const lookupFolder = "lookups"

// Lookup is a lookup that the texts of a mapping declare, with its file.
type Lookup struct {
	lookup.Declaration
	// LookupFile is nil if it was not found.
	*LookupFile
	declared string // the file with the declaration
	at       int    // and the place in it
	looked   []string
}

// LookupFile is the file of a lookup.
type LookupFile struct {
	File      string // assets.csv
	Place     string // what messages call it
	Path      string // of the file, if it is next to the mapping, shared with others, or in a package; else ""
	SHA256    string // hex
	SizeBytes int64
	shipped   bool // it comes with the program, so that any other file of the name is used instead
	// Open opens it. The content may have changed meanwhile: whoever reads it compares the digest.
	Open func(ctx context.Context) (Content, error)

	mu    sync.Mutex
	table *lookup.Table
}

// Content is an open file of a lookup.
type Content interface {
	lookup.Source
	io.Closer
}

// LookupPlace is a place that has files of lookups.
type LookupPlace interface {
	// Find returns the file of a lookup, without its digest, or nil.
	Find(ctx context.Context, name string) (*LookupFile, error)
	String() string
}

// declareLookups finds the declarations of lookups in the texts. Wrong ones are reported when the mapping is compiled.
func (m *Mapping) declareLookups() {
	if m.Declarative() {
		return
	}
	m.Lookups = m.declaredLookups(nil)
}

// declaredLookups are the lookups that the texts declare, in the order of their names.
func (m *Mapping) declaredLookups(report *diag.List) (all []*Lookup) {
	for _, n := range sortedKeys(m.Files) {
		if path.Ext(n) != ".sql" || n == macrosFile || n == LibraryFile {
			continue
		}
		f := diag.File{Path: m.place(n), Text: m.Files[n]}
		for _, l := range header.Lookups(f, report) {
			i := slices.IndexFunc(all, func(x *Lookup) bool { return x.Name == l.Name })
			switch {
			case i < 0:
				all = append(all, &Lookup{Declaration: l.Declaration, declared: n, at: l.At})
			case all[i].String() != l.String() && report != nil:
				report.At(f, l.At, diag.Error, diag.Lookup, "declare it once, above raw.sql's table", "the lookup %s is declared in another way in %s", l.Name, all[i].declared)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Lookup) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// findLookups looks in each place for the files that are missing.
func (m *Mapping) findLookups(places ...LookupPlace) error {
	return m.FindLookups(context.Background(), places...)
}

// FindLookups looks for the files of lookups that were not found yet, or that come with the program, in each place in turn, and adds their
// digests to that of the mapping.
func (m *Mapping) FindLookups(ctx context.Context, places ...LookupPlace) error {
	for _, l := range m.Lookups {
		for _, p := range places {
			if l.LookupFile != nil && !l.shipped {
				break
			}
			f, err := p.Find(ctx, l.Name)
			if err != nil {
				return fmt.Errorf("lookup %s: %w", l.Name, err)
			}
			if f == nil {
				l.looked = append(l.looked, p.String())
				continue
			}
			if f.SHA256 == "" {
				if err := f.sum(ctx); err != nil {
					return fmt.Errorf("lookup %s: %s: %w", l.Name, f.Place, err)
				}
			}
			l.LookupFile = f
			m.addDigests()
		}
	}
	return nil
}

// defaultMaxLookups is half of the default of limits.memory.
const defaultMaxLookups = 2 << 30

// LimitLookups bounds the memory of all lookups together. Default: half of the default of limits.memory.
func (m *Mapping) LimitLookups(bytes int64) { m.maxLookups = bytes }

// ShareTable lets a file use the table of the lookup of this name, if the mapping has one in memory of a file with the same digest.
func (m *Mapping) ShareTable(name string, f *LookupFile) {
	for _, l := range m.Lookups {
		if l.LookupFile == nil || l.SHA256 != f.SHA256 {
			continue
		}
		if t := l.inMemory(); t != nil && t.Name == name {
			f.table = t
		}
	}
}

// inMemory is the table, if it has been read.
func (f *LookupFile) inMemory() *lookup.Table {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table
}

// LookupFileBytes is how large the files of all lookups are together.
func (m *Mapping) LookupFileBytes() (n int64) {
	for _, l := range m.Lookups {
		if l.LookupFile != nil {
			n += l.SizeBytes
		}
	}
	return n
}

// MissingLookups says whether FindLookups would look for files.
func (m *Mapping) MissingLookups() bool {
	return slices.ContainsFunc(m.Lookups, func(l *Lookup) bool { return l.LookupFile == nil || l.shipped })
}

// addDigests makes the digests of the files of lookups a part of the mapping's.
func (m *Mapping) addDigests() {
	h := sha256.New()
	h.Write([]byte(m.texts))
	for _, l := range m.Lookups {
		if l.LookupFile != nil {
			fmt.Fprintf(h, "lookup %s %s %s\n", l.Name, path.Ext(l.File), l.SHA256)
		}
	}
	m.Digest = hex.EncodeToString(h.Sum(nil))
}

// readLookups makes the tables. Those that cannot be made are reported in the notes of src, and the rest of the mapping is checked.
func (m *Mapping) readLookups(ctx context.Context, src *projection.Mapping) error {
	if m.Declarative() {
		return nil
	}
	m.declaredLookups(&src.Notes)
	left := m.maxLookups
	needed := neededColumns(m.Files)
	if m.allColumns {
		needed = nil
	}
	for _, l := range m.Lookups {
		f := diag.File{Path: m.place(l.declared), Text: m.Files[l.declared]}
		if l.LookupFile == nil {
			where := strings.Join(l.looked, ", ")
			if where == "" {
				where = "no place"
			}
			src.Unread = append(src.Unread, l.Name)
			src.Notes.At(f, l.at, diag.Error, diag.Lookup, "add it to "+lookupFolder+"/ next to the mapping, or name its folder in the job (`lookups`)", "the file of the lookup %s was not found: looked for %s%s in %s", l.Name, l.Name, strings.Join(lookup.Extensions(), ", "), where)
			continue
		}
		t, err := l.read(ctx, l.Declaration, needed, left)
		var bad *lookup.Error
		switch {
		case errors.As(err, &bad):
			src.Unread = append(src.Unread, l.Name)
			d := diag.Diagnostic{File: bad.File, Severity: diag.Error, Code: diag.Lookup, Hint: bad.Try}
			text := *bad
			if !bad.Row {
				d.Line, d.Column = bad.Line, 1
				text.Line = 0
			}
			text.File, text.Try = "", ""
			d.Message = "lookup " + l.Name + ": " + text.Error()
			src.Notes.Add(d)
		case err != nil:
			return fmt.Errorf("lookup %s: %s: %w", l.Name, l.Place, err)
		}
		if t != nil {
			left = max(1, left-t.Bytes())
			src.Lookups = append(src.Lookups, t)
		}
	}
	return nil
}

// ErrLookupChanged says that the file of a lookup is not the one that was found.
var ErrLookupChanged = errors.New("the file was changed while it was read. Try: run the command again")

// fieldPattern finds the names of fields that SQL takes: behind a dot, or in brackets.
var fieldPattern = regexp.MustCompile(`[.\[]\s*["']?([a-z0-9_]+)`)

// neededColumns says of which columns the SQL may take values, judged by its texts: a column whose name does not follow a dot or a bracket
// anywhere cannot be taken.
func neededColumns(files map[string]string) func(column string) bool {
	fields := map[string]bool{}
	for name, text := range files {
		if path.Ext(name) == ".sql" {
			for _, f := range fieldPattern.FindAllStringSubmatch(strings.ToLower(text), -1) {
				fields[f[1]] = true
			}
		}
	}
	return func(column string) bool {
		for _, f := range fieldPattern.FindAllStringSubmatch("."+strings.ToLower(column), -1) {
			if !fields[f[1]] {
				return false
			}
		}
		return true
	}
}

// read makes the table, once. needed says which columns must have their values.
func (f *LookupFile) read(ctx context.Context, d lookup.Declaration, needed func(column string) bool, maxBytes int64) (*lookup.Table, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.table != nil && f.table.String() == d.String() && hasAll(f.table, needed) {
		return f.table, nil
	}
	c, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	size, sum, err := sumOf(ctx, io.NewSectionReader(c, 0, 1<<62))
	if err != nil {
		return nil, err
	}
	if sum != f.SHA256 {
		return nil, ErrLookupChanged
	}
	t, err := lookup.Read(ctx, d, c, lookup.Options{File: f.Place, Size: size, Needed: needed, MaxBytes: maxBytes, MaxBytesOf: "half of limits.memory, with what other lookups need"})
	if err != nil {
		return nil, err
	}
	f.table = t
	return t, nil
}

// hasAll says whether a table has the values of all columns that are needed.
func hasAll(t *lookup.Table, needed func(column string) bool) bool {
	for i, c := range t.Columns() {
		if !t.Kept(i) && (needed == nil || needed(c.Name)) {
			return false
		}
	}
	return true
}

// sum computes the digest.
func (f *LookupFile) sum(ctx context.Context) error {
	c, err := f.Open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	f.SizeBytes, f.SHA256, err = sumOf(ctx, c)
	return err
}

func sumOf(ctx context.Context, r io.Reader) (n int64, sum string, err error) {
	h := sha256.New()
	n, err = io.Copy(h, readerUntil{ctx, r})
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// readerUntil ends with the context's error.
type readerUntil struct {
	stopped interface{ Err() error }
	r       io.Reader
}

func (r readerUntil) Read(p []byte) (int, error) {
	if err := r.stopped.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// folderLookups is a folder with files of lookups.
type folderLookups string

func (d folderLookups) String() string { return string(d) }

// Find implements LookupPlace.
func (d folderLookups) Find(_ context.Context, name string) (*LookupFile, error) {
	var found *LookupFile
	for _, ext := range lookup.Extensions() {
		at := filepath.Join(string(d), name+ext)
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", at)
		}
		if found != nil {
			return nil, fmt.Errorf("%s and %s are both there. Try: remove one of them", found.Place, at)
		}
		found = &LookupFile{File: name + ext, Place: at, Path: at, Open: func(context.Context) (Content, error) { return os.Open(at) }}
	}
	return found, nil
}

// shippedLookups are the lookups that come with the program.
type shippedLookups struct{}

func (shippedLookups) String() string { return "those that come with etl" }

// Find implements LookupPlace.
func (shippedLookups) Find(_ context.Context, name string) (*LookupFile, error) {
	file := name + ".csv"
	text, err := fs.ReadFile(shippedfiles.Files, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &LookupFile{File: file, Place: "shipped:sql/lookups/" + file, shipped: true, Open: func(context.Context) (Content, error) { return inMemory{bytes.NewReader(text)}, nil }}, nil
}

// inMemory is the content of a file in memory.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }
