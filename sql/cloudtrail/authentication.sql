-- Logins to the console and to IAM Identity Center, their steps, and roles that somebody takes. The user of a role is the role, with the name
-- of the session.
-- class: authentication
-- consumes: additionalEventData."MFAUsed" = CASE is_mfa WHEN true THEN 'Yes' WHEN false THEN 'No' END
SELECT
  login_activity("eventName") AS activity_id,
  coalesce("responseElements"->>'$.ConsoleLogin', "responseElements"->>'$.CheckMfa',
    CASE WHEN "errorCode" IS NULL THEN 'Success' ELSE 'Failure' END) AS status,
  CASE "additionalEventData"."MFAUsed" WHEN 'Yes' THEN true WHEN 'No' THEN false END AS is_mfa,
  coalesce("requestParameters"->>'$.roleSessionName', CASE WHEN "userIdentity".arn IS NULL THEN "userIdentity"."userName" END) AS "user.name",
  coalesce("requestParameters"->>'$.roleArn', "userIdentity".arn) AS "user.uid",
  CASE WHEN "requestParameters"->>'$.roleArn' IS NULL THEN "userIdentity"."principalId" END AS "user.uid_alt",
  "responseElements"->>'$.assumedRoleUser.arn' AS "session.uid",
  "responseElements"->>'$.assumedRoleUser.assumedRoleId' AS "session.uid_alt",
  "responseElements"->>'$.credentials.accessKeyId' AS "session.credential_uid",
  "additionalEventData"."LoginTo" AS "dst_endpoint.svc_name",
  seen([observed('actor.user.name', 4, coalesce("userIdentity"."userName", "additionalEventData"."UserName")), observed('user.name', 4, "user.name"),
    observed('src_endpoint.ip', 2, "src_endpoint.ip"), observed('src_endpoint.domain', 1, "src_endpoint.domain")]) AS observables
FROM raw
WHERE is_login("eventName", "eventSource");
