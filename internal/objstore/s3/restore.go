package s3store

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/silt-etl/silt/internal/objstore"
)

// storageClass is the class of a listed object. STANDARD is the empty text, as in an answer to HEAD, and costs no memory.
func storageClass(class string) string {
	for _, known := range []string{objstore.ClassGlacier, objstore.ClassDeepArchive, objstore.ClassIntelligentTiering} {
		if class == known {
			return known // not a text of its own for each object
		}
	}
	if class == string(types.ObjectStorageClassStandard) {
		return ""
	}
	return class
}

// restoreStatus is the status in a listing. nil: the object is not archived, or nobody has asked to restore it.
func restoreStatus(listed *types.RestoreStatus) *objstore.RestoreStatus {
	if listed == nil {
		return nil
	}
	return &objstore.RestoreStatus{InProgress: aws.ToBool(listed.IsRestoreInProgress), Expires: aws.ToTime(listed.RestoreExpiryDate)}
}

// restoreHeader is the status in an answer to HEAD (example: `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`).
func restoreHeader(header *string) *objstore.RestoreStatus {
	if header == nil {
		return nil
	}
	value := func(name string) string {
		_, rest, _ := strings.Cut(*header, name+`="`)
		text, _, _ := strings.Cut(rest, `"`)
		return text
	}
	status := &objstore.RestoreStatus{InProgress: value("ongoing-request") == "true"}
	if at, err := http.ParseTime(value("expiry-date")); err == nil {
		status.Expires = at.In(time.UTC)
	}
	return status
}

// Restore implements objstore.Restorer.
func (s *Store) Restore(ctx context.Context, key string, opts objstore.RestoreOptions) (objstore.RestoreAnswer, error) {
	request := &types.RestoreRequest{GlacierJobParameters: &types.GlacierJobParameters{Tier: types.Tier(opts.Tier)}}
	if opts.Days > 0 {
		request.Days = aws.Int32(int32(opts.Days))
	}
	out, err := s.client.RestoreObject(ctx, &s3.RestoreObjectInput{Bucket: s.bucket(), Key: s.key(key), RestoreRequest: request})
	var api smithy.APIError
	switch {
	case err == nil:
	case errors.As(err, &api) && api.ErrorCode() == "RestoreAlreadyInProgress":
		return objstore.RestoreInProgress, nil
	case errors.As(err, &api) && api.ErrorCode() == "InvalidObjectState": // the object is in a class that is not archived
		return objstore.RestoreDone, nil
	default:
		return 0, s.fail("restore", key, err)
	}
	// S3 answers 202 if it begins to restore the object, and 200 if the object is restored.
	if r, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response); ok && r.StatusCode == http.StatusOK {
		return objstore.RestoreDone, nil
	}
	return objstore.RestoreStarted, nil
}

var _ objstore.Restorer = (*Store)(nil)
