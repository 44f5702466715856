package infer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/silt-etl/silt/mappings"
)

// role is what a field means, as far as its name and its values tell. Roles have paths in OCSF, and are evidence for classes.
type role string

const (
	roleSrcIP          role = "source address"
	roleDstIP          role = "destination address"
	roleIP             role = "address"
	roleSrcPort        role = "source port"
	roleDstPort        role = "destination port"
	roleSrcMAC         role = "source MAC address"
	roleDstMAC         role = "destination MAC address"
	roleSrcHost        role = "source host"
	roleDstHost        role = "destination host"
	roleHost           role = "host"
	roleStart          role = "start time"
	roleEnd            role = "end time"
	roleUser           role = "user name"
	roleUserID         role = "user id"
	roleEmail          role = "mail address of a user"
	roleHash           role = "hash"
	roleFilePath       role = "file path"
	roleFileName       role = "file name"
	roleURL            role = "URL"
	rolePathURL        role = "path of a URL"
	roleAgent          role = "user agent"
	roleMethod         role = "HTTP method"
	roleStatus         role = "HTTP status"
	roleReferrer       role = "referrer"
	roleQuery          role = "DNS name asked for"
	roleQType          role = "DNS record type"
	roleRCode          role = "DNS response code"
	rolePID            role = "process id"
	rolePPID           role = "parent process id"
	roleImage          role = "process image"
	roleParent         role = "parent process image"
	roleCommand        role = "command line"
	roleProcUID        role = "unique id of a process"
	roleBytes          role = "bytes"
	roleBytesIn        role = "bytes in"
	roleBytesOut       role = "bytes out"
	rolePackets        role = "packets"
	roleProtocol       role = "protocol name"
	roleProtoNum       role = "protocol number"
	roleSeverity       role = "severity"
	roleAccount        role = "cloud account"
	roleRegion         role = "cloud region"
	roleFlowID         role = "connection id"
	roleEventID        role = "event id"
	roleRequestID      role = "request id"
	roleOperation      role = "API operation"
	roleService        role = "API service"
	roleTitle          role = "title of a finding"
	roleMessage        role = "message"
	roleSNI            role = "TLS server name"
	roleTLSVer         role = "TLS version"
	roleCipher         role = "TLS cipher"
	roleSession        role = "session id"
	roleVPC            role = "VPC id"
	roleInterface      role = "network interface id"
	rolePacketsIn      role = "packets in"
	rolePacketsOut     role = "packets out"
	roleURLQuery       role = "query of a URL"
	roleURLHost        role = "host of a URL"
	roleURLScheme      role = "scheme of a URL"
	roleHTTPVersion    role = "HTTP version"
	roleLength         role = "length of a response"
	roleSyslogSeverity role = "severity of a syslog header"
	roleActor          role = "name of the acting user"
	roleActorID        role = "id of the acting user"
	roleActorDomain    role = "domain of the acting user"
	roleDomain         role = "domain of a user"
	roleNone           role = "-" // its name looks like another role
)

// rule recognises a role: the name, its words joined by _, matches, and nearly all values have one of the traits (none: any).
type rule struct {
	role   role
	name   *regexp.Regexp
	traits []trait
}

// rules in the order they are tried. The name is that of the field and the object it is in: alert_severity.
func rules() []rule {
	r := func(role role, name string, traits ...trait) rule {
		return rule{role, regexp.MustCompile(`(^|_)(` + name + `)$`), traits}
	}
	return []rule{
		r(roleURLHost, `(.*_)?(request|req|http|headers?)_(host|hostname|authority)|vhost|virtual_host|host_header|authority`),
		r(roleLength, `response_(body_)?(bytes|size|length)|body_bytes_sent|response_content_length`, isInt64),
		r(roleHTTPVersion, `(request_|http_)(protocol|version)|http_protocol_version`),
		r(roleSNI, `sni|tls_server_name`),
		r(roleTLSVer, `(tls|ssl)_(version|protocol)`),
		r(roleCipher, `(tls|ssl)_cipher(_suite)?|cipher_suite`),
		r(roleQuery, `rrname|query_?name|qname|question(_name)?|dns_query|dns_name`, isHost, isIP),
		r(roleQuery, `query`, isHost),
		r(roleQType, `query_?type|qtype|rrtype|record_type`),
		r(roleRCode, `rcode(_name)?|response_code_name|query_status`),
		r(roleSrcMAC, `(src|source|client|smac).*`, isMAC),
		r(roleDstMAC, `(dst|dest|destination|server|dmac).*`, isMAC),
		r(roleAgent, `(http_)?user_?agent|ua|c_ua`),
		r(roleMethod, `.*`, isMethod),
		r(roleReferrer, `referr?er|http_refer(rer)?`),
		r(roleStatus, `(http_|response_|elb_|sc_)?status(_code)?|http_code|response_code|code`, isStatus),
		r(roleURL, `.*`, isURL),
		r(rolePathURL, `uri|url|url_path|uri_path|uri_stem|request_uri|request_path|path`, isPath),
		r(roleHash, `.*(hash|hashes|md5|sha1|sha_1|sha256|sha_256|digest|checksum).*`, isMD5, isSHA1, isSHA256),
		r(rolePPID, `ppid|parent_(process_)?p?id|parent_process_id`, isInt64),
		r(rolePID, `pid|process_p?id|proc_id`, isInt64),
		r(roleParent, `parent_(image|process(_name|_path)?|name|exe)`),
		r(roleProcUID, `process_(guid|uid|uuid|unique_id|entity_id)`),
		r(roleCommand, `command_?line|cmd_?line|cmd|process_args`),
		r(roleImage, `image|exe|process_(name|path|image|executable)|proc_name|executable`),
		r(roleFilePath, `(target_)?(file|filename|file_?name|file_?path|path|object_?name)`, isPath),
		r(roleFileName, `(target_)?(filename|file_?name|file)`, isFile),
		r(roleEmail, `.*`, isEmail),
		r(roleUserID, `user_?(id|uid|sid)|principal_?id|uid_user`),
		r(roleUser, `user|user_?names?|login(_name)?|account_?name|principal(_name)?|subject_user_name|target_user_name|actor|src_user|dst_user`),
		r(roleUser, `.*`, isDomainUser),
		r(rolePackets, `(packets|pkts|packet_count|pkt_count|num_packets|pkts_total)`, isInt64),
		r(roleBytesIn, `(bytes_?(in|received|recv|toclient)|(received|recv|rcvd|in)_bytes?|rcvd?byte)`, isInt64),
		r(roleBytesOut, `(bytes_?(out|sent|toserver)|(sent|out)_bytes?|sentbyte)`, isInt64),
		r(roleBytes, `(bytes|octets|byte_count|num_bytes|total_bytes|bytes_total)`, isInt64),
		r(roleProtocol, `.*`, isProtocol),
		r(roleProtoNum, `proto|protocol|ip_?proto|protocol_num(ber)?`, isInt64),
		r(roleSeverity, `severity|sev|level|log_?level|severity_?(label|name|level)`, isSeverity),
		r(roleSeverity, `severity|sev|threat_level|severity_?(label|name|level|id)`),
		r(roleAccount, `account(_?id)?|(recipient|owner|aws|cloud)_account(_?id)?|owner_id`, isAccount),
		r(roleRegion, `.*region`, isRegion),
		r(roleFlowID, `(flow|connection|conn|session)_?(id|uid|hash)|uid`),
		r(roleRequestID, `request_?(id|uid)|correlation_id|trace_id`),
		r(roleEventID, `event_?(uuid|uid|guid)|record_?(id|uid)|log_id|(^|_)event_?id`, isUUID),
		r(roleOperation, `event_name|operation(_name)?|api(_name|_call|_operation)?|api_action`),
		r(roleService, `event_source|service(_name)?|api_service`),
		r(roleVPC, `vpc(_id)?`),
		r(roleInterface, `interface(_id)?|eni(_id)?`),
		r(roleTitle, `signature|alert_name|rule_name|finding|title|threat_name|detection(_name)?`),
		r(roleMessage, `message|msg|log|description|summary`),
	}
}

// spell splits a name into words: sourceIPAddress is source_ip_address, dst-port is dst_port.
func spell(s string) string {
	var out []string
	runes := []rune(s)
	from := 0
	flush := func(to int) {
		if to > from {
			out = append(out, strings.ToLower(string(runes[from:to])))
		}
		from = to
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush(i)
			from = i + 1
		case i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])):
			flush(i)
		case i > 0 && unicode.IsUpper(r) && i+1 < len(runes) && unicode.IsLower(runes[i+1]) && unicode.IsUpper(runes[i-1]):
			flush(i)
		}
	}
	flush(len(runes))
	return strings.Join(out, "_")
}

// named says whether a name has a word.
func named(name string, word string) bool {
	s := spell(name)
	return slices.Contains(strings.Split(s, "_"), word) || strings.HasSuffix(s, word)
}

// identifier says whether a field is a name in digits, that nobody computes with. Process ids and protocol numbers are not.
func identifier(name string) bool {
	s := spell(name)
	if s == "pid" || s == "ppid" || strings.HasSuffix(s, "process_id") || strings.HasSuffix(s, "_pid") {
		return false
	}
	last := s[strings.LastIndexByte(s, '_')+1:]
	return slices.Contains([]string{"id", "uid", "guid", "uuid", "sid", "account", "number", "serial", "version"}, last) || strings.HasSuffix(s, "accountid")
}

// numeric says whether digits in a text are a number, by the field's name.
func numeric(name string) bool {
	s := spell(name)
	for _, w := range []string{"port", "bytes", "packets", "pkts", "count", "size", "length", "duration", "pid", "process_id", "code", "score", "ttl"} {
		if s == w || strings.HasSuffix(s, "_"+w) || strings.HasSuffix(s, w) && w != "code" {
			return true
		}
	}
	return false
}

// side says which end of a connection a name is about: "src", "dst" or "".
func side(name string) string {
	s := spell(name)
	for _, w := range strings.Split(s, "_") {
		switch w {
		case "src", "source", "client", "orig", "originator", "caller", "initiator", "c", "saddr", "sport", "sip":
			return "src"
		case "dst", "dest", "destination", "server", "resp", "responder", "target", "daddr", "dport", "dip", "upstream":
			return "dst"
		}
	}
	for _, p := range []string{"src", "source"} {
		if strings.HasPrefix(s, p) {
			return "src"
		}
	}
	for _, p := range []string{"dst", "dest"} {
		if strings.HasPrefix(s, p) {
			return "dst"
		}
	}
	return ""
}

const enough = 0.9 // of the values have a trait: then the field has it

// recognise gives a column its role, and the reason in words.
func (in *inference) recognise(c *column) {
	f := c.field
	if f.scalars == 0 || f.scalars < f.seen {
		return
	}
	if f.parent != nil && f.parent != in.root && len(f.path) == 2 && (in.shape.syslog || f.path[0] == syslogKey) {
		switch f.name {
		case "severity":
			if f.all(isInt64) {
				c.role, c.reason = roleSyslogSeverity, "computed from pri"
			}
			return
		case "pri", "facility", "procid", "msgid", "structured", "app":
			return
		}
	}
	if c.time = in.timeOf(c); c.time != nil {
		switch s := spell(f.name); {
		case regexpStart.MatchString(s):
			c.role = roleStart
		case regexpEnd.MatchString(s):
			c.role = roleEnd
		}
		c.reason = c.time.evidence
		if at, ok := headerPath(f.path); ok && c.time.declare != "" {
			c.typ, c.time.bare, c.time.sql = "TIMESTAMP", true, mappings.FieldSQL(f.path)
			in.header = append(in.header, "timestamp: "+at+" "+c.time.declare)
		}
		return
	}
	if r, ok := in.shape.roles[f.name]; ok && f.parent == in.root {
		if r != roleNone && (r != roleSrcIP || f.share(isIP) >= 0.5) {
			c.role, c.reason = r, "named as "+article(string(r))
		}
		if r != roleSrcIP || c.role != "" {
			return
		}
	}
	if r, ok := in.shape.anywhere[f.name]; ok {
		if r != roleNone {
			c.role, c.reason = r, "named as "+article(string(r))
		}
		return
	}
	local := f.name
	name := spell(f.name)
	if f.parent != nil && f.parent != in.root {
		name = spell(f.parent.name) + "_" + name
		if side(local) == "" {
			local = f.parent.name + "_" + f.name
		}
	}
	at := side(local)
	says := func(t trait) string {
		return fmt.Sprintf("%s of its values are %s", percent(f.has[t], f.scalars), traitText[t])
	}
	switch {
	case f.share(isIP) >= 0.5:
		c.role = map[string]role{"src": roleSrcIP, "dst": roleDstIP, "": roleIP}[at]
		c.reason = says(isIP)
	case f.share(isPort) >= enough && (named(f.name, "port") || strings.HasSuffix(spell(f.name), "_pt") || spell(f.name) == "spt" || spell(f.name) == "dpt"):
		if c.role = map[string]role{"src": roleSrcPort, "dst": roleDstPort}[at]; c.role == "" {
			c.role = map[string]role{"spt": roleSrcPort, "dpt": roleDstPort}[spell(f.name)]
		}
		c.reason = says(isPort)
	}
	if c.role != "" {
		if at != "" {
			c.reason = "its name says " + map[string]string{"src": "source", "dst": "destination"}[at] + ", " + c.reason
		}
		return
	}
	for _, r := range in.rules {
		if !r.name.MatchString(name) {
			continue
		}
		if len(r.traits) == 0 {
			c.role, c.reason = r.role, "named as "+article(string(r.role))
			return
		}
		for _, t := range r.traits {
			if f.share(t) >= enough {
				c.role, c.reason = r.role, says(t)
				if !r.name.MatchString("anything at all") {
					c.reason = "by its name, and " + c.reason
				}
				return
			}
		}
	}
	if regexpHost.MatchString(name) || at != "" && f.share(isHost) >= enough {
		c.role, c.reason = map[string]role{"src": roleSrcHost, "dst": roleDstHost, "": roleHost}[at], "named as a host"
		if f.share(isHost) >= enough {
			c.reason = says(isHost)
		}
	}
}

func article(noun string) string {
	if strings.HasPrefix(noun, "unique") || strings.HasPrefix(noun, "user") || strings.HasPrefix(noun, "URL") || !strings.ContainsRune("aeiouAEIOUH", rune(noun[0])) || noun[0] == 'h' {
		return "a " + noun
	}
	return "an " + noun // also an HTTP method
}

var (
	regexpHost  = regexp.MustCompile(`(^|_)(host|host_?name|computer(_name)?|machine(_name)?|domain_name|fqdn|device_name|agent_hostname)$`)
	regexpStart = regexp.MustCompile(`(^|_)(start|start_?time|begin|first_?seen|started(_at)?|creation_time|created(_at)?)$`)
	regexpEnd   = regexp.MustCompile(`(^|_)(end|end_?time|stop|last_?seen|ended(_at)?|finished(_at)?)$`)
)
