package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
)

// TestStateIsEncryptedLikeTheLake: quarantine holds raw records, so what is written to state asks for the lake's key, or its own.
func TestStateIsEncryptedLikeTheLake(t *testing.T) {
	var asked string
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			asked = r.Header.Get("X-Amz-Server-Side-Encryption") + " " + r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")
		}
		w.Header().Set("ETag", `"e"`)
	}))
	defer s3.Close()
	for k, v := range map[string]string{"AWS_ENDPOINT_URL_S3": s3.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_REGION": "us-east-1"} {
		t.Setenv(k, v)
	}
	for _, c := range []struct{ keys, want string }{
		{"kms_key_id: arn:aws:kms:us-east-1:111122223333:key/lake}", "aws:kms arn:aws:kms:us-east-1:111122223333:key/lake"},
		{"kms_key_id: arn:aws:kms:us-east-1:111122223333:key/lake}\nstate_kms_key_id: alias/state", "aws:kms alias/state"},
		{"account_id: external}", " "},
	} {
		at := filepath.Join(t.TempDir(), "job.yaml")
		job := "name: j\nsource: {staging: \"s3://staging\"}\nmapping: network-firewall\nstate: s3://state/\ncatalog: {type: glue}\n" +
			"lake: {location: \"s3://lake\", source_name: j, region: us-east-1, " + c.keys + "\n"
		if err := os.WriteFile(at, []byte(job), 0o600); err != nil {
			t.Fatal(err)
		}
		spec, err := jobfile.Load(at, os.LookupEnv, jobKinds())
		if err != nil {
			t.Fatal(err)
		}
		state, err := openState(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := state.Put(t.Context(), "j/quarantine/x.parquet", strings.NewReader("raw"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if asked != c.want {
			t.Errorf("%s: asked for %q, want %q", c.keys, asked, c.want)
		}
	}
}
