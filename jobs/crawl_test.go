package jobs_test

import (
	"bytes"
	"context"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/crawler"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// catalogEntries are all that a catalog has, without times and version numbers.
func catalogEntries(t *testing.T, c catalog.Catalog) map[string]any {
	t.Helper()
	out := map[string]any{}
	names, err := c.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := c.(catalog.Inspector)
	for _, name := range names {
		g, err := in.InspectTable(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		g.CreateTime, g.UpdateTime, g.VersionId = time.Time{}, time.Time{}, ""
		out[name] = g
		err = in.InspectPartitions(t.Context(), name, func(p catalog.GluePartition) error {
			p.CreationTime = time.Time{}
			out[name+"/"+strings.Join(p.Values, "/")] = p
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// crawlAll compares and applies.
func crawlAll(t *testing.T, r *jobs.Runner) *crawler.Difference {
	t.Helper()
	var d *crawler.Difference
	_, err := r.Crawl(t.Context(), func(ctx context.Context, p crawler.Places) (err error) {
		if d, err = crawler.Compare(ctx, p, crawler.Options{Gone: crawler.GoneLog}); err == nil {
			_, err = crawler.Apply(ctx, p, d, time.Now())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// loseCatalog gives a job an empty catalog.
func (p *parts) loseCatalog(t *testing.T) {
	t.Helper()
	cat, err := local.Open(filepath.Join(t.TempDir(), "catalog"), p.spec.Catalog.Database)
	if err != nil {
		t.Fatal(err)
	}
	p.catalog = cat
}

// copyFile copies a file of the lake, as another program writes one.
func (p *parts) copyFile(t *testing.T, from objstore.Reader, key, to string) {
	t.Helper()
	in, _, err := from.Get(t.Context(), key, objstore.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err == nil {
		_, err = p.lake.Put(t.Context(), to, bytes.NewReader(data), objstore.PutOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrawlRebuildsTheCatalog: what a crawl writes is what the runs had written, parameter by parameter, although the lake has a dead
// file that was not deleted, and files of other writers in a partition of the job and in one of their own.
func TestCrawlRebuildsTheCatalog(t *testing.T) {
	p := newMemParts(t, 1)
	if _, _, err := p.replaceJob(t.Context()); err != nil {
		t.Fatal(err)
	}
	var old []string
	err := p.lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { old = append(old, o.Key); return nil })
	if err != nil {
		t.Fatal(err)
	}
	before := newMemParts(t, 1).lake // keeps the files of the first run
	for _, k := range old {
		p.copyFileTo(t, before, k)
	}
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	want := catalogEntries(t, p.catalog)
	dead := 0
	for _, k := range old {
		if _, err := p.lake.Head(t.Context(), k); err == nil {
			continue
		}
		p.copyFile(t, before, k, k)
		dead++
	}
	other := ledger.FileName(ulid.Make().String(), ulid.Make().String(), 0)
	p.copyFile(t, before, old[0], path.Dir(old[0])+"/theirs.parquet")
	p.copyFile(t, before, old[0], path.Dir(path.Dir(old[0]))+"/eventDay=20300101/"+other)
	p.loseCatalog(t)
	d := crawlAll(t, withCorrected(p.deleting()))
	if diff := cmp.Diff(want, catalogEntries(t, p.catalog)); diff != "" {
		t.Errorf("-runs +crawl:\n%s", diff)
	}
	found := map[crawler.Code]int64{}
	for _, f := range d.Tables[0].Findings {
		found[f.Code] = f.Count
	}
	if dead == 0 || found[crawler.DeadFiles] != int64(dead) || found[crawler.OtherWriters] != 2 {
		t.Errorf("%d dead files; found %v", dead, found)
	}
}

// copyFileTo copies a file of the lake to another store.
func (p *parts) copyFileTo(t *testing.T, to objstore.Bucket, key string) {
	t.Helper()
	in, _, err := p.lake.Get(t.Context(), key, objstore.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := to.Put(t.Context(), key, in, objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestCrawlAfterACrash: wherever a run dies, the catalog is lost and crawled. The crawl adds nothing that the run had not added, leaves
// entries that are not done to the next run, and after that run the catalog is the one of a run that did not die.
func TestCrawlAfterACrash(t *testing.T) {
	p := newMemParts(t, 1)
	if _, err := p.smallJob(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	complete := catalogEntries(t, p.catalog)
	notDone, operations := 0, 0
	for at := 0; ; at += soaking(8, 1) {
		f := &injector{at: at, how: faultDead}
		p := newMemParts(t, 1)
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.faulty(f).Run(t.Context(), jobs.RunOptions{})
		if f.hit() == "" {
			break
		}
		operations++
		had := catalogEntries(t, p.catalog)
		p.loseCatalog(t)
		d := crawlAll(t, p.mender())
		for name, e := range catalogEntries(t, p.catalog) {
			if diff := cmp.Diff(had[name], e); diff != "" {
				t.Errorf("operation %d (%s): %s (-run +crawl):\n%s", at, f.hit(), name, diff)
			}
		}
		for _, x := range d.Tables[0].Findings {
			if x.Code == crawler.NotDone {
				notDone++
			}
		}
		if _, err := p.mender().Run(t.Context(), jobs.RunOptions{}); err != nil {
			t.Errorf("operation %d (%s): the next run: %v", at, f.hit(), err)
		}
		if diff := cmp.Diff(complete, catalogEntries(t, p.catalog)); diff != "" {
			t.Errorf("operation %d (%s), after the next run (-complete +crawled):\n%s", at, f.hit(), diff)
		}
		for _, s := range p.problems(t.Context(), want) {
			t.Errorf("operation %d (%s): %s", at, f.hit(), s)
		}
	}
	if operations < 10 || notDone == 0 {
		t.Errorf("%d operations, %d with an entry that was not done", operations, notDone)
	}
}

// TestSummaryOfGrowth: a run that adds columns or fields to a table says so, and a crawl plan says so before it.
func TestSummaryOfGrowth(t *testing.T) {
	w := newWorld(t)
	mapping := func(more string) map[string]string {
		return map[string]string{
			"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, ip VARCHAR, port INTEGER);`,
			"network_activity.sql": `-- class: network_activity
SELECT ts AS "time", 6 AS activity_id, 1 AS severity_id, 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name",
  ` + more + ` ip AS "src_endpoint.ip", ip AS "dst_endpoint.ip"
FROM raw`}
	}
	line := `{"ts":"2026-01-01 00:00:00","ip":"192.0.2.1","port":443}`
	first, _ := w.runMapping(mapping(""), line)
	if first.Grown != nil {
		t.Errorf("a new table: %v", first.Grown)
	}
	grown := mapping(`'x' AS message, port AS "src_endpoint.port",`)
	m, err := mappings.LoadFiles("test", grown)
	if err != nil {
		t.Fatal(err)
	}
	r := w.runner()
	r.Mapping = m
	want := []string{"src_endpoint.port int", "message string"}
	_, err = r.Crawl(t.Context(), func(ctx context.Context, p crawler.Places) error {
		d, err := crawler.Compare(ctx, p, crawler.Options{Newest: true})
		if err != nil {
			return err
		}
		slices.Sort(d.Tables[0].NextRun.Columns)
		slices.Sort(want)
		if diff := cmp.Diff(want, d.Tables[0].NextRun.Columns); diff != "" {
			t.Errorf("before the run (-want +got):\n%s", diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.put("111122223333/network-firewall/flow/us-east-1/fw/2024/01/01/00/b.log", plain(line+"\n"))
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for table, got := range sum.Grown {
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
	}
	var text bytes.Buffer
	sum.WriteText(&text)
	if len(sum.Grown) != 1 || !strings.Contains(text.String(), " has new columns or fields: message string, src_endpoint.port int\n") {
		t.Errorf("%v\n%s", sum.Grown, text.String())
	}
}
