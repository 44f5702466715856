package catalog

import (
	"context"
	"maps"
	"reflect"
	"slices"
)

// Editor is implemented by catalogs whose entries a crawler can repair and remove. Both of ours are. EnsureTable and AddPartitions are
// for everything that only grows.
type Editor interface {
	Inspector
	// EditTable calls edit with the table as it is, and writes what edit has changed in its parameters and in its storage, for the
	// version that was read: if another writer was faster, edit is called again with that writer's table. An error of edit changes
	// nothing and is returned. It returns the table as it is now.
	EditTable(ctx context.Context, name string, edit func(*GlueTable) error) (GlueTable, error)
	// EditPartitions does the same with partitions, which have no versions: of two writers the last one wins. A partition that
	// does not exist is left out. The first error is returned after all were tried.
	EditPartitions(ctx context.Context, table string, values [][3]string, edit func(*GluePartition)) (changed int, err error)
	// DeletePartitions removes partitions from the catalog, and no file. One that does not exist is not an error.
	DeletePartitions(ctx context.Context, table string, values [][3]string) (deleted int, err error)
}

// MaxDeleteBatch is the number of partitions in BatchDeletePartition.
const MaxDeleteBatch = 25

// Clone is a copy that can be edited.
func (t GlueTable) Clone() GlueTable {
	t.Parameters = maps.Clone(t.Parameters)
	t.PartitionKeys = slices.Clone(t.PartitionKeys)
	t.StorageDescriptor = t.StorageDescriptor.clone()
	return t
}

// Clone is a copy that can be edited.
func (p GluePartition) Clone() GluePartition {
	p.Values = slices.Clone(p.Values)
	p.Parameters = maps.Clone(p.Parameters)
	p.StorageDescriptor = p.StorageDescriptor.clone()
	return p
}

func (sd StorageDescriptor) clone() StorageDescriptor {
	sd.Columns = slices.Clone(sd.Columns)
	sd.BucketColumns = slices.Clone(sd.BucketColumns)
	sd.SortColumns = slices.Clone(sd.SortColumns)
	sd.Parameters = maps.Clone(sd.Parameters)
	sd.SerdeInfo.Parameters = maps.Clone(sd.SerdeInfo.Parameters)
	return sd
}

// Edited applies edit to a copy of a table, and says whether it changed anything.
func (t GlueTable) Edited(edit func(*GlueTable) error) (GlueTable, bool, error) {
	next := t.Clone()
	if err := edit(&next); err != nil {
		return t, false, err
	}
	return next, !reflect.DeepEqual(t, next), nil
}

// Edited applies edit to a copy of a partition, and says whether it changed anything.
func (p GluePartition) Edited(edit func(*GluePartition)) (GluePartition, bool) {
	next := p.Clone()
	edit(&next)
	return next, !reflect.DeepEqual(p, next)
}
