package report

import (
	"fmt"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/staging"
)

// Archived says what to do about objects that a listing left because they are archived. It is empty if there are none.
func Archived(a staging.ArchivedObjects) string {
	if a.Objects == 0 {
		return ""
	}
	text := fmt.Sprintf("left %s (%s) that are archived (example: %s)", human.Plural(int64(a.Objects), "object"), human.Size(a.SizeBytes), a.One)
	if a.Restoring == a.Objects {
		return text + ". All of them are being restored, and a later run reads them"
	}
	if a.Restoring > 0 {
		text += fmt.Sprintf("; %s of them are being restored", human.Count(int64(a.Restoring)))
	}
	return text + ". Try: " + RestoreCommand(a)
}

// RestoreCommand is the command that restores archived objects.
func RestoreCommand(a staging.ArchivedObjects) string {
	from, to := "DATE", "DATE"
	if !a.First.IsZero() {
		from, to = a.First.Format(time.DateOnly), a.Last.Format(time.DateOnly)
	}
	return fmt.Sprintf("etl backfill JOB --from %s --to %s --restore Standard --days 3", from, to)
}

// Restores are the archived objects that a backfill has asked to restore.
type Restores struct {
	Tier       string `json:"tier"`
	Days       int    `json:"days"`
	Takes      string `json:"-"`           // how long S3 takes
	Started    int    `json:"started"`     // by this run
	InProgress int    `json:"in_progress"` // at its end
	SizeBytes  int64  `json:"size"`        // of those in progress
	Failed     int    `json:"failed,omitempty"`
}

// writeText says how many restores there are, and how to continue.
func (r *Restores) writeText(p func(label, format string, args ...any)) {
	p("restore", "%s with the tier %s asked for; %s (%s) in progress", human.Plural(int64(r.Started), "restore"), r.Tier, human.Count(int64(r.InProgress)), human.Size(r.SizeBytes))
	if r.InProgress > 0 {
		p("", "S3 takes %s. Then run the same command again: it loads what is restored", r.Takes)
	}
}
