package glue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/silt-etl/silt/internal/catalog"
)

// AddPartitions adds partitions, or repairs existing ones that lack columns of the table. A partition that was
// added by a request whose answer was lost counts as an existing one.
func (c *Catalog) AddPartitions(ctx context.Context, table string, ps []catalog.Partition) (int, error) {
	const op = "add partitions"
	fail := func(err error) error { return c.fail(op, table, err) }
	ps, err := catalog.CheckPartitions(ps)
	if err != nil {
		return 0, fail(err)
	}
	t, err := c.get(ctx, table)
	if err != nil {
		return 0, fail(c.missing(ctx, err))
	}
	if err := checkKind(t); err != nil {
		return 0, fail(err)
	}
	if t, err = c.finishGrowth(ctx, t); err != nil {
		return 0, fail(err)
	}
	var (
		added, there [][]string
		first        error
	)
	for batch := range slices.Chunk(ps, catalog.MaxCreateBatch) {
		isNew, isThere, err := batches{c, aws.ToString(t.Name)}.create(ctx, t, batch)
		added, there = append(added, isNew...), append(there, isThere...)
		if err != nil && first == nil {
			first = fail(err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := c.repair(ctx, t, added, there); err != nil && first == nil {
		first = fail(err)
	}
	return len(added), first
}

// repair compares partitions with their table after they were added: those that had been there at once, the new ones only
// when the table has grown since it was read.
func (c *Catalog) repair(ctx context.Context, t types.Table, added, there [][]string) error {
	if len(added)+len(there) == 0 {
		return nil
	}
	check := there
	return c.again(ctx, func() (bool, error) {
		if err := c.inheritThese(ctx, t, check); err != nil {
			return true, err
		}
		now, err := c.get(ctx, aws.ToString(t.Name))
		if err != nil {
			return true, err
		}
		same := catalog.SameColumns(plain(columnsOf(now.StorageDescriptor)), plain(columnsOf(t.StorageDescriptor)))
		t, check = now, slices.Concat(added, there)
		return same, nil
	})
}

// create creates at most 100 partitions and tries those again whose errors may pass.
func (r batches) create(ctx context.Context, t types.Table, batch []catalog.Partition) (added, there [][]string, err error) {
	inputs := make([]types.PartitionInput, len(batch))
	for i, p := range batch {
		inputs[i] = inherited(t, p)
	}
	var final error // of an item that will not pass
	err = r.again(ctx, func() (bool, error) {
		out, err := r.client.BatchCreatePartition(ctx, &api.BatchCreatePartitionInput{
			CatalogId: r.catalogID(), DatabaseName: aws.String(r.cfg.Database), TableName: aws.String(r.table), PartitionInputList: inputs,
		})
		if err != nil {
			return !crossed(err), wrap("BatchCreatePartition", err)
		}
		failed := make(map[string]*types.ErrorDetail, len(out.Errors))
		for _, e := range out.Errors {
			failed[valuesKey(e.PartitionValues)] = e.ErrorDetail
		}
		var retry []types.PartitionInput
		var last error
		for _, in := range inputs {
			detail, bad := failed[valuesKey(in.Values)]
			switch {
			case !bad:
				added = append(added, in.Values)
			case itemCode(detail) == alreadyExists:
				there = append(there, in.Values)
			case passing(itemCode(detail)):
				retry, last = append(retry, in), itemError("BatchCreatePartition", in.Values, detail)
			case final == nil:
				final = itemError("BatchCreatePartition", in.Values, detail)
			}
		}
		inputs = retry
		return len(retry) == 0, last
	})
	if final != nil {
		err = final
	}
	return added, there, err
}

// inherited is a new partition: its table's columns, formats and SerDe, another place.
func inherited(t types.Table, p catalog.Partition) types.PartitionInput {
	sd := *t.StorageDescriptor
	sd.Location = aws.String(p.Location)
	sd.AdditionalLocations = nil
	sd.Parameters = catalog.WithoutStatistics(sd.Parameters)
	return types.PartitionInput{Values: p.Values[:], StorageDescriptor: &sd, Parameters: catalog.WithoutStatistics(t.Parameters)}
}

// inherit gives every partition of the table its columns. Only those that lack some are written.
func (c *Catalog) inherit(ctx context.Context, t types.Table) error {
	var old []types.Partition
	err := batches{c, aws.ToString(t.Name)}.pages(ctx, false, func(page []types.Partition) error {
		old = append(old, outdated(t, page)...)
		for len(old) >= catalog.MaxCreateBatch {
			if err := c.updateBatch(ctx, t, old[:catalog.MaxCreateBatch]); err != nil {
				return err
			}
			old = slices.Clone(old[catalog.MaxCreateBatch:]) // let go of the page
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return c.updateBatch(ctx, t, old)
}

// inheritThese is inherit for the partitions of these values.
func (c *Catalog) inheritThese(ctx context.Context, t types.Table, values [][]string) error {
	for batch := range slices.Chunk(values, catalog.MaxCreateBatch) {
		keys := make([]types.PartitionValueList, len(batch))
		for i, v := range batch {
			keys[i] = types.PartitionValueList{Values: v}
		}
		got, err := batches{c, aws.ToString(t.Name)}.get(ctx, keys)
		if err != nil {
			return err
		}
		if old := outdated(t, got); len(old) > 0 {
			if err := c.updateBatch(ctx, t, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// batches sends the requests about several partitions of a table, and those again whose errors may pass.
type batches struct {
	*Catalog
	table string
}

// get reads at most 1,000 partitions. Those that do not exist are left out.
func (r batches) get(ctx context.Context, keys []types.PartitionValueList) (got []types.Partition, err error) {
	err = r.again(ctx, func() (bool, error) {
		out, err := r.client.BatchGetPartition(ctx, &api.BatchGetPartitionInput{
			CatalogId: r.catalogID(), DatabaseName: aws.String(r.cfg.Database), TableName: aws.String(r.table), PartitionsToGet: keys,
		})
		if err != nil {
			return !crossed(err), wrap("BatchGetPartition", err)
		}
		got, keys = append(got, out.Partitions...), out.UnprocessedKeys
		if len(keys) > 0 {
			return false, fmt.Errorf("BatchGetPartition left %d partitions out", len(keys))
		}
		return true, nil
	})
	return got, err
}

func outdated(t types.Table, ps []types.Partition) []types.Partition {
	want := plain(t.StorageDescriptor.Columns)
	var old []types.Partition
	for _, p := range ps {
		if p.StorageDescriptor != nil && !catalog.SameColumns(plain(p.StorageDescriptor.Columns), want) {
			old = append(old, p)
		}
	}
	return old
}

// updateBatch writes at most 100 partitions with the table's columns, everything else as it is. A partition that is gone
// meanwhile needs nothing.
func (c *Catalog) updateBatch(ctx context.Context, t types.Table, ps []types.Partition) error {
	entries := make([]types.BatchUpdatePartitionRequestEntry, len(ps))
	for i, p := range ps {
		sd := *p.StorageDescriptor
		sd.Columns = t.StorageDescriptor.Columns
		p.StorageDescriptor = &sd
		in := partitionInput(p)
		entries[i] = types.BatchUpdatePartitionRequestEntry{PartitionValueList: p.Values, PartitionInput: &in}
	}
	return batches{c, aws.ToString(t.Name)}.update(ctx, entries)
}

// update writes at most 100 partitions. One that is gone meanwhile needs nothing.
func (r batches) update(ctx context.Context, entries []types.BatchUpdatePartitionRequestEntry) error {
	var final error
	err := r.again(ctx, func() (bool, error) {
		out, err := r.client.BatchUpdatePartition(ctx, &api.BatchUpdatePartitionInput{
			CatalogId: r.catalogID(), DatabaseName: aws.String(r.cfg.Database), TableName: aws.String(r.table), Entries: entries,
		})
		if err != nil {
			return !crossed(err), wrap("BatchUpdatePartition", err)
		}
		failed := make(map[string]*types.ErrorDetail, len(out.Errors))
		for _, e := range out.Errors {
			failed[valuesKey(e.PartitionValueList)] = e.ErrorDetail
		}
		var retry []types.BatchUpdatePartitionRequestEntry
		var last error
		for _, e := range entries {
			detail, bad := failed[valuesKey(e.PartitionValueList)]
			switch {
			case !bad, itemCode(detail) == notFound:
			case passing(itemCode(detail)):
				retry, last = append(retry, e), itemError("BatchUpdatePartition", e.PartitionValueList, detail)
			case final == nil:
				final = itemError("BatchUpdatePartition", e.PartitionValueList, detail)
			}
		}
		entries = retry
		return len(retry) == 0, last
	})
	if final != nil {
		return final
	}
	return err
}

// Partitions calls fn for each partition, without asking for columns.
func (c *Catalog) Partitions(ctx context.Context, table string, fn func(catalog.Partition) error) error {
	return c.each(ctx, table, true, func(p types.Partition) error {
		if len(p.Values) != len(catalog.PartitionKeys()) {
			return c.fail("list partitions", table, fmt.Errorf("%w: partition %v does not have %d values",
				catalog.ErrForeign, p.Values, len(catalog.PartitionKeys())))
		}
		out := catalog.Partition{Values: [3]string(p.Values)}
		if p.StorageDescriptor != nil {
			out.Location = aws.ToString(p.StorageDescriptor.Location)
		}
		return fn(out)
	})
}

// InspectPartitions calls fn for each partition with its columns.
func (c *Catalog) InspectPartitions(ctx context.Context, table string, fn func(catalog.GluePartition) error) error {
	return c.each(ctx, table, false, func(p types.Partition) error { return fn(showPartition(p)) })
}

func (c *Catalog) each(ctx context.Context, table string, bare bool, fn func(types.Partition) error) error {
	var stopped error
	err := batches{c, table}.pages(ctx, bare, func(page []types.Partition) error {
		for _, p := range page {
			if stopped = fn(p); stopped != nil {
				return stopped
			}
		}
		return nil
	})
	if err == nil || stopped != nil {
		return stopped
	}
	if code(err) == notFound {
		err = c.missing(ctx, fmt.Errorf("%w: %w", catalog.ErrNoTable, err))
	}
	return c.fail("list partitions", table, err)
}

// pages reads the partitions a page at a time. bare leaves out the columns, which are most of an answer's bytes.
func (r batches) pages(ctx context.Context, bare bool, fn func([]types.Partition) error) error {
	pages := api.NewGetPartitionsPaginator(r.client, &api.GetPartitionsInput{
		CatalogId: r.catalogID(), DatabaseName: aws.String(r.cfg.Database), TableName: aws.String(r.table), ExcludeColumnSchema: aws.Bool(bare),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return wrap("GetPartitions", err)
		}
		if err := fn(page.Partitions); err != nil {
			return err
		}
	}
	return nil
}

func valuesKey(values []string) string { return fmt.Sprintf("%q", values) }

func itemCode(detail *types.ErrorDetail) string {
	if detail == nil {
		return ""
	}
	return aws.ToString(detail.ErrorCode)
}

// itemError is the error of one partition. A refusal of one is a refusal.
func itemError(request string, values []string, detail *types.ErrorDetail) error {
	text := "no reason given"
	if detail != nil {
		text = aws.ToString(detail.ErrorCode) + ": " + aws.ToString(detail.ErrorMessage)
	}
	name := fmt.Sprint(values)
	if len(values) == len(catalog.PartitionKeys()) {
		name = catalog.PartitionName([3]string(values))
	}
	a := &answered{request: request, cause: fmt.Errorf("partition %s: %w", name, errors.New(text))}
	if accessDenied(itemCode(detail)) {
		a.sentinel = catalog.ErrDenied
	}
	return a
}
