package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTutorial: cmd/etl/testdata/script/tutorial.txtar is what docs/tutorial.md says, made from the page: its files, its commands,
// their output. The tests of cmd/etl run it, so the page stays true. -update writes it.
func TestTutorial(t *testing.T) {
	want := tutorialScript(t, read(t, "docs/tutorial.md"))
	at := "cmd/etl/testdata/script/tutorial.txtar"
	if *update {
		if err := os.WriteFile(filepath.Join(root, at), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have := read(t, at); have != want {
		t.Errorf("%s is not what docs/tutorial.md says; run go test ./docs -update", at)
	}
}

// A block "```sql vpn/raw.sql" is a file that the reader saves there, a block "```console" commands and what they print, "```console
// fails" those that end with an error.
var tutorialBlock = regexp.MustCompile("(?ms)^```(\\w+)(?: ([^\n]+))?\n(.*?)^```$")

// changing is what differs from run to run: IDs, and numbers with a unit (times, speeds, sizes of files), with their blanks; "..." stands
// for anything.
var changing = regexp.MustCompile(`\b[0-9A-Z]{26}\b|\b\d[\d.,]* ?(?:ms|s|KiB|MiB|kB|B|minutes|events/s)\b|\.\.\.`)

func tutorialScript(t *testing.T, page string) string {
	t.Helper()
	var script, files strings.Builder
	script.WriteString("# Made from docs/tutorial.md by go test ./docs -update: do not change it here.\n")
	commands, saved := 0, 0
	for _, m := range tutorialBlock.FindAllStringSubmatch(page, -1) {
		language, arg, body := m[1], m[2], m[3]
		if language != "console" {
			if arg == "" {
				t.Fatalf("docs/tutorial.md: a block of %s names no file", language)
			}
			saved++
			name := fmt.Sprintf("saved/%d", saved)
			fmt.Fprintf(&files, "-- %s --\n%s", name, body)
			fmt.Fprintf(&script, "mkdir %s\ncp %s %s\n", filepath.ToSlash(filepath.Dir(arg)), name, arg)
			continue
		}
		for _, c := range strings.Split("\n"+body, "\n$ ")[1:] {
			command, output, _ := strings.Cut(c, "\n")
			output = strings.TrimSuffix(output, "\n")
			commands++
			if arg == "fails" {
				script.WriteString("! ")
			}
			script.WriteString("exec " + strings.ReplaceAll(strings.ReplaceAll(command, "'", "''"), `"`, "'") + "\n")
			if !changing.MatchString(output) {
				name := fmt.Sprintf("printed/%d", commands)
				fmt.Fprintf(&script, "cmp stdout %s\n", name)
				fmt.Fprintf(&files, "-- %s --\n%s\n", name, output)
				continue
			}
			for _, line := range strings.Split(output, "\n") {
				if line != "" {
					fmt.Fprintf(&script, "stdout '^%s$'\n", strings.ReplaceAll(pattern(line), "'", "''"))
				}
			}
		}
	}
	if commands < 10 || saved < 5 {
		t.Fatalf("docs/tutorial.md has %d commands and %d files: are its blocks still read?", commands, saved)
	}
	return script.String() + "\n" + files.String()
}

// pattern matches a line of output, whatever what is changing has become.
func pattern(line string) string {
	var b strings.Builder
	last := 0
	for _, at := range changing.FindAllStringIndex(line, -1) {
		b.WriteString(regexp.QuoteMeta(line[last:at[0]]))
		switch found := line[at[0]:at[1]]; {
		case found == "...":
			b.WriteString(".*")
		case len(found) == 26 && !strings.Contains(found, " "):
			b.WriteString("[0-9A-Z]{26}")
		default:
			b.WriteString(`\d[\d.,]* ?[a-zA-Z/]+`)
		}
		last = at[1]
	}
	return b.String() + regexp.QuoteMeta(line[last:])
}
