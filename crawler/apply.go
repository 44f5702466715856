package crawler

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/objstore"
)

// Applied counts what Apply has changed.
type Applied struct {
	Tables     int `json:"tables"`     // created, grown or repaired
	Added      int `json:"added"`      // partitions
	Updated    int `json:"updated"`    // partitions
	Deleted    int `json:"deleted"`    // partitions
	Deprecated int `json:"deprecated"` // partitions
	Restored   int `json:"restored"`   // partitions
}

// Apply makes the changes. Every change looks at the catalog again, so that it can be repeated, and loses nothing of what runs and
// crawlers change at the same time. now is the time of deprecations.
func Apply(ctx context.Context, p Places, d *Difference, now time.Time) (Applied, error) {
	var out Applied
	for i := range d.Tables {
		if err := applyTable(ctx, p, &d.Tables[i], now, &out); err != nil {
			return out, err
		}
		if err := forget(ctx, p, d.Tables[i].Table); err != nil {
			return out, err
		}
	}
	return out, nil
}

// sorted are the changes of a table by what is done with them.
type sorted struct {
	create, grow, repair, finish         bool
	add                                  []catalog.Partition
	update, remove, deprecate, bringBack [][3]string
}

func sortChanges(t *TableDifference) (s sorted) {
	for _, c := range t.Changes {
		v := c.partition.Values
		switch c.Kind {
		case CreateTable:
			s.create = true
		case GrowTable:
			s.grow = true
		case RepairTable:
			s.repair = true
		case FinishGrowth:
			s.finish = true
		case AddPartition:
			s.add = append(s.add, c.partition)
		case UpdatePartition:
			s.update = append(s.update, v)
		case DeletePartition:
			s.remove = append(s.remove, v)
		case DeprecatePartition:
			s.deprecate = append(s.deprecate, v)
		case RestorePartition:
			s.bringBack = append(s.bringBack, v)
		}
	}
	return s
}

func applyTable(ctx context.Context, p Places, t *TableDifference, now time.Time, out *Applied) error {
	s := sortChanges(t)
	if s.repair {
		_, err := p.Catalog.EditTable(ctx, t.Table, func(g *catalog.GlueTable) error {
			columns, _ := catalog.Retyped(catalog.Plain(g.StorageDescriptor.Columns), t.columns)
			g.StorageDescriptor.Columns = catalog.Grown(g.StorageDescriptor.Columns, columns)
			repairSettings(&g.StorageDescriptor, &g.Parameters)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if s.create || s.grow {
		if _, err := p.Catalog.EnsureTable(ctx, catalog.Table{Name: t.Table, Location: t.Location, Columns: t.columns}); err != nil {
			return err
		}
	}
	if s.create || s.grow || s.repair {
		out.Tables++
	}
	if len(s.add) > 0 || s.finish {
		n, err := p.Catalog.AddPartitions(ctx, t.Table, s.add)
		out.Added += n
		if err != nil {
			return err
		}
	}
	if err := updatePartitions(ctx, p, t.Table, s.update, out); err != nil {
		return err
	}
	if len(s.bringBack) > 0 {
		n, err := p.Catalog.EditPartitions(ctx, t.Table, s.bringBack, func(g *catalog.GluePartition) { delete(g.Parameters, DeprecatedParameter) })
		out.Restored += n
		if err != nil {
			return err
		}
	}
	if len(s.remove)+len(s.deprecate) == 0 {
		return nil
	}
	return applyGone(ctx, p, t, s, now, out)
}

// maxPasses over partitions whose table is changed at the same time.
const maxPasses = 10

// updatePartitions gives partitions the columns and settings of their table, until a pass began and ended with the same table.
func updatePartitions(ctx context.Context, p Places, table string, values [][3]string, out *Applied) error {
	if len(values) == 0 {
		return nil
	}
	t, err := p.Catalog.InspectTable(ctx, table)
	if err != nil {
		return err
	}
	for range maxPasses {
		n, err := p.Catalog.EditPartitions(ctx, table, values, func(g *catalog.GluePartition) { inherit(g, t) })
		out.Updated += n
		if err != nil {
			return err
		}
		after, err := p.Catalog.InspectTable(ctx, table)
		if err != nil {
			return err
		}
		if catalog.SameColumns(catalog.Plain(after.StorageDescriptor.Columns), catalog.Plain(t.StorageDescriptor.Columns)) {
			return nil
		}
		t = after
	}
	return catalog.Fail("change partitions", p.Catalog.String(), table, fmt.Errorf("%w: the table was changed %d times meanwhile", catalog.ErrBusy, maxPasses), "run the command again")
}

var errFound = errors.New("found")

// applyGone looks at each folder once more before its partition is deleted or deprecated.
func applyGone(ctx context.Context, p Places, t *TableDifference, s sorted, now time.Time, out *Applied) error {
	stillGone := func(all [][3]string) (gone [][3]string, err error) {
		for _, v := range all {
			prefix := t.folder + partitionPrefix(strings.Join(v[:], "/"))
			err := p.Lake.List(ctx, objstore.ListOptions{Prefix: prefix}, func(objstore.Object) error { return errFound })
			if err != nil && !errors.Is(err, errFound) {
				return nil, fmt.Errorf("list %s again before its partition is changed: %w", prefix, err)
			}
			if err == nil {
				gone = append(gone, v)
			}
		}
		return gone, nil
	}
	remove, err := stillGone(s.remove)
	if err != nil {
		return err
	}
	n, err := p.Catalog.DeletePartitions(ctx, t.Table, remove)
	out.Deleted += n
	if err != nil {
		return err
	}
	deprecate, err := stillGone(s.deprecate)
	if err != nil {
		return err
	}
	n, err = p.Catalog.EditPartitions(ctx, t.Table, deprecate, func(g *catalog.GluePartition) {
		if g.Parameters == nil {
			g.Parameters = map[string]string{}
		}
		g.Parameters[DeprecatedParameter] = strconv.FormatInt(now.UnixMilli(), 10)
	})
	out.Deprecated += n
	return err
}

// Call is a request to Glue that writes.
type Call struct {
	Operation string `json:"operation"`
	Table     string `json:"table"`
	Items     int    `json:"items,omitempty"` // partitions
}

func (c Call) String() string {
	if c.Items == 0 {
		return c.Operation + " " + c.Table
	}
	return fmt.Sprintf("%s %s (%d)", c.Operation, c.Table, c.Items)
}

// Calls lists the requests that Apply sends to Glue if nobody else changes the catalog meanwhile, without those that only read.
func (d *Difference) Calls() []Call {
	var out []Call
	for i := range d.Tables {
		t := &d.Tables[i]
		s := sortChanges(t)
		batches := func(operation string, n, most int) {
			for ; n > 0; n -= most {
				out = append(out, Call{operation, t.Table, min(n, most)})
			}
		}
		if s.create {
			out = append(out, Call{Operation: "CreateTable", Table: t.Table})
		}
		if s.repair {
			out = append(out, Call{Operation: "UpdateTable", Table: t.Table})
		}
		columns, settings := 0, 0
		for _, c := range t.Changes {
			if c.Kind == UpdatePartition && c.columns {
				columns++
			}
			if c.Kind == UpdatePartition && c.settings {
				settings++
			}
		}
		left := len(s.update)
		if s.grow || s.finish { // the table carries a mark while its partitions are updated
			if s.grow {
				out = append(out, Call{Operation: "UpdateTable", Table: t.Table})
			}
			batches("BatchUpdatePartition", columns, catalog.MaxCreateBatch)
			out = append(out, Call{Operation: "UpdateTable", Table: t.Table})
			left = settings
		}
		batches("BatchCreatePartition", len(s.add), catalog.MaxCreateBatch)
		batches("BatchUpdatePartition", left, catalog.MaxCreateBatch)
		batches("BatchUpdatePartition", len(s.bringBack), catalog.MaxCreateBatch)
		batches("BatchDeletePartition", len(s.remove), catalog.MaxDeleteBatch)
		batches("BatchUpdatePartition", len(s.deprecate), catalog.MaxCreateBatch)
	}
	return out
}
