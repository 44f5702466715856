package s3store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/objstore"
)

// Put implements objstore.Bucket: one request below the threshold, parts from there on. LastModified of the returned object
// is the Date of the answer; Head returns S3's own.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	if opts.IfAbsent && opts.IfMatch != "" {
		return objstore.Object{}, s.fail("put", key, errors.New("IfAbsent and IfMatch exclude each other"))
	}
	if err := ctx.Err(); err != nil {
		return objstore.Object{}, s.fail("put", key, err)
	}
	var head bytes.Buffer
	_, err := io.CopyN(&head, r, s.cfg.MultipartThresholdBytes)
	if err == nil {
		return s.putParts(ctx, key, io.MultiReader(&head, r), opts)
	}
	if !errors.Is(err, io.EOF) {
		return objstore.Object{}, s.fail("put", key, err)
	}
	in := &s3.PutObjectInput{Bucket: s.bucket(), Key: s.key(key), Body: bytes.NewReader(head.Bytes()), IfMatch: quoted(opts.IfMatch)}
	if opts.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = s.encryption()
	out, err := s.client.PutObject(ctx, in)
	if err != nil {
		return objstore.Object{}, s.failPut(key, opts, err)
	}
	now, _ := serverTime(out.ResultMetadata)
	return objstore.Object{Key: key, ETag: bareETag(out.ETag), SizeBytes: int64(head.Len()), LastModified: now}, nil
}

func (s *Store) encryption() (types.ServerSideEncryption, *string) {
	if s.cfg.SSEKMSKeyID == "" {
		return "", nil
	}
	return types.ServerSideEncryptionAwsKms, &s.cfg.SSEKMSKeyID
}

// failPut gives a lost condition its reason: ErrExists for a create-only write, and ErrChanged if the version to be replaced does
// not exist.
func (s *Store) failPut(key string, opts objstore.PutOptions, err error) error {
	failed := s.fail("put", key, err)
	switch {
	case opts.IfAbsent && errors.Is(failed, objstore.ErrChanged):
		return objstore.Fail("put", s.String(), key, objstore.ErrExists, "")
	case opts.IfMatch != "" && errors.Is(failed, objstore.ErrNotExist):
		return objstore.Fail("put", s.String(), key, objstore.ErrChanged, "")
	}
	return failed
}

// upload is a multipart upload being filled.
type upload struct {
	s     *Store
	key   string
	id    string
	parts []types.CompletedPart
}

// begin starts an upload. Its checksum is the whole object's CRC32, which S3 computes from those of the parts.
func (s *Store) begin(ctx context.Context, key string, parts int) (*upload, error) {
	in := &s3.CreateMultipartUploadInput{Bucket: s.bucket(), Key: s.key(key),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32, ChecksumType: types.ChecksumTypeFullObject}
	in.ServerSideEncryption, in.SSEKMSKeyId = s.encryption()
	// A stop waits for the answer, because an upload cannot be aborted without its ID.
	sent, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(afterStop, giveUp) })()
	out, err := s.client.CreateMultipartUpload(sent, in)
	if err != nil {
		return nil, err
	}
	return &upload{s: s, key: key, id: aws.ToString(out.UploadId), parts: make([]types.CompletedPart, parts)}, nil
}

// send uploads one part; number counts from 1. r can be rewound, so the client retries a part by itself.
func (u *upload) send(ctx context.Context, number int, r io.ReadSeeker, sizeBytes int64) error {
	out, err := u.s.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: u.s.bucket(), Key: u.s.key(u.key), UploadId: &u.id,
		PartNumber: aws.Int32(int32(number)), Body: r, ContentLength: aws.Int64(sizeBytes), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
	if err != nil {
		return err
	}
	u.parts[number-1] = types.CompletedPart{PartNumber: aws.Int32(int32(number)), ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32}
	return nil
}

// afterStop is how long one request may take once the run is being stopped.
const afterStop = 2 * time.Second

// abort gives up the upload also when the reason is that ctx ended. What it cannot remove, the bucket's lifecycle rule does.
func (u *upload) abort(ctx context.Context) {
	limit := 30 * time.Second
	if ctx.Err() != nil {
		limit = afterStop
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	_ = u.s.Drop(ctx, objstore.Held{Key: u.key, UploadID: u.id})
}

// putParts sends a stream of unknown length in parts. Two are on their way while a third is read, so it takes three parts of
// memory. Every thousand parts they get larger by one part size, which makes room for 55,000 times the part size.
func (s *Store) putParts(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	u, err := s.begin(ctx, key, maxParts)
	if err != nil {
		return objstore.Object{}, s.failPut(key, opts, err)
	}
	sizeBytes, n, err := u.stream(ctx, r)
	var out *s3.CompleteMultipartUploadOutput
	if err == nil {
		u.parts = u.parts[:n]
		in := u.completion(sizeBytes)
		in.IfMatch = quoted(opts.IfMatch)
		if opts.IfAbsent {
			in.IfNoneMatch = aws.String("*")
		}
		out, err = s.client.CompleteMultipartUpload(ctx, in)
	}
	if err != nil {
		u.abort(ctx)
		return objstore.Object{}, s.failPut(key, opts, err)
	}
	now, _ := serverTime(out.ResultMetadata)
	return objstore.Object{Key: key, ETag: bareETag(out.ETag), SizeBytes: sizeBytes, LastModified: now}, nil
}

func (u *upload) stream(ctx context.Context, r io.Reader) (sizeBytes int64, parts int, err error) {
	const inFlight = 2
	group, groupCtx := errgroup.WithContext(ctx)
	free := make(chan []byte, inFlight+1)
	for range inFlight + 1 {
		free <- nil
	}
	for last := false; !last; parts++ {
		if parts == maxParts {
			err = fmt.Errorf("the object has more than %d bytes", sizeBytes)
			break
		}
		size := u.s.cfg.PartSizeBytes * int64(1+parts/1000)
		buf := <-free
		if int64(cap(buf)) < size {
			buf = make([]byte, size)
		}
		n, readErr := io.ReadFull(r, buf[:size])
		if readErr == io.EOF && parts > 0 {
			break
		}
		last = readErr == io.EOF || readErr == io.ErrUnexpectedEOF
		if readErr != nil && !last {
			err = readErr
			break
		}
		if groupCtx.Err() != nil {
			break // a part failed, and Wait returns its error
		}
		number := parts + 1
		sizeBytes += int64(n)
		group.Go(func() error {
			defer func() { free <- buf }()
			return u.send(groupCtx, number, bytes.NewReader(buf[:n]), int64(n))
		})
	}
	if sendErr := group.Wait(); err == nil {
		err = sendErr
	}
	return sizeBytes, parts, err
}

func (u *upload) completion(sizeBytes int64) *s3.CompleteMultipartUploadInput {
	return &s3.CompleteMultipartUploadInput{Bucket: u.s.bucket(), Key: u.s.key(u.key), UploadId: &u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts}, ChecksumType: types.ChecksumTypeFullObject,
		MpuObjectSize: aws.Int64(sizeBytes)}
}

// partition cuts a file into parts of the wanted size, or of a larger one where S3's number of parts would not do.
func partition(sizeBytes, wantedBytes int64) (partBytes int64, parts int) {
	partBytes = max(wantedBytes, (sizeBytes+maxParts-1)/maxParts)
	return partBytes, int(max(1, (sizeBytes+partBytes-1)/partBytes))
}

// Hold implements objstore.Holder: an upload with all its parts, four of them on their way at a time. It reads r twice, for
// the digest and for the parts, and keeps nothing in memory.
func (s *Store) Hold(ctx context.Context, key string, r io.ReaderAt, sizeBytes int64) (objstore.Held, error) {
	if s.cfg.HoldCopies {
		return s.holdCopy(ctx, key, r, sizeBytes)
	}
	size, parts := partition(sizeBytes, s.cfg.PartSizeBytes)
	u, err := s.begin(ctx, key, parts)
	if err != nil {
		return objstore.Held{}, s.fail("hold", key, err)
	}
	h := objstore.Held{Key: key, UploadID: u.id, SizeBytes: sizeBytes}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel + 1)
	group.Go(func() error {
		sum := sha256.New()
		n, err := io.Copy(sum, io.NewSectionReader(r, 0, sizeBytes))
		if err == nil && n != sizeBytes {
			err = fmt.Errorf("%w: %d bytes instead of %d", io.ErrUnexpectedEOF, n, sizeBytes)
		}
		h.SHA256 = hex.EncodeToString(sum.Sum(nil))
		return err
	})
	for i := range parts {
		off := int64(i) * size
		n := min(size, sizeBytes-off)
		group.Go(func() error { return u.send(groupCtx, i+1, io.NewSectionReader(r, off, n), n) })
	}
	if err := group.Wait(); err != nil {
		u.abort(ctx)
		return objstore.Held{}, s.fail("hold", key, err)
	}
	for _, part := range u.parts {
		h.PartETags = append(h.PartETags, bareETag(part.ETag))
		h.PartCRC32 = append(h.PartCRC32, aws.ToString(part.ChecksumCRC32))
	}
	return h, nil
}

// Publish implements objstore.Holder. Publishing again may succeed or be objstore.ErrNotHeld, as the server remembers the
// upload or not. A key that another object has is ErrExists, and the file stays held.
func (s *Store) Publish(ctx context.Context, h objstore.Held) error {
	if h.Copy {
		return s.publishCopy(ctx, h)
	}
	u := &upload{s: s, key: h.Key, id: h.UploadID}
	for i, etag := range h.PartETags {
		part := types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: quoted(etag)}
		if i < len(h.PartCRC32) && h.PartCRC32[i] != "" {
			part.ChecksumCRC32 = &h.PartCRC32[i]
		}
		u.parts = append(u.parts, part)
	}
	in := u.completion(h.SizeBytes)
	in.IfNoneMatch = aws.String("*")
	_, err := s.client.CompleteMultipartUpload(ctx, in)
	if resp := response(err); resp != nil && resp.StatusCode == http.StatusNotImplemented {
		in.IfNoneMatch = nil // a server without conditional completes: keys are an attempt's own, so nothing is overwritten
		_, err = s.client.CompleteMultipartUpload(ctx, in)
	}
	failed := s.fail("publish", h.Key, err)
	if !errors.Is(failed, objstore.ErrChanged) {
		return failed
	}
	// The key is taken, by this upload if an earlier answer was lost, or by another program.
	there, err := s.Head(ctx, h.Key)
	if err != nil {
		return err
	}
	if there.SizeBytes == h.SizeBytes && strings.HasSuffix(there.ETag, fmt.Sprintf("-%d", len(h.PartETags))) {
		return nil
	}
	return objstore.Fail("publish", s.String(), h.Key, objstore.ErrExists, "move that object away: another program wrote it")
}

// Drop implements objstore.Holder.
func (s *Store) Drop(ctx context.Context, h objstore.Held) error {
	if h.Copy {
		return s.dropCopy(ctx, h)
	}
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: s.bucket(), Key: s.key(h.Key), UploadId: &h.UploadID})
	if err = s.fail("drop", h.Key, err); errors.Is(err, objstore.ErrNotHeld) {
		return nil
	}
	return err
}

// HeldList implements objstore.Holder. It is sorted by key, then by id, and lists every upload under the prefix, whoever
// began it.
func (s *Store) HeldList(ctx context.Context, prefix string) ([]objstore.Held, error) {
	var out []objstore.Held
	if s.cfg.HoldCopies {
		var err error
		if out, err = s.heldCopies(ctx, prefix); err != nil {
			return nil, err
		}
	}
	in := &s3.ListMultipartUploadsInput{Bucket: s.bucket(), Prefix: s.key(prefix), EncodingType: types.EncodingTypeUrl}
	for {
		page, err := s.client.ListMultipartUploads(ctx, in)
		if resp := response(err); s.cfg.HoldCopies && resp != nil && resp.StatusCode == http.StatusNotImplemented {
			break // such a server is what copies are for
		}
		if err != nil {
			return nil, s.fail("held-list", prefix, err)
		}
		for _, u := range page.Uploads {
			key, err := s.decodeKey(u.Key, page.EncodingType)
			if err != nil {
				return nil, s.fail("held-list", prefix, err)
			}
			out = append(out, objstore.Held{Key: key, UploadID: aws.ToString(u.UploadId)})
		}
		if !aws.ToBool(page.IsTruncated) {
			break
		}
		in.UploadIdMarker = page.NextUploadIdMarker
		next := aws.ToString(page.NextKeyMarker)
		if page.EncodingType == types.EncodingTypeUrl {
			if key, err := s.decodeKey(&next, page.EncodingType); err == nil {
				next = s.cfg.Prefix + key
			}
		}
		in.KeyMarker = &next
	}
	slices.SortFunc(out, func(a, b objstore.Held) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.UploadID, b.UploadID)
	})
	return out, nil
}
