package main

import (
	"fmt"
)

type versionCmd struct{ outputFlag }

// Help implements kong.HelpProvider.
func (*versionCmd) Help() string {
	return commandHelp{
		Does:  "etl version prints the version of etl, and the version of the DuckDB that is linked into it.",
		Never: "It needs no job file and no network.",
		Examples: []string{
			"etl version",
			"etl version --output json",
		},
		Exits: []int{exitDone, exitFailed},
	}.String()
}

// Run implements etl version.
func (c *versionCmd) Run(a *app) error {
	if c.Output == "json" {
		return printJSON(a.stdout, map[string]string{"version": version, "duckdb": duckdbVersion()})
	}
	fmt.Fprintf(a.stdout, "etl %s (DuckDB %s)\n", version, duckdbVersion())
	return nil
}
