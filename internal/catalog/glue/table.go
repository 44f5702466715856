package glue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/silt-etl/silt/internal/catalog"
)

// Table reads a table.
func (c *Catalog) Table(ctx context.Context, name string) (catalog.Table, error) {
	t, err := c.InspectTable(ctx, name)
	return t.Table(), err
}

// InspectTable returns a complete table.
func (c *Catalog) InspectTable(ctx context.Context, name string) (catalog.GlueTable, error) {
	t, err := c.get(ctx, name)
	if err != nil {
		return catalog.GlueTable{}, c.fail("read table", name, c.missing(ctx, err))
	}
	return show(t), nil
}

// Tables lists the names of all tables of the database, whoever created them.
func (c *Catalog) Tables(ctx context.Context) ([]string, error) {
	names := []string{}
	pages := api.NewGetTablesPaginator(c.client, &api.GetTablesInput{CatalogId: c.catalogID(), DatabaseName: aws.String(c.cfg.Database)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			err = wrap("GetTables", err)
			if code(err) == notFound {
				err = fmt.Errorf("%w: %w", catalog.ErrNoDatabase, err)
			}
			return nil, c.fail("list tables", "", err)
		}
		for _, t := range page.TableList {
			names = append(names, aws.ToString(t.Name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// EnsureTable creates or grows a table, and its partitions with it.
func (c *Catalog) EnsureTable(ctx context.Context, want catalog.Table) (catalog.Table, error) {
	const op = "ensure table"
	if err := catalog.CheckTable(want); err != nil {
		return catalog.Table{}, c.fail(op, want.Name, err)
	}
	var now types.Table
	err := c.again(ctx, func() (bool, error) {
		have, err := c.get(ctx, want.Name)
		switch {
		case errors.Is(err, catalog.ErrNoTable):
			now, err = c.create(ctx, want)
		case err == nil:
			now, err = c.grow(ctx, have, want.Columns)
		}
		return err == nil || errors.Is(err, catalog.ErrNoDatabase) || !lostRace(err), err
	})
	if err == nil {
		now, err = c.finishGrowth(ctx, now)
	}
	if err != nil {
		return catalog.Table{}, c.fail(op, want.Name, err)
	}
	return show(now).Table(), nil
}

func (c *Catalog) get(ctx context.Context, name string) (types.Table, error) {
	out, err := c.client.GetTable(ctx, &api.GetTableInput{
		CatalogId: c.catalogID(), DatabaseName: aws.String(c.cfg.Database), Name: aws.String(name),
	})
	if err != nil {
		err = wrap("GetTable", err)
		if code(err) == notFound {
			err = fmt.Errorf("%w: %w", catalog.ErrNoTable, err)
		}
		return types.Table{}, err
	}
	return *out.Table, nil
}

// missing distinguishes a missing database from a missing table: GetTable answers both with the same code, and its texts
// can change. A GetDatabase that is denied leaves the table missing.
func (c *Catalog) missing(ctx context.Context, err error) error {
	if !errors.Is(err, catalog.ErrNoTable) {
		return err
	}
	_, asked := c.client.GetDatabase(ctx, &api.GetDatabaseInput{CatalogId: c.catalogID(), Name: aws.String(c.cfg.Database)})
	if code(asked) == notFound {
		return fmt.Errorf("%w: %w", catalog.ErrNoDatabase, wrap("GetDatabase", asked))
	}
	return err
}

func (c *Catalog) create(ctx context.Context, want catalog.Table) (types.Table, error) {
	merged, _, err := catalog.Merge(nil, want.Columns)
	if err == nil {
		err = catalog.CheckColumns(merged)
	}
	if err != nil {
		return types.Table{}, err
	}
	want.Columns = merged
	in := newTableInput(catalog.NewGlueTable(c.cfg.Database, want))
	_, err = c.client.CreateTable(ctx, &api.CreateTableInput{
		CatalogId: c.catalogID(), DatabaseName: aws.String(c.cfg.Database), TableInput: in,
	})
	if err != nil {
		err = wrap("CreateTable", err)
		if code(err) == notFound {
			err = fmt.Errorf("%w: %w", catalog.ErrNoDatabase, err)
		}
		return types.Table{}, err
	}
	return types.Table{Name: in.Name, Parameters: in.Parameters, PartitionKeys: in.PartitionKeys, StorageDescriptor: in.StorageDescriptor}, nil
}

// checkKind refuses what is not a table of a lake. A resource link shows its target's columns, and updating it would change the
// link and not the target.
func checkKind(t types.Table) error {
	if t.TargetTable != nil {
		return fmt.Errorf("%w: it is a resource link to %s.%s; name the table itself, with the catalog_id of its account",
			catalog.ErrForeign, aws.ToString(t.TargetTable.DatabaseName), aws.ToString(t.TargetTable.Name))
	}
	if err := catalog.CheckKind(show(t)); err != nil {
		return err
	}
	if t.StorageDescriptor == nil {
		return fmt.Errorf("%w: it has no storage; name another table", catalog.ErrForeign)
	}
	return nil
}

// grow adds columns to a table as it was read. The mark comes with the same write.
func (c *Catalog) grow(ctx context.Context, have types.Table, columns []catalog.Column) (types.Table, error) {
	if err := checkKind(have); err != nil {
		return have, err
	}
	merged, changed, err := catalog.Merge(plain(have.StorageDescriptor.Columns), columns)
	if err == nil {
		err = catalog.CheckColumns(merged)
	}
	if err != nil || !changed {
		return have, err
	}
	next := have
	sd := *have.StorageDescriptor
	sd.Columns = grown(have.StorageDescriptor.Columns, merged)
	next.StorageDescriptor = &sd
	next.Parameters = maps.Clone(have.Parameters)
	if next.Parameters == nil {
		next.Parameters = map[string]string{}
	}
	next.Parameters[catalog.PendingParameter] = rand.Text()
	// The version before is archived: it is how an administrator goes back.
	return next, c.update(ctx, next, false)
}

// update replaces a table if it still is of the version that was read.
func (c *Catalog) update(ctx context.Context, t types.Table, skipArchive bool) error {
	_, err := c.client.UpdateTable(ctx, &api.UpdateTableInput{
		CatalogId: c.catalogID(), DatabaseName: aws.String(c.cfg.Database),
		TableInput: input(t), VersionId: t.VersionId, SkipArchive: aws.Bool(skipArchive),
	})
	return wrap("UpdateTable", err)
}

// finishGrowth gives all partitions of a marked table its columns and takes the mark off. Others may grow the table
// meanwhile, and their work on the partitions may cross ours: so it continues until one pass began and ended with the same
// columns and mark. Two passes that cross leave an old partition only if the slower one dies within its last request.
func (c *Catalog) finishGrowth(ctx context.Context, t types.Table) (types.Table, error) {
	mark, marked := t.Parameters[catalog.PendingParameter]
	if !marked {
		return t, nil
	}
	name := aws.ToString(t.Name)
	err := c.again(ctx, func() (bool, error) {
		if err := c.inherit(ctx, t); err != nil {
			return true, err
		}
		now, err := c.get(ctx, name)
		if err != nil {
			return true, err
		}
		same := catalog.SameColumns(plain(columnsOf(now.StorageDescriptor)), plain(columnsOf(t.StorageDescriptor)))
		nowMark, marked := now.Parameters[catalog.PendingParameter]
		t = now
		switch {
		case same && !marked: // another writer has removed it
			return true, nil
		case !same || nowMark != mark:
			mark = nowMark
			return false, nil
		}
		clean := now
		clean.Parameters = maps.Clone(now.Parameters)
		delete(clean.Parameters, catalog.PendingParameter)
		err = c.update(ctx, clean, true)
		return err == nil || !lostRace(err), err
	})
	if err != nil {
		return t, fmt.Errorf("the table has its new columns, but not all of its partitions have them: %w", err)
	}
	return t, nil
}
