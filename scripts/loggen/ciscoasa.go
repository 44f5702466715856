package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// ciscoASA appends a message of a Cisco ASA, or an event of FTD: mostly connections that are built and torn down, with translations,
// denials and VPN sessions. The forms are those of Cisco's guide to syslog messages of the ASA,
// cisco.com/c/en/us/td/docs/security/asa/syslog/asa-syslog.html.
func ciscoASA(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	stamp := at.UTC().Format("Jan 02 2006 15:04:05") + " fw-edge-1 : "
	client, clientPort := fmt.Sprintf("10.1.%d.%d", r.IntN(16), r.IntN(250)+1), r.IntN(28000)+32768
	server, mapped := fmt.Sprintf("198.51.100.%d", r.IntN(250)+1), fmt.Sprintf("203.0.113.%d/%d", r.IntN(16)+1, r.IntN(60000)+1024)
	port, proto := pick(r, 443, 443, 443, 80, 22), "TCP"
	if r.IntN(3) == 0 {
		port, proto = pick(r, 53, 53, 123, 443), "UDP"
	}
	duration := fmt.Sprintf("%d:%02d:%02d", r.IntN(2), r.IntN(60), r.IntN(60))
	switch k := r.IntN(100); {
	case k < 38:
		return fmt.Appendf(b, "<166>%s%%ASA-6-%d: Built outbound %s connection %d for outside:%s/%d (%s/%d) to inside:%s/%d (%s)\n",
			stamp, map[string]int{"TCP": 302013, "UDP": 302015}[proto], proto, n, server, port, server, port, client, clientPort, mapped)
	case k < 76:
		reason := map[string]string{"TCP": " " + pick(r, "TCP FINs", "TCP FINs", "TCP Reset-I", "TCP Reset-O", "SYN Timeout")}[proto]
		return fmt.Appendf(b, "<166>%s%%ASA-6-%d: Teardown %s connection %d for outside:%s/%d to inside:%s/%d duration %s bytes %d%s\n",
			stamp, map[string]int{"TCP": 302014, "UDP": 302016}[proto], proto, n, server, port, client, clientPort, duration, r.IntN(90000), reason)
	case k < 82:
		return fmt.Appendf(b, "<166>%s%%ASA-6-305011: Built dynamic %s translation from inside:%s/%d to outside:%s\n", stamp, proto, client, clientPort, mapped)
	case k < 88:
		return fmt.Appendf(b, "<166>%s%%ASA-6-305012: Teardown dynamic %s translation from inside:%s/%d to outside:%s duration %s\n", stamp, proto, client, clientPort, mapped, duration)
	case k < 94:
		return fmt.Appendf(b, "<164>%s%%ASA-4-106023: Deny tcp src outside:%s/%d dst inside:203.0.113.%d/%d by access-group \"outside_in\" [0xe3aab522, 0x0]\n",
			stamp, server, clientPort, r.IntN(16)+1, pick(r, 22, 23, 445, 3389))
	case k < 95:
		return fmt.Appendf(b, "<166>%s%%ASA-6-113039: Group <Staff> User <user%d> IP <%s> AnyConnect parent session started.\n", stamp, r.IntN(500), server)
	case k < 96:
		return fmt.Appendf(b, "<164>%s%%ASA-4-113019: Group = Staff, Username = user%d, IP = %s, Session disconnected. Session Type: SSL, Duration: %dh:%02dm:%02ds, Bytes xmt: %d, Bytes rcv: %d, Reason: %s\n",
			stamp, r.IntN(500), server, r.IntN(9), r.IntN(60), r.IntN(60), r.IntN(1<<30), r.IntN(1<<30), pick(r, "User Requested", "Idle Timeout"))
	default:
		return fmt.Appendf(b, "%s ftd-edge-1  %%FTD-1-430003: EventPriority: Low, DeviceUUID: 48a00000-8e53-11ec-9a0c-d396ffaa0000, InstanceID: %d, FirstPacketSecond: %s, ConnectionID: %d, AccessControlRuleAction: %s, "+
			"SrcIP: %s, DstIP: %s, SrcPort: %d, DstPort: %d, Protocol: tcp, IngressInterface: inside, EgressInterface: outside, IngressZone: in, EgressZone: out, ACPolicy: Main, AccessControlRuleName: web, "+
			"Prefilter Policy: Default Prefilter Policy, User: EXAMPLE\\user%d, Client: SSL client, ApplicationProtocol: HTTPS, ConnectionDuration: %d, InitiatorPackets: %d, ResponderPackets: %d, InitiatorBytes: %d, ResponderBytes: %d, NAPPolicy: Balanced Security and Connectivity\n",
			at.UTC().Format("2006-01-02T15:04:05Z"), r.IntN(8), at.UTC().Add(-time.Minute).Format("2006-01-02T15:04:05Z"), r.IntN(60000), pick(r, "Allow", "Allow", "Block"),
			client, server, clientPort, port, r.IntN(500), r.IntN(60), r.IntN(500), r.IntN(500), r.IntN(90000), r.IntN(900000))
	}
}

func ciscoASAKey(at time.Time) string {
	return at.Format("cisco-asa/fw-edge-1/2006/01/02/") + at.Format("asa-2006-01-02T1504.log")
}
