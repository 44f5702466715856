package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// waf writes requests as docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html has them.
func waf(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	action, rule, kind := "ALLOW", "Default_Action", "REGULAR"
	details, labels, status := "[]", "", "null"
	switch r.IntN(10) {
	case 0:
		action, rule, kind, status = "BLOCK", "AWS-AWSManagedRulesSQLiRuleSet", "MANAGED_RULE_GROUP", "403"
		details = `[{"conditionType":"SQL_INJECTION","sensitivityLevel":"LOW","location":"ALL_QUERY_ARGS","matchedData":["1","OR","1"],"matchedFieldName":""}]`
		labels = `,"labels":[{"name":"awswaf:managed:aws:sql-database:SQLi_QueryArguments"}]`
	case 1:
		action, rule, kind, status = "BLOCK", "rate", "RATE_BASED", "403"
	}
	client := fmt.Sprintf("%d.%d.%d.%d", r.IntN(200)+11, r.IntN(256), r.IntN(256), r.IntN(254)+1)
	agent := pick(r, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", "curl/8.4.0", "python-requests/2.31.0")
	return fmt.Appendf(b, `{"timestamp":%d,"formatVersion":1,"webaclId":"arn:aws:wafv2:us-east-1:111122223333:regional/webacl/web/0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f","terminatingRuleId":"%s","terminatingRuleType":"%s","action":"%s","terminatingRuleMatchDetails":%s,"httpSourceName":"ALB","httpSourceId":"111122223333-app/web/0123456789abcdef","ruleGroupList":[],"rateBasedRuleList":[],"nonTerminatingMatchingRules":[],"requestHeadersInserted":null,"responseCodeSent":%s,"httpRequest":{"clientIp":"%s","country":"%s","headers":[{"name":"host","value":"www.example.com"},{"name":"user-agent","value":"%s"},{"name":"accept","value":"*/*"},{"name":"x-forwarded-for","value":"%s"}],"uri":"/%s/%d","args":"q=%d","httpVersion":"HTTP/2.0","httpMethod":"%s","requestId":"1-%08x-%024x"}%s,"ja3Fingerprint":"%032x"}`+"\n",
		at.UnixMilli(), rule, kind, action, details, status, client, pick(r, "US", "DE", "BR", "CN"), agent, client, pick(r, "api", "login", "static"), r.IntN(5000), r.IntN(1<<20), pick(r, "GET", "GET", "GET", "POST", "HEAD"), at.Unix(), n, labels, r.IntN(1<<20))
}

func wafKey(at time.Time) string {
	return at.Format("AWSLogs/111122223333/WAFLogs/us-east-1/web/2006/01/02/15/04/") + "111122223333_waflogs_us-east-1_web_" + at.Format("20060102T1504Z") + "_" + at.Format("150405") + ".log"
}
