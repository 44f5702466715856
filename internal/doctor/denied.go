package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger/awaited"
)

// deniedShown is how many objects a result names.
const deniedShown = 5

// deniedResults names the objects that the store refused to the last run that tried them.
func deniedResults(waiting []awaited.Object) (results []Result) {
	var denied, archived []string
	for _, o := range waiting {
		switch o.Why {
		case awaited.Denied:
			denied = append(denied, fmt.Sprintf("%+q (tried %s since %s)", o.Key, human.Plural(int64(o.Tries), "time"), o.First.Format(time.DateOnly)))
		case awaited.Archived:
			archived = append(archived, fmt.Sprintf("%+q", o.Key))
		}
	}
	if n := len(denied); n > 0 {
		results = append(results, warn("denied objects", "allow s3:GetObject, and kms:Decrypt if the objects are encrypted with a KMS key; the next run reads them",
			"the store refused %s to runs: %s", human.Plural(int64(n), "object"), firstOf(denied)))
	}
	if n := len(archived); n > 0 {
		results = append(results, warn("archived objects", "restore them; a later run reads them",
			"%s must be restored before runs can read them: %s", human.Plural(int64(n), "object"), firstOf(archived)))
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
