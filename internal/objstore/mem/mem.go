// Package memstore keeps objects in memory, for the tests of other packages.
//
// It behaves as S3 does where that matters to a caller: a write is seen by every later read, an ETag is a digest of the
// content (so equal content has an equal ETag), held files are in no listing, and a dropped one cannot be published. Its
// clock stands still until SetNow or SetClock. Hooks make any operation fail, before it happens or after it did.
//
// It never touches a file or the network, and nothing outlives the process.
package memstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

// Hook decides whether an operation fails. op is the Op of objstore.Error: list, folders, head, get, put, delete, now,
// hold, publish, drop or held-list. key is the key or the prefix, empty for now. It is called without the store's lock,
// from whatever goroutine called the store.
type Hook func(op, key string) error

// Store is a bucket in memory. The zero value is not usable; call New.
type Store struct {
	// Fail is asked before an operation. An error of it is returned and nothing has happened. Set it before the store is
	// shared, or with SetHooks.
	Fail Hook
	// After is asked once an operation has succeeded. An error of it is returned instead of the answer: the operation took
	// place and its caller does not know, as when a connection breaks.
	After Hook

	name    string
	mu      sync.Mutex
	objects map[string]stored
	keys    []string // sorted; the keys of objects
	held    map[string]heldFile
	nextID  int
	clock   func() time.Time
}

type stored struct {
	data []byte // never changed once stored
	obj  objstore.Object
}

type heldFile struct {
	key  string
	data []byte
}

// New returns an empty store. name is what String gives, such as "mem://lake". Its clock stands at 2024-01-01 UTC.
func New(name string) *Store {
	s := &Store{name: name, objects: map[string]stored{}, held: map[string]heldFile{}}
	s.SetNow(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	return s
}

// SetNow stops the clock at t.
func (s *Store) SetNow(t time.Time) { s.SetClock(func() time.Time { return t }) }

// SetClock makes the store read its time from now, for LastModified and Now.
func (s *Store) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = now
}

// SetHooks replaces both hooks while other goroutines may be using the store. Either may be nil.
func (s *Store) SetHooks(fail, after Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Fail, s.After = fail, after
}

func (s *Store) hooks() (fail, after Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Fail, s.After
}

func (s *Store) wrap(op, key string, err error) error {
	return objstore.Fail(op, s.name, key, err, "")
}

// before checks the context, the key and the Fail hook.
func (s *Store) before(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return s.wrap(op, key, err)
	}
	if fail, _ := s.hooks(); fail != nil {
		if err := fail(op, key); err != nil {
			return s.wrap(op, key, err)
		}
	}
	return nil
}

func (s *Store) after(op, key string) error {
	if _, after := s.hooks(); after != nil {
		if err := after(op, key); err != nil {
			return s.wrap(op, key, err)
		}
	}
	return nil
}

// String names the store.
func (s *Store) String() string { return s.name }

// List implements objstore.Reader. Objects that are put or deleted while it runs may or may not be listed, as on S3.
func (s *Store) List(ctx context.Context, opts objstore.ListOptions, fn func(objstore.Object) error) error {
	if err := s.before(ctx, "list", opts.Prefix); err != nil {
		return err
	}
	last, inclusive := opts.After, false
	if last < opts.Prefix {
		last, inclusive = opts.Prefix, true
	}
	for {
		if err := ctx.Err(); err != nil {
			return s.wrap("list", opts.Prefix, err)
		}
		obj, ok := s.next(last, inclusive)
		if !ok || !strings.HasPrefix(obj.Key, opts.Prefix) {
			return s.after("list", opts.Prefix)
		}
		if err := fn(obj); err != nil {
			return err
		}
		last, inclusive = obj.Key, false
	}
}

// next returns the first object after key, or at it when inclusive.
func (s *Store) next(key string, inclusive bool) (objstore.Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := sort.SearchStrings(s.keys, key)
	if !inclusive && i < len(s.keys) && s.keys[i] == key {
		i++
	}
	if i == len(s.keys) {
		return objstore.Object{}, false
	}
	return s.objects[s.keys[i]].obj, true
}

// Folders implements objstore.Reader.
func (s *Store) Folders(ctx context.Context, prefix string) ([]string, error) {
	if err := s.before(ctx, "folders", prefix); err != nil {
		return nil, err
	}
	s.mu.Lock()
	var out []string
	for i := sort.SearchStrings(s.keys, prefix); i < len(s.keys); i++ {
		rest, ok := strings.CutPrefix(s.keys[i], prefix)
		if !ok {
			break
		}
		if dir, _, ok := strings.Cut(rest, "/"); ok {
			if folder := prefix + dir + "/"; len(out) == 0 || out[len(out)-1] != folder {
				out = append(out, folder)
			}
		}
	}
	s.mu.Unlock()
	return out, s.after("folders", prefix)
}

func (s *Store) find(op, key string) (stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if !ok {
		return stored{}, s.wrap(op, key, objstore.ErrNotExist)
	}
	return o, nil
}

// Head implements objstore.Reader.
func (s *Store) Head(ctx context.Context, key string) (objstore.Object, error) {
	if err := s.before(ctx, "head", key); err != nil {
		return objstore.Object{}, err
	}
	o, err := s.find("head", key)
	if err != nil {
		return objstore.Object{}, err
	}
	return o.obj, s.after("head", key)
}

// Get implements objstore.Reader.
func (s *Store) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if err := s.before(ctx, "get", key); err != nil {
		return nil, objstore.Object{}, err
	}
	o, err := s.find("get", key)
	if err != nil {
		return nil, objstore.Object{}, err
	}
	if opts.ETag != "" && opts.ETag != o.obj.ETag {
		return nil, objstore.Object{}, s.wrap("get", key, objstore.ErrChanged)
	}
	if err := s.after("get", key); err != nil {
		return nil, objstore.Object{}, err
	}
	data := o.data[min(max(opts.Offset, 0), int64(len(o.data))):]
	if opts.Length > 0 {
		data = data[:min(opts.Length, int64(len(data)))]
	}
	return io.NopCloser(bytes.NewReader(data)), o.obj, nil
}

// Put implements objstore.Bucket.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	if err := s.before(ctx, "put", key); err != nil {
		return objstore.Object{}, err
	}
	if opts.IfAbsent && opts.IfMatch != "" {
		return objstore.Object{}, s.wrap("put", key, errors.New("IfAbsent and IfMatch exclude each other"))
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return objstore.Object{}, s.wrap("put", key, err)
	}
	obj, err := s.store("put", key, data, opts)
	if err != nil {
		return objstore.Object{}, err
	}
	return obj, s.after("put", key)
}

func (s *Store) store(op, key string, data []byte, opts objstore.PutOptions) (objstore.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, exists := s.objects[key]
	if opts.IfAbsent && exists {
		return objstore.Object{}, s.wrap(op, key, objstore.ErrExists)
	}
	if opts.IfMatch != "" && (!exists || old.obj.ETag != opts.IfMatch) {
		return objstore.Object{}, s.wrap(op, key, objstore.ErrChanged)
	}
	return s.setLocked(key, data), nil
}

func (s *Store) setLocked(key string, data []byte) objstore.Object {
	sum := sha256.Sum256(data)
	obj := objstore.Object{Key: key, ETag: hex.EncodeToString(sum[:16]), SizeBytes: int64(len(data)), LastModified: s.clock()}
	if _, exists := s.objects[key]; !exists {
		i := sort.SearchStrings(s.keys, key)
		s.keys = append(s.keys, "")
		copy(s.keys[i+1:], s.keys[i:])
		s.keys[i] = key
	}
	s.objects[key] = stored{data: data, obj: obj}
	return obj
}

// Delete implements objstore.Bucket.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.before(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	if _, exists := s.objects[key]; exists {
		delete(s.objects, key)
		i := sort.SearchStrings(s.keys, key)
		s.keys = append(s.keys[:i], s.keys[i+1:]...)
	}
	s.mu.Unlock()
	return s.after("delete", key)
}

// Now implements objstore.Bucket with the settable clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if err := s.before(ctx, "now", ""); err != nil {
		return time.Time{}, err
	}
	s.mu.Lock()
	now := s.clock()
	s.mu.Unlock()
	return now, s.after("now", "")
}

// Hold implements objstore.Holder.
func (s *Store) Hold(ctx context.Context, key string, r io.ReaderAt, sizeBytes int64) (objstore.Held, error) {
	if err := s.before(ctx, "hold", key); err != nil {
		return objstore.Held{}, err
	}
	data, err := io.ReadAll(io.NewSectionReader(r, 0, sizeBytes))
	if err == nil && int64(len(data)) != sizeBytes {
		err = fmt.Errorf("%w: %d bytes instead of %d", io.ErrUnexpectedEOF, len(data), sizeBytes)
	}
	if err != nil {
		return objstore.Held{}, s.wrap("hold", key, err)
	}
	sum := sha256.Sum256(data)
	s.mu.Lock()
	s.nextID++
	id := "held-" + strconv.Itoa(s.nextID)
	s.held[id] = heldFile{key: key, data: data}
	s.mu.Unlock()
	h := objstore.Held{Key: key, UploadID: id, SizeBytes: sizeBytes, SHA256: hex.EncodeToString(sum[:])}
	return h, s.after("hold", key)
}

// Publish implements objstore.Holder. A key that is taken is ErrExists, and the file stays held.
func (s *Store) Publish(ctx context.Context, h objstore.Held) error {
	if err := s.before(ctx, "publish", h.Key); err != nil {
		return err
	}
	s.mu.Lock()
	f, ok := s.held[h.UploadID]
	_, taken := s.objects[h.Key]
	if ok && f.key == h.Key && !taken {
		s.setLocked(h.Key, f.data)
		delete(s.held, h.UploadID)
	}
	s.mu.Unlock()
	if !ok || f.key != h.Key {
		return s.wrap("publish", h.Key, objstore.ErrNotHeld)
	}
	if taken {
		return s.wrap("publish", h.Key, objstore.ErrExists)
	}
	return s.after("publish", h.Key)
}

// Drop implements objstore.Holder.
func (s *Store) Drop(ctx context.Context, h objstore.Held) error {
	if err := s.before(ctx, "drop", h.Key); err != nil {
		return err
	}
	s.mu.Lock()
	if s.held[h.UploadID].key == h.Key {
		delete(s.held, h.UploadID)
	}
	s.mu.Unlock()
	return s.after("drop", h.Key)
}

// HeldList implements objstore.Holder. It is sorted by key, then by id.
func (s *Store) HeldList(ctx context.Context, prefix string) ([]objstore.Held, error) {
	if err := s.before(ctx, "held-list", prefix); err != nil {
		return nil, err
	}
	s.mu.Lock()
	var out []objstore.Held
	for id, f := range s.held {
		if strings.HasPrefix(f.key, prefix) {
			out = append(out, objstore.Held{Key: f.key, UploadID: id})
		}
	}
	s.mu.Unlock()
	sort.Slice(out, func(i, j int) bool {
		if out[i].Key != out[j].Key {
			return out[i].Key < out[j].Key
		}
		return out[i].UploadID < out[j].UploadID
	})
	return out, s.after("held-list", prefix)
}

var (
	_ objstore.Bucket = (*Store)(nil)
	_ objstore.Holder = (*Store)(nil)
)
