package jobs

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// NewLog returns a log that writes JSON lines to w, each with its time in milliseconds. A run adds its run_id to each of its lines.
func NewLog(w io.Writer) zerolog.Logger { return zerolog.New(w).Hook(lineTime{}) }

// lineTime adds the time to each line. zerolog's own timestamps have a format for the whole process.
type lineTime struct{}

// Run implements zerolog.Hook.
func (lineTime) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().Format("2006-01-02T15:04:05.000Z07:00"))
}

// maxLogBytes of a run's log are kept in its state.
const maxLogBytes = 256 << 10

// logKeeper keeps a run's log lines for its record.
type logKeeper struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// also returns a writer that writes to w and keeps a copy.
func (k *logKeeper) also(w io.Writer) io.Writer { return io.MultiWriter(k, w) }

// Write keeps a line unless the log is too long.
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
