package query

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
)

// withView adds a view to the lake of the other tests: the times of each day.
func withView(t *testing.T, o Options, prunedBy ...string) Options {
	t.Helper()
	o.Views = []string{"times"}
	o.View = func(_ context.Context, name string) (View, error) {
		if name != "times" {
			return View{}, fmt.Errorf("asked for %s", name)
		}
		return View{SQL: `WITH a AS (SELECT eventday, region, "time" FROM "main"."` + table + `") SELECT region, eventday, max("time") AS latest FROM a GROUP BY region, eventday`,
			Tables: []string{table}, PrunedBy: prunedBy}, nil
	}
	return o
}

// A condition above a view chooses the partitions below it, for the keys that the view allows and for no others.
func TestViewKeepsPruning(t *testing.T) {
	for _, c := range []struct {
		where    string
		prunedBy []string
		fetched  int
	}{
		{"WHERE eventday = '20260102'", []string{"region", "eventday"}, 1},
		{"v WHERE v.eventday = '20260102' AND latest > 0", []string{"region", "eventday"}, 1},
		{"WHERE eventday = '20260102'", []string{"region"}, 3},
		{"WHERE eventday = '20260102'", nil, 3},
		{"WHERE (eventday = '20260102' OR region = '') AND latest = 3", []string{"eventday"}, 3},
		{"WHERE latest = 3", []string{"region", "eventday"}, 3},
	} {
		o, store, _ := s3Lake(t)
		gets := 0
		store.SetHooks(func(op, _ string) error {
			if op == "get" {
				gets++
			}
			return nil
		}, nil)
		if got, err := ask(t, "SELECT latest FROM times "+c.where, withView(t, o, c.prunedBy...)); err != nil || got != "latest\n3\n" {
			t.Errorf("%s: %q, %v", c.where, got, err)
		}
		if gets != c.fetched {
			t.Errorf("%s, pruned by %v: %d files were fetched, want %d", c.where, c.prunedBy, gets, c.fetched)
		}
	}
}

// The catalog's entry of a view is not read: it has no files. A table of the name is.
func TestViewAndTableOfOneName(t *testing.T) {
	o, _, _ := s3Lake(t)
	o = withView(t, o, "eventday")
	o.Catalog = entryOfView{o.Catalog, ""}
	if got, err := ask(t, "SELECT count(*) AS n FROM times", o); err != nil || got != "n\n3\n" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := ask(t, "SHOW TABLES", o); err != nil || strings.Count(got, "times\n") != 1 {
		t.Errorf("%q, %v", got, err)
	}
	o.Catalog = entryOfView{o.Catalog.(entryOfView).Catalog, "s3://bucket/ext/times/"}
	if got, err := ask(t, "SELECT count(*) AS n FROM times", o); err != nil || got != "n\n0\n" {
		t.Errorf("a table of the name: %q, %v", got, err)
	}
}

// entryOfView is a catalog with one more table, times.
type entryOfView struct {
	catalog.Catalog
	location string
}

func (c entryOfView) Tables(ctx context.Context) ([]string, error) {
	names, err := c.Catalog.Tables(ctx)
	return append(names, "times"), err
}

func (c entryOfView) Table(ctx context.Context, name string) (catalog.Table, error) {
	if name == "times" {
		return catalog.Table{Name: name, Location: c.location, Columns: []catalog.Column{{Name: "latest", Type: "bigint"}}}, nil
	}
	return c.Catalog.Table(ctx, name)
}

func (c entryOfView) Partitions(ctx context.Context, name string, fn func(catalog.Partition) error) error {
	if name == "times" {
		return nil
	}
	return c.Catalog.Partitions(ctx, name, fn)
}
