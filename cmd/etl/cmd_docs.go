package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sourcepage"
	"github.com/silt-etl/silt/internal/tempdir"
	"github.com/silt-etl/silt/mappings"
)

type docsCmd struct {
	Mapping []string `arg:"" optional:"" complete:"mapping" help:"Names of mappings, their folders or .json files. Default: all mappings that come with the program." example:"network-firewall"`
	Save    string   `placeholder:"DIR" complete:"dir" help:"Write each page as DIR/<name>.md. Existing pages are overwritten. Default: print them." example:"docs/sources"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*docsCmd) Help() string {
	return commandHelp{
		Does: "etl docs generates the documentation page of a source, in Markdown, from its mapping. The page shows the format and the " +
			"classes, the raw fields behind each OCSF path, what goes to unmapped, the reasons for which a record can go to " +
			"quarantine, and the tests, with the first of them as an example.",
		Never: "It never writes anything that the mapping does not say, and without --save it writes no file.",
		Examples: []string{
			"etl docs network-firewall",
			"etl docs sql/vpn --save docs/sources",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// docPage is a page of etl docs.
type docPage struct {
	Mapping string `json:"mapping"`
	Page    string `json:"page"` // Markdown
}

// Run implements etl docs.
func (c *docsCmd) Run(ctx context.Context, a *app) error {
	names := c.Mapping
	if len(names) == 0 {
		names = mappings.Names()
	}
	temp, err := tempdir.New("", "docs")
	if err != nil {
		return err
	}
	defer temp.Remove()
	pages := make([]docPage, 0, len(names))
	from := map[string]string{}
	for _, name := range names {
		m, err := namedMapping(name)
		if err != nil {
			return err
		}
		if before, twice := from[m.Name]; twice {
			return usagef("%s and %s have the same name, %s, so their pages would be one file", before, name, m.Name)
		}
		from[m.Name] = name
		compiled, err := compile(ctx, m)
		if err != nil {
			return err
		}
		page, err := sourcepage.Source(ctx, m, compiled, temp.Path)
		if err != nil {
			return err
		}
		pages = append(pages, docPage{m.Name, render.SafeLines(page)})
	}
	if c.Save != "" {
		if err := os.MkdirAll(c.Save, 0o755); err != nil {
			return usagef("--save: %w", err)
		}
		for _, p := range pages {
			at := filepath.Join(c.Save, p.Mapping+".md")
			if err := os.WriteFile(at, []byte(p.Page), 0o644); err != nil {
				return usagef("--save: %w", err)
			}
			if c.Output == "text" {
				fmt.Fprintln(a.stdout, at)
			}
		}
	}
	if c.Output == "json" {
		return printJSON(a.stdout, pages)
	}
	if c.Save == "" {
		for _, p := range pages {
			fmt.Fprint(a.stdout, p.Page)
		}
	}
	return nil
}
