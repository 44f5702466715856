// Package s3store is an object store on S3, or on a server that speaks its protocol.
//
// Requests are retried by the AWS SDK's client: throttling (503 SlowDown), 5xx answers, broken connections and the 409 of a
// conditional write in conflict. A body that breaks off while it is read continues with a ranged, pinned read. A write whose
// answer was lost is sent again, so a create-only Put may find its own object and return objstore.ErrExists: a caller that
// must know puts a nonce into what it writes. Nothing is retried above that.
//
// Every body and part carries a CRC32, which the server checks. Held files are multipart uploads that are not completed; for
// servers whose multipart uploads are odd, objects that no reader looks at (Config.HoldCopies).
//
// Errors are *diag.OpError on one line. No key, secret or token is ever in one.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
)

const (
	defaultPart = 16 << 20
	minPart     = 5 << 20 // S3's limit for every part but the last
	maxParts    = 10_000  // S3's limit
	parallel    = 4       // parts sent at the same time
)

// Config says where a store is and how it is reached. Only Bucket is needed.
type Config struct {
	Bucket string
	// Prefix is put before every key. A slash is added at its end when it has none. Default: the bucket's root.
	Prefix string
	// Region of the bucket. Default: the SDK's (AWS_REGION, profile), else found by asking the bucket.
	Region string
	// RoleARN is assumed with the SDK's credentials before anything is done. Default: those credentials are used as they are.
	RoleARN string
	// ExternalID is sent when RoleARN is assumed. Default: none.
	ExternalID string
	// SSEKMSKeyID encrypts what is written with that KMS key. Default: as the bucket says.
	SSEKMSKeyID string
	// Endpoint replaces AWS's own, as a URL. Default: the SDK's (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, profile). With any
	// of these the bucket is in the path of the URL, not in the host name.
	Endpoint string
	// HoldCopies holds files as objects below .silt/held/ that are copied on the server, instead of as multipart uploads. What is
	// below .silt/ is then left out of listings. Publish and Drop follow the Held, whatever this setting is. Default: uploads.
	HoldCopies bool
	// MultipartThresholdBytes is the size from which Put sends parts. Put keeps that much in memory. Default: 16 MiB.
	MultipartThresholdBytes int64
	// PartSizeBytes is the size of a part, raised to S3's least (5 MiB) and so that 10,000 are enough. Default: 16 MiB.
	PartSizeBytes int64
	// RequestTries is how often a request is sent in all, the first time included, before its error is returned. Default: 5.
	RequestTries int
	// MaxBackoff is the longest wait between two tries of a request. Default: 20s.
	MaxBackoff time.Duration
	// StallTimeout is how long a body may bring nothing before it is taken for broken. Default: 60s.
	StallTimeout time.Duration
}

// Kind describes S3 to the registry of stores.
func Kind() objstore.Kind {
	return objstore.Kind{Scheme: scheme, Form: "s3://bucket/prefix", NeedsState: true, HoldsCopies: true, DeletesNeedRole: true, UsesAWS: true,
		DefaultCatalog: "glue",
		Open: func(ctx context.Context, at location.Location, o objstore.Options) (objstore.Bucket, error) {
			s, err := Open(ctx, Config{Bucket: at.Bucket(), Prefix: at.Path(), Region: o.Region, RoleARN: o.RoleARN, ExternalID: o.ExternalID,
				SSEKMSKeyID: o.KMSKeyID, HoldCopies: o.HoldCopies})
			if err != nil {
				return nil, err
			}
			return s, nil
		}}
}

const scheme = "s3"

// Store is a bucket and prefix as an objstore.Bucket and objstore.Holder. It is safe for concurrent use.
type Store struct {
	cfg    Config
	client *s3.Client
}

// Open finds credentials and returns the store. Without credentials, or when the role cannot be assumed, it fails with
// objstore.ErrNoCreds or ErrDenied. Whether the bucket exists is seen at the first use.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	name := location.InBucket(scheme, cfg.Bucket, "").String()
	if cfg.Bucket == "" || strings.ContainsAny(cfg.Bucket, "/ ") {
		return nil, objstore.Fail("open", name, "", errors.New("not the name of a bucket"), "write s3://bucket/prefix")
	}
	if cfg.Prefix = strings.TrimPrefix(cfg.Prefix, "/"); cfg.Prefix != "" && !strings.HasSuffix(cfg.Prefix, "/") {
		cfg.Prefix += "/"
	}
	setDefault(&cfg.MultipartThresholdBytes, defaultPart)
	setDefault(&cfg.PartSizeBytes, defaultPart)
	cfg.PartSizeBytes = max(cfg.PartSizeBytes, minPart)
	setRetryDefaults(&cfg)

	options := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}), // it would write to stderr
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.MaxIdleConnsPerHost = 64
			tr.ResponseHeaderTimeout = 3 * time.Minute
		})),
		config.WithRetryer(func() aws.Retryer { return newRetryer(cfg) }),
	}
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	}
	awsConfig, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, objstore.Fail("open", name, "", oneLine(err), "correct the AWS configuration (profile, AWS_* variables)")
	}
	asked := awsConfig.Region
	if asked == "" {
		awsConfig.Region = "us-east-1"
	}
	s := &Store{cfg: cfg}
	if err := s.findCredentials(ctx, &awsConfig); err != nil {
		return nil, err
	}
	s.client = newClient(awsConfig, cfg.Endpoint)
	if cfg.Region == "" && s.client.Options().BaseEndpoint == nil {
		if region := bucketRegion(ctx, s.client, cfg.Bucket); region != "" && region != awsConfig.Region {
			awsConfig.Region = region
			s.client = newClient(awsConfig, cfg.Endpoint)
		}
	}
	return s, nil
}

func setDefault[T int | int64 | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

func newClient(awsConfig aws.Config, endpoint string) *s3.Client {
	return s3.NewFromConfig(awsConfig, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
		o.UsePathStyle = o.BaseEndpoint != nil
		o.DisableLogOutputChecksumValidationSkipped = true
	})
}

// bucketRegion asks for the region of a bucket, which S3 names in every answer, even if it denies the request. It is empty if it
// is not known.
func bucketRegion(ctx context.Context, client *s3.Client, bucket string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err == nil {
		return aws.ToString(out.BucketRegion)
	}
	if resp := response(err); resp != nil {
		return resp.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

// String returns s3://bucket/prefix, without a slash at its end.
func (s *Store) String() string {
	return location.InBucket(scheme, s.cfg.Bucket, s.cfg.Prefix).String()
}

func (s *Store) bucket() *string { return &s.cfg.Bucket }

func (s *Store) key(key string) *string { return aws.String(s.cfg.Prefix + key) }

// Now implements objstore.Bucket with the Date header of S3's answer, which has a resolution of one second.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	out, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: s.bucket()})
	if err != nil {
		return time.Time{}, s.fail("now", "", err)
	}
	now, ok := serverTime(out.ResultMetadata)
	if !ok {
		return time.Time{}, objstore.Fail("now", s.String(), "", errors.New("the answer has no Date header"), "")
	}
	return now, nil
}

// Delete implements objstore.Bucket.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: s.bucket(), Key: s.key(key)})
	if err = s.fail("delete", key, err); err != nil && !errors.Is(err, objstore.ErrNotExist) {
		return err
	}
	return nil
}

// bareETag takes the quotes off; quoted puts them back. A key's ETag is the same however it was learnt.
func bareETag(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	return aws.String(fmt.Sprintf("%q", etag))
}

var (
	_ objstore.Bucket = (*Store)(nil)
	_ objstore.Holder = (*Store)(nil)
	_ io.ReadCloser   = (*body)(nil)
)
