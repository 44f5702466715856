package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

func cloudtrailKey(at time.Time) string {
	return "AWSLogs/111122223333/CloudTrail/us-east-1/" + at.Format("2006/01/02/") +
		"111122223333_CloudTrail_us-east-1_" + at.Format("20060102T1504Z") + "_" + at.Format("150405") + "Mu0KsOht.json"
}

// cloudtrail is a record of docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html: mostly
// reads by roles, as in a trail of management events.
func cloudtrail(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	call := pick(r, "DescribeInstances", "DescribeInstances", "ListBuckets", "GetObject", "Decrypt", "AssumeRole", "AssumeRole", "RunInstances", "AttachRolePolicy", "ConsoleLogin")
	stamp, session := at.UTC().Format(time.RFC3339), fmt.Sprintf("i-%017x", r.IntN(400))
	who := fmt.Sprintf(`{"type":"AssumedRole","principalId":"AROAEXAMPLE%04d:%s","arn":"arn:aws:sts::111122223333:assumed-role/web-%d/%s","accountId":"111122223333","accessKeyId":"ASIAIOSFODNN7EXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE%04d","arn":"arn:aws:iam::111122223333:role/web-%d","accountId":"111122223333","userName":"web-%d"},"attributes":{"creationDate":"%s","mfaAuthenticated":"false"}}}`,
		r.IntN(40), session, r.IntN(40), session, r.IntN(40), r.IntN(40), r.IntN(40), at.Add(-time.Hour).UTC().Format(time.RFC3339))
	service, request, response, rest := "ec2.amazonaws.com", `{"maxResults":100,"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]}}`, "null", ""
	address, category, kind, readOnly := fmt.Sprintf("198.51.%d.%d", r.IntN(100), r.IntN(254)+1), "Management", "AwsApiCall", "true"
	switch call {
	case "ListBuckets":
		service, request = "s3.amazonaws.com", `{"Host":"s3.amazonaws.com"}`
	case "GetObject":
		service, category, request = "s3.amazonaws.com", "Data", fmt.Sprintf(`{"bucketName":"example-bucket","key":"logs/%d.gz"}`, n)
		rest = fmt.Sprintf(`,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::example-bucket/logs/%d.gz"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::example-bucket"}],"vpcEndpointId":"vpce-0123456789abcdef0"`, n)
	case "Decrypt":
		service, request = "kms.amazonaws.com", `{"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}`
		rest = `,"resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}]`
	case "AssumeRole":
		who, address, service = `{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}`, "ec2.amazonaws.com", "sts.amazonaws.com"
		request = fmt.Sprintf(`{"roleArn":"arn:aws:iam::111122223333:role/web-%d","roleSessionName":"%s"}`, r.IntN(40), session)
		response = fmt.Sprintf(`{"credentials":{"accessKeyId":"ASIAIOSFODNN7EXAMPLE","sessionToken":"IQoJb3JpZ2luX2VjE%060d","expiration":"Jun 1, 2025, 9:00:00 PM"},"assumedRoleUser":{"assumedRoleId":"AROAEXAMPLE:%s","arn":"arn:aws:sts::111122223333:assumed-role/web/%s"}}`, n, session, session)
	case "RunInstances":
		request, response, readOnly = `{"instancesSet":{"items":[{"imageId":"ami-0123456789abcdef0","minCount":1,"maxCount":1}]},"instanceType":"t3.micro"}`, fmt.Sprintf(`{"instancesSet":{"items":[{"instanceId":"%s"}]}}`, session), "false"
		if r.IntN(5) == 0 {
			response, rest = "null", `,"errorCode":"Client.UnauthorizedOperation","errorMessage":"You are not authorized to perform this operation."`
		}
	case "AttachRolePolicy":
		service, request, readOnly = "iam.amazonaws.com", fmt.Sprintf(`{"roleName":"web-%d","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}`, r.IntN(40)), "false"
	case "ConsoleLogin":
		user := pick(r, "ada", "eve", "mallory")
		who = fmt.Sprintf(`{"type":"IAMUser","principalId":"AIDAEXAMPLE%s","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333","userName":"%s"}`, user, user, user)
		service, kind, request, response, readOnly = "signin.amazonaws.com", "AwsConsoleSignIn", "null", `{"ConsoleLogin":"`+pick(r, "Success", "Success", "Failure")+`"}`, "false"
		rest = `,"additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home","MobileVersion":"No","MFAUsed":"` + pick(r, "Yes", "No") + `"}`
	}
	return fmt.Appendf(b, `{"eventVersion":"1.11","userIdentity":%s,"eventTime":"%s","eventSource":"%s","eventName":"%s","awsRegion":"us-east-1","sourceIPAddress":"%s","userAgent":"%s","requestParameters":%s,"responseElements":%s,"requestID":"%08x-0d2c-4a2a-a8a7-%012x","eventID":"%08x-7d47-4b1b-9d1e-%012x","readOnly":%s,"eventType":"%s","managementEvent":%t,"recipientAccountId":"111122223333","eventCategory":"%s"%s,"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"%s"}}`,
		who, stamp, service, call, address, pick(r, "aws-sdk-go-v2/1.24.0 os/linux lang/go", "Boto3/1.34.0 Botocore/1.34.0", "aws-cli/2.15.0"), request, response, r.Uint32(), n, r.Uint32(), n, readOnly, kind, category == "Management", category, rest, service)
}
