package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/objstore"
)

// lineError replaces the text of an error. The error itself stays reachable for errors.Is and errors.As.
type lineError struct {
	text string
	err  error
}

func (e *lineError) Error() string { return e.text }
func (e *lineError) Unwrap() error { return e.err }

// oneLine is err with its text on one line.
func oneLine(err error) error {
	return &lineError{text: strings.Join(strings.Fields(err.Error()), " "), err: err}
}

// innermost is the cause of a failed connection, without the SDK's texts around it.
func innermost(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return oneLine(urlErr.Err)
	}
	return oneLine(err)
}

// response is the HTTP answer in an error, or nil.
func response(err error) *http.Response {
	var re *awshttp.ResponseError
	if errors.As(err, &re) && re.Response != nil {
		return re.Response.Response
	}
	return nil
}

func serverTime(m middleware.Metadata) (time.Time, bool) { return awsmiddleware.GetServerTime(m) }

// needs names the permission that an operation needs.
func needs(op string) string {
	switch op {
	case "list", "folders", "now":
		return "s3:ListBucket on the bucket"
	case "head", "get":
		return "s3:GetObject on the object (and s3:ListBucket, without which S3 denies missing keys too), and kms:Decrypt if it is encrypted with a KMS key"
	case "restore":
		return "s3:RestoreObject on the object"
	case "delete":
		return "s3:DeleteObject on the object"
	case "drop":
		return "s3:AbortMultipartUpload on the object"
	case "held-list":
		return "s3:ListBucketMultipartUploads on the bucket"
	}
	return "s3:PutObject on the object, and kms:GenerateDataKey and kms:Decrypt if the bucket has a KMS key"
}

// fail makes a *diag.OpError of what the SDK returned: the reason that callers decide on, and what to do. It keeps nil.
func (s *Store) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	var already *diag.OpError
	if errors.As(err, &already) {
		return err
	}
	cause, try := s.explain(op, err)
	return objstore.Fail(op, s.String(), key, cause, try)
}

func (s *Store) explain(op string, err error) (cause error, try string) { //nolint:staticcheck // the cause is a value, and leads as in a sentence
	var creds *credsError
	if errors.As(err, &creds) && !errors.Is(err, context.Canceled) {
		return explainCreds(creds)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return explainTransport(err, s.client.Options().BaseEndpoint)
	}
	status, region := 0, ""
	if resp := response(err); resp != nil {
		status, region = resp.StatusCode, resp.Header.Get("X-Amz-Bucket-Region")
	}
	code := api.ErrorCode()
	sentinel := sentinelOf(code, status)
	// A refusal explains itself best in S3's own words; the sentinel says the others.
	what := oneLine(fmt.Errorf("%s (HTTP %d): %s", code, status, api.ErrorMessage()))
	switch {
	case sentinel == nil:
		cause = &lineError{text: what.Error(), err: err}
	case errors.Is(sentinel, objstore.ErrDenied), errors.Is(sentinel, objstore.ErrArchived), errors.Is(sentinel, objstore.ErrNoCreds):
		cause = fmt.Errorf("%w: %w", sentinel, &lineError{text: what.Error(), err: err})
	default:
		cause = &lineError{text: sentinel.Error(), err: errors.Join(sentinel, err)}
	}
	if region != "" && region != s.client.Options().Region && (status == 301 || status == 307 || status == 400) {
		return cause, fmt.Sprintf("set the region to %s, where the bucket is (in the job, or AWS_REGION)", region)
	}
	return cause, advice(op, code, status, sentinel)
}

func sentinelOf(code string, status int) error {
	switch code {
	case "NoSuchBucket":
		return objstore.ErrNoStore
	case "NoSuchUpload":
		return objstore.ErrNotHeld
	case "NoSuchKey", "NotFound":
		return objstore.ErrNotExist
	case "PreconditionFailed":
		return objstore.ErrChanged
	case "InvalidObjectState":
		return objstore.ErrArchived
	case "ExpiredToken", "ExpiredTokenException":
		return objstore.ErrNoCreds
	}
	switch status {
	case http.StatusForbidden, http.StatusUnauthorized:
		return objstore.ErrDenied
	case http.StatusNotFound:
		return objstore.ErrNotExist
	case http.StatusPreconditionFailed:
		return objstore.ErrChanged
	}
	return nil
}

// advice is what a person can do about an answer of S3.
func advice(op, code string, status int, sentinel error) string {
	switch code {
	case "NoSuchBucket":
		return "create the bucket, or correct its name"
	case "InvalidAccessKeyId":
		return "check AWS_ACCESS_KEY_ID or the profile: the server does not know this access key"
	case "SignatureDoesNotMatch":
		return "check AWS_SECRET_ACCESS_KEY or the profile: the secret key does not belong to the access key"
	case "ExpiredToken", "ExpiredTokenException", "InvalidToken":
		return "log in again: the session has expired"
	case "RequestTimeTooSkewed":
		return "set this machine's clock"
	case "InvalidObjectState":
		return "etl backfill --restore Standard --days 3 with the days of such objects, which asks S3 to restore them; a later run reads them"
	case "GlacierExpeditedRetrievalNotAvailable":
		return "--restore Standard, or run again later: S3 has no capacity for expedited restores at the moment"
	case "SlowDown", "ServiceUnavailable":
		return "run again later, or run fewer jobs at once: the store is overloaded"
	}
	switch {
	case strings.HasPrefix(code, "KMS."):
		return "check the KMS key: it must be enabled, in the bucket's region, and allow kms:GenerateDataKey and kms:Decrypt"
	case errors.Is(sentinel, objstore.ErrDenied):
		return "allow this identity " + needs(op)
	case status == http.StatusMovedPermanently:
		return "set the region of the bucket, which is in another one (in the job, or AWS_REGION)"
	}
	return ""
}

// explainTransport describes a request that got no answer, or that its caller canceled.
func explainTransport(err error, endpoint *string) (cause error, try string) { //nolint:staticcheck // the cause is a value, and leads as in a sentence
	switch {
	case errors.Is(err, context.Canceled):
		return &lineError{text: context.Canceled.Error(), err: err}, ""
	case errors.Is(err, context.DeadlineExceeded):
		return &lineError{text: context.DeadlineExceeded.Error(), err: err}, ""
	}
	var urlErr *url.Error
	if !errors.As(err, &urlErr) {
		return oneLine(err), ""
	}
	try = "check the endpoint and the network"
	if endpoint != nil {
		if u, parseErr := url.Parse(*endpoint); parseErr == nil {
			try = "check the endpoint " + u.Scheme + "://" + u.Host + " and the network"
		}
	}
	return &lineError{text: innermost(err).Error(), err: err}, try
}
