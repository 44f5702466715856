package glue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
)

func aView(text string) catalog.View {
	return catalog.View{Name: "talkers", Columns: []catalog.Column{{Name: "src_ip", Type: "string"}}, OriginalText: text, ExpandedText: "/* Presto View */"}
}

func openViews(t *testing.T, db string) *glue.Views {
	t.Helper()
	v, err := glue.OpenViews(t.Context(), glue.Config{Database: db, Pause: 2 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A view is created, left as it is, and updated by the version that was read, also if another writer is faster.
func TestPutView(t *testing.T) {
	f := start(t)
	c, v := open(t, database), openViews(t, database)
	put := func(text string, dryRun bool, want catalog.ViewChange) {
		t.Helper()
		if got, err := v.PutView(t.Context(), aView(text), dryRun); err != nil || got != want {
			t.Errorf("PutView %s: %s, %v, want %s", text, got, err, want)
		}
	}
	put("one", true, catalog.ViewCreated)
	if _, err := c.Table(t.Context(), "talkers"); !errors.Is(err, catalog.ErrNoTable) {
		t.Errorf("after a dry run: %v", err)
	}
	put("one", false, catalog.ViewCreated)
	put("one", false, catalog.ViewUnchanged)
	put("two", true, catalog.ViewUpdated)
	put("one", false, catalog.ViewUnchanged)
	f.OnCall(func(op string, n int) *gluefake.Fault {
		if op == "UpdateTable" && n == 1 {
			return &gluefake.Fault{Code: "ConcurrentModificationException", Message: "Update table failed due to concurrent modifications."}
		}
		return nil
	})
	put("two", false, catalog.ViewUpdated)
	if n := f.Calls()["UpdateTable"]; n != 2 {
		t.Errorf("UpdateTable was called %d times", n)
	}
	table, err := c.InspectTable(t.Context(), "talkers")
	if err != nil {
		t.Fatal(err)
	}
	// Trino reads a description as the parameter comment, and then the table is not a view for it.
	if table.TableType != "VIRTUAL_VIEW" || table.Description != "" || table.Parameters["presto_view"] != "true" || table.Parameters["comment"] != "Presto View" {
		t.Errorf("%+v", table)
	}
}

// What etl did not create stays: a table, and a view of somebody else.
func TestPutViewLeavesOthers(t *testing.T) {
	f := start(t)
	c, v := open(t, database), openViews(t, database)
	if _, err := c.EnsureTable(t.Context(), catalog.Table{Name: "talkers", Location: "s3://lake/ext/talkers/", Columns: aView("").Columns}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.PutView(t.Context(), aView("one"), false); !errors.Is(err, catalog.ErrForeign) || !strings.Contains(err.Error(), "it is not a view that etl created") {
		t.Errorf("over a table: %v", err)
	}
	do := func(op string, input map[string]any) {
		t.Helper()
		if _, err := f.Do(op, input); err != nil {
			t.Fatal(err)
		}
	}
	do("DeleteTable", map[string]any{"DatabaseName": database, "Name": "talkers"})
	do("CreateTable", map[string]any{"DatabaseName": database, "TableInput": map[string]any{"Name": "talkers", "TableType": "VIRTUAL_VIEW",
		"ViewOriginalText": "mine", "Parameters": map[string]any{"presto_view": "true", "comment": "Presto View"}}})
	if _, err := v.PutView(t.Context(), aView("one"), true); !errors.Is(err, catalog.ErrForeign) {
		t.Errorf("over a view of somebody else, dry run: %v", err)
	}
	if n := f.Calls()["UpdateTable"]; n != 0 {
		t.Errorf("UpdateTable was called %d times", n)
	}
	if _, err := openViews(t, "nowhere").PutView(t.Context(), aView("one"), false); !errors.Is(err, catalog.ErrNoDatabase) {
		t.Errorf("in no database: %v", err)
	}
}
