// Package docs_test holds the documentation to the code: links lead somewhere, and tables of keys, codes, rules and flags
// list what the code has, no more and no less.
package docs_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
	"github.com/silt-etl/silt/internal/ocsf"
)

var update = flag.Bool("update", false, "write what is generated again")

const root = ".."

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files of the project with an ending, without what is built or made by running it.
func files(t *testing.T, ending string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") && name != ".ci" || slices.Contains([]string{"bin", "demo", "lake"}, rel)) {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(rel, ending) {
			all = append(all, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no files end in %s", ending)
	}
	return all
}

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```|^(?:    |\t).*?$|`[^`\n]*`")
	link      = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	noAnchor  = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors of a page, as GitHub makes them of headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

// TestLinks: every relative link of every page leads to a file, and to a heading where it names one.
func TestLinks(t *testing.T) {
	links := 0
	for _, page := range files(t, ".md") {
		text := codeBlock.ReplaceAllString(read(t, page), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			links++
			at := page
			if target != "" && filepath.Base(page) == "page.md" { // a part of the page of the source
				at = filepath.Join("docs", "sources", target)
			} else if target != "" {
				at = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, at)); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !anchors(read(t, at))[anchor] {
				t.Errorf("%s: %s has no heading #%s", page, at, anchor)
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links were found: is the pattern still right?", links)
	}
}

// TestNothingOfTheWorkshop: the text says what the project is, not where or how somebody worked on it.
func TestNothingOfTheWorkshop(t *testing.T) {
	words := []string{"/wo" + "rk/main", "/wo" + "rk/shared", "/wo" + "rk/.library", "/tm" + "p/x/"}
	for _, ending := range []string{".md", ".go", ".sql", ".yaml", ".sh", ".svg", ".json", "Makefile"} {
		for _, f := range files(t, ending) {
			text := read(t, f)
			for _, w := range words {
				if strings.Contains(text, w) {
					t.Errorf("%s holds %q", f, w)
				}
			}
		}
	}
}

// property of the JSON Schema of a job file.
type property struct {
	Type        any                 `json:"type"`
	Description string              `json:"description"`
	Default     any                 `json:"default"`
	Pattern     string              `json:"pattern"`
	Enum        []string            `json:"enum"`
	Required    []string            `json:"required"`
	Properties  map[string]property `json:"properties"`
	// AdditionalProperties is false, or what each class of lake.classes has.
	AdditionalProperties json.RawMessage `json:"additionalProperties"`
}

func (p property) flat(prefix string, into map[string]property, required map[string]bool) {
	for name, q := range p.Properties {
		path := prefix + name
		var class property
		if json.Unmarshal(q.AdditionalProperties, &class) == nil && class.Properties != nil {
			class.flat(path+".<class>.", into, required)
			continue
		}
		if q.Properties != nil {
			q.flat(path+".", into, required)
			continue
		}
		into[path] = q
		required[path] = slices.Contains(p.Required, name)
	}
}

// fieldOrder gives the keys in the order in which internal/jobfile/fields.go lists them.
func fieldOrder(t *testing.T) (keys []string) {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/jobfile/fields.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if name, ok := kv.Key.(*ast.Ident); ok && name.Name == "path" {
			if s := text(kv.Value); s != "" {
				keys = append(keys, s)
			}
		}
		return true
	})
	return keys
}

// text of a string literal, "" for anything else.
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}

// jobKeys is the list of keys in docs/jobs.md.
func jobKeys(t *testing.T) string {
	kinds := jobfile.Kinds{Stores: objstore.Registry{s3store.Kind(), dirstore.Kind()}, Catalogs: catalog.Registry{glue.Kind(), local.Kind()}}
	var schema property
	if err := json.Unmarshal(jobfile.Schema(kinds), &schema); err != nil {
		t.Fatal(err)
	}
	props, required := map[string]property{}, map[string]bool{}
	schema.flat("", props, required)
	spec, err := jobfile.Parse("job.yaml", []byte("name: a\nsource: {staging: ./s}\nmapping: m\nlake: {location: ./l, source_name: a, region: us-east-1}\n"), func(string) (string, bool) { return "", false }, kinds)
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int64{"limits.memory": spec.Limits.MemoryBytes, "limits.batch_bytes": spec.Limits.BatchBytes, "limits.temp_bytes": 0} // the schema has no defaults of sizes
	order := fieldOrder(t)
	if len(order) != len(props) {
		t.Fatalf("internal/jobfile/fields.go lists %d keys, the schema has %d", len(order), len(props))
	}
	var b strings.Builder
	for _, key := range order {
		p, ok := props[key]
		if !ok {
			t.Fatalf("the schema has no %s", key)
		}
		kind, byDefault := fmt.Sprint(p.Type), ""
		switch {
		case p.Enum != nil:
			kind = strings.Join(p.Enum, ", ")
		case kind == "array":
			kind = "list"
		case p.Pattern != "":
			kind = "duration"
		case reflect.TypeOf(p.Type).Kind() == reflect.Slice:
			kind = "size"
			switch n, known := sizes[key]; {
			case !known:
				t.Fatalf("%s: give its default here", key)
			case n > 0:
				byDefault = fmt.Sprintf("%dGiB", n>>30)
			}
		case kind == "string":
			kind = "text"
		}
		if required[key] {
			byDefault = "required"
		} else if s, ok := p.Default.(string); ok && kind == "duration" {
			d, err := time.ParseDuration(s)
			if err != nil {
				t.Fatal(err)
			}
			byDefault = duration(d)
		} else if p.Default != nil {
			byDefault = fmt.Sprint(p.Default)
		}
		if byDefault != "" && !required[key] {
			byDefault = "default " + byDefault
		}
		about := strings.Join(slices.DeleteFunc([]string{kind, byDefault}, func(s string) bool { return s == "" }), "; ")
		item := fmt.Sprintf("`%s` (%s): %s", key, about, strings.ReplaceAll(p.Description, "<", `\<`))
		b.WriteString(human.Wrap(item, "- ", "  ", 120) + "\n")
	}
	return b.String()
}

// duration is d as a job file has it: 48h stays, 87600h is 3650d.
func duration(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%(24*time.Hour) == 0 && d != 48*time.Hour:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// generated holds the part of a page that is made by this test to what it has to be. -update writes it.
func generated(t *testing.T, page, want string) {
	t.Helper()
	const begin, end = "<!-- made by: go test ./docs -update -->\n", "<!-- end -->"
	text := read(t, page)
	before, rest, ok := strings.Cut(text, begin)
	have, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s lacks the comments around its generated part", page)
	case have == want:
	case !*update:
		t.Errorf("%s is not what the code says; run go test ./docs -update", page)
	default:
		if err := os.WriteFile(filepath.Join(root, page), []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestJobKeys: docs/jobs.md has the keys of a job file, made from what reads the file. -update writes them.
func TestJobKeys(t *testing.T) { generated(t, "docs/jobs.md", jobKeys(t)) }

// constants gives the values of a package's string constants whose name begins with prefix.
func constants(t *testing.T, dir, prefix string) (values []string) {
	t.Helper()
	eachFile(t, dir, func(f *ast.File) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, name := range v.Names {
					if strings.HasPrefix(name.Name, prefix) && i < len(v.Values) && text(v.Values[i]) != "" {
						values = append(values, text(v.Values[i]))
					}
				}
			}
		}
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s...", dir, prefix)
	}
	return values
}

// eachFile parses the Go files of a folder, without tests.
func eachFile(t *testing.T, dir string, fn func(*ast.File)) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %d files", dir, err, len(names))
	}
	for _, n := range names {
		if strings.HasSuffix(n, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), n, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		fn(f)
	}
}

// described are the codes that begin a row of a table, | `CODE` |, or an item of a list, - `CODE`:.
func described(page, pattern string) (codes []string) {
	for _, m := range regexp.MustCompile("(?m)^(?:\\| `("+pattern+")` \\||- `("+pattern+")`:)").FindAllStringSubmatch(page, -1) {
		codes = append(codes, m[1]+m[2])
	}
	return codes
}

func sameSet(t *testing.T, what string, have, want []string) {
	t.Helper()
	set := func(all []string) []string { all = slices.Clone(all); sort.Strings(all); return slices.Compact(all) }
	have, want = set(have), set(want)
	for _, w := range want {
		if !slices.Contains(have, w) {
			t.Errorf("%s lacks %s", what, w)
		}
	}
	for _, h := range have {
		if !slices.Contains(want, h) {
			t.Errorf("%s has %s, which the code has not", what, h)
		}
	}
}

// TestReasonCodes: docs/quarantine.md has each reason code of the scanner, the projection and the attempt.
func TestReasonCodes(t *testing.T) {
	var want []string
	for _, dir := range []string{"internal/decode", "internal/attempt", "sql/sqlgen"} {
		want = append(want, constants(t, dir, "Reason")...)
	}
	sameSet(t, "docs/quarantine.md", described(read(t, "docs/quarantine.md"), "[A-Z][A-Z0-9_]+"), want)
}

// TestGateRules: docs/lake-rules.md names each rule of the gate.
func TestGateRules(t *testing.T) {
	sameSet(t, "docs/lake-rules.md", described(read(t, "docs/lake-rules.md"), "[a-z][a-z-]+"), constants(t, "internal/lake", "Rule"))
}

// TestDiagnosticCodes: docs/mappings.md has the codes of diagnostics about mappings, and docs/commands.md those about samples,
// made from the table of codes. -update writes them.
func TestDiagnosticCodes(t *testing.T) {
	var ofMappings, ofSamples strings.Builder
	for _, b := range []*strings.Builder{&ofMappings, &ofSamples} {
		b.WriteString("| code | usually | meaning |\n| --- | --- | --- |\n")
	}
	for _, c := range diag.CodeTexts() {
		b := &ofMappings
		switch {
		case c.Code == diag.Job:
			continue
		case strings.HasPrefix(string(c.Code), "SAMPLE_"):
			b = &ofSamples
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", c.Code, c.Usually, c.Text)
	}
	generated(t, "docs/mappings.md", ofMappings.String())
	generated(t, "docs/commands.md", ofSamples.String())
}

// TestOCSFVersions: docs/mappings.md names the versions that the program has tables of.
func TestOCSFVersions(t *testing.T) {
	want := "The OCSF versions are " + strings.Join(ocsf.Versions(), ", ") + "."
	if !strings.Contains(read(t, "docs/mappings.md"), want) {
		t.Errorf("docs/mappings.md does not say: %s", want)
	}
}

// TestCommands: docs/commands.md has a section for each command with each of its flags.
// cmd/etl holds the table of exit codes to exitcode.go.
func TestCommands(t *testing.T) {
	page := read(t, "docs/commands.md")
	sections := map[string]string{}
	for _, s := range strings.Split(page, "\n## ")[1:] {
		title, body, _ := strings.Cut(s, "\n")
		sections[strings.Trim(title, "`")] = body
	}
	commands := map[string]string{} // Go type to command
	flags := map[string][]string{}
	eachFile(t, "cmd/etl", func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range s.Fields.List {
				if field.Tag == nil || len(field.Names) != 1 {
					continue
				}
				tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
				name := tag.Get("name")
				if name == "" {
					name = kebab(field.Names[0].Name)
				}
				_, isCommand := tag.Lookup("cmd")
				_, isArg := tag.Lookup("arg")
				_, hidden := tag.Lookup("hidden")
				_, isHelp := tag.Lookup("help")
				switch {
				case isCommand:
					if id, ok := field.Type.(*ast.Ident); ok && spec.Name.Name == "cli" {
						commands[id.Name] = name
					}
				case isArg, hidden, !isHelp:
				default:
					flags[spec.Name.Name] = append(flags[spec.Name.Name], name)
				}
			}
			return true
		})
	})
	if len(commands) < 9 || len(flags["runCmd"]) == 0 || len(flags["outputFlag"]) == 0 {
		t.Fatalf("commands were not found: %v %v", commands, flags)
	}
	for typ, command := range commands {
		section, ok := sections["etl "+command]
		if !ok {
			t.Errorf("docs/commands.md has no section `etl %s`", command)
			continue
		}
		for _, f := range flags[typ] {
			if !strings.Contains(section, "`--"+f) {
				t.Errorf("docs/commands.md, etl %s: the flag --%s is missing", command, f)
			}
		}
	}
	for title := range sections {
		if command, ok := strings.CutPrefix(title, "etl "); ok && !hasValue(commands, command) {
			t.Errorf("docs/commands.md has a section %s, but there is no such command", title)
		}
	}
}

func hasValue(m map[string]string, v string) bool {
	for _, x := range m {
		if x == v {
			return true
		}
	}
	return false
}

// kebab is kong's name of a flag: FullSweep is full-sweep, SQL sql.
func kebab(s string) string {
	if s == strings.ToUpper(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// TestTestsAreThere: a test or fuzz target that a page names exists.
func TestTestsAreThere(t *testing.T) {
	defined := map[string]bool{}
	for _, f := range files(t, "_test.go") {
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(read(t, f), -1) {
			defined[m[1]] = true
		}
	}
	named := 0
	for _, page := range files(t, ".md") {
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(read(t, page), -1) {
			named++
			if !defined[name] {
				t.Errorf("%s names %s, which no test file has", page, name)
			}
		}
	}
	if named < 20 {
		t.Errorf("pages name %d tests only", named)
	}
}

// TestPackagesAreThere: docs/design.md lists each package, and a package that it lists exists. Packages that only tests or
// generators use are part of the package above them.
func TestPackagesAreThere(t *testing.T) {
	have := map[string]bool{}
	for _, f := range files(t, ".go") {
		if !strings.HasSuffix(f, "_test.go") {
			have[filepath.ToSlash(filepath.Dir(f))] = true
		}
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z][a-z0-9/]+)` \\|").FindAllStringSubmatch(read(t, "docs/design.md"), -1) {
		if listed[m[1]] = true; !have[m[1]] {
			t.Errorf("docs/design.md names the package %s, which has no Go files", m[1])
		}
	}
	for p := range have {
		above := filepath.ToSlash(filepath.Dir(p))
		if !listed[p] && !listed[above] && !strings.HasPrefix(p, "scripts/") && !strings.HasPrefix(p, "tools/") {
			t.Errorf("docs/design.md does not list the package %s", p)
		}
	}
}

// A path of the project: it begins with one of its folders, and is not a pattern.
var projectPath = regexp.MustCompile("(?:^|[ `(])((?:cmd|docs|internal|jobs|mappings|scripts|sql|testdata|tools)/[A-Za-z0-9_./-]*[A-Za-z0-9_])([<*]?)")

// TestPathsAreThere: the files and folders that pages for contributors name exist.
func TestPathsAreThere(t *testing.T) {
	named := 0
	for _, page := range []string{"CONTRIBUTING.md", "AGENTS.md", "docs/design.md"} {
		for _, m := range projectPath.FindAllStringSubmatch(read(t, page), -1) {
			if m[2] != "" || strings.HasSuffix(m[1], "_") {
				continue
			}
			named++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
	if named < 40 {
		t.Errorf("only %d paths were found: is the pattern still right?", named)
	}
}

// docs/commands.md lists the checks of etl doctor, in their order.
func TestDoctorChecks(t *testing.T) {
	var rows strings.Builder
	for _, c := range doctor.Checks() {
		fmt.Fprintf(&rows, "| %s | %s |\n", c.Name, c.Tests)
	}
	if !strings.Contains(read(t, "docs/commands.md"), rows.String()) {
		t.Errorf("docs/commands.md does not have this table of checks:\n%s", rows.String())
	}
}
