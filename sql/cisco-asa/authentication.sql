-- Logins and logouts: of users whom the firewall checks, of VPN sessions, and of administrators.
-- class: authentication
-- without: user
-- consumes: "user" = windows_user("user"."domain", "user".name)
-- consumes: reason = status_detail
-- consumes: group_name = "user".groups[1].name
-- consumes: duration = asa_hms(duration)
-- consumes: src_ip = coalesce(src_endpoint.ip, src_endpoint.hostname)
-- consumes: verdict = asa_verdict(message)
-- consumes: what = regexp_extract(message, 'User authentication|User logged out|Login|SSH session|Session disconnected|assigned to session|Authentication|authentication|authorization|accounting|credentials|transaction|AnyConnect parent session started\.')
-- consumes: dst_ip = coalesce(dst_endpoint.ip, dst_endpoint.hostname)
SELECT
  CASE WHEN msgid IN ('113019', '716002', '722023', '611103', '315011') THEN 2
    WHEN what IN ('authorization', 'accounting', 'transaction') THEN 99 ELSE 1 END AS activity_id, -- Logoff, Other, Logon
  CASE WHEN what IN ('authorization', 'accounting', 'transaction') AND msgid NOT IN ('113019', '716002', '722023', '611103', '315011') THEN 'AAA ' || what END AS activity_name,
  asa_severity("level") AS severity_id,
  CASE WHEN lower(verdict) IN ('rejected', 'denied', 'failed', 'server not accessible') OR msgid IN ('113021', '113029', '113033', '113035', '113038') THEN 2 ELSE 1 END AS status_id,
  coalesce(reason, CASE WHEN msgid IN ('113029', '113033', '113035', '113038') THEN rtrim(what, '.') END) AS status_detail,

  asa_account_name("user") AS "user.name",
  asa_account_domain("user") AS "user.domain",
  CASE WHEN group_name IS NOT NULL THEN [{'name': group_name}] END AS "user.groups",
  asa_ip(nullif(src_ip, '0.0.0.0')) AS "src_endpoint.ip",
  asa_name(src_ip) AS "src_endpoint.hostname",
  src_port AS "src_endpoint.port",
  asa_ip(dst_ip) AS "dst_endpoint.ip",
  asa_name(dst_ip) AS "dst_endpoint.hostname",
  dst_port AS "dst_endpoint.port",
  dst_svc AS "dst_endpoint.svc_name",
  dst_if AS "dst_endpoint.interface_name",
  CASE WHEN days IS NULL THEN asa_ms(duration) ELSE asa_ms(duration) + 86400000 * CAST(regexp_extract(days, '[0-9]+') AS BIGINT) END AS duration,
  CASE WHEN msgid IN ('605004', '605005', '611101', '611102', '611103', '315011', '113021') THEN 'Administration'
    WHEN group_name IS NOT NULL THEN 'VPN' ELSE 'AAA' END AS "service.name",
  CASE WHEN group_name IS NOT NULL THEN TRUE END AS is_remote
FROM raw
WHERE asa_login(msgid) AND what IS NOT NULL;
