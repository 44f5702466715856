package s3store

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/silt-etl/silt/internal/objstore"
)

// maxResumes is how often in a row the body of an object may break off without bringing a byte.
const maxResumes = 4

func setRetryDefaults(cfg *Config) {
	setDefault(&cfg.RequestTries, 5)
	setDefault(&cfg.MaxBackoff, 20*time.Second)
	setDefault(&cfg.StallTimeout, time.Minute)
}

// newRetryer decides which failed requests are sent again: those that the SDK calls retryable, throttled or conflicting ones, and
// those whose answer ended in its middle, as a page of a listing.
func newRetryer(cfg Config) aws.Retryer {
	standard := retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = cfg.RequestTries
		o.MaxBackoff = cfg.MaxBackoff
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if unread := (*smithy.DeserializationError)(nil); errors.As(err, &unread) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	})
	return retry.AddWithErrorCodes(standard, "ConditionalRequestConflict", "SlowDown")
}

// read reads the body, and requests the rest if the connection breaks off.
func (b *body) read(p []byte) (int, error) {
	for {
		if b.rc == nil {
			if err := b.resume(); err != nil {
				return 0, b.s.fail("get", b.key, err)
			}
		}
		stalled := time.AfterFunc(b.s.cfg.StallTimeout, b.cancel)
		n, err := b.rc.Read(p)
		stalled.Stop()
		if b.off += int64(n); n > 0 {
			b.broken = 0
		}
		switch {
		case err == nil:
			return n, nil
		case b.ctx.Err() != nil:
			return n, b.s.fail("get", b.key, b.ctx.Err())
		case b.off >= b.end && errors.Is(err, io.EOF):
			return n, io.EOF
		case b.off >= b.end: // all bytes have arrived, but the checksum is wrong
			return n, b.s.fail("get", b.key, err)
		}
		b.closeBody()
		if b.broken++; b.broken > maxResumes {
			return n, objstore.Fail("get", b.s.String(), b.key, fmt.Errorf("the connection broke %d times at byte %d of %d: %w", b.broken, b.off, b.obj.SizeBytes, innermost(unexpected(err))), "check the network")
		}
		if n > 0 {
			return n, nil
		}
	}
}

// unexpected keeps the end of a connection from being taken for the end of the object.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// resume waits a little and asks for the rest.
func (b *body) resume() error {
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(min(time.Duration(b.broken)*100*time.Millisecond, b.s.cfg.MaxBackoff)):
	}
	return b.open(0)
}
