package shipped

import (
	"strings"
	"sync"
)

// fast are macros of the library that most records call, as calls of functions of package engine, which are written in Go: regular
// expressions took 4 % of a run of network-firewall, and a list's lambdas more of one of windows-sysmon. The text of the macro stays
// the definition: it is what a mapping is checked with, and what etl sql shows.
var fast = map[string]string{
	"direction_between": "silt_direction_between(src, dst)",
	"zone_region":       "silt_zone_region(zone)",
	"fingerprints":      "silt_fingerprints(t)",
	"tag_value":         "silt_tag_value(t, name)",
	"tactics_of_ids":    "silt_tactics(ids)",
}

var fastStatements = sync.OnceValues(func() (map[string]string, error) {
	library, err := Library()
	if err != nil {
		return nil, err
	}
	by := map[string]string{}
	for _, m := range library {
		if call, ok := fast[m.Name]; ok {
			by[bareStatement(m.Text)] = "CREATE MACRO " + m.Signature + " AS " + call
		}
	}
	return by, nil
})

// Fast returns what to execute in place of a CREATE MACRO statement: the statement itself, or the same macro of the library with a
// faster body. A mapping's own macro, and that of an older library, is returned as it is.
func Fast(statement string) string {
	if by, err := fastStatements(); err == nil {
		if s, ok := by[bareStatement(statement)]; ok {
			return s
		}
	}
	return statement
}

func bareStatement(s string) string { return strings.TrimSuffix(strings.TrimSpace(s), ";") }
