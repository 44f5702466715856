-- Logins in the system log: results of authentication profiles (auth-success, auth-fail), administrators that log in and out, and
-- GlobalProtect before PAN-OS 9.1.
-- Only the description says who, and from where. The address is read at its end, so that a user name cannot hold another one.
-- class: authentication
-- ocsf: 1.1.0
-- profiles: host
-- drop: "type" = 'SYSTEM' AND NOT coalesce(pan_system_login(eventid, opaque), FALSE)
-- consumes: high_res_timestamp = strftime(make_timestamp("time" * 1000), '%Y-%m-%dT%H:%M:%S.%g+00:00')
-- consumes: time_generated = strftime(make_timestamp("time" * 1000), '%Y/%m/%d %H:%M:%S')
-- consumes: receive_time = strftime(make_timestamp(metadata.logged_time * 1000), '%Y/%m/%d %H:%M:%S')
-- consumes: device_name = device.hostname
SELECT
  pan_event_time(high_res_timestamp, time_generated, key.source_timezone) AS "time",
  pan_time(receive_time, high_res_timestamp, key.source_timezone) AS "metadata.logged_time",
  "type" AS "metadata.log_name",
  seqno AS "metadata.uid",
  'PAN-OS' AS "metadata.product.name",
  'Palo Alto Networks' AS "metadata.product.vendor_name",
  eventid AS "metadata.event_code",

  -- the firewall
  9 AS "device.type_id",
  serial AS "device.uid",
  coalesce(device_name, syslog.host) AS "device.hostname",

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
