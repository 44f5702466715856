package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/iampolicy"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
)

// guard stands in front of S3, Glue and STS. It denies every request that the policies of a job do not allow, and records all of them. STS
// gives each role the same keys and its ARN as session token, which says whose a request is.
type guard struct {
	mu       sync.Mutex
	policies map[string][]iampolicy.Statement // by ARN; "" is the runner
	seen     map[string]map[string]bool       // identity to calls
	denied   []string
	s3, glue http.Handler
	key      [2]string
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") == "" && r.Method == http.MethodPost && r.URL.Path == "/" {
		g.assume(w, r)
		return
	}
	call, resources := s3Call(r)
	next := g.s3
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		call, resources = glueCall(target, body)
		next = g.glue
	}
	who := r.Header.Get("X-Amz-Security-Token")
	if !g.allows(who, call, resources) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		if next == g.s3 && r.Method != http.MethodHead {
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
		}
		return
	}
	next.ServeHTTP(w, r)
}

func (g *guard) assume(w http.ResponseWriter, r *http.Request) {
	role := r.PostFormValue("RoleArn")
	if !g.allows("", "sts.AssumeRole", []string{role}) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>`)
		return
	}
	if r.PostFormValue("Action") == "GetCallerIdentity" {
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/x/silt</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		return
	}
	fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>`+
		`<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, g.key[0], g.key[1], role)
}

// actionOf are the actions of requests as AWS's service authorization reference has them, independently of package iampolicy.
func actionOf(call string) string {
	service, op, _ := strings.Cut(call, ".")
	switch op {
	case "ListObjectsV2", "HeadBucket":
		op = "ListBucket"
	case "HeadObject":
		op = "GetObject"
	case "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "CopyObject":
		op = "PutObject"
	case "ListMultipartUploads":
		op = "ListBucketMultipartUploads"
	}
	return service + ":" + op
}

func (g *guard) allows(who, call string, resources []string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if call == "sts.AssumeRole" && resources[0] == "" { // GetCallerIdentity needs no permission
		return true
	}
	if g.seen[who] == nil {
		g.seen[who] = map[string]bool{}
	}
	g.seen[who][call] = true
	for _, r := range resources {
		if !slices.ContainsFunc(g.policies[who], func(s iampolicy.Statement) bool {
			return slices.Contains(s.Action, actionOf(call)) && slices.ContainsFunc(s.Resource, func(pattern string) bool { return wildcard(pattern, r) })
		}) {
			g.denied = append(g.denied, fmt.Sprintf("%q may not %s on %s", who, call, r))
			return false
		}
	}
	return true
}

// wildcard matches * of policies, which crosses slashes.
func wildcard(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}

// s3Call is the operation of a request to S3 with the bucket in the path.
func s3Call(r *http.Request) (call string, resources []string) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	arn := "arn:aws:s3:::" + bucket
	if key != "" {
		arn += "/" + key
	}
	name := map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[r.Method]
	switch {
	case key == "" && r.Method == "HEAD":
		name = "HeadBucket"
	case key == "" && q.Has("uploads"):
		name = "ListMultipartUploads"
	case key == "" && q.Get("list-type") == "2":
		name = "ListObjectsV2"
	case key == "":
		name = "unknown request " + r.Method + " " + r.URL.String()
	case r.Method == "POST" && q.Has("uploads"):
		name = "CreateMultipartUpload"
	case r.Method == "PUT" && q.Has("uploadId"):
		name = "UploadPart"
	case r.Method == "POST" && q.Has("uploadId"):
		name = "CompleteMultipartUpload"
	case r.Method == "DELETE" && q.Has("uploadId"):
		name = "AbortMultipartUpload"
	case r.Header.Get("X-Amz-Copy-Source") != "":
		name = "CopyObject"
	}
	return "s3." + name, []string{arn}
}

// glueCall is the operation of a request to Glue, and the catalog, the database and the tables that it is about.
func glueCall(target string, body []byte) (call string, resources []string) {
	_, op, _ := strings.Cut(target, ".")
	var in struct{ DatabaseName, TableName, Name, CatalogId string }
	var create struct{ TableInput struct{ Name string } }
	_ = json.Unmarshal(body, &in)
	_ = json.Unmarshal(body, &create)
	arn := "arn:aws:glue:us-east-1:111122223333:"
	table := in.TableName
	switch op {
	case "GetDatabase":
		return "glue." + op, []string{arn + "catalog", arn + "database/" + in.Name}
	case "GetTables":
		table = "any_other"
	case "GetTable":
		table = in.Name
	case "CreateTable", "UpdateTable":
		table = create.TableInput.Name
	}
	return "glue." + op, []string{arn + "catalog", arn + "database/" + in.DatabaseName, arn + "table/" + in.DatabaseName + "/" + table}
}

// guarded starts all servers, and gives a job with a role for each part.
func guarded(t *testing.T) (*guard, string) {
	t.Helper()
	s := objstoretest.StartVersityGW(t)
	glue := gluefake.Start(t)
	glue.CreateDatabase(t, "amazon_security_lake_glue_db_us_east_1")
	forward := func(to string) http.Handler {
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = u.Scheme, u.Host, ""
			if r.In.Header.Get("X-Amz-Target") != "" {
				return
			}
			r.Out.Header.Del("X-Amz-Security-Token") // versitygw has no sessions
			r.Out.Header.Del("Authorization")
			signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
			creds := aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey}
			if err := signer.SignHTTP(r.Out.Context(), creds, r.Out, r.Out.Header.Get("X-Amz-Content-Sha256"), "s3", "us-east-1", time.Now()); err != nil {
				t.Error(err)
			}
		}}
	}
	g := &guard{policies: map[string][]iampolicy.Statement{}, seen: map[string]map[string]bool{}, s3: forward(s.Endpoint), glue: forward(glue.URL), key: [2]string{s.AccessKey, s.SecretKey}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	home := t.TempDir()
	for k, v := range map[string]string{"AWS_ACCESS_KEY_ID": s.AccessKey, "AWS_SECRET_ACCESS_KEY": s.SecretKey, "AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": filepath.Join(home, "none"), "HOME": home, "XDG_CACHE_HOME": filepath.Join(home, "cache")} {
		t.Setenv(k, v)
	}
	os.Unsetenv("AWS_PROFILE")
	for _, b := range []string{"staging", "lake", "state"} {
		if err := os.Mkdir(filepath.Join(s.Dir, b), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_ENDPOINT_URL", s.Endpoint)
	staging, err := storeKinds().Open(t.Context(), "s3://staging", objstore.Options{Region: "us-east-1"})
	for _, day := range []string{"1", "2"} {
		if err == nil {
			_, err = staging.Put(t.Context(), "logs/"+day+".log", strings.NewReader(strings.ReplaceAll(record, "%D", day)), objstore.PutOptions{})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	job := filepath.Join(home, "job.yaml")
	role := "arn:aws:iam::111122223333:role/"
	writeText(t, job, `name: nfw
source: {staging: "s3://staging/logs/", role_arn: "`+role+`staging"}
mapping: network-firewall
lake: {location: "s3://lake/", source_name: nfw, region: us-east-1, role_arn: "`+role+`provider", delete_role_arn: "`+role+`deleter"}
catalog: {type: glue, role_arn: "`+role+`catalog"}
state: s3://state/
limits: {memory: 512MiB, batch_bytes: 1MiB}
`)
	out, errs, code := etl(t, "iam", "policy", job)
	if code != 0 {
		t.Fatalf("iam policy: code %d, %s", code, errs)
	}
	var all []iampolicy.Policy
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Role != "crawler" && p.Role != "reader" {
			g.policies[p.Identity] = p.Document.Statement
		}
	}
	return g, job
}

// TestPoliciesOfRuns: a job does all of its work with the policies that etl iam policy prints, on stores that deny everything else; and
// each action of a policy is there for a request that was seen.
func TestPoliciesOfRuns(t *testing.T) {
	g, job := guarded(t)
	for _, c := range [][]string{
		{"doctor"}, {"run"}, {"query"}, {"bookmark", "reset", "--yes"}, {"run"}, {"doctor", "--fix"}, {"retention"},
	} {
		args := append(slices.Clone(c), job)
		if c[0] == "query" {
			args = []string{"query", "--job", job, "SELECT count(*) FROM nfw", "--yes"}
		}
		out, errs, code := etl(t, args...)
		if code != 0 {
			t.Errorf("etl %s: code %d\n%s%s", strings.Join(c, " "), code, out, errs)
		}
	}
	text, err := os.ReadFile(job) // without a delete role, the provider role drops what it has held
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, job, strings.Replace(string(text), `, delete_role_arn: "arn:aws:iam::111122223333:role/deleter"`, "", 1))
	if out, errs, code := etl(t, "doctor", job); code != 0 {
		t.Errorf("without a delete role: code %d\n%s%s", code, out, errs)
	}
	for _, d := range g.denied {
		t.Errorf("denied: %s", d)
	}
	role := "arn:aws:iam::111122223333:role/"
	for part, who := range map[string]string{"state": "", "staging": role + "staging", "lake": role + "provider", "deleting": role + "deleter", "catalog": role + "catalog", "reading": role + "catalog"} {
		want := map[string]bool{}
		for _, c := range iampolicy.Calls() {
			if string(c.Part) == part && c.Unseen == "" {
				want[c.Name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if !g.seen[who][name] && (part != "reading" || !g.seen[role+"provider"][name]) { // a query uses both roles
				t.Errorf("%s: no run sends %s", part, name)
			}
		}
	}
}
