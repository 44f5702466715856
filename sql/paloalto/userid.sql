-- Users that User-ID saw log in and out: in the logs of directory servers, at the VPN, and elsewhere.
-- class: authentication
-- drop: "type" = 'USERID' AND NOT coalesce(subtype IN ('login', 'logout') AND known("user") IS NOT NULL, FALSE)
-- consumes: "user" = windows_user("user"."domain", "user".name)
-- consumes: ip = src_endpoint.ip
-- consumes: subtype = CASE activity_id WHEN 1 THEN 'login' WHEN 2 THEN 'logout' END
SELECT
  list_transform([pan_user("user")], lambda u: user_of(u))[1] AS "user.name",
  list_transform([pan_user("user")], lambda u: domain_of(u))[1] AS "user.domain",
  known_ip(ip) AS "src_endpoint.ip",
  'User-ID' AS "service.name", -- datasource and datasourcetype in unmapped say how User-ID knows

  CASE subtype WHEN 'logout' THEN 2 ELSE 1 END AS activity_id, -- Logoff, Logon
  1 AS severity_id, -- a User-ID log has none
  1 AS status_id,   -- Success: failures are not logged
  CASE WHEN factorno > 1 THEN TRUE END AS is_mfa,
  repeatcnt AS "count"
FROM raw
WHERE "type" = 'USERID' AND subtype IN ('login', 'logout') AND known("user") IS NOT NULL;
