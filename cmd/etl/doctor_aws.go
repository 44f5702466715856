package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/jobfile"
)

// awsUse is one part of a job that goes to AWS, and as whom.
type awsUse struct {
	what, region, role, externalID string
	bucket                         string // "" for the catalog
	key                            string // of the job file that says region
}

// bucketOf is the bucket of a location that is asked with AWS credentials, and "" for another.
func bucketOf(location string) string {
	at, kind, err := storeKinds().Find(location)
	if err != nil || !kind.UsesAWS {
		return ""
	}
	return at.Bucket()
}

func awsUses(s *jobfile.Spec) []awsUse {
	var uses []awsUse
	deleting := bucketOf(s.Lake.Location)
	if s.Lake.DeleteRoleARN == "" {
		deleting = ""
	}
	for _, u := range []awsUse{
		{"staging", s.Source.Region, s.Source.RoleARN, s.Source.ExternalID, bucketOf(s.Source.Staging), "source.region"},
		{"lake", s.Lake.Region, s.Lake.RoleARN, s.Lake.ExternalID, bucketOf(s.Lake.Location), "lake.region"},
		{"deleting", s.Lake.Region, s.Lake.DeleteRoleARN, "", deleting, "lake.region"},
		{"state", s.Lake.Region, "", "", bucketOf(s.State), "lake.region"},
	} {
		if u.bucket != "" {
			uses = append(uses, u)
		}
	}
	if kind, err := catalogKinds().Find(s.Catalog.Type); err == nil && kind.UsesAWS {
		uses = append(uses, awsUse{"catalog", s.Catalog.Region, s.Catalog.RoleARN, s.Catalog.ExternalID, "", "catalog.region"})
	}
	return uses
}

func (u awsUse) config(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(u.region), config.WithLogger(logging.Nop{}), config.WithRetryMaxAttempts(2))
	if err != nil {
		return cfg, err
	}
	if u.role != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), u.role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "silt-doctor"
			if u.externalID != "" {
				o.ExternalID = aws.String(u.externalID)
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(role)
	}
	return cfg, nil
}

// credentials asks STS who the job is, for each of its parts that goes to AWS. Nothing secret is shown.
func credentials(ctx context.Context, spec *jobfile.Spec) []doctor.Check {
	var checks []doctor.Check
	seen := map[string]int{} // role and external ID to its check
	for _, u := range awsUses(spec) {
		who := u.role + "\n" + u.externalID
		if i, ok := seen[who]; ok {
			checks[i].What += ", " + u.what
			continue
		}
		seen[who] = len(checks)
		c := doctor.Check{Status: doctor.OK, What: "credentials for " + u.what}
		arn, err := u.identity(ctx)
		switch {
		case err == nil:
			c.Detail = arn
		case customEndpoint("STS"):
			c.Status, c.Detail = doctor.Warn, "STS was not asked who this is, since AWS_ENDPOINT_URL_S3 names another server; what follows shows whether they work"
		default:
			c.Status, c.Detail = doctor.Fail, awsLine(err)
			c.Todo = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"
			if u.role != "" {
				c.Todo = fmt.Sprintf("this identity needs sts:AssumeRole on %s, whose trust policy must name it and the external_id", u.role)
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// customEndpoint says whether S3 is another server than AWS's and the service is not: its keys are not AWS's then.
func customEndpoint(service string) bool {
	set := func(name string) bool { return os.Getenv(name) != "" }
	return set("AWS_ENDPOINT_URL_S3") && !set("AWS_ENDPOINT_URL_"+service) && !set("AWS_ENDPOINT_URL")
}

func (u awsUse) identity(ctx context.Context) (string, error) {
	if u.role == "" && customEndpoint("STS") {
		return "", errors.New("not asked")
	}
	cfg, err := u.config(ctx)
	if err != nil {
		return "", err
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}

// regions compares where the buckets are with what the job says: Security Lake's partition names the region, and Glue and S3
// must be asked in theirs.
func regions(ctx context.Context, spec *jobfile.Spec) []doctor.Check {
	var checks []doctor.Check
	for _, u := range awsUses(spec) {
		if u.bucket == "" || u.what == "deleting" {
			continue
		}
		region := u.bucketRegion(ctx)
		c := doctor.Check{Status: doctor.OK, What: "region of " + u.what, Detail: fmt.Sprintf("bucket %s is in %s", u.bucket, region)}
		switch {
		case region == "":
			continue // the checks of the bucket itself say what is wrong with it
		case region != u.region:
			c.Status = doctor.Fail
			c.Detail += fmt.Sprintf(", the job says %s", u.region)
			c.Todo = fmt.Sprintf("set %s to %s", u.key, region)
			if u.what == "state" { // which has no key of its own
				c.Todo = "keep state in the lake's region"
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// bucketRegion asks S3, which says so in refusals as well. "" where it does not.
func (u awsUse) bucketRegion(ctx context.Context) string {
	cfg, err := u.config(ctx)
	if err != nil {
		return ""
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &u.bucket})
	if err == nil {
		return aws.ToString(out.BucketRegion)
	}
	var re *awshttp.ResponseError
	if errors.As(err, &re) && re.Response != nil {
		return re.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

// awsLine is an error of the SDK without its preamble, in one line.
func awsLine(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + strings.Join(strings.Fields(api.ErrorMessage()), " ")
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if i := strings.LastIndex(text, "get credentials: "); i >= 0 {
		text = "no AWS credentials were found: " + text[i+len("get credentials: "):]
	}
	return text
}
