package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
)

// EditTable changes a table under its lock.
func (c *Catalog) EditTable(ctx context.Context, name string, edit func(*catalog.GlueTable) error) (catalog.GlueTable, error) {
	var now catalog.GlueTable
	err := c.locked(ctx, name, func(t catalog.GlueTable) error {
		next, changed, err := t.Edited(edit)
		if now = t; err != nil || !changed {
			return err
		}
		if err := catalog.CheckColumns(catalog.Plain(next.StorageDescriptor.Columns)); err != nil {
			return err
		}
		next.UpdateTime, next.VersionId = time.Now().UTC().Truncate(time.Millisecond), nextVersion(t.VersionId)
		now = next
		return c.write(next)
	})
	if err != nil {
		return now, c.fail("change table", name, err)
	}
	return now, nil
}

// EditPartitions changes partitions under the lock of their table.
func (c *Catalog) EditPartitions(ctx context.Context, table string, values [][3]string, edit func(*catalog.GluePartition)) (changed int, err error) {
	var written folders
	err = c.locked(ctx, table, func(catalog.GlueTable) error {
		var first error
		for _, v := range values {
			if err := ctx.Err(); err != nil {
				return err
			}
			path := c.partitionPath(table, v)
			p, err := readPartition(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				next, differs := p.Edited(edit)
				if !differs {
					continue
				}
				err = replace(path, next)
			}
			if err != nil {
				first = errors.Join(first, err)
				continue
			}
			written.add(filepath.Dir(path))
			changed++
		}
		return errors.Join(first, written.sync())
	})
	if err != nil {
		return changed, c.fail("change partitions", table, err)
	}
	return changed, nil
}

// DeletePartitions removes partitions under the lock of their table.
func (c *Catalog) DeletePartitions(ctx context.Context, table string, values [][3]string) (deleted int, err error) {
	var written folders
	err = c.locked(ctx, table, func(catalog.GlueTable) error {
		for _, v := range values {
			if err := ctx.Err(); err != nil {
				return err
			}
			path := c.partitionPath(table, v)
			err := os.Remove(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			written.add(filepath.Dir(path))
			deleted++
		}
		return written.sync()
	})
	if err != nil {
		return deleted, c.fail("delete partitions", table, err)
	}
	return deleted, nil
}

// locked calls fn with a table of the lake, which no other writer changes meanwhile.
func (c *Catalog) locked(ctx context.Context, name string, fn func(catalog.GlueTable) error) error {
	if _, err := c.read(name); err != nil { // before the lock, which would make the table's folder
		return err
	}
	unlock, err := c.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	t, err := c.read(name)
	if err == nil {
		err = catalog.CheckKind(t)
	}
	if err != nil {
		return err
	}
	return fn(t)
}
