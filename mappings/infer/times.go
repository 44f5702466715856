package infer

import (
	"fmt"
	"strings"
	"time"

	"github.com/silt-etl/silt/mappings"
)

// timeOf is how a field holds times.
type timeOf struct {
	format   string // strptime's, or "seconds since 1970", ...
	sql      string // an expression for a time in OCSF
	bare     bool   // sql is the field itself
	evidence string
	share    float64
	zone     string // what is known of the zone
	newest   time.Time
}

// timeOf says how a column holds times, nil where it does not.
func (in *inference) timeOf(c *column) *timeOf {
	f := c.field
	field := mappings.FieldSQL(f.path)
	name := spell(f.name)
	likely := regexpTime(name)
	if f.has[isISOTime]*2 >= f.scalars {
		// A text is cast as strictly as the scanner reads a TIMESTAMP.
		t := &timeOf{format: isoFormat(f), sql: field, bare: true, share: f.share(isISOTime), newest: f.newest}
		t.evidence = fmt.Sprintf("%s parse as %s", percent(f.has[isISOTime], f.scalars), t.format)
		in.zone(f, t, f.zoned > 0)
		return t
	}
	best := -1
	for i, n := range f.formats {
		if n*2 >= f.scalars && (best < 0 || n > f.formats[best]) {
			best = i
		}
	}
	if best >= 0 {
		tf := timeFormats[best]
		t := &timeOf{format: tf.strptime, share: float64(f.formats[best]) / float64(f.scalars), newest: f.newest,
			sql: fmt.Sprintf("try_strptime(%s, %s)", field, mappings.Literal(tf.strptime))}
		t.evidence = fmt.Sprintf("%s parse as %s", percent(f.formats[best], f.scalars), tf.strptime)
		for i, n := range f.formats {
			if i != best && n == f.formats[best] {
				t.evidence += fmt.Sprintf(", and as many as %s: compare with a day you know", timeFormats[i].strptime)
				break
			}
		}
		in.zone(f, t, tf.zone)
		return t
	}
	for _, unit := range []struct {
		t    trait
		text string
		sql  string
	}{{isEpochMS, "milliseconds since 1970", "%s"}, {isEpochUS, "microseconds since 1970", "%s // 1000"}, {isEpochNS, "nanoseconds since 1970", "%s // 1000000"}, {isEpochS, "seconds since 1970", "%s * 1000"}} {
		if f.share(unit.t) < enough || !likely {
			continue
		}
		t := &timeOf{format: unit.text, share: f.share(unit.t), newest: f.newest, zone: "UTC by definition"}
		switch {
		case unit.t == isEpochMS && c.typ == "BIGINT":
			t.sql, t.bare = field, true
		case c.typ == "BIGINT":
			t.sql = fmt.Sprintf(unit.sql, field)
		case unit.t == isEpochS: // with a fraction, or as text
			t.sql = fmt.Sprintf("(try_cast(%s AS DECIMAL(18, 3)) * 1000)::BIGINT", field)
		default:
			t.sql = fmt.Sprintf(unit.sql, fmt.Sprintf("try_cast(%s AS BIGINT)", field))
		}
		t.evidence = fmt.Sprintf("%s are %s", percent(f.has[unit.t], f.scalars), unit.text)
		return t
	}
	return nil
}

// isoFormat spells what ISO times of a field look like, by the first of them.
func isoFormat(f *field) string {
	for _, v := range f.order {
		if len(v) < 19 {
			continue
		}
		format := "%Y-%m-%d" + v[10:11] + "%H:%M:%S"
		rest := v[19:]
		if strings.HasPrefix(rest, ".") {
			format += ".%f"
			rest = strings.TrimLeft(rest[1:], "0123456789")
		}
		switch {
		case rest == "Z" || rest == "z":
			format += rest
		case rest != "":
			format += "%z"
		}
		return format
	}
	return "%Y-%m-%dT%H:%M:%S"
}

// zone says what is known of the zone of a field's times: what the texts say, else UTC, compared with when the sample was
// last changed: a time that is after that, by an offset that zones have, is a local one.
func (in *inference) zone(f *field, t *timeOf, inText bool) {
	if inText {
		t.zone = "the text has the zone"
		return
	}
	t.zone = "no zone in the text: UTC assumed"
	if in.changed.IsZero() || f.newest.IsZero() {
		return
	}
	const step = 15 * time.Minute
	d := f.newest.Sub(in.changed)
	offset := d.Round(step)
	near := d - offset
	if near < 0 {
		near = -near
	}
	if near > 5*time.Minute || offset == 0 || offset > 14*time.Hour || offset < -12*time.Hour {
		return
	}
	sign := '+'
	abs := offset
	if offset < 0 {
		sign, abs = '-', -offset
	}
	t.zone += fmt.Sprintf("; compared with when the sample was last changed the offset looks like %c%02d:%02d", sign, int(abs.Hours()), int(abs.Minutes())%60)
}

func regexpTime(name string) bool {
	for _, w := range strings.Split(name, "_") {
		switch w {
		case "time", "ts", "timestamp", "date", "datetime", "start", "end", "at", "epoch", "created", "updated", "when", "first", "last", "seen", "begin", "stop", "t", "rt":
			return true
		}
	}
	return strings.HasSuffix(name, "time") || strings.HasSuffix(name, "timestamp") || strings.HasSuffix(name, "date")
}

// bestTime chooses the column that is when the event happened.
func (in *inference) bestTime(all []*column) *column {
	var best *column
	var most float64
	for _, c := range all {
		if c.time == nil || c.time.share < 0.5 {
			continue
		}
		score := c.time.share * float64(c.scalars) / float64(max(in.records, 1)) * 10
		switch name := spell(c.name); name {
		case "time", "timestamp", "event_time", "eventtime", "ts", "utc_time", "utctime", "datetime", "event_timestamp", "time_generated":
			score += 4
		case "start", "start_time", "end", "end_time":
			score++
		default:
			if regexpTime(name) {
				score += 2
			}
		}
		if c.role == roleStart || c.role == roleEnd {
			score--
		}
		score -= float64(len(c.path)) * 0.1
		if c.time.bare {
			score++
		}
		if best == nil || score > most {
			best, most = c, score
		}
	}
	return best
}
