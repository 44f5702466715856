package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Inspector is implemented by catalogs that can return complete entries, to compare or print them. Both
// of ours do.
type Inspector interface {
	// InspectTable returns a table with all that people and crawlers added, or ErrNoTable.
	InspectTable(ctx context.Context, name string) (GlueTable, error)
	// InspectPartitions calls fn for each partition with its columns, paging; Partitions is the cheaper way where columns do
	// not matter. It stops at the first error of fn and returns it as it is.
	InspectPartitions(ctx context.Context, table string, fn func(GluePartition) error) error
}

// CheckKind refuses an existing table that cannot have partitions of this lake (ErrForeign).
func CheckKind(t GlueTable) error {
	keys := make([]string, len(t.PartitionKeys))
	for i, k := range t.PartitionKeys {
		keys[i] = strings.ToLower(k.Name)
	}
	switch {
	case strings.EqualFold(t.Parameters["table_type"], "ICEBERG"):
		return fmt.Errorf("%w: it is an Iceberg table, which has no partitions in the catalog; name another table", ErrForeign)
	case t.TableType == "VIRTUAL_VIEW":
		return fmt.Errorf("%w: it is a view; name another table", ErrForeign)
	case !slices.Equal(keys, PartitionKeys()):
		return fmt.Errorf("%w: its partition keys are (%s), not (%s); name another table, or delete it and let a run create it again",
			ErrForeign, strings.Join(keys, ", "), strings.Join(PartitionKeys(), ", "))
	}
	return nil
}
