-- What all logs have: when, which log, and the firewall that wrote it.
-- ocsf: 1.1.0
-- profiles: host
-- consumes: "date" = strftime(make_timestamp(("time" + timezone_offset * 60000) * 1000), '%Y-%m-%d')
-- consumes: "time" = strftime(make_timestamp(("time" + timezone_offset * 60000) * 1000), '%H:%M:%S')
-- consumes: tz = fortinet_zone(timezone_offset)
-- consumes: msg = message
SELECT
  fortinet_time(eventtime, "date", "time", tz, key.source_timezone) AS "time",
  eventtime AS "metadata.original_time",
  fortinet_offset(tz) AS timezone_offset,

  *,

  logid AS "metadata.event_code",
  subtype AS "metadata.log_name",
  "level" AS "metadata.log_level",
  'FortiGate' AS "metadata.product.name",
  'Fortinet' AS "metadata.product.vendor_name",

  devid AS "device.uid",
  devname AS "device.hostname"
FROM raw;
