package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// zeekHead are the lines before the records of Zeek's conn.log: docs.zeek.org/en/master/log-formats.html.
const zeekHead = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2025-06-01-00-00-00\n" +
	"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n" +
	"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n"

// zeek is a conn.log in which a third of the records are lines of JSON of dns, http and ssl, as one object of several logs has them.
func zeek(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	uid := fmt.Sprintf("C%016x", r.Uint64())
	port, client := r.IntN(28000)+32768, fmt.Sprintf("10.0.%d.%d", r.IntN(16), r.IntN(254)+1)
	server := fmt.Sprintf("%s.%d", pick(r, "198.51.100", "203.0.113", "192.0.2"), r.IntN(254)+1)
	name := fmt.Sprintf("host%d.example.com", r.IntN(20000))
	ts := fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000)
	head := func(log, dst string, dstPort int) {
		b = fmt.Appendf(b, `{"_path":"%s","ts":%s,"uid":"%s","id.orig_h":"%s","id.orig_p":%d,"id.resp_h":"%s","id.resp_p":%d`, log, ts, uid, client, port, dst, dstPort)
	}
	switch k := r.IntN(100); {
	case k < 65:
		out, in := r.IntN(400)+1, r.IntN(900)+1
		return fmt.Appendf(b, "%s\t%s\t%s\t%d\t%s\t%d\ttcp\t%s\t%d.%06d\t%d\t%d\t%s\tT\tF\t0\tShADadFf\t%d\t%d\t%d\t%d\t-\n", ts, uid, client, port, server, pick(r, 443, 443, 80, 22), pick(r, "ssl", "ssl", "http", "-"),
			r.IntN(90), r.IntN(1000000), out*200, in*900, pick(r, "SF", "SF", "SF", "S0", "REJ", "RSTO"), out, out*240, in, in*940)
	case k < 85:
		head("dns", "10.0.0.53", 53)
		b = fmt.Appendf(b, `,"proto":"udp","trans_id":%d,"rtt":0.%06d,"query":"%s","qclass":1,"qclass_name":"C_INTERNET","qtype":1,"qtype_name":"A","rcode":0,"rcode_name":"NOERROR","AA":false,"TC":false,"RD":true,"RA":true,"Z":0,"answers":["%s"],"TTLs":[%d.0],"rejected":false`, r.IntN(65536), r.IntN(90000), name, server, r.IntN(3600))
	case k < 93:
		head("ssl", server, 443)
		b = fmt.Appendf(b, `,"version":"TLSv13","cipher":"TLS_AES_128_GCM_SHA256","curve":"x25519","server_name":"%s","resumed":false,"established":true,"ssl_history":"CsiI"`, name)
	default:
		head("http", server, 80)
		b = fmt.Appendf(b, `,"trans_depth":1,"method":"%s","host":"%s","uri":"/%x/index.html?q=%d","version":"1.1","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","request_body_len":0,"response_body_len":%d,"status_code":%d,"status_msg":"OK","tags":[],"resp_fuids":["F%x"],"resp_mime_types":["text/html"]`,
			pick(r, "GET", "GET", "GET", "POST"), name, r.IntN(1<<24), n%1000, r.IntN(90000), pick(r, 200, 200, 301, 404), r.Uint32())
	}
	return append(b, "}\n"...)
}

func zeekKey(at time.Time) string {
	return "zeek/sensor-1/" + at.Format("2006/01/02/") + "conn." + at.Format("150405") + ".log"
}
