// Package open turns a location a person writes into its object store: s3://bucket/prefix, or the path of a folder.
//
// It is apart from package objstore so that code which only uses a store does not depend on the AWS SDK.
package open

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

// Config is what a job says about a store beside its location. Fields of the other kind of store are ignored. Every
// default is in dirstore.Config and s3store.Config.
type Config struct {
	Region     string // S3: the bucket's region
	RoleARN    string // S3: the role to assume
	ExternalID string // S3: sent when the role is assumed
	KMSKeyID   string // S3: the KMS key to encrypt with
	HoldCopies bool   // S3: hold files as copies instead of as multipart uploads
	Create     bool   // folder: make it when it is not there
	HideSilt   bool   // folder: leave .silt* folders out of listings
	HeldDir    string // folder: where held files wait
}

// A scheme has two letters or more: "c:" would be a drive.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+)://`)

// Open returns the store at a location; it implements objstore.Holder too. Errors are *objstore.Error around
// objstore.ErrNoStore, ErrNoCreds, ErrDenied or another cause.
func Open(ctx context.Context, location string, cfg Config) (objstore.Bucket, error) {
	fail := func(why, hint string) (objstore.Bucket, error) {
		return nil, &objstore.Error{Op: "open", Store: location, Err: errors.New(why), Hint: hint}
	}
	match := scheme.FindStringSubmatch(location)
	if match == nil {
		if location == "" {
			return nil, &objstore.Error{Op: "open", Store: `""`, Err: errors.New("the location is empty"), Hint: "write s3://bucket/prefix or the path of a folder"}
		}
		store, err := dirstore.Open(dirstore.Config{Root: location, Create: cfg.Create, HideSilt: cfg.HideSilt, HeldDir: cfg.HeldDir})
		if err != nil {
			return nil, err
		}
		return store, nil
	}
	if match[1] != "s3" {
		location = match[1] + "://..." // the rest of a URL may hold a password
		return fail("not a store Silt knows", "write s3://bucket/prefix or the path of a folder")
	}
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
	if bucket == "" {
		return fail("the bucket is missing", "write s3://bucket/prefix")
	}
	store, err := s3store.Open(ctx, s3store.Config{Bucket: bucket, Prefix: prefix, Region: cfg.Region, RoleARN: cfg.RoleARN,
		ExternalID: cfg.ExternalID, SSEKMSKeyID: cfg.KMSKeyID, HoldCopies: cfg.HoldCopies})
	if err != nil {
		return nil, err
	}
	return store, nil
}
