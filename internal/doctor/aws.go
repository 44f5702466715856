package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// AWS asks AWS about a part of a job. cmd/etl implements it with the SDK.
type AWS interface {
	// Identity returns the ARN of the identity that the part is reached with. ErrNotAsked: the job's S3 server is not AWS's.
	Identity(ctx context.Context, p AWSPart) (arn string, err error)
	// BucketRegion returns the region of the part's bucket, or "" if it is unknown.
	BucketRegion(ctx context.Context, p AWSPart) string
}

// ErrNotAsked says that AWS was not asked for an identity, because the S3 server is another one.
var ErrNotAsked = errors.New("AWS was not asked")

// AWSPart is a part of a job that is reached with AWS credentials.
type AWSPart struct {
	Name       string // staging, lake, deleting, state, catalog
	Region     string
	RegionKey  string // the key of the job file that names the region
	RoleARN    string // to assume; "": the identity of the process
	ExternalID string
	Bucket     string // "" for the catalog
}

// awsParts returns the parts of the job that use AWS.
func (e *examination) awsParts() []AWSPart {
	job := e.Job
	var parts []AWSPart
	for _, p := range []struct {
		location string
		AWSPart
	}{
		{job.Source.Staging, AWSPart{"staging", job.Source.Region, "source.region", job.Source.RoleARN, job.Source.ExternalID, ""}},
		{job.Lake.Location, AWSPart{"lake", job.Lake.Region, "lake.region", job.Lake.RoleARN, job.Lake.ExternalID, ""}},
		{job.Lake.Location, AWSPart{"deleting", job.Lake.Region, "lake.region", job.Lake.DeleteRoleARN, "", ""}},
		{job.State, AWSPart{"state", job.Lake.Region, "lake.region", "", "", ""}},
	} {
		at, kind, err := e.Stores.Find(p.location)
		if err != nil || !kind.UsesAWS || p.Name == "deleting" && p.RoleARN == "" {
			continue
		}
		p.Bucket = at.Bucket()
		parts = append(parts, p.AWSPart)
	}
	if at, kind, err := e.Stores.Find(job.Lake.Location); err == nil && kind.UsesAWS {
		for _, name := range slices.Sorted(maps.Keys(job.Lake.Classes)) {
			if c := job.Lake.Classes[name]; c.RoleARN != "" {
				parts = append(parts, AWSPart{"class " + name, job.Lake.Region, "lake.region", c.RoleARN, c.ExternalID, at.Bucket()})
			}
		}
	}
	if e.Catalog.UsesAWS {
		parts = append(parts, AWSPart{"catalog", job.Catalog.Region, "catalog.region", job.Catalog.RoleARN, job.Catalog.ExternalID, ""})
	}
	return parts
}

// checkCredentials asks who the job is, once for each identity. A secret is never shown.
func checkCredentials(ctx context.Context, e *examination) []Result {
	var results []Result
	seen := map[[2]string]int{} // role and external ID to their result
	for _, p := range e.awsParts() {
		identity := [2]string{p.RoleARN, p.ExternalID}
		if i, ok := seen[identity]; ok {
			results[i].What += ", " + p.Name
			continue
		}
		seen[identity] = len(results)
		results = append(results, e.checkIdentity(ctx, p))
	}
	return results
}

func (e *examination) checkIdentity(ctx context.Context, p AWSPart) Result {
	what := "credentials for " + p.Name
	arn, err := e.AWS.Identity(ctx, p)
	switch {
	case err == nil:
		return ok(what, "%s", arn)
	case errors.Is(err, ErrNotAsked):
		return warn(what, "", "AWS was not asked, because AWS_ENDPOINT_URL_S3 names another server; the checks below show whether they work")
	case p.RoleARN == "":
		return fail(what, err, "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached")
	}
	return fail(what, err, fmt.Sprintf("allow sts:AssumeRole on %s for this identity, and name the identity and the external_id in the role's trust policy", p.RoleARN))
}

// checkRegions compares where the buckets are with what the job says: Security Lake's partitions name the region, and S3 and Glue
// must be asked in the right one.
func checkRegions(ctx context.Context, e *examination) []Result {
	var results []Result
	for _, p := range e.awsParts() {
		if p.Bucket == "" || p.Name == "deleting" {
			continue
		}
		what, region := "region of "+p.Name, e.AWS.BucketRegion(ctx, p)
		switch {
		case region == "": // the check of the bucket itself says what is wrong
		case region == p.Region:
			results = append(results, ok(what, "bucket %s is in %s", p.Bucket, region))
		default:
			try := fmt.Sprintf("set %s to %s", p.RegionKey, region)
			if p.Name == "state" { // which has no key for its region
				try = "store the state in the lake's region"
			}
			results = append(results, fail(what, fmt.Errorf("bucket %s is in %s, but the job says %s", p.Bucket, region, p.Region), try))
		}
	}
	return results
}
