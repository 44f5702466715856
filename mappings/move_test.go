package mappings_test

import (
	"context"
	"errors"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/ocsf/move"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// What a move says about tables is what the catalog does: it refuses to grow a table exactly where a column changes its type.
func TestMoveKnowsWhichTablesGrow(t *testing.T) {
	ctx := context.Background()
	refused, grown := 0, 0
	for _, name := range []string{"network-firewall", "aws-alb", "windows-sysmon", "guardduty"} {
		m, err := mappings.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		before := compiledAt(ctx, t, m)
		if before == nil {
			t.Fatalf("%s does not compile", name)
		}
		for _, version := range []string{"1.2.0", "1.3.0", "1.8.0"} {
			after := compiledAt(ctx, t, m.WithOCSF(version))
			if after == nil {
				t.Errorf("%s does not compile at %s", name, version)
				continue
			}
			if after.Version != version {
				t.Errorf("%s was compiled at %s, not %s", name, after.Version, version)
			}
			from, to := schema(t, before.Version), schema(t, version)
			for i, p := range before.Projections {
				c, err := move.Compare(from, to, p.Class, move.Paths(&p.Schema), []string{"cloud", "host", "security_control", "load_balancer"})
				if err != nil {
					t.Fatal(err)
				}
				_, _, err = catalog.Merge(columns(&p.Schema), columns(&after.Projections[i].Schema))
				if err != nil && !errors.Is(err, catalog.ErrType) {
					t.Fatal(err)
				}
				if (err != nil) != c.NewSource() {
					t.Errorf("%s %s at %s: the catalog says %v, the move %v", name, p.Class, version, err, c.Columns())
				}
				if err != nil {
					refused++
				} else {
					grown++
				}
			}
		}
	}
	if refused < 4 || grown < 10 {
		t.Errorf("%d tables were refused and %d grown: this shows too little", refused, grown)
	}
}

func compiledAt(ctx context.Context, t *testing.T, m *mappings.Mapping) *sqlgen.Compiled {
	t.Helper()
	compiled, list, err := m.Compile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if list.Failed() {
		t.Logf("%s: %v", m.Name, list.Errors())
	}
	return compiled
}

func schema(t *testing.T, version string) *ocsf.Schema {
	t.Helper()
	s, err := ocsf.Load(version)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func columns(s *lake.Schema) (all []catalog.Column) {
	for _, c := range lake.Columns(s) {
		all = append(all, catalog.Column{Name: c.Name, Type: c.Type})
	}
	return all
}
