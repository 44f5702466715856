-- records: logEvents optional
-- parse: message json
-- also: apiVersion message.apiVersion
-- also: level message.level
-- also: auditID message.auditID
-- also: stage message.stage
-- also: requestURI message.requestURI
-- also: verb message.verb
-- also: "user".username message.user.username
-- also: "user".uid message.user.uid
-- also: "user".groups message.user.groups
-- also: "user".extra.accessKeyId message.user.extra.accessKeyId
-- also: "user".extra.arn message.user.extra.arn
-- also: "user".extra.canonicalArn message.user.extra.canonicalArn
-- also: "user".extra.sessionName message.user.extra.sessionName
-- also: sourceIPs message.sourceIPs
-- also: userAgent message.userAgent
-- also: objectRef.resource message.objectRef.resource
-- also: objectRef.subresource message.objectRef.subresource
-- also: objectRef.namespace message.objectRef.namespace
-- also: objectRef.name message.objectRef.name
-- also: objectRef.uid message.objectRef.uid
-- also: objectRef.apiGroup message.objectRef.apiGroup
-- also: objectRef.apiVersion message.objectRef.apiVersion
-- also: objectRef.resourceVersion message.objectRef.resourceVersion
-- also: responseStatus.code message.responseStatus.code
-- also: responseStatus.message message.responseStatus.message
-- also: responseStatus.reason message.responseStatus.reason
-- also: responseStatus.status message.responseStatus.status
-- also: requestObject.spec.containers message.requestObject.spec.containers
-- also: responseObject.spec.containers message.responseObject.spec.containers
-- also: requestObject.spec.token message.requestObject.spec.token
-- also: responseObject.status.token message.responseObject.status.token
-- also: requestReceivedTimestamp message.requestReceivedTimestamp
-- also: stageTimestamp message.stageTimestamp
-- redact: requestObject.spec.token AS mask, responseObject.status.token AS mask
--
-- Audit logs of Amazon EKS, which are those of the Kubernetes API server (audit.k8s.io/v1): in the documents that a subscription filter
-- of CloudWatch Logs sends to Firehose, or one JSON object a record.
CREATE TABLE raw (
  apiVersion  VARCHAR,
  level       VARCHAR, -- Metadata, Request, RequestResponse
  auditID     VARCHAR,
  stage       VARCHAR, -- RequestReceived, ResponseStarted, ResponseComplete, Panic
  requestURI  VARCHAR,
  verb        VARCHAR, -- get, list, watch, create, update, patch, delete, deletecollection
  "user" STRUCT(
    username  VARCHAR,
    uid       VARCHAR,
    groups    VARCHAR[],
    extra     STRUCT(accessKeyId VARCHAR[], arn VARCHAR[], canonicalArn VARCHAR[], sessionName VARCHAR[]) -- of IAM
  ),
  sourceIPs   VARCHAR[], -- the client, then proxies
  userAgent   VARCHAR,
  objectRef STRUCT(resource VARCHAR, subresource VARCHAR, namespace VARCHAR, name VARCHAR, uid VARCHAR, apiGroup VARCHAR, apiVersion VARCHAR,
    resourceVersion VARCHAR),
  responseStatus STRUCT(code INTEGER, message VARCHAR, reason VARCHAR, status VARCHAR),
  requestObject  STRUCT(spec STRUCT(containers STRUCT(name VARCHAR, image VARCHAR, volumeMounts STRUCT(name VARCHAR, mountPath VARCHAR)[])[], token VARCHAR)),
  responseObject STRUCT(spec STRUCT(containers STRUCT(name VARCHAR, image VARCHAR, volumeMounts STRUCT(name VARCHAR, mountPath VARCHAR)[])[]), status STRUCT(token VARCHAR)),
  requestReceivedTimestamp TIMESTAMP,
  stageTimestamp           TIMESTAMP,
  -- the envelope of CloudWatch Logs
  message     STRUCT(kind VARCHAR), -- the event, whose fields the lines above name
  messageType VARCHAR,
  owner       VARCHAR, -- the account
  logGroup    VARCHAR, -- /aws/eks/CLUSTER/cluster
  logStream   VARCHAR, -- kube-apiserver-audit-...
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
