-- What all events have.
-- ocsf: 1.1.0
-- profiles: cloud, datetime
-- without: actor, src_endpoint, user
-- consumes: eventSource = api.service.name
-- consumes: eventName = api.operation
-- consumes: requestID = api.request.uid
-- consumes: eventCategory = metadata.product.feature.name
-- consumes: "recipientAccountId" = cloud.account.uid
-- consumes: "awsRegion" = cloud.region
-- consumes: "sourceIPAddress" = coalesce(src_endpoint.ip, src_endpoint."domain")
-- consumes: userIdentity.userName = actor."user".name
-- consumes: userIdentity.principalId = actor."user".uid_alt
-- consumes: userIdentity.accessKeyId = actor."user".credential_uid
-- consumes: userIdentity.credentialId = actor."user".credential_uid
-- consumes: userIdentity.onBehalfOf.userId = actor."user".uid_alt
-- consumes: userIdentity.identityProvider = actor.idp.name
-- consumes: userIdentity.sessionContext.webIdFederationData.federatedProvider = actor.idp.name
-- consumes: additionalEventData."UserName" = actor."user".name
SELECT
  "eventTime" AS "time",
  1 AS severity_id, -- Informational

  *,

  coalesce("eventName", "insightDetails"."eventName") AS "api.operation",
  coalesce("eventSource", "insightDetails"."eventSource") AS "api.service.name",
  "apiVersion" AS "api.version",
  coalesce("requestID", '''''') AS "api.request.uid",
  "requestParameters" AS "api.request.data",
  "errorCode" AS "api.response.error",
  "errorMessage" AS "api.response.message",
  "responseElements" AS "api.response.data",

  -- A service of AWS has no other name than invokedBy.
  coalesce("userIdentity"."userName", "additionalEventData"."UserName",
    CASE WHEN "userIdentity"."type" = 'AWSService' THEN "userIdentity"."invokedBy" END) AS "actor.user.name",
  "userIdentity"."type" AS "actor.user.type",
  "userIdentity".arn AS "actor.user.uid",
  coalesce("userIdentity"."principalId", "userIdentity"."onBehalfOf"."userId") AS "actor.user.uid_alt",
  "userIdentity"."accountId" AS "actor.user.account.uid",
  coalesce("userIdentity"."accessKeyId", "userIdentity"."credentialId") AS "actor.user.credential_uid",
  "userIdentity"."sessionContext".attributes."creationDate" AS "actor.session.created_time_dt",
  "userIdentity"."sessionContext".attributes."mfaAuthenticated" AS "actor.session.is_mfa",
  "userIdentity"."sessionContext"."sessionIssuer".arn AS "actor.session.issuer",
  "userIdentity"."invokedBy" AS "actor.invoked_by",
  coalesce("userIdentity"."identityProvider", "userIdentity"."sessionContext"."webIdFederationData"."federatedProvider") AS "actor.idp.name",
  "userIdentity"."onBehalfOf"."identityStoreArn" AS "actor.idp.uid",

  CASE WHEN is_ip("sourceIPAddress") THEN "sourceIPAddress" END AS "src_endpoint.ip",
  CASE WHEN NOT is_ip("sourceIPAddress") THEN "sourceIPAddress" END AS "src_endpoint.domain",
  CASE WHEN NOT is_ip("sourceIPAddress") THEN "sourceIPAddress" END AS "src_endpoint.svc_name",
  "vpcEndpointId" AS "src_endpoint.uid",
  "userAgent" AS "http_request.user_agent",

  'AWS' AS "cloud.provider",
  coalesce("awsRegion", key.region) AS "cloud.region",
  coalesce(account_number("recipientAccountId"), account_number(key.account_id)) AS "cloud.account.uid",

  "eventID" AS "metadata.uid",
  "eventType" AS "metadata.event_code",
  'CloudTrail' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  "eventVersion" AS "metadata.product.version",
  coalesce("eventCategory", 'Management, Data, and Insights') AS "metadata.product.feature.name"
FROM raw;
