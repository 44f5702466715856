package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReleaseOfEtl: the SBOM, the NOTICE and the licences of etl are complete, and the same each time. It looks at the source that a
// release would be built from.
func TestReleaseOfEtl(t *testing.T) {
	parts, err := linked("../../cmd/etl")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := write(out, binary{Version: "v1.2.3", SHA256: strings.Repeat("ab", 32)}, parts); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, sbomFile))
	if err != nil {
		t.Fatal(err)
	}
	var bom cyclonedx
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"CycloneDX", "1.5", "v1.2.3"}, []string{bom.Format, bom.Spec, bom.Metadata.Component.Version}); diff != "" {
		t.Errorf("the head of the SBOM (-want +got):\n%s", diff)
	}
	refs := map[string]component{}
	for _, c := range bom.Components {
		if _, twice := refs[c.Ref]; twice {
			t.Errorf("%s is in the SBOM twice", c.Ref)
		}
		refs[c.Ref] = c
		if len(c.Licences) == 0 || c.Version == "" || !strings.HasPrefix(c.PURL, "pkg:") {
			t.Errorf("the SBOM does not say enough about %+v", c)
		}
	}
	for _, want := range []string{"github.com/DataDog/zstd@", "github.com/aws/aws-sdk-go-v2@", "github.com/duckdb/duckdb-go-bindings@", "duckdb/duckdb_static@1.", "duckdb/icu_extension@1.", "std@1.", "ocsf-schema@1.8.0", "ocsf-json-schema@1.2.0"} {
		if !slices.ContainsFunc(bom.Components, func(c component) bool { return strings.HasPrefix(c.Ref, want) }) {
			t.Errorf("the SBOM lacks %s", want)
		}
	}
	said, err := os.ReadFile(filepath.Join(out, noticeFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if !bytes.Contains(said, []byte(p.Name+" "+p.Version+": ")) {
			t.Errorf("NOTICE lacks %s", p.Name)
		}
		texts, err := filepath.Glob(filepath.Join(out, licencesDir, filepath.FromSlash(p.Folder()), "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(texts) == 0 && p.Within == "" {
			t.Errorf("no licence of %s was written", p.Name)
		}
	}
	if !bytes.Contains(said, []byte("ocsf-json-schema 1.2.0: MIT (data: ")) || !bytes.Contains(said, []byte("ocsf-schema 1.8.0: Apache-2.0 (data: ")) {
		t.Error("NOTICE does not name the sources of the OCSF tables")
	}
	if !bytes.Contains(said, []byte("Apache Arrow")) {
		t.Error("NOTICE does not repeat the notice of Apache Arrow")
	}

	again := t.TempDir()
	if err := write(again, binary{Version: "v1.2.3", SHA256: strings.Repeat("ab", 32)}, parts); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{sbomFile, noticeFile} {
		a, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(again, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs if it is written again", name)
		}
	}
}

// TestRelease: a stripped binary passes, and one with symbols, or of another source, does not.
func TestRelease(t *testing.T) {
	build := func(name, flags string) string {
		bin := filepath.Join(t.TempDir(), name)
		if out, err := exec.Command("go", "build", "-ldflags", flags, "-o", bin, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return bin
	}
	var log bytes.Buffer
	bin, out := build("stripped", "-s -w"), t.TempDir()
	if err := release(bin, out, ".", "v1", &log); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, sbomFile)); err != nil {
		t.Error(err)
	}
	if err := release(build("symbols", ""), out, ".", "v1", &log); err == nil || !strings.Contains(err.Error(), "is not stripped") {
		t.Errorf("a binary with symbols: %v", err)
	}
	if err := release(filepath.Join(out, noticeFile), out, ".", "v1", &log); err == nil {
		t.Error("a file that is not a binary passes")
	}
}

func TestLicences(t *testing.T) {
	file := func(name, text string) textFile { return textFile{Name: name, Text: []byte(text)} }
	mit := "Permission is hereby granted, free of charge, to any person\nobtaining a copy of this software"
	bsd := "Redistribution and use in source and binary forms, with or without"
	for _, c := range []struct {
		name  string
		files []textFile
		want  []string
	}{
		{"one", []textFile{file("LICENSE", mit)}, []string{"MIT"}},
		{"of a folder inside", []textFile{file("LICENSE", mit), file("internal/x/LICENSE", bsd+" Neither the name of X")}, []string{"BSD-3-Clause", "MIT"}},
		{"two clauses", []textFile{file("LICENSE", bsd)}, []string{"BSD-2-Clause"}},
		{"unknown", []textFile{file("LICENSE", "ask me first")}, nil},
		{"unknown inside", []textFile{file("LICENSE", mit), file("x/LICENSE", "ask me first")}, nil},
		{"only a notice", []textFile{file("NOTICE", mit)}, nil},
		{"none", nil, nil},
	} {
		got, err := licencesOf(c.files)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if (err != nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
