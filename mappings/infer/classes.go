package infer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf"
)

// candidate is an event class and the evidence for it.
type candidate struct {
	class    string
	weights  map[role]float64
	values   []string // words in values of short fields that support it
	activity string   // SQL of activity_id, and why
	why      string
}

func candidates() []candidate {
	return []candidate{
		{"network_activity", map[role]float64{roleSrcIP: 2, roleDstIP: 3, roleSrcPort: 2, roleDstPort: 2, roleBytes: 1, roleBytesIn: 1, roleBytesOut: 1, rolePackets: 2, rolePacketsIn: 1, rolePacketsOut: 1, roleProtocol: 2,
			roleProtoNum: 2, roleFlowID: 1, roleSrcMAC: 1, roleDstMAC: 1, roleSNI: 1, roleTLSVer: 1, roleInterface: 1}, nil, "6", "Traffic"},
		{"http_activity", map[role]float64{roleMethod: 5, roleURL: 3, rolePathURL: 2, roleStatus: 3, roleAgent: 2, roleReferrer: 3, roleSrcIP: 1}, nil, "", ""},
		{"dns_activity", map[role]float64{roleQuery: 8, roleQType: 3, roleRCode: 3, roleSrcIP: 1, roleVPC: 1}, nil, "1", "Query"},
		{"authentication", map[role]float64{roleUser: 3, roleUserID: 1, roleSession: 1, roleSrcIP: 1, roleEmail: 2}, []string{"login", "logon", "logout", "logoff", "signin", "sign-in", "authentication", "auth"}, "1", "Logon"},
		{"api_activity", map[role]float64{roleOperation: 5, roleService: 3, roleRequestID: 2, roleAgent: 1, roleUser: 1, roleUserID: 1, roleAccount: 2, roleRegion: 2}, nil, "0", "Unknown: derive it from the operation"},
		{"process_activity", map[role]float64{rolePID: 3, roleImage: 3, roleCommand: 4, rolePPID: 3, roleParent: 3, roleProcUID: 2, roleHash: 1}, nil, "1", "Launch"},
		{"file_activity", map[role]float64{roleFilePath: 4, roleFileName: 4, roleHash: 2, rolePID: 1, roleImage: 1}, nil, "0", "Unknown: derive it from the event"},
		{"detection_finding", map[role]float64{roleTitle: 4, roleSeverity: 3, roleMessage: 1}, []string{"finding", "detection"}, "1", "Create"},
	}
}

// Score is the weight of the evidence for a class.
type Score struct {
	Class    string   `json:"class"`
	Score    float64  `json:"score"`
	Evidence []string `json:"evidence"` // roles and the fields that have them
}

// score orders the classes by the evidence for them, the best first. base_event is left if there is little.
func (in *inference) score(all []*column) (scores []Score) {
	for _, c := range in.candidates {
		s := Score{Class: c.class}
		seen := map[role]bool{}
		for _, col := range all {
			w := c.weights[col.role]
			if w == 0 || seen[col.role] {
				continue
			}
			seen[col.role] = true
			s.Score += w * float64(col.seen) / float64(max(in.records, 1))
			s.Evidence = append(s.Evidence, string(col.role)+": "+col.dotted())
		}
		for _, col := range all {
			if len(c.values) == 0 || col.many || col.longest > 60 || col.scalars == 0 {
				continue
			}
			var hits int64
			for v, n := range col.values {
				lower := strings.ToLower(v)
				if slices.ContainsFunc(c.values, func(w string) bool { return strings.Contains(lower, w) }) {
					hits += n
				}
			}
			if hits > 0 {
				s.Score += 6 * float64(hits) / float64(max(in.records, 1))
				s.Evidence = append(s.Evidence, "values of "+col.dotted())
				break
			}
		}
		scores = append(scores, s)
	}
	slices.SortStableFunc(scores, func(a, b Score) int { return cmp.Compare(b.Score, a.Score) })
	for i := range scores {
		scores[i].Score = float64(int(scores[i].Score*10+0.5)) / 10
	}
	return scores
}

// paths are where a role's values go, the first that the class has.
var paths = map[role][]string{
	roleSrcIP: {"src_endpoint.ip", "device.ip"}, roleDstIP: {"dst_endpoint.ip"}, roleIP: {"src_endpoint.ip", "device.ip"},
	roleSrcPort: {"src_endpoint.port"}, roleDstPort: {"dst_endpoint.port"}, roleSrcMAC: {"src_endpoint.mac", "device.mac"}, roleDstMAC: {"dst_endpoint.mac"},
	roleSrcHost: {"src_endpoint.hostname"}, roleDstHost: {"dst_endpoint.hostname", "http_request.url.hostname"}, roleHost: {"device.hostname", "http_request.url.hostname", "src_endpoint.hostname"},
	roleStart: {"start_time"}, roleEnd: {"end_time"},
	roleUser: {"user.name", "actor.user.name"}, roleUserID: {"user.uid", "actor.user.uid"}, roleEmail: {"user.email_addr", "actor.user.email_addr"},
	roleFilePath: {"file.path"}, roleFileName: {"file.name"},
	roleURL: {"http_request.url.url_string"}, rolePathURL: {"http_request.url.path"}, roleAgent: {"http_request.user_agent"}, roleMethod: {"http_request.http_method"},
	roleStatus: {"http_response.code"}, roleReferrer: {"http_request.referrer"},
	roleQuery: {"query.hostname"}, roleQType: {"query.type"}, roleRCode: {"rcode"},
	rolePID: {"process.pid", "actor.process.pid"}, rolePPID: {"process.parent_process.pid"}, roleImage: {"process.name", "actor.process.name"}, roleParent: {"process.parent_process.name"},
	roleCommand: {"process.cmd_line", "actor.process.cmd_line"}, roleProcUID: {"process.uid", "actor.process.uid"},
	roleBytes: {"traffic.bytes"}, roleBytesIn: {"traffic.bytes_in"}, roleBytesOut: {"traffic.bytes_out"}, rolePackets: {"traffic.packets"}, rolePacketsIn: {"traffic.packets_in"}, rolePacketsOut: {"traffic.packets_out"},
	roleProtocol: {"connection_info.protocol_name"}, roleProtoNum: {"connection_info.protocol_num"},
	roleAccount: {"cloud.account.uid"}, roleRegion: {"cloud.region"}, roleFlowID: {"connection_info.uid", "metadata.uid"}, roleEventID: {"metadata.uid"},
	roleRequestID: {"api.request.uid", "http_request.uid"}, roleOperation: {"api.operation"}, roleService: {"api.service.name"},
	roleTitle: {"finding_info.title"}, roleMessage: {"message"}, roleSNI: {"tls.sni"}, roleTLSVer: {"tls.version"}, roleCipher: {"tls.cipher"}, roleSession: {"session.uid"},
	roleActor: {"actor.user.name"}, roleActorID: {"actor.user.uid"}, roleActorDomain: {"actor.user.domain"}, roleDomain: {"user.domain"},
	roleURLQuery: {"http_request.url.query_string"}, roleURLHost: {"http_request.url.hostname"}, roleURLScheme: {"http_request.url.scheme"},
	roleHTTPVersion: {"http_request.version"}, roleLength: {"http_response.length"},
	roleVPC: {"src_endpoint.vpc_uid"}, roleInterface: {"src_endpoint.interface_uid"},
}

// filledByCompiler says whether the compiler fills an attribute by itself: an enum with 0 Unknown, and what follows of the class.
func filledByCompiler(a *ocsf.Attribute, path string) bool {
	switch path {
	case "class_uid", "category_uid", "type_uid", "activity_id", "metadata", "metadata.version", "severity_id":
		return true
	}
	_, unknown := a.EnumText(0)
	return unknown && (a.Base == ocsf.Integer || a.Base == ocsf.Long) && !a.IsArray
}
