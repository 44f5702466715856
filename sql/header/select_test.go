package header

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

func TestHeader(t *testing.T) {
	f := diag.File{Path: "f", Text: "-- A comment of no concern: really\n\n--class: network_activity\n-- profiles: cloud, security_control\n-- drop: a = 'x:y'\n-- consumes: a.b, c\n-- consumes: d\nSELECT 1 -- class: other\n"}
	r := &diag.List{}
	h := ReadSelect(f, r)
	if h.Class != "network_activity" || h.Version != ocsf.DefaultVersion || len(h.Profiles) != 2 || h.Drops[0].Text != "a = 'x:y'" || len(h.Consumes) != 3 || len(*r) != 0 {
		t.Errorf("%+v %v", h, *r)
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
