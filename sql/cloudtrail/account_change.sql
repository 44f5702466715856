-- Changes of users, roles, groups, their credentials and their policies, by IAM and by the sign-in service. The user is the one that is
-- changed, or the role.
-- class: account_change
SELECT
  account_activity("eventName") AS activity_id,
  CASE WHEN "errorCode" IS NULL THEN 'Success' ELSE 'Failure' END AS status,
  coalesce("requestParameters"->>'$.userName', "requestParameters"->>'$.roleName', "responseElements"->>'$.user.userName',
    "responseElements"->>'$.role.roleName') AS "user.name",
  coalesce("responseElements"->>'$.user.arn', "responseElements"->>'$.role.arn',
    CASE WHEN changes_caller("eventName") THEN "userIdentity".arn END) AS "user.uid",
  coalesce("responseElements"->>'$.user.userId', "responseElements"->>'$.role.roleId',
    CASE WHEN changes_caller("eventName") THEN "userIdentity"."principalId" END) AS "user.uid_alt",
  "requestParameters"->>'$.policyArn' AS "policy.uid",
  seen([observed('actor.user.name', 4, coalesce("userIdentity"."userName", "additionalEventData"."UserName")), observed('user.name', 4, "user.name"),
    observed('src_endpoint.ip', 2, "src_endpoint.ip"), observed('src_endpoint.domain', 1, "src_endpoint.domain")]) AS observables
FROM raw
WHERE is_account_change("eventName", "eventSource");
