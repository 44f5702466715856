// Package mappings loads mappings: folders of SQL (raw.sql, macros.sql and a SELECT for each event class), and files of
// the declarative JSON format, which it translates to such SQL. It has DuckDB check and sqlgen compile them.
//
// A mapping's text is data: its digest and its files go into a run's manifest, and LoadFiles makes the same mapping of them
// when the run is resumed, whatever has happened to the folder since.
package mappings

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/internal/textfile"
	shipped "github.com/silt-etl/silt/sql"
	"github.com/silt-etl/silt/sql/projection"
)

//go:embed *.json *.tests
var declared embed.FS

// Mapping is a mapping as its author wrote it.
type Mapping struct {
	Name string
	// Origin says where it was found, for people and for the places of diagnostics: a folder or file, or "shipped:...".
	Origin string
	// Files are its texts by name: raw.sql, macros.sql, _common.sql, *.sql, or one *.json; and LibraryFile.
	Files map[string]string
	// Digest is the SHA-256 of names and texts, in hex: the same digest, the same mapping.
	Digest string

	// Lookups are the files of the lookups that the texts declare, by name. Their digests are part of Digest.
	Lookups []*Lookup

	version string // of OCSF, instead of what the texts name; "": what they name

	folder fs.FS  // what its tests are in; nil: it was made of texts
	tests  string // the path of the tests in folder
	onDisk bool   // folder is Origin
	texts  string // the digest without that of lookups

	folders  []string          // where packages can be
	packages []string          // the folders of the packages that it imports
	instead  map[string]string // what was found instead of a package

	maxLookups int64 // bytes
	allColumns bool  // tables of lookups have the values of all columns
}

// Tests gives the folder of the mapping's tests and what people call it: tests/ in a mapping's folder, <name>.tests/ next to a .json file.
// It does not have to exist; nil for a mapping that was made of texts.
func (m *Mapping) Tests() (dir fs.FS, at string) {
	if m.folder == nil {
		return nil, ""
	}
	if m.onDisk { // os.DirFS can look at a file without opening it, which would wait for the writer of a named pipe
		return os.DirFS(filepath.Join(m.Origin, m.tests)), m.place(m.tests)
	}
	sub, err := fs.Sub(m.folder, m.tests)
	if err != nil {
		return nil, ""
	}
	return sub, m.place(m.tests)
}

// Page is what the author wrote for the page of the source: page.md in the mapping's folder, or "". It is not part of Digest, because
// it changes nothing that a run does.
func (m *Mapping) Page() (string, error) {
	if m.folder == nil || m.tests != testsFolder {
		return "", nil
	}
	b, err := textfile.ReadFS(m.folder, pageFile, textfile.MaxMapping)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("mapping %s: %s: %w", m.Origin, pageFile, errors.Unwrap(err))
	}
	return string(b), nil
}

// ErrNotFound is the cause of what Load returns for an unknown name or path.
var ErrNotFound = errors.New("mapping not found")

// Load finds a mapping by the path of its folder or .json file, or by its name: <root>/sql/<name>/, <root>/<name>/,
// <root>/mappings/<name>.json and <root>/<name>.json of each root in turn, then what comes with the program.
func Load(name string, roots ...string) (*Mapping, error) { return LoadWith(nil, name, roots...) }

// LoadWith is Load, and looks for packages in these folders too.
func LoadWith(packages []string, name string, roots ...string) (*Mapping, error) {
	if name == "" {
		return nil, fmt.Errorf("%w: no name given. Try: the path of a folder or of a .json file, or the name of a mapping that comes with the program", ErrNotFound)
	}
	if info, err := os.Stat(name); err == nil {
		return loadPath(name, info.IsDir(), packages)
	}
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json") {
		return nil, fmt.Errorf("%w: %s does not exist", ErrNotFound, name)
	}
	for _, root := range roots {
		for _, at := range []string{filepath.Join(root, "sql", name), filepath.Join(root, name), filepath.Join(root, "mappings", name+".json"), filepath.Join(root, name+".json")} {
			if info, err := os.Stat(at); err == nil && info.IsDir() == !strings.HasSuffix(at, ".json") {
				return loadPath(at, info.IsDir(), packages)
			}
		}
	}
	if sub, err := fs.Sub(shipped.Mappings, name); err == nil {
		if m, err := loadFS(sub, name, "shipped:sql/"+name); err == nil {
			return m, m.findLookups(shippedLookups{})
		}
	}
	if b, err := declared.ReadFile(name + ".json"); err == nil {
		m, err := LoadFiles(name, map[string]string{name + ".json": string(b)})
		if err == nil {
			m.Origin, m.folder, m.tests = "shipped:mappings", declared, name+".tests"
		}
		return m, err
	}
	hint := strings.Join(Names(), ", ")
	if near := suggest.Nearest(name, Names()); near != "" {
		hint = "did you mean " + near + "?"
	}
	return nil, fmt.Errorf("%w: %q is not a path or the name of a mapping that comes with the program (%s)", ErrNotFound, name, hint)
}

// WithOCSF gives the same mapping for another version of OCSF than its texts name.
func (m *Mapping) WithOCSF(version string) *Mapping {
	other := *m
	other.version = version
	return &other
}

// Names are the mappings that come with the program.
func Names() []string {
	seen := map[string]bool{}
	dirs, _ := fs.Glob(shipped.Mappings, "*/"+rawFile)
	for _, d := range dirs {
		seen[path.Dir(d)] = true
	}
	files, _ := fs.ReadDir(declared, ".")
	for _, f := range files {
		if !f.IsDir() {
			seen[strings.TrimSuffix(f.Name(), ".json")] = true
		}
	}
	names := make([]string, 0, len(seen))
	for n := range seen {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func loadPath(at string, dir bool, packages []string) (*Mapping, error) {
	base := filepath.Base(filepath.Clean(at))
	if dir {
		if abs, err := filepath.Abs(at); err == nil {
			base = filepath.Base(abs)
		}
		m, err := loadFS(os.DirFS(at), base, at, append([]string{filepath.Join(at, packageFolder), filepath.Join(at, "..", packageFolder)}, packages...)...)
		if err != nil {
			return nil, err
		}
		m.onDisk = true
		places := []LookupPlace{folderLookups(filepath.Join(at, lookupFolder)), folderLookups(filepath.Join(at, "..", lookupFolder))}
		for _, p := range m.packages {
			places = append(places, folderLookups(filepath.Join(p, lookupFolder)))
		}
		return m, m.findLookups(append(places, shippedLookups{})...)
	}
	b, err := textfile.Read(at, textfile.MaxMapping)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", at, errors.Unwrap(err))
	}
	m, err := LoadFiles(strings.TrimSuffix(base, filepath.Ext(base)), map[string]string{base: string(b)})
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", at, err)
	}
	m.Origin, m.folder, m.tests = filepath.Dir(at), os.DirFS(filepath.Dir(at)), m.Name+".tests"
	m.onDisk = true
	return m, nil
}

func loadFS(dir fs.FS, name, origin string, packages ...string) (*Mapping, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", origin, err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".sql" {
			continue
		}
		b, err := textfile.ReadFS(dir, e.Name(), textfile.MaxMapping)
		if err != nil {
			return nil, fmt.Errorf("mapping %s: %s: %w", origin, e.Name(), errors.Unwrap(err))
		}
		files[e.Name()] = string(b)
	}
	found, instead, err := addPackages(files, packages, readPackage)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", origin, err)
	}
	m, err := LoadFiles(name, files)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", origin, err)
	}
	m.folders, m.packages, m.instead = packages, found, instead
	m.Origin, m.folder, m.tests = origin, dir, testsFolder
	return m, nil
}

// LoadFiles makes a mapping of texts by file name, as a manifest keeps them. Where the texts call macros of the program's library and
// do not hold them yet, those are added: so a manifest has them as they were, and another library makes another digest.
func LoadFiles(name string, files map[string]string) (*Mapping, error) {
	files, err := withLibrary(files)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(files))
	selects, json := 0, 0
	for n := range files {
		names = append(names, n)
		switch {
		case path.Ext(n) == ".json":
			json++
		case path.Ext(n) == ".sql" && n != rawFile && n != macrosFile && n != LibraryFile && n != projection.CommonFile && !IsPackageFile(n):
			selects++
		}
	}
	_, raw := files[rawFile]
	switch {
	case json == 1 && len(files) == 1:
	case json > 0:
		return nil, fmt.Errorf("%s holds a .json mapping and other files; a mapping is either one .json file or SQL files", name)
	case !raw:
		return nil, fmt.Errorf("%s has no raw.sql, which declares the fields of the record (CREATE TABLE raw (...))", name)
	case selects == 0:
		return nil, fmt.Errorf("%s has no SELECT. Try: write one next to raw.sql (example: network_activity.sql)", name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, n := range names {
		fmt.Fprintf(h, "%d %s %d\n%s\n", len(n), n, len(files[n]), files[n])
	}
	m := &Mapping{Name: name, Files: files, Digest: hex.EncodeToString(h.Sum(nil)), Origin: name}
	m.texts, m.maxLookups = m.Digest, defaultMaxLookups
	m.declareLookups()
	return m, nil
}

const (
	rawFile    = "raw.sql"
	macrosFile = "macros.sql"
	pageFile   = "page.md"

	testsFolder = "tests"
	// LibraryFile is where Files has the macros of the program's library that the mapping calls. It is not a file of the folder.
	LibraryFile = "macros/library.sql"
)

// withLibrary adds the macros of the library that SQL files call.
func withLibrary(files map[string]string) (map[string]string, error) {
	if _, has := files[LibraryFile]; has {
		return files, nil
	}
	var texts []string
	for _, n := range sortedKeys(files) {
		if path.Ext(n) == ".sql" {
			texts = append(texts, files[n])
		}
	}
	return callLibrary(files, texts...)
}

// callLibrary adds the macros of the library that texts call and files do not define. The mapping's own macros come first: also those of
// a plan that was written before the library had their names.
func callLibrary(files map[string]string, texts ...string) (map[string]string, error) {
	library, err := shipped.Library()
	if err != nil {
		return nil, err
	}
	used := shipped.Used(shipped.Without(shipped.Shadow(library, packageText(files)+files[macrosFile]), files[LibraryFile]), texts...)
	if len(used) == 0 {
		return files, nil
	}
	all := maps.Clone(files)
	for _, m := range used {
		all[LibraryFile] += m.Text + "\n"
	}
	return all, nil
}

// Declarative says whether the mapping is a JSON one.
func (m *Mapping) Declarative() bool {
	for n := range m.Files {
		if path.Ext(n) == ".json" {
			return true
		}
	}
	return false
}
