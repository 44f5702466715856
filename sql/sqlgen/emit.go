package sqlgen

import (
	"github.com/silt-etl/silt/sql/projection"
)

// emitter writes the SQL of projections that are read and checked.
type emitter struct {
	*projection.Set
	reasons []Reason
}

// reason gives the index of a reject reason.
func (c *emitter) reason(code, path, message string) int {
	for i, r := range c.reasons {
		if r.Code == code && r.Path == path {
			return i
		}
	}
	c.reasons = append(c.reasons, Reason{Code: code, Path: path, Message: message})
	return len(c.reasons) - 1
}
