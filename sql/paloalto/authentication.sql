-- Users whom an authentication policy asked for credentials, or for another factor.
-- class: authentication
-- drop: "type" IN ('AUTH', 'AUTHENTICATION') AND coalesce(known(normalize_user), known("user")) IS NULL
-- consumes: normalize_user = windows_user("user"."domain", "user".name)
-- consumes: "user" = windows_user("user"."domain", "user".name)
-- consumes: ip = src_endpoint.ip
-- consumes: "desc" = message
-- consumes: authproto = auth_protocol
SELECT
  list_transform([pan_user(coalesce(known(normalize_user), "user"))], lambda u: user_of(u))[1] AS "user.name",
  list_transform([pan_user(coalesce(known(normalize_user), "user"))], lambda u: domain_of(u))[1] AS "user.domain",
  known_ip(ip) AS "src_endpoint.ip",
  src_host AS "src_endpoint.hostname",
  src_mac AS "src_endpoint.mac",
  'PAN-OS' AS "service.name",

  1 AS activity_id, -- Logon
  1 AS severity_id, -- an authentication log has none
  CASE WHEN regexp_matches(lower("event"), 'fail|timeout|timed out|denied|reject|invalid|error|lock') THEN 2 -- Failure
    WHEN regexp_matches(lower("event"), 'success|succeed') THEN 1                                      -- Success
    WHEN "event" IS NULL THEN 0 ELSE 99 END AS status_id,
  "event" AS status_detail,
  known("desc") AS message,
  known(authproto) AS auth_protocol,
  pan_auth_protocol(authproto) AS auth_protocol_id,
  CASE WHEN factorno > 1 THEN TRUE END AS is_mfa, -- the second factor, or a later one
  repeatcnt AS "count"
FROM raw
WHERE "type" IN ('AUTH', 'AUTHENTICATION') AND coalesce(known(normalize_user), known("user")) IS NOT NULL;
