-- Logins to portals and gateways of GlobalProtect, and logouts. The other stages of a connection (prelogin, configuration, tunnel,
-- host information) are dropped: each connection has several of them.
-- class: authentication
-- drop: "type" = 'GLOBALPROTECT' AND NOT coalesce(pan_vpn_login(eventid, srcuser), FALSE)
-- consumes: srcuser = windows_user("user"."domain", "user".name)
-- consumes: status = CASE status_id WHEN 1 THEN 'success' WHEN 2 THEN 'failure' END
-- consumes: public_ip = coalesce(CASE WHEN is_ipv4(src_endpoint.ip) THEN src_endpoint.ip END, '0.0.0.0')
-- consumes: public_ipv6 = coalesce(CASE WHEN is_ipv6(src_endpoint.ip) THEN src_endpoint.ip END, '0.0.0.0')
-- consumes: srcregion = src_endpoint.location.country
-- consumes: opaque = message
-- consumes: error = status_detail
-- consumes: reason = status_detail
-- consumes: error_code = coalesce(status_code, '0')
-- consumes: login_duration = coalesce(duration // 1000, 0)
-- consumes: auth_method = auth_protocol
SELECT
  eventid AS "metadata.event_code",

  list_transform([pan_user(srcuser)], lambda u: user_of(u))[1] AS "user.name",
  list_transform([pan_user(srcuser)], lambda u: domain_of(u))[1] AS "user.domain",
  coalesce(known_ip(public_ip), known_ip(public_ipv6)) AS "src_endpoint.ip",
  machinename AS "src_endpoint.hostname",
  country(srcregion) AS "src_endpoint.location.country",
  portal AS "dst_endpoint.name", -- the portal or the gateway
  'GlobalProtect' AS "service.name",

  CASE WHEN ends_with(eventid, '-logout') THEN 2 ELSE 1 END AS activity_id, -- Logoff, Logon
  1 AS severity_id, -- a GlobalProtect log has none
  CASE lower(status) WHEN 'success' THEN 1 WHEN 'failure' THEN 2 ELSE CASE WHEN status IS NULL THEN 0 ELSE 99 END END AS status_id,
  nullif(error_code, '0') AS status_code,
  coalesce(known(error), known(reason)) AS status_detail,
  known(opaque) AS message,
  known(auth_method) AS auth_protocol,
  pan_auth_protocol(auth_method) AS auth_protocol_id,
  nullif(login_duration, 0) * 1000 AS duration,
  repeatcnt AS "count"
FROM raw
WHERE "type" = 'GLOBALPROTECT' AND pan_vpn_login(eventid, srcuser);
