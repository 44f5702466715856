package s3store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/silt-etl/silt/internal/objstore"
)

// The other way to hold a file, for servers whose multipart uploads are odd: it is an ordinary object at a key that no reader
// looks at, Publish copies it on the server, and then deletes it. Drop deletes it.
const (
	ownFolder  = ".silt/" // left out of listings in a store that holds copies
	heldFolder = ownFolder + "held/"
	heldMark   = "silt-held" // metadata: the id of the held copy, which the published object keeps
	maxCopy    = 5 << 30     // S3's limit for one PutObject and one CopyObject
)

// copyKey is the key of a held copy. The ID comes from records, so only IDs in holdCopy's form are accepted.
func copyKey(h objstore.Held) (string, error) {
	if raw, err := hex.DecodeString(h.UploadID); err != nil || len(raw) != 16 {
		return "", fmt.Errorf("%w: %q is not the ID of a held copy", objstore.ErrNotHeld, h.UploadID)
	}
	return heldFolder + h.UploadID + "/" + h.Key, nil
}

func (s *Store) holdCopy(ctx context.Context, key string, r io.ReaderAt, sizeBytes int64) (objstore.Held, error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	h := objstore.Held{Key: key, UploadID: hex.EncodeToString(id), Copy: true, SizeBytes: sizeBytes}
	if sizeBytes > maxCopy {
		return objstore.Held{}, s.fail("hold", key, fmt.Errorf("%d bytes: copies of more than 5 GB cannot be held", sizeBytes))
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(r, 0, sizeBytes))
	if err == nil && n != sizeBytes {
		err = fmt.Errorf("%w: %d bytes instead of %d", io.ErrUnexpectedEOF, n, sizeBytes)
	}
	if err != nil {
		return objstore.Held{}, s.fail("hold", key, err)
	}
	at, err := copyKey(h)
	if err != nil {
		return objstore.Held{}, s.fail("hold", key, err)
	}
	in := &s3.PutObjectInput{Bucket: s.bucket(), Key: s.key(at), Body: io.NewSectionReader(r, 0, sizeBytes), ContentLength: aws.Int64(sizeBytes),
		Metadata: map[string]string{heldMark: h.UploadID}}
	in.ServerSideEncryption, in.SSEKMSKeyId = s.encryption()
	if _, err := s.client.PutObject(ctx, in); err != nil {
		return objstore.Held{}, s.fail("hold", key, err)
	}
	h.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return h, nil
}

// publishCopy copies, where the server can only if the key is free, and then deletes the held copy. A denied delete is
// not an error: readers do not see what stays, and etl doctor reports it.
func (s *Store) publishCopy(ctx context.Context, h objstore.Held) error {
	from, err := copyKey(h)
	if err != nil {
		return s.fail("publish", h.Key, objstore.Fail("publish", s.String(), h.Key, err, ""))
	}
	own, err := s.published(ctx, h)
	if err != nil {
		return err
	}
	if !own {
		// slashes stay, and a plus must not be read as a space
		source := strings.NewReplacer("%2F", "/", "+", "%2B").Replace(url.PathEscape(s.cfg.Bucket + "/" + s.cfg.Prefix + from))
		in := &s3.CopyObjectInput{Bucket: s.bucket(), Key: s.key(h.Key), CopySource: &source, IfNoneMatch: aws.String("*")}
		in.ServerSideEncryption, in.SSEKMSKeyId = s.encryption()
		_, err := s.client.CopyObject(ctx, in)
		if resp := response(err); resp != nil && resp.StatusCode == http.StatusNotImplemented {
			in.IfNoneMatch = nil // a server without conditional copies: keys are an attempt's own, so nothing is overwritten
			_, err = s.client.CopyObject(ctx, in)
		}
		failed := s.fail("publish", h.Key, err)
		switch {
		case errors.Is(failed, objstore.ErrNotExist):
			return objstore.Fail("publish", s.String(), h.Key, objstore.ErrNotHeld, "")
		case errors.Is(failed, objstore.ErrChanged): // another run was faster
			if own, err = s.published(ctx, h); err != nil {
				return err
			}
			if !own {
				return failed
			}
		case failed != nil:
			return failed
		}
	}
	if err := s.Delete(ctx, from); err != nil && !errors.Is(err, objstore.ErrDenied) {
		return err
	}
	return nil
}

// published says whether the key already has this file. Another object at the key is ErrExists.
func (s *Store) published(ctx context.Context, h objstore.Held) (bool, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: s.bucket(), Key: s.key(h.Key)})
	if err != nil {
		if err = s.fail("publish", h.Key, err); errors.Is(err, objstore.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	if out.Metadata[heldMark] == h.UploadID && aws.ToInt64(out.ContentLength) == h.SizeBytes {
		return true, nil
	}
	return false, objstore.Fail("publish", s.String(), h.Key, objstore.ErrExists, "move that object away: another program wrote it")
}

func (s *Store) dropCopy(ctx context.Context, h objstore.Held) error {
	at, err := copyKey(h)
	if err != nil { // nothing is held under such an id
		return nil
	}
	return s.Delete(ctx, at)
}

// heldCopies lists what is held as copies.
func (s *Store) heldCopies(ctx context.Context, prefix string) (out []objstore.Held, err error) {
	err = s.pages(ctx, "held-list", &s3.ListObjectsV2Input{}, heldFolder, func(page *s3.ListObjectsV2Output) error {
		for _, o := range page.Contents {
			at, err := s.decodeKey(o.Key, page.EncodingType)
			if err != nil {
				return s.fail("held-list", prefix, err)
			}
			id, key, ok := strings.Cut(strings.TrimPrefix(at, heldFolder), "/")
			if ok && strings.HasPrefix(key, prefix) {
				out = append(out, objstore.Held{Key: key, UploadID: id, Copy: true})
			}
		}
		return nil
	})
	return out, err
}
