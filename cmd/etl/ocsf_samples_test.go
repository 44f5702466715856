package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	validate "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.1"

	"github.com/silt-etl/silt/internal/ocsf"
)

// ocsfEvent is an event as scripts/verify/judge_ocsf.py reads it.
type ocsfEvent struct {
	Class    string         `json:"class"`
	Version  string         `json:"version"`
	Profiles []string       `json:"profiles,omitempty"`
	Event    map[string]any `json:"event"`
	Without  []string       `json:"without,omitempty"`
	Valid    bool           `json:"valid"`
	About    string         `json:"about"`
}

var (
	classLine = regexp.MustCompile(`(?m)^-- (?:class|otherwise):.*$`)
	ocsfLine  = regexp.MustCompile(`(?m)^-- ocsf:.*\n`)
)

// previewWith runs the samples of a shipped mapping through a copy of it whose SELECTs have more header lines.
func previewWith(t *testing.T, name, lines string) (all []ocsfEvent) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(shipped("sql/"+name))); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(lines, "-- ocsf:") {
			text = ocsfLine.ReplaceAll(text, nil)
		}
		if err := os.WriteFile(f, classLine.ReplaceAll(text, []byte("$0\n"+lines)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	samples, err := filepath.Glob(shipped("testdata/" + name + "/*"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("%s has no samples: %v", name, err)
	}
	for _, sample := range samples {
		out, errs, code := etl(t, "preview", dir, sample, "--limit", "10000", "--output", "json")
		if code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", name, code, errs)
		}
		for line := range strings.Lines(out) {
			var shown struct {
				Class   string
				OCSF    map[string]any
				Reason  string
				Without []string `json:"published_without"`
			}
			if err := json.Unmarshal([]byte(line), &shown); err != nil {
				t.Fatal(err)
			}
			if shown.OCSF == nil || shown.Reason != "" {
				continue
			}
			e := ocsfEvent{Class: shown.Class, Event: shown.OCSF, Without: shown.Without, Valid: true, About: name}
			metadata, _ := e.Event["metadata"].(map[string]any)
			e.Version, _ = metadata["version"].(string)
			profiles, _ := metadata["profiles"].([]any)
			for _, p := range profiles {
				e.Profiles = append(e.Profiles, p.(string))
			}
			all = append(all, e)
		}
	}
	return all
}

// Events with observables and timestamps are valid for a validator that is not ours, and each has what it says.
func TestObservablesOfShippedSources(t *testing.T) {
	for _, name := range []string{"windows-sysmon", "network-firewall"} {
		events := previewWith(t, name, "-- observables: auto\n-- profiles: datetime")
		if len(events) < 10 {
			t.Errorf("%s: only %d events", name, len(events))
		}
		for i, e := range events {
			text, err := json.Marshal(e.Event)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Validate(e.Class, text); err != nil && !ofOtherProfiles(t, e, err) {
				t.Errorf("%s %d: %v", name, i, err)
			}
			if e.Event["time_dt"] == nil || !slices.Contains(e.Profiles, "datetime") {
				t.Errorf("%s %d: time_dt is %v with the profiles %v", name, i, e.Event["time_dt"], e.Profiles)
			}
			list, _ := e.Event["observables"].([]any)
			seen := map[string]bool{}
			for _, o := range list {
				o := o.(map[string]any)
				path := o["name"].(string)
				value, isText := o["value"].(string)
				key := path + "=" + value
				if seen[key] {
					t.Errorf("%s %d: %s is there twice", name, i, key)
				}
				seen[key] = true
				if !has(e.Event, strings.Split(path, "."), value, isText) {
					t.Errorf("%s %d: the event has no %s", name, i, key)
				}
			}
			if len(list) == 0 {
				t.Errorf("%s %d has no observables", name, i)
			}
		}
	}
}

var missingProperties = regexp.MustCompile(`^jsonschema: '' does not validate with .* missing properties: ([^\n]*)$`)

// ofOtherProfiles says whether the event only lacks what profiles require that it does not have: the validator applies all profiles.
func ofOtherProfiles(t *testing.T, e ocsfEvent, complaint error) bool {
	t.Helper()
	m := missingProperties.FindStringSubmatch(complaint.Error())
	if m == nil {
		return false
	}
	schema, err := ocsf.Load(e.Version)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(m[1], ", ") {
		a := schema.Class(e.Class).Attribute(strings.Trim(name, "'"))
		if a == nil || a.In(e.Profiles) {
			return false
		}
	}
	return true
}

// has says whether an event has a value, or with !isText an object, at a path that may lead through lists.
func has(at any, path []string, value string, isText bool) bool {
	switch x := at.(type) {
	case []any:
		return slices.ContainsFunc(x, func(y any) bool { return has(y, path, value, isText) })
	case map[string]any:
		if len(path) > 0 {
			return has(x[path[0]], path[1:], value, isText)
		}
		return !isText
	case string:
		return len(path) == 0 && isText && x == value
	}
	return false
}
