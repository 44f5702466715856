// Package shipped holds what comes with the program in SQL: mappings, each a folder with raw.sql, macros.sql and one SELECT for each
// event class, and the library of macros that every mapping can call. It never parses SQL: package projection does.
package shipped

import "embed"

// Mappings holds the folders of mappings, as network-firewall/raw.sql, with their tests and the parts of their pages that are written by hand. A new folder with a raw.sql is a new mapping:
// nothing else has to be changed. The folder macros holds the library.
//
//go:embed */*.sql */tests */page.md
var Mappings embed.FS

// Views holds the files of views, as views/top_talkers.sql. A new file is a new view.
//
//go:embed views/*.sql
var Views embed.FS
