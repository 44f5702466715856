package cast

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/ocsf"
)

// A constant becomes a value of the attribute's type, or the author reads why not.
func TestConstant(t *testing.T) {
	s, err := ocsf.Load(ocsf.DefaultVersion)
	if err != nil {
		t.Fatal(err)
	}
	class := s.Class("network_activity")
	for _, c := range []struct {
		path string
		v    any
		want any
		why  string
	}{
		{"app_name", "x", "x", ""},
		{"app_name", int64(3), "3", ""},
		{"app_name", nil, nil, ""},
		{"app_name", []string{"x"}, nil, "it takes one value, not a list"},
		{"severity_id", int64(1), int32(1), ""},
		{"severity_id", "2", int32(2), ""},
		{"severity_id", int64(77), nil, "77 is not a value of the enum (0 Unknown, 1 Informational, 2 Low, 3 Medium, 4 High, 5 Critical, 6 Fatal, 99 Other)"},
		{"severity_id", "high", nil, "high is not a whole number (integer_t)"},
		{"traffic.bytes", 5.0, int64(5), ""},
		{"traffic.bytes", 5.5, nil, "5.5 is not a whole number (long_t)"},
		{"src_endpoint.port", int64(70000), nil, "70000 is outside 0 to 65535"},
		{"time", "2024-01-01T00:00:00Z", int64(1704067200000), ""},
		{"time", "soon", nil, "'soon' is not a time (example: '2026-01-31T08:15:02Z', or epoch milliseconds)"},
		{"metadata.labels", []string{"x"}, []string{"x"}, ""},
		{"metadata.labels", "x", nil, "the attribute is an array (example: ['...'])"},
	} {
		res, err := s.Resolve(class, c.path)
		if err != nil {
			t.Fatal(err)
		}
		got, why := Constant(res.Leaf, c.v)
		if !cmp.Equal(got, c.want) || why != c.why {
			t.Errorf("%s = %v: %#v, %q; want %#v, %q", c.path, c.v, got, why, c.want, c.why)
		}
	}
}
