package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestRolesOfClasses: files of a class with a source and a role of its own are written and read with that role, and all others with the
// lake's. Both roles get their own external ID.
func TestRolesOfClasses(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/" { // STS
			role := r.PostFormValue("RoleArn")
			_, name, _ := strings.Cut(role, ":role/")
			fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s.%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
				name, r.PostFormValue("ExternalId"))
			return
		}
		_, as, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		as, _, _ = strings.Cut(as, "/")
		asked = append(asked, as+" "+r.Method+" "+r.URL.Path)
		w.Header().Set("ETag", `"e"`)
	}))
	defer server.Close()
	for k, v := range map[string]string{"AWS_ENDPOINT_URL_S3": server.URL, "AWS_ENDPOINT_URL_STS": server.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_REGION": "us-east-1"} {
		t.Setenv(k, v)
	}
	at := filepath.Join(t.TempDir(), "job.yaml")
	job := `name: j
source: {staging: "s3://staging"}
mapping: network-firewall
state: s3://state/
catalog: {type: glue}
lake:
  location: s3://lake/below
  source_name: nfw
  region: us-east-1
  role_arn: arn:aws:iam::111122223333:role/nfw
  external_id: one
  classes:
    http_activity: {source_name: nfw-http, role_arn: "arn:aws:iam::111122223333:role/http", external_id: two}
    dns_activity: {source_name: nfw-dns}
`
	if err := os.WriteFile(at, []byte(job), 0o600); err != nil {
		t.Fatal(err)
	}
	spec, err := jobfile.Load(at, os.LookupEnv, jobKinds())
	if err != nil {
		t.Fatal(err)
	}
	lake, err := openLake(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	root, _, err := storeKinds().Find("s3://lake")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := openBucketOf(t.Context(), spec, root)
	if err != nil {
		t.Fatal(err)
	}
	asked = nil
	for _, source := range []string{"nfw", "nfw-http", "nfw-dns"} {
		key := "ext/" + source + "/k"
		if _, err := lake.Put(t.Context(), key, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := bucket.Head(t.Context(), "below/"+key); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"nfw.one PUT /lake/below/ext/nfw/k", "nfw.one HEAD /lake/below/ext/nfw/k", "http.two PUT /lake/below/ext/nfw-http/k", "http.two HEAD /lake/below/ext/nfw-http/k",
		"nfw.one PUT /lake/below/ext/nfw-dns/k", "nfw.one HEAD /lake/below/ext/nfw-dns/k"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requests by role (-want +got):\n%s", diff)
	}
}
