package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/silt-etl/silt/mappings"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish." example:"bash"`
}

// Help implements kong.HelpProvider.
func (*completionCmd) Help() string {
	return commandHelp{
		Does: "etl completion prints a script that completes commands, flags, their values, and the names of shipped " +
			"mappings when you press TAB. Load it in the profile of your shell:\n\n" +
			"  bash: source <(etl completion bash)\n" +
			"  zsh:  etl completion zsh > \"${fpath[1]}/_etl\"\n" +
			"  fish: etl completion fish > ~/.config/fish/completions/etl.fish",
		Never: "It never changes a profile, and the script never calls etl.",
		Examples: []string{
			"etl completion bash",
			"etl completion fish",
		},
		Exits: []int{exitDone, exitUsage},
	}.String()
}

// Run implements etl completion.
func (c *completionCmd) Run(a *app) error {
	parser, err := newParser(&cli{})
	if err != nil {
		return err
	}
	commands := completions(parser.Model.Node)
	switch c.Shell {
	case "zsh":
		zshScript(a.stdout, commands)
	case "fish":
		fishScript(a.stdout, commands)
	default:
		bashScript(a.stdout, commands)
	}
	return nil
}

// completed is what can follow one command: "" is etl itself, "runs show" a command below a command.
type completed struct {
	path, help string
	commands   []completed // below it
	flags      []completedValue
	args       []completedValue
}

// completedValue is a flag or an argument, and what its value can be.
type completedValue struct {
	name, help string
	short      string   // of a flag; may be empty
	boolean    bool     // a flag without a value
	words      []string // values to offer
	files      bool     // offer files too
	folders    bool     // offer folders only
	repeated   bool     // an argument that takes all words that follow
}

// completions reads what can be completed from kong's model.
func completions(n *kong.Node) completed {
	c := completed{help: firstSentence(n.Help)}
	if n.Type != kong.ApplicationNode {
		c.path = n.Path()
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			v := completionValue(f.Value)
			v.name = "--" + f.Name
			if f.Short != 0 {
				v.short = "-" + string(f.Short)
			}
			c.flags = append(c.flags, v)
		}
	}
	positional := n.Positional
	if n.DefaultCmd != nil { // etl runs JOB is etl runs list JOB
		positional = n.DefaultCmd.Positional
	}
	for _, p := range positional {
		c.args = append(c.args, completionValue(p))
	}
	for _, child := range n.Children {
		if !child.Hidden {
			c.commands = append(c.commands, completions(child))
		}
	}
	return c
}

func completionValue(v *kong.Value) completedValue {
	c := completedValue{name: v.Name, help: firstSentence(v.Help), boolean: v.IsBool(), repeated: v.IsCumulative()}
	kind := v.Tag.Get("complete")
	if kind == "" && v.Flag == nil && v.Enum == "" {
		kind = "file" // nearly all arguments are files
	}
	switch kind {
	case "mapping":
		c.words, c.files = mappings.Names(), true
	case "file":
		c.files = true
	case "dir":
		c.files, c.folders = true, true
	}
	if v.Enum != "" {
		c.words = v.EnumSlice()
	}
	return c
}

// firstSentence is a help text without its end, for the column next to a completion.
func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSuffix(s, ".")
}

// each calls fn for a command and for all commands below it.
func (c completed) each(fn func(completed)) {
	fn(c)
	for _, child := range c.commands {
		child.each(fn)
	}
}

// last is the last word of a command.
func (c completed) last() string { return c.path[strings.LastIndexByte(c.path, ' ')+1:] }

// words are the commands and flags that can follow a command.
func (c completed) words() (commands, flags []string) {
	for _, child := range c.commands {
		commands = append(commands, child.last())
	}
	for _, f := range c.flags {
		flags = append(flags, f.name)
	}
	return commands, flags
}

// bashScript relies on complete -o default: where nothing is offered, bash completes files.
func bashScript(w io.Writer, root completed) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("# bash completion of etl. Load it with: source <(etl completion bash)")
	p("_etl() {")
	p(`    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd= args=0 i word`)
	p(`    if [[ $cur == "=" ]]; then cur=; elif [[ $prev == "=" ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi`)
	p(`    for ((i = 1; i < COMP_CWORD; i++)); do`)
	p(`        word=${COMP_WORDS[i]}`)
	p(`        case "$cmd $word" in`)
	root.each(func(c completed) {
		for _, child := range c.commands {
			p(`            %q) cmd=%q ;;`, c.path+" "+child.last(), child.path)
		}
	})
	p(`        esac`)
	p(`    done`)
	p(`    compopt +o default`)
	p(`    case "$cmd $prev" in`)
	root.each(func(c completed) {
		for _, f := range c.flags {
			if f.boolean {
				continue
			}
			patterns := fmt.Sprintf("%q", c.path+" "+f.name)
			if f.short != "" {
				patterns += fmt.Sprintf(" | %q", c.path+" "+f.short)
			}
			p(`        %s) %s; return ;;`, patterns, bashOffer(f))
		}
	})
	p(`    esac`)
	p(`    case $cmd in`)
	root.each(func(c completed) {
		commands, flags := c.words()
		p(`        %q)`, c.path)
		p(`            if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W %q -- "$cur")); return; fi`, strings.Join(flags, " "))
		offer := completedValue{words: commands}
		for _, a := range c.args { // bash counts no arguments: all that can stand here are offered
			offer.words, offer.files = append(offer.words, a.words...), offer.files || a.files
		}
		p(`            %s ;;`, bashOffer(offer))
	})
	p(`    esac`)
	p("}")
	p("complete -o default -F _etl etl")
}

func bashOffer(v completedValue) string {
	var parts []string
	if len(v.words) > 0 {
		parts = append(parts, fmt.Sprintf(`COMPREPLY=($(compgen -W %q -- "$cur"))`, strings.Join(v.words, " ")))
	}
	switch {
	case v.folders:
		parts = append(parts, `compopt -o dirnames`)
	case v.files && len(v.words) > 0: // default completes files only where there are no words
		parts = append(parts, `compopt -o filenames; COMPREPLY+=($(compgen -f -- "$cur"))`)
	case v.files:
		parts = append(parts, `compopt -o default`)
	}
	if len(parts) == 0 {
		return ":"
	}
	return strings.Join(parts, "; ")
}

// zshScript has a function for each command.
func zshScript(w io.Writer, root completed) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("#compdef etl")
	root.each(func(c completed) {
		p("\n%s() {", zshFunction(c.path))
		p("    local context curcontext=$curcontext state line")
		p("    local -a commands")
		p("    _arguments -C -s \\")
		for _, f := range c.flags {
			names := f.name
			if f.short != "" {
				names = "{" + f.short + "," + f.name + "}"
			}
			value := ""
			if !f.boolean {
				names = strings.ReplaceAll(names, f.name, f.name+"=")
				value = ":" + strings.TrimPrefix(f.name, "--") + ":" + zshOffer(f)
			}
			p("        %s%s \\", names, zshQuote("["+zshText(f.help)+"]"+value))
		}
		if len(c.commands) > 0 {
			p("        '1: :->command' '*:: :->rest' && return")
			p("    case $state in")
			p("        command)")
			p("            commands=(")
			for _, child := range c.commands {
				p("                %s", zshQuote(child.last()+":"+zshText(child.help)))
			}
			p("            )")
			p("            _describe command commands%s ;;", zshOrFiles(c.args))
			p("        rest)")
			p("            case $line[1] in")
			for _, child := range c.commands {
				p("                %s) %s ;;", child.last(), zshFunction(child.path))
			}
			p("            esac ;;")
			p("    esac")
		} else {
			for i, a := range c.args {
				number := fmt.Sprint(i + 1)
				if a.repeated {
					number = "*"
				}
				p("        %s \\", zshQuote(number+":"+zshText(a.name)+":"+zshOffer(a)))
			}
			p("        && return")
		}
		p("}")
	})
	p("\nif [[ $funcstack[1] == _etl ]]; then _etl \"$@\"; else compdef _etl etl; fi")
}

// zshOrFiles offers files next to commands, where an argument can stand in place of a command.
func zshOrFiles(args []completedValue) string {
	if slices.ContainsFunc(args, func(a completedValue) bool { return a.files }) {
		return "; _files"
	}
	return ""
}

func zshFunction(path string) string {
	if path == "" {
		return "_etl"
	}
	return "_etl_" + strings.ReplaceAll(path, " ", "_")
}

func zshQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// zshText escapes what _arguments and _describe give a meaning.
func zshText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(s)
}

func zshOffer(v completedValue) string {
	switch {
	case len(v.words) > 0 && v.files:
		return `{_alternative "names:name:(` + strings.Join(v.words, " ") + `)" "files:file:_files"}`
	case len(v.words) > 0:
		return "(" + strings.Join(v.words, " ") + ")"
	case v.folders:
		return "_files -/"
	case v.files:
		return "_files"
	}
	return " "
}

// fishScript has a line for each flag and each command.
func fishScript(w io.Writer, root completed) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("# fish completion of etl")
	p("complete -c etl -f")
	root.each(func(c completed) {
		typed := "__fish_use_subcommand"
		if c.path != "" {
			typed = "__fish_seen_subcommand_from " + strings.ReplaceAll(c.path, " ", "; and __fish_seen_subcommand_from ")
		}
		untyped := typed
		if commands, _ := c.words(); c.path != "" && len(commands) > 0 {
			untyped += "; and not __fish_seen_subcommand_from " + strings.Join(commands, " ")
		}
		for _, child := range c.commands {
			p("complete -c etl -n %s -a %s -d %s", fishQuote(untyped), child.last(), fishQuote(child.help))
		}
		for _, f := range c.flags {
			line := "complete -c etl -n " + fishQuote(typed) + " -l " + strings.TrimPrefix(f.name, "--")
			if f.short != "" {
				line += " -s " + strings.TrimPrefix(f.short, "-")
			}
			if !f.boolean {
				line += " -x"
				if offer := fishOffer(f); offer != "" {
					line += " -a " + fishQuote(offer)
				}
			}
			p("%s -d %s", line, fishQuote(f.help))
		}
		for _, a := range c.args {
			if offer := fishOffer(a); offer != "" {
				p("complete -c etl -n %s -a %s -d %s", fishQuote(typed), fishQuote(offer), fishQuote(a.help))
			}
		}
	})
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

func fishOffer(v completedValue) string {
	words := slices.Clone(v.words)
	switch {
	case v.folders:
		words = append(words, "(__fish_complete_directories)")
	case v.files:
		words = append(words, "(__fish_complete_path)")
	}
	return strings.Join(words, " ")
}
