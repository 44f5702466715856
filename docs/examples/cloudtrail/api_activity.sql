-- class: api_activity
-- ocsf: 1.1.0
-- profiles: cloud
-- consumes: "sourceIPAddress" = coalesce(src_endpoint.ip, src_endpoint.svc_name)
-- consumes: "readOnly" = (activity_id = 2)
-- consumes: "userIdentity"."userName" = actor."user".name
-- consumes: "userIdentity"."sessionContext"."sessionIssuer"."userName" = actor."user".name
-- consumes: "userIdentity"."sessionContext".attributes."mfaAuthenticated" = actor."session".is_mfa
-- consumes: "additionalEventData"."MFAUsed" = CASE WHEN actor."session".is_mfa THEN 'Yes' ELSE 'No' END
-- consumes: resources = list_transform(resources, lambda r: {'accountId': r.owner.account.uid, 'type': r."type", 'ARN': r.uid})
SELECT
  "eventTime" AS "time",
  operation_kind("eventName", "readOnly") AS activity_id,
  CASE WHEN "userIdentity"."type" = 'Root' THEN 3               -- Medium
    WHEN operation_failed("errorCode", "responseElements") THEN 2 -- Low
    ELSE 1 END AS severity_id,
  CASE WHEN operation_failed("errorCode", "responseElements") THEN 2 ELSE 1 END AS status_id,
  "errorCode" AS status_code,
  "errorMessage" AS status_detail,

  "eventName" AS "api.operation",
  "eventSource" AS "api.service.name",
  "apiVersion" AS "api.version",
  "requestID" AS "api.request.uid",
  "requestParameters" AS "api.request.data",
  "errorCode" AS "api.response.error",
  "errorMessage" AS "api.response.error_message",
  "responseElements" AS "api.response.data",
  list_transform(resources, lambda r: {'uid': r."ARN", 'type': r."type", 'owner': {'account': {'uid': r."accountId"}}}) AS resources,

  -- A role's name is that of the session's issuer; a service calls itself.
  coalesce("userIdentity"."userName", "userIdentity"."sessionContext"."sessionIssuer"."userName", "userIdentity"."invokedBy") AS "actor.user.name",
  "userIdentity"."type" AS "actor.user.type",
  CASE "userIdentity"."type" WHEN 'Root' THEN 2 WHEN 'AWSService' THEN 3 WHEN 'IAMUser' THEN 1 ELSE 99 END AS "actor.user.type_id",
  "userIdentity"."principalId" AS "actor.user.uid",
  "userIdentity".arn AS "actor.user.uid_alt",
  "userIdentity"."accountId" AS "actor.user.account.uid",
  "userIdentity"."accessKeyId" AS "actor.user.credential_uid",
  "userIdentity"."invokedBy" AS "actor.invoked_by",
  "userIdentity"."sessionContext".attributes."creationDate" AS "actor.session.created_time",
  coalesce("userIdentity"."sessionContext".attributes."mfaAuthenticated", "additionalEventData"."MFAUsed" = 'Yes') AS "actor.session.is_mfa",
  "userIdentity"."sessionContext"."sessionIssuer".arn AS "actor.session.issuer",

  CASE WHEN is_ip("sourceIPAddress") THEN "sourceIPAddress" END AS "src_endpoint.ip",
  CASE WHEN NOT is_ip("sourceIPAddress") THEN "sourceIPAddress" END AS "src_endpoint.svc_name",
  "userAgent" AS "http_request.user_agent",

  'AWS' AS "cloud.provider",
  "awsRegion" AS "cloud.region",
  "recipientAccountId" AS "cloud.account.uid",

  "eventID" AS "metadata.uid",
  "eventType" AS "metadata.event_code",
  'AWS CloudTrail' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  "eventVersion" AS "metadata.product.version"
FROM raw;
