package header

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

func TestHeader(t *testing.T) {
	f := diag.File{Path: "f", Text: "-- A comment of no concern: really\n\n--class: network_activity\n-- profiles: cloud, security_control\n-- drop: a = 'x:y'\n-- consumes: a.b, c\n-- consumes: d\nSELECT 1 -- class: other\n"}
	r := &diag.List{}
	h := ReadSelect(f, r)
	if len(*r) != 0 {
		t.Errorf("diagnostics: %v", *r)
	}
	texts := func(words []word) (out []string) {
		for _, w := range words {
			out = append(out, w.Text)
		}
		return out
	}
	want := map[string][]string{"class": {"network_activity", ocsf.DefaultVersion}, "profiles": {"cloud", "security_control"}, "drops": {"a = 'x:y'"}, "consumes": {"a.b", "c", "d"}}
	if diff := cmp.Diff(want, map[string][]string{"class": {h.Class, h.Version}, "profiles": texts(h.Profiles), "drops": texts(h.Drops), "consumes": texts(h.Consumes)}); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	for _, w := range append(append(h.Profiles, h.Consumes...), h.Drops...) {
		if !strings.HasPrefix(f.Text[w.At:], w.Text) {
			t.Errorf("%q is not at %d", w.Text, w.At)
		}
	}
	if l, c := diag.Position(f.Text, h.ClassAt); l != 3 || c != 10 {
		t.Errorf("class at %d:%d", l, c)
	}
}

// A line that looks like one of the header is not taken for a comment without a word.
func TestUnknownKeys(t *testing.T) {
	for _, c := range []struct{ line, inSelect, inRaw string }{
		{"-- profile: cloud", `warning: unknown header key "profile"; did you mean "profiles"?`, `note: raw.sql has no header key "profile": the line is a comment`},
		{"-- with: x", `note: a SELECT has no header key "with": the line is a comment (the keys of a SELECT are class, `, `note: raw.sql has no header key "with": the line is a comment (the keys of raw.sql are format, `},
		{"-- drop: true", "", `note: raw.sql has no header key "drop": the line is a comment (write it above a SELECT)`},
		{"  -- parse: a json", `note: a SELECT has no header key "parse": the line is a comment (write it above the table of raw.sql)`, ""},
		{"-- note: severity is High", "", ""},
		{"-- example: a b", "", ""},
		{"-- Malware: evidence for each file", "", ""},
		{"-- the fields: a and b", "", ""},
		{"-- https://example.com/a", "", ""},
		{"-- event.a: b", "", ""},
	} {
		f := diag.File{Path: "f.sql", Text: "-- class: network_activity\n" + c.line + "\nSELECT 1 FROM raw"}
		r := &diag.List{}
		ReadSelect(f, r)
		if got := r.Error(); (c.inSelect == "") != (len(*r) == 0) || !strings.Contains(got, c.inSelect) {
			t.Errorf("%s: want %q in a SELECT, got %q", c.line, c.inSelect, got)
		}
		_, raw := readRaw(t, c.line, "a:VARCHAR")
		if got := raw.Error(); c.inRaw == "" && len(raw) > 0 || !strings.Contains(got, c.inRaw) {
			t.Errorf("%s: want %q in raw.sql, got %q", c.line, c.inRaw, got)
		}
	}
}
