-- What all records of CEF have: when, and the product and device that the header names.
-- ocsf: 1.1.0
-- profiles: host
-- consumes: cat = metadata.log_name
-- consumes: dvchost = device.hostname
-- consumes: deviceVendor = metadata.product.vendor_name
SELECT
  cef_time([FTNTFGTeventtime, rt, "end", "start", syslog."timestamp"], dtz, key.source_timezone, key.source_zones, key.source_year, key.yyyy, key.mm, key.last_modified) AS "time",
  rt AS "metadata.original_time",

  *,

  known(cat) AS "metadata.log_name",
  deviceProduct AS "metadata.product.name",
  coalesce(deviceVendor, 'Unknown') AS "metadata.product.vendor_name", -- OCSF requires one
  deviceVersion AS "metadata.product.version",

  deviceExternalId AS "device.uid",
  coalesce(dvchost, syslog.host) AS "device.hostname",
  dvc AS "device.ip",
  dvcmac AS "device.mac"
FROM raw;
