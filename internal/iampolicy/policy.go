// Package iampolicy writes the IAM policies of a job's identities. Each action comes from the table of requests (Calls): a request that
// a command can send puts its action into the policy of the identity that sends it, and nothing else does.
//
// The package opens nothing. Conditions on s3:prefix are not used: S3 would then answer 403 instead of 404 for an object that does not
// exist.
package iampolicy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/location"
)

// Policy is the document of one identity.
type Policy struct {
	Role     string   `json:"role"`               // runner, staging, provider, deleter, catalog, crawler, reader
	Identity string   `json:"identity,omitempty"` // ARN of the job file
	Document Document `json:"policy"`
}

// Document is a policy as IAM has it.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on resources.
type Statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource []string
}

// Roles are the identities that policies can be written for.
func Roles() []string {
	return []string{"runner", "staging", "provider", "deleter", "catalog", "crawler", "reader"}
}

// builder writes the policies of one job.
type builder struct {
	job     *jobfile.Spec
	targets map[string]lake.Target
}

// For are the policies of a job, in the order of Roles. Parts of the job without a role belong to the runner.
func For(job *jobfile.Spec, targets map[string]lake.Target) ([]Policy, error) {
	b := &builder{job, targets}
	runner := []part{state}
	if job.Lookups != "" {
		runner = append(runner, lookups)
	}
	var out []Policy
	var assumed []string
	roles := []struct {
		name, arn string
		part      part
	}{{"staging", job.Source.RoleARN, staging}, {"provider", job.Lake.RoleARN, inLake}, {"deleter", job.Lake.DeleteRoleARN, deleted}, {"catalog", job.Catalog.RoleARN, tables}}
	for _, r := range roles {
		if r.arn == "" && r.part != deleted {
			runner = append(runner, r.part)
			continue
		}
		if r.arn != "" {
			assumed = append(assumed, r.arn)
		}
		folders := b.mainFolders()
		if r.part == deleted {
			folders = b.allFolders()
		}
		p, err := b.policy(r.name, r.arn, folders, r.part)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	for _, class := range slices.Sorted(maps.Keys(job.Lake.Classes)) {
		c := job.Lake.Classes[class]
		if c.RoleARN == "" {
			continue
		}
		assumed = append(assumed, c.RoleARN)
		p, err := b.policy("provider", c.RoleARN, []string{lake.SourceFolder(c.SourceName)}, inLake)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	first, err := b.policy("runner", "", b.mainFolders(), runner...)
	if err != nil {
		return nil, err
	}
	if len(assumed) > 0 {
		first.Document.Statement = append(first.Document.Statement, Statement{"AssumeRoles", "Allow", []string{"sts:AssumeRole"}, sorted(assumed)})
	}
	for name, p := range map[string]part{"crawler": crawled, "reader": read} {
		doc, err := b.policy(name, "", b.allFolders(), p)
		if err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	out = append(out, first)
	slices.SortStableFunc(out, func(x, y Policy) int {
		return cmp.Compare(slices.Index(Roles(), x.Role), slices.Index(Roles(), y.Role))
	})
	return out, nil
}

// mainFolders are the folders that the lake's own identity writes to.
func (b *builder) mainFolders() []string {
	var out []string
	for class, t := range b.targets {
		if c := b.job.Lake.Classes[class]; c == nil || c.RoleARN == "" {
			out = append(out, lake.SourceFolder(t.Source))
		}
	}
	return sorted(append(out, lake.SourceFolder(b.job.Lake.SourceName)))
}

func (b *builder) allFolders() []string {
	out := b.mainFolders()
	for _, t := range b.targets {
		out = append(out, lake.SourceFolder(t.Source))
	}
	return sorted(out)
}

func sorted(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }

func (b *builder) policy(role, identity string, folders []string, parts ...part) (Policy, error) {
	p := Policy{Role: role, Identity: identity, Document: Document{Version: "2012-10-17", Statement: []Statement{}}}
	for _, part := range parts {
		byLevel := map[level][]string{}
		for _, c := range Calls() {
			if c.Part == part {
				byLevel[c.Level] = append(byLevel[c.Level], c.Actions...)
			}
		}
		for _, l := range slices.Sorted(maps.Keys(byLevel)) {
			resources, err := b.resources(part, l, folders)
			if err != nil {
				return p, err
			}
			if len(resources) > 0 {
				p.Document.Statement = append(p.Document.Statement, Statement{sid(part, l), "Allow", sorted(byLevel[l]), resources})
			}
		}
		if key := b.kmsKey(part); key != "" {
			actions := []string{"kms:Decrypt", "kms:GenerateDataKey"}
			if part == read || part == crawled {
				actions = actions[:1]
			}
			p.Document.Statement = append(p.Document.Statement, Statement{sid(part, -1), "Allow", actions, []string{key}})
		}
	}
	return p, nil
}

func sid(p part, l level) string {
	suffix := map[level]string{-1: "Key", onBucket: "Bucket", onObjects: "Objects", onHeld: "Held", onCatalog: "Tables", onTables: "Database", onLogs: "Logs", onAll: "Access"}[l]
	return strings.ToUpper(string(p[:1])) + string(p[1:]) + suffix
}

// resources are the ARNs of a part. They are nil if the job does not use it.
func (b *builder) resources(p part, l level, folders []string) ([]string, error) {
	partition := Partition(b.job.Lake.Region)
	at := map[part]string{staging: b.job.Source.Staging, lookups: b.job.Lookups, state: b.job.State}[p]
	switch l {
	case onAll:
		return []string{"*"}, nil
	case onLogs:
		return []string{fmt.Sprintf("arn:%s:logs:%s:*:log-group:/aws-glue/crawlers*", partition, b.job.Catalog.Region)}, nil
	case onCatalog:
		return b.catalog(partition), nil
	case onTables:
		return b.database(partition), nil
	case onHeld:
		if b.job.Lake.Hold != "copy" {
			return nil, nil
		}
	}
	ofLake := at == ""
	if ofLake {
		at = b.job.Lake.Location
	}
	where, err := location.Parse(at)
	if err != nil || where.Scheme() != "s3" {
		return nil, err
	}
	bucket := "arn:" + partition + ":s3:::" + where.Bucket()
	switch {
	case l == onBucket:
		return []string{bucket}, nil
	case !ofLake:
		return []string{bucket + "/" + below(where, "") + "*"}, nil
	case l == onHeld:
		return []string{bucket + "/" + below(where, ".silt/held/") + "*"}, nil
	}
	var out []string
	for _, f := range folders {
		out = append(out, bucket+"/"+below(where, f)+"*")
	}
	return out, nil
}

// below is a prefix of keys in a bucket, with a slash at its end.
func below(at location.Location, folder string) string {
	if root := strings.Trim(at.Path(), "/"); root != "" {
		return root + "/" + folder
	}
	return folder
}

func (b *builder) catalog(partition string) []string {
	if b.job.Catalog.Type != "glue" {
		return nil
	}
	arn := b.glueARN(partition)
	names := []string{arn + "catalog", arn + "database/" + b.job.Catalog.Database}
	for _, t := range b.targets {
		names = append(names, arn+"table/"+b.job.Catalog.Database+"/"+t.Table)
	}
	return sorted(names)
}

func (b *builder) database(partition string) []string {
	if b.job.Catalog.Type != "glue" {
		return nil
	}
	arn := b.glueARN(partition)
	return []string{arn + "catalog", arn + "database/" + b.job.Catalog.Database, arn + "table/" + b.job.Catalog.Database + "/*"}
}

// glueARN is the beginning of the ARNs of a catalog. An account that the job does not name is a star.
func (b *builder) glueARN(partition string) string {
	id := cmp.Or(b.job.Catalog.CatalogID, account(b.job.Catalog.RoleARN), account(b.job.Lake.RoleARN), "*")
	return fmt.Sprintf("arn:%s:glue:%s:%s:", partition, b.job.Catalog.Region, id)
}

// account is the account of a role, or "".
func account(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 {
		return parts[4]
	}
	return ""
}

// kmsKey is the key of what a part writes, as an ARN.
func (b *builder) kmsKey(p part) string {
	key := map[part]string{state: b.job.StateKMSKeyID, inLake: b.job.Lake.KMSKeyID, read: b.job.Lake.KMSKeyID, crawled: b.job.Lake.KMSKeyID}[p]
	switch {
	case key == "" || strings.HasPrefix(key, "arn:"):
		return key
	case strings.HasPrefix(key, "alias/"):
		return "*" // the policy of a key does not know its aliases
	}
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", Partition(b.job.Lake.Region), b.job.Lake.Region, cmp.Or(account(b.job.Lake.RoleARN), "*"), key)
}

// Partition is aws, aws-cn or aws-us-gov, by the region.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
