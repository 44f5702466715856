package lake

import (
	"fmt"
	"strings"
	"time"
)

// Partition is the place of a file in a table: the lake's region, the account of its records, their UTC day.
type Partition struct {
	Region    string // example: us-east-1
	AccountID string // 12 digits; or external, or external_<id>, outside AWS
	EventDay  string // YYYYMMDD
}

// dayLayout of EventDay, for package time.
const dayLayout = "20060102"

// maxExternalID bounds the <id> of external_<id>: an object key has 1,024 bytes, a Glue partition value as many.
const maxExternalID = 64

// KeyError says which part of a key cannot be used, and what can be used instead.
type KeyError struct {
	What  string // "region", "account", "event day", "source name", ...
	Value string
	Hint  string
}

func (e *KeyError) Error() string {
	v := e.Value
	if len(v) > 80 {
		v = v[:80] + "..."
	}
	return fmt.Sprintf("%s %q cannot be part of a lake key: %s", e.What, v, e.Hint)
}

// Validate refuses values that cannot be a partition. A valid partition has no character that could change a path.
func (p Partition) Validate() error {
	if err := ValidateRegion(p.Region); err != nil {
		return err
	}
	if err := ValidateAccount(p.AccountID); err != nil {
		return err
	}
	_, err := p.Day()
	return err
}

// Day is midnight UTC of EventDay.
func (p Partition) Day() (time.Time, error) {
	t, err := time.Parse(dayLayout, p.EventDay)
	if err != nil || len(p.EventDay) != len(dayLayout) {
		return time.Time{}, &KeyError{"event day", p.EventDay, "use a calendar day as YYYYMMDD (example: 20250619)"}
	}
	return t, nil
}

// Prefix of the partition's keys below the table's folder, ending in a slash. The names keep the spelling of Security Lake's
// own keys, which Glue lower-cases for its partition keys.
func (p Partition) Prefix() string {
	return "region=" + p.Region + "/accountId=" + p.AccountID + "/eventDay=" + p.EventDay + "/"
}

// Values in the order of the partition keys region, accountid, eventday.
func (p Partition) Values() [3]string { return [3]string{p.Region, p.AccountID, p.EventDay} }

// EventDay of an epoch millisecond, in UTC.
func EventDay(ms int64) string { return time.UnixMilli(ms).UTC().Format(dayLayout) }

// EpochDay is the UTC day of a time as a number of days since 1970-01-01, rounded down for earlier times as well.
func EpochDay(t time.Time) int32 { return int32(t.Truncate(24*time.Hour).Unix() / 86400) }

// ParsePrefix reads a Partition off the end of a path such as ext/nfw/region=R/accountId=A/eventDay=D/ (a file name after
// it is allowed) and returns what comes before it. ok is false if the path has no valid partition.
func ParsePrefix(path string) (folder string, p Partition, ok bool) {
	i := strings.LastIndex(path, "region=")
	if i < 0 || i > 0 && path[i-1] != '/' {
		return "", Partition{}, false
	}
	parts := strings.Split(path[i:], "/")
	if len(parts) < 3 || len(parts) > 4 {
		return "", Partition{}, false
	}
	var okR, okA, okD bool
	p.Region, okR = strings.CutPrefix(parts[0], "region=")
	p.AccountID, okA = strings.CutPrefix(parts[1], "accountId=")
	p.EventDay, okD = strings.CutPrefix(parts[2], "eventDay=")
	if !okR || !okA || !okD || p.Validate() != nil {
		return "", Partition{}, false
	}
	return path[:i], p, true
}

// ValidateRegion allows lower-case letters, digits and dashes.
func ValidateRegion(s string) error {
	if s == "" || len(s) > 40 || !only(s, lower+digits+"-") {
		return &KeyError{"region", s, "use an AWS region (example: us-east-1)"}
	}
	return nil
}

// ValidateAccount allows what may follow accountId= in a key.
func ValidateAccount(s string) error {
	if len(s) == 12 && only(s, digits) || s == "external" {
		return nil
	}
	if id, ok := strings.CutPrefix(s, "external_"); ok && id != "" && len(id) <= maxExternalID && only(id, lower+upper+digits+"_-") {
		return nil
	}
	return &KeyError{"account", s, "use 12 digits, external, or external_<id> with letters, digits, - and _"}
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

func only(s, alphabet string) bool {
	for i := range len(s) {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return false
		}
	}
	return true
}
