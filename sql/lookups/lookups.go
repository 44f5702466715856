// Package lookups holds the lookups that come with the program. A mapping uses one after it has declared it, as any other.
//
//	attack.csv  the techniques of MITRE ATT&CK for Enterprise with their tactics, which make generate writes from a published package
package lookups

import "embed"

//go:generate go run ./gen -out .

// Files are the lookups.
//
//go:embed *.csv
var Files embed.FS
