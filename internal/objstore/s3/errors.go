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

	"github.com/silt-etl/silt/internal/objstore"
)

// lineError is an error whose text is given anew; what it was stays reachable for errors.Is and As.
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

// innermost leaves out what the SDK says about itself around the cause of a failed connection.
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

// needs names the permission an operation needs, for the hint of a refusal.
func needs(op string) string {
	switch op {
	case "list", "folders", "now":
		return "s3:ListBucket on the bucket"
	case "head", "get":
		return "s3:GetObject on the object (and s3:ListBucket: without it S3 refuses a missing key too), kms:Decrypt if it is encrypted with a KMS key"
	case "delete":
		return "s3:DeleteObject on the object"
	case "drop":
		return "s3:AbortMultipartUpload on the object"
	case "held-list":
		return "s3:ListBucketMultipartUploads on the bucket"
	}
	return "s3:PutObject on the object, kms:GenerateDataKey and kms:Decrypt if the bucket has a KMS key"
}

// fail makes an *objstore.Error of what the SDK returned: the sentinel callers decide on, and what to do. It keeps nil.
func (s *Store) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	var already *objstore.Error
	if errors.As(err, &already) {
		return err
	}
	e := &objstore.Error{Op: op, Store: s.String(), Key: key}
	var creds *credsError
	if errors.As(err, &creds) && !errors.Is(err, context.Canceled) {
		failCreds(e, creds)
		return e
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		s.failTransport(e, err)
		return e
	}
	status, region := 0, ""
	if resp := response(err); resp != nil {
		status, region = resp.StatusCode, resp.Header.Get("X-Amz-Bucket-Region")
	}
	code := api.ErrorCode()
	sentinel := sentinelOf(code, status)
	// A refusal explains itself best in S3's own words; the others are said by the sentinel.
	what := oneLine(fmt.Errorf("%s (HTTP %d): %s", code, status, api.ErrorMessage()))
	switch {
	case sentinel == nil:
		e.Err = &lineError{text: what.Error(), err: err}
	case errors.Is(sentinel, objstore.ErrDenied):
		e.Err = fmt.Errorf("%w: %w", sentinel, &lineError{text: what.Error(), err: err})
	default:
		e.Err = &lineError{text: sentinel.Error(), err: errors.Join(sentinel, err)}
	}
	e.Hint = hint(op, code, status, sentinel)
	if region != "" && region != s.client.Options().Region && (status == 301 || status == 307 || status == 400) {
		e.Hint = fmt.Sprintf("the bucket is in %s: set that as its region or as AWS_REGION", region)
	}
	return e
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

func hint(op, code string, status int, sentinel error) string {
	switch code {
	case "NoSuchBucket":
		return "make the bucket, or mend its name"
	case "InvalidAccessKeyId":
		return "this access key is unknown there: check AWS_ACCESS_KEY_ID or the profile"
	case "SignatureDoesNotMatch":
		return "the secret key does not belong to the access key: check AWS_SECRET_ACCESS_KEY or the profile"
	case "ExpiredToken", "ExpiredTokenException", "InvalidToken":
		return "the session has ended: log in again"
	case "RequestTimeTooSkewed":
		return "set this machine's clock"
	case "SlowDown", "ServiceUnavailable":
		return "the store is overloaded: run again later, or with fewer jobs at once"
	}
	switch {
	case strings.HasPrefix(code, "KMS."):
		return "check the KMS key: it must be enabled, in the bucket's region, and allow kms:GenerateDataKey and kms:Decrypt"
	case errors.Is(sentinel, objstore.ErrDenied):
		return "this identity needs " + needs(op)
	case status == http.StatusMovedPermanently:
		return "the bucket is in another region: set its region or AWS_REGION"
	}
	return ""
}

// failTransport describes a request that got no answer, or whose caller gave up.
func (s *Store) failTransport(e *objstore.Error, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		e.Err = &lineError{text: context.Canceled.Error(), err: err}
		return
	case errors.Is(err, context.DeadlineExceeded):
		e.Err = &lineError{text: context.DeadlineExceeded.Error(), err: err}
		return
	}
	var urlErr *url.Error
	if !errors.As(err, &urlErr) {
		e.Err = oneLine(err)
		return
	}
	e.Err = &lineError{text: innermost(err).Error(), err: err}
	e.Hint = "check the endpoint and the network"
	if endpoint := s.client.Options().BaseEndpoint; endpoint != nil {
		if u, parseErr := url.Parse(*endpoint); parseErr == nil {
			e.Hint = "check the endpoint " + u.Scheme + "://" + u.Host + " and the network"
		}
	}
}
