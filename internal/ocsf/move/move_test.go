package move_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/ocsf/move"
)

func compare(t *testing.T, from, to, class string, profiles []string, filled ...string) *move.Class {
	t.Helper()
	a, err := ocsf.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ocsf.Load(to)
	if err != nil {
		t.Fatal(err)
	}
	c, err := move.Compare(a, b, class, filled, profiles)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDurationNeedsANewSource(t *testing.T) {
	c := compare(t, "1.1.0", "1.3.0", "network_activity", nil, "duration", "src_endpoint.ip", "activity_id")
	want := []move.Change{
		{Path: "activity_id", Kind: move.Values, After: `7 "Listen"`},
		{Path: "duration", Kind: move.Type, Before: "int", After: "bigint", Column: true},
		{Path: "src_endpoint", Kind: move.Optional, Before: "required", After: "recommended"},
	}
	if diff := cmp.Diff(want, c.Filled); diff != "" {
		t.Error(diff)
	}
	if !c.NewSource() || len(c.Columns()) != 1 {
		t.Errorf("%+v", c)
	}
	if !slices.Contains(c.Gained, "network_endpoint.autonomous_system") || !slices.Contains(c.Gained, "ja4_fingerprint_list") || slices.Contains(c.Gained, "user.risk_level") {
		t.Errorf("gained %v", c.Gained)
	}
	without := compare(t, "1.1.0", "1.3.0", "network_activity", nil, "src_endpoint.ip")
	if without.NewSource() {
		t.Errorf("nothing but src_endpoint.ip is filled: %+v", without)
	}
}

func TestOtherChanges(t *testing.T) {
	for name, x := range map[string]struct {
		from, to, class string
		profiles        []string
		filled          []string
		want            move.Change
	}{
		"deprecated": {"1.1.0", "1.2.0", "authentication", nil, []string{"src_endpoint.location.coordinates"},
			move.Change{Path: "src_endpoint.location.coordinates", Kind: move.Deprecated, After: "since 1.2.0: use lat and long"}},
		"value renamed": {"1.1.0", "1.3.0", "authentication", nil, []string{"logon_type_id"},
			move.Change{Path: "logon_type_id", Kind: move.Values, Before: `0 "System"`, After: `0 "Unknown"`}},
		"text type": {"1.1.0", "1.5.0", "file_activity", nil, []string{"file.path"},
			move.Change{Path: "file.path", Kind: move.Type, Before: "string_t", After: "file_path_t"}},
		"back": {"1.3.0", "1.1.0", "network_activity", nil, []string{"src_endpoint.owner.name"},
			move.Change{Path: "src_endpoint.owner", Kind: move.Removed, Before: "object_t"}},
	} {
		c := compare(t, x.from, x.to, x.class, x.profiles, x.filled...)
		if !slices.Contains(c.Filled, x.want) {
			t.Errorf("%s: %+v lacks %+v", name, c.Filled, x.want)
		}
	}
	// file.name is file_name_t in all versions
	if c := compare(t, "1.1.0", "1.4.0", "file_activity", nil, "file.name"); slices.ContainsFunc(c.Filled, func(ch move.Change) bool { return ch.Path == "file.name" }) {
		t.Errorf("%+v", c.Filled)
	}
}

func TestNeeds(t *testing.T) {
	c := compare(t, "1.1.0", "1.4.0", "network_activity", nil, "message")
	if !slices.Contains(c.Needs, "dst_endpoint or src_endpoint") {
		t.Errorf("%v", c.Needs)
	}
	if c := compare(t, "1.1.0", "1.4.0", "network_activity", nil, "src_endpoint.ip"); len(c.Needs) != 0 {
		t.Errorf("%v", c.Needs)
	}
	if gone := compare(t, "1.2.0", "1.1.0", "tunnel_activity", nil); !gone.Gone {
		t.Errorf("%+v", gone)
	}
	if c := compare(t, "1.3.0", "1.5.0", "job_query", nil, "message"); !strings.HasPrefix(c.Deprecated, "since 1.5.0: ") {
		t.Errorf("%+v", c)
	}
}

// Profiles decide which attributes count.
func TestProfilesCount(t *testing.T) {
	if c := compare(t, "1.1.0", "1.3.0", "authentication", nil, "message"); slices.Contains(c.Gained, "osint") {
		t.Errorf("gained %v", c.Gained)
	}
	if c := compare(t, "1.1.0", "1.3.0", "authentication", []string{"osint"}, "message"); !slices.Contains(c.Gained, "osint") && !slices.Contains(c.Needs, "osint") {
		t.Errorf("gained %v, needs %v", c.Gained, c.Needs)
	}
}

func TestPaths(t *testing.T) {
	s := &lake.Schema{Columns: []*lake.Node{
		{Name: "time", Kind: lake.Int64},
		{Name: "hashes", Kind: lake.List, Children: []*lake.Node{{Name: "element", Kind: lake.Group, Children: []*lake.Node{{Name: "value", Kind: lake.String}}}}},
		{Name: "tags", Kind: lake.List, Children: []*lake.Node{{Name: "element", Kind: lake.String}}},
		{Name: "cloud", Kind: lake.Group, Children: []*lake.Node{{Name: "region", Kind: lake.String}}},
	}}
	if diff := cmp.Diff([]string{"cloud", "cloud.region", "hashes", "hashes.value", "tags", "time"}, move.Paths(s)); diff != "" {
		t.Error(diff)
	}
}
