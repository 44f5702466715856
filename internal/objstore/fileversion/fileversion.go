// Package fileversion is the ETag of a file in a staging folder.
//
// A folder has no ETags. Size, modification time, inode number and the time of the last status change stand for one: they are cheap
// to read, and they change if the content does. They also change if the content does not (touch, a copy, a restore from a backup,
// another volume), so two versions can have the same content. Only internal/identity, which reads the content, can tell.
//
// The package reads and writes the text. It never looks at a file.
package fileversion

import (
	"strconv"
	"strings"
)

// Version of a file. Times are nanoseconds since 1970.
type Version struct {
	SizeBytes int64
	Modified  int64
	Inode     uint64
	Changed   int64 // the last status change (ctime)
	// Old says that the ETag has no Changed, as earlier versions of etl wrote it.
	Old bool
}

// String is the ETag: the numbers in hex.
func (v Version) String() string {
	text := strconv.FormatInt(v.SizeBytes, 16) + "-" + strconv.FormatInt(v.Modified, 16) + "-" + strconv.FormatUint(v.Inode, 16)
	if v.Old {
		return text
	}
	return text + "-" + strconv.FormatInt(v.Changed, 16)
}

// Parse reads an ETag. ok is false for any other text, such as an ETag of S3.
func Parse(etag string) (v Version, ok bool) {
	size, rest, ok := strings.Cut(etag, "-")
	if !ok {
		return v, false
	}
	parts := strings.SplitN(strings.ReplaceAll(rest, "--", "-~"), "-", 4) // a time before 1970 begins with a minus
	if strings.HasPrefix(rest, "-") {
		parts = strings.SplitN(strings.ReplaceAll("~"+rest[1:], "--", "-~"), "-", 4)
	}
	number := func(s string) (int64, error) { return strconv.ParseInt(strings.Replace(s, "~", "-", 1), 16, 64) }
	var err error
	if v.SizeBytes, err = strconv.ParseInt(size, 16, 64); err != nil || v.SizeBytes < 0 {
		return Version{}, false
	}
	switch len(parts) {
	case 2:
		v.Old = true
	case 3:
		if v.Changed, err = number(parts[2]); err != nil {
			return Version{}, false
		}
	default:
		return Version{}, false
	}
	if v.Modified, err = number(parts[0]); err != nil {
		return Version{}, false
	}
	if v.Inode, err = strconv.ParseUint(parts[1], 16, 64); err != nil || v.String() != etag {
		return Version{}, false
	}
	return v, true
}

// Earlier is the ETag that earlier versions of etl gave to the same version of a file. ok is false if they gave it this one, or if it
// is not the ETag of a file.
func Earlier(etag string) (earlier string, ok bool) {
	if strings.Count(etag, "-") < 3 {
		return "", false
	}
	v, ok := Parse(etag)
	if !ok || v.Old {
		return "", false
	}
	v.Old = true
	return v.String(), true
}

// Matches says whether a pin names the version that a file has: the same ETag, or the one that earlier versions of etl gave to it.
func Matches(pin, etag string) bool {
	if pin == etag {
		return true
	}
	earlier, ok := Earlier(etag)
	return ok && pin == earlier
}
