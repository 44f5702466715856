//go:build verify

package jobs_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/silt-etl/silt/internal/catalog/mototest"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// TestMotoArchive: staging is on moto, which archives objects, restores them at once, and does not show restores in listings. A run leaves
// what is archived, and a backfill with --restore loads it.
func TestMotoArchive(t *testing.T) {
	url := mototest.Start(t)
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": url} {
		t.Setenv(name, value)
	}
	put := func(path, class string, body []byte) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/archive-staging"+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
		if class != "" {
			r.Header.Set("X-Amz-Storage-Class", class)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != http.StatusOK {
			t.Fatalf("put %s: %s", path, answer.Status)
		}
	}
	put("", "", nil)
	p := newMemParts(t, 2<<30)
	staging, err := kinds().Stores.Open(t.Context(), "s3://archive-staging", objstore.Options{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	p.staging = staging.(jobs.LakeStore)
	classes := map[int]string{1: objstore.ClassGlacier, 2: objstore.ClassDeepArchive, 3: "GLACIER_IR", 4: objstore.ClassIntelligentTiering, 5: ""}
	for night, class := range classes {
		put("/"+nightKey(night), class, gz(flow(night, night-1)))
	}
	listed := 0
	if err := p.staging.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
		listed++
		r, _, err := p.staging.Get(t.Context(), o.Key, objstore.GetOptions{ETag: o.ETag})
		if err == nil {
			r.Close()
		}
		if refused := errors.Is(err, objstore.ErrArchived); refused != o.Archived() {
			t.Errorf("%s of class %q: archived %t, and the read says %v", o.Key, o.StorageClass, o.Archived(), err)
		}
		return nil
	}); err != nil || listed != len(classes) {
		t.Fatalf("listed %d objects, %v", listed, err)
	}
	sum := p.mustRun(t, jobs.RunOptions{})
	same(t, "a run", fields{"state": "SUCCEEDED", "read": 3, "archived": 2, "denied": 0}, archivedCounts(sum))
	o := jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-31"), Restore: objstore.RestoreOptions{Tier: "Bulk", Days: 2}}
	if sum, err = p.deleting().Backfill(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	same(t, "the backfill", fields{"state": "SUCCEEDED", "read": 2, "archived": 0, "denied": 0, "started": 2, "in progress": 0, "failed": 0}, archivedCounts(sum))
	for _, problem := range p.left(t.Context(), nightRows(1, 5)) {
		t.Error(problem)
	}
}
