package catalogtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
)

// editTable isolates a crawler's change of a table: it is written, an edit that changes nothing or fails writes nothing, and edits at
// the same time are not lost.
func editTable(t *testing.T, c inspected, opts Options) {
	ensure(t, c, table("a", "int", "b", "int"))
	before, err := c.InspectTable(t.Context(), tableName)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.EditTable(t.Context(), tableName, func(x *catalog.GlueTable) error {
		x.Parameters["compressionType"] = "zstd"
		x.StorageDescriptor.Parameters["own"] = "1"
		x.StorageDescriptor.Columns[0].Type = "bigint"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	after, err := c.InspectTable(t.Context(), tableName)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]catalog.GlueTable{"answered": got, "read": after} {
		if x.Parameters["compressionType"] != "zstd" || x.StorageDescriptor.Parameters["own"] != "1" || x.StorageDescriptor.Columns[0].Type != "bigint" {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if before.Parameters["compressionType"] != "none" {
		t.Error("the edit changed the table that was read before")
	}
	broken := errors.New("broken")
	for name, edit := range map[string]func(*catalog.GlueTable) error{
		"nothing": func(*catalog.GlueTable) error { return nil },
		"failing": func(x *catalog.GlueTable) error { x.Parameters["compressionType"] = "no"; return broken },
	} {
		if _, err := c.EditTable(t.Context(), tableName, edit); (name == "failing") != errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		now, err := c.InspectTable(t.Context(), tableName)
		if err != nil || now.VersionId != after.VersionId || now.Parameters["compressionType"] != "zstd" {
			t.Errorf("%s: version %s, was %s; %v; %v", name, now.VersionId, after.VersionId, now.Parameters, err)
		}
	}
	if _, err := c.EditTable(t.Context(), "other", func(*catalog.GlueTable) error { return nil }); !errors.Is(err, catalog.ErrNoTable) {
		t.Errorf("a table that does not exist: %v", err)
	}
	if opts.SerialGrowth {
		return
	}
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			if _, err := c.EditTable(t.Context(), tableName, func(x *catalog.GlueTable) error { x.Parameters[fmt.Sprint("key", i)] = "1"; return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	now, err := c.InspectTable(t.Context(), tableName)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if now.Parameters[fmt.Sprint("key", i)] != "1" {
			t.Errorf("the edit of key%d was lost", i)
		}
	}
}

// editPartitions isolates changes of partitions, more than a batch of them and some that do not exist.
func editPartitions(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int"))
	add(t, c, days(230), 230)
	var values [][3]string
	for _, p := range days(240) {
		values = append(values, p.Values)
	}
	odd := func(p *catalog.GluePartition) {
		if p.Values[2][7]%2 == 1 {
			p.Parameters["odd"] = "1"
			p.StorageDescriptor.Columns = append(p.StorageDescriptor.Columns, catalog.GlueColumn{Name: "z", Type: "string"})
		}
	}
	n, err := c.EditPartitions(t.Context(), tableName, values, odd)
	want := 0
	err2 := c.InspectPartitions(t.Context(), tableName, func(p catalog.GluePartition) error {
		isOdd := p.Values[2][7]%2 == 1
		if isOdd {
			want++
		}
		if (p.Parameters["odd"] == "1") != isOdd || (len(p.StorageDescriptor.Columns) == 2) != isOdd {
			t.Errorf("%v: %v %v", p.Values, p.Parameters, p.StorageDescriptor.Columns)
		}
		return nil
	})
	if err != nil || err2 != nil || n != want || want == 0 {
		t.Errorf("%d changed, want %d; %v; %v", n, want, err, err2)
	}
	if n, err := c.EditPartitions(t.Context(), tableName, values, func(*catalog.GluePartition) {}); err != nil || n != 0 {
		t.Errorf("an edit that changes nothing: %d, %v", n, err)
	}
	if _, err := c.EditPartitions(t.Context(), "other", values[:1], odd); !errors.Is(err, catalog.ErrNoTable) {
		t.Errorf("a table that does not exist: %v", err)
	}
}

// deletePartitions isolates deletes: those that are named, and no others. One that does not exist is not an error.
func deletePartitions(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int"))
	add(t, c, days(130), 130)
	var values [][3]string
	for _, p := range days(200)[70:] {
		values = append(values, p.Values)
	}
	if n, err := c.DeletePartitions(t.Context(), tableName, values); err != nil || n != 60 {
		t.Errorf("%d deleted, want 60; %v", n, err)
	}
	left := list(t, c)
	for _, p := range days(70) {
		if left[p.Values] == "" {
			t.Errorf("%v was deleted", p.Values)
		}
	}
	if len(left) != 70 {
		t.Errorf("%d partitions are left, want 70", len(left))
	}
}
