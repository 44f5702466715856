package fields

import (
	"fmt"
	"strings"
)

// Names are the columns that a header or a #fields line names, compared with those that a mapping declares, regardless of case.
type Names struct {
	names    []string
	at       []int // of each name among the declared columns, or -1
	known    int
	declared int
}

// NewNames compares names with the declared columns.
func NewNames(names, declared []string) Names {
	n := Names{names: names, at: make([]int, len(names)), declared: len(declared)}
	met := make([]bool, len(declared))
	for i, name := range names {
		n.at[i] = -1
		for k, d := range declared {
			if strings.EqualFold(d, name) {
				n.at[i] = k
				if !met[k] {
					met[k] = true
					n.known++
				}
				break
			}
		}
	}
	return n
}

// Known is how many of the declared columns are named.
func (n *Names) Known() int { return n.known }

// At is the index of the declared column that name i is, or -1.
func (n *Names) At(i int) int { return n.at[i] }

// Most tells whether most names are declared columns, or most declared columns are named.
func (n *Names) Most() bool {
	return 2*n.known > len(n.names) || n.known > 1 && 2*n.known > n.declared
}

// InPlace tells whether the names can be those of a mapping that has names of its own, in the same order: there are as many, and those
// that are declared columns are at their places.
func (n *Names) InPlace() bool {
	if len(n.names) != n.declared {
		return false
	}
	for i, at := range n.at {
		if at >= 0 && at != i {
			return false
		}
	}
	return true
}

// New lists the names that are not declared columns, ten at most.
func (n *Names) New() string {
	var all []string
	for i, name := range n.names {
		if n.at[i] < 0 {
			all = append(all, name)
		}
	}
	if more := len(all) - 10; more > 0 {
		all = append(all[:10], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}

// CanBeName tells whether a value can be the name of a column. Times, numbers, addresses and texts with punctuation cannot; the empty value
// can, because headers may have a column without a name.
func CanBeName(v []byte) bool {
	v = trim(v)
	if len(v) > 64 {
		return false
	}
	for i, c := range v {
		switch letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80; {
		case letter, c == '_':
		case i == 0:
			return false
		case c >= '0' && c <= '9', has(" .-()/#%", c):
		default:
			return false
		}
	}
	return true
}
