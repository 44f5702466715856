package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

func securityHubKey(at time.Time) string {
	return "security-hub/" + at.Format("2006/01/02/15/") + "security-hub-1-" + at.Format("2006-01-02-15-04-05") + "-6f1c"
}

// securityHub is an event of EventBridge with a finding of docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html.
func securityHub(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	product := pick(r, "securityhub", "securityhub", "securityhub", "inspector", "inspector", "guardduty")
	stamp, label := at.UTC().Format("2006-01-02T15:04:05.000Z"), pick(r, "INFORMATIONAL", "LOW", "MEDIUM", "HIGH")
	rest := fmt.Sprintf(`"Compliance":{"Status":"%s","SecurityControlId":"EC2.%d","AssociatedStandards":[{"StandardsId":"standards/aws-foundational-security-best-practices/v/1.0.0"}]}`, pick(r, "PASSED", "FAILED"), r.IntN(40))
	switch product {
	case "inspector":
		rest = fmt.Sprintf(`"Vulnerabilities":[{"Id":"CVE-2025-%04d","EpssScore":0.00066,"FixAvailable":"YES","Cvss":[{"Version":"3.1","BaseScore":5.9,"BaseVector":"CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H","Source":"NVD"}],"Vendor":{"Name":"NVD","Url":"https://nvd.nist.gov/vuln/detail/CVE-2025-0001","VendorCreatedAt":"2025-04-20T17:15:06Z"},"VulnerablePackages":[{"Name":"openssl","Version":"3.0.8","Epoch":"0","Release":"r3","Architecture":"X86_64","PackageManager":"OS","FixedInVersion":"0:3.0.8-r4"}]}]`, r.IntN(9000))
	case "guardduty":
		rest = fmt.Sprintf(`"ProductFields":{"aws/guardduty/service/action/actionType":"AWS_API_CALL","aws/guardduty/service/action/awsApiCallAction/api":"ListBuckets","aws/guardduty/service/action/awsApiCallAction/serviceName":"s3.amazonaws.com","aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4":"198.51.%d.%d"}`, r.IntN(100), r.IntN(254)+1)
	}
	return fmt.Appendf(b, `{"version":"0","id":"%016x","detail-type":"Security Hub Findings - Imported","source":"aws.securityhub","account":"111122223333","time":"%s","region":"us-east-1","detail":{"findings":[{"SchemaVersion":"2018-10-08","Id":"arn:aws:%s:us-east-1:111122223333:finding/%d","ProductArn":"arn:aws:securityhub:us-east-1::product/aws/%s","ProductName":"%s","CompanyName":"Amazon","Region":"us-east-1","GeneratorId":"%s/rule-%d","AwsAccountId":"111122223333","Types":["Software and Configuration Checks/AWS Security Best Practices"],"FirstObservedAt":"2025-05-01T07:00:00.000Z","LastObservedAt":"%s","CreatedAt":"2025-05-01T07:00:00.000Z","UpdatedAt":"%s","Severity":{"Label":"%s","Normalized":40},"Title":"Finding %d of the generator","Description":"What was found, and why it matters for this resource.","Resources":[{"Type":"AwsEc2Instance","Id":"arn:aws:ec2:us-east-1:111122223333:instance/i-%017x","Partition":"aws","Region":"us-east-1","Tags":{"team":"web"}}],"Workflow":{"Status":"NEW"},"WorkflowState":"NEW","RecordState":"ACTIVE",%s}]}}`+"\n",
		r.Uint64(), stamp, product, n, product, product, product, r.IntN(60), stamp, stamp, label, n, r.IntN(900), rest)
}
