package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/mappings"
)

type importCmd struct {
	File string `arg:"" complete:"file" help:"A mapping of AWS's OCSF transformation library: a .json file." example:"mappings/guardduty.json"`
	Save string `placeholder:"DIR" complete:"dir" help:"Save the mapping as SQL files in a new folder, so that you can edit it. Default: no files are written." example:"sql/guardduty"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*importCmd) Help() string {
	return commandHelp{
		Does: "etl import reads a mapping of AWS's OCSF transformation library, and reports each of its faults with line and " +
			"column. With --save it writes the mapping as a folder of SQL that gives the same events, with the faults as " +
			"comments, and a README.md.\n\n" +
			"Warnings do not stop the import: such a mapping can run despite them. If there is an error, nothing is written and " +
			"the exit code is 2.",
		Never: "It never changes the .json file, and it never overwrites a file.",
		Examples: []string{
			"etl import mappings/guardduty.json",
			"etl import mappings/guardduty.json --save sql/guardduty",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// Run implements etl import. Warnings do not stop it: such a mapping runs, and its SQL has the faults as comments.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	if strings.ToLower(filepath.Ext(c.File)) != ".json" {
		return usagef("%s is not a .json file. Try: a mapping of the OCSF transformation library (example: mappings/guardduty.json)", c.File)
	}
	m, err := mappings.Load(c.File)
	if err != nil {
		return usageError{err}
	}
	shown, found, err := m.Show(ctx)
	if err != nil {
		return err
	}
	var files []sqlFile
	for _, f := range shown {
		files = append(files, sqlFile{filepath.Base(f.Path), f.Text})
	}
	failed := len(found.Errors())
	if failed == 0 {
		files = append(files, sqlFile{"README.md", importReadme(m.Name, filepath.Base(c.File), files, found)})
	}
	if c.Output == "json" {
		err = printJSON(a.stdout, struct {
			OK       bool      `json:"ok"`
			Problems diag.List `json:"problems"`
			Files    []sqlFile `json:"files"`
		}{failed == 0, append(diag.List{}, found...), append([]sqlFile{}, files...)})
	} else {
		for _, f := range found {
			fmt.Fprintln(a.stdout, render.Safe(f.String()))
		}
	}
	if err != nil {
		return err
	}
	if failed > 0 {
		if c.Output == "text" {
			fmt.Fprintf(a.stdout, "%s; the mapping cannot be used, and nothing was written\n", human.Plural(int64(failed), "error"))
		}
		return printedError{exitUsage}
	}
	if c.Output == "text" {
		fmt.Fprintf(a.stdout, "%s; the mapping runs as it is\n", human.Plural(int64(len(found)), "warning"))
	}
	if c.Save == "" {
		if c.Output == "text" {
			names := make([]string, len(files))
			for i, f := range files {
				names[i] = f.File
			}
			fmt.Fprintf(a.stdout, "--save DIR writes %s\n", strings.Join(names, ", "))
		}
		return nil
	}
	if c.Output == "json" {
		quiet := *a
		quiet.stdout = a.stderr
		a = &quiet
	}
	return saveSQL(a, c.Save, files)
}

// importReadme is the README.md of the folder: the origin of its SQL, and the faults.
func importReadme(name, file string, files []sqlFile, found diag.List) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nImported from %s. The SQL gives the same events.\n\n| file | contents |\n| --- | --- |\n", name, file)
	for _, f := range files {
		what := "the fields of a raw record"
		if f.File != "raw.sql" {
			what = "a SELECT of the class"
			for _, line := range strings.Split(f.SQL, "\n") {
				if class, ok := strings.CutPrefix(line, "-- class: "); ok {
					what += " " + class
				}
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", f.File, what)
	}
	if len(found) == 0 {
		b.WriteString("\nNo faults were found.\n")
		return b.String()
	}
	b.WriteString("\nFaults, with line:column of the file. The events are produced in spite of them. To fix a fault, edit the SQL, where each is a comment.\n\n| place | code | |\n| --- | --- | --- |\n")
	for _, f := range found {
		text := f.Message
		if f.Hint != "" {
			text += " (" + f.Hint + ")"
		}
		fmt.Fprintf(&b, "| %d:%d | %s | %s |\n", f.Line, f.Column, f.Code, strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(text))
	}
	return b.String()
}
