package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"

	"github.com/silt-etl/silt/internal/objstore"
)

// errFound ends a walk that only needs to know whether a file exists.
var errFound = errors.New("found")

// walk is one listing. It keeps the names of one folder per level, never more.
type walk struct {
	s     *Store
	ctx   context.Context //nolint:containedctx // one listing, which recurses
	opts  objstore.ListOptions
	above []fs.FileInfo // the folders being walked, to notice a symlink back to one of them
	fn    func(objstore.Object) error
	err   error // what fn returned, to be handed on as it is

	root   string         // without links, if the store looks at links
	visits map[string]int // how often a folder was listed through links
}

// List implements objstore.Reader. Files that are created or removed while it runs may or may not be listed.
func (s *Store) List(ctx context.Context, opts objstore.ListOptions, fn func(objstore.Object) error) error {
	if err := s.checkRoot("list"); err != nil {
		return err
	}
	w := &walk{s: s, ctx: ctx, opts: opts, fn: fn}
	// Start at the last folder that the prefix names in full, not at the root.
	start := ""
	if i := strings.LastIndexByte(opts.Prefix, '/'); i >= 0 {
		start = opts.Prefix[:i+1]
		if !plainPrefix(start) {
			return nil // no key can begin so
		}
	}
	at, ok, err := s.links.begin(ctx, start)
	if w.root, w.visits = at.root, map[string]int{}; err == nil && ok {
		err = w.folder(start, at.place)
	}
	if w.err != nil {
		return w.err
	}
	if err != nil {
		return s.wrap("list", opts.Prefix, err)
	}
	return nil
}

// plainPrefix says whether keys may begin with this, which ends in a slash.
func plainPrefix(prefix string) bool {
	return fs.ValidPath(strings.TrimSuffix(prefix, "/")) && !strings.ContainsRune(prefix, 0)
}

func (s *Store) hidden(path string) bool {
	if s.internal(path) {
		return true
	}
	if !s.hideSilt {
		return false
	}
	rel, err := filepath.Rel(s.root, path)
	if err != nil {
		return false
	}
	for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		if strings.HasPrefix(part, ".silt") {
			return true
		}
	}
	return false
}

// child is a folder's entry. sortKey is the name, with a slash behind a folder's: in the order of whole keys "a-b" comes
// before what is in the folder "a", although "a" comes before "a-b".
type child struct {
	sortKey string
	isDir   bool
	target  string // of a link, if the store looks at links
}

// children reads one folder in key order, symlinks resolved. What is neither file nor folder is left out, and so are links that are not
// followed, which are reported. root is the root without links.
func (s *Store) children(ctx context.Context, key, root string) ([]child, error) {
	path := filepath.Join(s.root, filepath.FromSlash(key))
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	out := make([]child, 0, len(entries))
	for _, entry := range entries {
		name, kind, target := entry.Name(), entry.Type(), ""
		if kind&fs.ModeSymlink != 0 {
			var leadsOut bool
			target, kind, leadsOut, err = s.links.readLink(root, filepath.Join(path, name))
			if leadsOut && kind.IsDir() {
				name += "/"
			}
			if leadsOut && (kind.IsDir() || kind.IsRegular()) {
				objstore.ReportLink(ctx, key+name)
			}
			if leadsOut || err != nil {
				continue // a dangling link or a loop of links is not an object
			}
		}
		switch {
		case kind.IsDir():
			if !s.hidden(filepath.Join(path, name)) {
				out = append(out, child{sortKey: name + "/", isDir: true, target: target})
			}
		case kind.IsRegular():
			out = append(out, child{sortKey: name, target: target})
		}
	}
	slices.SortFunc(out, func(a, b child) int { return strings.Compare(a.sortKey, b.sortKey) })
	return out, nil
}

// gone says whether an error only means that a file was removed while it was being listed.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// folder lists what is under key, which is empty or ends in a slash and leads to a place.
func (w *walk) folder(key string, at place) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	path := filepath.Join(w.s.root, filepath.FromSlash(key))
	if key != "" && w.s.hidden(path) {
		return nil
	}
	info, err := os.Stat(path)
	if gone(err) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	for _, above := range w.above {
		if os.SameFile(above, info) {
			return nil
		}
	}
	if at.linked {
		if w.visits[at.path]++; w.visits[at.path] > maxVisits {
			return nil
		}
	}
	children, err := w.s.children(w.ctx, key, w.root)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	w.above = append(w.above, info)
	defer func() { w.above = w.above[:len(w.above)-1] }()
	// Names before the one that After or Prefix leads through cannot matter.
	if rest, ok := strings.CutPrefix(w.opts.After, key); ok {
		first, _, deeper := strings.Cut(rest, "/")
		if deeper {
			first += "/"
		}
		children = children[sort.Search(len(children), func(i int) bool { return children[i].sortKey >= first }):]
	}
	for _, c := range children {
		childKey := key + c.sortKey
		if !strings.HasPrefix(childKey, w.opts.Prefix) && !(c.isDir && strings.HasPrefix(w.opts.Prefix, childKey)) {
			if childKey > w.opts.Prefix {
				return nil
			}
			continue
		}
		if childKey <= w.opts.After && !(c.isDir && strings.HasPrefix(w.opts.After, childKey)) {
			continue
		}
		to := at.child(strings.TrimSuffix(c.sortKey, "/"), c.target)
		if c.isDir {
			err = w.folder(childKey, to)
		} else {
			err = w.file(childKey, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) file(key string, at place) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(w.s.root, filepath.FromSlash(key)))
	if gone(err) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	o := w.s.object(key, info)
	o.Link = w.s.links.link(w.root, at)
	w.err = w.fn(o)
	return w.err
}

// Folders implements objstore.Reader. A folder without files at any depth is left out, because it is not the prefix of a key.
func (s *Store) Folders(ctx context.Context, prefix string) ([]string, error) {
	if err := s.checkRoot("folders"); err != nil {
		return nil, err
	}
	dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if dir != "" && (!plainPrefix(dir) || s.hidden(filepath.Join(s.root, filepath.FromSlash(dir)))) {
		return nil, nil
	}
	at, ok, err := s.links.begin(ctx, dir)
	var children []child
	if err == nil && ok {
		children, err = s.children(ctx, dir, at.root)
	}
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, s.wrap("folders", prefix, err)
	}
	var out []string
	for _, c := range children {
		folder := dir + c.sortKey
		if !c.isDir || !strings.HasPrefix(folder, prefix) {
			continue
		}
		err := s.List(ctx, objstore.ListOptions{Prefix: folder}, func(objstore.Object) error { return errFound })
		if errors.Is(err, errFound) {
			out = append(out, folder)
		} else if err != nil {
			return nil, err
		}
	}
	return out, nil
}
