// Package objstore is what Silt needs of an object store: list, read, write, hold and publish.
//
// The implementations are dir, s3 and mem, and all of them run the suite in objstoretest. The package never interprets the content
// of objects, and adds no retries to those of an implementation's client.
//
// Words: a key is a slash-separated path without a leading slash, relative to the store's root (a bucket and prefix, or a
// folder). An ETag names one version of one object; it is opaque and compared byte for byte.
package objstore

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/silt-etl/silt/internal/diag"
)

// Object is one listed object. Size is in bytes.
type Object struct {
	Key          string    `json:"key"`
	ETag         string    `json:"etag"`
	SizeBytes    int64     `json:"size"`
	LastModified time.Time `json:"last_modified"`
	// Link is set if the key leads through a symbolic link, and only in listings of stores that Links says so of: it is the key of the file
	// itself, or its absolute path if it is outside of the store.
	Link string `json:"-"`
	// StorageClass is the storage class on S3 in answers to List, Level and Head; "" for STANDARD and in other stores.
	StorageClass string `json:"-"`
	// Restore is the status of a restore of an archived object, in the same answers. nil: nobody has asked for one.
	Restore *RestoreStatus `json:"-"`
}

// ListOptions choose a part of the store. After is exclusive. Keys come in ascending byte order.
type ListOptions struct {
	Prefix string
	After  string
}

// GetOptions pin a read. With ETag set the read fails with ErrChanged when the object is another version by now. With
// Length > 0 only that range is read.
type GetOptions struct {
	ETag   string
	Offset int64
	Length int64
}

// PutOptions make a write conditional. IfAbsent creates only (ErrExists if the key is taken); IfMatch replaces only that
// version (ErrChanged otherwise).
type PutOptions struct {
	IfAbsent bool
	IfMatch  string
}

// Reader is the read-only half. All methods are safe for concurrent use.
type Reader interface {
	// String names the store for people: "s3://bucket/prefix" or a folder's path. It never holds a secret.
	String() string
	// List calls fn for each object, paging lazily: memory does not grow with the number of keys. It stops at the first
	// error of fn and returns it unchanged. A prefix without objects is not an error. A bucket or folder that does not exist is
	// ErrNoStore.
	List(ctx context.Context, opts ListOptions, fn func(Object) error) error
	// Folders returns the common prefixes directly under prefix up to the next slash, each with its trailing slash, sorted.
	Folders(ctx context.Context, prefix string) ([]string, error)
	// Level calls fn for each object directly under prefix (empty, or ending in a slash), as List would, and returns what
	// Folders would: a walk that leaves folders out sees everything else.
	Level(ctx context.Context, prefix string, fn func(Object) error) (folders []string, err error)
	// Head returns one object, or ErrNotExist.
	Head(ctx context.Context, key string) (Object, error)
	// Get opens an object. The caller closes the reader. The Object returned is the version being read.
	Get(ctx context.Context, key string, opts GetOptions) (io.ReadCloser, Object, error)
}

// Bucket adds writing.
type Bucket interface {
	Reader
	// Put streams r to key: atomic for readers, multipart above the implementation's threshold. r is read once.
	Put(ctx context.Context, key string, r io.Reader, opts PutOptions) (Object, error)
	// Delete removes a key. A key that does not exist is not an error.
	Delete(ctx context.Context, key string) error
	// Now is the store's own clock (S3: the Date header of an answer), for the age of leases.
	Now(ctx context.Context) (time.Time, error)
}

// Held is a file that the store has and that no reader sees. On S3 it is a multipart upload with all parts sent and not completed,
// or a copy that is copied again; in a folder it is a file outside of the published tree. Attempt records contain it, so that any
// run can publish or drop the file.
type Held struct {
	Key       string   `json:"key"`                 // where Publish makes it visible
	UploadID  string   `json:"upload_id,omitempty"` // S3: the upload; otherwise the name of the held file
	Copy      bool     `json:"copy,omitempty"`      // S3: an object below .silt/held/, not an upload
	PartETags []string `json:"parts,omitempty"`     // S3: in order
	PartCRC32 []string `json:"crc32,omitempty"`     // S3: in order, base64; completing an upload needs them as well as the ETags
	Token     string   `json:"token,omitempty"`     // for stores other than S3 and folders, which alone know what it says
	SizeBytes int64    `json:"size"`
	SHA256    string   `json:"sha256"` // hex, of the whole file
}

// Holder is implemented by stores that can hold files. All three of ours do.
type Holder interface {
	// Hold sends a file without making it visible. A failed Hold leaves nothing visible.
	Hold(ctx context.Context, key string, r io.ReaderAt, sizeBytes int64) (Held, error)
	// Publish makes a held file visible at its key. ErrNotHeld means that nothing is held under that ID,
	// because it was published before or dropped; Head says which.
	Publish(ctx context.Context, h Held) error
	// Drop discards a held file. A file that is no longer held is not an error.
	Drop(ctx context.Context, h Held) error
	// HeldList lists what is held under a key prefix, for doctor. Only Key, UploadID and Copy are set.
	HeldList(ctx context.Context, prefix string) ([]Held, error)
}

// The reasons that callers decide on. Test with errors.Is: what a store returns is a *diag.OpError around one of them or around
// another cause.
var (
	ErrNotExist = errors.New("object not found")
	ErrNoStore  = errors.New("bucket or folder not found")
	ErrExists   = errors.New("object already exists")
	ErrChanged  = errors.New("object has changed")
	ErrDenied   = errors.New("access denied")
	ErrNotHeld  = errors.New("held file not found")
	ErrNoCreds  = errors.New("credentials not found")
	// ErrArchived: the object is in an archive, such as S3 Glacier, and has to be restored before it can be read.
	ErrArchived = errors.New("object is archived")
)

// Fail describes a failed operation. op is the name by which tests inject faults: list, folders, head, get, put, delete, now, hold,
// publish, drop, held-list or restore. key may be empty, and so may try, which says what a person can do. A failure is temporary unless a
// person must fix its cause: ErrDenied, ErrNoStore, ErrNoCreds and ErrArchived.
func Fail(op, store, key string, err error, try string) *diag.OpError {
	object := store
	if key != "" {
		object += "/" + key
	}
	switch op {
	case "folders":
		op = "list folders of"
	case "head":
		op = "look up"
	case "now":
		op = "ask for the time of"
	case "held-list":
		op = "list held files of"
	}
	temporary := !errors.Is(err, ErrDenied) && !errors.Is(err, ErrNoStore) && !errors.Is(err, ErrNoCreds) && !errors.Is(err, ErrArchived)
	return &diag.OpError{Op: op, Object: object, Err: err, Try: try, Temporary: temporary}
}
