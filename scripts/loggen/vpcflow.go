package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// vpcFlowHead is a custom format with all fields of version 5, as Security Lake collects it. The format is that of
// docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html.
const vpcFlowHead = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id subnet-id instance-id " +
	"tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path\n"

func vpcFlow(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	host := r.IntN(400)
	eni, vpc, subnet, instance := fmt.Sprintf("eni-%017x", 0xabc000+host), "vpc-0a1b2c3d4e5f60718", fmt.Sprintf("subnet-%017x", 0xdef000+host%6), fmt.Sprintf("i-%017x", 0x123000+host)
	start, end := at.Unix(), at.Unix()+int64(r.IntN(60))
	if n%200 == 199 {
		return fmt.Appendf(b, "5 111122223333 %s - - - - - - - %d %d - NODATA %s %s - - - - - us-east-1 use1-az%d - - - - - -\n", eni, start, end, vpc, subnet, host%6+1)
	}
	local, remote := fmt.Sprintf("10.0.%d.%d", host/200, host%200+4), fmt.Sprintf("%d.%d.%d.%d", r.IntN(200)+11, r.IntN(256), r.IntN(256), r.IntN(254)+1)
	if r.IntN(3) == 0 {
		remote = fmt.Sprintf("10.0.%d.%d", r.IntN(4), r.IntN(250)+4)
	}
	service := pick(r, 443, 443, 443, 80, 53, 5432, 22, 123)
	protocol, flags := 6, pick(r, 2, 3, 19, 18)
	if service == 53 || service == 123 {
		protocol, flags = 17, 0
	}
	client, packets := r.IntN(60000)+1024, r.IntN(400)+1
	aws := pick(r, "-", "-", "-", "S3", "DYNAMODB", "AMAZON")
	hop := local
	if r.IntN(20) == 0 {
		hop = "10.0.9.9" // of a NAT gateway
	}
	if r.IntN(2) == 0 {
		return fmt.Appendf(b, "5 111122223333 %s %s %s %d %d %d %d %d %d %d ACCEPT OK %s %s %s %d IPv4 %s %s us-east-1 use1-az%d - - - %s egress %d\n",
			eni, hop, remote, client, service, protocol, packets, packets*r.IntN(1400), start, end, vpc, subnet, instance, flags, local, remote, host%6+1, aws, pick(r, 1, 8, 8, 7))
	}
	return fmt.Appendf(b, "5 111122223333 %s %s %s %d %d %d %d %d %d %d %s OK %s %s %s %d IPv4 %s %s us-east-1 use1-az%d - - %s - ingress -\n",
		eni, remote, hop, service, client, protocol, packets, packets*r.IntN(1400), start, end, pick(r, "ACCEPT", "ACCEPT", "ACCEPT", "REJECT"), vpc, subnet, instance, flags, remote, local, host%6+1, aws)
}

func vpcFlowKey(at time.Time) string {
	return "AWSLogs/111122223333/vpcflowlogs/us-east-1/" + at.Format("2006/01/02/") + "111122223333_vpcflowlogs_us-east-1_fl-0a1b2c3d4e5f60718_" + at.Format("20060102T1504Z") + "_" + at.Format("150405") + ".log"
}
