package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// suricata is the EVE log of docs.suricata.io/en/latest/output/eve/eve-json-format.html, with the share of each type of event that a
// sensor at the edge of an office writes.
func suricata(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	const stamp = "2006-01-02T15:04:05.000000-0700"
	port, client := r.IntN(28000)+32768, fmt.Sprintf("10.0.%d.%d", r.IntN(16), r.IntN(254)+1)
	server, name := fmt.Sprintf("%s.%d", pick(r, "198.51.100", "203.0.113", "192.0.2"), r.IntN(254)+1), fmt.Sprintf("host%d.example.com", r.IntN(20000))
	head := func(kind, dst string, dstPort int, proto string) {
		b = fmt.Appendf(b, `{"timestamp":"%s","flow_id":%d,"in_iface":"eth1","event_type":"%s","src_ip":"%s","src_port":%d,"dest_ip":"%s","dest_port":%d,"ip_v":4,"proto":"%s"`,
			at.Format(stamp), r.Int64N(1<<51), kind, client, port, dst, dstPort, proto)
	}
	switch k := r.IntN(100); {
	case k < 45:
		out, in := r.IntN(400)+1, r.IntN(900)+1
		head("flow", server, pick(r, 443, 443, 443, 80, 22), "TCP")
		b = fmt.Appendf(b, `,"app_proto":"%s","flow":{"pkts_toserver":%d,"pkts_toclient":%d,"bytes_toserver":%d,"bytes_toclient":%d,"start":"%s","end":"%s","age":%d,"state":"%s","reason":"timeout","alerted":false},"tcp":{"tcp_flags":"1b","tcp_flags_ts":"1b","tcp_flags_tc":"1b","syn":true,"fin":true,"psh":true,"ack":true,"state":"closed"}`,
			pick(r, "tls", "tls", "http", "failed"), out, in, out*r.IntN(300), in*r.IntN(1200), at.Add(-90*time.Second).Format(stamp), at.Add(-60*time.Second).Format(stamp), 30, pick(r, "closed", "closed", "established", "new"))
	case k < 58:
		head("dns", "10.0.0.53", 53, "UDP")
		b = fmt.Appendf(b, `,"dns":{"version":3,"type":"request","tx_id":0,"id":%d,"flags":"100","rd":true,"opcode":0,"rcode":"NOERROR","queries":[{"rrname":"%s","rrtype":"%s"}]}`, r.IntN(65536), name, pick(r, "A", "AAAA", "HTTPS"))
	case k < 70:
		head("dns", "10.0.0.53", 53, "UDP")
		b = fmt.Appendf(b, `,"dns":{"version":3,"type":"response","tx_id":1,"id":%d,"flags":"8180","qr":true,"rd":true,"ra":true,"opcode":0,"rcode":"NOERROR","queries":[{"rrname":"%s","rrtype":"A"}],"answers":[{"rrname":"%s","rrtype":"A","ttl":%d,"rdata":"%s"}]}`, r.IntN(65536), name, name, r.IntN(3600), server)
	case k < 82:
		head("tls", server, 443, "TCP")
		b = fmt.Appendf(b, `,"tls":{"subject":"CN=%s","issuerdn":"C=US, O=Example CA","serial":"%02X:%02X:%02X","fingerprint":"%s","sni":"%s","version":"TLS 1.2","notbefore":"2025-01-01T00:00:00","notafter":"2026-01-01T00:00:00","ja3":{"hash":"%032x"},"ja3s":{"hash":"%032x"}}`,
			name, r.IntN(256), r.IntN(256), r.IntN(256), "a8:4b:0a:38:cf:a4:37:f4:ec:17:48:c0:6a:18:82:ce:b5:3b:c9:a9", name, r.Uint64N(500), r.Uint64N(500))
	case k < 90:
		head("http", server, 80, "TCP")
		b = fmt.Appendf(b, `,"tx_id":0,"http":{"hostname":"%s","url":"/%x/index.html?q=%d","http_user_agent":"Mozilla/5.0 (X11; Linux x86_64)","http_content_type":"text/html","http_method":"%s","protocol":"HTTP/1.1","status":%d,"length":%d}`,
			name, r.IntN(1<<24), r.IntN(1000), pick(r, "GET", "GET", "GET", "POST"), pick(r, 200, 200, 301, 404), r.IntN(90000))
	case k < 94:
		rule := r.IntN(300)
		head("alert", server, 80, "TCP")
		b = fmt.Appendf(b, `,"app_proto":"http","direction":"to_server","alert":{"action":"allowed","gid":1,"signature_id":%d,"rev":3,"signature":"LOCAL rule number %d","category":"Potentially Bad Traffic","severity":%d},"http":{"hostname":"%s","url":"/","http_method":"GET","status":200,"length":%d},"flow":{"pkts_toserver":4,"pkts_toclient":3,"bytes_toserver":400,"bytes_toclient":1200,"start":"%s","src_ip":"%s","dest_ip":"%s","src_port":%d,"dest_port":80}`,
			9000000+rule, rule, rule%3+1, name, r.IntN(9000), at.Add(-time.Second).Format(stamp), client, server, port)
	case k < 97:
		head("fileinfo", server, 80, "TCP")
		b = fmt.Appendf(b, `,"app_proto":"http","http":{"hostname":"%s","url":"/a/%d.zip","http_method":"POST","protocol":"HTTP/1.1","status":200,"length":12},"fileinfo":{"filename":"/a/%d.zip","sha256":"%064x","gaps":false,"state":"CLOSED","stored":false,"size":%d,"tx_id":0}`, name, n, n, r.Uint64(), r.IntN(1<<20))
	case k < 98:
		head("smb", "10.0.0.64", 445, "TCP")
		b = fmt.Appendf(b, `,"smb":{"id":%d,"dialect":"3.11","command":"SMB2_COMMAND_CREATE","status":"STATUS_SUCCESS","status_code":"0x0","session_id":%d,"tree_id":5,"filename":"reports\\q%d.xlsx","share":"\\\\10.0.0.64\\data","share_type":"FILE","disposition":"FILE_OPEN","access":"normal","created":1748772000,"accessed":1748772000,"modified":1748772001,"changed":1748772001,"size":%d}`, r.IntN(100), r.Int64N(1<<46), r.IntN(100), r.IntN(1<<20))
	case k < 99:
		head("ssh", server, 22, "TCP")
		b = fmt.Appendf(b, `,"ssh":{"client":{"proto_version":"2.0","software_version":"OpenSSH_9.6"},"server":{"proto_version":"2.0","software_version":"OpenSSH_9.3p1"}}`)
	default:
		head("anomaly", server, 443, "TCP")
		b = fmt.Appendf(b, `,"app_proto":"tls","anomaly":{"app_proto":"tls","type":"applayer","event":"INVALID_RECORD_TYPE","layer":"proto_parser"}`)
	}
	return append(b, "}\n"...)
}

func suricataKey(at time.Time) string {
	return "suricata/sensor-1/" + at.Format("2006/01/02/15/") + "eve-" + at.Format("20060102150405") + ".json"
}
