package crawler_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/crawler"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/objstore"
)

// firewall is a job that ran with three versions of its mapping.
func firewall(t *testing.T) *world {
	w := newWorld(t)
	w.publish(0, 0, 1, 2, 3)
	w.publish(1, 3, 4, 5)
	w.publish(2, 5, 6, 7, 8)
	return w
}

// TestLostCatalog: what a crawl creates from the files is what the runs had written, parameter by parameter.
func TestLostCatalog(t *testing.T) {
	w := firewall(t)
	want := w.entries()
	if d := w.compare(crawler.Options{}); d.Changes() != 0 {
		t.Errorf("after runs: %v", kinds(d))
	}
	w.do("DeleteTable", map[string]any{"Name": table})
	w.crawl(crawler.Options{})
	if diff := cmp.Diff(want, w.entries()); diff != "" {
		t.Errorf("-runs +crawl:\n%s", diff)
	}
}

// TestAnyHalf: a random half of the partitions is deleted, or has older columns or other settings, and sometimes the table lacks columns.
// After a crawl everything is as before, and a second one finds nothing.
func TestAnyHalf(t *testing.T) {
	w := firewall(t)
	want := w.entries()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var remove, change [][3]string
		for name := range want {
			if name == "" || r.IntN(2) == 0 {
				continue
			}
			v := [3]string(strings.Split(name, "/"))
			if r.IntN(2) == 0 {
				remove = append(remove, v)
			} else {
				change = append(change, v)
			}
		}
		if _, err := w.catalog.DeletePartitions(t.Context(), table, remove); err != nil {
			t.Fatal(err)
		}
		_, err := w.catalog.EditPartitions(t.Context(), table, change, func(p *catalog.GluePartition) {
			columns := p.StorageDescriptor.Columns
			switch r.IntN(5) {
			case 0:
				p.StorageDescriptor.Columns = columns[:1+r.IntN(len(columns)-1)]
			case 1:
				columns[2].Type = "struct<ip:string>"
			case 2:
				columns[2].Type = "struct<port:int,ip:string>"
			case 3:
				columns[0].Type = "string"
			case 4:
				delete(p.Parameters, "compressionType")
			}
		})
		if err == nil && r.IntN(4) == 0 {
			_, err = w.catalog.EditTable(t.Context(), table, func(g *catalog.GlueTable) error {
				g.StorageDescriptor.Columns = g.StorageDescriptor.Columns[:3+r.IntN(2)]
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		d := w.crawl(crawler.Options{})
		if diff := cmp.Diff(want, w.entries()); diff != "" {
			t.Fatalf("seed %d, after %v (-before +crawl):\n%s", seed, kinds(d), diff)
		}
		if d := w.compare(crawler.Options{}); d.Changes() != 0 {
			t.Fatalf("seed %d: a second crawl finds %v", seed, kinds(d))
		}
	}
}

// TestAWSCrawler: what AWS's crawler does to a table by its documentation is found, with the error of Athena, and repaired.
func TestAWSCrawler(t *testing.T) {
	edit := func(fn func(*catalog.GlueTable)) func(*world) {
		return func(w *world) {
			_, err := w.catalog.EditTable(w.t.Context(), table, func(g *catalog.GlueTable) error { fn(g); return nil })
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	editDay := func(n int, fn func(*catalog.GluePartition)) func(*world) {
		return func(w *world) {
			if n, err := w.catalog.EditPartitions(w.t.Context(), table, [][3]string{day(n).Values()}, fn); err != nil || n != 1 {
				w.t.Fatal(n, err)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*world)
		want   map[string]int
		error  string
		kept   bool // the table stays as the crawler left it
	}{
		"statistics of a crawl": {edit(func(g *catalog.GlueTable) {
			for k, v := range map[string]string{"recordCount": "12", "objectCount": "9", "sizeKey": "4096", "averageRecordSize": "88", "UPDATED_BY_CRAWLER": "nightly"} {
				g.Parameters[k], g.StorageDescriptor.Parameters[k] = v, v
			}
		}), map[string]int{}, "", true},
		"columns it did not see are removed from the table": {edit(func(g *catalog.GlueTable) { g.StorageDescriptor.Columns = g.StorageDescriptor.Columns[:3] }),
			map[string]int{"grow-table": 1}, "", false},
		"a type from values": {edit(func(g *catalog.GlueTable) { g.StorageDescriptor.Columns[1].Type = "string" }),
			map[string]int{"repair-table": 1}, crawler.HiveBadData, false},
		"a type of a field from values": {edit(func(g *catalog.GlueTable) { g.StorageDescriptor.Columns[2].Type = "struct<ip:string,port:bigint>" }),
			map[string]int{"repair-table": 1}, crawler.HiveBadData, false},
		"another compressionType":         {edit(func(g *catalog.GlueTable) { g.Parameters["compressionType"] = "zstd" }), map[string]int{"repair-table": 1}, "", false},
		"the table is deprecated":         {edit(func(g *catalog.GlueTable) { g.Parameters["DEPRECATED_BY_CRAWLER"] = "1" }), map[string]int{"repair-table": 1}, "", false},
		"an unknown classification":       {edit(func(g *catalog.GlueTable) { g.Parameters["classification"] = "UNKNOWN" }), map[string]int{"repair-table": 1}, "", false},
		"a partition with its own schema": {editDay(4, func(p *catalog.GluePartition) { p.StorageDescriptor.Columns = p.StorageDescriptor.Columns[:3] }), map[string]int{"update-partition": 1}, crawler.PartitionMismatch, false},
		"a partition with fields in another order": {editDay(4, func(p *catalog.GluePartition) { p.StorageDescriptor.Columns[2].Type = "struct<port:int,ip:string>" }),
			map[string]int{"update-partition": 1}, crawler.PartitionMismatch, false},
		"a partition with a type from values": {editDay(4, func(p *catalog.GluePartition) { p.StorageDescriptor.Columns[0].Type = "string" }), map[string]int{"update-partition": 1}, crawler.PartitionMismatch, false},
		"a partition without compressionType": {editDay(4, func(p *catalog.GluePartition) { delete(p.Parameters, "compressionType") }), map[string]int{"update-partition": 1}, "", false},
		"a partition of text": {editDay(4, func(p *catalog.GluePartition) {
			p.StorageDescriptor.InputFormat = "org.apache.hadoop.mapred.TextInputFormat"
			p.StorageDescriptor.SerdeInfo.SerializationLibrary = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
		}), map[string]int{"update-partition": 1}, "", false},
		"a partition is deprecated": {editDay(4, func(p *catalog.GluePartition) { p.Parameters["DEPRECATED_BY_CRAWLER"] = "1" }), map[string]int{"restore-partition": 1}, "", false},
		"a partition is deleted": {func(w *world) {
			if _, err := w.catalog.DeletePartitions(w.t.Context(), table, [][3]string{day(2).Values()}); err != nil {
				w.t.Fatal(err)
			}
		}, map[string]int{"add-partition": 1}, "", false},
		"a table of each day": {func(w *world) {
			other := catalog.Table{Name: "eventday_20260101", Location: "s3://lake/" + folder + day(0).Prefix(), Columns: []catalog.Column{{Name: "time", Type: "bigint"}}}
			if _, err := w.catalog.EnsureTable(w.t.Context(), other); err != nil {
				w.t.Fatal(err)
			}
		}, map[string]int{"OTHER_TABLE": 1}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := firewall(t)
			want := w.entries()
			c.change(w)
			if c.kept {
				want = w.entries()
			}
			d := w.crawl(crawler.Options{Newest: true})
			got := kinds(d)
			delete(got, string(crawler.AlwaysNull))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +found:\n%s", diff)
			}
			for _, x := range d.Tables[0].Changes {
				if x.Error != c.error {
					t.Errorf("%s: the error is %q, want %q", x, x.Error, c.error)
				}
			}
			if diff := cmp.Diff(want, w.entries()); diff != "" {
				t.Errorf("-before +repaired:\n%s", diff)
			}
			if d := w.compare(crawler.Options{Newest: true}); d.Changes() != 0 {
				t.Errorf("a second time: %v", kinds(d))
			}
		})
	}
}

// TestPartitionKeysOfOthers: a table with other partition keys is refused, and nothing of it is changed.
func TestPartitionKeysOfOthers(t *testing.T) {
	w := newWorld(t)
	w.write(day(0), version(0))
	w.do("CreateTable", map[string]any{"TableInput": map[string]any{"Name": table, "PartitionKeys": []any{map[string]any{"Name": "partition_0", "Type": "string"}},
		"StorageDescriptor": map[string]any{"Columns": []any{map[string]any{"Name": "time", "Type": "bigint"}}}}})
	d := w.crawl(crawler.Options{})
	if diff := cmp.Diff(map[string]int{"FOREIGN_TABLE": 1}, kinds(d)); diff != "" || !d.Refused() {
		t.Errorf("-want +found:\n%s", diff)
	}
}

// TestTablesOfOthers: a table that AWS's crawler made keeps its parameters and SerDe, and its new partitions have them.
func TestTablesOfOthers(t *testing.T) {
	w := newWorld(t)
	w.write(day(0), version(0))
	sd := map[string]any{
		"Columns":  []any{map[string]any{"Name": "time", "Type": "bigint", "Comment": "theirs"}},
		"Location": "s3://lake/" + folder, "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
		"OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat", "NumberOfBuckets": -1,
		"SerdeInfo":  map[string]any{"Name": "theirs", "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "Parameters": map[string]any{"serialization.format": "1", "own": "1"}},
		"Parameters": map[string]any{"compressionType": "none", "classification": "parquet", "exclusions": "[]"},
	}
	var keys []any
	for _, k := range catalog.PartitionKeys() {
		keys = append(keys, map[string]any{"Name": k, "Type": "string"})
	}
	w.do("CreateTable", map[string]any{"TableInput": map[string]any{"Name": table, "Owner": "owner", "TableType": "EXTERNAL_TABLE", "PartitionKeys": keys, "StorageDescriptor": sd,
		"Parameters": map[string]any{"compressionType": "none", "classification": "parquet", "UPDATED_BY_CRAWLER": "theirs", "recordCount": "7"}}})
	w.crawl(crawler.Options{})
	g, err := w.catalog.InspectTable(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{g.Parameters["UPDATED_BY_CRAWLER"], g.Parameters["recordCount"], g.StorageDescriptor.SerdeInfo.Parameters["own"], g.StorageDescriptor.Columns[0].Comment, len(g.StorageDescriptor.Columns)}
	if diff := cmp.Diff([]any{"theirs", "7", "1", "theirs", 3}, got); diff != "" {
		t.Errorf("the table: %s", diff)
	}
	p := w.entries()["us-east-1/111122223333/20260101"].(catalog.GluePartition)
	got = []any{p.Parameters["UPDATED_BY_CRAWLER"], p.Parameters["recordCount"], p.StorageDescriptor.SerdeInfo.Parameters["own"], len(p.StorageDescriptor.Columns)}
	if diff := cmp.Diff([]any{"theirs", "", "1", 3}, got); diff != "" {
		t.Errorf("the partition: %s", diff)
	}
}

// TestFilesThatDisagree: a file of another type is reported with Athena's error, and neither the table nor partitions follow it.
func TestFilesThatDisagree(t *testing.T) {
	w := firewall(t)
	want := w.entries()
	fields := version(2).Fields()
	fields[2] = col("class_uid", arrow.BinaryTypes.String)
	odd := arrow.NewSchema(fields, nil)
	at, _ := day(4).Day()
	w.put(folder+day(4).Prefix()+"odd.parquet", w.parquetFile(odd, fmt.Sprintf(`[{"time":%d,"class_uid":"4001"}]`, at.UnixMilli())))
	// Rows of the next day, row groups out of order, and a file that is not one.
	w.put(folder+day(6).Prefix()+"late.parquet", w.parquetFile(version(2), row(day(7)), row(day(6))))
	w.put(folder+day(6).Prefix()+"broken.parquet", []byte("PAR1 nothing PAR1"))
	w.put(folder+"notes.txt", []byte("x"))
	d := w.crawl(crawler.Options{})
	if diff := cmp.Diff(map[string]int{"BAD_DATA": 1, "WRONG_PARTITION": 1, "UNSORTED": 1, "UNREADABLE": 1, "STRAY_FILES": 1, "ALWAYS_NULL": 1}, kinds(d)); diff != "" {
		t.Errorf("-want +found:\n%s", diff)
	}
	if !d.Refused() {
		t.Error("nothing was refused")
	}
	if diff := cmp.Diff(want, w.entries()); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// TestMapping: what the next run adds, and what it would refuse.
func TestMapping(t *testing.T) {
	w := firewall(t)
	w.places.Tables[0].Mapped = []catalog.Column{{Name: "src_endpoint", Type: "struct<ip:string,vlan:int>"}, {Name: "zone", Type: "string"}}
	d := w.compare(crawler.Options{Newest: true})
	if diff := cmp.Diff(&crawler.Growth{Columns: []string{"src_endpoint.vlan int", "zone string"}, Partitions: 9}, d.Tables[0].NextRun); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.places.Tables[0].Mapped = []catalog.Column{{Name: "class_uid", Type: "bigint"}}
	d = w.compare(crawler.Options{Newest: true})
	if kinds(d)["TYPE_CONFLICT"] != 1 || !d.Refused() {
		t.Errorf("a mapping of another type: %v", kinds(d))
	}
}

// TestGone: partitions without files are changed by policy, within the limit, and never after a listing that failed.
func TestGone(t *testing.T) {
	w := newWorld(t)
	var days []int
	for i := range 60 {
		days = append(days, i)
	}
	w.publish(0, days...)
	remove := func(n int) {
		t.Helper()
		err := w.lake.List(t.Context(), objstore.ListOptions{Prefix: folder + day(n).Prefix()}, func(o objstore.Object) error { return w.lake.Delete(t.Context(), o.Key) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 6 {
		remove(n)
	}
	if d := w.crawl(crawler.Options{Gone: crawler.GoneLog}); kinds(d)["GONE"] != 1 || d.Changes() != 0 {
		t.Errorf("log: %v", kinds(d))
	}
	w.crawl(crawler.Options{Gone: crawler.GoneDeprecate})
	p := w.entries()["us-east-1/111122223333/20260101"].(catalog.GluePartition)
	if p.Parameters[crawler.DeprecatedParameter] != "1800000000000" {
		t.Errorf("deprecated: %v", p.Parameters)
	}
	w.write(day(5), version(0))
	if d := w.crawl(crawler.Options{Gone: crawler.GoneDeprecate}); kinds(d)["restore-partition"] != 1 || d.Changes() != 1 {
		t.Errorf("a folder that has files again: %v", kinds(d))
	}
	remove(5)
	remove(6)
	if d := w.crawl(crawler.Options{Gone: crawler.GoneDelete}); kinds(d)["TOO_MANY_GONE"] != 1 || d.Changes() != 0 || !d.Refused() {
		t.Errorf("seven of sixty: %v", kinds(d))
	}
	// A file that was published since the comparison keeps its partition.
	d := w.compare(crawler.Options{Gone: crawler.GoneDelete, Yes: true})
	w.write(day(6), version(0))
	done, err := crawler.Apply(t.Context(), w.places, d, time.Now())
	if err != nil || done.Deleted != 6 || len(w.entries()) != 1+54 {
		t.Errorf("deleted %+v, %v; %d entries", done, err, len(w.entries()))
	}
	remove(6)
	w.places.Lake = failing{w.lake, folder + day(40).Prefix()[:40]}
	if d, err := crawler.Compare(t.Context(), w.places, crawler.Options{OtherWriters: true, Gone: crawler.GoneDelete}); !errors.Is(err, errStore) {
		t.Errorf("a listing that fails: %v, %v", d, err)
	}
}

var errStore = errors.New("the store broke off")
