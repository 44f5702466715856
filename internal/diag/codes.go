package diag

// Code names a kind of diagnostic. Codes are a contract: editors, code scanning and scripts select by them.
type Code string

// The codes of diagnostics about job files, mappings and samples. CodeTexts has a sentence for each.
const (
	Class            Code = "CLASS"
	UnknownClass     Code = "UNKNOWN_CLASS"
	OCSFVersion      Code = "OCSF_VERSION"
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
	JSON             Code = "JSON"
	Format           Code = "FORMAT"
	RawFormat        Code = "RAW_FORMAT"
	Parse            Code = "PARSE"
	Pattern          Code = "PATTERN"
	Timestamp        Code = "TIMESTAMP"
	Also             Code = "ALSO"
	RawPath          Code = "RAW_PATH"
	Coerced          Code = "COERCED"
	Sibling          Code = "SIBLING"
	SampleQuarantine Code = "SAMPLE_QUARANTINE"
	SampleMisfit     Code = "SAMPLE_MISFIT"
	SampleKept       Code = "SAMPLE_KEPT"
	SampleUnread     Code = "SAMPLE_UNREAD"
	Job              Code = "JOB"
)

// CodeText says in one line what a code is about.
type CodeText struct {
	Code Code
	Text string
}

// CodeTexts returns all codes with their texts. SARIF rules, the docs and etl check are made of this table.
func CodeTexts() []CodeText {
	return []CodeText{
		{Class, "The mapping names no class, or has a constant that contradicts its class"},
		{UnknownClass, "OCSF does not have this class"},
		{OCSFVersion, "The OCSF version is unknown, or the SELECTs name several"},
		{UnknownProfile, "OCSF does not have this profile"},
		{Profile, "The profile is not declared, or the class does not take it"},
		{UnknownPath, "The class does not have this attribute"},
		{UnknownField, "raw.sql does not declare this field"},
		{Shape, "The path is an object, a list, or a map"},
		{Type, "The attribute does not take this type or value"},
		{TypeUID, "type_uid does not follow from class and activity"},
		{Twice, "Two columns fill one path"},
		{Null, "The column is NULL in every record"},
		{MissingRequired, "Nothing fills a required attribute"},
		{Deprecated, "OCSF has deprecated the attribute"},
		{NoAlias, "The column has no OCSF path"},
		{NoProjection, "The mapping has no SELECT"},
		{Overlap, "Two SELECTs take the same record"},
		{Unread, "No SELECT reads these fields"},
		{Consumes, "No column reads the consumed field"},
		{Drop, "The drop line is not a single predicate"},
		{HeaderKey, "The header key looks like a misspelt one"},
		{SQL, "DuckDB refuses the SQL"},
		{SQLRefused, "Mappings must not use this SQL"},
		{JSON, "The file is not JSON"},
		{Format, "A key of a declarative mapping is missing or unknown"},
		{RawFormat, "A comment line of raw.sql about the format of the records cannot be read"},
		{Parse, "A parse line of raw.sql names an unknown parser, or a field that cannot be taken apart"},
		{Pattern, "A pattern of raw.sql does not compile, or captures a field that raw.sql does not declare"},
		{Timestamp, "A timestamp line of raw.sql names a field that is not a time, or an unknown format"},
		{Also, "An also line of raw.sql names an unknown field, or a path that raw.sql declares itself"},
		{RawPath, "This is not a path of the raw record"},
		{Coerced, "A loosely written value is read as the OCSF type"},
		{Sibling, "The text is not the caption that OCSF gives for the number beside it"},
		{SampleQuarantine, "Records of the sample go to quarantine"},
		{SampleMisfit, "Values of the sample do not have the type that raw.sql gives"},
		{SampleKept, "Values of the sample did not fit an attribute and stay in unmapped"},
		{SampleUnread, "No SELECT reads these fields of the sample"},
		{Job, "The job file is not valid"},
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
