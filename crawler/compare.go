package crawler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
)

// Compare reads the catalog, then the lake, and then the ledger once more, so that a partition that a run adds meanwhile is not taken
// for one whose folder is gone.
func Compare(ctx context.Context, p Places, o Options) (*Difference, error) {
	st, err := p.Fold(ctx)
	if err != nil {
		return nil, err
	}
	out := &Difference{Job: p.Job, Tables: []TableDifference{}}
	for _, t := range p.Tables {
		c := &comparing{places: p, options: o, table: t, state: st, now: map[string]catalog.GluePartition{}, out: TableDifference{Table: t.Name, Location: p.Location(t.Folder),
			Changes: []Change{}, Findings: []Finding{}, folder: t.Folder}}
		if err := c.run(ctx); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		out.Tables = append(out.Tables, c.out)
	}
	return out, nil
}

// comparing is one comparison of a table with its folder.
type comparing struct {
	places  Places
	options Options
	table   Table
	state   *ledger.State

	have   *catalog.GlueTable               // nil: the catalog does not have the table
	now    map[string]catalog.GluePartition // by region/account/day; with their columns only if they differ from the table's
	seen   *seen
	wanted []catalog.Column // those of the files, oldest first
	out    TableDifference
}

func (c *comparing) run(ctx context.Context) error {
	if err := c.readCatalog(ctx); err != nil {
		return err
	}
	if c.have != nil {
		if err := catalog.CheckKind(*c.have); err != nil {
			c.find(Finding{Code: ForeignTable, Severity: Refused, Detail: err.Error()})
			return nil
		}
	}
	var err error
	if c.seen, err = scan(ctx, c.places, c.options, c.table, c.state); err != nil {
		return err
	}
	if err := c.otherWriters(ctx); err != nil {
		return err
	}
	c.count()
	conflicts := c.fileColumns()
	if c.have == nil {
		c.create()
	} else {
		c.compareTable(conflicts)
	}
	c.compareMapping()
	c.comparePartitions()
	c.reportFiles()
	return c.otherTables(ctx)
}

func (c *comparing) find(f Finding) { c.out.Findings = append(c.out.Findings, f) }

func (c *comparing) findSamples(code Code, severity Severity, s samples, try, format string, args ...any) {
	if s.N > 0 {
		c.find(Finding{Code: code, Severity: severity, Count: s.N, Examples: s.Keys, Detail: fmt.Sprintf(format, args...), Try: try})
	}
}

func (c *comparing) change(x Change) { c.out.Changes = append(c.out.Changes, x) }

func (c *comparing) readCatalog(ctx context.Context) error {
	t, err := c.places.Catalog.InspectTable(ctx, c.table.Name)
	if errors.Is(err, catalog.ErrNoTable) {
		return nil
	}
	if err != nil {
		return err
	}
	c.have = &t
	return c.places.Catalog.InspectPartitions(ctx, c.table.Name, func(p catalog.GluePartition) error {
		if len(p.Values) == len(catalog.PartitionKeys()) {
			c.now[catalog.PartitionName([3]string(p.Values))] = c.compact(p)
		}
		c.out.Partitions++
		return nil
	})
}

// compact keeps of a partition what is compared, and shares what is the same in all of them.
func (c *comparing) compact(p catalog.GluePartition) catalog.GluePartition {
	table, sd := c.have.StorageDescriptor, p.StorageDescriptor
	if catalog.SameColumns(catalog.Plain(sd.Columns), catalog.Plain(table.Columns)) {
		sd.Columns = table.Columns
	}
	if sd.InputFormat == table.InputFormat {
		sd.InputFormat = table.InputFormat
	}
	if sd.SerdeInfo.SerializationLibrary == table.SerdeInfo.SerializationLibrary {
		sd.SerdeInfo = table.SerdeInfo
	}
	parameters := make(map[string]string, 2)
	for _, x := range conventions() {
		if v, ok := p.Parameters[x[0]]; ok {
			parameters[x[0]] = v
		}
	}
	if v, ok := p.Parameters[DeprecatedParameter]; ok {
		parameters[DeprecatedParameter] = v
	}
	return catalog.GluePartition{Parameters: parameters, StorageDescriptor: catalog.StorageDescriptor{Columns: sd.Columns, Location: sd.Location, InputFormat: sd.InputFormat, SerdeInfo: sd.SerdeInfo}}
}

// otherWriters leaves out what a run has published since the crawl began.
func (c *comparing) otherWriters(ctx context.Context) error {
	if len(c.seen.ByBatch) == 0 {
		return nil
	}
	st, err := c.places.Fold(ctx)
	if err != nil {
		return err
	}
	for _, b := range slices.Sorted(maps.Keys(c.seen.ByBatch)) {
		if _, known := st.Batch(b); !known {
			c.seen.Others.merge(*c.seen.ByBatch[b])
		}
	}
	return nil
}

func (c *comparing) count() {
	for _, f := range c.seen.Folders {
		if f.Live > 0 {
			c.out.Folders++
			c.out.Files += f.Live
			c.out.SizeBytes += f.Size
		}
	}
	c.out.Rows = c.seen.Rows
}

// fileColumns merges the columns of all files, in the order in which runs have grown the table. It returns the columns on which files
// disagree with each other.
func (c *comparing) fileColumns() map[string]bool {
	conflicts := map[string]bool{}
	for _, s := range c.seen.inOrder() {
		for _, col := range s.Columns {
			_, err := catalog.ParseType(col.Type)
			merged := c.wanted
			if err == nil {
				merged, _, err = catalog.Merge(c.wanted, []catalog.Column{col})
			}
			if err == nil {
				c.wanted = merged
				continue
			}
			if s.Live.N == 0 { // of files that the ledger has removed
				continue
			}
			conflicts[col.Name] = true
			c.find(Finding{Code: BadData, Severity: Refused, Count: s.Live.N, Examples: s.Live.Keys, Error: HiveBadData,
				Detail: fmt.Sprintf("files have column %s with a type that other files and the table do not have: %s", col.Name, reason(err)),
				Try:    "reprocess these files with etl backfill --replace, or write the new type under another name"})
		}
	}
	return conflicts
}

// reason is an error without what to try, which the finding says itself.
func reason(err error) string {
	var t *catalog.TypeError
	if errors.As(err, &t) {
		return fmt.Sprintf("%s is %s in older files and %s in these", t.Path, t.Have, t.Want)
	}
	return err.Error()
}

func (c *comparing) create() {
	if len(c.wanted) == 0 {
		return
	}
	c.out.columns = c.wanted
	c.change(Change{Kind: CreateTable, Detail: []string{human.Plural(int64(len(c.wanted)), "column")}})
}

// compareTable compares the table's columns with those of the files, and its settings with those that readers need.
func (c *comparing) compareTable(conflicts map[string]bool) {
	have := catalog.Plain(c.have.StorageDescriptor.Columns)
	var clear []catalog.Column // on which all files agree
	for _, col := range c.wanted {
		if !conflicts[col.Name] {
			clear = append(clear, col)
		}
	}
	columns, retyped := catalog.Retyped(have, clear)
	settings := settingsOf(c.have.StorageDescriptor, c.have.Parameters)
	if len(retyped)+len(settings) > 0 {
		x := Change{Kind: RepairTable, Detail: slices.Concat(retyped, settings), columns: len(retyped) > 0, settings: len(settings) > 0}
		if len(retyped) > 0 {
			x.Error = HiveBadData
		}
		c.change(x)
	}
	merged, grew, err := catalog.Merge(columns, clear)
	switch {
	case err != nil: // a column that the catalog cannot hold
		c.find(Finding{Code: TypeConflict, Severity: Refused, Detail: err.Error()})
	case grew:
		c.change(Change{Kind: GrowTable, Detail: catalog.Appended(columns, merged)})
		columns = merged
	}
	if _, pending := c.have.Parameters[catalog.PendingParameter]; pending && !grew {
		c.change(Change{Kind: FinishGrowth, Detail: []string{"a run has grown the table, and was stopped before all partitions had the new columns"}})
	}
	c.out.columns = columns
	if want := c.out.Location; strings.TrimSuffix(c.have.StorageDescriptor.Location, "/") != strings.TrimSuffix(want, "/") {
		c.find(Finding{Code: WrongLocation, Severity: Warning, Detail: fmt.Sprintf("the table's location is %s, and the job writes to %s; each partition has a location of its own, so readers see both", c.have.StorageDescriptor.Location, want),
			Try: "check lake.source_name and catalog.table, in case another job owns the table"})
	}
}

// compareMapping says what the next run adds, and what it would refuse.
func (c *comparing) compareMapping() {
	if c.table.Mapped == nil {
		return
	}
	merged, grew, err := catalog.Merge(c.out.columns, c.table.Mapped)
	if err == nil {
		err = catalog.CheckColumns(merged)
	}
	if err != nil {
		c.find(Finding{Code: TypeConflict, Severity: Refused, Detail: "the next run fails: " + err.Error()})
		return
	}
	if grew && c.out.columns != nil {
		c.out.NextRun = &Growth{Columns: catalog.Appended(c.out.columns, merged), Partitions: c.out.Partitions}
	}
}

// comparePartitions compares the partitions of the catalog with the folders of the lake.
func (c *comparing) comparePartitions() {
	var gone []Change
	var notDone, dead samples
	for _, name := range slices.Sorted(maps.Keys(c.seen.Folders)) {
		f := c.seen.Folders[name]
		if f.Pending > 0 {
			notDone.add(f.Folder)
		}
		if f.Dead > 0 {
			dead.N += f.Dead - 1
			dead.add(f.Folder)
		}
		if _, there := c.now[name]; !there && f.Live > 0 {
			c.change(Change{Kind: AddPartition, Partition: name, Detail: []string{human.Plural(f.Live, "file") + ", " + human.Size(f.Size)},
				partition: c.partition(name, f.Folder)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.now)) {
		p := c.now[name]
		f := c.seen.Folders[name]
		at := c.partition(name, path.Clean(c.table.Folder)+"/"+partitionPrefix(name))
		if strings.TrimSuffix(p.StorageDescriptor.Location, "/") != strings.TrimSuffix(at.Location, "/") {
			c.find(Finding{Code: WrongLocation, Severity: Warning, Detail: fmt.Sprintf("partition %s has the location %s, not %s", name, p.StorageDescriptor.Location, at.Location),
				Try: "delete the partition from the catalog if another program added it, then run etl crawl"})
			continue
		}
		_, deprecated := p.Parameters[DeprecatedParameter]
		switch {
		case f == nil && c.isPending(name): // a run is about to publish there
		case f == nil:
			if !deprecated || c.options.Gone == GoneDelete {
				gone = append(gone, Change{Partition: name, Detail: []string{"its folder has no files"}, partition: at})
			}
			continue
		case deprecated:
			c.change(Change{Kind: RestorePartition, Partition: name, Detail: []string{"its folder has files again"}, partition: at})
		}
		c.comparePartition(name, p, at)
	}
	c.gone(gone)
	c.findSamples(NotDone, Note, notDone, "etl run finishes them", "%s with files of entries that are not done; they are left to the next run", human.Plural(notDone.N, "partition"))
	c.findSamples(DeadFiles, Note, dead, "etl run with lake.delete_role_arn, or etl doctor --fix, deletes them", "%s that the ledger has removed and that the lake still shows", human.Plural(dead.N, "file"))
}

// isPending says whether an entry that is not done adds a file to a partition.
func (c *comparing) isPending(name string) bool {
	prefix := c.table.Folder + partitionPrefix(name)
	for _, r := range c.state.NotDone() {
		if slices.ContainsFunc(r.Adds, func(key string) bool { return strings.HasPrefix(key, prefix) }) {
			return true
		}
	}
	return false
}

func partitionPrefix(name string) string {
	v := strings.SplitN(name, "/", 3)
	return lake.Partition{Region: v[0], AccountID: v[1], EventDay: v[2]}.Prefix()
}

func (c *comparing) partition(name, folder string) catalog.Partition {
	return catalog.Partition{Values: [3]string(strings.SplitN(name, "/", 3)), Location: c.places.Location(folder)}
}

// comparePartition compares an existing partition with its table, as it is after the changes.
func (c *comparing) comparePartition(name string, p catalog.GluePartition, at catalog.Partition) {
	have := catalog.Plain(p.StorageDescriptor.Columns)
	x := Change{Kind: UpdatePartition, Partition: name, partition: at}
	if !catalog.SameColumns(have, c.out.columns) {
		x.columns, x.Error = true, PartitionMismatch
		x.Detail = columnsDiffer(have, c.out.columns)
	}
	table := *c.have
	if settings := partitionSettings(p, table); len(settings) > 0 {
		x.settings, x.Detail = true, append(x.Detail, settings...)
	}
	if x.columns || x.settings {
		c.change(x)
	}
}

// columnsDiffer says how the columns of a partition differ from those of its table.
func columnsDiffer(have, table []catalog.Column) (out []string) {
	if _, retyped := catalog.Retyped(have, table); len(retyped) > 0 {
		return retyped
	}
	merged, grew, err := catalog.Merge(have, table)
	switch {
	case err != nil:
		return []string{err.Error()}
	case !grew && len(have) > len(table):
		return []string{fmt.Sprintf("has %s that the table does not have", human.Plural(int64(len(have)-len(table)), "column"))}
	case !grew:
		return []string{"has its columns or fields in another order"}
	}
	lacks := catalog.Appended(have, merged)
	const most = 3
	if len(lacks) > most {
		return append(lacks[:most:most], fmt.Sprintf("and %d more", len(lacks)-most))
	}
	for i := range lacks {
		lacks[i] = "lacks " + lacks[i]
	}
	return lacks
}

// gone decides about partitions without files.
func (c *comparing) gone(all []Change) {
	if len(all) == 0 {
		return
	}
	var s samples
	for _, x := range all {
		s.add(x.Partition)
	}
	kind := map[Policy]Kind{GoneDelete: DeletePartition, GoneDeprecate: DeprecatePartition}[c.options.Gone]
	switch {
	case kind == "":
		c.findSamples(Gone, Warning, s, "etl crawl --gone delete, or --gone deprecate", "%s whose folder has no files", human.Plural(s.N, "partition"))
	case float64(len(all)) > MaxDeleteRatio*float64(c.out.Partitions) && !c.options.Yes:
		c.findSamples(TooManyGone, Refused, s, "check lake.location and the permission to list it; if the files are gone, etl crawl --gone "+string(c.options.Gone)+" --yes",
			"%s of %s have no files, which is more than %.0f %% of the table, so none was changed", human.Count(s.N), human.Plural(int64(c.out.Partitions), "partition"), 100*MaxDeleteRatio)
	default:
		for _, x := range all {
			x.Kind = kind
			c.change(x)
		}
	}
}

// smallFiles is when a partition has too many files: so many, of less than so many bytes on average.
const (
	smallFiles     = 24
	smallFileBytes = 1 << 20
)

// reportFiles says what is wrong with the files themselves.
func (c *comparing) reportFiles() {
	s := c.seen
	c.findSamples(Unreadable, Refused, s.Unreadable, "etl doctor --deep compares files with the ledger", "%s whose footer cannot be read", human.Plural(s.Unreadable.N, "file"))
	c.findSamples(WrongPartition, Refused, s.Wrong, "move or delete the files, which another program wrote; etl doctor --deep finds files of the job that were changed",
		"%s with rows of another day or account than their folder", human.Plural(s.Wrong.N, "file"))
	c.findSamples(OtherWriters, Note, s.Others, "etl adopt, if the ledger of the job was lost; etl crawl --other-writers, to add the partitions of these files too",
		"%s that the ledger of the job does not know; they were not read", human.Plural(s.Others.N, "file"))
	c.findSamples(StrayFiles, Note, s.Stray, "", "%s outside of region=/accountId=/eventDay= folders, or not named .parquet; readers do not see all of them", human.Plural(s.Stray.N, "object"))
	c.findSamples(Unsorted, Warning, s.Unsorted, "sort records by time before they are written: readers skip row groups by time", "%s whose row groups are not in order of time", human.Plural(s.Unsorted.N, "file"))
	var small samples
	for _, f := range s.Folders {
		if f.Live > smallFiles && f.Size/f.Live < smallFileBytes {
			small.add(f.Folder)
		}
	}
	c.findSamples(SmallFiles, Warning, small, "run the job less often, or raise limits.batch_bytes", "%s with more than %d files of less than %s on average", human.Plural(small.N, "partition"), smallFiles, human.Size(smallFileBytes))
	if c.out.Rows == 0 || c.options.Newest {
		return
	}
	var null samples
	for _, col := range c.wanted {
		if filled, read := s.Filled[col.Name]; read && !filled {
			null.add(col.Name)
		}
	}
	c.findSamples(AlwaysNull, Note, null, "", "%s NULL in every row", human.Plural(null.N, "column"))
}

// otherTables finds tables of other names in the folder of this one, such as a crawler makes that does not know where tables begin.
func (c *comparing) otherTables(ctx context.Context) error {
	names, err := c.places.Catalog.Tables(ctx)
	if errors.Is(err, catalog.ErrNoDatabase) || errors.Is(err, catalog.ErrDenied) {
		return nil
	}
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, t := range c.places.Tables {
		own[t.Name] = true
	}
	var found samples
	for _, name := range names {
		if own[name] {
			continue
		}
		t, err := c.places.Catalog.Table(ctx, name)
		if errors.Is(err, catalog.ErrNoTable) || errors.Is(err, catalog.ErrDenied) {
			continue
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(strings.TrimSuffix(t.Location, "/")+"/", strings.TrimSuffix(c.out.Location, "/")+"/") {
			found.add(name)
		}
	}
	c.findSamples(OtherTable, Warning, found, "set the table level of the crawler that made them, then delete them with aws glue delete-table",
		"%s in the folder of this one: a crawler takes partitions or files for tables", human.Plural(found.N, "other table"))
	return nil
}
