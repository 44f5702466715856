// Package sql holds the mappings in SQL that come with the program: a folder for each source, with raw.sql, macros.sql and one
// SELECT for each event class; and the library of macros that every mapping can call.
package sql

import "embed"

// Shipped holds the folders, as network-firewall/raw.sql.
//
//go:embed appfabric
//go:embed aws-alb
//go:embed cef
//go:embed fortinet
//go:embed guardduty
//go:embed network-firewall
//go:embed paloalto
//go:embed windows-sysmon
var Shipped embed.FS
