package s3store

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func TestPartition(t *testing.T) {
	for _, c := range []struct {
		size, wanted, part int64
		parts              int
	}{
		{0, 16 << 20, 16 << 20, 1},
		{1, 16 << 20, 16 << 20, 1},
		{16 << 20, 16 << 20, 16 << 20, 1},
		{16<<20 + 1, 16 << 20, 16 << 20, 2},
		{10_000 * (16 << 20), 16 << 20, 16 << 20, 10_000},
		{10_000*(16<<20) + 1, 16 << 20, 16<<20 + 1, 10_000},
		{5 << 40, 16 << 20, 549755814, 10_000},
	} {
		part, parts := partition(c.size, c.wanted)
		if part != c.part || parts != c.parts || int64(parts)*part < c.size || parts > maxParts {
			t.Errorf("%d bytes: %d parts of %d, want %d of %d", c.size, parts, part, c.parts, c.part)
		}
	}
}

// TestBucketRegion: S3 names a bucket's region also where it refuses to say more.
func TestBucketRegion(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusForbidden, http.StatusMovedPermanently, http.StatusBadRequest} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", "eu-central-2")
			w.WriteHeader(status)
		}))
		client := newClient(aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}, server.URL)
		if region := bucketRegion(t.Context(), client, "lake"); region != "eu-central-2" {
			t.Errorf("HTTP %d: region %q", status, region)
		}
		server.Close()
	}
}
