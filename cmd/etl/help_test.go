package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// model is the tree of commands.
func model(t *testing.T) *kong.Node {
	t.Helper()
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

// eachCommand calls fn for every command, groups of commands included.
func eachCommand(n *kong.Node, fn func(*kong.Node)) {
	for _, child := range n.Children {
		fn(child)
		eachCommand(child, fn)
	}
}

// exampleLines are the command lines of a help text.
func exampleLines(detail string) (lines []string) {
	_, after, _ := strings.Cut(detail, "\nExamples:\n\n")
	block, _, _ := strings.Cut(after, "\n\n")
	for _, l := range strings.Split(block, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

var shellWord = regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)

// shellWords splits a command line as a shell does, as far as the examples need it.
func shellWords(line string) (words []string) {
	line, _, _ = strings.Cut(line, " > ")
	for _, w := range shellWord.FindAllString(line, -1) {
		words = append(words, strings.Trim(w, `'"`))
	}
	return words
}

// Each command says what it does, what it never does, with two examples that the parser accepts, and how it can end.
func TestHelpOfCommands(t *testing.T) {
	eachCommand(model(t), func(n *kong.Node) {
		name := "etl " + n.Path()
		if !strings.HasSuffix(n.Help, ".") {
			t.Errorf("%s: the summary %q is not a sentence", name, n.Help)
		}
		if !strings.Contains(n.Detail, "\nExit codes:\n\n  0  done\n") {
			t.Errorf("%s: the help has no exit codes:\n%s", name, n.Detail)
		}
		examples := exampleLines(n.Detail)
		if len(examples) < 2 {
			t.Errorf("%s: %d examples, want 2 or more", name, len(examples))
		}
		for _, e := range examples {
			words := shellWords(e)
			parser, err := newParser(&cli{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, err := parser.Parse(words[1:])
			if err != nil {
				t.Errorf("%s: the example %s does not parse: %v", name, e, err)
				continue
			}
			if got := ctx.Selected().Path(); words[0] != "etl" || got != n.Path() && !strings.HasPrefix(got, n.Path()+" ") {
				t.Errorf("%s: the example %s is one of etl %s", name, e, got)
			}
		}
	})
}

// shown leaves out flags that people do not use.
func shown(flags []*kong.Flag) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(flags), func(f *kong.Flag) bool { return f.Hidden })
}

// Each flag says what it does, its default, and an example of its value.
func TestHelpOfFlags(t *testing.T) {
	eachCommand(model(t), func(n *kong.Node) {
		for _, f := range shown(n.Flags) {
			name, text := "etl "+n.Path()+" --"+f.Name, valueHelp(f.Value)
			if !strings.HasSuffix(f.Help, ".") {
				t.Errorf("%s: %q is not a sentence", name, text)
			}
			if f.IsBool() {
				continue // off by default, and its name is its example
			}
			if !f.Required && !strings.Contains(text, "Default: ") && !strings.Contains(text, "Required ") {
				t.Errorf("%s: the help %q does not say the default", name, text)
			}
			if f.Enum == "" && !strings.Contains(text, "Example: ") {
				t.Errorf("%s: the help %q has no example", name, text)
			}
		}
		for _, p := range n.Positional {
			if !strings.HasSuffix(p.Help, ".") {
				t.Errorf("etl %s %s: %q is not a sentence", n.Path(), p.Summary(), p.Help)
			}
		}
	})
}

// --help of each command prints its help, and nothing on standard error.
func TestHelpIsPrinted(t *testing.T) {
	eachCommand(model(t), func(n *kong.Node) {
		out, errs, code := etl(t, append(strings.Fields(n.Path()), "--help")...)
		if code != exitDone || errs != "" {
			t.Errorf("etl %s --help: exit code %d, standard error %q", n.Path(), code, errs)
		}
		if lines := strings.Count(out, "\n"); lines > 72 {
			t.Errorf("etl %s --help has %d lines: too many for a screen", n.Path(), lines)
		}
		for _, l := range strings.Split(out, "\n") {
			if len(l) > 120 {
				t.Errorf("etl %s --help: a line over 120 characters: %s", n.Path(), l)
			}
		}
	})
}

// bash finds no mistake in its script, and completes commands, flags and values with it.
func TestCompletionOfBash(t *testing.T) {
	script, _, code := etl(t, "completion", "bash")
	if code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	at := filepath.Join(t.TempDir(), "etl.bash")
	if err := os.WriteFile(at, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("bash", "-n", at).CombinedOutput(); err != nil {
		t.Fatalf("bash -n: %v\n%s", err, out)
	}
	const try = `source "$1"; shift
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _etl; printf '%s ' "${COMPREPLY[@]}"`
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"ru"}, "run runs"},
		{[]string{"bookmark", "res"}, "reset resume"},
		{[]string{"runs", "show", "job.yaml", "--o"}, "--output"},
		{[]string{"run", "job.yaml", "--full"}, "--full-sweep"},
		{[]string{"run", "job.yaml", "-o", ""}, "text json"},
		{[]string{"check", "--output", "=", "s"}, "sarif"},
		{[]string{"preview", "network-f"}, "network-firewall"},
		{[]string{"completion", ""}, "bash zsh fish"},
		{[]string{"run", "job.yaml", "--nonsense"}, ""},
	} {
		out, err := exec.Command("bash", append([]string{"-c", try, "bash", at, "etl"}, c.words...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", c.words, err, out)
		}
		if diff := cmp.Diff(c.want, strings.TrimSpace(string(out))); diff != "" {
			t.Errorf("etl %s<TAB> (-want +got):\n%s", strings.Join(c.words, " "), diff)
		}
	}
}

// The scripts of all shells name every command and every flag.
func TestCompletionIsComplete(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, errs, code := etl(t, "completion", shell)
		if code != exitDone || errs != "" {
			t.Errorf("%s: exit code %d, %s", shell, code, errs)
		}
		eachCommand(model(t), func(n *kong.Node) {
			if !strings.Contains(script, n.Name) {
				t.Errorf("%s: the command %s is missing", shell, n.Path())
			}
			for _, f := range shown(n.Flags) {
				if name := "--" + f.Name; shell != "fish" && !strings.Contains(script, name) || shell == "fish" && !strings.Contains(script, " -l "+f.Name) {
					t.Errorf("%s: the flag %s of %s is missing", shell, name, n.Path())
				}
			}
		})
	}
	if _, errs, code := etl(t, "completion", "csh"); code != exitUsage || !strings.Contains(errs, "bash") {
		t.Errorf("csh: exit code %d, %s", code, errs)
	}
}

// The man page has every command, and only lines that man(7) reads as they are meant.
func TestManPage(t *testing.T) {
	page, errs, code := etl(t, "man")
	if code != exitDone || errs != "" {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	if !strings.HasPrefix(page, ".TH ETL 1 ") {
		t.Errorf("the page begins with %.40q", page)
	}
	macro := regexp.MustCompile(`^\.(TH|SH|SS|B|I|TP|PP|nf|fi|RS|RE)( |$)`)
	open := map[string]int{}
	for i, l := range strings.Split(strings.TrimSuffix(page, "\n"), "\n") {
		if strings.HasPrefix(l, ".") && !macro.MatchString(l) || strings.HasPrefix(l, "'") || l == "" {
			t.Errorf("line %d is not a macro or a text: %q", i+1, l)
		}
		open[l]++
	}
	if open[".nf"] != open[".fi"] || open[".RS 4"] != open[".RE"] || open[".nf"] == 0 {
		t.Errorf("blocks do not close: %d .nf, %d .fi, %d .RS, %d .RE", open[".nf"], open[".fi"], open[".RS 4"], open[".RE"])
	}
	eachCommand(model(t), func(n *kong.Node) {
		if len(n.Children) == 0 && !strings.Contains(page, "\n.SS \"etl "+strings.ReplaceAll(n.Path(), "-", `\-`)) {
			t.Errorf("the page has no section of etl %s", n.Path())
		}
	})
}
