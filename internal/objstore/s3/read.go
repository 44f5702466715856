package s3store

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/silt-etl/silt/internal/objstore"
)

// pages calls fn for each page of a listing, as it comes.
func (s *Store) pages(ctx context.Context, op string, in *s3.ListObjectsV2Input, prefix string, fn func(*s3.ListObjectsV2Output) error) error {
	in.Bucket, in.Prefix = s.bucket(), s.key(prefix)
	in.EncodingType = types.EncodingTypeUrl // XML cannot carry every character a key may have
	in.OptionalObjectAttributes = []types.OptionalObjectAttributes{types.OptionalObjectAttributesRestoreStatus}
	paginator := s3.NewListObjectsV2Paginator(s.client, in)
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(ctx)
		if err != nil {
			return s.fail(op, prefix, err)
		}
		if err := fn(page); err != nil {
			return err
		}
	}
	return nil
}

// decodeKey undoes the URL encoding of a listed key, if the server did as it was asked, and takes the store's prefix off.
func (s *Store) decodeKey(key *string, encoding types.EncodingType) (string, error) {
	name := aws.ToString(key)
	if encoding == types.EncodingTypeUrl {
		var err error
		if name, err = url.QueryUnescape(name); err != nil {
			return "", fmt.Errorf("the listing has a key that cannot be decoded: %w", err)
		}
	}
	return strings.TrimPrefix(name, s.cfg.Prefix), nil
}

// hidden says whether a key belongs to the store itself: it is below .silt/, and the store holds copies there.
func (s *Store) hidden(key string) bool { return s.cfg.HoldCopies && strings.HasPrefix(key, ownFolder) }

// List implements objstore.Reader, 1000 keys a request.
func (s *Store) List(ctx context.Context, opts objstore.ListOptions, fn func(objstore.Object) error) error {
	in := &s3.ListObjectsV2Input{}
	if opts.After != "" {
		in.StartAfter = s.key(opts.After)
	}
	return s.pages(ctx, "list", in, opts.Prefix, func(page *s3.ListObjectsV2Output) error { return s.each(page, opts.Prefix, fn) })
}

// each calls fn for the objects of a page.
func (s *Store) each(page *s3.ListObjectsV2Output, prefix string, fn func(objstore.Object) error) error {
	for i := range page.Contents {
		o := &page.Contents[i]
		key, err := s.decodeKey(o.Key, page.EncodingType)
		if err != nil {
			return s.fail("list", prefix, err)
		}
		if key == "" || s.hidden(key) {
			continue // the marker some tools make of the prefix itself, or our own
		}
		obj := objstore.Object{Key: key, ETag: bareETag(o.ETag), SizeBytes: aws.ToInt64(o.Size), LastModified: aws.ToTime(o.LastModified),
			StorageClass: storageClass(string(o.StorageClass)), Restore: restoreStatus(o.RestoreStatus)}
		if err := fn(obj); err != nil {
			return err
		}
	}
	return nil
}

// Folders implements objstore.Reader. S3 groups the keys, so that a folder costs one entry of a page.
func (s *Store) Folders(ctx context.Context, prefix string) ([]string, error) {
	return s.Level(ctx, prefix, func(objstore.Object) error { return nil })
}

// Level calls fn for each object directly under prefix, and returns the folders directly under it; one listing gives both.
func (s *Store) Level(ctx context.Context, prefix string, fn func(objstore.Object) error) ([]string, error) {
	var out []string
	err := s.pages(ctx, "folders", &s3.ListObjectsV2Input{Delimiter: aws.String("/")}, prefix, func(page *s3.ListObjectsV2Output) error {
		if err := s.each(page, prefix, fn); err != nil {
			return err
		}
		for _, p := range page.CommonPrefixes {
			folder, err := s.decodeKey(p.Prefix, page.EncodingType)
			if err != nil {
				return s.fail("folders", prefix, err)
			}
			if !s.hidden(folder) {
				out = append(out, folder)
			}
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// Head implements objstore.Reader. A missing bucket shows as objstore.ErrNotExist here: S3 answers both with a bare 404.
func (s *Store) Head(ctx context.Context, key string) (objstore.Object, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: s.bucket(), Key: s.key(key)})
	if err != nil {
		return objstore.Object{}, s.fail("head", key, err)
	}
	return objstore.Object{Key: key, ETag: bareETag(out.ETag), SizeBytes: aws.ToInt64(out.ContentLength), LastModified: aws.ToTime(out.LastModified),
		StorageClass: storageClass(string(out.StorageClass)), Restore: restoreHeader(out.Restore)}, nil
}

// Get implements objstore.Reader. When the body breaks off or stalls, it is taken up again where it stopped, pinned to the
// same version; the caller sees one unbroken body, or objstore.ErrChanged.
func (s *Store) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	b := &body{s: s, ctx: ctx, key: key, off: max(opts.Offset, 0)}
	b.obj.ETag = opts.ETag
	if err := b.open(opts.Length); err != nil {
		if resp := response(err); resp != nil && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
			return s.empty(ctx, key, opts.ETag)
		}
		return nil, objstore.Object{}, s.fail("get", key, err)
	}
	return b, b.obj, nil
}

// empty answers a range behind the object's end, which S3 refuses.
func (s *Store) empty(ctx context.Context, key, etag string) (io.ReadCloser, objstore.Object, error) {
	obj, err := s.Head(ctx, key)
	if err != nil {
		return nil, objstore.Object{}, err
	}
	if etag != "" && etag != obj.ETag {
		return nil, objstore.Object{}, objstore.Fail("get", s.String(), key, objstore.ErrChanged, "")
	}
	return http.NoBody, obj, nil
}

// body is one read of an object, over as many requests as it takes.
type body struct {
	s        *Store
	ctx      context.Context //nolint:containedctx // io.Reader has no place for a context
	key      string
	obj      objstore.Object // known after the first open
	off, end int64           // what is still to be read
	rc       io.ReadCloser   // nil when it broke off
	cancel   context.CancelFunc
	broken   int   // times it broke off since it last got further
	err      error // what ended it
}

// open sends the request for [off, end), or before the end is known for length bytes, all of them if that is 0.
func (b *body) open(length int64) error {
	in := &s3.GetObjectInput{Bucket: b.s.bucket(), Key: b.s.key(b.key), IfMatch: quoted(b.obj.ETag)}
	resuming := b.end > 0
	switch {
	case resuming:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", b.off, b.end-1))
	case length > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", b.off, b.off+length-1))
	case b.off > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", b.off))
	}
	ctx, cancel := context.WithCancel(b.ctx)
	out, err := b.s.client.GetObject(ctx, in)
	if err != nil {
		cancel()
		return err
	}
	n, total := aws.ToInt64(out.ContentLength), aws.ToInt64(out.ContentLength)
	if in.Range != nil {
		first, size, ok := contentRange(aws.ToString(out.ContentRange))
		if !ok || first != b.off {
			out.Body.Close()
			cancel()
			return fmt.Errorf("the server was asked for %s and sent %q", *in.Range, aws.ToString(out.ContentRange))
		}
		total = size
	}
	if !resuming {
		b.end = b.off + n
		b.obj = objstore.Object{Key: b.key, ETag: bareETag(out.ETag), SizeBytes: total, LastModified: aws.ToTime(out.LastModified)}
	}
	b.rc, b.cancel = out.Body, cancel
	return nil
}

// contentRange reads "bytes 5-9/100": the first byte and the size of the whole.
func contentRange(header string) (first, size int64, ok bool) {
	span, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	from, _, ok2 := strings.Cut(span, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	size, err2 := strconv.ParseInt(total, 10, 64)
	return first, size, ok && ok2 && err == nil && err2 == nil
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.read(p)
	b.err = err
	return n, err
}

func (b *body) closeBody() {
	if b.rc != nil {
		b.rc.Close()
		b.cancel()
		b.rc = nil
	}
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.closeBody()
	return nil
}
