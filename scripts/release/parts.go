package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// part is software of another project in the binary: a Go module, Go itself, or a C++ library inside a module. It can also be data.
type part struct {
	Name, Version string
	PURL          string   // of data, "" for others
	Used          string   // what data is used for, "" for others
	Within        string   // the module that contains a C++ library, "" for others
	Sum           string   // go.sum's digest of a module
	Licences      []string // SPDX identifiers
	Files         []textFile
}

// textFile is a licence or notice, with its name in the module.
type textFile struct {
	Name string
	Text []byte
}

// Folder is where the part's licences are written.
func (p part) Folder() string { return p.Name + "@" + p.Version }

// listed is a package as go list prints it.
type listed struct {
	Dir    string
	Module *module
}

type module struct {
	Path, Version, Dir, Sum string
	Main                    bool
	Replace                 *module
}

// linked lists what is linked into a package's binary, in the order of names. A part without a licence that it recognises is an error.
func linked(pkg string) ([]part, error) {
	packages, err := list(pkg)
	if err != nil {
		return nil, err
	}
	modules, folders := map[string]module{}, map[string][]string{}
	for _, p := range packages {
		if p.Module == nil || p.Module.Main {
			continue
		}
		m := *p.Module
		if m.Replace != nil {
			m = *m.Replace
		}
		modules[m.Path] = m
		folders[m.Path] = append(folders[m.Path], p.Dir)
	}
	parts, err := dataParts(packages)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m := modules[name]
		p := part{Name: m.Path, Version: m.Version, Sum: m.Sum}
		if p.Files, err = licenceFiles(m.Dir, folders[name]); err != nil {
			return nil, err
		}
		if p.Licences, err = licencesOf(p.Files); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Dir, err)
		}
		parts = append(parts, p)
		more, err := duckdbParts(m)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	golang, err := goItself()
	if err != nil {
		return nil, err
	}
	parts = append(parts, golang)
	sort.SliceStable(parts, func(i, j int) bool { return parts[i].Name < parts[j].Name })
	return parts, nil
}

func list(pkg string) (packages []listed, err error) {
	out, err := goCommand("list", "-deps", "-json=Dir,Module", pkg)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

func goCommand(args ...string) (string, error) {
	c := exec.Command("go", args...)
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

var licenceName = regexp.MustCompile(`(?i)^(un)?(licen[sc]e|copying|notice|patents)(\.(txt|md))?$`)

// licenceFiles reads the licences of a module: those in its top folder, and those in the folders of linked packages and above.
func licenceFiles(top string, packages []string) (files []textFile, err error) {
	seen := map[string]bool{}
	for _, dir := range append([]string{top}, packages...) {
		for ; !seen[dir] && strings.HasPrefix(dir, top); dir = filepath.Dir(dir) {
			seen[dir] = true
			entries, err := os.ReadDir(dir)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if !e.Type().IsRegular() || !licenceName.MatchString(e.Name()) {
					continue
				}
				name, err := filepath.Rel(top, filepath.Join(dir, e.Name()))
				if err != nil {
					return nil, err
				}
				text, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					return nil, err
				}
				files = append(files, textFile{Name: filepath.ToSlash(name), Text: text})
			}
		}
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	return files, nil
}

// marks are sentences that only one licence has, in lower case and with single blanks.
var marks = []struct{ id, text string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
	{"BSL-1.0", "boost software license - version 1.0"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{"LicenseRef-MITRE-ATTACK", "hereby grants you a non-exclusive royalty-free license to use att&ck®"},
	{"MPL-2.0", "mozilla public license version 2.0"},
}

// licencesOf recognises the licences of a part. Every file that is not a notice has to be recognised.
func licencesOf(files []textFile) (ids []string, err error) {
	found := map[string]bool{}
	for _, f := range files {
		base := strings.ToLower(path.Base(f.Name))
		if strings.HasPrefix(base, "notice") || strings.HasPrefix(base, "patents") {
			continue
		}
		text := strings.NewReplacer(",", "", `"`, "", "*", "").Replace(strings.Join(strings.Fields(strings.ToLower(string(f.Text))), " "))
		known := len(found)
		for _, m := range marks {
			if strings.Contains(text, strings.ReplaceAll(m.text, ",", "")) {
				found[m.id] = true
				known = -1
			}
		}
		if strings.Contains(text, "redistribution and use in source and binary forms") {
			id := "BSD-2-Clause"
			if strings.Contains(text, "neither the name") || strings.Contains(text, "may be used to endorse") {
				id = "BSD-3-Clause"
			}
			found[id] = true
			known = -1
		}
		if known >= 0 {
			return nil, fmt.Errorf("the licence in %s was not recognised. Try: add its text to marks in scripts/release/parts.go", f.Name)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no licence was found")
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// goItself is Go's runtime and standard library.
func goItself() (part, error) {
	root, err := goCommand("env", "GOROOT")
	if err != nil {
		return part{}, err
	}
	version, err := goCommand("env", "GOVERSION")
	if err != nil {
		return part{}, err
	}
	p := part{Name: "std", Version: strings.TrimPrefix(version, "go")}
	for _, dir := range []string{root, "/usr/share/doc/golang-doc", "/usr/share/doc/golang-go"} { // Debian moves the file
		if p.Files, err = licenceFiles(dir, nil); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return part{}, err
		}
		if len(p.Files) > 0 {
			break
		}
	}
	p.Licences = []string{"BSD-3-Clause"}
	return p, nil
}

var (
	bindings      = regexp.MustCompile(`^github\.com/duckdb/duckdb-go-bindings/lib/[a-z0-9-]+$`)
	encodedDuckDB = regexp.MustCompile(`^v0\.(\d+)(\d\d)(\d\d)\.`)
)

// ofDuckDB are the libraries that DuckDB is linked with, by the name of the archive, and their licences. An archive has the code
// and not the text of its licence: the text is in third_party of DuckDB's source.
var ofDuckDB = map[string][]string{
	"duckdb_static":                     {"MIT"},
	"autocomplete_extension":            {"MIT"},
	"core_functions_extension":          {"MIT"},
	"duckdb_generated_extension_loader": {"MIT"},
	"json_extension":                    {"MIT"},
	"parquet_extension":                 {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"}, // with Thrift, Snappy, LZ4 and Brotli
	"icu_extension":                     {"MIT", "Unicode-DFS-2016"},
	"tpcds_extension":                   {"MIT", "LicenseRef-TPC"},
	"tpch_extension":                    {"MIT", "LicenseRef-TPC"},
	"duckdb_fastpforlib":                {"Apache-2.0"},
	"duckdb_fmt":                        {"MIT"},
	"duckdb_fsst":                       {"MIT"},
	"duckdb_hyperloglog":                {"BSD-3-Clause"},
	"duckdb_jemalloc":                   {"BSD-2-Clause"},
	"duckdb_mbedtls":                    {"Apache-2.0"},
	"duckdb_miniz":                      {"MIT"},
	"duckdb_pg_query":                   {"BSD-3-Clause", "PostgreSQL"},
	"duckdb_re2":                        {"BSD-3-Clause"},
	"duckdb_skiplistlib":                {"MIT"},
	"duckdb_utf8proc":                   {"MIT"},
	"duckdb_yyjson":                     {"MIT"},
	"duckdb_zstd":                       {"BSD-3-Clause"},
}

// duckdbParts lists the archives in a module of DuckDB's bindings.
func duckdbParts(m module) (parts []part, err error) {
	if !bindings.MatchString(m.Path) {
		return nil, nil
	}
	version := m.Version
	if v := encodedDuckDB.FindStringSubmatch(m.Version); v != nil { // v0.10506.0 is DuckDB 1.5.6
		version = strings.Join([]string{v[1], strings.TrimPrefix(v[2], "0"), strings.TrimPrefix(v[3], "0")}, ".")
	}
	archives, err := filepath.Glob(filepath.Join(m.Dir, "lib*.a"))
	if err != nil {
		return nil, err
	}
	for _, a := range archives {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(a), "lib"), ".a")
		ids, ok := ofDuckDB[name]
		if !ok {
			return nil, fmt.Errorf("%s: the licence of this library is not known. Try: add it to ofDuckDB in scripts/release/parts.go", a)
		}
		parts = append(parts, part{Name: "duckdb/" + name, Version: version, Within: m.Path, Licences: ids})
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%s has no libraries (lib*.a)", m.Dir)
	}
	return parts, nil
}
