// Command release writes what belongs next to a released etl: an SBOM in CycloneDX's JSON, a NOTICE, and the licences of everything
// that is linked into the binary. It reads them from the modules that the binary was built from, so the project keeps no copies.
//
//	go run ./scripts/release -bin dist/etl -out dist
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	bin := flag.String("bin", "dist/etl", "the binary that is released")
	out := flag.String("out", "dist", "folder to write sbom.cdx.json, NOTICE and licenses to")
	pkg := flag.String("package", "./cmd/etl", "the package that the binary was built from")
	version := flag.String("version", "dev", "the version of the binary")
	flag.Parse()
	if err := release(*bin, *out, *pkg, *version, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(bin, out, pkg, version string, log io.Writer) error {
	info, err := buildinfo.ReadFile(bin)
	if err != nil {
		return fmt.Errorf("%s: %w. Try: make release", bin, err)
	}
	if err := isStripped(bin); err != nil {
		return err
	}
	parts, err := linked(pkg)
	if err != nil {
		return err
	}
	if err := sameModules(info, parts); err != nil {
		return fmt.Errorf("%s: %w. Try: make release", bin, err)
	}
	digest, size, err := sum(bin)
	if err != nil {
		return err
	}
	b := binary{Version: version, SHA256: digest}
	if err := write(out, b, parts); err != nil {
		return err
	}
	_, err = fmt.Fprintf(log, "%s: %.1f MB, %d parts from other projects: %s, %s and %s\n", bin, float64(size)/1e6, len(parts),
		filepath.Join(out, sbomFile), filepath.Join(out, noticeFile), filepath.Join(out, licencesDir))
	return err
}

// write makes the three parts of the output. It replaces what an earlier release left in the folder of licences.
func write(out string, b binary, parts []part) error {
	if err := os.RemoveAll(filepath.Join(out, licencesDir)); err != nil {
		return err
	}
	for _, p := range parts {
		for _, l := range p.Files {
			to := filepath.Join(out, licencesDir, filepath.FromSlash(p.Folder()), filepath.FromSlash(l.Name))
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(to, l.Text, 0o644); err != nil {
				return err
			}
		}
	}
	bom, err := sbom(b, parts)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, sbomFile), bom, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, noticeFile), notice(parts), 0o644)
}

const (
	sbomFile    = "sbom.cdx.json"
	noticeFile  = "NOTICE"
	licencesDir = "licenses"
)

// binary is what the SBOM says about the released file itself.
type binary struct{ Version, SHA256 string }

// isStripped returns an error if the binary has a symbol table or debugging information. Panics do not need them: Go keeps the
// names and lines for stack traces elsewhere.
func isStripped(bin string) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	f, err := elf.Open(bin)
	if err != nil {
		return fmt.Errorf("%s: %w", bin, err)
	}
	defer func() { _ = f.Close() }()
	for _, section := range []string{".symtab", ".debug_info", ".zdebug_info"} {
		if f.Section(section) != nil {
			return fmt.Errorf("%s is not stripped: it has the section %s. Try: make release", bin, section)
		}
	}
	return nil
}

// sameModules returns an error if the binary has a module, or a version of one, that the source does not have.
func sameModules(info *buildinfo.BuildInfo, parts []part) error {
	for _, d := range info.Deps {
		m := d
		if d.Replace != nil {
			m = d.Replace
		}
		if !slices.ContainsFunc(parts, func(p part) bool { return p.Name == m.Path && p.Version == m.Version }) {
			return fmt.Errorf("it was built with %s %s, which the source does not use", m.Path, m.Version)
		}
	}
	return nil
}

func sum(path string) (digest string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// notice lists every part with its licences, and repeats the notices that licences ask to be passed on.
func notice(parts []part) []byte {
	var b bytes.Buffer
	b.WriteString("Silt (etl)\nLicensed under the Apache License, Version 2.0.\n\nThis binary contains the following software. The texts are in the folder " +
		licencesDir + ".\n\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "%s %s: %s", p.Name, p.Version, strings.Join(p.Licences, ", "))
		if p.Used != "" {
			fmt.Fprintf(&b, " (data: %s)", p.Used)
		}
		b.WriteByte('\n')
	}
	for _, p := range parts {
		for _, f := range p.Files {
			if strings.HasPrefix(strings.ToUpper(filepath.Base(f.Name)), "NOTICE") {
				fmt.Fprintf(&b, "\n---- %s of %s\n\n%s\n", f.Name, p.Name, bytes.TrimSpace(f.Text))
			}
		}
	}
	return b.Bytes()
}
