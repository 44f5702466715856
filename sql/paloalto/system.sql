-- Logins in the system log: results of authentication profiles (auth-success, auth-fail), administrators that log in and out, and
-- GlobalProtect before PAN-OS 9.1.
-- Only the description says who, and from where. The address is read at its end, so that a user name cannot hold another one.
-- class: authentication
-- drop: "type" = 'SYSTEM' AND NOT coalesce(pan_system_login(eventid, opaque), FALSE)
SELECT
  eventid AS "metadata.event_code",

  list_transform([pan_user(pan_system_user(opaque))], lambda u: user_of(u))[1] AS "user.name",
  list_transform([pan_user(pan_system_user(opaque))], lambda u: domain_of(u))[1] AS "user.domain",
  known_ip(pan_system_from(opaque)) AS "src_endpoint.ip",
  'PAN-OS' AS "service.name",

  CASE WHEN pan_admin_part(opaque, 2) = 'out' OR pan_portal_part(opaque, 1) = 'logout' THEN 2 ELSE 1 END AS activity_id, -- Logoff, Logon
  CASE lower(severity) WHEN 'informational' THEN 1 WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 WHEN 'critical' THEN 5
    ELSE CASE WHEN severity IS NULL THEN 0 ELSE 99 END END AS severity_id,
  CASE WHEN eventid = 'auth-fail' OR pan_portal_part(opaque, 2) = 'failed' THEN 2 ELSE 1 END AS status_id, -- Failure, Success
  CASE WHEN eventid = 'auth-fail' THEN pan_system_reason(opaque) END AS status_detail,
  opaque AS message
FROM raw
WHERE "type" = 'SYSTEM' AND pan_system_login(eventid, opaque);
