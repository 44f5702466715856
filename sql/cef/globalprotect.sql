-- Logins to portals and gateways of GlobalProtect, as PAN-OS and its log forwarding write them.
-- class: authentication
-- consumes: PanOSSourceUserName = windows_user("user"."domain", "user".name)
-- consumes: PanOSPublicIPv4 = src_endpoint.ip
-- consumes: PanOSPublicIPv6 = src_endpoint.ip
-- consumes: PanOSEventStatus = CASE status_id WHEN 1 THEN 'success' WHEN 2 THEN 'failure' END
-- consumes: PanOSConnectionError = status_detail
-- consumes: PanOSDescription = message
SELECT
  CASE WHEN ends_with(PanOSEventIDValue, '-logout') THEN 2 ELSE 1 END AS activity_id, -- Logoff, Logon
  cef_severity_id(severity) AS severity_id,
  CASE lower(PanOSEventStatus) WHEN 'success' THEN 1 WHEN 'failure' THEN 2 ELSE CASE WHEN PanOSEventStatus IS NULL THEN 0 ELSE 99 END END AS status_id,
  known(PanOSConnectionError) AS status_detail,
  known(PanOSDescription) AS message,

  PanOSEventIDValue AS "metadata.event_code",

  0 AS "device.type_id", -- Unknown: CEF does not say what it is
  list_transform([replace(known(PanOSSourceUserName), '\\', '\')], lambda u: user_of(u))[1] AS "user.name",
  list_transform([replace(known(PanOSSourceUserName), '\\', '\')], lambda u: domain_of(u))[1] AS "user.domain",
  coalesce(known_ip(PanOSPublicIPv4), known_ip(PanOSPublicIPv6)) AS "src_endpoint.ip",
  PanOSEndpointDeviceName AS "src_endpoint.hostname",
  known(PanOSAuthMethod) AS auth_protocol,
  'GlobalProtect' AS "service.name"
FROM raw
WHERE cef_vpn_login(PanOSEventIDValue, PanOSSourceUserName)
  AND NOT coalesce(cef_login(deviceVendor, deviceEventClassId, name, cat, act, coalesce(duser, suser), dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE)
  AND NOT coalesce(cef_changes(deviceEventClassId, name, act, duser, cs1Label, cs1, suser, dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE);
