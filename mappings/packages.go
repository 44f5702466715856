package mappings

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/textfile"
	"github.com/silt-etl/silt/sql/header"
)

// A package is a folder with macros that several mappings import: NAME/macros.sql, which begins with `-- package: NAME VERSION`. The text
// becomes one of the mapping's files, so that a manifest keeps it, and a resumed plan runs what was planned.

// packageFolder is where packages are: in the mapping's folder, next to it, and in the folders that a job names.
const packageFolder = "packages"

// packageFile is the name of a package's macros among the files of a mapping.
func packageFile(name string) string { return packageFolder + "/" + name + "/" + macrosFile }

// IsPackageFile says whether a file of a mapping has the macros of a package.
func IsPackageFile(name string) bool {
	return strings.HasPrefix(name, packageFolder+"/") && path.Base(name) == macrosFile
}

// packageFiles are the names of the files with macros of packages, in order.
func packageFiles(files map[string]string) []string {
	return slices.DeleteFunc(sortedKeys(files), func(name string) bool { return !IsPackageFile(name) })
}

// packageText is the text of all packages, in the order of their names.
func packageText(files map[string]string) string {
	var b strings.Builder
	for _, n := range packageFiles(files) {
		b.WriteString(files[n] + "\n")
	}
	return b.String()
}

// readPackage reads the macros of a package.
func readPackage(name string) ([]byte, error) { return textfile.Read(name, textfile.MaxMapping) }

// Earlier gives another version of the mapping, of texts by file name. Its packages are those that read finds where the packages of m can
// be, and otherwise what is there now. It also returns their folders. The error of read wraps fs.ErrNotExist if a file did not exist.
func (m *Mapping) Earlier(files map[string]string, read func(name string) ([]byte, error)) (old *Mapping, packages []string, err error) {
	then, _, err := addPackages(files, m.folders, read)
	if err != nil {
		return nil, nil, err
	}
	now, instead, err := addPackages(files, m.folders, readPackage)
	if err != nil {
		return nil, nil, err
	}
	if old, err = LoadFiles(m.Name, files); err != nil {
		return nil, nil, err
	}
	old.folders, old.packages, old.instead = m.folders, append(then, now...), instead
	return old, old.packages, nil
}

// addPackages adds the packages that raw.sql imports and files do not have yet, from the first folder that has them in the version that it
// names. It returns the folders of the packages, and what was found instead of those that are missing.
func addPackages(files map[string]string, folders []string, read func(name string) ([]byte, error)) (found []string, instead map[string]string, err error) {
	instead = map[string]string{}
	for _, p := range header.Packages(diag.File{Text: files[rawFile]}, nil) {
		if _, has := files[packageFile(p.Name)]; has {
			continue
		}
		var others []string
		for _, folder := range folders {
			at := filepath.Join(folder, p.Name)
			text, err := read(filepath.Join(at, macrosFile))
			if errors.Is(err, fs.ErrNotExist) {
				others = append(others, folder)
				continue
			}
			if err != nil {
				return nil, nil, fmt.Errorf("package %s: %w", p.Name, err)
			}
			if is := header.Packages(diag.File{Text: string(text)}, nil); len(is) != 1 || is[0].Name != p.Name || is[0].Version != p.Version {
				other := "without a line `-- package: " + p.Name + " VERSION`"
				if len(is) > 0 {
					other = "which is " + is[0].Name + " " + is[0].Version
				}
				others = append(others, fmt.Sprintf("%s, %s", at, other))
				continue
			}
			files[packageFile(p.Name)] = string(text)
			found = append(found, at)
			break
		}
		instead[p.Name] = strings.Join(others, "; ")
	}
	return found, instead, nil
}

// checkPackages reports the packages that raw.sql imports and the mapping does not have.
func (m *Mapping) checkPackages(report *diag.List) {
	f := diag.File{Path: m.place(rawFile), Text: m.Files[rawFile]}
	imported := map[string]bool{}
	for _, p := range header.Packages(f, report) {
		_, has := m.Files[packageFile(p.Name)]
		switch {
		case imported[p.Name]:
			report.At(f, p.At, diag.Error, diag.Package, "keep one of the lines", "the package %s is imported twice", p.Name)
		case !has:
			hint := "put it into " + packageFolder + "/" + p.Name + ", or name its folder in the job's packages"
			if looked := m.instead[p.Name]; looked != "" {
				hint += "; looked in " + looked
			}
			report.At(f, p.At, diag.Error, diag.Package, hint, "the package %s %s was not found", p.Name, p.Version)
		}
		imported[p.Name] = true
	}
}
