package infer

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/mappings"
)

// lastModified is when the object was last modified: the time of records that have no other one.
const lastModified = "time_of_log(key.last_modified, NULL, NULL, NULL)"

// timeColumn gives the column AS "time". Records without a time of their own have that of their object, since OCSF requires one. A time
// that cannot be read sends its record to quarantine.
func (in *inference) timeColumn(all []*column) output {
	t, others, score := bestTime(all, in.records)
	if pair := dateAndTime(all, in.records); pair != nil && (t == nil || 10*pair.share+3 > score) {
		return in.whereMissing(output{path: "time", sql: pair.sql, reason: pair.evidence, col: pair.day}, pair.day, pair.clock)
	}
	if t == nil {
		if t = bestDay(all); t == nil {
			return output{path: "time", sql: lastModified, reason: "no field has times, so this is when the object was last modified: write the field that says when it happened, if there is one"}
		}
	}
	zone := ""
	if t.time.zone != "" {
		zone = "; " + t.time.zone
	}
	o := output{path: "time", sql: t.time.sql, col: t, reason: t.time.evidence + zone}
	columns := append([]*column{t}, others...)
	var parts []string
	for _, c := range columns {
		parts = append(parts, timestampOf(c))
		if more := timeOfLog(c); c.time.share < 1 && c.typ == "VARCHAR" && !c.time.needsYear && parts[len(parts)-1] != more {
			parts = append(parts, more)
		}
	}
	if len(others) > 0 {
		o.reason += "; if it is missing, others are read"
	}
	if len(parts) > 1 {
		o.sql = "coalesce(" + strings.Join(parts, ",\n    ") + ")"
	}
	return in.whereMissing(o, columns...)
}

// whereMissing adds the time of the object for records in which all of the columns are missing.
func (in *inference) whereMissing(o output, columns ...*column) output {
	var missing []string
	for _, c := range columns {
		if c.scalars >= in.records {
			return o
		}
		missing = append(missing, mappings.FieldSQL(c.path)+" IS NULL")
	}
	if o.sql == mappings.FieldSQL(columns[0].path) {
		o.sql = timestampOf(columns[0])
	}
	o.sql = fmt.Sprintf("CASE WHEN %s\n    THEN %s\n    ELSE %s END", strings.Join(missing, " AND "), lastModified, o.sql)
	o.reason += "; records without a time have that of their object, when it was last modified"
	return o
}

// timestampOf is the SQL of a column's time as a TIMESTAMP, also if the column is a text that could be cast.
func timestampOf(c *column) string {
	if !c.time.bare || c.typ == "TIMESTAMP" {
		return c.time.sql
	}
	return timeOfLog(c)
}

func timeOfLog(c *column) string {
	return fmt.Sprintf("time_of_log(%s, key.source_timezone, key.source_zones, NULL)", mappings.FieldSQL(c.path))
}

// bestDay is the first column of days that most records have: the time of records that have no time of day.
func bestDay(all []*column) *column {
	for _, c := range all {
		if c.time == nil || !c.time.days || c.time.share < enough {
			continue
		}
		c.time.sql = fmt.Sprintf("CAST(try_strptime(%s, %s) AS TIMESTAMP)", mappings.FieldSQL(c.path), mappings.Literal(c.time.format))
		return c
	}
	return nil
}
