package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// resolver writes queries as docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html has them.
func resolver(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	host := r.IntN(400)
	name := fmt.Sprintf("%s%d.%s.", pick(r, "www", "api", "cdn", "img"), r.IntN(3000), pick(r, "example.com", "example.net", "example.org", "amazonaws.com"))
	kind, rcode, answers := pick(r, "A", "A", "A", "AAAA", "TXT"), pick(r, "NOERROR", "NOERROR", "NOERROR", "NOERROR", "NXDOMAIN"), "[]"
	if rcode == "NOERROR" {
		switch kind {
		case "A":
			answers = fmt.Sprintf(`[{"Rdata":"cdn%d.example.net.","Type":"CNAME","Class":"IN"},{"Rdata":"%d.%d.%d.%d","Type":"A","Class":"IN"}]`, r.IntN(50), r.IntN(200)+11, r.IntN(256), r.IntN(256), r.IntN(254)+1)
		case "AAAA":
			answers = fmt.Sprintf(`[{"Rdata":"2001:db8::%x","Type":"AAAA","Class":"IN"}]`, r.IntN(1<<16))
		}
	}
	firewall := ""
	if r.IntN(50) == 0 {
		firewall = fmt.Sprintf(`,"firewall_rule_action":"%s","firewall_rule_group_id":"rslvr-frg-0a1b2c3d4e5f6071","firewall_domain_list_id":"rslvr-fdl-0a1b2c3d4e5f6071"`, pick(r, "ALERT", "BLOCK"))
	}
	return fmt.Appendf(b, `{"version":"1.100000","account_id":"111122223333","region":"us-east-1","vpc_id":"vpc-0a1b2c3d4e5f60718","query_timestamp":"%s","query_name":"%s","query_type":"%s","query_class":"IN","rcode":"%s","answers":%s,"srcaddr":"10.0.%d.%d","srcport":"%d","transport":"%s","srcids":{"instance":"i-%017x"}%s}`+"\n",
		at.Format("2006-01-02T15:04:05Z"), name, kind, rcode, answers, host/200, host%200+4, r.IntN(60000)+1024, pick(r, "UDP", "UDP", "UDP", "TCP"), 0x123000+host, firewall)
}

func resolverKey(at time.Time) string {
	return "AWSLogs/111122223333/vpcdnsquerylogs/vpc-0a1b2c3d4e5f60718/" + at.Format("2006/01/02/") + "vpc-0a1b2c3d4e5f60718_vpcdnsquerylogs_111122223333_" + at.Format("20060102T1504Z") + "_" + at.Format("150405") + ".log"
}
