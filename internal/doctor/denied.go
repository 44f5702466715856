package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// deniedShown is how many objects a result names.
const deniedShown = 5

// deniedResults names the objects that the store refused to the last run that tried them.
func deniedResults(waiting []awaited.Object) (results []Result) {
	var denied []string
	for _, o := range waiting {
		if o.Why == awaited.Denied {
			denied = append(denied, fmt.Sprintf("%+q (tried %s since %s)", o.Key, human.Plural(int64(o.Tries), "time"), o.First.Format(time.DateOnly)))
		}
	}
	if n := len(denied); n > 0 {
		results = append(results, warn("denied objects", "allow s3:GetObject, and kms:Decrypt if the objects are encrypted with a KMS key; the next run reads them",
			"the store refused %s to runs: %s", human.Plural(int64(n), "object"), firstOf(denied)))
	}
	return results
}

// archivedResults names the objects that have to be restored: those that a listing knows to be archived, and those that only a read has
// shown to be.
func archivedResults(listed staging.ArchivedObjects, waiting []awaited.Object) (results []Result) {
	const what = "archived objects"
	if n := listed.Objects; n > 0 {
		results = append(results, warn(what, report.RestoreCommand(listed)+"; a later run reads them",
			"%s (%s) must be restored before runs can read them, and %s being restored (example: %+q)", human.Plural(int64(n), "object"), human.Size(listed.SizeBytes),
			map[bool]string{true: "1 is", false: human.Count(int64(listed.Restoring)) + " are"}[listed.Restoring == 1], listed.One))
	}
	var archived []string
	for _, o := range waiting {
		if o.Why == awaited.Archived {
			archived = append(archived, fmt.Sprintf("%+q", o.Key))
		}
	}
	if n := len(archived); n > 0 {
		results = append(results, warn(what, "etl backfill --restore Standard --days 3 with their days; a later run reads them",
			"%s could not be read at the last run that tried, because they were archived: %s", human.Plural(int64(n), "object"), firstOf(archived)))
	}
	return results
}

// firstOf names the first of some things.
func firstOf(all []string) string {
	text := strings.Join(all[:min(deniedShown, len(all))], ", ")
	if more := len(all) - deniedShown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
