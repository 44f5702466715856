package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/mappings"
)

type importCmd struct {
	File string `arg:"" complete:"file" help:"A mapping of AWS's OCSF transformation library: a .json file." example:"mappings/guardduty.json"`
	Save string `placeholder:"DIR" complete:"dir" help:"Write the mapping in SQL as files of a new folder, so that you can continue from there. Default: no files are written." example:"sql/guardduty"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*importCmd) Help() string {
	return commandHelp{
		Does: "etl import reads a mapping of AWS's OCSF transformation library, and reports each of its faults with line and " +
			"column. With --save it writes the mapping as a folder of SQL that gives the same events, with the faults as " +
			"comments, and a README.md.\n\n" +
			"Warnings do not stop the import: such a mapping runs as it is. If there is an error, nothing is written and " +
			"the exit code is 2.",
		Never: "It never changes the .json file, and it never overwrites a file.",
		Examples: []string{
			"etl import mappings/guardduty.json",
			"etl import mappings/guardduty.json --save sql/guardduty",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// Run implements etl import: a declarative mapping becomes a folder of SQL, and its faults are reported, each at its
// place. Warnings do not stop it: such a mapping runs, and its SQL has the faults as comments.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	if strings.ToLower(filepath.Ext(c.File)) != ".json" {
		return usagef("%s is no .json file; etl import takes a mapping of the OCSF transformation library", c.File)
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
			fmt.Fprintln(a.stdout, f)
		}
	}
	if err != nil {
		return err
	}
	if failed > 0 {
		if c.Output == "text" {
			fmt.Fprintf(a.stdout, "%s; the mapping does not run, and nothing was written\n", counted(failed, "error"))
		}
		return printedError{exitUsage}
	}
	if c.Output == "text" {
		fmt.Fprintf(a.stdout, "%s; the mapping runs as it is\n", counted(len(found), "warning"))
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

// importReadme says where the folder's SQL comes from, and what was found.
func importReadme(name, file string, files []sqlFile, found diag.List) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nImported from %s. The SQL gives the same events.\n\n| file | holds |\n| --- | --- |\n", name, file)
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
		b.WriteString("\nNothing was wrong with it.\n")
		return b.String()
	}
	b.WriteString("\nWhat was found, at line:column of the file. The events are made all the same; mend it in the SQL, where each is a comment.\n\n| place | code | |\n| --- | --- | --- |\n")
	for _, f := range found {
		text := f.Message
		if f.Hint != "" {
			text += " (" + f.Hint + ")"
		}
		fmt.Fprintf(&b, "| %d:%d | %s | %s |\n", f.Line, f.Column, f.Code, strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(text))
	}
	return b.String()
}

// counted is a number of things, in the singular where there is one.
func counted(n int, thing string) string {
	switch n {
	case 0:
		return "no " + thing + "s"
	case 1:
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
