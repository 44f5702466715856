package main

import (
	"context"
	"errors"
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
)

// awsSDK answers the questions of etl doctor about AWS. It implements doctor.AWS.
type awsSDK struct{}

// Identity asks STS who the process is, after it has assumed the part's role.
func (awsSDK) Identity(ctx context.Context, p doctor.AWSPart) (string, error) {
	notAWS := customEndpoint("STS") // the keys may be another server's
	if notAWS && p.RoleARN == "" {
		return "", doctor.ErrNotAsked
	}
	cfg, err := awsConfig(ctx, p)
	if err != nil {
		return "", plainAWSError(err)
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		if notAWS {
			return "", doctor.ErrNotAsked
		}
		return "", plainAWSError(err)
	}
	return aws.ToString(out.Arn), nil
}

// BucketRegion asks S3, which also names the region when it refuses the request.
func (awsSDK) BucketRegion(ctx context.Context, p doctor.AWSPart) string {
	cfg, err := awsConfig(ctx, p)
	if err != nil {
		return ""
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &p.Bucket})
	if err == nil {
		return aws.ToString(out.BucketRegion)
	}
	if re, ok := errors.AsType[*awshttp.ResponseError](err); ok && re.Response != nil {
		return re.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

func awsConfig(ctx context.Context, p doctor.AWSPart) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(p.Region), config.WithLogger(logging.Nop{}), config.WithRetryMaxAttempts(2))
	if err != nil || p.RoleARN == "" {
		return cfg, err
	}
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), p.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "silt-doctor"
		if p.ExternalID != "" {
			o.ExternalID = aws.String(p.ExternalID)
		}
	})
	cfg.Credentials = aws.NewCredentialsCache(role)
	return cfg, nil
}

// customEndpoint says whether S3 is another server than AWS's while the service is AWS's.
func customEndpoint(service string) bool {
	set := func(name string) bool { return os.Getenv(name) != "" }
	return set("AWS_ENDPOINT_URL_S3") && !set("AWS_ENDPOINT_URL_"+service) && !set("AWS_ENDPOINT_URL")
}

// plainAWSError is an error of the SDK in one line, without the SDK's preamble.
func plainAWSError(err error) error {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return errors.New(e.ErrorCode() + ": " + strings.Join(strings.Fields(e.ErrorMessage()), " "))
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if i := strings.LastIndex(text, "get credentials: "); i >= 0 {
		text = "no AWS credentials were found: " + text[i+len("get credentials: "):]
	}
	return errors.New(text)
}
