-- class: authentication
-- consumes: "user" = windows_user("user"."domain", "user".name)
-- consumes: status = CASE status_id WHEN 1 THEN 'success' WHEN 2 THEN 'failed' END
-- consumes: reason = status_detail
-- consumes: srcip = src_endpoint.ip
-- consumes: remip = src_endpoint.ip
-- consumes: dstip = dst_endpoint.ip
-- consumes: duration = duration // 1000
SELECT
  CASE WHEN lower("action") IN ('logout', 'auth-logout', 'fsso-logoff', 'tunnel-down') THEN 2 ELSE 1 END AS activity_id, -- Logoff, Logon
  coalesce(level_severity("level"), 0) AS severity_id,
  CASE
    WHEN lower("action") = 'ssl-login-fail' THEN 2
    WHEN lower("action") IN ('tunnel-up', 'tunnel-down') THEN 1 -- to the SSL VPN
    WHEN lower(status) IN ('success', 'logon', 'logoff') THEN 1
    WHEN lower(status) IN ('failed', 'failure', 'timed_out') THEN 2
    WHEN status IS NOT NULL THEN 99 ELSE 0 END AS status_id,
  CASE WHEN lower(reason) <> 'none' THEN known(reason) END AS status_detail,
  known(msg) AS message,

  9 AS "device.type_id", -- the firewall, which checked the user
  list_transform([known("user")], lambda u: user_of(u))[1] AS "user.name",
  list_transform([known("user")], lambda u: domain_of(u))[1] AS "user.domain",
  coalesce(known_ip(srcip), known_ip(remip)) AS "src_endpoint.ip",
  srcport AS "src_endpoint.port",
  known_ip(dstip) AS "dst_endpoint.ip",
  dstport AS "dst_endpoint.port",
  CASE WHEN lower("action") = 'tunnel-down' THEN duration * 1000 END AS duration,
  'FortiGate' AS "service.name"
FROM raw
WHERE coalesce(fortinet_login("type", "action", "user", logid), FALSE);
