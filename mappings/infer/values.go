package infer

import (
	"bytes"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/decode"
)

// trait is something a scalar value can be. A field has a trait where (nearly) all of its values do.
type trait uint8

const (
	isInt32 trait = iota
	isInt64
	isDouble
	isExact // a number of at most 53 bits, or with a fraction: a DOUBLE holds it
	isBool
	isISOTime
	isIP
	isMAC
	isUUID
	isEmail
	isHost // dotted name
	isURL
	isPath
	isFile // a name with an extension
	isMD5
	isSHA1
	isSHA256
	isMethod
	isStatus // 100 to 599
	isPort
	isProtocol
	isSeverity
	isAgent
	isDomainUser
	isARN
	isAccount // twelve digits
	isRegion
	isEpochS
	isEpochMS
	isEpochUS
	isEpochNS
	isWindowsEvent // lines of Key: value
	isClock        // a time of day
	isZone         // an offset or the abbreviation of a zone
	isLogTime      // a time without a year, as syslog has it
	isHexNumber    // 0x1d4
	isLogForm      // a time that the macro time_of_log reads
	isName         // what can be the name of a host
	isAuditTime    // audit(1700000000.250:77), as auditd writes it
	isDateCall     // /Date(1700000000250)/, as .NET writes it
	traits
)

var traitText = [traits]string{isIP: "addresses", isMAC: "MAC addresses", isUUID: "UUIDs", isEmail: "mail addresses", isHost: "host names", isURL: "URLs", isPath: "file paths",
	isFile: "file names", isMD5: "MD5 hashes", isSHA1: "SHA-1 hashes", isSHA256: "SHA-256 hashes", isMethod: "HTTP methods", isStatus: "HTTP status codes",
	isPort: "port numbers", isProtocol: "protocol names", isSeverity: "severities", isAgent: "user agents", isDomainUser: `DOMAIN\user names`, isARN: "ARNs",
	isAccount: "12-digit account numbers", isRegion: "AWS regions", isISOTime: "ISO 8601 times", isEpochS: "seconds since 1970", isEpochMS: "milliseconds since 1970",
	isEpochUS: "microseconds since 1970", isEpochNS: "nanoseconds since 1970", isInt64: "whole numbers", isDouble: "numbers"}

// patterns that recognise values; they do not backtrack.
type patterns struct {
	mac, uuid, email, host, url, windowsPath, file, hex, agent, domainUser, region, clock, zone, logTime, logForm, hexNumber, name, audit, dateCall *regexp.Regexp

	declared []*decode.TimeFormat // of timeFormats, nil for those that raw.sql cannot declare
}

// logZone is the zone of a time in a log, if it has one meaning.
const logZone = `( (Z|(UTC|GMT)?([+-]\d{2}:?\d{2})?|CET|CEST|EST|EDT|MST|MDT|PDT))?`

func newPatterns() *patterns {
	declared := make([]*decode.TimeFormat, len(timeFormats))
	for i, f := range timeFormats {
		if declared[i], _ = decode.NewTimeFormat(f.declared(), ""); f.days {
			declared[i] = nil
		}
	}
	return &patterns{
		declared:    declared,
		clock:       regexp.MustCompile(`^\d{2}:\d{2}:\d{2}([.,]\d+)?$`),
		zone:        regexp.MustCompile(`^([+-]\d{2}:?\d{2}|Z|[A-Z]{3,4})$`),
		name:        regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*\.?$`),
		audit:       regexp.MustCompile(`^audit\(\d{10}(\.\d{1,9})?:\d+\):?$`),
		dateCall:    regexp.MustCompile(`^/Date\(\d{12,14}([+-]\d{4})?\)/$`),
		hexNumber:   regexp.MustCompile(`^0x[0-9A-Fa-f]{1,15}$`),
		logForm:     regexp.MustCompile(`^[*.]?((Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(\d{4} )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2},?( \d{4},?)? \d{1,2}:\d{2}:\d{2}([.,]\d+)?( \d{4})?` + logZone + `( \d{4})?$`),
		logTime:     regexp.MustCompile(`^[*.]?((Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2} \d{1,2}:\d{2}:\d{2}([.,]\d+)?` + logZone + `$`),
		mac:         regexp.MustCompile(`^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$|^([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}$`),
		uuid:        regexp.MustCompile(`^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$`),
		email:       regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[A-Za-z]{2,}$`),
		host:        regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,62})\.)+[A-Za-z]{2,24}\.?$`),
		url:         regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://\S+$`),
		windowsPath: regexp.MustCompile(`^([A-Za-z]:\\|\\\\|\\Device\\)`),
		file:        regexp.MustCompile(`^[^\s/\\:*?"<>|]+\.[A-Za-z0-9]{1,5}$`),
		hex:         regexp.MustCompile(`^[0-9A-Fa-f]+$`),
		agent:       regexp.MustCompile(`^(Mozilla/|curl/|Wget/|python-requests/|aws-cli/|Boto3/|Go-http-client/|okhttp/|Java/|[A-Za-z][A-Za-z0-9_.-]*/[0-9]+\.[0-9]+ )`),
		domainUser:  regexp.MustCompile(`^[A-Za-z0-9 ._-]+\\[^\\/:*?"<>|]+$`),
		region:      regexp.MustCompile(`^[a-z]{2}(-[a-z]+){1,2}-[0-9]$`),
	}
}

var methods = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "DELETE": true, "CONNECT": true, "OPTIONS": true, "TRACE": true, "PATCH": true}

var protocols = map[string]bool{"tcp": true, "udp": true, "icmp": true, "icmpv6": true, "ipv6-icmp": true, "gre": true, "esp": true, "ah": true, "sctp": true, "igmp": true}

// severities gives OCSF's severity_id of words that products use.
var severities = map[string]int{"info": 1, "informational": 1, "information": 1, "notice": 1, "debug": 1, "low": 2, "warning": 3, "warn": 3, "medium": 3, "moderate": 3,
	"high": 4, "error": 4, "err": 4, "critical": 5, "crit": 5, "severe": 5, "alert": 5, "fatal": 6, "emergency": 6, "emerg": 6}

// traitsOf gives the traits of a scalar. quoted: it was a text.
func (p *patterns) traitsOf(v []byte, quoted bool) (set [traits]bool) {
	s := string(v)
	set[isInt64] = decode.Fits(decode.Int64, v, quoted)
	set[isInt32] = set[isInt64] && decode.Fits(decode.Int32, v, quoted)
	set[isDouble] = set[isInt64] || decode.Fits(decode.Double, v, quoted)
	set[isBool] = decode.Fits(decode.Bool, v, quoted)
	if set[isDouble] {
		p.number(s, &set)
		return set
	}
	if !quoted {
		return set
	}
	if set[isISOTime] = decode.Fits(decode.Timestamp, v, true); set[isISOTime] || len(v) == 0 {
		return set
	}
	if len(v) > 4096 {
		set[isWindowsEvent] = windowsEvent(v)
		return set
	}
	_, err := netip.ParseAddr(s)
	set[isIP] = err == nil
	switch {
	case set[isIP]:
		return set
	case len(v) <= 40 && p.mac.Match(v):
		set[isMAC] = true
		return set
	case p.hex.Match(v):
		set[isMD5], set[isSHA1], set[isSHA256] = len(v) == 32, len(v) == 40, len(v) == 64
		set[isAccount] = account(v)
		return set
	}
	set[isUUID] = p.uuid.Match(v)
	set[isURL] = p.url.Match(v)
	set[isEmail] = p.email.Match(v)
	set[isARN] = strings.HasPrefix(s, "arn:")
	set[isPath] = p.windowsPath.Match(v) || v[0] == '/' && !bytes.ContainsAny(v, "\n")
	set[isHost] = len(v) <= 255 && p.host.Match(v)
	set[isFile] = p.file.Match(v)
	set[isMethod] = methods[s]
	lower := strings.ToLower(s)
	set[isProtocol] = protocols[lower]
	_, set[isSeverity] = severities[lower]
	set[isAgent] = p.agent.Match(v)
	set[isDomainUser] = !set[isPath] && p.domainUser.Match(v)
	set[isRegion] = p.region.Match(v)
	set[isWindowsEvent] = windowsEvent(v)
	set[isHexNumber], set[isName] = p.hexNumber.Match(v), len(v) <= 255 && p.name.Match(v)
	set[isAuditTime], set[isDateCall] = p.audit.Match(v), p.dateCall.Match(v)
	set[isClock], set[isZone], set[isLogTime], set[isLogForm] = p.clock.Match(v), p.zone.Match(v), p.logTime.Match(v), p.logForm.Match(v)
	return set
}

func (p *patterns) number(s string, set *[traits]bool) {
	set[isExact] = true
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return
	}
	if !strings.ContainsAny(s, ".eE") {
		set[isExact] = x <= 1<<53 && x >= -(1<<53)
	}
	set[isPort] = set[isInt64] && x >= 0 && x <= 65535
	set[isStatus] = set[isInt64] && x >= 100 && x <= 599
	set[isAccount] = account([]byte(s))
	set[isZone] = p.zone.MatchString(s)
	if strings.ContainsAny(s, "eE+") {
		return
	}
	// Between 2001 and 2100: small counts are not times.
	const from, to = 978307200, 4102444800
	set[isEpochS] = x >= from && x < to
	set[isEpochMS] = set[isInt64] && x >= from*1e3 && x < to*1e3
	set[isEpochUS] = set[isInt64] && x >= from*1e6 && x < to*1e6
	set[isEpochNS] = set[isInt64] && x >= from*1e9 && x < to*1e9
}

func account(v []byte) bool {
	if len(v) != 12 {
		return false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// windowsEvent says whether a text is lines of "Key: value", as Windows writes event descriptions.
func windowsEvent(v []byte) bool {
	lines := bytes.Split(bytes.TrimSpace(v), []byte("\n"))
	if len(lines) < 3 {
		return false
	}
	keyed := 0
	for _, l := range lines {
		k, _, ok := bytes.Cut(l, []byte(":"))
		if ok && len(k) > 0 && len(k) <= 40 && !bytes.ContainsAny(k, "{}\"=") {
			keyed++
		}
	}
	return keyed*10 >= len(lines)*8
}

// timeFormat is a way to write a time that the scanner does not read by itself.
type timeFormat struct {
	strptime string // for DuckDB
	layout   string // for Go
	zone     bool   // the text has one
	days     bool   // it has no time of day
}

// timeFormats are those that are looked for, the likelier of two that read the same text first.
var timeFormats = []timeFormat{
	{"%d/%b/%Y:%H:%M:%S %z", "02/Jan/2006:15:04:05 -0700", true, false},
	{"%d/%b/%Y:%H:%M:%S", "02/Jan/2006:15:04:05", false, false},
	{"%Y/%m/%d %H:%M:%S", "2006/01/02 15:04:05", false, false},
	{"%Y/%m/%d %H:%M:%S.%f", "2006/01/02 15:04:05.999999", false, false},
	{"%d/%b/%Y:%H:%M:%S.%f", "02/Jan/2006:15:04:05.999999999", false, false},
	{"%m/%d/%Y %H:%M:%S", "1/2/2006 15:04:05", false, false},
	{"%m/%d/%Y:%H:%M:%S", "01/02/2006:15:04:05", false, false},
	{"%m/%d/%Y %H:%M", "1/2/2006 15:04", false, false},
	{"%m/%d/%Y %I:%M %p", "1/2/2006 3:04 PM", false, false},
	{"%d/%m/%Y %H:%M:%S", "2/1/2006 15:04:05", false, false},
	{"%m/%d/%Y %I:%M:%S %p", "1/2/2006 3:04:05 PM", false, false},
	{"%d.%m.%Y %H:%M:%S", "02.01.2006 15:04:05", false, false},
	{"%Y-%m-%d %H:%M", "2006-01-02 15:04", false, false},
	{"%Y-%m-%dT%H:%M", "2006-01-02T15:04", false, false},
	{"%Y-%m-%dT%H:%MZ", "2006-01-02T15:04Z", true, false},
	{"%Y-%m-%d %H:%M:%S,%g", "2006-01-02 15:04:05,000", false, false},
	{"%Y%m%dT%H%M%SZ", "20060102T150405Z", true, false},
	{"%Y%m%dT%H%M%S", "20060102T150405", false, false},
	{"%a, %d %b %Y %H:%M:%S GMT", "Mon, 02 Jan 2006 15:04:05 GMT", true, false},
	{"%a, %d %b %Y %H:%M:%S %z", "Mon, 02 Jan 2006 15:04:05 -0700", true, false},
	{"%a %b %d %H:%M:%S %Y", "Mon Jan _2 15:04:05 2006", false, false},
	{"%a %b %d %H:%M:%S.%f %Y", "Mon Jan _2 15:04:05.999999999 2006", false, false},
	{"%b %d %Y %H:%M:%S", "Jan _2 2006 15:04:05", false, false},
	{"%b %d, %Y %H:%M:%S", "Jan _2, 2006 15:04:05", false, false},
	{"%d %b %Y %H:%M:%S", "02 Jan 2006 15:04:05", false, false},
	{"%d-%b-%Y %H:%M:%S", "02-Jan-2006 15:04:05", false, false},
	{"%Y-%m-%d", "2006-01-02", false, true},
	{"%Y/%m/%d", "2006/01/02", false, true},
	{"%m/%d/%Y", "01/02/2006", false, true},
	{"%d/%m/%Y", "02/01/2006", false, true},
	{"%m/%d/%y", "01/02/06", false, true},
	{"%d.%m.%Y", "02.01.2006", false, true},
	{"%d-%b-%Y", "02-Jan-2006", false, true},
	{"%d/%b/%Y", "02/Jan/2006", false, true},
}

// declared is the format in a `-- timestamp:` line.
func (f timeFormat) declared() string {
	if f.layout == "02/Jan/2006:15:04:05 -0700" {
		return "clf"
	}
	return strings.NewReplacer("%g", "%f", "%b %d", "%b %e").Replace(f.strptime)
}

// readTime reads a text in format i.
func readTime(i int, s string) (time.Time, bool) {
	if len(s) < 8 || len(s) > 40 {
		return time.Time{}, false
	}
	layout := timeFormats[i].layout
	if marks := func(s string) int { return strings.Count(s, ".") + strings.Count(s, ",") }; marks(s) != marks(layout) {
		return time.Time{}, false // Go reads a fraction that the layout does not have, and DuckDB does not
	}
	t, err := time.Parse(layout, s)
	return t, err == nil && t.Year() > 1970
}
