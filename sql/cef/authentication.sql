-- class: authentication
-- consumes: suser = windows_user("user"."domain", "user".name)
-- consumes: duser = windows_user("user"."domain", "user".name)
-- consumes: sntdom = "user"."domain"
-- consumes: dntdom = "user"."domain"
-- consumes: src = src_endpoint.ip
-- consumes: dst = dst_endpoint.ip
-- consumes: msg = message
-- consumes: reason = status_detail
SELECT
  CASE WHEN regexp_matches(concat_ws(' ', deviceEventClassId, name, act, cat), '(?i)(?:log|sign)[ _-]?(?:off|out)')
    OR deviceVendor = 'Fortinet' AND deviceEventClassId = '39425' THEN 2 ELSE 1 END AS activity_id, -- Logoff, Logon
  cef_severity_id(severity) AS severity_id,
  CASE
    WHEN lower(outcome) LIKE 'success%' THEN 1
    WHEN lower(outcome) LIKE 'fail%' THEN 2
    WHEN regexp_matches(concat_ws(' ', deviceEventClassId, name, act, msg), '(?i)fail|invalid|denied|deny|reject|incorrect|unauthorized|bad password') THEN 2
    WHEN regexp_matches(concat_ws(' ', deviceEventClassId, name, act, msg), '(?i)success|succeed|accepted') THEN 1
    WHEN deviceVendor = 'Fortinet' AND deviceEventClassId IN ('39424', '39425') THEN 1 -- to the SSL VPN
    ELSE 0 END AS status_id,
  known(reason) AS status_detail,
  coalesce(known(msg), known(name)) AS message,

  deviceEventClassId AS "metadata.event_code",

  0 AS "device.type_id", -- Unknown: CEF does not say what it is
  -- the account that was used: duser, where the record has both
  list_transform([coalesce(known(duser), known(suser))], lambda u: user_of(u))[1] AS "user.name",
  coalesce(dntdom, sntdom, list_transform([coalesce(known(duser), known(suser))], lambda u: domain_of(u))[1]) AS "user.domain",

  coalesce(known_ip(src), CASE WHEN c6a2Label ILIKE '%source%' THEN known_ip(c6a2) END) AS "src_endpoint.ip",
  spt AS "src_endpoint.port",
  shost AS "src_endpoint.hostname",
  coalesce(known_ip(dst), CASE WHEN c6a3Label ILIKE '%destination%' THEN known_ip(c6a3) END) AS "dst_endpoint.ip",
  dpt AS "dst_endpoint.port",
  dhost AS "dst_endpoint.hostname",
  coalesce(app, deviceProduct) AS "service.name"
FROM raw
WHERE coalesce(cef_login(deviceVendor, deviceEventClassId, name, cat, act, coalesce(duser, suser), dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE)
  AND NOT coalesce(cef_changes(deviceEventClassId, name, act, duser, cs1Label, cs1, suser, dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE);
