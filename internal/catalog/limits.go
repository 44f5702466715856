package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// The limits of the Glue Data Catalog (docs.aws.amazon.com/glue/latest/webapi/API_Column.html, ..._BatchCreatePartition.html
// and their neighbours). Lengths are in bytes.
const (
	MaxTypeBytes       = 131072
	MaxColumnNameBytes = 255
	MaxTableNameBytes  = 128 // what a crawler makes; the API itself takes 255
	MaxValueBytes      = 1024
	MaxLocationBytes   = 2056
	MaxCreateBatch     = 100  // partitions in BatchCreatePartition and BatchUpdatePartition
	MaxGetBatch        = 1000 // partitions in BatchGetPartition
	MaxPage            = 1000 // partitions in an answer of GetPartitions
)

// PartitionKeys are the names of every table's partition keys, all of type string, in the order of Partition.Values.
func PartitionKeys() []string { return []string{"region", "accountid", "eventday"} }

// CheckName checks a table's or database's name: lower case, as Glue stores it.
func CheckName(kind, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: the %s has no name", ErrInvalid, kind)
	case len(name) > MaxTableNameBytes:
		return fmt.Errorf("%w: the %s name %q has %d bytes, at most %d are allowed; choose a shorter source name",
			ErrLimit, kind, clip(name), len(name), MaxTableNameBytes)
	}
	for _, c := range []byte(name) {
		if c != '_' && c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return fmt.Errorf("%w: the %s name %q contains %q; use lower-case letters, digits, _ and -", ErrInvalid, kind, clip(name), string(c))
		}
	}
	return nil
}

// CheckTable checks a wanted table before anything is called: name, location, columns against the partition keys. Its types
// are checked by Merge, its limits by CheckColumns.
func CheckTable(t Table) error {
	if err := CheckName("table", t.Name); err != nil {
		return err
	}
	if err := checkLocation(t.Location); err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	if len(t.Columns) == 0 {
		return fmt.Errorf("%w: table %s has no columns", ErrInvalid, t.Name)
	}
	for _, c := range t.Columns {
		if slices.Contains(PartitionKeys(), strings.ToLower(c.Name)) {
			return fmt.Errorf("%w: column %q of table %s has the name of a partition key; rename it in the mapping",
				ErrInvalid, c.Name, t.Name)
		}
	}
	return nil
}

// CheckColumns checks the columns a table is about to have against the limits.
func CheckColumns(columns []Column) error {
	for _, c := range columns {
		if len(c.Name) > MaxColumnNameBytes {
			return fmt.Errorf("%w: the column name %q has %d bytes, at most %d are allowed; shorten it in the mapping",
				ErrLimit, clip(c.Name), len(c.Name), MaxColumnNameBytes)
		}
		if len(c.Type) > MaxTypeBytes {
			return fmt.Errorf("%w: the type of column %q has %d bytes, at most %d are allowed; map fewer fields below it",
				ErrLimit, c.Name, len(c.Type), MaxTypeBytes)
		}
	}
	return nil
}

// CheckPartitions checks partitions before they are added and leaves out duplicates. Duplicates with different
// locations is an error: one of them would be lost.
func CheckPartitions(ps []Partition) ([]Partition, error) {
	seen := make(map[[3]string]string, len(ps))
	out := make([]Partition, 0, len(ps))
	for _, p := range ps {
		for i, v := range p.Values {
			if v == "" || len(v) > MaxValueBytes || strings.ContainsAny(v, "/\x00") || v == "." || v == ".." {
				return nil, fmt.Errorf("%w: partition %s: %q is not a value for %s", ErrInvalid, PartitionName(p.Values), clip(v), PartitionKeys()[i])
			}
		}
		if err := checkLocation(p.Location); err != nil {
			return nil, fmt.Errorf("partition %s: %w", PartitionName(p.Values), err)
		}
		before, twice := seen[p.Values]
		if twice && before != p.Location {
			return nil, fmt.Errorf("%w: partition %s has two locations, %s and %s", ErrInvalid, PartitionName(p.Values), before, p.Location)
		}
		if !twice {
			seen[p.Values] = p.Location
			out = append(out, p)
		}
	}
	return out, nil
}

// PartitionName is how messages name a partition: `us-east-1/111122223333/20260102`.
func PartitionName(values [3]string) string { return strings.Join(values[:], "/") }

func checkLocation(s string) error {
	if !strings.HasSuffix(s, "/") {
		return fmt.Errorf("%w: the location %q must be a folder and end in a slash", ErrInvalid, clip(s))
	}
	if len(s) > MaxLocationBytes {
		return fmt.Errorf("%w: the location %q has %d bytes, at most %d are allowed", ErrLimit, clip(s), len(s), MaxLocationBytes)
	}
	return nil
}
