package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

const (
	s3Database = "amazon_security_lake_glue_db_us_east_1"
	s3Table    = "amazon_security_lake_table_us_east_1_ext_network_firewall"
	s3Folder   = "ext/network-firewall/region=us-east-1/accountId=111122223333/"
)

// s3World is the job as it runs in AWS: staging, lake and state are buckets of a real S3 server, the catalog is Glue's API.
type s3World struct {
	world
	server *objstoretest.Server
	glue   *gluefake.Fake
}

func newS3World(t *testing.T) *s3World {
	t.Helper()
	w := &s3World{server: objstoretest.StartVersityGW(t), glue: gluefake.Start(t)}
	w.server.Setenv(t)
	t.Setenv("AWS_ENDPOINT_URL_GLUE", w.glue.URL)
	w.glue.CreateDatabase(t, s3Database)
	for _, b := range []string{"staging", "lake", "state"} {
		w.server.MakeBucket(t, b)
	}
	// the server keeps an object as a file: what reads a folder's lake reads this one
	w.world = world{t: t, dir: w.server.Dir}
	text := `name: test
source:
  staging: s3://staging/AWSLogs/
  include: ["**/*.log.gz"]
  key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"
mapping: network-firewall
lake: {location: "s3://lake", source_name: network-firewall, region: us-east-1, account_id: "111122223333"}
catalog: {type: glue, database: ` + s3Database + `}
state: s3://state/
`
	s, err := jobfile.Parse("job.yaml", []byte(text), func(string) (string, bool) { return "", false }, kinds())
	if err != nil {
		t.Fatal(err)
	}
	w.spec = s
	return w
}

func (w *s3World) open(location string) objstore.Bucket {
	w.t.Helper()
	b, err := kinds().Stores.Open(w.t.Context(), location, objstore.Options{Region: "us-east-1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *s3World) lake() jobs.LakeStore { return w.open(w.spec.Lake.Location).(jobs.LakeStore) }

func (w *s3World) put(key string, data []byte) {
	w.t.Helper()
	if _, err := w.open(w.spec.Source.Staging).Put(w.t.Context(), key, bytes.NewReader(data), objstore.PutOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *s3World) runner() *jobs.Runner {
	w.t.Helper()
	m, err := mappings.Load("network-firewall")
	if err != nil {
		w.t.Fatal(err)
	}
	cat, err := glue.Open(w.t.Context(), glue.Config{Database: w.spec.Catalog.Database, Region: "us-east-1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return &jobs.Runner{Spec: w.spec, ExitCode: exitCodeOf, Mapping: m, Compile: compilePlan, Staging: w.open(w.spec.Source.Staging), Lake: w.lake(),
		State: w.open(w.spec.State), Catalog: cat, LogTo: zerolog.NewTestWriter(w.t)}
}

func (w *s3World) run() (*report.Summary, error) {
	w.t.Helper()
	return w.runner().Run(w.t.Context(), jobs.RunOptions{Trigger: "ON_DEMAND"})
}

// visible lists the lake as a reader would.
func (w *s3World) visible() []string {
	w.t.Helper()
	return listed(w.t, w.lake(), "")
}

func listed(t *testing.T, b objstore.Reader, prefix string) []string {
	t.Helper()
	var keys []string
	if err := b.List(t.Context(), objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error {
		keys = append(keys, o.Key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

// held lists the multipart uploads of the lake that are not completed.
func (w *s3World) held() []objstore.Held {
	w.t.Helper()
	h, err := w.lake().HeldList(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// partitions of the table, by event day, as the catalog shows them; each has the table's columns.
func (w *s3World) partitions() map[string]catalog.GluePartition {
	w.t.Helper()
	cat := w.runner().Catalog.(catalog.Inspector)
	table, err := cat.InspectTable(w.t.Context(), s3Table)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]catalog.GluePartition{}
	err = cat.InspectPartitions(w.t.Context(), s3Table, func(p catalog.GluePartition) error {
		out[p.Values[2]] = p
		if !slices.Equal(catalog.Plain(p.StorageDescriptor.Columns), catalog.Plain(table.StorageDescriptor.Columns)) {
			w.t.Errorf("partition %v has other columns than its table", p.Values)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// wantFlows compares the published rows by flow_id.
func (w *s3World) wantFlows(flows ...int) {
	w.t.Helper()
	got, want := map[string]int{}, map[string]int{}
	for _, row := range w.published() {
		got[row["connection_info"].(map[string]any)["uid"].(string)]++
	}
	for _, f := range flows {
		want[strconv.Itoa(f)]++
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("published flows %v, want %v", got, want)
	}
}

// flow is a netflow record with that flow_id, so many days after 2020-10-01.
func flow(id, days int) string {
	day := time.Date(2020, 10, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days).Format("2006-01-02")
	return event("1770453319291727", strconv.Itoa(id), "2020-10-01T21:26", day+"T21:26")
}

func TestS3(t *testing.T) {
	w := newS3World(t)
	w.put(key("a"), gz(flow(1, 0), flow(2, 0), flow(3, 1)))
	w.put(key("b"), gz(flow(4, 2)))
	sum, err := w.run()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "first run", fields{"state": "SUCCEEDED", "published": 4, "objects": 2, "files": 3, "partitions": 3},
		fields{"state": sum.State, "published": int(sum.Records.Published), "objects": sum.Objects.Read, "files": sum.Files, "partitions": len(sum.Partitions)})
	w.wantFlows(1, 2, 3, 4)
	first := w.visible()
	for i, day := range []string{"20201001", "20201002", "20201003"} {
		if len(first) != 3 || !strings.HasPrefix(first[i], s3Folder+"eventDay="+day+"/") || !strings.HasSuffix(first[i], ".parquet") {
			t.Fatalf("the lake has %q", first)
		}
	}
	w.wantTable()

	sum, err = w.run()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "second run", fields{"files": 0, "records": 0, "new": 0, "taken": 2},
		fields{"files": sum.Files, "records": int(sum.Records.Read), "new": sum.Objects.New, "taken": sum.Objects.Taken})
	if now := w.visible(); !slices.Equal(now, first) {
		t.Errorf("the second run published: %q", now)
	}

	w.put(key("c"), gz(flow(5, 0)))
	sum, err = w.run()
	if err != nil || sum.Objects.Read != 1 || sum.Records.Published != 1 || sum.Files != 1 {
		t.Errorf("with a new object: %v, %+v", err, sum)
	}
	w.wantFlows(1, 2, 3, 4, 5)
	if h := w.held(); len(h) > 0 {
		t.Errorf("uploads left: %v", h)
	}
	for _, k := range w.visible() {
		if !strings.HasPrefix(k, "ext/") {
			t.Errorf("the lake has %s", k)
		}
	}
}

// wantTable holds what the catalog shows to what Security Lake's crawler makes.
func (w *s3World) wantTable() {
	t := w.t
	t.Helper()
	table, err := w.runner().Catalog.(catalog.Inspector).InspectTable(t.Context(), s3Table)
	if err != nil {
		t.Fatal(err)
	}
	sd := table.StorageDescriptor
	same(t, "the table, which must be as the crawler writes it", fields{
		"TableType": "EXTERNAL_TABLE", "Owner": "owner", "Retention": 0, "Location": "s3://lake/ext/network-firewall/",
		"InputFormat":          "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
		"OutputFormat":         "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
		"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
		"serialization.format": "1", "NumberOfBuckets": -1, "Compressed": false, "StoredAsSubDirectories": false,
	}, fields{
		"TableType": table.TableType, "Owner": table.Owner, "Retention": int(table.Retention), "Location": sd.Location,
		"InputFormat":          sd.InputFormat,
		"OutputFormat":         sd.OutputFormat,
		"SerializationLibrary": sd.SerdeInfo.SerializationLibrary,
		"serialization.format": sd.SerdeInfo.Parameters["serialization.format"], "NumberOfBuckets": int(sd.NumberOfBuckets), "Compressed": sd.Compressed, "StoredAsSubDirectories": sd.StoredAsSubDirectories,
	})
	for k, v := range map[string]string{"classification": "parquet", "compressionType": "none", "typeOfData": "file",
		"UPDATED_BY_CRAWLER": "network-firewall", "CrawlerSchemaSerializerVersion": "1.0", "CrawlerSchemaDeserializerVersion": "1.0",
		"partition_filtering.enabled": "true"} {
		if table.Parameters[k] != v || sd.Parameters[k] != v {
			t.Errorf("parameter %s is %q and %q", k, table.Parameters[k], sd.Parameters[k])
		}
	}
	types := map[string]string{}
	for _, c := range sd.Columns {
		types[c.Name] = c.Type
		if strings.Contains(c.Type, " ") {
			t.Errorf("%s: %q has a space", c.Name, c.Type)
		}
	}
	for k, v := range map[string]string{"time": "bigint", "start_time": "bigint", "class_uid": "int", "category_uid": "int", "activity_id": "int",
		"severity_id": "int", "type_uid": "bigint", "unmapped": "map<string,string>"} {
		if types[k] != v {
			t.Errorf("column %s is %q, want %s", k, types[k], v)
		}
	}
	if !strings.Contains(types["metadata"], "profiles:array<string>") || !strings.Contains(types["src_endpoint"], "port:int") {
		t.Errorf("metadata is %s, src_endpoint %s", types["metadata"], types["src_endpoint"])
	}
	var keys []string
	for _, k := range table.PartitionKeys {
		keys = append(keys, k.Name+" "+k.Type)
	}
	if s := strings.Join(keys, ", "); s != "region string, accountid string, eventday string" {
		t.Errorf("partition keys %s", s)
	}
	ps := w.partitions()
	if len(ps) != 3 {
		t.Errorf("%d partitions", len(ps))
	}
	for day, p := range ps {
		if want := "s3://lake/" + s3Folder + "eventDay=" + day + "/"; p.StorageDescriptor.Location != want || p.Values[0] != "us-east-1" || p.Values[1] != "111122223333" {
			t.Errorf("partition %v at %s, want %s", p.Values, p.StorageDescriptor.Location, want)
		}
	}
}

// TestS3ManyPartitions: more than two batches of Glue's 100 in one run, and readers page through them.
func TestS3ManyPartitions(t *testing.T) {
	w := newS3World(t)
	w.glue.SetPageSize(70)
	var lines []string
	var flows []int
	for i := range 250 {
		lines, flows = append(lines, flow(i, i)), append(flows, i)
	}
	w.put(key("a"), gz(lines...))
	sum, err := w.run()
	if err != nil || sum.Files != 250 || len(sum.Partitions) != 250 {
		t.Fatalf("%v, %d files in %d partitions", err, sum.Files, len(sum.Partitions))
	}
	w.wantFlows(flows...)
	ps := w.partitions()
	if len(ps) != 250 {
		t.Errorf("%d partitions", len(ps))
	}
	for _, k := range w.visible() {
		folder := k[:strings.LastIndex(k, "/")+1]
		day := folder[strings.Index(folder, "eventDay=")+len("eventDay=") : len(folder)-1]
		if got := ps[day].StorageDescriptor.Location; got != "s3://lake/"+folder {
			t.Errorf("partition of %s at %q", folder, got)
		}
	}
	if n := w.glue.Calls()["BatchCreatePartition"]; n != 3 {
		t.Errorf("%d requests for 250 partitions", n)
	}
	if h := w.held(); len(h) > 0 {
		t.Errorf("%d uploads left", len(h))
	}
}

// faultyState is a state store that can fail when it writes.
type faultyState struct {
	objstore.Bucket
	before func(key string) error // not sent
	after  func(key string) error // sent, and the answer lost
}

func (s faultyState) Put(ctx context.Context, key string, r io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	if s.before != nil {
		if err := s.before(key); err != nil {
			return objstore.Object{}, err
		}
	}
	obj, err := s.Bucket.Put(ctx, key, r, o)
	if err == nil && s.after != nil {
		err = s.after(key)
	}
	return obj, err
}

var errBroken = errors.New("connection broken")

// commitEntry is the key of the second entry, which commits what the first has planned.
const commitEntry = "test/ledger/00000000000000000002.json"

// TestS3NothingBeforeTheCommit: when the ledger's entry is about to be written all files are in the bucket, and no reader
// sees one; if the entry cannot be written, none ever will be.
func TestS3NothingBeforeTheCommit(t *testing.T) {
	w := newS3World(t)
	w.put(key("a"), gz(flow(1, 0), flow(2, 1), flow(3, 2)))
	asked := 0
	r := w.runner()
	r.State = faultyState{Bucket: r.State, before: func(k string) error {
		if k != commitEntry {
			return nil
		}
		asked++
		if v := w.visible(); len(v) > 0 {
			t.Errorf("visible before the commit: %q", v)
		}
		if h := w.held(); len(h) != 3 {
			t.Errorf("%d files held at the commit, want 3", len(h))
		}
		return errBroken
	}}
	if sum, err := r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, ledger.ErrUnknown) || sum.State != "FAILED" || asked == 0 {
		t.Fatalf("%v, state %s, asked %d times", err, sum.State, asked)
	}
	if v := w.visible(); len(v) > 0 {
		t.Errorf("visible though the commit failed: %q", v)
	}
	if w.glue.Calls()["BatchCreatePartition"] > 0 {
		t.Error("partitions were added before the commit")
	}
	sum, err := w.run()
	if err != nil || sum.Resumed != 1 || sum.Records.Published != 3 {
		t.Errorf("the next run: %v, %+v", err, sum)
	}
	w.wantFlows(1, 2, 3)
}

// faultyLake fails to publish.
type faultyLake struct {
	jobs.LakeStore
	publish func() error
}

func (l faultyLake) Publish(ctx context.Context, h objstore.Held) error {
	if err := l.publish(); err != nil {
		return err
	}
	return l.LakeStore.Publish(ctx, h)
}

// faultyCatalog fails to add partitions.
type faultyCatalog struct {
	catalog.Catalog
}

func (faultyCatalog) AddPartitions(context.Context, string, []catalog.Partition) (int, error) {
	return 0, errBroken
}

// TestS3Interrupted: wherever a run ends, the next one leaves each row once and every partition in the catalog.
func TestS3Interrupted(t *testing.T) {
	for _, c := range []struct {
		name      string
		fault     func(r *jobs.Runner)
		committed bool // the run ended after its commit, so that the next one only finishes it
	}{
		{"after the plan", func(r *jobs.Runner) { r.Catalog = denyTable{r.Catalog} }, false},
		{"while holding files", func(r *jobs.Runner) { r.Lake = &secondHold{LakeStore: r.Lake} }, false},
		{"when the commit's answer is lost", func(r *jobs.Runner) {
			var once atomic.Bool
			r.State = faultyState{Bucket: r.State, after: func(k string) error {
				if k == commitEntry && once.CompareAndSwap(false, true) {
					return errBroken
				}
				return nil
			}}
			r.Catalog = faultyCatalog{r.Catalog} // a run that reads its own entry continues, so end it here
		}, true},
		{"at the second file to publish", func(r *jobs.Runner) {
			var n atomic.Int32
			r.Lake = faultyLake{r.Lake, func() error {
				if n.Add(1) >= 2 {
					return errBroken
				}
				return nil
			}}
		}, true},
		{"at the partitions", func(r *jobs.Runner) { r.Catalog = faultyCatalog{r.Catalog} }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newS3World(t)
			w.put(key("a"), gz(flow(1, 0), flow(2, 1)))
			w.put(key("b"), gz(flow(3, 0), flow(4, 3)))
			r := w.runner()
			c.fault(r)
			sum, err := r.Run(t.Context(), jobs.RunOptions{})
			if err == nil || sum.State != "FAILED" {
				t.Fatalf("the run was not interrupted: %v, %+v", err, sum)
			}
			if v := w.visible(); !c.committed && len(v) > 0 {
				t.Errorf("visible without a commit: %q", v)
			}
			w.put(key("c"), gz(flow(5, 0)))
			sum, err = w.run()
			if err != nil {
				t.Fatalf("the next run: %v", err)
			}
			want := fields{"finished": 0, "resumed": 1, "published": 5}
			if c.committed {
				want = fields{"finished": 1, "resumed": 0, "published": 1}
			}
			same(t, "the next run", want, fields{"finished": sum.Finished, "resumed": sum.Resumed, "published": int(sum.Records.Published)})
			w.wantFlows(1, 2, 3, 4, 5)
			if ps := w.partitions(); len(ps) != 3 {
				t.Errorf("%d partitions", len(ps))
			}
			if h := w.held(); len(h) > 0 {
				t.Errorf("uploads left: %v", h)
			}
			sum, err = w.run()
			if err != nil || sum.Finished != 0 || sum.Objects.New != 0 {
				t.Errorf("once more: %v, %+v", err, sum)
			}
		})
	}
}

// denyTable fails before any file is sent.
type denyTable struct{ catalog.Catalog }

func (denyTable) EnsureTable(context.Context, catalog.Table) (catalog.Table, error) {
	return catalog.Table{}, errBroken
}

// secondHold fails to send the second file.
type secondHold struct {
	jobs.LakeStore
	n atomic.Int32
}

func (l *secondHold) Hold(ctx context.Context, key string, r io.ReaderAt, size int64) (objstore.Held, error) {
	if l.n.Add(1) == 2 {
		return objstore.Held{}, errBroken
	}
	return l.LakeStore.Hold(ctx, key, r, size)
}

// TestS3Denied: what a person sees who is not allowed to read a bucket, or named one that does not exist.
func TestS3Denied(t *testing.T) {
	w := newS3World(t)
	w.put(key("a"), gz(flow(1, 0)))
	own := w.open(w.spec.Source.Staging)
	lake, state := w.lake(), w.open(w.spec.State)
	w.server.AddUser(t, "other", "othersecret").Setenv(t)
	denied := w.open(w.spec.Source.Staging)
	for _, c := range []struct {
		name    string
		staging objstore.Reader
		want    error
		says    []string
	}{
		{"denied", denied, objstore.ErrDenied, []string{"s3://staging", "s3:ListBucket"}},
		{"no such bucket", w.open("s3://nowhere/AWSLogs"), nil, []string{"s3://nowhere"}},
	} {
		r := w.runner()
		r.Staging, r.Lake, r.State = c.staging, lake, state
		sum, err := r.Run(t.Context(), jobs.RunOptions{})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || exitCodeOf(err) != 1 || sum.State != "FAILED" {
			t.Fatalf("%s: %v, %s", c.name, err, sum.State)
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %s", c.name, err, s)
			}
		}
		if strings.ContainsAny(err.Error(), "\n\r") || strings.Contains(err.Error(), "othersecret") {
			t.Errorf("%s: %q", c.name, err)
		}
	}
	r := w.runner()
	r.Staging, r.Lake, r.State = own, lake, state
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Errorf("with the right to read: %v", err)
	}
	w.wantFlows(1)
}

// TestS3TwoRunners: both start at once; whoever comes second finds the work held or done, and each row is there once.
func TestS3TwoRunners(t *testing.T) {
	w := newS3World(t)
	var flows []int
	for i := range 20 {
		var lines []string
		for j := range 50 {
			lines, flows = append(lines, flow(100*i+j, j%3)), append(flows, 100*i+j)
		}
		w.put(key(fmt.Sprintf("%02d", i)), gz(lines...))
	}
	w.spec.Limits.BatchBytes = 2000 // several batches
	var wg sync.WaitGroup
	errs := make([]error, 2)
	sums := make([]*report.Summary, 2)
	for i := range errs {
		r := w.runner()
		wg.Go(func() { sums[i], errs[i] = r.Run(t.Context(), jobs.RunOptions{}) })
	}
	wg.Wait()
	var published int64
	worked := 0
	for i, err := range errs {
		if err != nil && (!errors.Is(err, ledger.ErrHeld) || exitCodeOf(err) != 4 || strings.Contains(err.Error(), "\n")) {
			t.Errorf("runner %d: %v", i, err)
		}
		published += sums[i].Records.Published
		if sums[i].Batches > 0 {
			worked++
		}
	}
	if errs[0] != nil && errs[1] != nil {
		t.Fatalf("both failed: %v, %v", errs[0], errs[1])
	}
	if published != 1000 || worked != 1 {
		t.Errorf("%d runners worked and published %d", worked, published)
	}
	w.wantFlows(flows...)
	sum, err := w.run()
	if err != nil || sum.Objects.New != 0 || sum.Files != 0 {
		t.Errorf("once more: %v, %+v", err, sum)
	}
	if h := w.held(); len(h) > 0 {
		t.Errorf("uploads left: %d", len(h))
	}
}
