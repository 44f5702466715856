package docs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// samples is what scripts/samples/try.py counted.
type samples struct {
	Mappings map[string]string // the digest of each mapping when it was tried
	Sets     []sampleSet
}

type sampleSet struct {
	Mapping, Project, Commit, Files          string
	Versions                                 []string
	Tried, Right, Unchecked, Filtered, Wrong int
	Classes                                  map[string]int
	Refused, Differs                         map[string]int
}

// TestSamples: docs/samples.md is what scripts/samples/results.json says, and says which mappings have changed since. -update writes it.
func TestSamples(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "scripts", "samples", "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s samples
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	for _, set := range s.Sets {
		published := 0
		for _, n := range set.Classes {
			published += n
		}
		if set.Wrong > 0 || set.Tried != published+set.Filtered+total(set.Refused) || published != set.Right+set.Unchecked+total(set.Differs) {
			t.Errorf("%s, %s: the counts are wrong or do not add up: %+v", set.Mapping, set.Files, set)
		}
	}
	want := s.page(t)
	at := filepath.Join(root, "docs", "samples.md")
	if *update {
		if err := os.WriteFile(at, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have := read(t, "docs/samples.md"); have != want {
		t.Error("docs/samples.md is not up to date; run make samples, or go test ./docs -update if only the mapping has changed")
	}
}

func (s samples) page(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Shipped sources against public samples
<!-- Written by go test ./docs -update from scripts/samples/results.json; changes here are lost. -->
Other projects publish log records to test their own parsers. ` + "`make samples`" + ` fetches these projects, runs the shipped
mappings over their records, and counts what happens to them. Silt keeps the counts only, and not the records.

- **Right**: the event agrees with what the project expects of the record: addresses, ports, user and time. Values that
  the project does not name are not compared. A GuardDuty finding is compared with itself: identifiers, severity, remote
  addresses, domains, API calls, files, hashes and resources. Records of Network Firewall, Application Load Balancers,
  AppFabric, Sysmon, VPC flow logs, Route 53 Resolver and WAF are compared field by field: each value is in the event,
  where it belongs, or in ` + "`unmapped`" + `.
- **Not compared**: the record is published, and the project says nothing about what it should be.
- **Differs**: the event differs from what the project expects, for a reason that is listed.
- **Filtered**: a ` + "`-- drop:`" + ` line of the mapping names the kind of record.
- **Refused**: the record goes to quarantine on purpose, for a reason that is listed.

Any other record is wrong, and fails the test of this page. A field that a new release adds is kept in ` + "`unmapped`" + `
under its own name. A column that a CSV layout does not have sends the record to quarantine.

Alerts of Suricata are tried as Network Firewall writes them: with the name of a firewall and a zone. Sysmon events of
other collectors are tried as the Kinesis Agent for Windows writes them: the text that the collector kept, or else the
text that Windows prints for the event's data. At most three events of a kind are taken from one file.

| source | tried | right | not compared | differs | filtered | refused |
| --- | --- | --- | --- | --- | --- | --- |
`)
	for _, name := range slices.Sorted(maps.Keys(s.Mappings)) {
		var sum sampleSet
		for _, set := range s.of(name) {
			sum.Tried, sum.Right, sum.Unchecked, sum.Filtered = sum.Tried+set.Tried, sum.Right+set.Right, sum.Unchecked+set.Unchecked, sum.Filtered+set.Filtered
			sum.Classes = map[string]int{"differs": sum.Classes["differs"] + total(set.Differs), "refused": sum.Classes["refused"] + total(set.Refused)}
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %d | %d | %d | %d | %d | %d |\n", name, name, sum.Tried, sum.Right, sum.Unchecked, sum.Classes["differs"], sum.Filtered, sum.Classes["refused"])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Mappings)) {
		fmt.Fprintf(&b, "\n## %s\n", name)
		if s.Mappings[name] != mappingDigest(t, name) {
			b.WriteString("The mapping has changed since these records were tried. Try: `make samples`.\n\n")
		}
		fmt.Fprintf(&b, "The [page of the source](sources/%s.md) describes the mapping.\n\n", name)
		why := map[string]int{}
		for _, set := range s.of(name) {
			versions := strings.Join(set.Versions, ", ")
			if versions == "" {
				versions = "not known"
			}
			link := fmt.Sprintf("[%s](https://github.com/%s)", set.Project, set.Project)
			if len(link) > 110 {
				link = "<https://github.com/" + set.Project + ">"
			}
			b.WriteString(wrapped(fmt.Sprintf("- %s at `%.12s`, `%s`: %d tried, %d right, %d not compared, %d differ, %d filtered, %d refused. "+
				"Written by: %s.", link, set.Commit, set.Files, set.Tried, set.Right, set.Unchecked, total(set.Differs), set.Filtered,
				total(set.Refused), versions)))
			for text, n := range set.Differs {
				why["differs: "+text] += n
			}
			for text, n := range set.Refused {
				why["refused: "+text] += n
			}
		}
		b.WriteString("\n| why | records |\n| --- | --- |\n")
		for _, text := range slices.Sorted(maps.Keys(why)) {
			fmt.Fprintf(&b, "| %s | %d |\n", text, why[text])
		}
		if len(why) == 0 {
			b.WriteString("| no record differs or is refused | |\n")
		}
	}
	return b.String()
}

// wrapped breaks an item of a list into lines of at most 120 characters.
func wrapped(item string) string {
	var b strings.Builder
	room := 0
	for i, word := range strings.Fields(item) {
		switch {
		case i == 0:
			room = 120
		case room < len(word)+1:
			b.WriteString("\n  ")
			room = 118
		default:
			b.WriteString(" ")
			room--
		}
		b.WriteString(word)
		room -= len(word)
	}
	return b.String() + "\n"
}

func (s samples) of(mapping string) []sampleSet {
	return slices.DeleteFunc(slices.Clone(s.Sets), func(set sampleSet) bool { return set.Mapping != mapping })
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// mappingDigest is the digest that scripts/samples/try.py has of a mapping.
func mappingDigest(t *testing.T, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "sql", name, "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatal(name, err)
	}
	slices.Sort(files)
	h := sha256.New()
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte(filepath.Base(f) + "\x00" + string(data) + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil))
}
