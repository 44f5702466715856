package glue

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/silt-etl/silt/internal/catalog"
)

// EditTable changes a table by the version that it has read.
func (c *Catalog) EditTable(ctx context.Context, name string, edit func(*catalog.GlueTable) error) (catalog.GlueTable, error) {
	const op = "change table"
	var now types.Table
	err := c.again(ctx, func() (bool, error) {
		t, err := c.get(ctx, name)
		if err == nil {
			err = checkKind(t)
		}
		if err != nil {
			return true, c.missing(ctx, err)
		}
		next, changed, err := show(t).Edited(edit)
		if now = t; err != nil || !changed {
			return true, err
		}
		if err := catalog.CheckColumns(catalog.Plain(next.StorageDescriptor.Columns)); err != nil {
			return true, err
		}
		sd := edited(*t.StorageDescriptor, next.StorageDescriptor)
		now.StorageDescriptor, now.Parameters = &sd, next.Parameters
		err = c.update(ctx, now, false)
		return err == nil || !lostRace(err), err
	})
	return show(now), c.fail(op, name, err)
}

// noTable adds ErrNoTable to an answer that says so.
func noTable(err error) error {
	if code(err) == notFound {
		return fmt.Errorf("%w: %w", catalog.ErrNoTable, err)
	}
	return err
}

// edited is what a request says of storage: what was edited, and the members that the shape leaves out as they were.
func edited(sd types.StorageDescriptor, next catalog.StorageDescriptor) types.StorageDescriptor {
	sd.Columns = sdkColumns(next.Columns)
	sd.Location = aws.String(next.Location)
	sd.InputFormat, sd.OutputFormat = aws.String(next.InputFormat), aws.String(next.OutputFormat)
	sd.Compressed = next.Compressed
	sd.Parameters = next.Parameters
	serde := types.SerDeInfo{}
	if sd.SerdeInfo != nil {
		serde = *sd.SerdeInfo
	}
	serde.SerializationLibrary, serde.Parameters = aws.String(next.SerdeInfo.SerializationLibrary), next.SerdeInfo.Parameters
	sd.SerdeInfo = &serde
	return sd
}

// EditPartitions changes partitions in batches of 100.
func (c *Catalog) EditPartitions(ctx context.Context, table string, values [][3]string, edit func(*catalog.GluePartition)) (int, error) {
	changed := 0
	var first error
	for batch := range slices.Chunk(values, catalog.MaxCreateBatch) {
		keys := make([]types.PartitionValueList, len(batch))
		for i, v := range batch {
			keys[i] = types.PartitionValueList{Values: v[:]}
		}
		got, err := batches{c, table}.get(ctx, keys)
		if err == nil {
			var entries []types.BatchUpdatePartitionRequestEntry
			for _, p := range got {
				next, differs := showPartition(p).Edited(edit)
				if !differs || p.StorageDescriptor == nil {
					continue
				}
				sd := edited(*p.StorageDescriptor, next.StorageDescriptor)
				p.StorageDescriptor, p.Parameters = &sd, next.Parameters
				in := partitionInput(p)
				entries = append(entries, types.BatchUpdatePartitionRequestEntry{PartitionValueList: p.Values, PartitionInput: &in})
			}
			if len(entries) > 0 {
				if err = (batches{c, table}).update(ctx, entries); err == nil {
					changed += len(entries)
				}
			}
		}
		if err != nil && first == nil {
			first = c.fail("change partitions", table, c.missing(ctx, noTable(err)))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return changed, first
}

// DeletePartitions removes partitions in batches of 25.
func (c *Catalog) DeletePartitions(ctx context.Context, table string, values [][3]string) (int, error) {
	deleted := 0
	var first error
	for batch := range slices.Chunk(values, catalog.MaxDeleteBatch) {
		n, err := batches{c, table}.delete(ctx, batch)
		deleted += n
		if err != nil && first == nil {
			first = c.fail("delete partitions", table, c.missing(ctx, noTable(err)))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return deleted, first
}

func (r batches) delete(ctx context.Context, batch [][3]string) (deleted int, err error) {
	keys := make([]types.PartitionValueList, len(batch))
	for i, v := range batch {
		keys[i] = types.PartitionValueList{Values: v[:]}
	}
	var final error
	err = r.again(ctx, func() (bool, error) {
		out, err := r.client.BatchDeletePartition(ctx, &api.BatchDeletePartitionInput{
			CatalogId: r.catalogID(), DatabaseName: aws.String(r.cfg.Database), TableName: aws.String(r.table), PartitionsToDelete: keys,
		})
		if err != nil {
			return !crossed(err), wrap("BatchDeletePartition", err)
		}
		failed := make(map[string]*types.ErrorDetail, len(out.Errors))
		for _, e := range out.Errors {
			failed[valuesKey(e.PartitionValues)] = e.ErrorDetail
		}
		var retry []types.PartitionValueList
		var last error
		for _, k := range keys {
			detail, bad := failed[valuesKey(k.Values)]
			switch {
			case !bad:
				deleted++
			case itemCode(detail) == notFound:
			case passing(itemCode(detail)):
				retry, last = append(retry, k), itemError("BatchDeletePartition", k.Values, detail)
			case final == nil:
				final = itemError("BatchDeletePartition", k.Values, detail)
			}
		}
		keys = retry
		return len(retry) == 0, last
	})
	if final != nil {
		err = final
	}
	return deleted, err
}
