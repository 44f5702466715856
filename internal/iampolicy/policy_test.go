package iampolicy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/iampolicy"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
)

func policies(t *testing.T, job *jobfile.Spec) map[string]string {
	t.Helper()
	targets := map[string]lake.Target{
		"network_activity": {Source: "nfw", Folder: "ext/nfw/", Table: "nfw"},
		"http_activity":    {Source: "nfw-http", Folder: "ext/nfw-http/", Table: "nfw_http"},
	}
	all, err := iampolicy.For(job, targets)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range all {
		var b strings.Builder
		for _, s := range p.Document.Statement {
			b.WriteString(strings.Join(s.Action, " ") + " ON " + strings.Join(s.Resource, " ") + "\n")
		}
		out[strings.TrimSuffix(p.Role+" "+p.Identity, " ")] = b.String()
	}
	return out
}

// A job with a role for each part: the runner has the state only, and each role its own folders.
func TestPoliciesOfRoles(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/"
	job := &jobfile.Spec{State: "s3://acme-state/etl/", StateKMSKeyID: "arn:aws:kms:us-east-1:111122223333:key/k1",
		Source: jobfile.Source{Staging: "s3://acme-staging/AWSLogs/", RoleARN: role + "staging"},
		Lake: jobfile.Lake{Location: "s3://acme-lake", SourceName: "nfw", Region: "us-east-1", RoleARN: role + "provider", Hold: "upload", KMSKeyID: "k2",
			Classes: map[string]*jobfile.Class{"http_activity": {SourceName: "nfw-http", RoleARN: role + "http"}}},
		Catalog: jobfile.Catalog{Type: "glue", Database: "db", Region: "us-east-1", RoleARN: role + "catalog"}}
	got := policies(t, job)
	want := map[string]string{
		"runner": "s3:ListBucket ON arn:aws:s3:::acme-state\n" +
			"s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:PutObject ON arn:aws:s3:::acme-state/etl/*\n" +
			"kms:Decrypt kms:GenerateDataKey ON arn:aws:kms:us-east-1:111122223333:key/k1\n" +
			"sts:AssumeRole ON " + role + "catalog " + role + "http " + role + "provider " + role + "staging\n",
		"staging " + role + "staging": "s3:ListBucket ON arn:aws:s3:::acme-staging\ns3:GetObject s3:RestoreObject ON arn:aws:s3:::acme-staging/AWSLogs/*\n",
		"provider " + role + "provider": "s3:ListBucket s3:ListBucketMultipartUploads ON arn:aws:s3:::acme-lake\n" +
			"s3:AbortMultipartUpload s3:GetObject s3:PutObject ON arn:aws:s3:::acme-lake/ext/nfw/*\nkms:Decrypt kms:GenerateDataKey ON arn:aws:kms:us-east-1:111122223333:key/k2\n",
		"provider " + role + "http": "s3:ListBucket s3:ListBucketMultipartUploads ON arn:aws:s3:::acme-lake\n" +
			"s3:AbortMultipartUpload s3:GetObject s3:PutObject ON arn:aws:s3:::acme-lake/ext/nfw-http/*\nkms:Decrypt kms:GenerateDataKey ON arn:aws:kms:us-east-1:111122223333:key/k2\n",
		"deleter": "s3:ListBucket s3:ListBucketMultipartUploads ON arn:aws:s3:::acme-lake\n" +
			"s3:AbortMultipartUpload s3:DeleteObject s3:GetObject ON arn:aws:s3:::acme-lake/ext/nfw/*\n",
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			delete(got, name)
		}
	}
	// The deleter deletes in all folders of the job, also in those of classes with a role of their own.
	want["deleter"] = strings.Replace(want["deleter"], "ext/nfw/*\n", "ext/nfw-http/* arn:aws:s3:::acme-lake/ext/nfw/*\n", 1)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A job without roles: the runner has everything, and copies are held below .silt/held/ only.
func TestPolicyOfOneIdentity(t *testing.T) {
	job := &jobfile.Spec{State: "/var/state", Source: jobfile.Source{Staging: "s3://acme-staging"},
		Lake:    jobfile.Lake{Location: "s3://acme-lake/below/", SourceName: "nfw", Region: "cn-north-1", Hold: "copy"},
		Catalog: jobfile.Catalog{Type: "glue", Database: "db", Region: "cn-north-1", CatalogID: "111122223333"}}
	got := policies(t, job)
	if strings.Contains(got["runner"], "AssumeRole") || got["staging"] != "" || got["provider"] != "" || got["catalog"] != "" {
		t.Errorf("%q", got)
	}
	for _, line := range []string{
		"s3:DeleteObject s3:GetObject s3:PutObject ON arn:aws-cn:s3:::acme-lake/below/.silt/held/*\n",
		"s3:AbortMultipartUpload s3:GetObject s3:PutObject ON arn:aws-cn:s3:::acme-lake/below/ext/nfw-http/* arn:aws-cn:s3:::acme-lake/below/ext/nfw/*\n",
		"s3:GetObject s3:RestoreObject ON arn:aws-cn:s3:::acme-staging/*\n",
		"glue:GetTables ON arn:aws-cn:glue:cn-north-1:111122223333:catalog arn:aws-cn:glue:cn-north-1:111122223333:database/db arn:aws-cn:glue:cn-north-1:111122223333:table/db/*\n",
	} {
		if !strings.Contains(got["runner"], line) {
			t.Errorf("the runner does not have %q:\n%s", line, got["runner"])
		}
	}
	if strings.Contains(got["runner"], "acme-lake/below/*") || strings.Contains(got["runner"], "/var/state") {
		t.Error(got["runner"])
	}
}

// A document is JSON as IAM has it: no other members, no empty lists, and names of statements of letters and digits.
func TestGrammar(t *testing.T) {
	job := &jobfile.Spec{State: "s3://acme-state", Source: jobfile.Source{Staging: "s3://acme-staging"},
		Lake: jobfile.Lake{Location: "s3://acme-lake", SourceName: "nfw", Region: "us-east-1"}, Catalog: jobfile.Catalog{Type: "glue", Database: "db", Region: "us-east-1"}}
	all, err := iampolicy.For(job, map[string]lake.Target{"network_activity": {Source: "nfw", Table: "nfw"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		var names []string
		for _, s := range p.Document.Statement {
			if s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) == 0 || strings.Trim(s.Sid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
				t.Errorf("%s: %+v", p.Role, s)
			}
			names = append(names, s.Sid)
		}
		if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s: names appear twice: %v", p.Role, names)
		}
		if text, err := json.Marshal(p.Document); err != nil || !strings.HasPrefix(string(text), `{"Version":"2012-10-17","Statement":[{"Sid":`) {
			t.Errorf("%s %v", text, err)
		}
	}
}
