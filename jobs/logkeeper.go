package jobs

import (
	"bytes"
	"io"
	"sync"
)

// maxLogBytes of a run's log are kept in its state.
const maxLogBytes = 256 << 10

// logKeeper keeps a run's log lines beside wherever they go.
type logKeeper struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// also gives a writer that keeps what goes to w, too.
func (k *logKeeper) also(w io.Writer) io.Writer { return io.MultiWriter(k, w) }

// Write keeps a line, as long as there is room.
func (k *logKeeper) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.buf.Len()+len(p) <= maxLogBytes {
		k.buf.Write(p)
	}
	return len(p), nil
}

func (k *logKeeper) text() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return bytes.Clone(k.buf.Bytes())
}
