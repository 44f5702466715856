package jobs_test

import (
	"context"
	"errors"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/jobs"
)

// exitCodeOf stands in for the table of exit codes that cmd/etl gives to a Runner. The tests use it to say which of the errors
// with a code of their own an error is, and that it is not another one too.
func exitCodeOf(err error) int {
	if several, ok := errors.AsType[*jobs.Failures](err); ok {
		return several.ExitCode(exitCodeOf)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, jobs.ErrQuarantine), errors.Is(err, jobs.ErrUnread):
		return 3
	case errors.Is(err, ledger.ErrHeld):
		return 4
	case errors.Is(err, jobs.ErrStopped), errors.Is(err, context.Canceled):
		return 5
	}
	return 1
}
