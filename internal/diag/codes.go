package diag

// Code names a kind of diagnostic. Codes are a contract: editors, code scanning and scripts select by them.
type Code string

// The codes of diagnostics about job files, mappings and samples. CodeTexts has a sentence for each.
const (
	Class            Code = "CLASS"
	UnknownClass     Code = "UNKNOWN_CLASS"
	OCSFVersion      Code = "OCSF_VERSION"
	OCSFMove         Code = "OCSF_MOVE"
	UnknownProfile   Code = "UNKNOWN_PROFILE"
	Profile          Code = "PROFILE"
	UnknownPath      Code = "UNKNOWN_PATH"
	UnknownField     Code = "UNKNOWN_FIELD"
	Shape            Code = "SHAPE"
	Type             Code = "TYPE"
	TypeUID          Code = "TYPE_UID"
	Twice            Code = "TWICE"
	Null             Code = "NULL"
	MissingRequired  Code = "MISSING_REQUIRED"
	Deprecated       Code = "DEPRECATED"
	NoAlias          Code = "NO_ALIAS"
	NoProjection     Code = "NO_PROJECTION"
	Overlap          Code = "OVERLAP"
	Unread           Code = "UNREAD"
	Consumes         Code = "CONSUMES"
	Drop             Code = "DROP"
	HeaderKey        Code = "HEADER_KEY"
	SQL              Code = "SQL"
	SQLRefused       Code = "SQL_REFUSED"
	ShadowedMacro    Code = "SHADOWED_MACRO"
	JSON             Code = "JSON"
	Format           Code = "FORMAT"
	RawFormat        Code = "RAW_FORMAT"
	Parse            Code = "PARSE"
	Pattern          Code = "PATTERN"
	Timestamp        Code = "TIMESTAMP"
	Also             Code = "ALSO"
	Redact           Code = "REDACT"
	Package          Code = "PACKAGE"
	Lookup           Code = "LOOKUP"
	RawPath          Code = "RAW_PATH"
	Coerced          Code = "COERCED"
	Sibling          Code = "SIBLING"
	SampleQuarantine Code = "SAMPLE_QUARANTINE"
	SampleMisfit     Code = "SAMPLE_MISFIT"
	SampleKept       Code = "SAMPLE_KEPT"
	SampleWithout    Code = "SAMPLE_WITHOUT"
	SampleZone       Code = "SAMPLE_ZONE"
	SampleUnread     Code = "SAMPLE_UNREAD"
	SampleSensitive  Code = "SAMPLE_SENSITIVE"
	Job              Code = "JOB"
)

// CodeText says in one line what a code is about.
type CodeText struct {
	Code    Code
	Usually Severity // of most diagnostics with this code
	Text    string
}

// CodeTexts returns all codes with their texts. SARIF rules, the docs and etl check are made of this table.
func CodeTexts() []CodeText {
	return []CodeText{
		{Class, Error, "The class is missing, or a constant contradicts it (examples: class_uid, type_uid)"},
		{UnknownClass, Error, "OCSF does not have this class"},
		{OCSFVersion, Error, "The OCSF version is unknown, or the SELECTs name different ones"},
		{OCSFMove, Warning, "With --ocsf: the move to this OCSF version changes a type, a value or a requirement"},
		{UnknownProfile, Error, "OCSF does not have this profile"},
		{Profile, Error, "The header does not name the attribute's profile, or the class does not have the profile"},
		{UnknownPath, Error, "The class does not have this attribute"},
		{UnknownField, Error, "raw.sql does not declare this field"},
		{Shape, Error, "A path leads through an array or is a map, or a raw object shares no field with OCSF's object"},
		{Type, Error, "A type or constant does not fit the attribute, or a value is outside its enum or range"},
		{TypeUID, Warning, "An enum of a JSON mapping gives a type_uid that contradicts activity_id; your value is kept"},
		{Twice, Error, "Two columns fill the same path"},
		{Null, Warning, "The column is NULL in every record"},
		{MissingRequired, Error, "Nothing fills a required attribute; a warning if the header's -- without: names it"},
		{Deprecated, Warning, "OCSF has deprecated the attribute"},
		{NoAlias, Error, "The column does not have an OCSF path"},
		{NoProjection, Error, "The mapping has no SELECT"},
		{Overlap, Warning, "A record matches two SELECTs; found by trying the values in their conditions"},
		{Unread, Note, "No SELECT reads these fields"},
		{Consumes, Error, "A consumes line has no expression (a warning), or names what no column reads or fills"},
		{Drop, Error, "The drop line is not one predicate"},
		{HeaderKey, Warning, "The header key looks like a misspelt one, or is unknown (a note)"},
		{SQL, Error, "DuckDB refuses the SQL"},
		{SQLRefused, Error, "A mapping must not contain this SQL"},
		{ShadowedMacro, Note, "A macro of the mapping is used instead of the library's macro of the same name"},
		{JSON, Error, "The file is not JSON"},
		{Format, Error, "A declarative mapping has an unknown key, or lacks one"},
		{RawFormat, Error, "raw.sql's header has an unknown format, key or value, or a column that no field can fill"},
		{Parse, Error, "A parse line names an unknown parser, or a field that is unknown or is not a STRUCT"},
		{Pattern, Error, "A pattern does not compile, has an unknown %{NAME}, or has a group that is not a column"},
		{Timestamp, Error, "A timestamp line names a wrong field, an unknown format or zone, or a format without a year"},
		{Also, Error, "An also line names an unknown field, a field with fields, or a path that raw.sql declares itself"},
		{Lookup, Error, "A lookup line or a call of lookup is wrong, or the file of the lookup is missing or wrong"},
		{Redact, Error, "A discard or redact line does not fit its field, or names the key or what a SELECT needs"},
		{Package, Error, "A package line is not NAME VERSION, or the package was not found in this version"},
		{RawPath, Error, "A raw path is not valid; a warning if two paths of one attribute end in the same key"},
		{Coerced, Warning, "The value has another type than OCSF requires, and was converted"},
		{Sibling, Warning, "The text is not OCSF's text for its number; your value is kept"},
		{SampleQuarantine, Warning, "Records of the sample go to quarantine"},
		{SampleMisfit, Warning, "Values of the sample do not have the type that raw.sql declares"},
		{SampleWithout, Warning, "Records of the sample would be published without a required attribute"},
		{SampleZone, Warning, "Times of the sample are read as UTC, but their records have an offset from UTC"},
		{SampleKept, Warning, "Values of the sample do not fit an attribute and stay in unmapped"},
		{SampleUnread, Note, "No SELECT reads these fields of the sample"},
		{SampleSensitive, Warning, "A field of the sample looks like a secret or personal data"},
		{Job, Error, "The job file is not valid"},
	}
}

// Text returns the text of a code, or the code itself if the table does not have it.
func (c Code) Text() string {
	for _, t := range CodeTexts() {
		if t.Code == c {
			return t.Text
		}
	}
	return string(c)
}
