package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

func albKey(at time.Time) string {
	return "AWSLogs/111122223333/elasticloadbalancing/us-east-1/" + at.Format("2006/01/02/") +
		"111122223333_elasticloadbalancing_us-east-1_app.web.0123456789abcdef_" + at.Format("20060102T1504Z") + "_192.0.2.10_" + at.Format("150405") + ".log"
}

// alb is a line of docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html.
func alb(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	const stamp = "2006-01-02T15:04:05.000000Z"
	kind := pick(r, "https", "https", "https", "h2", "http")
	cipher, protocol, cert := "ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2", `"arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"`
	port := 443
	if kind == "http" {
		cipher, protocol, cert, port = "-", "-", `"-"`, 80
	}
	status := pick(r, 200, 200, 200, 200, 200, 304, 301, 404, 403, 502)
	target, targetStatus, times := fmt.Sprintf("10.0.%d.%d:8080", r.IntN(4), r.IntN(250)+1), fmt.Sprint(status), [3]string{"0.001", fmt.Sprintf("0.%03d", r.IntN(900)), "0.000"}
	reason, actions := "-", "forward"
	if status == 502 {
		target, targetStatus, times, reason = "-", "-", [3]string{"-1", "-1", "-1"}, "TargetConnectionErrorCode"
	}
	agent := pick(r, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", "curl/8.4.0", "ELB-HealthChecker/2.0", `Mozilla/5.0 \"quoted\" agent`)
	method := pick(r, "GET", "GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE")
	return fmt.Appendf(b, `%s %s app/web/0123456789abcdef %d.%d.%d.%d:%d %s %s %s %s %d %s %d %d "%s %s://www.example.com:%d/%s/%d?session=%d HTTP/%s" "%s" %s %s arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/73e2d6bc24d8a067 "Root=1-%08x-%024x" "www.example.com" %s %d %s "%s" "-" "%s" "%s" "%s" "-" "-" TID_%032x`+"\n",
		kind, at.Format(stamp), r.IntN(200)+11, r.IntN(256), r.IntN(256), r.IntN(254)+1, r.IntN(60000)+1024, target, times[0], times[1], times[2], status, targetStatus, r.IntN(2000)+60, r.IntN(90000)+200,
		method, map[bool]string{true: "http", false: "https"}[kind == "http"], port, pick(r, "static", "api/v1/items", "login", "img"), r.IntN(5000), r.IntN(1<<30), map[bool]string{true: "2.0", false: "1.1"}[kind == "h2"], agent, cipher, protocol,
		at.Unix(), n, cert, r.IntN(5), at.Add(-time.Duration(r.IntN(900))*time.Millisecond).Format(stamp), actions, reason, target, targetStatus, r.Uint64())
}
