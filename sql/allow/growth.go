package allow

import (
	"strconv"
	"strings"
)

// Growth says how large a function's result can be, compared with its arguments, and how much longer than linear it can take. Package
// bound computes with it.
type Growth string

// The growths, as functions.txt has them. `x` and a number is a result of at most that many times the arguments, in linear time.
const (
	GrowsNot           Growth = "fixed"         // a few bytes, whatever the arguments
	GrowsNotMore       Growth = "same"          // not larger than the arguments together
	GrowsToWidth       Growth = "width"         // to a constant width, which call.go bounds
	GrowsByFormat      Growth = "format"        // by the widths in a constant format
	GrowsByReplace     Growth = "replace"       // by each match
	GrowsByPattern     Growth = "regex-replace" // by each match of a regular expression
	GrowsBySeparator   Growth = "join"          // by a text between any two elements
	GrowsByLambda      Growth = "lambda"        // by what is made of each element
	GrowsByProduct     Growth = "product"       // to the product of the arguments' sizes
	GrowsBySquare      Growth = "square"        // to the square of the arguments' size
	GrowsByPath        Growth = "json-path"     // to the square, if a path looks at all depths
	GrowsByTimeFormat  Growth = "strftime"      // by each letter of a format
	GrowsByMatrix      Growth = "matrix"        // not, but needs a matrix of both arguments meanwhile
	GrowsByPairs       Growth = "pairs"         // not, but compares all of one argument with all of the other one
	Searches           Growth = "find"          // not, but looks for one argument in the other one
	Splits             Growth = "split"         // into a list, at one argument
	SearchesLike       Growth = "like"          // not, but tries each place for each %
	SearchesPattern    Growth = "regex"         // not, but looks for a regular expression
	SearchesPatternAll Growth = "regex-all"     // into a list of all matches
)

// Factor is the number of a growth `x<number>`.
func (g Growth) Factor() (factor float64, ok bool) {
	digits, ok := strings.CutPrefix(string(g), "x")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return float64(n), err == nil
}

// GrowsToText is the growth of a function whose result is a text of at most so many bytes.
func GrowsToText(bytes int) Growth { return Growth("text" + strconv.Itoa(bytes)) }

// Longest is the number of a growth that GrowsToText returns.
func (g Growth) Longest() (bytes float64, ok bool) {
	digits, ok := strings.CutPrefix(string(g), "text")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return float64(n), err == nil
}

// Growths reads the growth of each allowed function: "" if its line does not say it.
func Growths() map[string]Growth {
	all := map[string]Growth{}
	for line := range strings.Lines(functionList) {
		if w := append(strings.Fields(line), ""); len(w) >= 4 && w[0] == "allow" {
			all[w[1]] = Growth(w[3])
		}
	}
	return all
}
