package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/silt-etl/silt/internal/objstore"
)

// maxVisits is how often one listing goes through a folder by links. Links between folders would otherwise multiply what is listed.
const maxVisits = 8

// links decides which links of a store are followed.
type links struct {
	root   string
	mode   objstore.Links
	hidden func(path string) bool
}

// place is where a key leads to.
type place struct {
	path   string // without links
	linked bool   // the key leads through a link
}

// child is the place of an entry of a folder. target is what the entry links to, or empty.
func (p place) child(name, target string) place {
	if target != "" {
		return place{path: target, linked: true}
	}
	return place{path: filepath.Join(p.path, name), linked: p.linked}
}

// realRoot is the root without links. The root itself can be a link.
func (l *links) realRoot() (string, error) { return withoutLinks(l.root) }

// withoutLinks resolves the links of a path. A loop of links leads nowhere, and so does a link that is replaced at the same time.
func withoutLinks(path string) (string, error) {
	out, err := filepath.EvalSymlinks(path)
	if errors.Is(err, syscall.EINVAL) {
		return "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if _, isPath := errors.AsType[*fs.PathError](err); err != nil && !isPath {
		return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
	}
	return out, err
}

// place finds where a path below the root leads to. It is false if the store does not follow the links to there.
func (l *links) place(path string) (place, bool, error) {
	if l.mode == objstore.LinksAnywhere {
		return place{path: path}, true, nil
	}
	root, err := l.realRoot()
	if err != nil {
		return place{}, false, err
	}
	target, err := withoutLinks(path)
	if err != nil {
		return place{}, false, err
	}
	rel, err := filepath.Rel(l.root, path)
	if err != nil {
		return place{}, false, err
	}
	return place{path: target, linked: target != filepath.Join(root, rel)}, l.follows(root, target), nil
}

// follows says whether the store follows a link to a path, which is without links.
func (l *links) follows(root, target string) bool {
	if !within(target, root) {
		return l.mode != objstore.LinksInside
	}
	rel, err := filepath.Rel(root, target)
	return err == nil && !l.hidden(filepath.Join(l.root, rel))
}

// link gives Object.Link for a place.
func (l *links) link(root string, p place) string {
	if !p.linked {
		return ""
	}
	if rel, err := filepath.Rel(root, p.path); err == nil && within(p.path, root) {
		return filepath.ToSlash(rel)
	}
	return p.path
}

// beginning is where a listing begins.
type beginning struct {
	place
	root string // without links
}

// begin finds the folder that a listing begins with. It is false if the folder does not exist or is behind a link that is not followed,
// which is reported.
func (l *links) begin(ctx context.Context, key string) (beginning, bool, error) {
	path := filepath.Join(l.root, filepath.FromSlash(key))
	if l.mode == objstore.LinksAnywhere {
		return beginning{place: place{path: path}}, true, nil
	}
	root, err := l.realRoot()
	if err != nil {
		return beginning{}, false, err
	}
	at, follows, err := l.place(path)
	if err != nil {
		if gone(err) || errors.Is(err, fs.ErrPermission) {
			err = nil
		}
		return beginning{}, false, err
	}
	if !follows {
		objstore.ReportLink(ctx, key)
	}
	return beginning{place: at, root: root}, follows, nil
}

// readLink resolves a link of a folder. leadsOut: the store does not follow it. err: it leads nowhere.
func (l *links) readLink(root, path string) (target string, kind fs.FileMode, leadsOut bool, err error) {
	if l.mode == objstore.LinksAnywhere {
		info, err := os.Stat(path)
		if err != nil {
			return "", 0, false, err
		}
		return "", info.Mode().Type(), false, nil
	}
	target, err = withoutLinks(path)
	if errors.Is(err, fs.ErrPermission) { // what cannot be looked at counts as outside
		return "", 0, true, nil
	}
	if err != nil {
		return "", 0, false, err
	}
	info, err := os.Lstat(target)
	if err != nil {
		return "", 0, false, err
	}
	if !l.follows(root, target) {
		// A link to a folder of Silt's own is not worth a word.
		return "", info.Mode().Type(), !within(target, root), fs.ErrNotExist
	}
	return target, info.Mode().Type(), false, nil
}

// openFile opens a regular file for reading. With LinksInside it stays in the root, whatever other programs change in the meantime.
func (l *links) openFile(path string) (*os.File, error) {
	if l.mode != objstore.LinksInside {
		return os.Open(path)
	}
	rootPath, err := l.realRoot()
	if err != nil {
		return nil, err
	}
	p, ok, err := l.place(path)
	if gone(err) || errors.Is(err, syscall.ELOOP) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(rootPath, p.path)
	if err != nil || !ok {
		return nil, fs.ErrNotExist
	}
	root, err := os.OpenRoot(rootPath)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe would wait
	if gone(err) || errors.Is(err, syscall.ELOOP) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		if path, isPath := errors.AsType[*fs.PathError](err); isPath {
			if _, isSystem := errors.AsType[syscall.Errno](path.Err); !isSystem { // os.Root refuses a path that leads out of it
				return nil, fs.ErrNotExist
			}
		}
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, fs.ErrNotExist)
	}
	return f, nil
}
