//go:build !unix

package tempdir

import "errors"

// FreeBytes is not known on this system.
func FreeBytes(string) (int64, error) { return 0, errors.New("not supported on this operating system") }
