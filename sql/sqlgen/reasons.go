package sqlgen

// Codes of Compiled.Reasons. They are stable: quarantine files and replay filters name them.
const (
	ReasonNoProjection       = "NO_PROJECTION"       // no projection takes the record
	ReasonSeveralProjections = "SEVERAL_PROJECTIONS" // more than one does
	ReasonDropped            = "DROPPED"             // a `-- drop:` predicate names it: it is counted as filtered, not quarantined
	ReasonTimeMissing        = "TIME_MISSING"        // no field holds a time
	ReasonTimeUnreadable     = "TIME_UNREADABLE"     // there is one, and it is not a time
	ReasonYearUnknown        = "YEAR_UNKNOWN"        // the time has no year, and nothing gives one
	ReasonMissingRequired    = "MISSING_REQUIRED"    // a required attribute or object has no value
)
