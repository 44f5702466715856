package decode

import (
	"bytes"
	"io"
)

// Head unpacks the beginning of an object as far as it goes, up to most bytes. What is broken or cut off ends it early.
func Head(b []byte, most int) []byte {
	var u unpacker
	if u.open(bytes.NewReader(b)) != nil {
		return nil
	}
	out := make([]byte, most)
	n, _ := io.ReadFull(u.out, out)
	return out[:n]
}
