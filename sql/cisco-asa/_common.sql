-- What all messages have: when, which message, and the firewall that wrote it.
-- ocsf: 1.1.0
-- profiles: host
-- consumes: head = CASE WHEN starts_with(metadata.event_code, '4300') THEN coalesce(metadata.original_time || ' ', '') || coalesce(device.hostname, device.ip, '') || '  ' WHEN device.hostname IS NULL AND device.ip IS NULL THEN coalesce(rtrim(metadata.original_time, ' :') || ': ', '') ELSE coalesce(metadata.original_time || ' ', '') || coalesce(device.hostname, device.ip) || ' : ' END
-- consumes: product = CASE metadata.product.name WHEN 'Cisco ASA' THEN 'ASA' WHEN 'Cisco FTD' THEN 'FTD' END
-- consumes: "level" = TRY_CAST(metadata.log_level AS INTEGER)
SELECT
  asa_time(head, key.source_timezone, key.source_zones, key.source_year, key.yyyy, key.mm, ftd."FirstPacketSecond", ftd."ConnectionDuration", key.last_modified) AS "time",
  CASE WHEN asa_stamp(head) IS NULL AND ftd."FirstPacketSecond" IS NULL THEN 'object' END AS "unmapped.time_from",
  rtrim(asa_stamp(head), ' :') AS "metadata.original_time",

  *,

  msgid AS "metadata.event_code",
  CAST("level" AS VARCHAR) AS "metadata.log_level",
  CASE product WHEN 'FTD' THEN 'Cisco FTD' WHEN 'NGIPS' THEN 'Cisco FTD' ELSE 'Cisco ASA' END AS "metadata.product.name",
  'Cisco' AS "metadata.product.vendor_name",
  message AS message,

  asa_name(asa_host(head)) AS "device.hostname",
  asa_ip(asa_host(head)) AS "device.ip",
  9 AS "device.type_id" -- the firewall
FROM raw;
