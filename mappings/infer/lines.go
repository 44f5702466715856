package infer

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/fields"
)

// leads are the ways in which a line says when it was written, and where in the line: at its beginning, or in its first bracket.
func leads() []string {
	const (
		begins  = `(?:<\d{1,3}>)?[\[*. ]{0,3}`
		month   = `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`
		clock   = `\d{2}:\d{2}:\d{2}`
		weekday = `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? `
	)
	return []string{
		begins + `(?P<at>\d{4}[-/]\d{2}[-/]\d{2}[T ]` + clock + `(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?)`,
		begins + `(?P<at>` + weekday + month + ` [ \d]\d ` + clock + `(?:\.\d{1,9})? \d{4})`,
		begins + `(?P<at>` + weekday + `\d{2} ` + month + ` \d{4} ` + clock + ` (?:GMT|[+-]\d{4}))`,
		begins + `(?P<at>` + month + ` [ \d]?\d (?:\d{4} )?` + clock + `(?:\.\d{1,9})?(?: (?:UTC|GMT|CET|CEST|EST|EDT|MST|MDT|PDT))?)`,
		begins + `(?P<at>\d{2}/` + month + `/\d{4}[: ]` + clock + `(?: [+-]\d{4})?)`,
		begins + `(?P<at>\d{2}/\d{2}/\d{4}[: ]` + clock + `)`,
		begins + `(?P<at>\d{10}\.\d{1,9})`,
		`[^\[]{0,200}\[(?P<at>\d{2}/` + month + `/\d{4}:` + clock + ` [+-]\d{4})`,
		`[^\[]{0,200}\[(?P<at>\d{4}-\d{2}-\d{2}[T ]` + clock + `(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?)`,
	}
}

// timedLines recognises text whose lines say when they were written. Lines without a time, as those of a stack trace, are records too.
func timedLines(lines [][]byte) (shape, bool) {
	best, most := "", 0
	for _, lead := range leads() {
		re, err := regexp.Compile(`\A` + lead + `(?:[^\d]|\z)`)
		if err != nil {
			continue
		}
		if n := countLines(lines, re.Match); n > most {
			best, most = lead, n
		}
	}
	if 2*most < len(lines) || most == 0 {
		return shape{}, false
	}
	pattern := `(?P<message>(?:` + best + `)?.*)`
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return shape{}, false
	}
	format := decode.Format{Name: decode.FormatLine, Pattern: re, Columns: []string{"message", "at"}}
	return shape{format: format, header: []string{"format: lines", "pattern: " + pattern}, why: fmt.Sprintf("%d of %d lines begin with a time, or have one in brackets", most, len(lines)),
		roles: map[string]role{"message": roleMessage}}, true
}

// panRecord is a record of a PAN-OS firewall: the number of a version, when it was received, the serial number and the type.
var panRecord = regexp.MustCompile(`(?:^|[ >])\d*,\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2},\w*,([A-Z]{3,}),`)

// The first columns of PAN-OS records. Only those of traffic and threats name both ends of a connection.
const (
	panFirst = "future_use_1, receive_time, serial, type, subtype"
	panEnds  = panFirst + ", config_version, time_generated, src, dst, natsrc, natdst, rule, srcuser, dstuser, app, vsys, from_zone, to_zone, inbound_if, outbound_if, log_action, future_use_2, " +
		"session_id, repeat_count, sport, dport, natsport, natdport, flags, proto, action"
)

// panOS recognises the records of PAN-OS firewalls, whose types have columns of their own that no header names.
func panOS(lines [][]byte) (shape, bool) {
	if 10*countLines(lines, panRecord.Match) < 9*len(lines) || len(lines) == 0 {
		return shape{}, false
	}
	s := shape{closed: true, why: "the records are those of a PAN-OS firewall; its documentation names their columns, of which the first ones are here",
		roles: map[string]role{"from_zone": roleNone, "to_zone": roleNone, "future_use_1": roleNone, "future_use_2": roleNone, "session_id": roleFlowID, "rule": roleNone}}
	s.format = decode.Format{Name: decode.FormatCSV, Delimiter: ',', Quote: '"', Header: decode.HeaderNo, Syslog: true, Null: []string{"N/A"}}
	s.header = []string{"format: csv", "header: no", "syslog: yes", "null: N/A", "columns: " + panFirst}
	first := strings.Split(panFirst, ", ")
	s.format.Columns, s.columns = first, first
	for _, typ := range []string{"TRAFFIC", "THREAT"} {
		if !slices.ContainsFunc(lines, func(l []byte) bool { return bytes.Contains(l, []byte(","+typ+",")) }) {
			continue
		}
		s.columns = strings.Split(panEnds, ", ")
		s.header = append(s.header, "columns: type="+typ+": "+panEnds)
		s.format.Layouts = append(s.format.Layouts, decode.Layout{At: slices.Index(first, "type"), Value: typ, Columns: s.columns})
	}
	return s, true
}

// flowLine is a record of VPC flow logs in the default format, version 2.
var flowLine = regexp.MustCompile(`^2 (?:\d{12}|-) eni-\w+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ \d{10} \d{10} \S+ [A-Z]+$`)

// flowLogs recognises VPC flow logs without a header.
func flowLogs(lines [][]byte) (shape, bool) {
	if 10*countLines(lines, flowLine.Match) < 9*len(lines) || len(lines) == 0 {
		return shape{}, false
	}
	f := decode.Format{Name: decode.FormatCSV, Delimiter: ' ', Header: decode.HeaderNo, Null: []string{"-"},
		Columns: strings.Fields("version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end action log_status")}
	return shape{format: f, header: headerOf(&f), why: "the records are VPC flow logs of version 2, which have no header; AWS's documentation names their columns"}, true
}

// isSyslog tells whether lines have syslog headers. A line that begins with a time may be anything: without a priority, it needs an
// app, unless what stands there has no columns. A line that begins with a digit always needs one, unless it is an ISO time with a T.
func isSyslog(lines [][]byte, found decode.Format) bool {
	tagged := countLines(lines, func(l []byte) bool {
		all, _ := fields.Syslog(nil, l)
		return slices.ContainsFunc(all, func(f fields.Field) bool { return f.Name == "app" || f.Name == "pri" })
	})
	digit := lines[0][0] >= '0' && lines[0][0] <= '9' && lines[0][min(len(lines[0])-1, 10)] != 'T'
	return !digit && (found.Name != decode.FormatCSV || found.Delimiter != ' ') || 2*tagged >= len(lines)
}
