package infer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/mappings"
)

// timeOf is how a field holds times.
type timeOf struct {
	format    string // strptime's, or "seconds since 1970", ...
	sql       string // an expression for a time in OCSF
	bare      bool   // sql is the field itself
	declare   string // the format in a timestamp line, "" if the field is not declared TIMESTAMP for it
	days      bool   // it has no time of day
	loose     bool   // it is less likely the time of the event than others
	needsYear bool   // some of its times have no year
	evidence  string
	share     float64
	zone      string // what is known of the zone
	newest    time.Time
}

// timeOf says how a column holds times, nil where it does not.
func (in *inference) timeOf(c *column) *timeOf {
	f := c.field
	field := mappings.FieldSQL(f.path)
	name := spell(f.name)
	if f.has[isISOTime]*2 >= f.scalars && (f.has[isLogForm] == 0 || f.all(isISOTime)) {
		// A text is cast as strictly as the scanner reads a TIMESTAMP.
		t := &timeOf{format: isoFormat(f), sql: field, bare: true, share: f.share(isISOTime), newest: f.newest}
		t.evidence = fmt.Sprintf("%s parse as %s", percent(f.has[isISOTime], f.scalars), t.format)
		zone(f, t, in.changed, f.zoned > 0)
		return t
	}
	epochs := f.has[isEpochS] + f.has[isEpochMS] + f.has[isEpochUS] + f.has[isEpochNS]
	forms := f.has[isLogForm] + f.has[isISOTime] + epochs
	if f.has[isLogForm]*2 >= f.scalars || f.has[isLogForm] > 0 && forms*2 >= f.scalars {
		if best := slices.Max(append(slices.Clone(f.formats), 0)); best < f.scalars {
			year, without := "NULL", ""
			if f.has[isLogTime] > 0 {
				without = "; without a year, that of source.year of the job, else of the key or of when the object was last modified"
				year = fmt.Sprintf("\n    year_of_log(%s, key.source_year, key.yyyy, key.mm, key.last_modified)", field)
			}
			return &timeOf{format: "%b %e %H:%M:%S", share: float64(forms) / float64(f.scalars), loose: f.has[isLogTime] > 0, needsYear: f.has[isLogTime] > 0, zone: "without a zone, source.timezone of the job, else UTC",
				sql: fmt.Sprintf("time_of_log(%s, key.source_timezone, key.source_zones, %s)", field, year), evidence: percent(forms, f.scalars) + " are times as syslog and CEF write them" + without}
		}
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
		if strings.HasSuffix(tf.strptime, "%z") {
			t.sql = fmt.Sprintf("time_with_offset(%s, %s)", field, mappings.Literal(tf.strptime))
		}
		t.evidence = fmt.Sprintf("%s parse as %s", percent(f.formats[best], f.scalars), tf.strptime)
		if t.days = tf.days; t.days {
			t.evidence += ", which is a day without a time"
		}
		if f.declared[best] == f.scalars {
			t.declare = tf.declared()
		}
		for i, n := range f.formats {
			if i != best && n == f.formats[best] {
				t.evidence += fmt.Sprintf(", and as many as %s: compare with a day you know", timeFormats[i].strptime)
				break
			}
		}
		zone(f, t, in.changed, tf.zone)
		return t
	}
	switch {
	case f.share(isAuditTime) >= enough:
		return &timeOf{format: "audit(seconds since 1970:number)", share: f.share(isAuditTime), zone: "UTC by definition", sql: `time_from_s(regexp_extract(` + field + `, '\(([0-9.]+)', 1))`,
			evidence: percent(f.has[isAuditTime], f.scalars) + " are times as auditd writes them"}
	case f.share(isDateCall) >= enough:
		return &timeOf{format: "/Date(milliseconds since 1970)/", share: f.share(isDateCall), zone: "UTC by definition", sql: `time_from_ms(regexp_extract(` + field + `, '\(([0-9]+)', 1))`,
			evidence: percent(f.has[isDateCall], f.scalars) + " are times as .NET writes them"}
	}
	likely := regexpTime(name) || in.shape.types[f.name] == "TIMESTAMP" || f.all(isEpochS) && f.has[isInt64] == 0 ||
		columnNumber.MatchString(f.name) && f.scalars > 1 && f.newest.Sub(f.oldest) < 370*24*time.Hour
	for _, unit := range []struct {
		t             trait
		text, declare string
	}{{isEpochMS, "milliseconds since 1970", "ms"}, {isEpochUS, "microseconds since 1970", "us"}, {isEpochNS, "nanoseconds since 1970", "ns"}, {isEpochS, "seconds since 1970", "s"}} {
		if f.share(unit.t) < enough || !likely {
			continue
		}
		t := &timeOf{format: unit.text, share: f.share(unit.t), newest: f.newest, zone: "UTC by definition", sql: "time_from_" + unit.declare + "(" + field + ")"}
		if f.all(unit.t) {
			t.declare = "epoch_" + unit.declare
		}
		t.evidence = fmt.Sprintf("%s are %s", percent(f.has[unit.t], f.scalars), unit.text)
		return t
	}
	if share := float64(epochs) / float64(f.scalars); share >= enough && likely {
		return &timeOf{format: "seconds to nanoseconds since 1970", share: share, newest: f.newest, loose: true, zone: "UTC by definition", sql: "time_from_epoch(" + field + ")",
			evidence: percent(epochs, f.scalars) + " are seconds to nanoseconds since 1970, by the number of digits"}
	}
	return nil
}

// columnNumber is the name of a column that nothing names.
var columnNumber = regexp.MustCompile(`^column_\d+$`)

// dayAndClock is the time of an event in two columns, and in a third one for the zone if there is one.
type dayAndClock struct {
	day, clock    *column
	sql, evidence string
	share         float64
}

// dateAndTime finds a column of days and one of times of day in the same object. nil: there are none.
func dateAndTime(all []*column, records int64) *dayAndClock {
	var best *dayAndClock
	nearest := 0
	for i, d := range all {
		if d.time == nil || !d.time.days || d.time.share < enough {
			continue
		}
		for k, c := range all {
			if c.parent != d.parent || c.share(isClock) < enough {
				continue
			}
			distance := max(k-i, i-k)
			if strings.Replace(spell(d.name), "date", "time", 1) != spell(c.name) {
				distance += len(all)
			}
			if best != nil && distance >= nearest {
				continue
			}
			nearest = distance
			day, clock := mappings.FieldSQL(d.path), mappings.FieldSQL(c.path)
			best = &dayAndClock{day: d, clock: c, share: float64(min(d.scalars, c.scalars)) / float64(max(records, 1)), evidence: fmt.Sprintf("the day and %s, the time of day", c.dotted())}
			if f := d.time.format; f != "%Y-%m-%d" && f != "%Y/%m/%d" {
				best.sql = fmt.Sprintf("time_in_zone(%s || ' ' || left(%s, 8), %s, coalesce(key.source_timezone, 'UTC'))", day, clock, mappings.Literal(f+" %H:%M:%S"))
				best.evidence += "; its zone is source.timezone of the job, else UTC"
				continue
			}
			parts := day + ", " + clock
			best.evidence += "; its zone is source.timezone of the job, else UTC"
			for _, z := range all {
				switch spell(z.name) {
				case "tz", "timezone", "time_zone", "zone", "tz_offset", "utc_offset", "offset":
					if z.parent == d.parent && z.share(isZone) >= enough {
						parts += ", " + mappings.FieldSQL(z.path)
						best.evidence = fmt.Sprintf("the day, %s, the time of day, and %s, the zone", c.dotted(), z.dotted())
					}
				}
			}
			best.sql = fmt.Sprintf("time_of_log(concat_ws(' ', %s), key.source_timezone, key.source_zones, NULL)", parts)
		}
	}
	return best
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
func zone(f *field, t *timeOf, changed time.Time, inText bool) {
	if inText {
		t.zone = "the text has the zone"
		return
	}
	t.zone = "no zone in the text: UTC assumed"
	if changed.IsZero() || f.newest.IsZero() {
		return
	}
	const step = 15 * time.Minute
	d := f.newest.Sub(changed)
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
func bestTime(all []*column, records int64) (best *column, others []*column, most float64) {
	type rated struct {
		*column
		score float64
	}
	var named []rated
	for _, c := range all {
		if c.time == nil || c.time.days || c.time.share < 0.5 {
			continue
		}
		known := c.time.loose
		score := c.time.share * float64(c.scalars) / float64(max(records, 1)) * 10
		switch name := spell(c.name); name {
		case "time", "timestamp", "event_time", "eventtime", "ts", "utc_time", "utctime", "datetime", "event_timestamp", "time_generated":
			score += 4
			known = true
		case "start", "start_time", "end", "end_time":
			score++
			known = true
		default:
			known = known || name == "rt"
			if regexpTime(name) {
				score += 2
			}
		}
		if c.role == roleStart || c.role == roleEnd {
			score--
		}
		score -= float64(len(c.path)) * 0.1
		if c.time.bare || c.time.declare != "" {
			score++
		}
		if c.time.loose {
			score -= 5
		}
		if best == nil || score > most {
			best, most = c, score
		}
		if known {
			named = append(named, rated{c, score})
		}
	}
	if best == nil || int64(best.time.share*float64(best.scalars)+0.5) >= records {
		return best, nil, most
	}
	slices.SortStableFunc(named, func(a, b rated) int { return cmp.Compare(b.score, a.score) })
	for _, c := range named {
		if c.column != best && len(others) < 4 {
			others = append(others, c.column)
		}
	}
	return best, others, most
}
