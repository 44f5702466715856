package main

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/diag"
)

// What the SARIF 2.1.0 standard requires of each object, and code scanning of a result: version, runs, tool.driver.name,
// message.text, ruleId, a place with a region; a ruleIndex that names the rule, levels of the standard, URIs that are some.
func TestSARIF(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "é b.sql")
	if err := os.WriteFile(file, []byte("SELECT\n  é AS x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	found := diag.List{
		{File: file, Line: 2, Column: 6, EndLine: 2, EndColumn: 8, Code: diag.UnknownPath, Message: "no x", Hint: "did you mean y?", Fix: &diag.Fix{Text: "y"}}, // é has two bytes
		{File: "sql/a b/raw.sql", Severity: diag.Note, Code: diag.Unread, Message: "a"},
		{File: "./sql/x.sql", Line: 3, Column: 1, Severity: diag.Warning, Code: diag.UnknownPath, Message: "b"},
		{File: "job.yaml", Line: 1, Column: 1, Message: "c"},
		{File: "shipped:sql/x/y.sql", Line: 1, Column: 1, Code: diag.SQL, Message: "d"},
	}
	var out bytes.Buffer
	if err := printSARIF(&out, found); err != nil {
		t.Fatal(err)
	}
	var log map[string]any
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log["version"] != "2.1.0" {
		t.Errorf("version %v", log["version"])
	}
	run := log["runs"].([]any)[0].(map[string]any)
	driver := run["tool"].(map[string]any)["driver"].(map[string]any)
	if driver["name"] == "" || run["columnKind"] != "unicodeCodePoints" {
		t.Errorf("driver %v, columnKind %v", driver["name"], run["columnKind"])
	}
	rules := driver["rules"].([]any)
	if len(rules) != 4 {
		t.Errorf("%d rules, want 4: %v", len(rules), rules)
	}
	results := run["results"].([]any)
	if len(results) != len(found) {
		t.Fatalf("%d results", len(results))
	}
	var uris []string
	for i, v := range results {
		r := v.(map[string]any)
		rule := rules[int(r["ruleIndex"].(float64))].(map[string]any)
		if rule["id"] != r["ruleId"] || rule["shortDescription"].(map[string]any)["text"] == "" {
			t.Errorf("result %d: rule %v, ruleId %v", i, rule, r["ruleId"])
		}
		if !slices.Contains([]string{"error", "warning", "note", "none"}, r["level"].(string)) || r["level"] != found[i].Severity.String() {
			t.Errorf("result %d: level %v", i, r["level"])
		}
		if r["message"].(map[string]any)["text"] == "" {
			t.Errorf("result %d has no message", i)
		}
		at := r["locations"].([]any)[0].(map[string]any)["physicalLocation"].(map[string]any)
		artifact := at["artifactLocation"].(map[string]any)
		uri := artifact["uri"].(string)
		uris = append(uris, uri)
		if u, err := url.Parse(uri); err != nil || (u.Scheme == "") != (artifact["uriBaseId"] == "%SRCROOT%") {
			t.Errorf("result %d: URI %s, base %v: %v", i, uri, artifact["uriBaseId"], err)
		}
		if region := at["region"].(map[string]any); region["startLine"].(float64) < 1 || region["startColumn"] != nil && region["startColumn"].(float64) < 1 {
			t.Errorf("result %d: region %v", i, region)
		}
	}
	if want := []string{"sql/a%20b/raw.sql", "sql/x.sql", "job.yaml", "shipped:sql/x/y.sql"}; !slices.Equal(uris[1:], want) {
		t.Errorf("URIs %v, want %v", uris[1:], want)
	}
	first := results[0].(map[string]any)
	if text := first["message"].(map[string]any)["text"]; text != "no x (did you mean y?)" {
		t.Errorf("message %v", text)
	}
	region := map[string]any{"startLine": 2.0, "startColumn": 5.0, "endLine": 2.0, "endColumn": 7.0} // characters, not bytes
	place := first["locations"].([]any)[0].(map[string]any)["physicalLocation"].(map[string]any)
	if diff := cmp.Diff(region, place["region"]); diff != "" {
		t.Errorf("region (-want +got):\n%s", diff)
	}
	fixes := []any{map[string]any{"artifactChanges": []any{map[string]any{"artifactLocation": place["artifactLocation"],
		"replacements": []any{map[string]any{"deletedRegion": any(region), "insertedContent": map[string]any{"text": "y"}}}}}}}
	if diff := cmp.Diff(fixes, first["fixes"]); diff != "" {
		t.Errorf("fixes (-want +got):\n%s", diff)
	}
	if results[2].(map[string]any)["fixes"] != nil {
		t.Error("a result without a fix has one")
	}
	out.Reset()
	if err := printSARIF(&out, nil); err != nil || !bytes.Contains(out.Bytes(), []byte(`"results": []`)) {
		t.Errorf("without diagnostics: %v\n%s", err, out.String())
	}
}

// Every code that docs/mappings.md lists has a text in SARIF's rules.
func TestRuleTexts(t *testing.T) {
	page, err := os.ReadFile(shipped("docs/mappings.md"))
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile("(?m)^\\| `([A-Z][A-Z_]+)` \\|").FindAllStringSubmatch(string(page), -1)
	if len(codes) < 20 {
		t.Fatalf("only %d codes were found", len(codes))
	}
	for _, c := range codes {
		if diag.Code(c[1]).Text() == c[1] {
			t.Errorf("%s has no text", c[1])
		}
	}
}
