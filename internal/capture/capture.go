// Package capture names the values of `key` that a mapping can read and that do not come from the key pattern: what the job file and
// the listing say about an object.
//
// A capture of the key pattern with the same name is used instead, so that job files that already have one keep their meaning.
package capture

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the values.
const (
	Modified = "last_modified"   // when the object was last modified, in ISO 8601 and UTC
	Year     = "source_year"     // source.year
	Zone     = "source_timezone" // source.timezone
	Zones    = "source_zones"    // source.zones, joined by commas
	Member   = "member"          // the name of the member of an archive; only of archives
)

// IsAdded says whether a column of `key` is Member or one that Values can give, in upper or lower case.
func IsAdded(name string) bool {
	return slices.Contains([]string{Modified, Year, Zone, Zones, Member}, strings.ToLower(name))
}

// Source is what a job file says about the times of its logs. The zero Source says nothing.
type Source struct {
	Year  int      // of times without a year; 0: not set
	Zone  string   // IANA zone of times without a zone; "": UTC
	Zones []string // what abbreviations of zones mean (example: CST=-06:00)
}

// Values gives what is known about an object that was last modified at a time. Values that are not known are left out. A zero time
// is not known.
func (s Source) Values(modified time.Time) map[string]string {
	v := map[string]string{}
	if !modified.IsZero() {
		v[Modified] = modified.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if s.Year != 0 {
		v[Year] = strconv.Itoa(s.Year)
	}
	if s.Zone != "" {
		v[Zone] = s.Zone
	}
	if len(s.Zones) > 0 {
		v[Zones] = strings.Join(s.Zones, ",")
	}
	return v
}
