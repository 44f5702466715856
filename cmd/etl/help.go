package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// commandHelp is the long help of a command. Each command returns one from its Help method, and kong keeps it in its model,
// from which --help, etl man and etl completion are made. A screen must hold it together with the flags.
type commandHelp struct {
	Does     string   // what the command does, in one paragraph or two
	Never    string   // what it never does
	Examples []string // at least two command lines; a test parses each of them
	Exits    []int    // the exit codes of the command
}

// String gives the text as go/doc formats it: blank lines end paragraphs, and indented lines stay as they are.
func (h commandHelp) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\nExamples:\n\n", h.Does, h.Never)
	for _, e := range h.Examples {
		fmt.Fprintf(&b, "  %s\n", e)
	}
	fmt.Fprintf(&b, "\nExit codes:\n\n%s", exitCodeLines(h.Exits...))
	return b.String()
}

// valueHelp is the help text of a flag or an argument, with its default and an example from its tags.
func valueHelp(v *kong.Value) string {
	text := v.Help
	if v.HasDefault {
		text += " Default: " + v.Default + "."
	}
	if e := v.Tag.Get("example"); e != "" {
		text += " Example: " + e
	}
	return text
}

// description says what etl is.
const description = "Batch ETL of security logs into Amazon Security Lake: raw objects in a staging bucket become OCSF Parquet and " +
	"partitions of the lake. Every record is delivered exactly once."

// newParser makes the parser of the command line. Its model is the one source of all help texts.
func newParser(c *cli, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append([]kong.Option{
		kong.Name("etl"),
		kong.Description(description + "\n\nExit codes:\n\n" + exitCodeLines()),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.ValueFormatter(valueHelp),
		kong.PostBuild(func(k *kong.Kong) error {
			k.Model.HelpFlag.Help = "Print this help."
			return nil
		}),
	}, options...)...)
}
