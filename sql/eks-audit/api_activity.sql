-- Calls of the Kubernetes API. A call has an event for each stage: the one of ResponseComplete has the result. The logs of the other
-- components, which EKS writes to the same log group, are left out.
-- class: api_activity
-- ocsf: 1.1.0
-- profiles: cloud, datetime
-- drop: messageType = 'CONTROL_MESSAGE'
-- drop: regexp_matches(logStream, '^(kube-apiserver-[0-9a-f]{4}|authenticator-|kube-controller-manager-|cloud-controller-manager-|kube-scheduler-)')
-- without: src_endpoint, actor.user.type
-- consumes: "user".groups = list_transform(actor."user".groups, lambda g: g.name)
-- consumes: "user".extra.accessKeyId = [actor."session".credential_uid]
-- consumes: "user".extra.canonicalArn = [actor."session".issuer]
-- consumes: "user".extra.sessionName = [actor."session".uid]
-- consumes: sourceIPs = list_concat([src_endpoint.ip], coalesce(src_endpoint.intermediate_ips, []))
-- consumes: objectRef.resource = split_part(resources[1]."type", '/', 1)
-- consumes: objectRef.subresource = split_part(resources[1]."type", '/', 2)
-- consumes: objectRef.namespace = resources[1].namespace
-- consumes: objectRef.name = resources[1].name
-- consumes: objectRef.uid = resources[1].uid
-- consumes: objectRef.resourceVersion = resources[1].version
-- consumes: owner = cloud.account.uid
-- consumes: stageTimestamp = "time"
SELECT
  coalesce(stageTimestamp, requestReceivedTimestamp) AS "time",
  requestReceivedTimestamp AS start_time_dt,
  verb_activity(verb) AS activity_id,
  1 AS severity_id, -- Informational
  stage AS "message",

  verb AS "api.operation",
  objectRef.apiVersion AS "api.version",
  objectRef.apiGroup AS "api.group.name",
  auditID AS "api.request.uid",
  containers_of(requestObject.spec.containers) AS "api.request.containers",
  responseStatus.code AS "api.response.code",
  responseStatus.message AS "api.response.message",
  responseStatus.reason AS "api.response.error",
  responseStatus.status AS "api.response.error_message",
  containers_of(responseObject.spec.containers) AS "api.response.containers",

  "user".username AS "actor.user.name",
  "user".uid AS "actor.user.uid",
  0 AS "actor.user.type_id", -- Unknown
  list_transform("user".groups, lambda g: {'name': g}) AS "actor.user.groups",
  "user".extra.accessKeyId[1] AS "actor.session.credential_uid",
  "user".extra.canonicalArn[1] AS "actor.session.issuer",
  "user".extra.sessionName[1] AS "actor.session.uid",

  sourceIPs[1] AS "src_endpoint.ip",
  sourceIPs[2:] AS "src_endpoint.intermediate_ips",
  requestURI AS "http_request.url.path",
  userAgent AS "http_request.user_agent",

  -- A call for all resources of a type has no name, which OCSF requires.
  [{'type': objectRef.resource || coalesce('/' || objectRef.subresource, ''), 'namespace': objectRef.namespace,
    'name': CASE WHEN objectRef.uid IS NULL AND objectRef.resource IS NOT NULL THEN coalesce(objectRef.name, '') ELSE objectRef.name END,
    'uid': objectRef.uid, 'version': objectRef.resourceVersion}] AS resources,

  'AWS' AS "cloud.provider",
  key.region AS "cloud.region",
  coalesce(account_number(owner), account_number(key.account_id)) AS "cloud.account.uid",

  level AS "metadata.log_level",
  apiVersion AS "metadata.product.version",
  'Amazon EKS' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Elastic Kubernetes Service' AS "metadata.product.feature.name",

  list_concat(
    [observed('actor.user.name', 4, "user".username), observed('src_endpoint.ip', 2, sourceIPs[1]),
      observed('http_request.url.path', 6, requestURI), observed('resources[].uid', 10, objectRef.uid)],
    list_transform(requestObject.spec.containers, lambda c: observed('api.request.containers[].image.uid', 10, image_uid(c))),
    list_transform(responseObject.spec.containers, lambda c: observed('api.response.containers[].image.uid', 10, image_uid(c)))) AS observables
FROM raw
WHERE auditID IS NOT NULL;
