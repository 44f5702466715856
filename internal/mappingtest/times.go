package mappingtest

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
)

// isoTime is a time that Update writes, which YAML needs no quotes for.
type isoTime string

// MarshalJSON implements json.Marshaler.
func (t isoTime) MarshalJSON() ([]byte, error) { return json.Marshal(string(t)) }

var inList = regexp.MustCompile(`\[\d+\]`)

// readable gives a value of an event as people write it: milliseconds of times as ISO 8601. A time beyond its years stays a number.
func readable(schema *ocsf.Schema, class, path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = readable(schema, class, join(path, k), x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = readable(schema, class, path, x)
		}
		return out
	case json.Number:
		ms, err := v.Int64()
		c := schema.Class(class)
		if err != nil || c == nil {
			return v
		}
		r, err := schema.ResolveAny(c, inList.ReplaceAllString(path, ""))
		if t := time.UnixMilli(ms).UTC(); err == nil && r.Leaf != nil && r.Key == "" && cast.IsTime(r.Leaf) && t.Year() >= 0 && t.Year() <= 9999 {
			if ms%1000 != 0 {
				return isoTime(t.Format("2006-01-02T15:04:05.000Z"))
			}
			return isoTime(t.Format(time.RFC3339))
		}
	}
	return v
}
