// Package local is a catalog in a folder, for a lake in a folder: one JSON file a table and one a partition, in the shape in
// which `aws glue get-table` and `aws glue get-partition` print theirs, so that a person can read them and a lake can move
// to Glue without surprises.
//
//	<dir>/<database>/<table>/table.json
//	<dir>/<database>/<table>/partitions/<region>/<accountid>/<eventday>.json
//
// Every file is replaced atomically (a temporary file, then a rename), so that readers never need the lock. Writers of one table
// take turns by an flock on <table>/.lock, across processes too; the kernel drops it when a process dies. What a crash can
// leave behind is a temporary file, which is never read, or a grown table whose partitions lack the new columns, which PendingParameter
// marks and the next writer finishes.
package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/catalog"
)

// Catalog is one database in a folder. It holds no state of its own: any number of them may work on one folder.
type Catalog struct {
	dir      string // of the database
	database string
}

var (
	_ catalog.Catalog = (*Catalog)(nil)
	_ catalog.Editor  = (*Catalog)(nil)
)

const (
	tableFile      = "table.json"
	partitionsDir  = "partitions"
	partitionExt   = ".json"
	lockFile       = ".lock"
	temporaryStart = ".tmp-"

	// writesAtOnce lets the file system sync many small files together; one after the other they take more than twice as long.
	writesAtOnce = 16
)

// Kind describes the catalog in a folder to the registry of catalogs. The folder is catalog/ in the lake, or in the state if the
// lake is not a folder.
func Kind() catalog.Kind {
	return catalog.Kind{Type: "local",
		Open: func(_ context.Context, cfg catalog.Config) (catalog.Catalog, error) {
			parent := cfg.Lake
			if !parent.IsFolder() {
				parent = cfg.State
			}
			if !parent.IsFolder() {
				return nil, catalog.Fail("open", "local catalog", "", fmt.Errorf("%w: it needs a folder, and neither the lake nor the state is one", catalog.ErrUnusable),
					"set state to a folder, or catalog.type to glue")
			}
			c, err := Open(parent.Join("catalog").Path(), cfg.Database)
			if err != nil {
				return nil, err
			}
			return c, nil
		}}
}

// Open names the catalog of a database below dir. It reads and creates nothing; the first table creates the folders.
func Open(dir, database string) (*Catalog, error) {
	if dir == "" {
		return nil, catalog.Fail("open", "local catalog", "", fmt.Errorf("%w: no folder is given", catalog.ErrInvalid), "")
	}
	if err := catalog.CheckName("database", database); err != nil {
		return nil, catalog.Fail("open", dir, "", err, "")
	}
	return &Catalog{dir: filepath.Join(dir, database), database: database}, nil
}

// String is the database's folder.
func (c *Catalog) String() string { return c.dir }

// Table reads a table.
func (c *Catalog) Table(_ context.Context, name string) (catalog.Table, error) {
	t, err := c.read(name)
	if err != nil {
		return catalog.Table{}, c.fail("read table", name, err)
	}
	return t.Table(), nil
}

// Tables lists the folders that hold a table. A folder that does not exist has none.
func (c *Catalog) Tables(_ context.Context) ([]string, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, c.fail("list tables", "", err)
	}
	names := []string{}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join(c.dir, e.Name(), tableFile)); err == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// EnsureTable creates or grows a table under its lock.
func (c *Catalog) EnsureTable(ctx context.Context, want catalog.Table) (catalog.Table, error) {
	const op = "ensure table"
	if err := catalog.CheckTable(want); err != nil {
		return catalog.Table{}, c.fail(op, want.Name, err)
	}
	unlock, err := c.lock(ctx, want.Name)
	if err != nil {
		return catalog.Table{}, c.fail(op, want.Name, err)
	}
	defer unlock()
	now := time.Now().UTC().Truncate(time.Millisecond)
	t, err := c.read(want.Name)
	create := errors.Is(err, catalog.ErrNoTable)
	if err != nil && !create {
		return catalog.Table{}, c.fail(op, want.Name, err)
	}
	if !create {
		if err := catalog.CheckKind(t); err != nil {
			return catalog.Table{}, c.fail(op, want.Name, err)
		}
	}
	had := t.StorageDescriptor.Columns
	merged, grew, err := catalog.Merge(catalog.Plain(had), want.Columns)
	if err == nil {
		err = catalog.CheckColumns(merged)
	}
	if err != nil {
		return catalog.Table{}, c.fail(op, want.Name, err)
	}
	if create {
		want.Columns = merged
		t = catalog.NewGlueTable(c.database, want)
		t.CreateTime, t.UpdateTime, t.VersionId = now, now, "0"
		if err := c.write(t); err != nil {
			return catalog.Table{}, c.fail(op, want.Name, err)
		}
		return t.Table(), nil
	}
	if grew {
		if t.Parameters == nil {
			t.Parameters = map[string]string{}
		}
		t.StorageDescriptor.Columns = catalog.Grown(had, merged)
		t.Parameters[catalog.PendingParameter] = rand.Text()
		t.UpdateTime, t.VersionId = now, nextVersion(t.VersionId)
		if err := c.write(t); err != nil {
			return catalog.Table{}, c.fail(op, want.Name, err)
		}
	}
	if err := c.finishGrowth(ctx, t); err != nil {
		return catalog.Table{}, c.fail(op, want.Name, err)
	}
	return t.Table(), nil
}

// finishGrowth gives every partition the columns of a table that is marked as grown, then takes the mark off.
func (c *Catalog) finishGrowth(ctx context.Context, t catalog.GlueTable) error {
	if _, marked := t.Parameters[catalog.PendingParameter]; !marked {
		return nil
	}
	var written folders
	var group errgroup.Group
	group.SetLimit(writesAtOnce)
	err := c.walk(ctx, t.Name, func(p catalog.GluePartition) error {
		group.Go(func() error { return c.inherit(t, p, &written) })
		return nil
	})
	if failed := group.Wait(); err == nil {
		err = failed
	}
	if err == nil {
		err = written.sync()
	}
	if err != nil {
		return fmt.Errorf("add columns to the partitions: %w", err)
	}
	delete(t.Parameters, catalog.PendingParameter)
	return c.write(t)
}

// inherit rewrites a partition whose columns are not its table's.
func (c *Catalog) inherit(t catalog.GlueTable, p catalog.GluePartition, written *folders) error {
	if catalog.SameColumns(catalog.Plain(p.StorageDescriptor.Columns), catalog.Plain(t.StorageDescriptor.Columns)) {
		return nil
	}
	p.StorageDescriptor.Columns = t.StorageDescriptor.Columns
	path := c.partitionPath(t.Name, [3]string(p.Values))
	written.add(filepath.Dir(path))
	return replace(path, p)
}

// AddPartitions writes the partitions that do not exist yet, and gives the others the table's columns if they lack them.
func (c *Catalog) AddPartitions(ctx context.Context, table string, ps []catalog.Partition) (int, error) {
	const op = "add partitions"
	ps, err := catalog.CheckPartitions(ps)
	if err != nil {
		return 0, c.fail(op, table, err)
	}
	if _, err := c.read(table); err != nil { // before the lock, which would make the table's folder
		return 0, c.fail(op, table, err)
	}
	unlock, err := c.lock(ctx, table)
	if err != nil {
		return 0, c.fail(op, table, err)
	}
	defer unlock()
	t, err := c.read(table)
	if err == nil {
		err = catalog.CheckKind(t)
	}
	if err != nil {
		return 0, c.fail(op, table, err)
	}
	if err := c.finishGrowth(ctx, t); err != nil {
		return 0, c.fail(op, table, err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	var (
		written folders
		group   errgroup.Group
		isNew   = make([]bool, len(ps))
		failed  = make([]error, len(ps))
	)
	group.SetLimit(writesAtOnce)
	for i, p := range ps {
		group.Go(func() error {
			if failed[i] = ctx.Err(); failed[i] == nil {
				isNew[i], failed[i] = c.addPartition(t, p, now, &written)
			}
			return nil // each partition has an error of its own
		})
	}
	err = group.Wait()
	added := 0
	for i, p := range ps {
		if isNew[i] {
			added++
		}
		if failed[i] != nil && err == nil {
			err = c.fail(op, table+"/"+catalog.PartitionName(p.Values), failed[i])
		}
	}
	if synced := written.sync(); synced != nil && err == nil {
		err = c.fail(op, table, synced)
	}
	return added, err
}

func (c *Catalog) addPartition(t catalog.GlueTable, p catalog.Partition, now time.Time, written *folders) (bool, error) {
	path := c.partitionPath(t.Name, p.Values)
	have, err := readPartition(path)
	switch {
	case err == nil:
		return false, c.inherit(t, have, written)
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	made := catalog.NewGluePartition(t, p)
	made.CreationTime = now
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return false, err
	}
	// The folders above may be new, too.
	written.add(folder, filepath.Dir(folder), filepath.Dir(filepath.Dir(folder)), filepath.Join(c.dir, t.Name))
	err = replace(path, made)
	return err == nil, err
}

// Partitions calls fn for each partition, in order of its values.
func (c *Catalog) Partitions(ctx context.Context, table string, fn func(catalog.Partition) error) error {
	return c.InspectPartitions(ctx, table, func(p catalog.GluePartition) error {
		return fn(catalog.Partition{Values: [3]string(p.Values), Location: p.StorageDescriptor.Location})
	})
}

// InspectTable returns a complete table.
func (c *Catalog) InspectTable(_ context.Context, name string) (catalog.GlueTable, error) {
	t, err := c.read(name)
	if err != nil {
		return t, c.fail("read table", name, err)
	}
	return t, nil
}

// InspectPartitions calls fn for each partition, in order of its values.
func (c *Catalog) InspectPartitions(ctx context.Context, table string, fn func(catalog.GluePartition) error) error {
	const op = "list partitions"
	if _, err := c.read(table); err != nil {
		return c.fail(op, table, err)
	}
	var stopped error
	err := c.walk(ctx, table, func(p catalog.GluePartition) error {
		stopped = fn(p)
		return stopped
	})
	if err != nil && stopped == nil {
		return c.fail(op, table, err)
	}
	return stopped
}

// walk reads the partition files one by one; memory does not grow with their number.
func (c *Catalog) walk(ctx context.Context, table string, fn func(catalog.GluePartition) error) error {
	root := filepath.Join(c.dir, table, partitionsDir)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), temporaryStart) || filepath.Ext(path) != partitionExt {
			return err
		}
		p, err := readPartition(path)
		if err != nil {
			return err
		}
		return fn(p)
	})
	if _, missing := os.Stat(root); errors.Is(missing, fs.ErrNotExist) {
		return nil // no partition was ever added
	}
	return err
}

func (c *Catalog) read(table string) (catalog.GlueTable, error) {
	var t catalog.GlueTable
	if err := catalog.CheckName("table", table); err != nil {
		return t, err
	}
	path := filepath.Join(c.dir, table, tableFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, catalog.ErrNoTable
	}
	if err == nil {
		err = parse(path, text, &t)
	}
	return t, err
}

func (c *Catalog) write(t catalog.GlueTable) error {
	folder := filepath.Join(c.dir, t.Name)
	if err := replace(filepath.Join(folder, tableFile), t); err != nil {
		return err
	}
	var written folders
	written.add(folder, c.dir, filepath.Dir(c.dir))
	return written.sync()
}

// partitionPath escapes the values, so that no value can leave the table's folder or be hidden.
func (c *Catalog) partitionPath(table string, values [3]string) string {
	for i, v := range values {
		v = url.PathEscape(v)
		if strings.HasPrefix(v, ".") {
			v = "%2E" + v[1:]
		}
		values[i] = v
	}
	return filepath.Join(c.dir, table, partitionsDir, values[0], values[1], values[2]+partitionExt)
}

func readPartition(path string) (catalog.GluePartition, error) {
	var p catalog.GluePartition
	text, err := os.ReadFile(path)
	if err == nil {
		err = parse(path, text, &p)
	}
	if err == nil && len(p.Values) != len(catalog.PartitionKeys()) {
		err = fmt.Errorf("%s: %w: a partition has %d values, not %d; delete the file, and the next run that writes there adds the partition again",
			path, catalog.ErrInvalid, len(p.Values), len(catalog.PartitionKeys()))
	}
	return p, err
}

func parse(path string, text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s is not a table or partition in JSON: %w; restore the file from a backup", path, err)
	}
	return nil
}

// nextVersion counts a table's changes, as Glue does.
func nextVersion(v string) string {
	n, err := strconv.Atoi(v)
	if err != nil {
		return "1"
	}
	return strconv.Itoa(n + 1)
}

func (c *Catalog) fail(op, object string, err error) error {
	try := ""
	switch {
	case errors.Is(err, catalog.ErrNoTable):
		try = "run the job: its first batch creates the table"
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: %w", catalog.ErrDenied, err)
		try = "let this user read and write the folder"
	}
	return catalog.Fail(op, c.dir, object, err, try)
}
