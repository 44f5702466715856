package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

func eksKey(at time.Time) string {
	return "eks-audit/" + at.Format("2006/01/02/15/") + "eks-audit-1-" + at.Format("2006-01-02-15-04-05") + "-6f1c"
}

// eks is a document of a subscription filter with one event of kubernetes.io/docs/reference/config-api/apiserver-audit.v1.
func eks(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	verb, resource := pick(r, "get", "get", "list", "watch", "watch", "update", "patch", "create", "delete"), pick(r, "pods", "leases", "configmaps", "secrets", "nodes", "endpointslices")
	name := fmt.Sprintf("%s-%d", resource, r.IntN(400))
	user := fmt.Sprintf(`{"username":"system:serviceaccount:kube-system:controller-%d","uid":"4ecf628a-1b50-47ed-932c-%012x","groups":["system:serviceaccounts","system:serviceaccounts:kube-system","system:authenticated"]}`, r.IntN(30), r.IntN(30))
	if r.IntN(3) == 0 {
		node := r.IntN(60)
		user = fmt.Sprintf(`{"username":"system:node:ip-10-0-1-%d.ec2.internal","uid":"aws-iam-authenticator:111122223333:AROAEXAMPLENODE","groups":["system:bootstrappers","system:nodes","system:authenticated"],"extra":{"accessKeyId":["ASIAIOSFODNN7EXAMPLE"],"arn":["arn:aws:sts::111122223333:assumed-role/node/i-%017x"],"canonicalArn":["arn:aws:iam::111122223333:role/node"],"principalId":["AROAEXAMPLENODE"],"sessionName":["i-%017x"]}}`, node, node, node)
	}
	code, decision := pick(r, 200, 200, 200, 200, 200, 404, 409, 403), "allow"
	if code == 403 {
		decision = "forbid"
	}
	event := fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%08x-d3ac-4f96-b2f4-%012x","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/kube-system/%s/%s?timeout=5s","verb":"%s","user":%s,"sourceIPs":["10.0.%d.%d"],"userAgent":"%s","objectRef":{"resource":"%s","namespace":"kube-system","name":"%s","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":%d},"requestReceivedTimestamp":"%s","stageTimestamp":"%s","annotations":{"authorization.k8s.io/decision":"%s","authorization.k8s.io/reason":""}}`,
		r.Uint32(), n, resource, name, verb, user, r.IntN(4), r.IntN(254)+1, pick(r, "kubelet/v1.31.2 (linux/amd64) kubernetes/9edcffc", "coredns/1.11", "aws-node/v1.18"), resource, name, code,
		at.UTC().Format("2006-01-02T15:04:05.000000Z"), at.Add(4*time.Millisecond).UTC().Format("2006-01-02T15:04:05.000000Z"), decision)
	return fmt.Appendf(b, `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/shop/cluster","logStream":"kube-apiserver-audit-0b9c1d2e3f","subscriptionFilters":["silt"],"logEvents":[{"id":"%056d","timestamp":%d,"message":%s}]}`, n, at.UnixMilli(), strconv.Quote(event))
}
