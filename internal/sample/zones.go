package sample

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Zones finds events whose time is a local time of the record, read as UTC, although the record says how far the time is from UTC: at
// the end of the text, or in a field of its own. It compares clocks only, so it does not need to know how the mapping reads the time.
type Zones struct {
	Records int64  // such events
	Example string // the time and the offset of the first one
	records *decode.Records
	fields  *decode.Expander
}

// NewZones reads records of a mapping.
func NewZones(compiled *sqlgen.Compiled) *Zones {
	spec := decode.Spec{Format: compiled.Scan.Format, Parsers: compiled.Scan.Parsers, Redact: compiled.Scan.Redact}
	keys := decode.NewKeys()
	return &Zones{records: decode.NewRecords(&spec, keys, decode.Options{}), fields: decode.NewExpander(keys)}
}

// clock is a time of day in a text, and what the text says after it: Z, an offset, or nothing.
var clock = regexp.MustCompile(`(?:^|[T \[:,"])(\d\d:\d\d:\d\d)(?:[.,]\d+)?\s?(Z\b|z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d\b)?`)

// zoneName are the names of fields that say what zone the times of a record are in.
var zoneName = regexp.MustCompile(`(?i)(?:^|[._-])(?:tz|time_?zone|zone|(?:tz|time_?zone|utc|gmt)_?offset|gmtoff|utcoff)$`)

// utcName are names of fields whose times are UTC, whatever the record says of others.
var utcName = regexp.MustCompile(`(?i)utc|gmt|epoch`)

// Add looks at a record and its outcome.
func (z *Zones) Add(r Record, out *Outcome) error {
	var event struct {
		Time int64 `json:"time"`
	}
	if out.OCSF == nil || json.Unmarshal(out.OCSF, &event) != nil {
		return nil
	}
	z.records.OpenFramed(&one{number: r.Number, raw: r.Raw, context: r.Context})
	_, _, rej, err := z.records.Next()
	if err != nil || rej != nil {
		return err
	}
	entries, err := z.fields.Expand(z.records.Rest(), nil)
	if err != nil {
		return err
	}
	at := time.UnixMilli(event.Time).UTC()
	var zone string // a field that has an offset
	var offset time.Duration
	var local string  // a time without an offset that is the event's
	var ending string // a time with an offset that is the event's without it
	for _, e := range entries {
		if zone == "" && zoneName.MatchString(e.Key) {
			if d, ok := offsetOf(string(e.Value), at); ok && d != 0 {
				zone, offset = e.Key+" = "+cut(string(e.Value)), d
			}
		}
	}
	for _, e := range entries {
		if len(e.Value) > 1<<10 || bytes.IndexByte(e.Value, ':') < 0 {
			continue
		}
		for _, m := range clock.FindAllSubmatch(e.Value, 8) {
			text, mark := string(m[1]), string(m[2])
			isEvent := text == at.Format(time.TimeOnly)
			d, ok := offsetOf(mark, at)
			switch {
			case mark == "" && utcName.MatchString(e.Key):
			case mark == "" && isEvent && local == "":
				local = e.Key + " = " + cut(string(e.Value))
			case mark == "" && zone != "" && text == at.Add(offset).Format(time.TimeOnly):
				return nil // the time was read in its zone, and another one is UTC
			case mark != "" && ok && text == at.Add(d).Format(time.TimeOnly):
				return nil // this text names the same moment
			case ok && isEvent && ending == "":
				ending = e.Key + " = " + cut(string(e.Value))
			}
		}
	}
	example := ending
	if example == "" && local != "" && zone != "" {
		example = local + " with " + zone
	}
	if example != "" {
		if z.Records++; z.Records == 1 {
			z.Example = example
		}
	}
	return nil
}

var offsetText = regexp.MustCompile(`^(?i:(?:UTC|GMT)\s?)?([+-])(\d{1,2}):?(\d\d)?$`)

// offsetOf reads an offset from UTC, minutes or seconds as a number, or the name of a zone of the IANA database.
func offsetOf(text string, at time.Time) (time.Duration, bool) {
	text = strings.Trim(strings.TrimSpace(text), `"'()`)
	switch strings.ToUpper(text) {
	case "":
		return 0, false
	case "Z", "UTC", "GMT":
		return 0, true
	}
	if m := offsetText.FindStringSubmatch(text); m != nil {
		h, _ := strconv.Atoi(m[2])
		minutes, _ := strconv.Atoi("0" + m[3])
		d := time.Duration(h)*time.Hour + time.Duration(minutes)*time.Minute
		if m[1] == "-" {
			d = -d
		}
		return d, h <= 14 && minutes < 60
	}
	if n, err := strconv.Atoi(text); err == nil { // minutes, as JavaScript and many products write them; seconds if they are too many
		d := time.Duration(n) * time.Minute
		if n > 14*60 || n < -14*60 {
			d = time.Duration(n) * time.Second
		}
		return d, d%(15*time.Minute) == 0 && d <= 14*time.Hour && d >= -14*time.Hour
	}
	if !strings.Contains(text, "/") {
		return 0, false
	}
	where, err := time.LoadLocation(text)
	if err != nil {
		return 0, false
	}
	_, seconds := at.In(where).Zone()
	return time.Duration(seconds) * time.Second, true
}
