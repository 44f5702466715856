-- Devices of users about which GlobalProtect reported host information that matched an object or a profile (matchname in unmapped).
-- The device is the user's. The firewall is in unmapped.
-- class: inventory_info
-- ocsf: 1.1.0
-- profiles: host
-- consumes: high_res_timestamp = strftime(make_timestamp("time" * 1000), '%Y-%m-%dT%H:%M:%S.%g+00:00')
-- consumes: time_generated = strftime(make_timestamp("time" * 1000), '%Y/%m/%d %H:%M:%S')
-- consumes: receive_time = strftime(make_timestamp(metadata.logged_time * 1000), '%Y/%m/%d %H:%M:%S')
-- consumes: srcuser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: src = coalesce(CASE WHEN is_ipv4(device.ip) THEN device.ip END, '0.0.0.0')
-- consumes: srcipv6 = coalesce(CASE WHEN is_ipv6(device.ip) THEN device.ip END, '0.0.0.0')
-- consumes: mac = device.mac
SELECT
  pan_event_time(high_res_timestamp, time_generated, key.source_timezone) AS "time",
  pan_time(receive_time, high_res_timestamp, key.source_timezone) AS "metadata.logged_time",
  "type" AS "metadata.log_name",
  seqno AS "metadata.uid",
  'PAN-OS' AS "metadata.product.name",
  'Palo Alto Networks' AS "metadata.product.vendor_name",

  0 AS "device.type_id", -- Unknown: the log does not say what it is
  machinename AS "device.hostname",
  hostid AS "device.uid",
  coalesce(known_ip(src), known_ip(srcipv6)) AS "device.ip",
  known_mac(mac) AS "device.mac",
  os AS "device.os.name",
  CASE WHEN os ILIKE 'windows%' THEN 100 WHEN os ILIKE 'mac%' THEN 300 WHEN os ILIKE 'ios%' THEN 301 WHEN os ILIKE 'android%' THEN 201
    WHEN os ILIKE 'linux%' THEN 200 WHEN os IS NOT NULL THEN 99 END AS "device.os.type_id",
  serialnumber AS "device.hw_info.serial_number",
  list_transform([pan_user(srcuser)], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([pan_user(srcuser)], lambda u: domain_of(u))[1] AS "actor.user.domain",

  1 AS activity_id, -- Log
  1 AS severity_id, -- a HIP match log has none
  repeatcnt AS "count"
FROM raw
WHERE "type" IN ('HIPMATCH', 'HIP-MATCH');
