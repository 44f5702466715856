package tempdir

import (
	"context"
	"fmt"
	"time"

	"github.com/silt-etl/silt/internal/human"
)

// Full says that the files of a folder have grown beyond what they may take.
type Full struct {
	Path     string
	MaxBytes int64
}

// Error names the folder and its limit.
func (e *Full) Error() string {
	return fmt.Sprintf("the files in %s take more than %s", e.Path, human.Size(e.MaxBytes))
}

// Size is the size of all files below a folder.
func Size(ctx context.Context, dir string) (int64, error) {
	size, _, err := measure(ctx, dir)
	return size, err
}

// measureEvery is how often Watch measures a folder. What is written in between can exceed the limit.
const measureEvery = 100 * time.Millisecond

// Watch returns a context that ends with a *Full as its cause once the files below a folder take more than maxBytes, whoever writes
// them. The caller calls stop.
func Watch(ctx context.Context, dir string, maxBytes int64) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	go func() {
		t := time.NewTicker(measureEvery)
		defer t.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-t.C:
			}
			if size, err := Size(watched, dir); err == nil && size > maxBytes {
				cancel(&Full{dir, maxBytes})
				return
			}
		}
	}()
	return watched, func() { cancel(nil) }
}
