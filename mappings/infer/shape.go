package infer

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/decode/unpack"
)

// shape is how the text of a sample is taken apart, if its lines have a form that decode.Detect does not know.
type shape struct {
	format     decode.Format
	header     []string // lines of raw.sql's header
	why        string
	roles      map[string]role // of columns whose names the form defines
	types      map[string]string
	anywhere   map[string]role // of fields by their name, in any object
	windows    bool            // JSON of Windows events
	cloudWatch bool            // documents of CloudWatch Logs
	syslog     bool            // a line is a syslog header and a message
	columns    []string        // all that raw.sql declares, if types of records have columns of their own
	closed     bool            // raw.sql declares no others
}

// headLines are the first lines of a sample, unpacked. It gives none if the sample cannot be unpacked.
func headLines(head []byte) (lines [][]byte) {
	u := &unpack.Reader{}
	if u.Open(bytes.NewReader(head)) != nil {
		return nil
	}
	defer u.Close()
	text := make([]byte, headBytes)
	n, err := io.ReadFull(u, text)
	whole := err != nil && n < len(text)
	for _, l := range bytes.SplitAfter(text[:n], []byte("\n")) {
		if !bytes.HasSuffix(l, []byte("\n")) && !whole && len(lines) > 0 {
			break
		}
		if l = bytes.TrimRight(l, "\r\n"); len(bytes.TrimSpace(l)) > 0 {
			lines = append(lines, l)
		}
		if len(lines) == 200 {
			break
		}
	}
	return lines
}

// shapeOf looks for forms of lines that decode.Detect takes for lines or for columns between blanks.
func shapeOf(lines [][]byte, found decode.Format) (s shape, ok bool) {
	if s, ok := namedColumns(lines); ok {
		return s, true
	}
	if s, ok := panOS(lines); ok {
		return s, true
	}
	if s, ok := flowLogs(lines); ok {
		return s, true
	}
	plain := found.Name == decode.FormatLine || found.Name == decode.FormatCSV
	if !plain || len(lines) == 0 {
		return shape{}, false
	}
	if s, ok := accessLog(lines); ok {
		return s, true
	}
	if n := countLines(lines, hasSyslogHeader); 10*n >= 9*len(lines) && isSyslog(lines, found) {
		why := fmt.Sprintf("%d of %d lines have a syslog header", n, len(lines))
		if found.Name == decode.FormatCSV && found.Delimiter != ' ' {
			found.Syslog, found.Header = true, decode.HeaderNo
			return shape{format: found, header: append(headerOf(&found), "syslog: yes"), why: why + ", and columns after it"}, true
		}
		format := decode.Format{Name: decode.FormatLine, Columns: []string{"line"}}
		return shape{format: format, header: []string{"format: lines", "parse: line syslog"}, why: why, syslog: true}, true
	}
	blanks := found.Name == decode.FormatCSV && found.Delimiter == ' ' && found.Header != decode.HeaderYes
	if found.Name == decode.FormatLine || blanks && (lines[0][0] < '0' || lines[0][0] > '9') {
		return timedLines(lines)
	}
	return shape{}, false
}

func countLines(lines [][]byte, is func([]byte) bool) (n int) {
	for _, l := range lines {
		if is(l) {
			n++
		}
	}
	return n
}

func hasSyslogHeader(l []byte) bool {
	all, _ := fields.Syslog(nil, l)
	met := map[string]bool{}
	for _, f := range all {
		met[f.Name] = true
	}
	return met["timestamp"] && (met["host"] || met["app"])
}

// The parts of an access log's line, in common and in combined log format. A request that is not a request line is kept whole.
const (
	commonLog = `%{NOTSPACE:client} %{NOTSPACE:ident} %{DATA:user} \[%{HTTPDATE:at}\] "(?:(?P<method>[A-Z]+) (?P<path>[^\s?"]+)(?:\?(?P<query_string>[^\s"]*))?(?: (?P<version>HTTP/[0-9.]+))?|(?P<request>(?:[^"\\]|\\.)*))" %{INT:status} (?P<response_bytes>\d+|-)`
	combined  = `(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<user_agent>(?:[^"\\]|\\.)*)")?`
	moreOfLog = `(?: (?P<more>.*))?`
)

// accessLog recognises the common and the combined log format of web servers, and what some of them write after it.
func accessLog(lines [][]byte) (shape, bool) {
	for _, p := range []struct{ pattern, name string }{{commonLog, "common log format"}, {commonLog + combined, "combined log format"},
		{commonLog + combined + moreOfLog, "combined log format, with more fields after it"}} {
		text, err := fields.Expand(p.pattern)
		if err != nil {
			continue
		}
		re, err := regexp.Compile(`\A(?:` + text + `)\z`)
		if err != nil {
			continue
		}
		n := countLines(lines, re.Match)
		if 10*n < 9*len(lines) {
			continue
		}
		format := decode.Format{Name: decode.FormatLine, Pattern: re, Null: []string{"-"}}
		for _, name := range re.SubexpNames() {
			if name != "" {
				format.Columns = append(format.Columns, name)
			}
		}
		return shape{format: format, header: []string{"format: lines", "pattern: " + p.pattern, "null: -"}, why: fmt.Sprintf("%d of %d lines are in %s", n, len(lines), p.name),
			roles: map[string]role{"client": roleSrcIP, "query_string": roleURLQuery, "version": roleHTTPVersion, "response_bytes": roleLength, "ident": roleNone, "request": roleNone, "more": roleNone}}, true
	}
	return shape{}, false
}

// namedColumns recognises text whose columns a comment line names: #fields of Zeek, #Fields: of W3C, IIS and CloudFront.
func namedColumns(lines [][]byte) (shape, bool) {
	var names, types []string
	var null []string
	delimiter := byte(0)
	data := 0
	for _, l := range lines {
		if l[0] != '#' {
			data++
			if delimiter == 0 {
				if delimiter = ' '; bytes.IndexByte(l, '\t') >= 0 {
					delimiter = '\t'
				}
			}
			continue
		}
		key, value := string(l[1:]), ""
		if i := strings.IndexAny(key, " \t:"); i >= 0 {
			key, value = key[:i], strings.TrimLeft(key[i:], ": \t")
		}
		switch key = strings.ToLower(key); {
		case key == "fields" && names == nil:
			names = strings.Fields(value)
		case key == "types" && types == nil:
			types = strings.Fields(value)
		case key == "unset_field" || key == "empty_field":
			if value = strings.TrimSpace(value); value != "" && !strings.Contains(value, ",") {
				null = append(null, value)
			}
		case key == "separator" && len(value) == 4 && strings.HasPrefix(value, `\x`):
			if n, err := fmt.Sscanf(value, `\x%02x`, &delimiter); n != 1 || err != nil {
				return shape{}, false
			}
		}
	}
	seen := map[string]bool{}
	for _, n := range names {
		seen[strings.ToLower(n)] = true
	}
	if len(names) < 2 || len(seen) < len(names) || data == 0 || delimiter == 0 || strings.ContainsRune("\"\\#", rune(delimiter)) {
		return shape{}, false
	}
	s := shape{roles: map[string]role{}, types: map[string]string{}, why: fmt.Sprintf("a line #fields names its %d columns", len(names))}
	s.format = decode.Format{Name: decode.FormatCSV, Columns: names, Delimiter: delimiter, Header: decode.HeaderNo, Comment: "#", Null: null}
	zeek := len(types) == len(names)
	if !zeek {
		s.format.Quote = '"'
		if len(null) == 0 {
			s.format.Null = []string{"-"}
		}
	}
	s.header = headerOf(&s.format)
	if zeek {
		s.header = append(s.header, "quote: none")
	}
	for i, n := range names {
		if r, ok := namedRoles[strings.ToLower(n)]; ok {
			s.roles[n] = r
		}
		if zeek {
			s.types[n] = zeekTypes[types[i]]
		}
	}
	return s, true
}

// zeekTypes are DuckDB's types for Zeek's, and a format of times.
var zeekTypes = map[string]string{"time": "TIMESTAMP", "interval": "DOUBLE", "double": "DOUBLE", "count": "BIGINT", "int": "BIGINT", "port": "INTEGER"}

// namedRoles are the meanings of columns that Zeek, W3C, IIS and CloudFront define. c is the client, s the server, cs from client to
// server.
var namedRoles = map[string]role{
	"id.orig_h": roleSrcIP, "id.orig_p": roleSrcPort, "id.resp_h": roleDstIP, "id.resp_p": roleDstPort, "proto": roleProtocol, "uid": roleFlowID, "orig_bytes": roleBytesOut, "resp_bytes": roleBytesIn,
	"orig_pkts": rolePacketsOut, "resp_pkts": rolePacketsIn, "qtype": roleNone, "qtype_name": roleQType, "rcode": roleNone, "rcode_name": roleRCode, "status_code": roleStatus, "request_body_len": roleNone,
	"response_body_len": roleLength, "username": roleUser, "server_name": roleSNI, "orig_l2_addr": roleSrcMAC, "resp_l2_addr": roleDstMAC,
	"c-ip": roleSrcIP, "c-port": roleSrcPort, "s-ip": roleDstIP, "s-port": roleDstPort, "s-computername": roleNone, "s-sitename": roleNone, "cs-method": roleMethod, "cs-uri-stem": rolePathURL,
	"cs-uri-query": roleURLQuery, "cs-uri": roleURL, "cs-username": roleUser, "cs(user-agent)": roleAgent, "cs(referer)": roleReferrer, "cs(referrer)": roleReferrer, "cs(cookie)": roleNone, "sc-status": roleStatus,
	"sc-substatus": roleNone, "sc-win32-status": roleNone, "cs-host": roleURLHost, "cs(host)": roleURLHost, "x-host-header": roleNone, "cs-bytes": roleBytesOut, "sc-bytes": roleBytesIn, "cs-version": roleHTTPVersion,
	"cs-protocol": roleURLScheme, "ssl-protocol": roleTLSVer, "ssl-cipher": roleCipher, "x-edge-request-id": roleRequestID, "time-taken": roleNone, "cs-protocol-version": roleHTTPVersion,
}
