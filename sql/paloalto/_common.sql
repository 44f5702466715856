-- What all logs have: when, which log, and the firewall that wrote it.
-- ocsf: 1.1.0
-- profiles: host
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

  -- the firewall
  9 AS "device.type_id",
  serial AS "device.uid",
  coalesce(device_name, syslog.host) AS "device.hostname",

  *
FROM raw;
