package sqlgen

import (
	"fmt"
	"strings"
)

// layers builds nested SELECTs: each adds columns to the one below it, so that what several outputs share is computed once
// and later steps name it. Columns added since the last seal are not visible to each other.
type layers struct {
	from    string // the SQL below, a table's name or a parenthesised SELECT
	pending []string
	names   map[string]string // expression -> column that holds it, of sealed and pending layers
	count   int
}

func newLayers(table string) *layers { return &layers{from: table, names: map[string]string{}} }

// add makes expr a column and gives its name. The same text is the same column.
func (l *layers) add(prefix, expr string) string {
	if n, ok := l.names[expr]; ok {
		return n
	}
	n := fmt.Sprintf("_%s%d", prefix, l.count)
	l.count++
	l.names[expr] = n
	l.pending = append(l.pending, expr+" AS "+n)
	return n
}

// seal ends a layer: what was added can be used from here on.
func (l *layers) seal() {
	if len(l.pending) > 0 {
		l.wrap("*,\n  "+strings.Join(l.pending, ",\n  "), "")
		l.pending = nil
	}
}

// wrap puts a SELECT around all there is.
func (l *layers) wrap(items, where string) {
	from := l.from
	if strings.HasPrefix(from, "SELECT") {
		from = "(\n" + from + "\n)"
	}
	l.from = "SELECT " + items + "\nFROM " + from
	if where != "" {
		l.from += "\nWHERE " + where
	}
}
