package main

import (
	"cmp"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/textfile"
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
	Fixes     []sarifFix      `json:"fixes,omitempty"`
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
	EndLine     int `json:"endLine,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"` // the first after the text
}

type sarifFix struct {
	Changes []sarifChange `json:"artifactChanges"`
}

type sarifChange struct {
	Artifact     sarifArtifact      `json:"artifactLocation"`
	Replacements []sarifReplacement `json:"replacements"`
}

type sarifReplacement struct {
	Deleted  sarifRegion `json:"deletedRegion"`
	Inserted sarifText   `json:"insertedContent"`
}

// printSARIF prints diagnostics for code scanning. A diagnostic about a file as a whole is at its first line: code scanning shows
// nothing without a place. The rules are those of diag.CodeTexts that have a result.
func printSARIF(w io.Writer, found diag.List) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "etl check", Version: version, Rules: []sarifRule{}}
	texts := sourceTexts{}
	for _, d := range found {
		code := cmp.Or(d.Code, diag.Job)
		r := sarifResult{RuleID: string(code), Level: d.Severity.String(), Message: sarifText{d.Message}}
		if d.Hint != "" {
			r.Message.Text += " (" + d.Hint + ")"
		}
		rules := &run.Tool.Driver.Rules
		if r.RuleIndex = slices.IndexFunc(*rules, func(x sarifRule) bool { return x.ID == r.RuleID }); r.RuleIndex < 0 {
			r.RuleIndex = len(*rules)
			*rules = append(*rules, sarifRule{r.RuleID, sarifText{code.Text()}})
		}
		var l sarifLocation
		l.Physical.Artifact = artifact(d.File)
		l.Physical.Region = texts.region(d)
		r.Locations = []sarifLocation{l}
		if d.Fix != nil && l.Physical.Region.EndLine > 0 {
			r.Fixes = []sarifFix{{[]sarifChange{{l.Physical.Artifact, []sarifReplacement{{l.Physical.Region, sarifText{d.Fix.Text}}}}}}}
		}
		run.Results = append(run.Results, r)
	}
	return printJSON(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// sourceTexts has the lines of files by their path.
type sourceTexts map[string][]string

// region gives the place of a diagnostic with columns in characters.
func (t sourceTexts) region(d diag.Diagnostic) sarifRegion {
	region := sarifRegion{StartLine: max(d.Line, 1)}
	if d.Line == 0 || d.Column == 0 {
		return region
	}
	if t[d.File] == nil {
		b, _ := textfile.Read(d.File, textfile.MaxMapping) // of a file that cannot be read columns stay in bytes
		t[d.File] = strings.Split(string(b), "\n")
	}
	region.StartColumn = runeColumn(t[d.File], d.Line, d.Column)
	if d.EndLine > 0 {
		region.EndLine, region.EndColumn = d.EndLine, runeColumn(t[d.File], d.EndLine, d.EndColumn)
	}
	return region
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
