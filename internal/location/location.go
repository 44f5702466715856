// Package location reads the text with which a person names a place for files: s3://bucket/prefix, or the path of a folder.
//
// It is the only package that looks for a scheme in such a text. It does not know which stores exist: any scheme parses, and the
// registry of stores says whether there is a store for it. It never opens anything.
//
// Invariants: Parse(l.String()) equals l, and two texts that name the same place are Equal, whatever slashes are at their ends.
package location

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// The reasons why a text does not name a place. Parse returns a *ParseError around one of them.
var (
	ErrEmpty    = errors.New("the location is empty")
	ErrNoBucket = errors.New("the bucket is missing")
	ErrScheme   = errors.New("the text before :// is not a scheme")
	ErrPassword = errors.New("a location has no user name and no password; credentials come from the environment")
)

// ParseError says which text could not be read, and why. Text does not have the part that can be a password.
type ParseError struct {
	Text string
	Err  error
}

func (e *ParseError) Error() string { return fmt.Sprintf("%q: %v", e.Text, e.Err) }

func (e *ParseError) Unwrap() error { return e.Err }

// Location is a place for files: a bucket and a prefix in it, or a folder of this machine. The zero value names nothing.
type Location struct {
	scheme string // "" for a folder
	bucket string // "" for a folder
	path   string // of a folder as it was written, or what follows the bucket's slash
}

// A scheme has two characters or more: "c:" is a drive.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+)://`)

// Parse reads a location. A text without a scheme is the path of a folder. The scheme stays as it was written: S3:// is not s3://.
func Parse(text string) (Location, error) {
	if text == "" {
		return Location{}, &ParseError{text, ErrEmpty}
	}
	m := scheme.FindStringSubmatch(text)
	if m == nil {
		if strings.Contains(text, "://") {
			if before, rest, _ := strings.Cut(text, "://"); strings.Contains(rest, "@") {
				text = before + "://..."
			}
			return Location{}, &ParseError{text, ErrScheme}
		}
		return Folder(text), nil
	}
	bucket, prefix, _ := strings.Cut(text[len(m[0]):], "/")
	if bucket == "" {
		return Location{}, &ParseError{text, ErrNoBucket}
	}
	if strings.ContainsAny(bucket, "@:") && !strings.HasPrefix(bucket, "arn:") {
		return Location{}, &ParseError{m[0] + "...", ErrPassword} // the text may hold a password, so it is not repeated
	}
	return InBucket(m[1], bucket, prefix), nil
}

// Folder is the location of a folder of this machine.
func Folder(path string) Location { return Location{path: path} }

// InBucket is the location of a prefix in a bucket.
func InBucket(scheme, bucket, prefix string) Location {
	return Location{scheme: scheme, bucket: bucket, path: prefix}
}

// Scheme is the part before ://, which selects the store. It is empty for a folder.
func (l Location) Scheme() string { return l.scheme }

// Bucket is the bucket's name. It is empty for a folder.
func (l Location) Bucket() string { return l.bucket }

// Path is the path of a folder, or the prefix (or key) in a bucket, as it was written.
func (l Location) Path() string { return l.path }

// IsFolder says whether the location is a folder of this machine, so that the operating system can open its files.
func (l Location) IsFolder() bool { return l.scheme == "" }

// Root is the whole bucket. A folder is its own root.
func (l Location) Root() Location {
	if l.IsFolder() {
		return l
	}
	return InBucket(l.scheme, l.bucket, "")
}

// Join is the location below this one that the elements name. They use slashes.
func (l Location) Join(elements ...string) Location {
	below := path.Join(elements...)
	if l.IsFolder() {
		return Folder(filepath.Join(l.path, filepath.FromSlash(below)))
	}
	prefix := l.path
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return InBucket(l.scheme, l.bucket, prefix+below)
}

// Abs is the location with the absolute path of a folder, taken from the working directory.
func (l Location) Abs() (Location, error) {
	if !l.IsFolder() {
		return l, nil
	}
	abs, err := filepath.Abs(l.path)
	return Folder(abs), err
}

// Equal says whether both name the same place: slashes at the end do not count, and neither do "." and ".." in a folder's path.
func (l Location) Equal(o Location) bool { return l.plain() == o.plain() }

func (l Location) plain() Location {
	switch {
	case !l.IsFolder():
		l.path = strings.TrimRight(l.path, "/")
	case l.path != "":
		l.path = filepath.Clean(l.path)
	}
	return l
}

// String is the location as a person writes it: s3://bucket/prefix without a slash at its end, or the path of a folder.
func (l Location) String() string {
	if l.IsFolder() {
		return l.path
	}
	return strings.TrimSuffix(l.scheme+"://"+l.bucket+"/"+l.path, "/")
}
