package main

import (
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// The parts of SARIF 2.1.0 that code scanning reads. https://docs.oasis-open.org/sarif/sarif/v2.1.0/
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"` // error, warning, note
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	} `json:"physicalLocation"`
}

type sarifArtifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

// jobRule is the rule of findings about a job file, which have no codes.
const jobRule = "JOB"

// printSARIF prints the findings for code scanning. A finding about a file as a whole is at its first line: code scanning shows
// nothing without a place.
func printSARIF(w io.Writer, found []finding) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "etl check", Version: version, Rules: []sarifRule{}}
	lines := map[string][]string{}
	for _, f := range found {
		r := sarifResult{RuleID: f.Code, Level: f.Severity, Message: sarifText{f.Message}}
		if r.RuleID == "" {
			r.RuleID = jobRule
		}
		if f.Hint != "" {
			r.Message.Text += " (" + f.Hint + ")"
		}
		rules := &run.Tool.Driver.Rules
		if r.RuleIndex = slices.IndexFunc(*rules, func(x sarifRule) bool { return x.ID == r.RuleID }); r.RuleIndex < 0 {
			r.RuleIndex = len(*rules)
			*rules = append(*rules, sarifRule{r.RuleID, sarifText{ruleText(r.RuleID)}})
		}
		var l sarifLocation
		l.Physical.Artifact = artifact(f.File)
		l.Physical.Region = sarifRegion{StartLine: max(f.Line, 1)}
		if f.Line > 0 && f.Column > 0 {
			if lines[f.File] == nil {
				b, _ := os.ReadFile(f.File) // one that cannot be read keeps its columns in bytes
				lines[f.File] = strings.Split(string(b), "\n")
			}
			l.Physical.Region.StartColumn = runeColumn(lines[f.File], f.Line, f.Column)
		}
		r.Locations = []sarifLocation{l}
		run.Results = append(run.Results, r)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// artifact names a file as a URI: relative to the source root where it is.
func artifact(file string) sarifArtifact {
	if filepath.IsAbs(file) {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()}
	}
	if strings.HasPrefix(file, "shipped:") {
		return sarifArtifact{URI: file}
	}
	return sarifArtifact{URI: (&url.URL{Path: filepath.ToSlash(filepath.Clean(file))}).EscapedPath(), Base: "%SRCROOT%"}
}

// runeColumn turns a column in bytes into one in characters.
func runeColumn(lines []string, line, column int) int {
	if line > len(lines) || column-1 > len(lines[line-1]) {
		return column
	}
	return utf8.RuneCountInString(lines[line-1][:column-1]) + 1
}

// ruleText says in one line what a rule is about. The codes of docs/mappings.md are here, and JOB.
func ruleText(code string) string {
	switch code {
	case "CLASS":
		return "No class, or a constant that contradicts it"
	case "UNKNOWN_CLASS":
		return "OCSF has no such class"
	case "OCSF_VERSION":
		return "Unknown OCSF version, or several"
	case "UNKNOWN_PROFILE":
		return "OCSF has no such profile"
	case "PROFILE":
		return "The profile is not declared, or the class does not take it"
	case "UNKNOWN_PATH":
		return "The class has no such attribute"
	case "UNKNOWN_FIELD":
		return "raw.sql declares no such field"
	case "SHAPE":
		return "The path is an object, a list, or a map"
	case "TYPE":
		return "The attribute does not take this type or value"
	case "TYPE_UID":
		return "type_uid is not what class and activity make"
	case "TWICE":
		return "Two columns fill one path"
	case "NULL":
		return "A column that is NULL in every record"
	case "MISSING_REQUIRED":
		return "Nothing fills a required attribute"
	case "DEPRECATED":
		return "OCSF has deprecated the attribute"
	case "NO_ALIAS":
		return "A column without an OCSF path"
	case "NO_PROJECTION":
		return "The mapping has no SELECT"
	case "OVERLAP":
		return "Two SELECTs take the same record"
	case "UNREAD":
		return "Fields that no SELECT reads"
	case "CONSUMES":
		return "A consumed field that no column reads"
	case "DROP":
		return "A drop line that is not one predicate"
	case "HEADER_KEY":
		return "A near miss of a header key"
	case "SQL":
		return "DuckDB refuses the SQL"
	case "SQL_REFUSED":
		return "A mapping may not have this"
	case "JSON":
		return "Not JSON"
	case "FORMAT":
		return "A key of a declarative mapping is missing or unknown"
	case "RAW_FORMAT":
		return "A header line of raw.sql that says how records are written cannot be read"
	case "PARSE":
		return "A parse line of raw.sql names no parser, or no field that can be taken apart"
	case "PATTERN":
		return "A pattern of raw.sql does not compile, or captures what raw.sql does not declare"
	case "TIMESTAMP":
		return "A timestamp line of raw.sql names no time field, or no format"
	case "ALSO":
		return "An also line of raw.sql names no field, or a path that raw.sql declares itself"
	case "RAW_PATH":
		return "Not a path of the raw record"
	case "COERCED":
		return "A loose value, read as OCSF has it"
	case "SIBLING":
		return "A text that is not OCSF's for the number beside it"
	case "SAMPLE_QUARANTINE":
		return "Records of the sample go to quarantine"
	case "SAMPLE_MISFIT":
		return "Values of the sample are not of the type that raw.sql gives"
	case "SAMPLE_KEPT":
		return "An attribute did not take values of the sample"
	case "SAMPLE_UNREAD":
		return "Fields of the sample that no SELECT reads"
	case jobRule:
		return "The job file is not valid"
	}
	return code
}
