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
