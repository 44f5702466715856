package sqlgen

import (
	_ "embed"
	"strings"
)

//go:embed functions.txt
var functionList string

// allowedFunctions reads the list of functions that a mapping may call.
func allowedFunctions() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(functionList) {
		if w := strings.Fields(line); len(w) == 3 && w[0] == "allow" {
			all[w[1]] = true
		}
	}
	return all
}
