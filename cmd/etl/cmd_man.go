package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type manCmd struct{}

// Help implements kong.HelpProvider.
func (*manCmd) Help() string {
	return commandHelp{
		Does:  "etl man prints the man page of etl, in roff format. The man page contains the help of all commands.",
		Never: "It installs nothing: redirect the output to a folder of MANPATH.",
		Examples: []string{
			"etl man",
			"etl man > /usr/local/share/man/man1/etl.1",
		},
		Exits: []int{exitDone},
	}.String()
}

// Run implements etl man.
func (c *manCmd) Run(a *app) error {
	parser, err := newParser(&cli{})
	if err != nil {
		return err
	}
	writeMan(a.stdout, parser.Model.Node)
	return nil
}

// writeMan writes the page in the macros of man(7).
func writeMan(w io.Writer, root *kong.Node) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p(`.TH ETL 1 "" %s "Silt"`, roffArgument("etl "+version))
	p(".SH NAME")
	p(`etl \- %s`, roff("batch ETL of security logs into Amazon Security Lake"))
	p(".SH SYNOPSIS")
	p(".B etl\n.I command\n[flags]")
	p(".SH DESCRIPTION")
	p("%s", roff(description))
	p(".SH COMMANDS")
	for _, n := range root.Leaves(true) {
		p(".SS %s", roffArgument("etl "+n.Summary()))
		manParagraphs(w, n.Help+"\n\n"+n.Detail)
		for _, v := range n.Positional {
			p(".TP\n.B %s\n%s", roffArgument(v.Summary()), roff(valueHelp(v)))
		}
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			p(".TP\n.B %s\n%s", roffArgument(f.String()), roff(valueHelp(f.Value)))
		}
	}
	p(".SH EXIT STATUS")
	for _, c := range exitCodes() {
		p(".TP\n.B %d\n%s", c.Code, roff(strings.ReplaceAll(c.Meaning, "`", "")))
	}
	p(".SH ENVIRONMENT")
	p(".TP\n.B SILT_JOB\n%s", roff("The job whose lake etl query uses."))
	p(".TP\n.B AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3, ...\n%s", roff("The AWS SDK reads credentials, profile and endpoints from its usual variables."))
}

// manParagraphs writes a help text: indented blocks stay as they are.
func manParagraphs(w io.Writer, text string) {
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(block, " ") {
			fmt.Fprintf(w, ".PP\n.nf\n.RS 4\n%s\n.RE\n.fi\n", roff(block))
			continue
		}
		fmt.Fprintf(w, ".PP\n%s\n", roff(strings.ReplaceAll(block, "\n", " ")))
	}
}

// roff escapes text: backslashes, hyphens that a reader copies, and a control character at the beginning of a line.
func roff(s string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`, "~", `\(ti`, "^", `\(ha`, "`", `\(ga`, "'", `\(aq`).Replace(s), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// roffArgument is text as one argument of a macro.
func roffArgument(s string) string { return `"` + strings.ReplaceAll(roff(s), `"`, `\(dq`) + `"` }
