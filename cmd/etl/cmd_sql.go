package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/sqlgen"
)

type sqlCmd struct {
	Mapping   string `arg:"" complete:"mapping" help:"Name of a mapping, its folder or .json file." example:"network-firewall"`
	Generated bool   `help:"Print the generated SQL that DuckDB runs, instead of the SELECTs."`
	Macros    bool   `help:"Print only the macros that the mapping calls: its own and those of the library. With these macros and raw.sql, a SELECT without shared columns runs in a DuckDB shell."`
	Shell     bool   `help:"Print one script for a DuckDB shell: the macros that the mapping calls, the table raw, and its SELECTs, each with its shared columns."`
	Save      string `placeholder:"DIR" complete:"dir" help:"Save the SQL as files in a new folder, so that you can edit it. Default: print it." example:"sql/my-firewall"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*sqlCmd) Help() string {
	return commandHelp{
		Does: "etl sql prints the SELECTs of a mapping. For a declarative JSON mapping it prints the SELECTs that a person " +
			"would write instead: one column a line, with each warning as a comment above its column.",
		Never: "It never overwrites a file, and it reads no data.",
		Examples: []string{
			"etl sql network-firewall",
			"etl sql network-firewall --save sql/my-firewall",
			"etl sql network-firewall --generated",
			"etl sql network-firewall --shell > firewall.sql",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// sqlFile is one file of a mapping in SQL.
type sqlFile struct {
	File string `json:"file"`
	SQL  string `json:"sql"`
}

// Run implements etl sql. The text output has the SELECTs only; --save and --output json also have raw.sql and macros.sql.
func (c *sqlCmd) Run(ctx context.Context, a *app) error {
	m, err := namedMapping(c.Mapping)
	if err != nil {
		return err
	}
	if c.Shell {
		return c.shell(ctx, a.stdout, m)
	}
	var files []sqlFile
	if c.Macros {
		if c.Generated || c.Save != "" {
			return usagef("--macros cannot be used together with --generated or --save")
		}
		for _, name := range mappings.MacroFiles(m.Files) {
			if text := m.Files[name]; text != "" {
				files = append(files, sqlFile{name, text})
			}
		}
	} else if c.Generated {
		if c.Save != "" {
			return usagef("--save and --generated cannot be used together, because a generated projection is not a mapping")
		}
		compiled, err := compile(ctx, m)
		if err != nil {
			return err
		}
		files = generated(compiled)
	} else if files, err = written(ctx, m); err != nil {
		return err
	}
	if c.Save != "" {
		return saveSQL(a, c.Save, files)
	}
	if c.Output == "json" {
		return printJSON(a.stdout, files)
	}
	if !c.Generated && !c.Macros {
		files = slices.DeleteFunc(files, func(f sqlFile) bool {
			return f.File == "raw.sql" || f.File == "macros.sql" || mappings.IsPackageFile(f.File)
		})
	}
	for i, f := range files {
		if len(files) > 1 {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			fmt.Fprintf(a.stdout, "-- file: %s\n", f.File)
		}
		fmt.Fprintln(a.stdout, strings.TrimRight(f.SQL, "\n"))
	}
	return nil
}

// shell prints the mapping as one script.
func (c *sqlCmd) shell(ctx context.Context, out io.Writer, m *mappings.Mapping) error {
	if c.Generated || c.Macros || c.Save != "" || c.Output == "json" {
		return usagef("--shell cannot be used together with --generated, --macros, --save or --output json")
	}
	script, problems, err := m.Shell(ctx)
	var cannot *mappings.ShellError
	if errors.As(err, &cannot) {
		return usagef("--shell: %s", cannot)
	}
	if err != nil {
		return err
	}
	if problems.Failed() {
		return problems.Errors()
	}
	fmt.Fprint(out, script)
	return nil
}

// written returns the SQL of a mapping as its author wrote it. A declarative mapping is translated.
func written(ctx context.Context, m *mappings.Mapping) ([]sqlFile, error) {
	var files []sqlFile
	if !m.Declarative() {
		for _, name := range slices.Sorted(maps.Keys(m.Files)) {
			if name != mappings.LibraryFile {
				files = append(files, sqlFile{name, m.Files[name]})
			}
		}
		return files, nil
	}
	shown, problems, err := m.Show(ctx)
	if err != nil {
		return nil, err
	}
	if problems.Failed() {
		return nil, problems.Errors()
	}
	for _, f := range shown {
		files = append(files, sqlFile{filepath.Base(f.Path), f.Text})
	}
	return files, nil
}

// generated returns what DuckDB executes in a run: the macros, then a SELECT for each class over `records`, the scanned records.
func generated(compiled *sqlgen.Compiled) []sqlFile {
	var out []sqlFile
	checks := slices.ContainsFunc(compiled.Projections, func(p sqlgen.Projection) bool { return cast.Calls(p.SQL) })
	if len(compiled.Setup) > 0 || checks {
		var b strings.Builder
		if checks {
			b.WriteString(cast.CheckMacros)
		}
		for _, s := range compiled.Setup {
			b.WriteString(strings.TrimRight(strings.TrimSpace(s), ";") + ";\n")
		}
		out = append(out, sqlFile{"macros", b.String()})
	}
	for _, p := range compiled.Projections {
		out = append(out, sqlFile{p.Name, p.SQL + ";\n"})
	}
	return out
}

// saveSQL writes the files into a folder. It never overwrites a file.
func saveSQL(a *app, dir string, files []sqlFile) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usagef("--save: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(dir, f.File)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return usagef("--save: %w", err)
		}
		h, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, os.ErrExist) {
			return usagef("--save: %s exists already. Try: a new folder", path)
		}
		if err != nil {
			return usagef("--save: %w", err)
		}
		_, err = h.WriteString(f.SQL)
		if e := h.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, path)
	}
	return nil
}
