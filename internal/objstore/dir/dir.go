// Package dirstore is an object store in a folder: a key is a path under the root, an object a regular file.
//
// A write is atomic for readers: bytes go to a temporary file in .silt-tmp, are synced, and are then linked (create-only)
// or renamed to their key, and the folder is synced after. Conditional writes hold between processes of one machine: every
// change of a key takes a flock on .silt-tmp/lock, shared where the file system decides by itself, exclusive where a check
// comes before the change. A network file system must support both flock and hard links for that.
//
// An ETag is made of a file's size, modification time in nanoseconds and inode number. The store stamps the time itself, so
// its own versions always differ; a file that another program rewrites in place with the same size within the file
// system's clock tick (4 ms is usual) keeps its ETag. A file that changes while it is being read fails with ErrChanged.
// With Config.StatusTimes, for files that other programs write, see package fileversion.
//
// Held files wait in HeldDir, on the same file system, under <id>/<key>. Neither they nor .silt-tmp are ever listed,
// read or written by key. Symlinks are followed for reading as Config.Links says; one that leads to a folder it is inside of is
// left out.
package dirstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/fileversion"
)

const (
	tmpDir      = ".silt-tmp"
	defaultHeld = ".silt/held"
	staleAfter  = 24 * time.Hour // a temporary file this old belongs to no living write
	clockTick   = 20 * time.Millisecond
)

// Config says where a store is. Only Root is needed.
type Config struct {
	// Root is the folder. A relative path is taken from the working directory at Open.
	Root string
	// HeldDir is where held files wait, on the same file system as Root. Default: <Root>/.silt/held.
	HeldDir string
	// Create creates Root if it does not exist. Default: Open fails with objstore.ErrNoStore.
	Create bool
	// HideSilt leaves folders whose name begins with ".silt" out of List and Folders, wherever they are. A lake that keeps
	// its state in .silt wants that; the state's own store is rooted inside and does not.
	HideSilt bool
	// StatusTimes puts the time of a file's last status change (ctime) into its ETag, which no program can set back: a rewrite that
	// keeps size and modification time is seen. A read of a file that changed less than a clock tick ago waits for the next tick, so
	// that no later change can have the same time. ETags without that time, which earlier versions of etl wrote, still pin a read. Such a
	// store is for reading: what Put returns is not the ETag that the file has in the end.
	StatusTimes bool
	// Links says which symlinks are followed for reading. Default: all.
	Links objstore.Links
}

// Kind describes folders to the registry of stores.
func Kind() objstore.Kind {
	return objstore.Kind{Form: "the path of a folder", CreatedByRun: true, DefaultCatalog: "local",
		Open: func(_ context.Context, at location.Location, o objstore.Options) (objstore.Bucket, error) {
			s, err := Open(Config{Root: at.Path(), Create: o.Create, HideSilt: o.HideSilt, StatusTimes: o.StatusTimes, Links: o.Links})
			if err != nil {
				return nil, err
			}
			return s, nil
		}}
}

// Store is a folder as an objstore.Bucket and objstore.Holder. It is safe for concurrent use.
type Store struct {
	root, held string
	hideSilt   bool
	version    func(fs.FileInfo) string // the ETag of a file
	object     func(key string, info fs.FileInfo) objstore.Object
	tick       time.Duration // longer than the tick of the clock that stamps files; 0: reads do not wait for it
	links      *links
	sweep      sync.Once
}

// Open returns the store of a folder.
func Open(cfg Config) (*Store, error) {
	if cfg.Root == "" {
		return nil, objstore.Fail("open", `""`, "", objstore.ErrNoStore, "name a folder")
	}
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, objstore.Fail("open", cfg.Root, "", err, "")
	}
	s := &Store{root: root, held: filepath.Join(root, filepath.FromSlash(defaultHeld)), hideSilt: cfg.HideSilt, version: etag}
	if cfg.StatusTimes {
		s.version, s.tick = etagWithStatus, clockTick
	}
	s.object = func(key string, info fs.FileInfo) objstore.Object {
		return objstore.Object{Key: key, ETag: s.version(info), SizeBytes: info.Size(), LastModified: info.ModTime()}
	}
	s.links = &links{root: root, mode: cfg.Links, hidden: s.hidden}
	if cfg.HeldDir != "" {
		if s.held, err = filepath.Abs(cfg.HeldDir); err != nil {
			return nil, objstore.Fail("open", cfg.HeldDir, "", err, "")
		}
		if s.held == root {
			return nil, objstore.Fail("open", root, "", errors.New("held files cannot be in the root itself"), "name a folder of their own")
		}
	}
	if cfg.Create {
		if err := os.MkdirAll(root, 0o755); err != nil {
			return nil, s.wrap("open", "", err)
		}
	}
	if err := s.checkRoot("open"); err != nil {
		return nil, err
	}
	return s, nil
}

// String returns the folder's absolute path.
func (s *Store) String() string { return s.root }

// checkRoot is ErrNoStore when the root is not a folder.
func (s *Store) checkRoot(op string) error {
	info, err := os.Stat(s.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return objstore.Fail(op, s.root, "", objstore.ErrNoStore, "create the folder, or correct its path")
	case err != nil:
		return s.wrap(op, "", err)
	case !info.IsDir():
		return objstore.Fail(op, s.root, "", fmt.Errorf("%w: it is a file", objstore.ErrNoStore), "name a folder")
	}
	return nil
}

// wrap makes a *diag.OpError of a system error: the reason that callers decide on, and what to do.
func (s *Store) wrap(op, key string, err error) error {
	var already *diag.OpError
	if errors.As(err, &already) {
		return err
	}
	var path *fs.PathError
	var link *os.LinkError
	cause := err
	if errors.As(err, &path) {
		cause = path.Err
	} else if errors.As(err, &link) {
		cause = link.Err
	}
	try := ""
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		err = fmt.Errorf("%w: %w", objstore.ErrDenied, cause)
		try = "check the owner and the mode of the file and of its folders"
	case errors.Is(err, syscall.EXDEV):
		try = "keep held and temporary files on the file system of the store"
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		try = "free space on that file system"
	case errors.Is(err, syscall.ENAMETOOLONG):
		err, try = cause, "use keys with at most 255 bytes between slashes"
	case errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR):
		err, try = cause, notBoth
	}
	return objstore.Fail(op, s.root, key, err, try)
}

// notBoth is what to do if a key needs a folder where a file is, or the other way round.
const notBoth = "rename one of the keys: in a folder, a key cannot be both a file and a folder"

// path validates a key and returns its file. Keys that would leave the root, or that a folder cannot hold, are refused.
func (s *Store) path(op, key string) (string, error) {
	bad := func(why string) (string, error) {
		return "", objstore.Fail(op, s.root, fmt.Sprintf("%q", key), errors.New("not a key: "+why), "")
	}
	switch {
	case key == "":
		return bad("it is empty")
	case strings.HasPrefix(key, "/"):
		return bad("it starts with a slash")
	case strings.IndexByte(key, 0) >= 0:
		return bad("it contains a NUL byte")
	}
	for part := range strings.SplitSeq(key, "/") {
		switch part {
		case "":
			return bad("it has two slashes in a row, which a folder cannot store")
		case ".", "..":
			return bad("one of its parts is " + part)
		}
	}
	path := filepath.Join(s.root, filepath.FromSlash(key))
	if s.internal(path) {
		return bad("the store uses that folder itself")
	}
	return path, nil
}

// internal says whether a path is the store's own: temporary or held files.
func (s *Store) internal(path string) bool {
	return within(path, filepath.Join(s.root, tmpDir)) || within(path, s.held)
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}

// stat returns ErrNotExist for everything that is not a regular file, or behind a link that the store does not follow.
func (s *Store) stat(op, key, path string) (fs.FileInfo, error) {
	var info fs.FileInfo
	at, follows, err := s.links.place(path)
	if err == nil && follows {
		info, err = os.Stat(at.path)
	}
	if err == nil && follows && info.Mode().IsRegular() {
		return info, nil
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		if err := s.checkRoot(op); err != nil {
			return nil, err
		}
		return nil, objstore.Fail(op, s.root, key, objstore.ErrNotExist, "")
	}
	return nil, s.wrap(op, key, err)
}

// Head implements objstore.Reader.
func (s *Store) Head(ctx context.Context, key string) (objstore.Object, error) {
	path, err := s.path("head", key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return objstore.Object{}, s.wrap("head", key, err)
	}
	info, err := s.stat("head", key, path)
	if err != nil {
		return objstore.Object{}, err
	}
	return s.object(key, info), nil
}

// Get implements objstore.Reader. The version returned is the open file's; Read fails with objstore.ErrChanged at the end
// if another program wrote into it meanwhile.
func (s *Store) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	path, err := s.path("get", key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, objstore.Object{}, s.wrap("get", key, err)
	}
	if _, err := s.stat("get", key, path); err != nil { // before the open: opening a named pipe would wait
		return nil, objstore.Object{}, err
	}
	f, err := s.links.openFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = objstore.ErrNotExist
	}
	if err != nil {
		return nil, objstore.Object{}, s.wrap("get", key, err)
	}
	info, err := settled(ctx, f, s.tick)
	if err != nil {
		f.Close()
		return nil, objstore.Object{}, s.wrap("get", key, err)
	}
	obj := s.object(key, info)
	if opts.ETag != "" && !fileversion.Matches(opts.ETag, obj.ETag) {
		f.Close()
		return nil, objstore.Object{}, s.wrap("get", key, objstore.ErrChanged)
	}
	n := max(obj.SizeBytes-opts.Offset, 0)
	if opts.Length > 0 {
		n = min(n, opts.Length)
	}
	return &reader{ctx: ctx, s: s, f: f, obj: obj, r: io.NewSectionReader(f, opts.Offset, n), left: n}, obj, nil
}

// settled describes an open file once every later change of it must have a later time: a file that changed within the last tick is
// waited for.
func settled(ctx context.Context, f *os.File, tick time.Duration) (fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil || tick == 0 {
		return info, err
	}
	age := min(time.Since(info.ModTime()), time.Since(statusChanged(info)))
	if age < 0 || age >= tick { // a time in the future: waiting for it does not help
		return info, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(tick - age):
		return f.Stat()
	}
}

type reader struct {
	ctx  context.Context //nolint:containedctx // io.Reader has no place for a context
	s    *Store
	f    *os.File
	obj  objstore.Object
	r    io.Reader
	left int64
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.s.wrap("get", r.obj.Key, err)
	}
	n, err := r.r.Read(p)
	r.left -= int64(n)
	if err == nil {
		return n, nil
	}
	if !errors.Is(err, io.EOF) {
		return n, r.s.wrap("get", r.obj.Key, err)
	}
	info, err := r.f.Stat()
	if err != nil {
		return n, r.s.wrap("get", r.obj.Key, err)
	}
	// A rename over the key does not change this file; only writing into it or truncating it does.
	if r.left > 0 || r.s.version(info) != r.obj.ETag {
		return n, r.s.wrap("get", r.obj.Key, objstore.ErrChanged)
	}
	return n, io.EOF
}

func (r *reader) Close() error { return r.f.Close() }

// Now implements objstore.Bucket with this machine's clock, which also stamps what the store writes.
func (s *Store) Now(context.Context) (time.Time, error) { return time.Now(), nil }

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

var (
	_ objstore.Bucket = (*Store)(nil)
	_ objstore.Holder = (*Store)(nil)
)
