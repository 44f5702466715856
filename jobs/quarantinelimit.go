package jobs

import (
	"errors"
	"fmt"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/report"
)

// ErrQuarantine says that a batch is refused: it has more bad records than limits.max_quarantine_ratio allows, or more partitions than
// limits.max_partitions. Nothing of such a batch is committed, so its records do not reach quarantine either, and the run ends as FAILED.
var ErrQuarantine = errors.New("too many bad records")

// refusedBatch is an error that counts as ErrQuarantine, with a text of its own.
type refusedBatch struct{ error }

func (e refusedBatch) Is(target error) bool { return target == ErrQuarantine }

func (e refusedBatch) Unwrap() error { return e.error }

// checkQuarantineLimit compares the rejected records of a batch with its read records. The records of an object that cannot be read
// as a whole count as far as they were read, and as at least one.
func (a *batchAttempt) checkQuarantineLimit(out batchOutput) error {
	t := out.result.Totals()
	rejected := t.Quarantined + out.result.UnreadableRecords
	read := t.Records + out.result.UnreadableRecords
	limit := a.config.spec.Limits.MaxQuarantineRatio
	if read == 0 || float64(rejected) <= limit*float64(read) {
		return nil
	}
	for code, n := range out.result.Reasons {
		a.run.sum.Reasons[code] += n
	}
	return &diag.OpError{Op: "process", Object: "batch " + out.batch,
		Err: fmt.Errorf("%w: %s of %s records were rejected (%.2f%%), and limits.max_quarantine_ratio allows %.2f%%; nothing of the batch was committed. Reasons: %s",
			ErrQuarantine, human.Count(rejected), human.Count(read), 100*float64(rejected)/float64(read), 100*limit, report.ByCount(out.result.Reasons)),
		Try: "etl preview with an object of the batch, then correct the mapping or raise the limit"}
}
